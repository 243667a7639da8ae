// SPDX-License-Identifier: GPL-2.0-or-later
//! What is selected, and what a click means.

use mattx_protocol::command;
use mattx_protocol::model::{NodeId, ProcessRef};

use super::Acting;
use crate::cluster::Cluster;
use crate::pick::Target;

impl Acting {
    /// A click: selects a process or a node; with a process selected, a click on another node moves it there.
    pub fn click(&mut self, cluster: &Cluster, target: Option<Target>) {
        if let Some(Target::Node(node)) = target {
            let elsewhere = |name: &ProcessRef| {
                let process = cluster.processes.get(name);
                process.is_some_and(|known| known.node != node)
            };
            if self.meant().iter().any(elsewhere) {
                self.move_meant(cluster, command::Target::Node(node));
                return;
            }
        }
        self.group.clear();
        self.selected = target;
    }

    /// A click that adds a process to those that are meant together, or takes it out.
    pub fn click_also(&mut self, target: Option<Target>) {
        let Some(Target::Process(name)) = target else {
            return;
        };
        self.group.extend(self.selected_process());
        if !self.group.remove(&name) {
            self.group.insert(name);
        }
        self.selected = self.group.first().copied().map(Target::Process);
    }

    /// Means all these together.
    pub fn select_all(&mut self, names: impl IntoIterator<Item = ProcessRef>) {
        self.group = names.into_iter().collect();
        self.selected = self.group.first().copied().map(Target::Process);
    }

    /// Lets go of everything.
    pub fn let_go(&mut self) {
        self.selected = None;
        self.group.clear();
    }

    /// The processes that commands concern: the group, or else the selected one.
    #[must_use]
    pub fn meant(&self) -> Vec<ProcessRef> {
        if self.group.is_empty() {
            self.selected_process().into_iter().collect()
        } else {
            self.group.iter().copied().collect()
        }
    }

    /// Forgets a selected thing that is gone.
    pub fn forget_gone(&mut self, cluster: &Cluster) {
        self.group
            .retain(|name| cluster.processes.contains_key(name));
        let gone = match self.selected {
            Some(Target::Node(node)) => !cluster.nodes.contains_key(&node),
            Some(Target::Process(process)) => !cluster.processes.contains_key(&process),
            None => false,
        };
        if gone {
            self.selected = self.group.first().copied().map(Target::Process);
        }
    }

    /// The selected process.
    #[must_use]
    pub fn selected_process(&self) -> Option<ProcessRef> {
        match self.selected {
            Some(Target::Process(process)) => Some(process),
            _ => None,
        }
    }

    /// The selected node.
    #[must_use]
    pub fn selected_node(&self) -> Option<NodeId> {
        match self.selected {
            Some(Target::Node(node)) => Some(node),
            _ => None,
        }
    }
}
