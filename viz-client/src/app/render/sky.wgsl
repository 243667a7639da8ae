// SPDX-License-Identifier: GPL-2.0-or-later
// The background: one triangle at infinite distance.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) direction: vec3<f32>,
};

@vertex
fn vertex(i: Instance, @builtin(vertex_index) index: u32) -> Varying {
    let at = vec2<f32>(f32(index & 1u) * 4.0 - 1.0, f32(index >> 1u) * 4.0 - 1.0);
    let forward = cross(globals.up.xyz, globals.right.xyz);
    let tangent = globals.sky_low.w;
    let aspect = globals.right.w / globals.up.w;
    var out: Varying;
    out.clip = vec4<f32>(at, 0.0, 1.0);
    out.direction = forward + globals.right.xyz * ((at.x - globals.floor_base.w) * tangent * aspect) + globals.up.xyz * (at.y * tangent);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let direction = normalize(in.direction);
    let height = direction.y;
    var color = mix(globals.sky_low.rgb, globals.sky_high.rgb, smoothstep(-0.02, 0.55, height));
    // A glow where the floor ends, and faint clouds of light above.
    color += vec3<f32>(0.010, 0.045, 0.085) * exp(-abs(height) * 9.0);
    let flow = vec2<f32>(dot(direction, vec3<f32>(1.9, 3.1, -1.3)), dot(direction, vec3<f32>(-2.3, 1.7, 2.9)));
    let cloud = sin(flow.x + 1.6 * sin(flow.y * 1.3)) * sin(flow.y * 0.8 + 1.2 * sin(flow.x * 1.1 + 2.0));
    let veil = max(cloud, 0.0) * smoothstep(0.02, 0.5, height);
    color += vec3<f32>(0.020, 0.008, 0.040) * veil;
    color += vec3<f32>(0.000, 0.014, 0.022) * max(-cloud, 0.0) * smoothstep(0.05, 0.6, height);
    return vec4<f32>(color + dither(in.clip.xy), 1.0);
}
