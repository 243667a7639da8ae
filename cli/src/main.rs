// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx`: the cluster on the command line. Also answers to the name `mattx-admin`.

mod arguments;
mod cluster;
mod daemon;
mod doctor;
mod manual;
mod migrate;
mod orders;
mod output;
mod ps;
mod status;
mod table;
mod terminal;
mod top;
mod why;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use mattx_protocol::command::NodeSwitch;

use crate::arguments::{Arguments, Verb};
use crate::output::say;

/// Why a command failed, as sentences for a person.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The daemon does not answer.
    #[error(
        "mattx-discd does not answer on {path}: {source}; start it with `systemctl start \
         mattx-discd`, and be root or a member of the group mattx"
    )]
    NoDaemon {
        /// Its socket.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It speaks another version.
    #[error(
        "mattx-discd speaks version {0} of the control protocol and mattx version {1}; install both from one release"
    )]
    Version(u32, u32),
    /// It hung up, or sent what cannot be read.
    #[error("the conversation with mattx-discd broke off: {0}")]
    Conversation(String),
    /// What was asked was not done.
    #[error("{reason}")]
    Refused {
        /// Positive errno, 0 where no system call was involved.
        errno: i32,
        /// In words.
        reason: String,
    },
    /// The arguments name something that is not there.
    #[error("{0}")]
    Usage(String),
    /// Some check of `doctor` failed; it has told so already.
    #[error("{0} of the checks failed")]
    Unhealthy(usize),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let socket = &arguments.socket;
    let result = match &arguments.verb {
        Verb::Status => status::run(socket, arguments.json),
        Verb::Ps { all } => ps::run(socket, arguments.json, *all),
        Verb::Top { once } => top::run(socket, arguments.json, *once),
        Verb::Migrate { pid, target, home } => {
            migrate::run(socket, arguments.json, *pid, target, home.as_deref())
        }
        Verb::Home { pid, home } => {
            migrate::run(socket, arguments.json, *pid, "home", home.as_deref())
        }
        Verb::Expel { node } => orders::expel(socket, arguments.json, node.as_deref()),
        Verb::Bring { node } => orders::bring(socket, arguments.json, node.as_deref()),
        Verb::Lock { pid, home } => {
            orders::lock(socket, arguments.json, *pid, true, home.as_deref())
        }
        Verb::Unlock { pid, home } => {
            orders::lock(socket, arguments.json, *pid, false, home.as_deref())
        }
        Verb::Balancer(switch) => {
            orders::turn(socket, arguments.json, NodeSwitch::Balancer, switch)
        }
        Verb::Block(switch) => orders::turn(socket, arguments.json, NodeSwitch::Block, switch),
        Verb::Stay(switch) => orders::turn(socket, arguments.json, NodeSwitch::Stay, switch),
        Verb::Lstay(switch) => orders::turn(socket, arguments.json, NodeSwitch::StayLocal, switch),
        Verb::Quiet(switch) => orders::turn(socket, arguments.json, NodeSwitch::Quiet, switch),
        Verb::Why { pid } => why::run(
            Path::new(mattx_protocol::why::QUESTIONS),
            arguments.json,
            *pid,
        ),
        Verb::Cluster { key_file, verb } => cluster::run(verb, key_file, arguments.json),
        Verb::Completions { shell } => {
            manual::completions(*shell);
            Ok(())
        }
        Verb::Manual => manual::page(),
        Verb::Doctor => doctor::run(socket, arguments.json),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if arguments.json {
                let errno = match &failure {
                    Failure::Refused { errno, .. } => *errno,
                    _ => 0,
                };
                say!(
                    "{}",
                    serde_json::json!({ "error": { "errno": errno, "reason": failure.to_string() } })
                );
            } else {
                eprintln!("mattx: {failure}");
            }
            ExitCode::FAILURE
        }
    }
}
