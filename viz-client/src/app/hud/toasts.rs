// SPDX-License-Identifier: GPL-2.0-or-later
//! Short messages to the person, one for each command, which changes until its end is told.

use bevy::prelude::*;
use mattx_viz_client::acting::Mood;
use web_sys::HtmlElement;

use crate::app::Step;
use crate::app::dom;
use crate::app::model::TheActing;

/// Milliseconds for which a message stays; bad news stays longer, work until it ends.
const STAY_MS: f64 = 4500.0;
const BAD_STAY_MS: f64 = 10_000.0;
const MOST: usize = 4;

struct Shown {
    key: u64,
    element: HtmlElement,
    until_ms: f64,
}

pub fn plugin(app: &mut App) {
    app.insert_non_send(Vec::<Shown>::new())
        .add_systems(Update, show.in_set(Step::Show));
}

fn show(mut shown: NonSendMut<Vec<Shown>>, mut acting: ResMut<TheActing>) {
    let now = dom::now_ms();
    let toasts = if acting.has_toasts() {
        acting.take_toasts()
    } else {
        Vec::new()
    };
    for toast in toasts {
        let (class, stay) = match toast.mood {
            Mood::Working => ("toast working", f64::INFINITY),
            Mood::Good => ("toast good", STAY_MS),
            Mood::Bad => ("toast bad", BAD_STAY_MS),
            Mood::Plain => ("toast", STAY_MS),
        };
        let known = shown.iter().position(|known| known.key == toast.key);
        let index = known.unwrap_or_else(|| {
            let element = dom::make("div", "", "");
            dom::append(&dom::by_id("toasts"), &element);
            shown.push(Shown {
                key: toast.key,
                element,
                until_ms: 0.0,
            });
            shown.len() - 1
        });
        let entry = &mut shown[index];
        entry.element.set_class_name(class);
        dom::text(&entry.element, &toast.text);
        entry.until_ms = now + stay;
    }
    let surplus = shown.len().saturating_sub(MOST);
    let mut nth = 0;
    shown.retain(|entry| {
        nth += 1;
        let stays = entry.until_ms > now && nth > surplus;
        if !stays {
            entry.element.remove();
        }
        stays
    });
}
