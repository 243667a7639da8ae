// SPDX-License-Identifier: GPL-2.0-or-later
// A process: a ball, drawn as a square that faces the eye.
// a: middle, radius. b: colour of its home, CPU share. c: selected, pointed at, away from home, presence.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) at: vec2<f32>,
    @location(1) @interpolate(flat, either) color: vec4<f32>,
    @location(2) @interpolate(flat, either) state: vec4<f32>,
    @location(3) fade: f32,
};

@vertex
fn vertex(i: Instance, @builtin(vertex_index) index: u32) -> Varying {
    let at = corner(index);
    let world = i.a.xyz + (globals.right.xyz * at.x + globals.up.xyz * at.y) * i.a.w * i.c.w;
    var out: Varying;
    out.clip = globals.clip_from_world * vec4<f32>(world, 1.0);
    out.at = at;
    out.color = i.b;
    out.state = i.c;
    out.fade = haze(i.a.xyz);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let r2 = dot(in.at, in.at);
    if r2 > 1.0 {
        discard;
    }
    let normal = vec3<f32>(in.at, sqrt(1.0 - r2));
    let key = max(dot(normal, vec3<f32>(-0.42, 0.70, 0.58)), 0.0);
    let rim = pow(1.0 - normal.z, 2.0);
    let busy = in.color.a;
    var shade = in.color.rgb * (0.05 + 0.28 * key + busy * (0.30 + 0.75 * normal.z * normal.z));
    shade += in.color.rgb * rim * (0.30 + 0.45 * busy);
    shade += vec3<f32>(1.0) * pow(key, 24.0) * 0.5;
    // Guests wear a bright belt.
    let belt = 1.0 - smoothstep(0.10, 0.20, abs(normal.y + 0.35 * normal.x));
    shade = mix(shade, vec3<f32>(1.0, 1.0, 1.0) * (0.55 + 0.4 * normal.z), belt * in.state.z * 0.85);
    shade += vec3<f32>(0.8, 0.95, 1.0) * (in.state.x * (0.12 + rim * 0.9) + in.state.y * rim * 0.6);
    return vec4<f32>(mix(globals.sky_low.rgb, shade, in.fade), 1.0);
}
