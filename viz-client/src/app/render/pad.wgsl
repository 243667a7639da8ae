// SPDX-License-Identifier: GPL-2.0-or-later
// The gauge on the floor around a node: its ring is filled as far as memory is in use.
// a: middle, radius. b: colour, load. c: memory, selected, pointed at or drop target, state.
// d: 1 where it is not what is searched for.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) at: vec2<f32>,
    @location(1) @interpolate(flat, either) color: vec4<f32>,
    @location(2) @interpolate(flat, either) state: vec4<f32>,
    @location(3) fade: vec2<f32>,
};

const TURN: f32 = 6.2831853;

@vertex
fn vertex(@builtin(vertex_index) number: u32) -> Varying {
    let i = instance(number / VERTICES);
    let index = number % VERTICES;
    let at = corner(index);
    let world = i.a.xyz + vec3<f32>(at.x, 0.0, at.y) * i.a.w;
    var out: Varying;
    out.clip = globals.clip_from_world * vec4<f32>(world, 1.0);
    out.at = at;
    out.color = i.b;
    out.state = i.c;
    out.fade = vec2<f32>(haze(i.a.xyz), i.d.x);
    return out;
}

fn band(r: f32, low: f32, high: f32, soft: f32) -> f32 {
    return smoothstep(low - soft, low, r) * (1.0 - smoothstep(high, high + soft, r));
}

// The share of a turn from the near side on.
fn turn(at: vec2<f32>) -> f32 {
    return fract(atan2(at.x, -at.y) / TURN + 1.0);
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let r = length(in.at);
    if r > 1.0 {
        discard;
    }
    let soft = 0.012;
    let alive = select(1.0, 0.3, in.state.w > 0.5);
    let inside = 1.0 - r;
    let glow = inside * inside * (0.17 + 0.53 * in.color.a);
    let bright = globals.floor_line.w;
    let memory = globals.memory.rgb;
    let dim = 1.0 - 0.85 * in.fade.y;
    var color = in.color.rgb * glow * alive * dim;
    // The rings: only where they are is it asked at which angle.
    if r > 0.55 && r < 0.74 {
        let angle = turn(in.at);
        let filled = step(angle, in.state.x);
        let ticks = step(0.12, fract(angle * 48.0));
        color += memory * band(r, 0.62, 0.675, soft) * ticks * (0.05 + 0.80 * filled) * alive * dim;
        color += in.color.rgb * (band(r, 0.575, 0.582, soft) * 0.25 + band(r, 0.715, 0.720, soft) * 0.12) * alive;
    }
    // Selected or a place to drop on: a ring that breathes.
    if CHOSEN {
        let breath = 0.75 + 0.25 * sin(globals.eye.w * 5.0);
        let dashes = step(0.35, fract(turn(in.at) * 12.0 + globals.eye.w * 0.10));
        color += globals.accent.rgb * band(r, 0.80, 0.835, soft) * (in.state.y * 0.9 + in.state.z * dashes * breath);
        color += globals.accent.rgb * in.state.z * band(r, 0.0, 0.79, 0.2) * 0.035;
    }
    // Things darken the floor they stand on.
    let shadow = (1.0 - smoothstep(0.25, 0.62, r)) * mix(0.45, 0.22, bright);
    let cover = mix(shadow, max(shadow, min(max(color.r, max(color.g, color.b)) * 1.4, 1.0)), bright);
    return vec4<f32>(color * in.fade.x, cover * in.fade.x);
}
