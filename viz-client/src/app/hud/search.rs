// SPDX-License-Identifier: GPL-2.0-or-later
//! The search field: what it does not match is dimmed in the picture; Enter selects the first match.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use bevy::prelude::*;
use mattx_protocol::model::{NodeId, ProcessRef};
use mattx_viz_client::cluster::Cluster;
use mattx_viz_client::filter::Query;
use mattx_viz_client::pick::Target;
use wasm_bindgen::JsCast as _;
use web_sys::{Event, HtmlInputElement, KeyboardEvent};

use crate::app::Step;
use crate::app::dom;
use crate::app::input::is_for_a_control;
use crate::app::model::{TheActing, TheCluster};

/// What is looked for; without a query it is everything.
#[derive(Resource, Default)]
pub struct Filter {
    query: Option<Query>,
    /// What matches, as of `revision`.
    found: HashSet<ProcessRef>,
    nodes: HashSet<NodeId>,
    revision: u64,
}

impl Filter {
    /// Whether a process is what is looked for.
    #[must_use]
    pub fn shows(&self, process: ProcessRef) -> bool {
        self.query.is_none() || self.found.contains(&process)
    }

    /// Whether a node has something that is looked for.
    #[must_use]
    pub fn shows_node(&self, node: NodeId) -> bool {
        self.query.is_none() || self.nodes.contains(&node)
    }

    /// What is looked for and found; nothing when nothing is looked for.
    #[must_use]
    pub fn found(&self) -> Option<&HashSet<ProcessRef>> {
        self.query.is_some().then_some(&self.found)
    }

    fn follow(&mut self, cluster: &Cluster, renewed: bool) {
        if !renewed && self.revision == cluster.revision {
            return;
        }
        self.revision = cluster.revision;
        self.found.clear();
        self.nodes.clear();
        let Some(query) = &self.query else { return };
        for process in cluster.processes.values() {
            if query.matches(process, cluster) {
                self.found.insert(process.name);
                self.nodes.insert(process.node);
            }
        }
    }
}

#[derive(Default)]
struct Field {
    text: Option<String>,
    choose: bool,
}

type Shared = Rc<RefCell<Field>>;

pub fn plugin(app: &mut App) {
    app.init_resource::<Filter>()
        .insert_non_send(listen())
        // What is searched for is known before keys act on it, also when both come within one slow frame.
        .add_systems(
            Update,
            apply.in_set(Step::Act).before(crate::app::interact::point),
        );
}

fn field() -> Option<HtmlInputElement> {
    dom::by_id("search").dyn_into().ok()
}

fn listen() -> Shared {
    let shared = Shared::default();
    let Some(field) = field() else { return shared };
    // At once and not in the next frame: the next key is meant for the field already.
    let target = field.clone();
    dom::listen(&dom::window(), "keydown", move |event: KeyboardEvent| {
        if event.code() == "Slash" && event.key() == "/" && !is_for_a_control(&event) {
            event.prevent_default();
            let _ = target.focus();
            target.select();
        }
    });
    let (to, from) = (shared.clone(), field.clone());
    dom::listen(&field, "input", move |_: Event| {
        to.borrow_mut().text = Some(from.value())
    });
    let (to, from) = (shared.clone(), field.clone());
    dom::listen(&field, "keydown", move |event: KeyboardEvent| {
        match event.key().as_str() {
            "Enter" => {
                to.borrow_mut().choose = true;
                let _ = from.blur();
            }
            "Escape" => {
                from.set_value("");
                to.borrow_mut().text = Some(String::new());
                let _ = from.blur();
            }
            _ => {}
        }
    });
    shared
}

fn apply(
    shared: NonSend<Shared>,
    mut filter: ResMut<Filter>,
    mut acting: ResMut<TheActing>,
    cluster: Res<TheCluster>,
) {
    let mut field = shared.borrow_mut();
    let text = field.text.take();
    let renewed = text.is_some();
    if let Some(text) = text {
        filter.query = Query::parse(&text);
    }
    filter.follow(&cluster, renewed);
    if std::mem::take(&mut field.choose)
        && let Some(found) = filter.found()
    {
        let found = found
            .iter()
            .filter_map(|name| cluster.processes.get(name))
            .max_by(|a, b| a.sample.cpu_percent.total_cmp(&b.sample.cpu_percent));
        match found {
            Some(process) => {
                acting.group.clear();
                acting.selected = Some(Target::Process(process.name));
            }
            None => acting.hint("no process matches".into()),
        }
    }
}
