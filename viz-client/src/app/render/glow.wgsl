// SPDX-License-Identifier: GPL-2.0-or-later
// Light: halos and stars, and (SIGNS) rings, sparks and crosses, as squares that face the eye.
// a: middle (a direction for stars), size. b: colour, brightness. c: kind (0 halo, 1 ring, 2 star, 3 spark, 4 flat light, 5 cross), phase.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) at: vec2<f32>,
    @location(1) @interpolate(flat, either) color: vec4<f32>,
    @location(2) @interpolate(flat, either) kind: vec2<f32>,
};

@vertex
fn vertex(@builtin(vertex_index) number: u32) -> Varying {
    let i = instance(number / VERTICES);
    let index = number % VERTICES;
    let at = corner(index);
    var out: Varying;
    out.at = at;
    out.color = i.b;
    out.kind = i.c.xy;
    if i.c.x == 2.0 {
        let clip = globals.clip_from_world * vec4<f32>(globals.eye.xyz + i.a.xyz * 100.0, 1.0);
        let pixels = vec2<f32>(2.0 / globals.right.w, 2.0 / globals.up.w) * i.a.w;
        // At infinity, behind everything.
        out.clip = vec4<f32>(clip.xy + at * pixels * clip.w, 0.0, clip.w);
        let twinkle = 0.75 + 0.25 * sin(globals.eye.w * (0.6 + i.c.y * 2.0) * globals.sky_high.w + i.c.y * 40.0);
        out.color.a *= twinkle;
    } else if i.c.x == 4.0 {
        // Light that lies on a surface.
        let world = i.a.xyz + vec3<f32>(at.x, 0.0, -at.y) * i.a.w;
        out.clip = globals.clip_from_world * vec4<f32>(world, 1.0);
        out.color.a *= haze(i.a.xyz);
    } else {
        // Light lies before what emits it, so that no surface cuts it in two.
        let way = globals.eye.xyz - i.a.xyz;
        let lift = select(0.0, min(i.a.w * 0.7, length(way) * 0.5), i.c.x == 0.0);
        let world = i.a.xyz + normalize(way) * lift + (globals.right.xyz * at.x + globals.up.xyz * at.y) * i.a.w;
        out.clip = globals.clip_from_world * vec4<f32>(world, 1.0);
        out.color.a *= haze(i.a.xyz);
    }
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let r = length(in.at);
    let inside = max(1.0 - r, 0.0);
    var light = inside * inside * inside;
    if SIGNS {
        light = sign_light(in, r, inside, light);
    }
    let shine = min(in.color.a * light, 1.0);
    return vec4<f32>(in.color.rgb * in.color.a * light, shine * globals.floor_line.w);
}

fn sign_light(in: Varying, r: f32, inside: f32, halo: f32) -> f32 {
    var light = halo;
    if in.kind.x == 1.0 {
        let angle = atan2(in.at.y, in.at.x) / 6.2831853 + globals.eye.w * 0.12 * globals.sky_high.w;
        let dashes = smoothstep(0.10, 0.16, abs(fract(angle * 4.0) - 0.5));
        light = smoothstep(0.74, 0.80, r) * (1.0 - smoothstep(0.86, 0.92, r)) * (0.35 + 0.65 * dashes);
    } else if in.kind.x == 5.0 {
        let arms = min(abs(in.at.x - in.at.y), abs(in.at.x + in.at.y));
        light = (1.0 - smoothstep(0.12, 0.20, arms)) * (1.0 - smoothstep(0.72, 0.80, r)) + light * 0.4;
    } else if in.kind.x == 3.0 {
        let flare = exp(-abs(in.at.x) * 14.0) * inside + exp(-abs(in.at.y) * 14.0) * inside;
        light = light * 1.2 + flare * 0.5;
    }
    return light;
}
