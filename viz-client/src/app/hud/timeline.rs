// SPDX-License-Identifier: GPL-2.0-or-later
//! Time: stand still, go back through what was seen, and forward again; the same controls for recordings.

use std::cell::RefCell;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_protocol::browser::{PlaybackControl, Source};
use mattx_viz_client::cluster::Cluster;
use mattx_viz_client::words;
use wasm_bindgen::JsCast as _;
use web_sys::{Event, HtmlInputElement, HtmlSelectElement};

use crate::app::Step;
use crate::app::dom;
use crate::app::input::{Gesture, Input};
use crate::app::model::{Aside, TheActing, TheCluster, TheHistory, Wishes};

/// Steps of the slider, which stands for the whole span.
const STEPS: f64 = 1000.0;

/// What the person did with the controls.
enum Wish {
    Toggle,
    Live,
    Event(bool),
    Speed(f64),
    /// Share of the span.
    Seek(f64),
}

type Wishlist = Rc<RefCell<Vec<Wish>>>;

/// Where the view is in time.
#[derive(Resource)]
pub(super) struct Clock {
    /// The moment that is shown, in seconds of the viewer's clock; none is now.
    at: Option<f64>,
    playing: bool,
    speed: f64,
    /// The picture that is shown.
    shown: f64,
    /// What is told about the moment.
    told: String,
}

pub fn plugin(app: &mut App) {
    let clock = Clock {
        at: None,
        playing: false,
        speed: 1.0,
        shown: -1.0,
        told: String::new(),
    };
    app.insert_resource(clock)
        .insert_non_send(listen())
        .add_systems(Update, (steer, travel).chain().in_set(Step::Act))
        .add_systems(
            Update,
            refresh.in_set(Step::Show).run_if(super::now_and_then),
        );
}

fn slider() -> Option<HtmlInputElement> {
    dom::by_id("time-at").dyn_into().ok()
}

fn listen() -> Wishlist {
    let wishes = Wishlist::default();
    for (id, make) in [
        ("time-play", (|| Wish::Toggle) as fn() -> Wish),
        ("time-back", || Wish::Event(false)),
        ("time-next", || Wish::Event(true)),
        ("time-live", || Wish::Live),
    ] {
        let to = wishes.clone();
        dom::listen(&dom::by_id(id), "click", move |_: Event| {
            to.borrow_mut().push(make());
        });
    }
    let to = wishes.clone();
    dom::listen(&dom::by_id("time-at"), "input", move |_: Event| {
        if let Some(slider) = slider() {
            to.borrow_mut()
                .push(Wish::Seek(slider.value_as_number() / STEPS));
        }
    });
    let to = wishes.clone();
    dom::listen(&dom::by_id("time-speed"), "change", move |_: Event| {
        let select: Option<HtmlSelectElement> = dom::by_id("time-speed").dyn_into().ok();
        if let Some(speed) = select.and_then(|select| select.value().parse().ok()) {
            to.borrow_mut().push(Wish::Speed(speed));
        }
    });
    wishes
}

fn steer(
    wishes: NonSend<Wishlist>,
    input: Res<Input>,
    kiosk: Res<Wishes>,
    mut clock: ResMut<Clock>,
    mut acting: ResMut<TheActing>,
    cluster: Res<TheCluster>,
    history: Res<TheHistory>,
) {
    let mut todo: Vec<Wish> = wishes.borrow_mut().drain(..).collect();
    for gesture in &input.gestures {
        let Gesture::Key(key) = gesture else { continue };
        match key.as_str() {
            "KeyK" => todo.push(Wish::Toggle),
            "KeyL" => todo.push(Wish::Live),
            "Comma" => todo.push(Wish::Event(false)),
            "Period" => todo.push(Wish::Event(true)),
            _ => {}
        }
    }
    if kiosk.kiosk {
        return;
    }
    for wish in todo {
        if cluster.source == Some(Source::Replay) {
            control(&cluster, &mut acting, &wish);
        } else {
            go(&mut clock, &mut acting, &history, &wish);
        }
    }
}

/// Steers a recording, which all its viewers share.
fn control(cluster: &Cluster, acting: &mut TheActing, wish: &Wish) {
    let Some(playback) = cluster.playback else {
        return acting.hint("this server does not let its recording be steered".into());
    };
    /// Milliseconds of a jump where events are not known beforehand.
    const JUMP: u64 = 10_000;
    acting.control(match wish {
        Wish::Toggle if playback.paused => PlaybackControl::Play,
        Wish::Toggle => PlaybackControl::Pause,
        Wish::Live => PlaybackControl::Seek(0),
        Wish::Event(true) => {
            PlaybackControl::Seek((playback.position_ms + JUMP).min(playback.length_ms))
        }
        Wish::Event(false) => PlaybackControl::Seek(playback.position_ms.saturating_sub(JUMP)),
        Wish::Speed(speed) => PlaybackControl::Speed((speed * 100.0) as u32),
        Wish::Seek(share) => PlaybackControl::Seek((playback.length_ms as f64 * share) as u64),
    });
}

/// Goes through what this page remembers.
fn go(clock: &mut Clock, acting: &mut TheActing, history: &TheHistory, wish: &Wish) {
    let Some((first, last)) = history.span() else {
        return;
    };
    match wish {
        Wish::Toggle => match clock.at {
            None => (clock.at, clock.playing) = (Some(dom::now_ms() / 1000.0), false),
            Some(_) => clock.playing = !clock.playing,
        },
        Wish::Live => clock.at = None,
        Wish::Speed(speed) => clock.speed = *speed,
        Wish::Seek(share) => {
            clock.at = (*share < 0.999).then_some(first + (last - first) * share);
            clock.playing = false;
        }
        Wish::Event(forward) => {
            let from = clock.at.unwrap_or(last + 1.0);
            match history.next_event(from, *forward) {
                Some(event) => {
                    clock.told.clone_from(&event.text);
                    (clock.at, clock.playing) = (Some(event.at), false);
                }
                None if *forward => clock.at = None,
                None => acting.hint("nothing happened before that".into()),
            }
        }
    }
    if !matches!(wish, Wish::Event(_)) {
        clock.told.clear();
    }
}

/// Shows the moment that the clock stands at.
fn travel(
    mut clock: ResMut<Clock>,
    mut cluster: ResMut<TheCluster>,
    mut aside: ResMut<Aside>,
    history: Res<TheHistory>,
    time: Res<Time>,
) {
    let Some(at) = clock.at else {
        if let Some(live) = aside.0.take() {
            let past = std::mem::replace(&mut cluster.0, live);
            cluster.become_other_than(&past);
            clock.shown = -1.0;
        }
        return;
    };
    if clock.playing {
        let next = at + time.delta_secs_f64() * clock.speed;
        // The past has caught up with the present.
        clock.at = (next < dom::now_ms() / 1000.0 - 0.5).then_some(next);
    }
    if aside.0.is_none() {
        aside.0 = Some(std::mem::take(&mut cluster.0));
        cluster.revision = aside.0.as_ref().map_or(0, |live| live.revision);
    }
    let Some(live) = &aside.0 else { return };
    if let Some((taken, picture)) = history.at(at).filter(|(taken, _)| *taken != clock.shown) {
        clock.shown = taken;
        cluster.recall(live, picture);
    }
}

fn refresh(clock: Res<Clock>, cluster: Res<TheCluster>, history: Res<TheHistory>) {
    let bar = dom::by_id("timeline");
    let replay = cluster.source == Some(Source::Replay);
    let (share, label, playing) = if replay {
        let Some(playback) = cluster.playback else {
            return dom::show(&bar, false);
        };
        let share = playback.position_ms as f64 / playback.length_ms.max(1) as f64;
        let label = format!(
            "{} of {}",
            words::clock(playback.position_ms as f64 / 1000.0),
            words::clock(playback.length_ms as f64 / 1000.0)
        );
        (share, label, !playback.paused)
    } else {
        let Some((first, last)) = history.span() else {
            return dom::show(&bar, false);
        };
        match clock.at {
            None => (1.0, "now".to_owned(), true),
            Some(at) => {
                let ago = words::clock(dom::now_ms() / 1000.0 - at);
                let told = match clock.told.as_str() {
                    "" => String::new(),
                    told => format!(" · {told}"),
                };
                let share = (at - first) / (last - first).max(0.1);
                (share, format!("{ago} ago{told}"), clock.playing)
            }
        }
    };
    dom::show(&bar, true);
    dom::text(&dom::by_id("time-label"), &label);
    dom::text(&dom::by_id("time-play"), if playing { "❚❚" } else { "▶" });
    dom::attribute(
        &dom::by_id("time-play"),
        "aria-label",
        if playing { "Pause" } else { "Play" },
    );
    let past = clock.at.is_some();
    dom::attribute(&bar, "data-past", if past { "yes" } else { "no" });
    if let Some(body) = dom::document().body() {
        // The whole page shows that this is not now.
        let _ = body.class_list().toggle_with_force("past", past);
    }
    if let Some(slider) = slider() {
        let value = (share.clamp(0.0, 1.0) * STEPS).round();
        let held = dom::document().active_element().as_ref() == Some(slider.unchecked_ref());
        if !held || playing {
            slider.set_value_as_number(value);
        }
        dom::attribute(&slider, "aria-valuetext", &label);
    }
}
