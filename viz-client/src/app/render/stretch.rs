// SPDX-License-Identifier: GPL-2.0-or-later
//! A smaller picture that is stretched over the canvas, for machines that cannot draw all its pixels in time.

use bevy::render::render_resource::{BindGroup, RenderPipeline, TextureView};
use bevy::render::renderer::RenderDevice;

/// Stretches smaller pictures; making it takes long, so it serves for all sizes.
pub struct Stretch {
    /// Of the smaller picture and of what it is stretched onto.
    pub format: wgpu::TextureFormat,
    /// The stretching pass: three vertices.
    pub pipeline: RenderPipeline,
    group_layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    small: Option<Small>,
}

/// A smaller picture.
pub struct Small {
    size: (u32, u32),
    /// What is drawn into.
    pub view: TextureView,
    /// What the stretching pass needs.
    pub bind_group: BindGroup,
}

impl Stretch {
    /// Stretches pictures of this format.
    pub fn new(device: &RenderDevice, format: wgpu::TextureFormat) -> Self {
        let raw = device.wgpu_device();
        let sampler = raw.create_sampler(&wgpu::SamplerDescriptor {
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..Default::default()
        });
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty,
            count: None,
        };
        let group_layout = raw.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("small picture"),
            entries: &[
                entry(
                    0,
                    wgpu::BindingType::Texture {
                        sample_type: wgpu::TextureSampleType::Float { filterable: true },
                        view_dimension: wgpu::TextureViewDimension::D2,
                        multisampled: false,
                    },
                ),
                entry(
                    1,
                    wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
                ),
            ],
        });
        let layout = raw.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("stretch"),
            bind_group_layouts: &[Some(&group_layout)],
            immediate_size: 0,
        });
        let module = raw.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("stretch"),
            source: wgpu::ShaderSource::Wgsl(include_str!("stretch.wgsl").into()),
        });
        let pipeline = raw.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("stretch"),
            layout: Some(&layout),
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("vertex"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some("fragment"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                targets: &[Some(format.into())],
            }),
            multiview_mask: None,
            cache: None,
        });
        Self {
            format,
            pipeline: pipeline.into(),
            group_layout,
            sampler,
            small: None,
        }
    }

    /// The smaller picture, anew when it shall have another size.
    pub fn small(&mut self, device: &RenderDevice, size: (u32, u32)) -> &Small {
        self.small = self.small.take().filter(|small| small.size == size);
        self.small.get_or_insert_with(|| {
            make(device, self.format, size, &self.group_layout, &self.sampler)
        })
    }
}

fn make(
    device: &RenderDevice,
    format: wgpu::TextureFormat,
    size: (u32, u32),
    layout: &wgpu::BindGroupLayout,
    sampler: &wgpu::Sampler,
) -> Small {
    let raw = device.wgpu_device();
    let texture = raw.create_texture(&wgpu::TextureDescriptor {
        label: Some("small picture"),
        size: wgpu::Extent3d {
            width: size.0,
            height: size.1,
            depth_or_array_layers: 1,
        },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    let bind_group = raw.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("small picture"),
        layout,
        entries: &[
            wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(&view),
            },
            wgpu::BindGroupEntry {
                binding: 1,
                resource: wgpu::BindingResource::Sampler(sampler),
            },
        ],
    });
    Small {
        size,
        view: view.into(),
        bind_group: bind_group.into(),
    }
}
