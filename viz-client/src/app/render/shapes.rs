// SPDX-License-Identifier: GPL-2.0-or-later
//! The shapes of a picture on the GPU: rows of a texture that vertex shaders read, so that a layer is one plain draw.
//!
//! Instances would do the same, but where WebGL is computed by the CPU each of them costs as much as a draw call.

use bevy::render::render_resource::{Texture, TextureView};
use bevy::render::renderer::{RenderDevice, RenderQueue};

use super::{Instance, Layer};

/// Shapes in a row of the texture.
pub(super) const ROW: usize = 128;
/// Texels of a shape; the same as in `common.wgsl`.
const TEXELS: u32 = (size_of::<Instance>() / size_of::<[f32; 4]>()) as u32;
/// Every WebGL 2 has textures with as many rows.
const MOST_ROWS: usize = 2048;

/// All shapes, a layer after the other, each from the beginning of a row.
pub struct Shapes {
    texture: Texture,
    /// What vertex shaders read.
    pub view: TextureView,
    rows: usize,
    /// The first shape of each layer, and how many it has.
    parts: [(u32, u32); Layer::ALL.len()],
}

impl Shapes {
    /// Room for the shapes of these layers, and for some more: a texture for each new process would be made anew in
    /// every frame.
    pub fn with_room_for(device: &RenderDevice, layers: &[Vec<Instance>]) -> Self {
        let rows = (rows_of(layers) * 3 / 2 + 8).min(MOST_ROWS);
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("shapes"),
            size: wgpu::Extent3d {
                width: ROW as u32 * TEXELS,
                height: rows as u32,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        Self {
            texture,
            view,
            rows,
            parts: Default::default(),
        }
    }

    /// Whether the shapes of these layers fit, or a larger texture would be too large.
    pub fn has_room_for(&self, layers: &[Vec<Instance>]) -> bool {
        rows_of(layers) <= self.rows || self.rows == MOST_ROWS
    }

    /// Takes in the shapes of all layers, and fills the last row of each layer.
    pub fn write(&mut self, queue: &RenderQueue, layers: &mut [Vec<Instance>]) {
        let mut row = 0;
        for (part, shapes) in self.parts.iter_mut().zip(layers) {
            shapes.truncate((self.rows - row) * ROW);
            *part = ((row * ROW) as u32, shapes.len() as u32);
            if shapes.is_empty() {
                continue;
            }
            let rows = shapes.len().div_ceil(ROW);
            shapes.resize(rows * ROW, Instance::default());
            queue.write_texture(
                wgpu::TexelCopyTextureInfo {
                    texture: &self.texture,
                    mip_level: 0,
                    origin: wgpu::Origin3d {
                        x: 0,
                        y: row as u32,
                        z: 0,
                    },
                    aspect: wgpu::TextureAspect::All,
                },
                bytemuck::cast_slice(shapes),
                wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some((ROW * size_of::<Instance>()) as u32),
                    rows_per_image: None,
                },
                wgpu::Extent3d {
                    width: ROW as u32 * TEXELS,
                    height: rows as u32,
                    depth_or_array_layers: 1,
                },
            );
            row += rows;
        }
    }

    /// The vertices that draw a layer; nothing when it has no shapes.
    pub fn vertices(&self, layer: Layer) -> Option<std::ops::Range<u32>> {
        if layer.is_backdrop() {
            return Some(0..layer.vertices());
        }
        let (first, count) = self.parts[layer as usize];
        (count > 0).then(|| first * layer.vertices()..(first + count) * layer.vertices())
    }
}

fn rows_of(layers: &[Vec<Instance>]) -> usize {
    layers.iter().map(|shapes| shapes.len().div_ceil(ROW)).sum()
}
