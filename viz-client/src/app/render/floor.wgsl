// SPDX-License-Identifier: GPL-2.0-or-later
// The floor: polished tiles, one for each place, that fade into the haze and are lit from the cluster.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) world: vec3<f32>,
};

// Distance of two neighbouring places; the same as SPACING in places/mod.rs.
const SPACING: f32 = 8.5;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Varying {
    let at = corner(index) * (globals.middle.w * 2.0 + 260.0);
    var out: Varying;
    out.world = vec3<f32>(globals.middle.x + at.x, 0.0, globals.middle.z + at.y);
    out.clip = globals.clip_from_world * vec4<f32>(out.world, 1.0);
    return out;
}

// 0 in the middle of a tile, 0.5 at its border.
fn tile(p: vec2<f32>) -> f32 {
    if TILES == 2u {
        return 0.5 - abs(fract(length(p)) - 0.5);
    }
    if TILES == 1u {
        let q = abs(fract(p + 0.5) - 0.5);
        return max(q.x, q.y);
    }
    let r = vec2<f32>(1.0, 1.7320508);
    let a = abs(fract(p / r) * r - r * 0.5);
    let b = abs(fract(p / r + 0.5) * r - r * 0.5);
    let c = select(b, a, dot(a, a) < dot(b, b));
    return max(c.x, dot(c, vec2<f32>(0.5, 0.8660254)));
}

// A line along the borders of tiles, about a pixel wide; `step` is the size of a pixel in tiles.
fn seam(p: vec2<f32>, step: f32, width: f32) -> f32 {
    let line = (0.5 - tile(p)) / max(step, width);
    // Seams closer than a pixel become an even tone instead of noise.
    let dense = clamp(1.4 - step * 5.0, 0.0, 1.0);
    return (1.0 - min(line, 1.0)) * dense;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let bright = globals.floor_line.w;
    let away = distance(in.world.xz, globals.middle.xz);
    let reach = globals.middle.w + 14.0;
    let near = exp(-max(away - globals.middle.w * 0.6, 0.0) / reach * 1.6);
    // The haze and the end of the floor in one.
    let fade = exp(-max(distance(in.world, globals.eye.xyz) - 60.0, 0.0) * 0.006 - away / (reach * 5.0));
    let at = in.world.xz / SPACING;
    let pixel = max(fwidth(at.x), fwidth(at.y));
    let coarse = seam(at, pixel, 0.006);
    // The fine pattern only where there is a GPU: it doubles what the floor costs.
    var fine = 0.0;
    if RICH {
        fine = seam(at * 5.0, pixel * 5.0, 0.03);
    }
    let line = fine * 0.05 + coarse * 0.42;
    var color = mix(globals.floor_base.rgb * (0.45 + 0.9 * near), globals.floor_base.rgb * (0.90 + 0.08 * near), bright);
    color = mix(color + globals.floor_line.rgb * line * (0.15 + 0.75 * near), mix(color, globals.floor_line.rgb, line * 0.8), bright);
    // A wave of light runs outwards along the seams now and then.
    let wave = fract(globals.eye.w * 0.045) * reach * 3.4;
    let behind = abs(away - wave);
    if behind < 9.0 {
        let ring = exp(-behind * 0.55) * globals.sky_high.w * exp(-wave / reach * 0.9) * (1.0 - bright);
        color += globals.floor_line.rgb * ring * (0.02 + 0.9 * max(fine * 0.5, coarse));
    }
    let alpha = fade * select(0.97, 0.80, RICH);
    return vec4<f32>(color * alpha + dither(in.clip.xy), alpha);
}
