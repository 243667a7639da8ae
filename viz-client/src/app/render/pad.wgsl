// SPDX-License-Identifier: GPL-2.0-or-later
// The gauge on the floor around a node: its ring is filled as far as memory is in use.
// a: middle, radius. b: colour, load. c: memory, selected, pointed at or drop target, state.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) at: vec2<f32>,
    @location(1) @interpolate(flat, either) color: vec4<f32>,
    @location(2) @interpolate(flat, either) state: vec4<f32>,
    @location(3) fade: f32,
};

const TURN: f32 = 6.2831853;

@vertex
fn vertex(i: Instance, @builtin(vertex_index) index: u32) -> Varying {
    let at = corner(index);
    let world = i.a.xyz + vec3<f32>(at.x, 0.0, at.y) * i.a.w;
    var out: Varying;
    out.clip = globals.clip_from_world * vec4<f32>(world, 1.0);
    out.at = at;
    out.color = i.b;
    out.state = i.c;
    out.fade = haze(i.a.xyz);
    return out;
}

fn band(r: f32, low: f32, high: f32, soft: f32) -> f32 {
    return smoothstep(low - soft, low, r) * (1.0 - smoothstep(high, high + soft, r));
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let r = length(in.at);
    if r > 1.0 {
        discard;
    }
    let soft = 0.012;
    let angle = fract(atan2(in.at.x, -in.at.y) / TURN + 1.0);
    let filled = step(angle, in.state.x);
    let ticks = step(0.12, fract(angle * 48.0));
    let alive = select(1.0, 0.3, in.state.w > 0.5);
    let glow = pow(max(1.0 - r, 0.0), 2.2) * (0.18 + 0.55 * in.color.a);
    let memory = vec3<f32>(0.42, 0.36, 1.0);
    var color = in.color.rgb * glow * alive;
    color += memory * band(r, 0.62, 0.675, soft) * ticks * (0.05 + 0.75 * filled) * alive;
    color += in.color.rgb * band(r, 0.575, 0.582, soft) * 0.25 * alive;
    color += in.color.rgb * band(r, 0.715, 0.720, soft) * 0.12 * alive;
    // Selected or a place to drop on: a ring that breathes.
    let breath = 0.75 + 0.25 * sin(globals.eye.w * 5.0);
    let dashes = step(0.35, fract(angle * 12.0 + globals.eye.w * 0.10));
    color += vec3<f32>(0.75, 0.93, 1.0) * band(r, 0.80, 0.835, soft) * (in.state.y * 0.9 + in.state.z * dashes * breath);
    color += vec3<f32>(0.75, 0.93, 1.0) * in.state.z * band(r, 0.0, 0.79, 0.2) * 0.035;
    // Things darken the floor they stand on.
    let shadow = (1.0 - smoothstep(0.25, 0.62, r)) * 0.55;
    return vec4<f32>(color * in.fade, shadow * in.fade);
}
