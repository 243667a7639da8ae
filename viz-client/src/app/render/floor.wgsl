// SPDX-License-Identifier: GPL-2.0-or-later
// The floor: a grid that fades into the haze, lit from the cluster.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) world: vec3<f32>,
};

@vertex
fn vertex(i: Instance, @builtin(vertex_index) index: u32) -> Varying {
    let at = corner(index) * (globals.middle.w * 2.0 + 220.0);
    var out: Varying;
    out.world = vec3<f32>(globals.middle.x + at.x, 0.0, globals.middle.z + at.y);
    out.clip = globals.clip_from_world * vec4<f32>(out.world, 1.0);
    return out;
}

fn grid(at: vec2<f32>) -> f32 {
    let width = fwidth(at);
    let line = abs(fract(at - 0.5) - 0.5) / max(width, vec2<f32>(1e-5));
    // Lines closer than a pixel become an even tone instead of noise.
    let dense = clamp(1.5 - max(width.x, width.y) * 2.0, 0.0, 1.0);
    return (1.0 - min(min(line.x, line.y), 1.0)) * dense;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let away = distance(in.world.xz, globals.middle.xz);
    let reach = globals.middle.w + 14.0;
    let near = exp(-max(away - globals.middle.w * 0.6, 0.0) / reach * 1.6);
    let fade = haze(in.world) * exp(-away / (reach * 5.0));
    let fine = grid(in.world.xz * 0.5);
    let coarse = grid(in.world.xz * 0.1);
    var color = globals.floor_base.rgb * (0.5 + near);
    color += globals.floor_line.rgb * (fine * 0.16 + coarse * 0.42) * (0.20 + near);
    // A wave of light runs outwards now and then.
    let wave = fract(globals.eye.w * 0.045) * reach * 3.4;
    let ring = exp(-abs(away - wave) * 0.9) * globals.sky_high.w * exp(-wave / reach * 0.9);
    color += globals.floor_line.rgb * ring * (0.10 + 0.8 * max(fine, coarse));
    let alpha = fade * 0.96;
    return vec4<f32>(color * alpha + dither(in.clip.xy), alpha);
}
