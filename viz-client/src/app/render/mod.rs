// SPDX-License-Identifier: GPL-2.0-or-later
//! The renderer: eight layers, one draw call each, all shapes computed from the vertex number.
//!
//! It draws straight into the window in a render schedule of its own. Bevy's mesh and material stack would cost
//! several times as much where WebGL is computed by the CPU, and twice the download.

use bevy::camera::CameraMainTextureUsages;
use bevy::ecs::schedule::ScheduleLabel;
use bevy::prelude::*;
use bevy::render::camera::CameraRenderGraph;
use bevy::render::{ExtractSchedule, MainWorld, Render, RenderApp, RenderSystems};
use bytemuck::{Pod, Zeroable};
use mattx_viz_client::places::Tiles;

mod layers;
mod paint;
mod shapes;
mod stretch;

pub use layers::Layer;

/// Everything that a shape needs, in four groups whose meaning each layer's shader tells.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Instance {
    /// First group.
    pub a: [f32; 4],
    /// Second group.
    pub b: [f32; 4],
    /// Third group.
    pub c: [f32; 4],
    /// Fourth group.
    pub d: [f32; 4],
}

/// What all shapes share; the same as in `common.wgsl`.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub struct Globals {
    /// From world to clip space.
    pub clip_from_world: [[f32; 4]; 4],
    /// Eye, and time in seconds.
    pub eye: [f32; 4],
    /// Right of the picture, and its width in pixels.
    pub right: [f32; 4],
    /// Up of the picture, and its height in pixels.
    pub up: [f32; 4],
    /// Middle of the cluster, and its radius.
    pub middle: [f32; 4],
    /// Sky at the horizon, and the tangent of half the field of view.
    pub sky_low: [f32; 4],
    /// Sky above, and 1.0 where ambient motion is wanted.
    pub sky_high: [f32; 4],
    /// Floor, and how far the view is moved to the right, in half widths.
    pub floor: [f32; 4],
    /// Lines of the floor, and 1.0 on a light ground.
    pub lines: [f32; 4],
    /// Light at the horizon, and 1.0 where the cluster is not a real one.
    pub horizon: [f32; 4],
    /// Memory in use.
    pub memory: [f32; 4],
    /// Selection and the pointer.
    pub accent: [f32; 4],
}

/// The picture of this frame.
#[derive(Resource, Default)]
pub struct Drawing {
    /// What all shapes share.
    pub globals: Globals,
    /// Pixels drawn per pixel of the canvas, in each direction; not above 1.0.
    pub scale: f32,
    /// Whether edges are smoothed, which costs much where WebGL is computed by the CPU.
    pub smooth: bool,
    /// What the floor is made of.
    pub tiles: Tiles,
    layers: [Vec<Instance>; Layer::ALL.len()],
}

impl Drawing {
    /// Empties the picture.
    pub fn clear(&mut self) {
        self.layers.iter_mut().for_each(Vec::clear);
    }

    /// Adds a shape.
    pub fn add(&mut self, layer: Layer, instance: Instance) {
        self.layers[layer as usize].push(instance);
    }

    /// Adds many shapes.
    pub fn extend(&mut self, layer: Layer, instances: &[Instance]) {
        self.layers[layer as usize].extend_from_slice(instances);
    }

    /// Number of draw calls: one for each layer that has shapes.
    #[must_use]
    pub fn calls(&self) -> usize {
        let drawn =
            |layer: &&Layer| layer.is_backdrop() || !self.layers[**layer as usize].is_empty();
        Layer::ALL.iter().filter(drawn).count() + usize::from(self.scale < 0.99)
    }

    /// Number of shapes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.iter().map(Vec::len).sum()
    }
}

/// The schedule that draws; the camera names it.
#[derive(ScheduleLabel, Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
struct Picture;

/// Sets the renderer up.
pub fn plugin(app: &mut App) {
    app.init_resource::<Drawing>()
        .add_systems(Startup, spawn_camera);
    let Some(render) = app.get_sub_app_mut(RenderApp) else {
        return;
    };
    render
        .init_resource::<Drawing>()
        .init_resource::<paint::Painter>()
        .add_schedule(Schedule::new(Picture))
        .add_systems(ExtractSchedule, take_drawing)
        .add_systems(
            Render,
            paint::upload.in_set(RenderSystems::PrepareResources),
        )
        .add_systems(Picture, paint::paint);
}

/// Bevy draws for cameras only. Where this one stands does not matter: the shapes get their matrices from [`Globals`].
fn spawn_camera(mut commands: Commands) {
    commands.spawn((
        Camera::default(),
        Projection::default(),
        CameraRenderGraph::new(Picture),
        CameraMainTextureUsages::default(),
        Msaa::Off,
    ));
}

/// Swaps the finished picture against the one of the frame before, so that nothing is copied.
fn take_drawing(mut main: ResMut<MainWorld>, mut drawing: ResMut<Drawing>) {
    let mut fresh = main.resource_mut::<Drawing>();
    drawing.globals = fresh.globals;
    drawing.scale = fresh.scale;
    drawing.smooth = fresh.smooth;
    drawing.tiles = fresh.tiles;
    std::mem::swap(&mut drawing.layers, &mut fresh.layers);
}
