// SPDX-License-Identifier: GPL-2.0-or-later
// What all layers share. Depth is reversed: 1 near, 0 at infinity. Constants that are not here are those of paint.rs.

struct Globals {
    clip_from_world: mat4x4<f32>,
    eye: vec4<f32>,        // w: seconds
    right: vec4<f32>,      // w: width in pixels
    up: vec4<f32>,         // w: height in pixels
    middle: vec4<f32>,     // w: radius of the cluster
    sky_low: vec4<f32>,    // w: tangent of half the field of view
    sky_high: vec4<f32>,   // w: 1 where ambient motion is wanted
    floor_base: vec4<f32>, // w: how far the view is moved to the right, in half widths
    floor_line: vec4<f32>, // w: 1 on a light ground
    horizon: vec4<f32>,    // w: 1 where the cluster is not a real one
    memory: vec4<f32>,
    accent: vec4<f32>,
};
@group(0) @binding(0) var<uniform> globals: Globals;

// All shapes; see shapes.rs.
@group(0) @binding(1) var shapes: texture_2d<f32>;

struct Instance {
    a: vec4<f32>,
    b: vec4<f32>,
    c: vec4<f32>,
    d: vec4<f32>,
};

fn instance(number: u32) -> Instance {
    let at = vec2<i32>(i32(number % ROW) * 4, i32(number / ROW));
    return Instance(
        textureLoad(shapes, at, 0),
        textureLoad(shapes, at + vec2<i32>(1, 0), 0),
        textureLoad(shapes, at + vec2<i32>(2, 0), 0),
        textureLoad(shapes, at + vec2<i32>(3, 0), 0),
    );
}

// The corner of a square of side 2 that vertex `index` of two triangles is.
fn corner(index: u32) -> vec2<f32> {
    let x = select(-1.0, 1.0, index == 1u || index == 4u || index == 5u);
    let y = select(-1.0, 1.0, index == 2u || index == 3u || index == 5u);
    return vec2<f32>(x, y);
}

fn hash2(p: vec2<f32>) -> f32 {
    var q = fract(p * vec2<f32>(123.34, 456.21));
    q += dot(q, q + 45.32);
    return fract(q.x * q.y);
}

// Powers by multiplication: where the CPU draws, pow() is a logarithm and an exponential for each pixel.
fn pow3(x: f32) -> f32 {
    return x * x * x;
}

fn pow4(x: f32) -> f32 {
    let x2 = x * x;
    return x2 * x2;
}

fn pow8(x: f32) -> f32 {
    let x4 = pow4(x);
    return x4 * x4;
}

// Less than half a step of the screen's colours, against bands in dark gradients.
fn dither(pixel: vec2<f32>) -> f32 {
    return (hash2(pixel * 0.37) - 0.5) * 0.0016;
}

// Far things sink into the haze at the horizon.
fn haze(world: vec3<f32>) -> f32 {
    return exp(-max(distance(world, globals.eye.xyz) - 60.0, 0.0) * 0.006);
}
