// SPDX-License-Identifier: GPL-2.0-or-later
//! The latest events in words.

use bevy::prelude::*;
use mattx_protocol::model::MovePhase;
use mattx_viz_client::cluster::{Cluster, News};
use mattx_viz_client::words;

use crate::app::Step;
use crate::app::dom;
use crate::app::model::{Aside, FrameNews, TheCluster};

/// Events that are shown.
const LINES: u32 = 6;

pub fn plugin(app: &mut App) {
    app.add_systems(Update, tell.in_set(Step::Show));
}

fn tell(news: Res<FrameNews>, cluster: Res<TheCluster>, aside: Res<Aside>) {
    let cluster = aside.0.as_ref().unwrap_or(&cluster);
    for item in &news.0 {
        let Some((class, text)) = line(item, cluster) else {
            continue;
        };
        let feed = dom::by_id("feed");
        dom::append(&feed, &dom::make("li", class, &text));
        while feed.child_element_count() > LINES {
            match feed.first_element_child() {
                Some(oldest) => oldest.remove(),
                None => break,
            }
        }
    }
}

/// What happened in words, with the class that colours it.
pub fn line(news: &News, cluster: &Cluster) -> Option<(&'static str, String)> {
    Some(match news {
        News::Move(event) => {
            let (from, to) = (cluster.node_name(event.from), cluster.node_name(event.to));
            match &event.phase {
                MovePhase::Started => return None,
                MovePhase::Committed => {
                    let took = match event.statistics.frozen_us {
                        0 => String::new(),
                        frozen => format!(" · {}", words::microseconds(frozen)),
                    };
                    let why = match event.errand.as_str() {
                        "" => String::new(),
                        errand => format!(" to {errand}"),
                    };
                    ("good", format!("{}  {from} → {to}{why}{took}", event.comm))
                }
                MovePhase::Failed { reason, .. } => {
                    ("bad", format!("{} stays on {from}: {reason}", event.comm))
                }
                MovePhase::Ended { .. } => ("", format!("{} ended on {from}", event.comm)),
            }
        }
        News::Joined(id) => ("good", format!("{} is here", cluster.node_name(*id))),
        News::Left(_, name) => ("bad", format!("{name} is gone")),
        News::Accepted(_) | News::Progress(..) | News::Answer(..) => return None,
    })
}
