// SPDX-License-Identifier: GPL-2.0-or-later
//! What gestures mean: selecting, and commands with their answers.

use std::collections::{BTreeMap, BTreeSet};

use mattx_protocol::command::Outcome;
use mattx_protocol::model::{NodeId, ProcessRef};

use crate::pick::Target;

mod answers;
mod back;
mod bulk;
mod orders;
mod selection;
#[cfg(test)]
mod tests;
mod toasts;

use bulk::Bulk;
pub use orders::Order;
use orders::Pending;
pub use toasts::{Mood, Toast};

/// Why a person with a viewer's link cannot act.
pub const VIEWERS_LOOK: &str =
    "You can look but not act: open the link with the token that mattx-viz printed";
/// Why nobody can act on what is over.
pub const PAST_IS_PAST: &str = "This is the past: go back to live (L) to act";

/// Selection and commands under way.
#[derive(Clone, Debug, Default)]
pub struct Acting {
    /// What is selected.
    pub selected: Option<Target>,
    /// Processes that are meant together; commands concern all of them.
    pub group: BTreeSet<ProcessRef>,
    pending: BTreeMap<u64, Pending>,
    bulks: BTreeMap<u64, Bulk>,
    /// The last moves that succeeded and where their processes were before.
    undo: Vec<(ProcessRef, NodeId)>,
    last_id: u64,
    outbox: Vec<Order>,
    toasts: Vec<Toast>,
    /// Outcomes so far, newest last, for tests and the timeline.
    pub outcomes: Vec<(ProcessRef, Outcome)>,
}
