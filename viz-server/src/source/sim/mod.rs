// SPDX-License-Identifier: GPL-2.0-or-later
//! A cluster that does not exist: seeded, of any size, with plausible load and migrations, and it obeys commands.

use std::collections::HashMap;
use std::time::Duration;

use mattx_protocol::browser;
use mattx_protocol::command::Outcome;
use mattx_protocol::model::{MoveStatistics, ProcessRef};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::Source;
use crate::hub::{Hub, NO_RECORDING, Order, Wish, failed};

const EINVAL: i32 = 22;

mod random;
mod world;

pub use world::{News, World};

/// Time between two steps.
const STEP: Duration = Duration::from_millis(100);

/// The simulation as a source.
#[derive(Debug)]
pub struct Simulation {
    /// The simulated cluster.
    pub world: World,
}

impl Source for Simulation {
    fn kind(&self) -> browser::Source {
        browser::Source::Simulated
    }

    async fn run(mut self, hub: Hub, mut orders: mpsc::Receiver<Order>) {
        let mut waiting: HashMap<ProcessRef, oneshot::Sender<Outcome>> = HashMap::new();
        self.world
            .samples()
            .into_iter()
            .for_each(|sample| hub.put(sample));
        let mut clock = tokio::time::interval(STEP);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = clock.tick() => self.world.step(STEP.as_secs_f32()),
                order = orders.recv() => {
                    let Some(Order { wish, answer }) = order else { return };
                    let Wish::Command(command) = wish else {
                        let _ = answer.send(failed(EINVAL, NO_RECORDING));
                        continue;
                    };
                    match self.world.command(command) {
                        Ok(Some(process)) => drop(waiting.insert(process, answer)),
                        Ok(None) => drop(answer.send(Outcome::Done { statistics: MoveStatistics::default() })),
                        Err(outcome) => drop(answer.send(outcome)),
                    }
                }
            }
            for news in self.world.news() {
                match news {
                    News::Node(sample) => hub.put(sample),
                    News::Gone(id) => hub.remove(id),
                    News::Move(event) => hub.moved(event),
                    News::Answer(process, outcome) => {
                        if let Some(answer) = waiting.remove(&process) {
                            let _ = answer.send(outcome);
                        }
                    }
                }
            }
        }
    }
}
