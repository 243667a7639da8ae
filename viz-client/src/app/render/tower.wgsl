// SPDX-License-Identifier: GPL-2.0-or-later
// A node: a dark rack whose slits are lit by load.
// a: foot, height. b: colour, load. c: seed, state (0 up, 1 stale, 2 down), selected, pointed at. d: half width.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) world: vec3<f32>,
    @location(1) face: vec3<f32>,     // across, along, 1 on the top
    @location(2) @interpolate(flat, either) normal: vec3<f32>,
    @location(3) @interpolate(flat, either) color: vec4<f32>,
    @location(4) @interpolate(flat, either) state: vec4<f32>,
    @location(5) @interpolate(flat, either) size: vec2<f32>,
};

@vertex
fn vertex(i: Instance, @builtin(vertex_index) index: u32) -> Varying {
    let face = index / 6u;
    let at = corner(index % 6u);
    let side = select(-1.0, 1.0, (face & 1u) == 1u);
    let half_width = i.d.x;
    var offset = vec3<f32>(at.x * half_width, (at.y * 0.5 + 0.5) * i.a.w, side * half_width);
    var normal = vec3<f32>(0.0, 0.0, side);
    var top = 0.0;
    if face / 2u == 1u {
        offset = vec3<f32>(side * half_width, offset.y, at.x * half_width);
        normal = vec3<f32>(side, 0.0, 0.0);
    } else if face / 2u == 2u {
        offset = vec3<f32>(at.x * half_width, select(0.0, i.a.w, side > 0.0), at.y * half_width);
        normal = vec3<f32>(0.0, side, 0.0);
        top = 1.0;
    }
    var out: Varying;
    out.world = i.a.xyz + offset;
    out.clip = globals.clip_from_world * vec4<f32>(out.world, 1.0);
    out.face = vec3<f32>(at.x, select(offset.y, at.y, top > 0.5), top);
    out.normal = normal;
    out.color = i.b;
    out.state = i.c;
    out.size = vec2<f32>(half_width, i.a.w);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let view = normalize(globals.eye.xyz - in.world);
    let facing = max(dot(view, in.normal), 0.0);
    let alive = select(1.0, 0.35, in.state.y > 0.5) * select(1.0, 0.5, in.state.y > 1.5);
    let key = max(dot(in.normal, normalize(vec3<f32>(0.5, 0.75, 0.35))), 0.0);
    let color = mix(vec3<f32>(dot(in.color.rgb, vec3<f32>(0.33))), in.color.rgb, alive);
    let rim = pow(1.0 - facing, 3.0);
    let light = 0.35 + in.color.a;

    // The body: almost black glass that mirrors a little of its own light.
    var shade = vec3<f32>(0.007, 0.011, 0.022) * (0.6 + 1.9 * key) + color * rim * 0.10 * alive;
    if in.face.z < 0.5 {
        let y = in.face.y;
        let x = in.face.x;
        shade += color * 0.06 * alive * exp(-y * 1.4);
        // Rack units, each with a row of lamps; as many are lit as the cores are busy. Lamps smaller than a few pixels
        // melt into an even glow instead of flickering.
        let rows = y / 0.30;
        let columns = (x + 1.0) * 4.0;
        let blur = max(fwidth(rows), fwidth(columns));
        let soft = clamp(blur, 0.02, 0.5);
        let across = abs(fract(rows) - 0.5);
        let along = abs(fract(columns) - 0.5);
        let lamp = (1.0 - smoothstep(0.17 - soft, 0.17 + soft, across)) * (1.0 - smoothstep(0.40 - soft, 0.40 + soft, along));
        let inside = (1.0 - smoothstep(0.74, 0.76, abs(x))) * step(0.15, y) * step(y, floor((in.size.y - 0.12) / 0.30) * 0.30);
        let cell = vec2<f32>(floor(columns), floor(rows));
        let blink = floor(globals.eye.w * (0.4 + 1.4 * hash2(cell)) * globals.sky_high.w);
        let dice = hash2(cell * vec2<f32>(1.7, 7.3) + vec2<f32>(in.state.x, blink * 0.61));
        let lit = select(0.07, 0.55 + 0.7 * fract(dice * 9.0), dice < 0.10 + in.color.a * 0.85);
        let near = clamp(1.4 - blur * 2.2, 0.0, 1.0);
        let average = 0.16 + in.color.a * 0.30;
        shade += color * inside * alive * mix(average, lamp * lit * 1.35, near);
        // Edges of light.
        let edge = smoothstep(0.94, 0.985, abs(x)) + smoothstep(in.size.y - 0.07, in.size.y - 0.02, y);
        shade += color * edge * light * (0.55 * alive + 0.15);
        shade += vec3<f32>(0.8, 0.95, 1.0) * edge * (in.state.z * 0.9 + in.state.w * 0.35);
    } else {
        let border = max(abs(in.face.x), abs(in.face.y));
        let edge = smoothstep(0.90, 0.97, border);
        let inner = smoothstep(0.66, 0.69, border) * (1.0 - smoothstep(0.71, 0.74, border));
        shade += color * (edge * light * 1.1 + inner * 0.35 + 0.10 + in.color.a * 0.22) * alive;
        shade += vec3<f32>(0.8, 0.95, 1.0) * edge * (in.state.z + in.state.w * 0.4);
    }
    if in.state.y > 1.5 {
        let stripe = step(0.5, fract((in.world.x + in.world.y + in.world.z) * 1.2));
        shade += vec3<f32>(0.35, 0.02, 0.04) * (0.15 + 0.35 * stripe);
    }
    let fade = haze(in.world);
    return vec4<f32>(mix(globals.sky_low.rgb, shade, fade), 1.0);
}
