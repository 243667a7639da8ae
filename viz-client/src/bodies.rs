// SPDX-License-Identifier: GPL-2.0-or-later
//! Where processes are drawn: each has a seat on an orbit around its node, and flies an arc when it moves.

use std::collections::{BTreeMap, BTreeSet};
use std::f32::consts::TAU;

use glam::{Vec2, Vec3};
use mattx_protocol::model::{MovePhase, NodeId, ProcessRef};

use crate::changes::Changed;
use crate::cluster::{Cluster, News, Process, names_of};
use crate::motion::{arc, arc_height, ease, scatter, share};
use crate::places::NODE_HALF_WIDTH;
use crate::sorted::SortedMap;

/// Radius of the innermost orbit, and the distance of the next.
const ORBIT: f32 = NODE_HALF_WIDTH * 1.9;
const ORBIT_STEP: f32 = 0.62;
/// Seats on the innermost orbit, and how many more each further one has.
const SEATS: usize = 8;
const MORE_SEATS: usize = 4;
/// Radians per second of the innermost orbit.
const ORBIT_SPEED: f32 = 0.11;
/// A flight under way comes this far before it is known to have succeeded.
const PENDING_REACH: f32 = 0.70;
/// Half of what is left of the pending part is flown in this time, in seconds.
const PENDING_HALF_LIFE: f32 = 0.55;
/// Seconds from the commit until the arrival.
const ARRIVAL: f32 = 0.75;
/// Seconds for which an arrival or a failure is seen.
const AFTERGLOW: f32 = 1.6;

/// How a flight stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Frozen and offered, not committed.
    Pending,
    /// Committed: it arrives.
    Landing,
    /// Failed: it returns to where it came from.
    Returning,
}

/// A process between two nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flight {
    /// Where it computed.
    pub from: NodeId,
    /// Where it goes.
    pub to: NodeId,
    /// Share of the arc that it has flown.
    pub progress: f32,
    /// How it stands.
    pub stage: Stage,
}

/// A process as it is drawn.
#[derive(Clone, Debug)]
pub struct Body {
    /// Where it is.
    pub position: Vec3,
    /// The node around which it has its seat.
    pub node: NodeId,
    seat: usize,
    orbit: Orbit,
    /// The foot of its node.
    foot: Vec3,
    /// Its flight, if it is between two nodes.
    pub flight: Option<Flight>,
    /// From 1.0 when it has just arrived down to 0.0; negative the same after a failure.
    pub afterglow: f32,
    /// From 0.0 when it was born to 1.0.
    pub presence: f32,
    /// Radius of the ball that stands for it.
    pub radius: f32,
    /// Share of a processor that it computes with, 0.0..=1.0.
    pub busy: f32,
    rss_kib: u64,
}

impl Body {
    /// A process that has just been born in a seat.
    fn new(process: &Process, seat: usize, foot: Vec3, turns: &mut Turns) -> Self {
        let orbit = Orbit::of(seat, process.name.pid);
        let rss_kib = process.sample.rss_kib;
        Self {
            position: foot + orbit.at(turns),
            node: process.node,
            seat,
            orbit,
            foot,
            flight: None,
            afterglow: 0.0,
            presence: 0.0,
            radius: radius(rss_kib),
            busy: busy(process),
            rss_kib,
        }
    }

    /// Whether it computes elsewhere than at the home that its name tells.
    #[must_use]
    pub fn is_away_from(&self, home: NodeId) -> bool {
        self.node != home
    }

    /// Follows what its node says about it.
    fn look_like(&mut self, process: &Process) {
        self.busy = busy(process);
        if self.rss_kib != process.sample.rss_kib {
            self.rss_kib = process.sample.rss_kib;
            self.radius = radius(self.rss_kib);
        }
    }
}

/// Radius of the ball that stands for a process with so much memory: one MiB is barely a dot, one GiB a fat ball.
fn radius(rss_kib: u64) -> f32 {
    let mib = (rss_kib as f32 / 1024.0).max(0.5);
    (0.13 + 0.032 * (1.0 + mib).log2()).min(0.5)
}

fn busy(process: &Process) -> f32 {
    (process.sample.cpu_percent / 100.0).clamp(0.0, 1.0)
}

/// All processes as they are drawn.
#[derive(Clone, Debug, Default)]
pub struct Bodies {
    /// By name.
    pub all: SortedMap<ProcessRef, Body>,
    seats: BTreeMap<NodeId, BTreeSet<usize>>,
    revision: u64,
    turns: Turns,
}

impl Bodies {
    /// Follows what was told about moves.
    pub fn hear(&mut self, news: &News) {
        let News::Move(event) = news else { return };
        let Some(body) = self.all.get_mut(&event.process) else {
            return;
        };
        match &event.phase {
            MovePhase::Started => {
                body.flight = Some(Flight {
                    from: event.from,
                    to: event.to,
                    progress: 0.0,
                    stage: Stage::Pending,
                });
            }
            MovePhase::Committed => {
                let flight = body.flight.get_or_insert(Flight {
                    from: event.from,
                    to: event.to,
                    progress: 0.0,
                    stage: Stage::Landing,
                });
                flight.to = event.to;
                flight.stage = Stage::Landing;
            }
            MovePhase::Failed { .. } => match &mut body.flight {
                Some(flight) => flight.stage = Stage::Returning,
                None => body.afterglow = -1.0,
            },
            MovePhase::Ended { .. } => {}
        }
    }

    /// Lets `seconds` pass. `still` keeps processes in their seats instead of letting them orbit.
    pub fn step(&mut self, cluster: &Cluster, seconds: f32, still: bool) {
        if self.revision != cluster.revision {
            self.follow(cluster);
            self.revision = cluster.revision;
        }
        if !still {
            self.turns.advance(ORBIT_SPEED * seconds);
        }
        let (appear, settle) = (share(seconds, 0.25), share(seconds, 0.12));
        for body in self.all.values_mut() {
            body.presence += (1.0 - body.presence) * appear;
            if body.afterglow != 0.0 {
                body.afterglow -=
                    body.afterglow.signum() * (seconds / AFTERGLOW).min(body.afterglow.abs());
            }
            let seat = body.foot + body.orbit.at(&mut self.turns);
            let Some(flight) = &mut body.flight else {
                body.position = body.position.lerp(seat, settle);
                continue;
            };
            advance(flight, seconds);
            let end = |node: NodeId| match cluster.places.of(node) {
                Some(_) if node == body.node => seat,
                Some(foot) => foot + Vec3::Y * 1.6,
                None => seat,
            };
            let (from, to) = (end(flight.from), end(flight.to));
            body.position = arc(from, to, arc_height(from, to), ease(flight.progress));
            match flight.stage {
                Stage::Landing if flight.progress >= 1.0 => {
                    (body.flight, body.afterglow) = (None, 1.0)
                }
                Stage::Returning if flight.progress <= 0.0 => {
                    (body.flight, body.afterglow) = (None, -1.0)
                }
                _ => {}
            }
        }
    }

    /// Gives seats to what is new, frees those of what is gone, and lets fly what computes elsewhere than it did.
    fn follow(&mut self, cluster: &Cluster) {
        let mut differences = Differences::default();
        match cluster.changed_since(self.revision) {
            Changed::All => {
                differences.find(self.all.iter_mut(), cluster.processes.iter(), cluster);
            }
            Changed::Homes(homes) => {
                for home in homes {
                    differences.find(
                        self.all.range_mut(names_of(home)),
                        cluster.processes.range(names_of(home)),
                        cluster,
                    );
                }
            }
        }
        let Differences { gone, fresh, moved } = differences;
        for name in &gone {
            if let Some(&Body { node, seat, .. }) = self.all.get(name) {
                self.give_back(node, seat);
            }
        }
        self.all.remove_all(&gone);
        for process in moved {
            self.send(process, cluster.places.of(process.node));
        }
        let settle = |process: &Process| {
            let foot = cluster.places.of(process.node).unwrap_or_default();
            let seat = free_seat(self.seats.entry(process.node).or_default());
            let body = Body::new(process, seat, foot, &mut self.turns);
            (process.name, body)
        };
        let fresh = fresh.into_iter().map(settle).collect();
        self.all.insert_all(fresh);
    }

    fn give_back(&mut self, node: NodeId, seat: usize) {
        if let Some(taken) = self.seats.get_mut(&node) {
            taken.remove(&seat);
        }
    }

    /// Lets a process fly to the node where it computes now.
    fn send(&mut self, process: &Process, foot: Option<Vec3>) {
        let seat = free_seat(self.seats.entry(process.node).or_default());
        let Some(body) = self.all.get_mut(&process.name) else {
            return;
        };
        let (from, left) = (body.node, body.seat);
        body.node = process.node;
        body.seat = seat;
        body.orbit = Orbit::of(seat, process.name.pid);
        body.foot = foot.unwrap_or(body.foot);
        let flight = body.flight.get_or_insert(Flight {
            from,
            to: process.node,
            progress: 0.0,
            stage: Stage::Landing,
        });
        flight.to = process.node;
        flight.stage = Stage::Landing;
        self.give_back(from, left);
    }
}

/// What is to be done so that bodies are as the cluster is.
#[derive(Default)]
struct Differences<'a> {
    gone: Vec<ProcessRef>,
    fresh: Vec<&'a Process>,
    moved: Vec<&'a Process>,
}

impl<'a> Differences<'a> {
    /// Goes through what is drawn and what is known, which are in the same order, so that nothing is looked up. Most
    /// processes are where they were and are done with at once.
    fn find<'b>(
        &mut self,
        drawn: impl Iterator<Item = (&'b ProcessRef, &'b mut Body)>,
        known: impl Iterator<Item = (&'a ProcessRef, &'a Process)>,
        cluster: &Cluster,
    ) {
        let mut drawn = drawn.peekable();
        let mut foot = (NodeId::MAX, None);
        for (name, process) in known {
            while let Some((old, _)) = drawn.next_if(|(other, _)| *other < name) {
                self.gone.push(*old);
            }
            let Some((_, body)) = drawn.next_if(|(other, _)| *other == name) else {
                self.fresh.push(process);
                continue;
            };
            body.look_like(process);
            if body.node != process.node {
                self.moved.push(process);
                continue;
            }
            if foot.0 != body.node {
                foot = (body.node, cluster.places.of(body.node));
            }
            body.foot = foot.1.unwrap_or(body.foot);
        }
        self.gone.extend(drawn.map(|(name, _)| *name));
    }
}

fn advance(flight: &mut Flight, seconds: f32) {
    match flight.stage {
        Stage::Pending => {
            flight.progress += (PENDING_REACH - flight.progress) * share(seconds, PENDING_HALF_LIFE)
        }
        Stage::Landing => flight.progress = (flight.progress + seconds / ARRIVAL).min(1.0),
        Stage::Returning => flight.progress = (flight.progress - seconds / ARRIVAL).max(0.0),
    }
}

fn free_seat(taken: &mut BTreeSet<usize>) -> usize {
    let free = taken
        .iter()
        .enumerate()
        .find(|(seat, taken)| seat != *taken)
        .map_or(taken.len(), |(seat, _)| seat);
    taken.insert(free);
    free
}

/// A seat on an orbit around a node, worked out once.
#[derive(Clone, Copy, Debug, Default)]
struct Orbit {
    /// Which orbit it is, counted from the innermost.
    number: usize,
    /// Where it is on the floor, seen from the foot of its node, when the orbit has not turned.
    start: Vec2,
    height: f32,
}

impl Orbit {
    fn of(seat: usize, pid: u32) -> Self {
        let (mut number, mut first, mut seats) = (0, 0, SEATS);
        while seat >= first + seats {
            first += seats;
            seats += MORE_SEATS;
            number += 1;
        }
        let turn = (seat - first) as f32 / seats as f32 * TAU + number as f32 * 0.4;
        Self {
            number,
            start: Vec2::from_angle(turn) * orbit_radius(number),
            height: 0.75 + 0.42 * number as f32 + 0.35 * scatter(pid),
        }
    }

    /// Where it is, seen from the foot of its node.
    fn at(self, turns: &mut Turns) -> Vec3 {
        let at = turns.of(self.number).rotate(self.start);
        Vec3::new(at.x, self.height, at.y)
    }
}

fn orbit_radius(number: usize) -> f32 {
    ORBIT + ORBIT_STEP * number as f32
}

/// How far the orbits have turned. All of a number turn alike, so that sine and cosine are asked for once for each
/// number and not for each process.
#[derive(Clone, Debug, Default)]
struct Turns {
    angle: f32,
    /// The direction of each orbit whose turn was asked for since the last advance.
    known: Vec<Vec2>,
}

impl Turns {
    fn advance(&mut self, angle: f32) {
        self.angle = (self.angle + angle) % TAU;
        self.known.clear();
    }

    fn of(&mut self, number: usize) -> Vec2 {
        while self.known.len() <= number {
            let next = self.known.len();
            // Neighbouring orbits turn against each other, the outer ones more slowly.
            let direction = if next.is_multiple_of(2) { 1.0 } else { -1.0 };
            let pace = direction * (ORBIT / orbit_radius(next));
            self.known.push(Vec2::from_angle(pace * self.angle));
        }
        self.known[number]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::{node, process};
    use mattx_protocol::browser::FromServer;
    use mattx_protocol::model::{MoveEvent, MoveStatistics, ProcessKind};

    const WHO: ProcessRef = ProcessRef { home: 1, pid: 77 };

    fn event(phase: MovePhase) -> MoveEvent {
        MoveEvent {
            process: WHO,
            comm: "calc".into(),
            from: 1,
            to: 2,
            phase,
            errand: String::new(),
            statistics: MoveStatistics::default(),
        }
    }

    fn scene() -> (Cluster, Bodies) {
        let mut cluster = Cluster::default();
        let nodes = vec![
            node(1, vec![process(77, ProcessKind::Local)]),
            node(2, vec![]),
        ];
        cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
        let mut bodies = Bodies::default();
        bodies.step(&cluster, 0.1, true);
        (cluster, bodies)
    }

    fn tell(cluster: &mut Cluster, bodies: &mut Bodies, phase: MovePhase) {
        cluster.hear(FromServer::Move(event(phase)), 0.0);
        cluster
            .take_news()
            .iter()
            .for_each(|news| bodies.hear(news));
    }

    fn run(cluster: &Cluster, bodies: &mut Bodies, seconds: f32) {
        (0..(seconds * 60.0) as u32).for_each(|_| bodies.step(cluster, 1.0 / 60.0, true));
    }

    fn distance_to(cluster: &Cluster, bodies: &Bodies, node: NodeId) -> f32 {
        let mut way = bodies.all.get(&WHO).unwrap().position - cluster.places.of(node).unwrap();
        way.y = 0.0;
        way.length()
    }

    #[test]
    fn a_committed_move_ends_at_the_other_node() {
        let (mut cluster, mut bodies) = scene();
        assert!(distance_to(&cluster, &bodies, 1) < 3.0);
        tell(&mut cluster, &mut bodies, MovePhase::Started);
        run(&cluster, &mut bodies, 10.0);
        assert!(
            distance_to(&cluster, &bodies, 2) > 1.0,
            "it does not arrive before it is committed"
        );
        tell(&mut cluster, &mut bodies, MovePhase::Committed);
        run(&cluster, &mut bodies, 3.0);
        assert!(distance_to(&cluster, &bodies, 2) < 3.0);
        assert_eq!(bodies.all.get(&WHO).unwrap().flight, None);
    }

    #[test]
    fn a_failed_move_ends_where_it_began() {
        let (mut cluster, mut bodies) = scene();
        tell(&mut cluster, &mut bodies, MovePhase::Started);
        run(&cluster, &mut bodies, 1.0);
        tell(
            &mut cluster,
            &mut bodies,
            MovePhase::Failed {
                errno: 113,
                reason: "no".into(),
            },
        );
        run(&cluster, &mut bodies, 0.9);
        assert!(bodies.all.get(&WHO).unwrap().afterglow < 0.0);
        run(&cluster, &mut bodies, 3.0);
        assert!(distance_to(&cluster, &bodies, 1) < 3.0);
    }

    #[test]
    fn what_is_told_of_one_node_changes_its_processes_only() {
        let (mut cluster, mut bodies) = scene();
        let guest = process(
            5,
            ProcessKind::Guest {
                origin: ProcessRef { home: 1, pid: 9 },
            },
        );
        let mut tell = |sequence, sample| {
            let delta = FromServer::Delta {
                sequence,
                nodes: vec![sample],
                gone: vec![],
            };
            assert!(cluster.hear(delta, 0.0));
            bodies.step(&cluster, 0.1, true);
            let all = bodies
                .all
                .iter()
                .map(|(name, body)| (name.home, name.pid, body.node));
            all.collect::<Vec<_>>()
        };
        let local = |pid| process(pid, ProcessKind::Local);
        assert_eq!(
            tell(2, node(2, vec![guest, local(3)])),
            [(1, 9, 2), (1, 77, 1), (2, 3, 2)]
        );
        assert_eq!(tell(3, node(2, vec![local(4)])), [(1, 77, 1), (2, 4, 2)]);
        assert_eq!(tell(4, node(1, vec![])), [(2, 4, 2)]);
    }

    #[test]
    fn no_two_processes_share_a_seat() {
        let mut cluster = Cluster::default();
        let many = (0..60)
            .map(|pid| process(pid, ProcessKind::Local))
            .collect();
        cluster.hear(
            FromServer::Snapshot {
                sequence: 1,
                nodes: vec![node(1, many)],
            },
            0.0,
        );
        let mut bodies = Bodies::default();
        run(&cluster, &mut bodies, 1.0);
        let all: Vec<Vec3> = bodies.all.values().map(|body| body.position).collect();
        for (index, a) in all.iter().enumerate() {
            for b in &all[..index] {
                assert!(a.distance(*b) > 0.3, "{a} {b}");
            }
        }
    }
}
