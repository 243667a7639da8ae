// SPDX-License-Identifier: GPL-2.0-or-later
//! The resources that all plugins share.

use bevy::prelude::*;
use mattx_viz_client::acting::Acting;
use mattx_viz_client::bodies::Bodies;
use mattx_viz_client::cluster::{Cluster, News};

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
        .init_resource::<TheBodies>()
        .init_resource::<TheActing>()
        .init_resource::<FrameNews>()
        .add_systems(
            Update,
            step.in_set(super::Step::Hear).after(super::net::receive),
        );
}

fn step(
    mut cluster: ResMut<TheCluster>,
    mut bodies: ResMut<TheBodies>,
    mut acting: ResMut<TheActing>,
    mut news: ResMut<FrameNews>,
    wishes: Res<Wishes>,
    time: Res<Time>,
) {
    news.0 = cluster.take_news();
    for item in &news.0 {
        bodies.hear(item);
        acting.hear(item);
    }
    acting.forget_gone(&cluster);
    // A tab that was hidden for long must not make everything jump.
    bodies.step(&cluster, time.delta_secs().min(0.25), wishes.still);
}
