// SPDX-License-Identifier: GPL-2.0-or-later
//! The resources that all plugins share.

use bevy::prelude::*;
use mattx_protocol::browser::Source;
use mattx_viz_client::acting::Acting;
use mattx_viz_client::bodies::Bodies;
use mattx_viz_client::cluster::{Cluster, News};
use mattx_viz_client::history::{Event, History};
use mattx_viz_client::outlook::Outlook;

use super::dom;

/// What the server told.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct TheCluster(pub Cluster);

/// Where processes are drawn.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct TheBodies(pub Bodies);

/// Selection and commands.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct TheActing(pub Acting);

/// What happened in this frame.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct FrameNews(pub Vec<News>);

/// What is true now, while [`TheCluster`] shows what was.
#[derive(Resource, Default)]
pub struct Aside(pub Option<Cluster>);

/// What moves cost and what stood in their way.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct TheOutlook(pub Outlook);

/// What was seen.
#[derive(Resource, Deref, DerefMut, Default)]
pub struct TheHistory(pub History);

/// Wishes of the person, told by the browser and by the page's address.
#[derive(Resource, Clone, Debug)]
pub struct Wishes {
    /// No motion that nobody asked for.
    pub still: bool,
    /// No person is there to steer: the camera tours by itself.
    pub kiosk: bool,
}

/// Sets up the model.
pub fn plugin(app: &mut App) {
    let wishes = Wishes {
        still: dom::prefers_reduced_motion(),
        kiosk: dom::query("kiosk").is_some(),
    };
    if wishes.kiosk
        && let Some(body) = dom::document().body()
    {
        body.set_class_name("kiosk");
    }
    app.insert_resource(wishes)
        .init_resource::<TheCluster>()
        .init_resource::<Aside>()
        .init_resource::<TheBodies>()
        .init_resource::<TheActing>()
        .init_resource::<TheOutlook>()
        .init_resource::<TheHistory>()
        .init_resource::<FrameNews>()
        .add_systems(
            Update,
            (step, remember)
                .chain()
                .in_set(super::Step::Hear)
                .after(super::net::receive),
        );
}

fn step(
    mut cluster: ResMut<TheCluster>,
    mut aside: ResMut<Aside>,
    mut bodies: ResMut<TheBodies>,
    mut acting: ResMut<TheActing>,
    mut outlook: ResMut<TheOutlook>,
    mut news: ResMut<FrameNews>,
    wishes: Res<Wishes>,
    time: Res<Time>,
) {
    let past = aside.0.is_some();
    let live = aside.0.as_mut().unwrap_or(&mut cluster);
    news.0 = live.take_news();
    for item in &news.0 {
        outlook.hear(item);
        acting.hear(live, item);
        if !past {
            bodies.hear(item);
        }
    }
    acting.forget_gone(&cluster);
    // A tab that was hidden for long must not make everything jump.
    bodies.step(&cluster, time.delta_secs().min(0.25), wishes.still);
}

/// Keeps pictures and events for looking back.
fn remember(
    mut history: ResMut<TheHistory>,
    cluster: Res<TheCluster>,
    aside: Res<Aside>,
    news: Res<FrameNews>,
) {
    let live = aside.0.as_ref().unwrap_or(&cluster);
    let now = dom::now_ms() / 1000.0;
    // A recording has a past of its own.
    if live.nodes.is_empty() || live.source == Some(Source::Replay) {
        return;
    }
    if history.is_due(now) {
        history.keep(now, &live.picture());
    }
    for item in &news.0 {
        if let Some((class, text)) = super::hud::line(item, live) {
            history.note(Event {
                at: now,
                good: class != "bad",
                text,
            });
        }
    }
}
