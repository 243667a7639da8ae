// SPDX-License-Identifier: GPL-2.0-or-later
//! Which processes changed when, by their homes: news come many times per second and each is about a few nodes only.

use std::collections::BTreeMap;

use mattx_protocol::model::NodeId;

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// Everything may have.
    All,
    /// Processes of these homes.
    Homes(Vec<NodeId>),
}

/// The revisions that last changed something.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    all: u64,
    homes: BTreeMap<NodeId, u64>,
}

impl Changes {
    /// Notes that a process of `home` changes with this revision.
    pub fn touch(&mut self, home: NodeId, revision: u64) {
        self.homes.insert(home, revision);
    }

    /// Notes that everything may change with this revision.
    pub fn touch_all(&mut self, revision: u64) {
        self.all = revision;
        self.homes.clear();
    }

    /// What changed after this revision.
    #[must_use]
    pub fn since(&self, revision: u64) -> Changed {
        if self.all > revision {
            return Changed::All;
        }
        let homes = self.homes.iter().filter(|(_, last)| **last > revision);
        Changed::Homes(homes.map(|(home, _)| *home).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_after_is_told() {
        let mut changes = Changes::default();
        changes.touch(3, 1);
        changes.touch(4, 2);
        assert_eq!(changes.since(0), Changed::Homes(vec![3, 4]));
        assert_eq!(changes.since(1), Changed::Homes(vec![4]));
        changes.touch_all(3);
        changes.touch(3, 4);
        assert_eq!(changes.since(2), Changed::All);
        assert_eq!(changes.since(3), Changed::Homes(vec![3]));
    }
}
