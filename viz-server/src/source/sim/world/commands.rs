// SPDX-License-Identifier: GPL-2.0-or-later
//! How the simulated nodes obey.

use mattx_protocol::command::{Command, NameList, NodeSwitch, Outcome, Target};
use mattx_protocol::model::{AFFINITY_PER_CORE, NodeId, ProcessRef};

use super::{World, slot};

const EPERM: i32 = 1;
const ESRCH: i32 = 3;
const EBUSY: i32 = 16;
const EINVAL: i32 = 22;
const EOPNOTSUPP: i32 = 95;
const EHOSTUNREACH: i32 = 113;

/// What people have set on a node.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) balancer: bool,
    block: bool,
    stay: bool,
    stay_local: bool,
    quiet: bool,
    affinity: u32,
    excluded: Vec<String>,
    included: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            balancer: true,
            block: false,
            stay: false,
            stay_local: false,
            quiet: false,
            affinity: 0,
            excluded: Vec::new(),
            included: Vec::new(),
        }
    }
}

impl Settings {
    pub(super) fn affinity(&self, cores: usize) -> u32 {
        match self.affinity {
            0 => AFFINITY_PER_CORE * u32::try_from(cores).unwrap_or(1),
            affinity => affinity,
        }
    }
}

impl World {
    /// Begins to carry out a command. Of a move, the end is told as [`super::News::Answer`] under the name that is
    /// returned; everything else is done when this returns `None`.
    ///
    /// # Errors
    /// The outcome, when it is refused.
    pub fn command(&mut self, command: Command) -> Result<Option<ProcessRef>, Outcome> {
        if !self.is_up(command.executor()) {
            return Err(refused(
                EHOSTUNREACH,
                format!("node {} is not in the cluster", command.executor()),
            ));
        }
        let index = slot(command.executor());
        match command {
            Command::Migrate { process, target } => {
                let place = self.place(process)?;
                let to = match target {
                    Target::Node(node) => node,
                    Target::Home => process.home,
                    Target::Best => self.idlest(self.processes[place].at),
                };
                if let Some(outcome) = self.why_not(place, to) {
                    return Err(outcome);
                }
                self.launch(place, to);
                return Ok(Some(process));
            }
            Command::Lock { process, locked } => {
                let place = self.place(process)?;
                self.processes[place].locked = locked;
            }
            // The server has moved each process of the picture, and here the picture is all there is.
            Command::Expel { .. } | Command::Bring { .. } => {}
            Command::Switch { switch, on, .. } => {
                let settings = &mut self.nodes[index].settings;
                *match switch {
                    NodeSwitch::Balancer => &mut settings.balancer,
                    NodeSwitch::Block => &mut settings.block,
                    NodeSwitch::Stay => &mut settings.stay,
                    NodeSwitch::StayLocal => &mut settings.stay_local,
                    NodeSwitch::Quiet => &mut settings.quiet,
                } = on;
            }
            Command::Affinity { affinity, .. } => self.nodes[index].settings.affinity = affinity,
            Command::Names { list, names, .. } => {
                let settings = &mut self.nodes[index].settings;
                *match list {
                    NameList::Exclude => &mut settings.excluded,
                    NameList::Include => &mut settings.included,
                } = names;
            }
        }
        Ok(None)
    }

    fn place(&self, process: ProcessRef) -> Result<usize, Outcome> {
        self.places.get(&process).copied().ok_or_else(|| {
            refused(
                ESRCH,
                format!(
                    "there is no process {} of node {}",
                    process.pid, process.home
                ),
            )
        })
    }

    /// Why the process at `place` cannot go to node `to`, if it cannot.
    pub(super) fn why_not(&self, place: usize, to: NodeId) -> Option<Outcome> {
        let process = &self.processes[place];
        let name = process.name();
        if !self.is_up(to) {
            let reason = format!("{name} was not moved: node {to} is not in the cluster");
            return Some(refused(EHOSTUNREACH, reason));
        }
        if process.flight.is_some() {
            let reason = format!("{name} is already on its way; wait until it has arrived");
            return Some(refused(EBUSY, reason));
        }
        if !process.is_movable() {
            let reason = format!(
                "{name} stays where it is: it is a system service of its node, which never moves"
            );
            return Some(refused(EOPNOTSUPP, reason));
        }
        if process.at == to {
            return Some(refused(
                EINVAL,
                format!("{name} computes on node {to} already"),
            ));
        }
        if to == process.origin.home {
            return None;
        }
        let (from, home) = (
            &self.nodes[slot(process.at)].settings,
            &self.nodes[slot(process.origin.home)].settings,
        );
        let reason = if self.nodes[slot(to)].settings.block {
            format!("{name} was not moved: node {to} takes no guests; turn its block off")
        } else if from.stay || (from.stay_local && process.at == process.origin.home) {
            format!(
                "{name} was not moved: nothing leaves node {}; turn its stay off",
                process.at
            )
        } else if home.excluded.iter().any(|excluded| excluded == name)
            || !(home.included.is_empty() || home.included.iter().any(|included| included == name))
        {
            format!(
                "{name} was not moved: the lists of node {} keep it there",
                process.origin.home
            )
        } else {
            return None;
        };
        Some(refused(EPERM, reason))
    }
}

pub(super) fn refused(errno: i32, reason: String) -> Outcome {
    Outcome::Failed { errno, reason }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{calc, run};
    use super::*;

    #[test]
    fn refusals_name_their_reason_and_change_nothing() {
        let mut world = World::new(1, 3);
        let process = calc(&world);
        let system = ProcessRef { home: 1, pid: 1 };
        for (process, target, expected) in [
            (process, Target::Node(99), EHOSTUNREACH),
            (process, Target::Node(0), EHOSTUNREACH),
            (process, Target::Home, EINVAL),
            (system, Target::Home, ESRCH),
        ] {
            match world.command(Command::Migrate { process, target }) {
                Err(Outcome::Failed { errno, reason }) => {
                    assert_eq!(errno, expected);
                    assert!(reason.len() > 20, "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(world.news().is_empty());
    }

    #[test]
    fn switches_and_lists_keep_processes_where_they_are() {
        let mut world = World::new(1, 3);
        let process = calc(&world);
        let target = Target::Node(2);
        let switch = |node, switch, on| Command::Switch { node, switch, on };
        let exclude = |names: &[&str]| Command::Names {
            node: 1,
            list: NameList::Exclude,
            names: names.iter().map(|name| (*name).into()).collect(),
        };
        for (set, unset) in [
            (
                switch(2, NodeSwitch::Block, true),
                switch(2, NodeSwitch::Block, false),
            ),
            (
                switch(1, NodeSwitch::Stay, true),
                switch(1, NodeSwitch::Stay, false),
            ),
            (exclude(&["calc"]), exclude(&[])),
        ] {
            assert_eq!(world.command(set), Ok(None));
            let refused = world.command(Command::Migrate { process, target });
            assert!(
                matches!(refused, Err(Outcome::Failed { errno: EPERM, .. })),
                "{refused:?}"
            );
            assert_eq!(world.command(unset), Ok(None));
        }
        let affinity = Command::Affinity {
            node: 2,
            affinity: 9000,
        };
        assert_eq!(world.command(affinity), Ok(None));
        assert_eq!(world.samples()[1].affinity, 9000);
        for node in 1..=3 {
            world
                .command(switch(node, NodeSwitch::Balancer, false))
                .unwrap();
        }
        let moves = run(&mut world, 60.0);
        assert!(
            !moves
                .iter()
                .any(|news| matches!(news, super::super::News::Move(_))),
            "no balancer, no moves"
        );
    }
}
