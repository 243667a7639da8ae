// SPDX-License-Identifier: GPL-2.0-or-later
// A node: a column of dark glass with six sides, whose lamps are lit by load.
// a: foot, height. b: colour, load. c: seed, state (0 up, 1 stale, 2 down, 3 draining), selected, pointed at.
// d: half width, 1 as it stands or -1 as the floor mirrors it, 1 where it is not what is searched for.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) world: vec3<f32>,
    @location(1) face: vec3<f32>,     // across a side, height above the foot, from the middle of the top
    @location(2) @interpolate(flat, either) normal: vec4<f32>, // w: 1 on the top
    @location(3) @interpolate(flat, either) color: vec4<f32>,
    @location(4) @interpolate(flat, either) state: vec4<f32>,
    @location(5) @interpolate(flat, either) size: vec4<f32>,
};

// Corner `k` of six, so turned that sides face those of the neighbours. Without sine and cosine, which would cost more
// than all the rest where the CPU draws.
fn six(k: f32) -> vec2<f32> {
    let nth = k - select(0.0, 6.0, k > 5.5);
    let x = 0.8660254 * (abs(nth - 2.5) - 1.5);
    let half = nth - select(0.0, 3.0, nth > 2.5);
    let y = (1.0 - 0.5 * abs(half - 1.0)) * select(-1.0, 1.0, nth < 2.5);
    return vec2<f32>(x, y);
}

@vertex
fn vertex(@builtin(vertex_index) number: u32) -> Varying {
    let i = instance(number / VERTICES);
    let index = number % VERTICES;
    let state = i.c.y;
    let tall = i.a.w;
    // Round corners reach beyond the half width that is picked.
    let radius = i.d.x * 1.12;
    var out: Varying;
    var at = vec3<f32>(0.0, tall, 0.0);
    var normal = vec4<f32>(0.0, 1.0, 0.0, 1.0);
    // What drains runs to a point.
    let taper = select(0.04, 0.72, state > 2.5);
    var hidden = false;
    if index < 36u {
        let side = f32(index / 6u);
        let corner = corner(index % 6u);
        let left = six(side);
        let right = six(side + 1.0);
        let around = select(left, right, corner.x > 0.0);
        // Half way between two corners it is as far to the middle as a side is high above it.
        let middle = (left + right) * 0.57735027;
        at = vec3<f32>(around.x * radius, (corner.y * 0.5 + 0.5) * tall, around.y * radius);
        normal = vec4<f32>(middle.x, 0.0, middle.y, 0.0);
        out.face = vec3<f32>(corner.x, at.y, 1.0);
        // Nobody sees the back of what is not seen through.
        let reach = radius * 0.8660254;
        let outwards = vec3<f32>(middle.x, i.d.y * taper * reach / max(tall, 0.01), middle.y);
        let foot = i.a.xyz + vec3<f32>(middle.x, 0.0, middle.y) * reach;
        hidden = dot(outwards, globals.eye.xyz - foot) < 0.0 && (state < 0.5 || state > 2.5);
    } else {
        let third = (index - 36u) % 3u;
        let side = f32((index - 36u) / 3u);
        let around = six(side + select(0.0, 1.0, third == 1u));
        let outer = select(1.0, 0.0, third == 0u);
        at = vec3<f32>(around.x * radius * outer, tall, around.y * radius * outer);
        out.face = vec3<f32>(select(-1.0, 1.0, third == 1u), tall, outer);
    }
    let narrow = 1.0 - taper * at.y / max(tall, 0.01);
    at = vec3<f32>(at.x * narrow, at.y, at.z * narrow);
    if state > 1.5 && state < 2.5 {
        // What is down has fallen to one side.
        at.y *= 1.0 + 0.55 * at.x / radius;
    }
    at.y *= i.d.y;
    out.world = i.a.xyz + at;
    out.clip = globals.clip_from_world * vec4<f32>(out.world, 1.0);
    if hidden {
        // All its corners in one point: there is nothing to draw.
        out.clip = vec4<f32>(0.0, 0.0, 0.0, 1.0);
    }
    out.normal = normal;
    out.color = i.b;
    out.state = i.c;
    out.size = vec4<f32>(radius, tall, i.d.y, i.d.z);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let bright = globals.floor_line.w;
    let stale = in.state.y > 0.5 && in.state.y < 1.5;
    let down = in.state.y > 1.5 && in.state.y < 2.5;
    // Who gave no news for a while is seen through: only every other slice of it is there.
    if stale && in.normal.w < 0.5 && fract(in.face.y * 1.9) > 0.56 {
        discard;
    }
    let view = normalize(globals.eye.xyz - in.world);
    let facing = max(dot(view, in.normal.xyz), 0.0);
    let alive = select(1.0, 0.25, stale) * select(1.0, 0.0, down);
    let grey = vec3<f32>(dot(in.color.rgb, vec3<f32>(0.3, 0.5, 0.2)));
    let color = mix(grey * 0.6, in.color.rgb, alive);
    let key = max(dot(in.normal.xyz, vec3<f32>(0.45, 0.78, 0.43)), 0.0);
    let cool = max(dot(in.normal.xyz, vec3<f32>(-0.80, 0.20, 0.56)), 0.0);
    let rim = pow4(1.0 - facing);
    let load = in.color.a;
    let share = clamp(in.face.y / max(in.size.y, 0.01), 0.0, 1.0);

    // The body: glass that mirrors the light of the sky and a little of its own.
    let night = vec3<f32>(0.010, 0.014, 0.024) * (0.5 + 1.3 * key + 0.5 * share)
        + globals.horizon.rgb * (0.10 * cool + 0.30 * rim) + color * (0.018 + 0.10 * rim);
    let day = mix(vec3<f32>(0.72, 0.77, 0.83), color, 0.30) * (0.42 + 0.45 * key + 0.20 * cool + 0.10 * share);
    var shade = mix(night, day, bright);
    let ink = mix(1.0, 0.75, bright);
    if in.normal.w < 0.5 {
        let y = in.face.y;
        let x = in.face.x;
        // Light from the gauge at its foot climbs up a little.
        shade += color * 0.12 * alive * exp(-y * 1.6) * (1.0 - bright);
        // Rows of lamps; as many are lit as the cores are busy. Lamps smaller than a few pixels melt into an even glow
        // instead of flickering.
        let rows = y / 0.26;
        let columns = (x + 1.0) * 2.0;
        let blur = max(fwidth(rows), fwidth(columns));
        let soft = clamp(blur, 0.02, 0.5);
        let across = abs(fract(rows) - 0.5);
        let along = abs(fract(columns) - 0.5);
        let inside = (1.0 - smoothstep(0.98, 1.0, abs(x))) * step(0.26, y) * step(y, floor((in.size.y - 0.20) / 0.26) * 0.26);
        let near = clamp(1.4 - blur * 2.2, 0.0, 1.0);
        var lamps = 0.08 + load * 0.24;
        if near > 0.0 && inside > 0.0 {
            let lamp = (1.0 - smoothstep(0.15 - soft, 0.15 + soft, across)) * (1.0 - smoothstep(0.36 - soft, 0.36 + soft, along));
            let cell = vec2<f32>(floor(columns) + in.normal.x * 5.0, floor(rows));
            let blink = floor(globals.eye.w * (0.4 + 1.4 * hash2(cell)) * globals.sky_high.w);
            let dice = hash2(cell * vec2<f32>(1.7, 7.3) + vec2<f32>(in.state.x, blink * 0.61));
            let lit = select(0.05, 0.5 + 0.9 * fract(dice * 9.0), dice < 0.08 + load * 0.86);
            lamps = mix(lamps, lamp * lit * 1.3, near);
        }
        lamps *= inside * alive;
        shade = mix(shade + color * lamps, mix(shade, color, min(lamps, 1.0) * 0.9), bright);
        // Edges of light: faint along the sides, strong around the top.
        let thin = max(fwidth(x) * 1.5, 0.03);
        let edge = smoothstep(1.0 - thin * 1.6, 1.0 - thin * 0.4, abs(x)) * (0.10 + 0.35 * load * share);
        let crown = smoothstep(in.size.y - 0.10, in.size.y - 0.04, y);
        let line = edge * (0.3 + 0.7 * alive) + crown * (0.55 * alive + 0.12);
        shade = mix(shade + color * line, mix(shade, color * 0.8, min(line, 1.0)), bright);
        shade = mix(shade, globals.accent.rgb, clamp((edge * 1.4 + crown) * (in.state.z * 0.8 + in.state.w * 0.35), 0.0, 1.0));
        if in.state.y > 2.5 {
            // What drains shows where its work goes: out.
            let way = fract(y * 0.9 + abs(x) * 0.5 - globals.eye.w * 0.35 * globals.sky_high.w);
            shade += globals.accent.rgb * smoothstep(0.80, 0.86, way) * (1.0 - smoothstep(0.94, 1.0, way)) * 0.35 * ink;
        }
        // What is invented flickers in fine lines, as a projection would.
        let fine = clamp(1.3 - fwidth(y) * 14.0, 0.0, 1.0);
        if globals.horizon.w * fine > 0.0 {
            let scan = abs(fract(y * 7.0 - globals.eye.w * 0.25 * globals.sky_high.w) - 0.5);
            shade *= 1.0 - 0.22 * smoothstep(0.25, 0.4, scan) * fine;
        }
    } else {
        // The top: a core of light within a rim.
        let r = in.face.z;
        let soft = fwidth(r) + 0.01;
        let edge = smoothstep(0.93 - soft, 0.93, r);
        let inner = smoothstep(0.60 - soft, 0.60, r) * (1.0 - smoothstep(0.66, 0.66 + soft, r));
        let core = pow(max(1.0 - r / 0.60, 0.0), 1.5);
        let pulse = 1.0 + 0.12 * sin(globals.eye.w * (1.0 + 3.0 * load) + in.state.x) * globals.sky_high.w;
        let light = (edge * (0.45 + 0.4 * load) + inner * 0.25 + core * (0.10 + 0.75 * load) * pulse) * alive + edge * 0.08;
        shade = mix(shade + color * light, mix(shade, color, min(light, 1.0)), bright);
        shade = mix(shade, globals.accent.rgb, clamp(edge * (in.state.z + in.state.w * 0.4), 0.0, 1.0));
    }
    if down {
        // Hatched, as barriers are.
        let stripe = step(0.5, fract((in.world.x + in.world.y + in.world.z) * 0.9));
        let alert = mix(vec3<f32>(0.40, 0.015, 0.03), vec3<f32>(0.62, 0.05, 0.08), bright);
        shade = mix(shade * 0.7, alert, 0.12 + 0.75 * stripe);
    }
    let fade = haze(in.world);
    if in.size.z < 0.0 {
        // The mirror loses light with depth.
        shade *= exp(-in.face.y * 0.55);
    }
    shade = mix(shade, mix(globals.floor_base.rgb, globals.sky_low.rgb, 0.5), in.size.w * 0.75);
    return vec4<f32>(mix(globals.sky_low.rgb, shade, fade), 1.0);
}
