// SPDX-License-Identifier: GPL-2.0-or-later
// A curve of light between two points.
// a: start, height of the arc. b: end, half width. c: colour, brightness.
// d: how far it is drawn, speed of its dashes, number of dashes, brightness of its head.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) along: vec2<f32>,    // share of the way, across -1..1
    @location(1) color: vec4<f32>,
    @location(2) @interpolate(flat, either) flow: vec4<f32>,
    @location(3) fade: f32,
};

@vertex
fn vertex(@builtin(vertex_index) number: u32) -> Varying {
    let i = instance(number / VERTICES);
    let index = number % VERTICES;
    let at = corner(index % 6u);
    let t = (f32(index / 6u) + at.x * 0.5 + 0.5) / f32(SEGMENTS);
    let way = i.b.xyz - i.a.xyz;
    let middle = i.a.xyz + way * t + vec3<f32>(0.0, i.a.w * 4.0 * t * (1.0 - t), 0.0);
    let tangent = way + vec3<f32>(0.0, i.a.w * 4.0 * (1.0 - 2.0 * t), 0.0);
    let to_eye = globals.eye.xyz - middle;
    let side = normalize(cross(tangent, to_eye));
    // Never thinner than about a pixel, so that it does not break up far away.
    let pixel = length(to_eye) * globals.sky_low.w * 2.0 / globals.up.w;
    let width = max(i.b.w, pixel * 1.1);
    var out: Varying;
    out.clip = globals.clip_from_world * vec4<f32>(middle + side * at.y * width, 1.0);
    out.along = vec2<f32>(t, at.y);
    out.color = vec4<f32>(i.c.rgb, i.c.w * min(i.b.w / width, 1.0));
    out.flow = i.d;
    out.fade = haze(middle);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let t = in.along.x;
    let across = 1.0 - abs(in.along.y);
    let body = across * across;
    let dash = fract(t * in.flow.z - globals.eye.w * in.flow.y * max(globals.sky_high.w, 0.0));
    let pulse = 0.35 + 0.65 * pow3(dash);
    let drawn = 1.0 - smoothstep(in.flow.x, in.flow.x + 0.015, t);
    let head = exp(-max(in.flow.x - t, 0.0) * 9.0) * in.flow.w * drawn;
    let ends = smoothstep(0.0, 0.04, t) * smoothstep(0.0, 0.04, 1.0 - t);
    let light = body * in.color.a * (pulse * drawn * ends + head);
    return vec4<f32>(in.color.rgb * light * in.fade, min(light * in.fade, 1.0) * globals.floor_line.w);
}
