// SPDX-License-Identifier: GPL-2.0-or-later
//! The search language: words and `key:value` terms, all of which must match, such as `calc node:2 cpu>50 state:guest`.

use crate::cluster::{Cluster, Process};

#[derive(Clone, Debug, PartialEq)]
enum Term {
    /// Part of the name, or the process id.
    Word(String),
    User(String),
    /// Number or part of the name of the node where it computes.
    Node(String),
    Home(String),
    Guest(bool),
    CpuAbove(f32),
    CpuBelow(f32),
    MibAbove(f32),
    MibBelow(f32),
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Query(Vec<Term>);

impl Query {
    /// Understands every text; `None` when it asks for nothing. A term with an unknown key is taken for a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let terms: Vec<Term> = text.to_lowercase().split_whitespace().map(term).collect();
        (!terms.is_empty()).then_some(Self(terms))
    }

    /// Whether all terms match.
    #[must_use]
    pub fn matches(&self, process: &Process, cluster: &Cluster) -> bool {
        let sample = &process.sample;
        let node = |id: u32, text: &str| {
            id.to_string() == text || cluster.node_name(id).to_lowercase().contains(text)
        };
        let mib = sample.rss_kib as f32 / 1024.0;
        self.0.iter().all(|term| match term {
            Term::Word(word) => {
                sample.comm.to_lowercase().contains(word)
                    || process.name.pid.to_string() == *word
                    || sample
                        .command_line
                        .as_ref()
                        .is_some_and(|line| line.to_lowercase().contains(word))
            }
            Term::User(user) => sample
                .user
                .as_ref()
                .is_some_and(|owner| owner.to_lowercase() == *user),
            Term::Node(text) => node(process.node, text),
            Term::Home(text) => node(process.name.home, text),
            Term::Guest(guest) => process.is_away() == *guest,
            Term::CpuAbove(limit) => sample.cpu_percent > *limit,
            Term::CpuBelow(limit) => sample.cpu_percent < *limit,
            Term::MibAbove(limit) => mib > *limit,
            Term::MibBelow(limit) => mib < *limit,
        })
    }
}

fn term(text: &str) -> Term {
    let number = |value: &str| value.trim_end_matches('%').parse::<f32>().ok();
    let split = |sign| {
        text.split_once(sign)
            .and_then(|(key, value)| Some((key, number(value)?)))
    };
    match (split('>'), split('<'), text.split_once(':')) {
        (Some(("cpu", limit)), ..) => Term::CpuAbove(limit),
        (Some(("mem", limit)), ..) => Term::MibAbove(limit),
        (_, Some(("cpu", limit)), _) => Term::CpuBelow(limit),
        (_, Some(("mem", limit)), _) => Term::MibBelow(limit),
        (.., Some(("user", value))) => Term::User(value.into()),
        (.., Some(("node", value))) => Term::Node(value.into()),
        (.., Some(("home", value))) => Term::Home(value.into()),
        (.., Some(("state", "guest" | "away"))) => Term::Guest(true),
        (.., Some(("state", "home" | "local"))) => Term::Guest(false),
        _ => Term::Word(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::{node, process};
    use mattx_protocol::browser::FromServer;
    use mattx_protocol::model::ProcessKind;

    fn found(text: &str) -> Vec<u32> {
        let mut cluster = Cluster::default();
        let mut quiet = process(5, ProcessKind::Local);
        (quiet.comm, quiet.cpu_percent, quiet.user) = ("Editor".into(), 1.0, Some("ana".into()));
        let away = process(77, ProcessKind::Deputy { node: 2 });
        let nodes = vec![node(1, vec![quiet, away]), node(2, vec![])];
        cluster.hear(FromServer::Snapshot { sequence: 1, nodes }, 0.0);
        let query = Query::parse(text);
        let matches = |process: &&Process| {
            query
                .as_ref()
                .is_none_or(|query| query.matches(process, &cluster))
        };
        cluster
            .processes
            .values()
            .filter(matches)
            .map(|process| process.name.pid)
            .collect()
    }

    #[test]
    fn all_terms_must_match() {
        assert_eq!(found(""), [5, 77]);
        assert_eq!(found("editor"), [5]);
        assert_eq!(found("77"), [77]);
        assert_eq!(found("cpu>50"), [77]);
        assert_eq!(found("state:guest node:n2 home:1"), [77]);
        assert_eq!(found("user:ana cpu<50 mem<10"), [5]);
        assert!(found("user:ana cpu>50").is_empty());
        assert!(found("nonsense:term").is_empty());
    }
}
