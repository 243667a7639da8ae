// SPDX-License-Identifier: GPL-2.0-or-later
//! A smaller picture that is stretched over the canvas, for machines that cannot draw all its pixels in time.

use bevy::render::render_resource::{BindGroup, RenderPipeline, TextureView};
use bevy::render::renderer::RenderDevice;

/// The smaller picture and how it is stretched.
pub struct Stretch {
    /// Its size and format.
    pub key: (u32, u32, wgpu::TextureFormat),
    /// What is drawn into.
    pub view: TextureView,
    /// What the stretching pass needs.
    pub bind_group: BindGroup,
    /// The stretching pass: three vertices.
    pub pipeline: RenderPipeline,
}

impl Stretch {
    /// A picture of this size; it is stretched onto something of the same format.
    pub fn new(device: &RenderDevice, key: (u32, u32, wgpu::TextureFormat)) -> Self {
        let (width, height, format) = key;
        let raw = device.wgpu_device();
        let texture = raw.create_texture(&wgpu::TextureDescriptor {
            label: Some("small picture"),
            size: wgpu::Extent3d {
                width,
                height,
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
        let bind_group = raw.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("small picture"),
            layout: &group_layout,
            entries: &[
                wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&view),
                },
                wgpu::BindGroupEntry {
                    binding: 1,
                    resource: wgpu::BindingResource::Sampler(&sampler),
                },
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
            key,
            view: view.into(),
            bind_group: bind_group.into(),
            pipeline: pipeline.into(),
        }
    }
}
