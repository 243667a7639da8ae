// SPDX-License-Identifier: GPL-2.0-or-later
//! Colours, in linear light. The page's address (`?theme=night|bright|safe`), a button and a key choose among themes;
//! the choice is remembered by the browser.

use std::cell::Cell;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_protocol::model::NodeId;
use web_sys::Event;

use super::dom;
use super::input::{Gesture, Input};

/// Where the browser keeps the choice.
const STORAGE_KEY: &str = "mattx-theme";

/// The themes by their names in the page's address, in the order in which the button goes through them.
const NAMES: [&str; 3] = ["night", "bright", "safe"];

/// The colours of the picture.
#[derive(Resource, Clone, Debug)]
pub struct Theme {
    /// Its name in the page's address and for the style sheet.
    pub name: &'static str,
    /// Whether things are drawn on a light ground.
    pub bright: bool,
    /// Sky at the horizon and above.
    pub sky: [Vec3; 2],
    /// Light where floor and sky meet.
    pub horizon: Vec3,
    /// Floor and its lines.
    pub floor: [Vec3; 2],
    /// Load from idle to overloaded.
    pub load: [Vec3; 4],
    /// Memory in use.
    pub memory: Vec3,
    /// Selection and the pointer.
    pub accent: Vec3,
    /// Success and failure.
    pub outcome: [Vec3; 2],
    /// Lightness and chroma of the colours of homes; none takes them from a list that nobody confuses.
    homes: Option<[f32; 2]>,
}

impl Theme {
    /// A dark machine room under stars.
    fn night() -> Self {
        Self {
            name: "night",
            bright: false,
            sky: [srgb(0x091226), srgb(0x02030a)],
            horizon: srgb(0x1f5f86),
            floor: [srgb(0x050914), srgb(0x3a78c8)],
            load: [
                srgb(0x1696d8),
                srgb(0x25d3c0),
                srgb(0xffb347),
                srgb(0xff4d4d),
            ],
            memory: srgb(0x8f7bff),
            accent: srgb(0xe8f4ff),
            outcome: [srgb(0x5dffa8), srgb(0xff4060)],
            homes: Some([0.78, 0.125]),
        }
    }

    /// A light room, for projectors and daylight.
    fn bright() -> Self {
        Self {
            name: "bright",
            bright: true,
            sky: [srgb(0xdfe8f2), srgb(0xb4cae4)],
            horizon: srgb(0xffffff),
            floor: [srgb(0xe9eff6), srgb(0x7f9cc0)],
            load: [
                srgb(0x1478b8),
                srgb(0x0b9a8a),
                srgb(0xd98a00),
                srgb(0xd02840),
            ],
            memory: srgb(0x5b45d6),
            accent: srgb(0x0c2a52),
            outcome: [srgb(0x0a8a4a), srgb(0xd01038)],
            homes: Some([0.60, 0.15]),
        }
    }

    /// Blue to yellow to orange, growing lighter with the load: no pair differs by red and green alone.
    fn safe() -> Self {
        Self {
            name: "safe",
            sky: [srgb(0x101828), srgb(0x03050b)],
            horizon: srgb(0x2b4a78),
            load: [
                srgb(0x2f5fd0),
                srgb(0x56b4e9),
                srgb(0xf0e442),
                srgb(0xff8a1e),
            ],
            memory: srgb(0xcc79a7),
            outcome: [srgb(0x56b4e9), srgb(0xff8a1e)],
            homes: None,
            ..Self::night()
        }
    }

    fn named(name: &str) -> Option<Self> {
        match name {
            "night" => Some(Self::night()),
            "bright" => Some(Self::bright()),
            "safe" => Some(Self::safe()),
            _ => None,
        }
    }

    /// The colour of a node under `load`.
    #[must_use]
    pub fn load(&self, load: f32) -> Vec3 {
        // No straight way from cyan to amber: it leads through grey.
        let at = (load.clamp(0.0, 1.0) * 3.0).min(2.999);
        let step = at as usize;
        self.load[step].lerp(self.load[step + 1], at.fract())
    }

    /// The colour of the processes that were born on `home`. Neighbouring numbers get colours far apart.
    #[must_use]
    pub fn tint(&self, home: NodeId) -> Vec3 {
        match self.homes {
            Some([lightness, chroma]) => {
                oklch(lightness, chroma, (home as f32 * 0.381_966 + 0.53).fract())
            }
            None => SAFE_HOMES[home as usize % SAFE_HOMES.len()].map_or(Vec3::ONE, srgb),
        }
    }
}

/// Colours that people with any kind of colour vision tell apart (after Okabe and Ito).
const SAFE_HOMES: [Option<u32>; 7] = [
    Some(0xf0_e442),
    Some(0x56_b4e9),
    Some(0xe6_9f00),
    None,
    Some(0xcc_79a7),
    Some(0x2a_8fd0),
    Some(0x00_c896),
];

/// A colour of even lightness for every hue (0.0..1.0 around the circle), after Ottosson's Oklab.
fn oklch(lightness: f32, chroma: f32, hue: f32) -> Vec3 {
    let angle = hue * std::f32::consts::TAU;
    let (a, b) = (chroma * angle.cos(), chroma * angle.sin());
    let cube = |value: f32| value * value * value;
    let l = cube(lightness + 0.396_337_78 * a + 0.215_803_76 * b);
    let m = cube(lightness - 0.105_561_346 * a - 0.063_854_17 * b);
    let s = cube(lightness - 0.089_484_18 * a - 1.291_485_5 * b);
    Vec3::new(
        4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
        -1.268_438 * l + 2.609_757_4 * m - 0.341_319_38 * s,
        -0.004_196_086 * l - 0.703_418_6 * m + 1.707_614_7 * s,
    )
    .clamp(Vec3::ZERO, Vec3::ONE)
}

fn srgb(code: u32) -> Vec3 {
    let channel = |shift: u32| ((code >> shift & 0xff) as f32 / 255.0).powf(2.2);
    Vec3::new(channel(16), channel(8), channel(0))
}

/// `colour` as a page writes it.
#[must_use]
pub fn css(colour: Vec3) -> String {
    let byte = |value: f32| (value.clamp(0.0, 1.0).powf(1.0 / 2.2) * 255.0).round() as u8;
    format!(
        "rgb({} {} {})",
        byte(colour.x),
        byte(colour.y),
        byte(colour.z)
    )
}

/// Whether the button was pressed since the last frame.
type Pressed = Rc<Cell<bool>>;

/// Makes the colours known.
pub fn plugin(app: &mut App) {
    let stored = || dom::storage()?.get_item(STORAGE_KEY).ok()?;
    let theme = dom::query("theme")
        .or_else(stored)
        .and_then(|name| Theme::named(&name))
        .unwrap_or_else(Theme::night);
    wear(&theme);
    let pressed = Pressed::default();
    let to = pressed.clone();
    dom::listen(&dom::by_id("theme-button"), "click", move |_: Event| {
        to.set(true);
    });
    app.insert_resource(theme)
        .insert_non_send(pressed)
        .add_systems(Update, change.in_set(super::Step::Act));
}

fn change(pressed: NonSend<Pressed>, input: Res<Input>, mut theme: ResMut<Theme>) {
    let key = |gesture: &Gesture| matches!(gesture, Gesture::Key(key) if key == "KeyY");
    if !pressed.take() && !input.gestures.iter().any(key) {
        return;
    }
    let at = NAMES.iter().position(|name| *name == theme.name);
    let next = NAMES[(at.unwrap_or(0) + 1) % NAMES.len()];
    if let Some(chosen) = Theme::named(next) {
        *theme = chosen;
    }
    wear(&theme);
    // Browsers may forbid to store; then the choice lasts as long as the page.
    if let Some(storage) = dom::storage() {
        let _ = storage.set_item(STORAGE_KEY, theme.name);
    }
}

fn wear(theme: &Theme) {
    if let Some(root) = dom::document().document_element() {
        dom::attribute(&root, "data-theme", theme.name);
    }
}
