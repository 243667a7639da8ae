// SPDX-License-Identifier: GPL-2.0-or-later
//! Buffers, pipelines and the one render pass.

use bevy::prelude::*;
use bevy::render::render_resource::{BindGroup, Buffer, RenderPipeline, TextureView};
use bevy::render::renderer::{RenderContext, RenderDevice, RenderQueue, ViewQuery};
use bevy::render::view::ViewTarget;
use mattx_viz_client::places::Tiles;

use super::layers::RIBBON_SEGMENTS;
use super::shapes::{self, Shapes};
use super::stretch::Stretch;
use super::{Drawing, Globals, Layer};

const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;
/// Samples of a pixel where edges are smoothed; every WebGL 2 has as many.
const SAMPLES: u32 = 4;
const COMMON: &str = include_str!("common.wgsl");

/// What the GPU holds.
#[derive(Resource, Default)]
pub struct Painter {
    globals: Option<Buffer>,
    shapes: Option<Shapes>,
    pipelines: Option<Pipelines>,
    depth: Option<Depth>,
    stretch: Option<Stretch>,
}

/// What pipelines are made for.
#[derive(Clone, Copy, PartialEq)]
struct Key {
    format: wgpu::TextureFormat,
    samples: u32,
    tiles: Tiles,
}

struct Pipelines {
    key: Key,
    layout: wgpu::PipelineLayout,
    group_layout: wgpu::BindGroupLayout,
    bind_group: BindGroup,
    /// Each is made when something is drawn with it first: making them takes longest of all that a start does.
    made: [Option<RenderPipeline>; Layer::ALL.len()],
}

impl Pipelines {
    /// Makes the pipeline of a layer, unless it is there.
    fn prepare(&mut self, device: &RenderDevice, layer: Layer) {
        self.made[Self::slot(layer)]
            .get_or_insert_with(|| make_pipeline(device, &self.layout, &self.key, layer));
    }

    fn of(&self, layer: Layer) -> Option<&RenderPipeline> {
        self.made[Self::slot(layer)].as_ref()
    }

    fn slot(layer: Layer) -> usize {
        match layer {
            // What is mirrored differs in its shapes only.
            Layer::Mirror => Layer::Tower as usize,
            other => other as usize,
        }
    }
}

struct Depth {
    key: (u32, u32, u32, wgpu::TextureFormat),
    view: TextureView,
    /// What is drawn into before edges are smoothed.
    samples: Option<TextureView>,
}

/// Brings the picture of this frame to the GPU.
pub fn upload(
    mut drawing: ResMut<Drawing>,
    mut painter: ResMut<Painter>,
    device: Res<RenderDevice>,
    queue: Res<RenderQueue>,
) {
    let painter = &mut *painter;
    let globals = painter.globals.get_or_insert_with(|| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("globals"),
            size: size_of::<Globals>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    });
    queue.write_buffer(globals, 0, bytemuck::bytes_of(&drawing.globals));
    let layers = &mut drawing.layers;
    let shapes = match &mut painter.shapes {
        Some(shapes) if shapes.has_room_for(layers) => shapes,
        slot => {
            let shapes = slot.insert(Shapes::with_room_for(&device, layers));
            if let Some(pipelines) = &mut painter.pipelines {
                pipelines.bind_group =
                    make_bind_group(&device, &pipelines.group_layout, globals, shapes);
            }
            shapes
        }
    };
    shapes.write(&queue, layers);
}

/// Draws all layers into the window, or into a smaller picture that is then stretched over it.
pub fn paint(
    view: ViewQuery<&ViewTarget>,
    drawing: Res<Drawing>,
    mut painter: ResMut<Painter>,
    mut context: RenderContext,
) {
    let target = view.into_inner();
    let Some(format) = target.out_texture_view_format() else {
        return;
    };
    let device = context.render_device().clone();
    let painter = &mut *painter;
    let (Some(globals), Some(shapes)) = (&painter.globals, &painter.shapes) else {
        return;
    };
    let samples = if drawing.smooth { SAMPLES } else { 1 };
    let key = Key {
        format,
        samples,
        tiles: drawing.tiles,
    };
    if painter
        .pipelines
        .as_ref()
        .is_none_or(|pipelines| pipelines.key != key)
    {
        painter.pipelines = Some(make_pipelines(&device, globals, shapes, key));
    }
    let canvas = target.main_texture().size();
    let small = drawing.scale < 0.99;
    let share = |pixels: u32| {
        if small {
            ((pixels as f32 * drawing.scale) as u32).max(1)
        } else {
            pixels
        }
    };
    let size = (share(canvas.width), share(canvas.height));
    let depth_key = (size.0, size.1, samples, format);
    if painter
        .depth
        .as_ref()
        .is_none_or(|depth| depth.key != depth_key)
    {
        painter.depth = Some(make_depth(&device, depth_key));
    }
    let stretch = match &mut painter.stretch {
        _ if !small => None,
        Some(stretch) if stretch.format == format => Some(stretch),
        slot => Some(slot.insert(Stretch::new(&device, format))),
    };
    let stretch = stretch.map(|stretch| {
        let pipeline = stretch.pipeline.clone();
        (pipeline, stretch.small(&device, size))
    });
    let (Some(pipelines), Some(depth)) = (&mut painter.pipelines, &painter.depth) else {
        return;
    };
    let drawn = Layer::ALL.map(|layer| (layer, shapes.vertices(layer)));
    for (layer, vertices) in &drawn {
        if vertices.is_some() {
            pipelines.prepare(&device, *layer);
        }
    }
    let window = target.out_texture_color_attachment(Some(LinearRgba::BLACK));
    let mut first = match &stretch {
        Some((_, small)) => Some(wgpu::RenderPassColorAttachment {
            view: &small.view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                store: wgpu::StoreOp::Store,
            },
        }),
        None => window.clone(),
    };
    if let (Some(samples), Some(attachment)) = (&depth.samples, &mut first) {
        attachment.resolve_target = Some(attachment.view);
        attachment.view = samples;
        attachment.ops.store = wgpu::StoreOp::Discard;
    }
    let mut pass = context.begin_tracked_render_pass(wgpu::RenderPassDescriptor {
        label: Some("picture"),
        color_attachments: &[first],
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: &depth.view,
            depth_ops: Some(wgpu::Operations {
                load: wgpu::LoadOp::Clear(0.0),
                store: wgpu::StoreOp::Discard,
            }),
            stencil_ops: None,
        }),
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    });
    pass.set_bind_group(0, &pipelines.bind_group, &[]);
    for (layer, vertices) in drawn {
        let (Some(vertices), Some(pipeline)) = (vertices, pipelines.of(layer)) else {
            continue;
        };
        pass.set_render_pipeline(pipeline);
        pass.draw(vertices, 0..1);
    }
    drop(pass);
    let Some((pipeline, small)) = stretch else {
        return;
    };
    let mut pass = context.begin_tracked_render_pass(wgpu::RenderPassDescriptor {
        label: Some("stretch"),
        color_attachments: &[window],
        depth_stencil_attachment: None,
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    });
    pass.set_render_pipeline(&pipeline);
    pass.set_bind_group(0, &small.bind_group, &[]);
    pass.draw(0..3, 0..1);
}

fn make_depth(device: &RenderDevice, key: (u32, u32, u32, wgpu::TextureFormat)) -> Depth {
    let (width, height, sample_count, format) = key;
    let make = |label, format| {
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some(label),
            size: wgpu::Extent3d {
                width,
                height,
                depth_or_array_layers: 1,
            },
            mip_level_count: 1,
            sample_count,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
            view_formats: &[],
        });
        texture.create_view(&wgpu::TextureViewDescriptor::default())
    };
    Depth {
        key,
        view: make("depth", DEPTH_FORMAT),
        samples: (sample_count > 1).then(|| make("samples", format)),
    }
}

fn make_pipelines(device: &RenderDevice, globals: &Buffer, shapes: &Shapes, key: Key) -> Pipelines {
    let raw = device.wgpu_device();
    let entry = |binding, visibility, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility,
        ty,
        count: None,
    };
    let group_layout = raw.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("picture"),
        entries: &[
            entry(
                0,
                wgpu::ShaderStages::VERTEX_FRAGMENT,
                wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
            ),
            entry(
                1,
                wgpu::ShaderStages::VERTEX,
                wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Float { filterable: false },
                    view_dimension: wgpu::TextureViewDimension::D2,
                    multisampled: false,
                },
            ),
        ],
    });
    let layout = raw.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("picture"),
        bind_group_layouts: &[Some(&group_layout)],
        immediate_size: 0,
    });
    Pipelines {
        key,
        layout,
        bind_group: make_bind_group(device, &group_layout, globals, shapes),
        group_layout,
        made: Default::default(),
    }
}

fn make_bind_group(
    device: &RenderDevice,
    layout: &wgpu::BindGroupLayout,
    globals: &Buffer,
    shapes: &Shapes,
) -> BindGroup {
    let entries = [
        wgpu::BindGroupEntry {
            binding: 0,
            resource: globals.as_entire_binding(),
        },
        wgpu::BindGroupEntry {
            binding: 1,
            resource: wgpu::BindingResource::TextureView(&shapes.view),
        },
    ];
    let group = device
        .wgpu_device()
        .create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("picture"),
            layout,
            entries: &entries,
        });
    group.into()
}

/// What shaders know when they are compiled: where the CPU draws, what a condition skips is computed all the same.
fn constants(key: &Key, layer: Layer) -> String {
    let constants = [
        ("RICH: bool", (key.samples > 1).to_string()),
        ("SIGNS: bool", (layer == Layer::Sign).to_string()),
        ("CHOSEN: bool", (layer == Layer::Chosen).to_string()),
        ("TILES: u32", (key.tiles as u32).to_string()),
        ("VERTICES: u32", layer.vertices().to_string()),
        ("SEGMENTS: u32", RIBBON_SEGMENTS.to_string()),
        ("ROW: u32", shapes::ROW.to_string()),
    ];
    constants
        .map(|(name, value)| format!("const {name} = {value};\n"))
        .concat()
}

fn make_pipeline(
    device: &RenderDevice,
    layout: &wgpu::PipelineLayout,
    key: &Key,
    layer: Layer,
) -> RenderPipeline {
    let Key {
        format, samples, ..
    } = *key;
    let raw = device.wgpu_device();
    let module = raw.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(layer.name()),
        source: wgpu::ShaderSource::Wgsl(
            format!("{COMMON}\n{}{}", constants(key, layer), layer.shader()).into(),
        ),
    });
    let pipeline = raw.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(layer.name()),
        layout: Some(layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vertex"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: Some(wgpu::DepthStencilState {
            format: DEPTH_FORMAT,
            depth_write_enabled: Some(layer.is_solid()),
            depth_compare: Some(wgpu::CompareFunction::GreaterEqual),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState {
            count: samples,
            alpha_to_coverage_enabled: samples > 1 && layer == Layer::Glyph,
            ..Default::default()
        },
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("fragment"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format,
                blend: layer.blend(),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    });
    RenderPipeline::from(pipeline)
}
