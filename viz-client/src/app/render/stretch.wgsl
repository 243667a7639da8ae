// SPDX-License-Identifier: GPL-2.0-or-later
// Stretches a smaller picture over the canvas.

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var smooth_sampler: sampler;

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) at: vec2<f32>,
};

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Varying {
    let at = vec2<f32>(f32(index & 1u) * 2.0, f32(index >> 1u) * 2.0);
    var out: Varying;
    out.clip = vec4<f32>(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
    out.at = at;
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    return vec4<f32>(textureSample(picture, smooth_sampler, in.at).rgb, 1.0);
}
