// SPDX-License-Identifier: GPL-2.0-or-later
//! Taking back: undo after a move, calling off while it is under way.

use std::collections::VecDeque;

use mattx_protocol::command::Command;

use super::orders::{name_of, target_at};
use super::{Acting, Mood};
use crate::cluster::Cluster;

impl Acting {
    /// Sends what moved last back to where it was.
    pub fn undo(&mut self, cluster: &Cluster) {
        if !self.may_act(cluster) {
            return;
        }
        let back: VecDeque<_> = std::mem::take(&mut self.undo)
            .into_iter()
            .filter(|(process, from)| {
                let known = cluster.processes.get(process);
                known.is_some_and(|known| known.node != *from) && !self.is_pending(*process)
            })
            .map(|(process, from)| (process, target_at(process, from)))
            .collect();
        match back.len() {
            0 => self.hint("there is nothing to undo".into()),
            1 => {
                for (process, target) in back {
                    self.send_move(cluster, process, target, None);
                }
            }
            _ => self.begin_bulk(cluster, back),
        }
    }

    /// What an undo would do, in words.
    #[must_use]
    pub fn undoable(&self, cluster: &Cluster) -> Option<String> {
        match self.undo.as_slice() {
            [] => None,
            [(process, from)] => Some(format!(
                "{} back to {}",
                name_of(cluster, *process),
                cluster.node_name(*from)
            )),
            many => Some(format!("{} processes back", many.len())),
        }
    }

    /// Whether something is under way that can be called off.
    #[must_use]
    pub fn is_working(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Calls off what is under way: nothing more is sent, and what arrives nevertheless is sent back.
    pub fn call_off(&mut self) {
        for bulk in self.bulks.values_mut() {
            bulk.called_off = true;
            bulk.waiting.clear();
        }
        let mut notes = Vec::new();
        for (id, pending) in &mut self.pending {
            if matches!(pending.command, Command::Migrate { .. }) && !pending.called_off {
                pending.called_off = true;
                if pending.bulk.is_none() {
                    notes.push((
                        *id,
                        format!("{} comes back once it has arrived …", pending.what),
                    ));
                }
            }
        }
        for (id, text) in notes {
            self.say(id, Mood::Working, text);
        }
    }
}
