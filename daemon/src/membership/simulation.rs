// SPDX-License-Identifier: GPL-2.0-or-later
//! Tables of many nodes on an imagined network that loses, repeats and delays.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::key::ClusterKey;
use mattx_protocol::peer::Purpose;

const STEP: Duration = Duration::from_millis(50);
const HEARTBEAT: Duration = Duration::from_secs(1);

/// One node of the simulation.
struct Node {
    table: Membership,
    boot: u64,
    cut: bool,
    links: BTreeMap<LinkId, usize>,
    heartbeat: Moment,
    complaints: usize,
}

/// The network between them.
struct World {
    nodes: Vec<Node>,
    now: Moment,
    next_link: LinkId,
    beacons: VecDeque<(Moment, usize, usize, Beacon)>,
    /// One of so many beacons is lost; 0 is none.
    loss: u32,
    delay: Duration,
    dice: u32,
}

fn address(index: usize) -> IpAddr {
    let [high, low] = u16::try_from(index + 1).expect("small").to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(10, 0, high, low))
}

fn identity(index: usize, boot: u64) -> Identity {
    Identity {
        machine: 1000 + index as u64,
        boot,
        session: 1000 * boot + index as u64 + 1,
        name: format!("n{index}"),
        address: address(index),
    }
}

impl World {
    fn new(wanted: &[Option<NodeId>]) -> Self {
        let nodes = wanted
            .iter()
            .enumerate()
            .map(|(index, wanted)| Node {
                table: Membership::new(identity(index, 1), 7, 7226, *wanted, None),
                boot: 1,
                cut: false,
                links: BTreeMap::new(),
                heartbeat: Moment::ZERO,
                complaints: 0,
            })
            .collect();
        Self {
            nodes,
            now: Moment::ZERO,
            next_link: 1,
            beacons: VecDeque::new(),
            loss: 0,
            delay: Duration::ZERO,
            dice: 1,
        }
    }

    fn roll(&mut self) -> u32 {
        self.dice = self
            .dice
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        self.dice >> 16
    }

    fn reboot(&mut self, index: usize) {
        self.drop_links(index);
        let node = &mut self.nodes[index];
        node.boot += 1;
        let own = identity(index, node.boot);
        let mut table = Membership::new(own, 7, 7226, None, None);
        table.settle_at = Some(self.now + PROBE_TIME);
        node.table = table;
        node.heartbeat = self.now;
    }

    /// The node is gone without a word; its peers are not told.
    fn drop_links(&mut self, index: usize) {
        self.nodes[index].links.clear();
    }

    fn perform(&mut self, index: usize, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Announce => self.announce(index),
                Action::Dial { node, address } => self.dial(index, node, address),
                Action::Close { link } => {
                    self.nodes[index].links.remove(&link);
                }
                Action::Complain(_) => self.nodes[index].complaints += 1,
                Action::Settled
                | Action::Renumbered { .. }
                | Action::Up(_)
                | Action::Down { .. }
                | Action::Gone(_) => {}
            }
        }
    }

    fn announce(&mut self, index: usize) {
        let uptime = self.now.as_millis() as u64 + self.nodes[index].boot * 1_000_000;
        let beacon = self.nodes[index].table.beacon(uptime, false);
        if self.nodes[index].cut {
            return;
        }
        for target in 0..self.nodes.len() {
            let lost = self.loss > 0 && self.roll().is_multiple_of(self.loss);
            if target != index && !lost {
                let at = self.now + self.delay * (self.roll() % 4);
                self.beacons.push_back((at, index, target, beacon.clone()));
            }
        }
    }

    fn greeting(&self, index: usize) -> Greeting {
        let table = &self.nodes[index].table;
        Greeting {
            version: VERSION,
            purpose: Purpose::Control,
            node: table.node(),
            machine: table.identity().machine,
            boot: table.identity().boot,
            address: table.identity().address,
            name: table.identity().name.clone(),
        }
    }

    fn dial(&mut self, from: usize, node: NodeId, target: SocketAddr) {
        let to = (0..self.nodes.len()).find(|index| address(*index) == target.ip());
        let reached = to.filter(|to| !self.nodes[*to].cut && !self.nodes[from].cut);
        let success = reached.is_some_and(|to| self.connect(from, to, target));
        let now = self.now;
        self.nodes[from].table.dialled(now, node, target, success);
    }

    fn connect(&mut self, from: usize, to: usize, target: SocketAddr) -> bool {
        let link = self.next_link;
        self.next_link += 1;
        let (caller, answerer) = (self.greeting(from), self.greeting(to));
        if caller.node > answerer.node {
            return false;
        }
        let now = self.now;
        let back = SocketAddr::new(address(from), 7226);
        let Ok(actions) = self.nodes[to].table.greeted(now, &caller, back, link) else {
            return false;
        };
        self.nodes[to].links.insert(link, from);
        self.perform(to, actions);
        match self.nodes[from].table.greeted(now, &answerer, target, link) {
            Ok(actions) => {
                self.nodes[from].links.insert(link, to);
                self.perform(from, actions);
                true
            }
            Err(_) => false,
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        let due: Vec<_> = {
            let (due, later): (VecDeque<_>, VecDeque<_>) =
                self.beacons.drain(..).partition(|(at, ..)| *at <= now);
            self.beacons = later;
            due.into()
        };
        for (_, from, to, beacon) in due {
            if !self.nodes[from].cut && !self.nodes[to].cut {
                let actions = self.nodes[to]
                    .table
                    .heard_beacon(now, &beacon, address(from));
                self.perform(to, actions);
            }
        }
        for index in 0..self.nodes.len() {
            self.exchange(index);
            let actions = self.nodes[index].table.tick(now);
            self.perform(index, actions);
        }
    }

    /// Heartbeats, and the ends of links whose other end is gone.
    fn exchange(&mut self, index: usize) {
        if self.nodes[index].cut || self.now < self.nodes[index].heartbeat {
            return;
        }
        self.nodes[index].heartbeat = self.now + HEARTBEAT;
        let now = self.now;
        for (link, other) in self.nodes[index].links.clone() {
            if self.nodes[other].cut {
                continue;
            }
            if self.nodes[other].links.contains_key(&link) {
                let number = self.nodes[index].table.node();
                self.nodes[other].table.heard(now, number, link);
            } else {
                let number = self.nodes[other].table.node();
                let actions = self.nodes[index].table.lost(now, number, link, "reset");
                self.nodes[index].links.remove(&link);
                self.perform(index, actions);
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    fn sees(&self, index: usize) -> BTreeSet<NodeId> {
        self.nodes[index]
            .table
            .peers()
            .filter(|(_, peer)| peer.link().is_some())
            .map(|(node, _)| node)
            .collect()
    }

    /// Every node that is not cut off sees exactly the others that are not.
    fn is_whole(&self) -> Result<(), String> {
        let present: Vec<_> = (0..self.nodes.len())
            .filter(|index| !self.nodes[*index].cut)
            .collect();
        let numbers: BTreeSet<_> = present
            .iter()
            .map(|index| self.nodes[*index].table.node())
            .collect();
        if numbers.len() != present.len() {
            return Err(format!("numbers are not unique: {numbers:?}"));
        }
        for index in present {
            let mut expected = numbers.clone();
            expected.remove(&self.nodes[index].table.node());
            let seen = self.sees(index);
            if seen != expected {
                return Err(format!("node {index} sees {seen:?}, not {expected:?}"));
            }
        }
        Ok(())
    }
}

#[test]
fn a_cluster_forms_within_five_seconds() {
    let mut world = World::new(&[None; 20]);
    world.run(Duration::from_secs(5));
    assert_eq!(world.is_whole(), Ok(()));
}

#[test]
fn a_silent_node_is_gone_within_six_seconds_and_back_within_five() {
    let mut world = World::new(&[None; 5]);
    world.run(Duration::from_secs(5));
    world.nodes[2].cut = true;
    world.run(Duration::from_secs(6));
    assert_eq!(world.is_whole(), Ok(()));
    world.nodes[2].cut = false;
    world.reboot(2);
    world.run(Duration::from_secs(5));
    assert_eq!(world.is_whole(), Ok(()));
}

#[test]
fn a_node_that_stood_still_does_not_take_the_others_for_dead() {
    let mut world = World::new(&[None; 3]);
    world.run(Duration::from_secs(5));
    let later = world.now + LINK_SILENCE + Duration::from_secs(1);
    let actions = world.nodes[0].table.tick(later);
    assert!(
        actions.iter().all(|action| *action == Action::Announce),
        "{actions:?}"
    );
    // From then on silence counts as ever.
    let mut lost = 0;
    for step in 1..60 {
        let actions = world.nodes[0].table.tick(later + STEP * 2 * step);
        lost += actions
            .iter()
            .filter(|action| matches!(action, Action::Down { .. }))
            .count();
    }
    assert_eq!(lost, 2);
}

#[test]
fn two_nodes_with_one_configured_number_do_not_join_each_other() {
    let mut world = World::new(&[Some(5), Some(5), None]);
    world.run(Duration::from_secs(20));
    let complaints: usize = world.nodes.iter().map(|node| node.complaints).sum();
    assert_eq!(complaints, 1);
    assert_eq!(world.sees(2), BTreeSet::from([5]));
}

#[test]
fn a_replayed_beacon_of_an_earlier_boot_changes_no_membership() {
    let mut world = World::new(&[None; 2]);
    world.run(Duration::from_secs(5));
    let old = world.nodes[1].table.beacon(5, false);
    let leaving = world.nodes[1].table.beacon(u64::MAX, true);
    world.reboot(1);
    world.run(Duration::from_secs(8));
    assert_eq!(world.is_whole(), Ok(()));
    let now = world.now;
    for beacon in [old, leaving] {
        for action in world.nodes[0].table.heard_beacon(now, &beacon, address(1)) {
            assert!(
                matches!(action, Action::Dial { .. } | Action::Announce),
                "{action:?}"
            );
        }
        assert_eq!(world.is_whole(), Ok(()));
    }
}

/// Replaying what a node said before it rebooted must keep it neither from its number nor from the
/// cluster, however often it is done.
#[test]
fn a_node_is_not_kept_out_by_its_own_beacons_of_an_earlier_boot() {
    for wanted in [None, Some(5)] {
        let mut world = World::new(&[None, wanted]);
        world.run(Duration::from_secs(5));
        let number = world.nodes[1].table.node();
        let old = world.nodes[1].table.beacon(5, false);
        world.reboot(1);
        // As a daemon starts that remembers its number, or has it configured.
        let table = &mut world.nodes[1].table;
        (table.node, table.fixed) = (number, wanted.is_some());
        for _ in 0..100 {
            let now = world.now;
            let actions = world.nodes[1].table.heard_beacon(now, &old, address(9));
            world.perform(1, actions);
            world.run(STEP);
        }
        assert_eq!(world.nodes[1].table.node(), number, "wanted {wanted:?}");
        assert_eq!(world.nodes[1].complaints, 0, "wanted {wanted:?}");
        assert_eq!(world.is_whole(), Ok(()), "wanted {wanted:?}");
    }
}

/// The beacons of the machine that had a number before keep its new holder neither from the number
/// nor from the cluster, even if they are replayed all the time, and from many boots.
#[test]
fn a_number_can_be_given_to_another_machine_whatever_is_replayed() {
    let mut world = World::new(&[Some(1), Some(5), None]);
    world.nodes[2].cut = true;
    world.run(Duration::from_secs(5));
    let mut old = Vec::new();
    for boot in 1..=12 {
        // With more right than any newcomer: configured, and in use.
        let mut beacon = world.nodes[1].table.beacon(boot * 1000, false);
        assert!(beacon.flags.settled && beacon.flags.fixed);
        beacon.boot = 100 + boot;
        beacon.machine = u64::MAX - boot % 2;
        old.push(beacon);
    }
    world.nodes[1].cut = true;
    world.run(Duration::from_secs(10));
    let table = Membership::new(identity(2, 2), 7, 7226, Some(5), None);
    let begin = world.now;
    world.nodes[2].table = table;
    world.nodes[2].table.settle_at = Some(begin + PROBE_TIME);
    world.nodes[2].cut = false;
    for _ in 0..100 {
        for beacon in &old {
            for index in [0, 2] {
                let now = world.now;
                let actions = world.nodes[index]
                    .table
                    .heard_beacon(now, beacon, address(1));
                // Nobody answers where the former holder was.
                let dials = actions
                    .iter()
                    .filter(|action| matches!(action, Action::Dial { .. }));
                assert!(dials.count() <= MAX_CLAIMS);
                world.perform(index, actions);
            }
        }
        world.run(STEP);
    }
    assert_eq!(world.nodes[2].complaints, 0);
    assert_eq!(world.sees(0), BTreeSet::from([5]));
    assert_eq!(world.sees(2), BTreeSet::from([1]));
}

#[test]
fn a_flood_of_members_is_remembered_in_part_only() {
    let mut world = World::new(&[None; 2]);
    world.run(Duration::from_secs(3));
    let now = world.now;
    for number in 0..20_000 {
        let mut beacon = world.nodes[1].table.beacon(1, false);
        beacon.node = 2000 + number;
        beacon.machine = u64::from(number);
        world.nodes[0].table.heard_beacon(now, &beacon, address(9));
    }
    assert!(world.nodes[0].table.peers.len() <= MAX_UNLINKED);
    world.run(HEARD_LIFETIME + Duration::from_secs(1));
    assert_eq!(world.is_whole(), Ok(()));
    assert_eq!(world.nodes[0].table.peers.len(), 1);
}

#[test]
fn announcements_of_large_clusters_are_rarer() {
    let mut world = World::new(&[None; 1]);
    let now = world.now;
    for number in 0..320 {
        let mut beacon = world.nodes[0].table.beacon(1, false);
        beacon.machine = 5000 + u64::from(number);
        beacon.node = 2000 + number;
        world.nodes[0].table.heard_beacon(now, &beacon, address(9));
    }
    let mut count = 0;
    for _ in 0..200 {
        world.now += STEP;
        let now = world.now;
        let actions = world.nodes[0].table.tick(now);
        count += actions
            .iter()
            .filter(|action| **action == Action::Announce)
            .count();
    }
    assert!(count <= 4, "{count} announcements in 10 s");
}

/// What the table of one node does for one second of a cluster of `count` others that are all
/// linked: heartbeats, beacons at their interval, ticks. Returns the best of several measurements
/// and how many bytes of beacons arrive in that second.
fn second_of_a_cluster(count: u32) -> (Duration, usize) {
    let mut table = Membership::new(identity(0, 1), 7, 7226, Some(1), None);
    let mut now = PROBE_TIME;
    table.tick(now);
    let others: Vec<_> = (1..=count)
        .map(|index| {
            let own = identity(index as usize, 1);
            Membership::new(own, 7, 7226, Some(index + 1), None)
        })
        .collect();
    for (link, other) in (0..).zip(&others) {
        let greeting = Greeting {
            version: VERSION,
            purpose: Purpose::Control,
            node: other.node(),
            machine: other.identity().machine,
            boot: other.identity().boot,
            address: other.identity().address,
            name: other.identity().name.clone(),
        };
        let back = SocketAddr::new(other.identity().address, 7226);
        table.greeted(now, &greeting, back, link).expect("welcome");
    }
    // As in `Membership::tick`.
    let interval = (1 + count / ANNOUNCE_NODES).min(10);
    let key = ClusterKey::from_bytes([7; 32]);
    let mut best = Duration::MAX;
    let mut bytes = 0;
    for round in 1..=20 {
        // What arrives is made outside of the measurement, and read inside of it.
        let datagrams: Vec<_> = others
            .iter()
            .filter(|other| other.node() % interval == round % interval)
            .map(|other| other.beacon(u64::from(round), false).encode(&key))
            .collect();
        bytes = bytes.max(datagrams.iter().map(Vec::len).sum());
        let begin = std::time::Instant::now();
        for (link, other) in (0..).zip(&others) {
            table.heard(now, other.node(), link);
        }
        for datagram in &datagrams {
            let beacon = Beacon::decode(datagram, &key).expect("authentic");
            table.heard_beacon(now, &beacon, beacon.addresses[0]);
        }
        for _ in 0..10 {
            now += Duration::from_millis(100);
            table.tick(now);
        }
        best = best.min(begin.elapsed());
    }
    let linked = table.peers().filter(|(_, peer)| peer.link().is_some());
    assert_eq!(linked.count(), count as usize);
    (best, bytes)
}

#[test]
fn a_thousand_nodes_cost_each_no_more_than_their_number() {
    let figures = [125, 250, 500, 1000].map(|count| (count, second_of_a_cluster(count)));
    for (count, (time, bytes)) in figures {
        println!(
            "{count} others: {time:?} of processor time and {bytes} bytes of beacons a second"
        );
    }
    let [(_, (few, _)), .., (_, (many, bytes))] = figures;
    // Eight times the nodes; their square would be 64 times. The rest is for caches and noise.
    assert!(many < few * 20, "{few:?} for 125 others, {many:?} for 1000");
    assert!(many < Duration::from_millis(20), "{many:?} of each second");
    assert!(bytes < 20_000, "{bytes} bytes of beacons a second");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever numbers are wanted and whatever happens, once the network is quiet the cluster
    /// is whole, and no two nodes have one number.
    #[test]
    fn a_troubled_cluster_becomes_whole(
        wanted in prop::collection::vec(prop::option::weighted(0.3, 1..4u32), 2..7),
        troubles in prop::collection::vec((0..7usize, 0..3u8), 0..8),
        loss in 0..5u32,
        dice in 1..1000u32,
    ) {
        // Configured numbers are unique: two of one number is a case that people must settle.
        let mut used = BTreeSet::new();
        let wanted: Vec<_> = wanted
            .into_iter()
            .map(|number| number.filter(|number| used.insert(*number)))
            .collect();
        let mut world = World::new(&wanted);
        world.loss = if loss < 2 { 0 } else { loss };
        world.delay = Duration::from_millis(40);
        world.dice = dice;
        for (index, trouble) in troubles {
            let index = index % world.nodes.len();
            match trouble {
                0 => world.nodes[index].cut = !world.nodes[index].cut,
                1 if wanted[index].is_none() => world.reboot(index),
                _ => {}
            }
            world.run(Duration::from_millis(1700));
        }
        for node in &mut world.nodes {
            node.cut = false;
        }
        world.loss = 0;
        world.run(Duration::from_secs(25));
        prop_assert_eq!(world.is_whole(), Ok(()));
    }
}
