// SPDX-License-Identifier: GPL-2.0-or-later
//! Moves of several processes as one order: a few are under way at once, and the end is summed up.

use std::collections::{BTreeMap, VecDeque};

use mattx_protocol::command;
use mattx_protocol::model::{NodeId, ProcessRef};

use super::orders::Pending;
use super::{Acting, Mood};
use crate::cluster::Cluster;

/// Commands of one bulk order that are under way at once; the rest waits here and can be called off.
pub(super) const AT_ONCE: usize = 4;

/// Several moves as one order.
#[derive(Clone, Debug, Default)]
pub(super) struct Bulk {
    pub(super) waiting: VecDeque<(ProcessRef, command::Target)>,
    pub(super) all: usize,
    pub(super) moved: Vec<(ProcessRef, NodeId)>,
    pub(super) refused: Vec<String>,
    pub(super) called_off: bool,
}

impl Acting {
    /// Asks for several moves: a few at once, the rest when those have ended.
    pub(super) fn migrate_all(
        &mut self,
        cluster: &Cluster,
        many: &[ProcessRef],
        target: command::Target,
    ) {
        if !self.may_act(cluster) {
            return;
        }
        let already_there = |process: &ProcessRef| {
            cluster
                .processes
                .get(process)
                .is_none_or(|known| match target {
                    command::Target::Node(node) => known.node == node,
                    command::Target::Home => !known.is_away(),
                    command::Target::Best => false,
                })
        };
        let waiting: VecDeque<_> = many
            .iter()
            .filter(|process| !already_there(process) && !self.is_pending(**process))
            .map(|process| (*process, target))
            .collect();
        if waiting.is_empty() {
            self.hint("all of them are there already".into());
            return;
        }
        self.begin_bulk(cluster, waiting);
    }

    pub(super) fn begin_bulk(
        &mut self,
        cluster: &Cluster,
        waiting: VecDeque<(ProcessRef, command::Target)>,
    ) {
        self.last_id += 1;
        let (id, all) = (self.last_id, waiting.len());
        let bulk = Bulk {
            waiting,
            all,
            ..Bulk::default()
        };
        self.bulks.insert(id, bulk);
        self.feed_bulk(cluster, id);
    }

    /// Sends as many of a bulk order as may be under way, or sums it up.
    pub(super) fn feed_bulk(&mut self, cluster: &Cluster, id: u64) {
        let under_way = |pending: &BTreeMap<u64, Pending>| {
            let of_this = pending.values().filter(|one| one.bulk == Some(id));
            of_this.count()
        };
        while under_way(&self.pending) < AT_ONCE {
            let next = self
                .bulks
                .get_mut(&id)
                .and_then(|bulk| bulk.waiting.pop_front());
            let Some((process, target)) = next else { break };
            self.send_move(cluster, process, target, Some(id));
        }
        let busy = under_way(&self.pending);
        let Some(bulk) = self.bulks.get(&id) else {
            return;
        };
        let ended = bulk.moved.len() + bulk.refused.len();
        if busy > 0 {
            let text = format!("moving {} processes: {ended} done", bulk.all);
            self.say(id, Mood::Working, text);
            return;
        }
        let Some(bulk) = self.bulks.remove(&id) else {
            return;
        };
        let rest = if bulk.called_off {
            ", the rest was called off"
        } else {
            ""
        };
        let text = match bulk.refused.first() {
            None => format!("{} of {} moved{rest}", bulk.moved.len(), bulk.all),
            Some(reason) => format!(
                "{} of {} moved, {} stay{rest}: {reason}",
                bulk.moved.len(),
                bulk.all,
                bulk.refused.len()
            ),
        };
        let mood = if bulk.refused.is_empty() {
            Mood::Good
        } else {
            Mood::Bad
        };
        self.say(id, mood, text);
        if !bulk.moved.is_empty() {
            self.undo = bulk.moved;
        }
    }
}
