// SPDX-License-Identifier: GPL-2.0-or-later
//! The layers in the order in which they are drawn.

use wgpu::{BlendComponent, BlendFactor, BlendOperation, BlendState};

/// Segments of a ribbon.
pub(super) const RIBBON_SEGMENTS: u32 = 20;

/// A kind of shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Nodes as the floor mirrors them.
    Mirror,
    /// Nodes.
    Tower,
    /// Processes.
    Glyph,
    /// The background, behind all that has depth.
    Sky,
    /// The floor.
    Floor,
    /// Gauges on the floor around nodes.
    Pad,
    /// The same around those that are selected, or a place to drop on.
    Chosen,
    /// Tethers and flights.
    Ribbon,
    /// Light around things, on them, and of stars.
    Glow,
    /// Light with a form: rings, crosses, sparks. Few have it, and where the CPU draws it would make all other light as
    /// dear.
    Sign,
}

impl Layer {
    /// All layers in the order in which they are drawn.
    pub const ALL: [Self; 10] = [
        Self::Mirror,
        Self::Tower,
        Self::Glyph,
        Self::Sky,
        Self::Floor,
        Self::Pad,
        Self::Chosen,
        Self::Ribbon,
        Self::Glow,
        Self::Sign,
    ];

    /// Its name in graphics debuggers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mirror => "mirrored towers",
            Self::Tower => "towers",
            Self::Glyph => "glyphs",
            Self::Sky => "sky",
            Self::Floor => "floor",
            Self::Pad => "pads",
            Self::Chosen => "chosen pads",
            Self::Ribbon => "ribbons",
            Self::Glow => "glows",
            Self::Sign => "signs",
        }
    }

    /// Its shader, without the common part.
    pub fn shader(self) -> &'static str {
        match self {
            Self::Mirror | Self::Tower => include_str!("tower.wgsl"),
            Self::Glyph => include_str!("glyph.wgsl"),
            Self::Sky => include_str!("sky.wgsl"),
            Self::Floor => include_str!("floor.wgsl"),
            Self::Pad | Self::Chosen => include_str!("pad.wgsl"),
            Self::Ribbon => include_str!("ribbon.wgsl"),
            Self::Glow | Self::Sign => include_str!("glow.wgsl"),
        }
    }

    /// Vertices of one shape.
    pub fn vertices(self) -> u32 {
        match self {
            Self::Mirror | Self::Tower => 54,
            Self::Sky | Self::Glyph => 3,
            Self::Ribbon => RIBBON_SEGMENTS * 6,
            Self::Floor | Self::Pad | Self::Chosen | Self::Glow | Self::Sign => 6,
        }
    }

    /// Whether there is one shape whatever the cluster holds.
    pub fn is_backdrop(self) -> bool {
        matches!(self, Self::Sky | Self::Floor)
    }

    /// Whether it hides what is behind it.
    pub fn is_solid(self) -> bool {
        matches!(self, Self::Mirror | Self::Tower | Self::Glyph)
    }

    /// How it mixes with what is there.
    pub fn blend(self) -> Option<BlendState> {
        let mix = |source, destination| BlendComponent {
            src_factor: source,
            dst_factor: destination,
            operation: BlendOperation::Add,
        };
        let blend = |component| {
            Some(BlendState {
                color: component,
                alpha: component,
            })
        };
        match self {
            Self::Mirror | Self::Tower | Self::Glyph | Self::Sky => None,
            // Light leaves alpha at 0 and so is added; on a light ground it covers instead.
            Self::Floor | Self::Pad | Self::Chosen | Self::Ribbon | Self::Glow | Self::Sign => {
                blend(mix(BlendFactor::One, BlendFactor::OneMinusSrcAlpha))
            }
        }
    }
}
