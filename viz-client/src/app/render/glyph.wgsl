// SPDX-License-Identifier: GPL-2.0-or-later
// A process: a ball, drawn as a triangle around it that faces the eye: half as many corners as a square has.
// a: middle, radius. b: colour of its home, CPU share. c: selected, pointed at, away from home, presence.
// d: 1 where it is not what is searched for.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) at: vec2<f32>,
    @location(1) @interpolate(flat, either) color: vec4<f32>,
    @location(2) @interpolate(flat, either) state: vec4<f32>,
    @location(3) fade: vec2<f32>,
};

@vertex
fn vertex(@builtin(vertex_index) number: u32) -> Varying {
    let i = instance(number / VERTICES);
    let index = number % VERTICES;
    let at = vec2<f32>(select(select(0.0, 1.7320508, index == 1u), -1.7320508, index == 0u), select(-1.0, 2.0, index == 2u));
    let world = i.a.xyz + (globals.right.xyz * at.x + globals.up.xyz * at.y) * i.a.w * i.c.w;
    var out: Varying;
    out.clip = globals.clip_from_world * vec4<f32>(world, 1.0);
    out.at = at;
    out.color = i.b;
    out.state = i.c;
    out.fade = vec2<f32>(haze(i.a.xyz), i.d.x);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let r2 = dot(in.at, in.at);
    let soft = fwidth(r2);
    let cover = 1.0 - smoothstep(1.0 - soft, 1.0, r2);
    if cover < 0.04 {
        discard;
    }
    let bright = globals.floor_line.w;
    let normal = vec3<f32>(in.at, sqrt(max(1.0 - r2, 0.0)));
    let key = max(dot(normal, vec3<f32>(-0.42, 0.72, 0.55)), 0.0);
    let below = max(-normal.y, 0.0);
    let rim = pow3(1.0 - normal.z);
    let busy = in.color.a;
    let glass = normal.z * normal.z;
    // A shell of glass around a light that is as bright as the process is busy.
    let night = in.color.rgb * (0.035 + 0.30 * key + rim * (0.25 + 0.35 * busy) + busy * (0.12 + 0.62 * glass * glass))
        + vec3<f32>(0.9, 0.95, 1.0) * busy * pow8(normal.z) * normal.z * 0.42
        + globals.horizon.rgb * (rim * 0.45 + below * 0.05);
    let day = in.color.rgb * (0.55 + 0.50 * key - 0.20 * below) * (0.72 + 0.45 * busy);
    var shade = mix(night, day, bright) + vec3<f32>(1.0) * pow8(key) * pow4(pow8(key)) * 0.55;
    // Guests wear a bright belt.
    let belt = 1.0 - smoothstep(0.10, 0.19, abs(normal.y + 0.35 * normal.x));
    shade = mix(shade, mix(vec3<f32>(1.0), vec3<f32>(0.04, 0.07, 0.14), bright) * (0.50 + 0.45 * normal.z), belt * in.state.z * 0.9);
    shade = mix(shade, globals.accent.rgb, clamp(in.state.x * (0.10 + rim * 0.9) + in.state.y * rim * 0.6, 0.0, 1.0));
    shade = mix(shade, mix(globals.floor_base.rgb * 2.0, globals.sky_low.rgb, 0.5), in.fade.y * 0.85);
    return vec4<f32>(mix(globals.sky_low.rgb, shade, in.fade.x), cover);
}
