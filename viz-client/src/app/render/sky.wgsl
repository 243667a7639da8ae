// SPDX-License-Identifier: GPL-2.0-or-later
// The background: one triangle at infinite distance.

struct Varying {
    @builtin(position) clip: vec4<f32>,
    @location(0) direction: vec3<f32>,
};

// Below this there is nothing but the floor.
const UNDER: f32 = -0.14;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Varying {
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
    let night = 1.0 - globals.floor_line.w;
    let direction = normalize(in.direction);
    let height = direction.y;
    if height < UNDER {
        // The floor is before it, with all that could be seen.
        return vec4<f32>(globals.sky_low.rgb * (1.0 - night * 0.8), 1.0);
    }
    var color = mix(globals.sky_low.rgb, globals.sky_high.rgb, smoothstep(-0.02, 0.42, height));
    // Dawn where the floor ends: brighter to one side, with a blush above.
    let dawn = 0.55 + 0.45 * direction.x;
    // A wide glow, and a narrow one, which is its fourth power.
    let glow = exp(-abs(height) * 15.0);
    color += globals.horizon.rgb * (pow4(glow) * 0.9 + glow * 0.22) * (0.25 + 0.75 * dawn) * mix(0.25, 1.0, night);
    color += vec3<f32>(0.032, 0.008, 0.046) * exp(-abs(height - 0.08) * 9.0) * (1.0 - 0.5 * dawn) * night;
    // A band of faint light across the sky, torn by dust.
    // Only where there is a GPU: it costs more than all the rest of the sky.
    if RICH {
        let band = dot(direction, vec3<f32>(0.36, 0.78, -0.51));
        let flow = vec2<f32>(dot(direction, vec3<f32>(4.9, 3.1, -2.3)), dot(direction, vec3<f32>(-3.3, 2.7, 4.9)));
        let dust = 0.5 + 0.5 * sin(flow.x * 1.7 + 1.8 * sin(flow.y * 1.3)) * sin(flow.y * 1.1 + 1.4 * sin(flow.x * 1.2 + 2.0));
        let milky = exp(-band * band * 14.0) * (0.35 + 0.65 * dust) * smoothstep(0.0, 0.25, height) * night;
        color += (vec3<f32>(0.022, 0.020, 0.048) + vec3<f32>(0.014, 0.020, 0.020) * dust) * milky;
    }
    // Under the floor there is nothing that could shine through it.
    color *= mix(1.0, smoothstep(-0.10, 0.0, height), night * 0.8);
    return vec4<f32>(color + dither(in.clip.xy), 1.0);
}
