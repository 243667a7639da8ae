// SPDX-License-Identifier: GPL-2.0-or-later
//! The page around the canvas. Text goes in as text only, never as markup: names of processes come from strangers.

use std::cell::Cell;
use std::rc::Rc;

use bevy::math::Vec2;
use wasm_bindgen::convert::FromWasmAbi;
use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, EventTarget, HtmlElement, UrlSearchParams, Window};

/// The browser's window.
///
/// # Panics
/// Outside a page, where this program cannot run.
#[must_use]
pub fn window() -> Window {
    web_sys::window().expect("this program runs in a page")
}

/// The page.
///
/// # Panics
/// Outside a page.
#[must_use]
pub fn document() -> Document {
    window().document().expect("this program runs in a page")
}

/// The element with this id, which `index.html` is sure to have.
///
/// # Panics
/// When page and program do not belong together.
#[must_use]
pub fn by_id(id: &str) -> HtmlElement {
    let found = document()
        .get_element_by_id(id)
        .and_then(|element| element.dyn_into().ok());
    found.unwrap_or_else(|| {
        panic!("the page has no element #{id}: page and program are of different versions")
    })
}

/// A new element with a class and a text.
///
/// # Panics
/// For a tag that no browser knows.
#[must_use]
pub fn make(tag: &str, class: &str, text: &str) -> HtmlElement {
    let element: HtmlElement = document()
        .create_element(tag)
        .ok()
        .and_then(|element| element.dyn_into().ok())
        .unwrap_or_else(|| panic!("the browser cannot make <{tag}>"));
    if !class.is_empty() {
        element.set_class_name(class);
    }
    if !text.is_empty() {
        element.set_text_content(Some(text));
    }
    element
}

/// Puts `child` at the end of `parent`.
pub fn append(parent: &Element, child: &Element) {
    // Fails only for impossible trees, such as an element inside itself.
    let _ = parent.append_child(child);
}

/// Sets an attribute; its names here are always valid.
pub fn attribute(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

/// Sets a style property.
pub fn style(element: &HtmlElement, name: &str, value: &str) {
    let _ = element.style().set_property(name, value);
}

/// Sets the text if it is another.
pub fn text(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

/// Shows or hides an element.
pub fn show(element: &HtmlElement, visible: bool) {
    if element.hidden() == visible {
        element.set_hidden(!visible);
    }
}

/// Calls `handler` for every event of this kind, as long as the page lives.
pub fn listen<E: FromWasmAbi + 'static>(
    target: &EventTarget,
    kind: &str,
    handler: impl FnMut(E) + 'static,
) {
    let closure = Closure::<dyn FnMut(E)>::new(handler);
    let options = web_sys::AddEventListenerOptions::new();
    options.set_passive(false);
    let _ = target.add_event_listener_with_callback_and_add_event_listener_options(
        kind,
        closure.as_ref().unchecked_ref(),
        &options,
    );
    closure.forget();
}

/// A value of the question part of the page's address.
#[must_use]
pub fn query(name: &str) -> Option<String> {
    let search = window().location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get(name)
}

/// What the browser keeps for this site; none where that is forbidden.
#[must_use]
pub fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// Whether the person asked the system for less motion.
#[must_use]
pub fn prefers_reduced_motion() -> bool {
    window()
        .match_media("(prefers-reduced-motion: reduce)")
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}

/// Whether the browser can draw in the way this program needs.
#[must_use]
pub fn has_webgl2() -> bool {
    let canvas = make("canvas", "", "");
    canvas
        .dyn_ref::<web_sys::HtmlCanvasElement>()
        .and_then(|canvas| canvas.get_context("webgl2").ok().flatten())
        .is_some()
}

/// Replaces the loading message by what went wrong.
pub fn announce_failure(reason: &str) {
    let loading = by_id("loading");
    loading.set_class_name("failed");
    text(&by_id("loading-text"), reason);
    show(&loading, true);
}

/// Begins the page anew after a while.
pub fn reload_in(milliseconds: i32) {
    let reload = Closure::once_into_js(|| {
        // It fails only where the page is being left already.
        let _ = window().location().reload();
    });
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(
        reload.unchecked_ref(),
        milliseconds,
    );
}

/// The size of the canvas in CSS pixels, in which pointers are told, too; the browser tells when it changes. To ask for it
/// in every frame would have the browser lay the page out in every frame.
#[must_use]
pub fn watch_canvas_size() -> Rc<Cell<Vec2>> {
    let canvas = by_id("scene");
    let measure = move || Vec2::new(canvas.client_width() as f32, canvas.client_height() as f32);
    let size = Rc::new(Cell::new(measure()));
    let to = size.clone();
    let observe = Closure::<dyn FnMut()>::new(move || to.set(measure()));
    if let Ok(observer) = web_sys::ResizeObserver::new(observe.as_ref().unchecked_ref()) {
        observer.observe(&by_id("scene"));
    }
    observe.forget();
    size
}

/// Milliseconds since the page was opened.
#[must_use]
pub fn now_ms() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}
