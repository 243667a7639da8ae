// SPDX-License-Identifier: GPL-2.0-or-later
//! `KEY=value` lines into a [`Config`], with every problem named by its line.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::{AutoDiscovery, Config, MAX_NODE_ID};

/// Something about a line of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line number, beginning with 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub text: String,
    /// Whether the configuration cannot be used.
    pub fatal: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.fatal { "error" } else { "warning" };
        write!(f, "line {}: {kind}: {}", self.line, self.text)
    }
}

/// Reads a configuration. It is usable if no problem is fatal; the others are warnings.
#[must_use]
pub fn parse(text: &str) -> (Config, Vec<Problem>) {
    let mut config = Config::default();
    let mut problems = Vec::new();
    let mut sweep_line = None;
    for (index, raw) in text.lines().enumerate() {
        let line = index + 1;
        let mut problem = |fatal, text| problems.push(Problem { line, text, fatal });
        let content = raw.trim();
        if content.is_empty() || content.starts_with('#') || content.starts_with("//") {
            continue;
        }
        let Some((key, value)) = content.split_once('=') else {
            problem(true, format!("expected KEY=value, found {content:?}"));
            continue;
        };
        let key = key.trim();
        match assign(&mut config, key, value_of(value)) {
            Ok(true) => {
                if key == "AUTODISCOVERY" {
                    sweep_line = Some(line);
                }
            }
            Ok(false) => problem(false, format!("unknown key {key:?} is ignored")),
            Err(expected) => problem(
                true,
                format!("{key} must be {expected}, not {:?}", value_of(value)),
            ),
        }
    }
    if config.auto_discovery == AutoDiscovery::Static && config.peers.is_empty() {
        problems.push(Problem {
            line: sweep_line.unwrap_or(1),
            text: "AUTODISCOVERY=static needs PEERS=address,address,...".to_owned(),
            fatal: true,
        });
    }
    // PEERS without a port mean the discovery port, which may be set on a later line.
    for peer in &mut config.peers {
        if peer.port() == 0 {
            peer.set_port(config.port);
        }
    }
    (config, problems)
}

/// The value proper: text after blanks, `#` or `//` is a comment. Lists may hold blanks after
/// their commas.
fn value_of(text: &str) -> &str {
    let text = text.trim();
    let mut end = text.len();
    for mark in ["#", "//"] {
        if let Some(at) = text.find(mark) {
            end = end.min(at);
        }
    }
    let text = text[..end].trim();
    let mut previous_comma = false;
    for (at, character) in text.char_indices() {
        if character.is_whitespace() {
            let rest = text[at..].trim_start();
            if !previous_comma && !rest.starts_with(',') {
                return &text[..at];
            }
        } else {
            previous_comma = character == ',';
        }
    }
    text
}

/// Sets one key. `Ok(false)` is an unknown key, `Err` tells what the value must be.
fn assign(config: &mut Config, key: &str, value: &str) -> Result<bool, String> {
    match key {
        "INTERFACE" => config.interface = (!value.is_empty()).then(|| value.to_owned()),
        "MULTICAST_GROUP" => {
            config.multicast_group = value
                .parse()
                .ok()
                .filter(std::net::Ipv4Addr::is_multicast)
                .ok_or("an IPv4 multicast address such as 239.0.0.1")?;
        }
        "PORT" => config.port = port(value)?,
        "DATA_PORT" => config.data_port = port(value)?,
        "AUTODISCOVERY" => {
            config.auto_discovery = match value {
                "multicast" => AutoDiscovery::Multicast,
                "sweep" => AutoDiscovery::Sweep,
                "static" => AutoDiscovery::Static,
                _ => return Err("multicast, sweep or static".to_owned()),
            }
        }
        "PEERS" => config.peers = list(value).map(peer).collect::<Result<_, _>>()?,
        "NODE_ID" => {
            let id: u32 = value
                .parse()
                .ok()
                .filter(|id| *id <= MAX_NODE_ID)
                .ok_or_else(|| format!("a number from 1 to {MAX_NODE_ID}, or 0 for automatic"))?;
            config.node_id = (id != 0).then_some(id);
        }
        "MIGRATE_NETWORK_IO" => config.migrate_network_io = boolean(value)?,
        "MIGRATE_FILE_IO" => config.migrate_file_io = boolean(value)?,
        "MATTXFS_ENABLED" => config.mattxfs_enabled = boolean(value)?,
        "DFSA_DIR" => config.dfsa_dir = optional_path(value)?,
        "CLUSTER_KEY_FILE" => {
            config.cluster_key_file = optional_path(value)?.ok_or("an absolute path")?;
        }
        "INSECURE" => config.insecure = boolean(value)?,
        "BALANCER" => config.balancer = Some(boolean(value)?),
        "EXCLUDE" => config.exclude = names(value)?,
        "INCLUDE" => config.include = names(value)?,
        "AFFINITY" => {
            config.affinity = value
                .parse()
                .map_err(|_| "a number, 1000 per core of standard speed, or 0 for automatic")?;
        }
        "STUB" => config.stub = optional_path(value)?,
        "CONTROL_SOCKET" => {
            config.control_socket = optional_path(value)?.ok_or("an absolute path")?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn port(value: &str) -> Result<u16, String> {
    value
        .parse()
        .ok()
        .filter(|port| *port != 0)
        .ok_or_else(|| "a port number from 1 to 65535".to_owned())
}

fn peer(value: &str) -> Result<SocketAddr, String> {
    value
        .parse::<SocketAddr>()
        .or_else(|_| value.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)))
        .map_err(|_| "a list of addresses such as 10.0.0.1,10.0.0.2:7225".to_owned())
}

fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

fn optional_path(value: &str) -> Result<Option<PathBuf>, String> {
    match value {
        "" => Ok(None),
        path if path.starts_with('/') => Ok(Some(PathBuf::from(path))),
        _ => Err("an absolute path".to_owned()),
    }
}

/// Names as the kernel knows them (comm): at most 15 bytes.
fn names(value: &str) -> Result<Vec<String>, String> {
    list(value)
        .map(|name| {
            if name.len() <= 15 {
                Ok(name.to_owned())
            } else {
                Err("a list of process names of at most 15 bytes".to_owned())
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fatal(text: &str) -> Vec<usize> {
        let problems = parse(text).1;
        problems
            .iter()
            .filter(|problem| problem.fatal)
            .map(|problem| problem.line)
            .collect()
    }

    #[test]
    fn an_empty_file_gives_the_defaults() {
        assert_eq!(parse(""), (Config::default(), Vec::new()));
    }

    #[test]
    fn what_is_wrong_stays_at_its_default_and_spoils_nothing_else() {
        let text = "# PORT=1\nPORT=7000 // ours\nINTERFACE = eth7 # the fast one\nAUTODISCOVERY=sweep\nDATA_PORT=x\n";
        let expected = Config {
            interface: Some("eth7".to_owned()),
            port: 7000,
            data_port: 7226,
            auto_discovery: AutoDiscovery::Sweep,
            ..Config::default()
        };
        assert_eq!(parse(text).0, expected);
        assert_eq!(expected.multicast_group.octets(), [239, 0, 0, 1]);
        assert_eq!(parse("").0.auto_discovery, AutoDiscovery::Multicast);
    }

    #[test]
    fn every_documented_key_is_understood() {
        let text = "
            INTERFACE=eth1           the cluster's own network
            MULTICAST_GROUP=239.1.2.3
            PORT=8225 // discovery
            DATA_PORT=8226#links
            AUTODISCOVERY=static
            PEERS=10.0.0.1, 10.0.0.2:9000 , [fd00::1]:9  three of them
            NODE_ID=7
            MIGRATE_NETWORK_IO=false
            MIGRATE_FILE_IO=no
            MATTXFS_ENABLED=0
            DFSA_DIR=/srv/shared
            CLUSTER_KEY_FILE=/etc/key
            INSECURE=true
            BALANCER=true
            EXCLUDE=sshd,cron
            INCLUDE=
            AFFINITY=2000
            STUB=/opt/stub
            CONTROL_SOCKET=/run/x.sock
        ";
        let (config, problems) = parse(text);
        assert_eq!(problems, []);
        assert_eq!(config.interface.as_deref(), Some("eth1"));
        assert_eq!(config.port, 8225);
        assert_eq!(config.data_port, 8226);
        assert_eq!(
            config.peers,
            ["10.0.0.1:8225", "10.0.0.2:9000", "[fd00::1]:9"]
                .map(|peer| peer.parse::<SocketAddr>().expect("address"))
        );
        assert_eq!(config.node_id, Some(7));
        assert!(config.insecure && !config.migrate_file_io && !config.mattxfs_enabled);
        assert_eq!(config.exclude, ["sshd", "cron"]);
        assert_eq!(config.include, Vec::<String>::new());
    }

    #[test]
    fn malformed_values_are_errors_with_their_line() {
        assert_eq!(fatal("PORT=7225\nNODE_ID=5000\n"), [2]);
        assert_eq!(fatal("\n\nPORT=none"), [3]);
        assert_eq!(fatal("MULTICAST_GROUP=10.0.0.1"), [1]);
        assert_eq!(fatal("INSECURE=maybe"), [1]);
        assert_eq!(fatal("what is this"), [1]);
        assert_eq!(fatal("# x\nAUTODISCOVERY=static"), [2]);
        assert_eq!(fatal("DFSA_DIR=relative"), [1]);
    }

    #[test]
    fn an_unknown_key_is_a_warning() {
        let (config, problems) = parse("COLOUR=blue");
        assert_eq!(config, Config::default());
        assert_eq!(problems.len(), 1);
        assert!(!problems[0].fatal && problems[0].line == 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(?s).{0,400}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_value_of_a_known_key_is_read_without_a_panic(value in ".{0,40}", key in "PEERS|NODE_ID|PORT|EXCLUDE|DFSA_DIR|INTERFACE") {
            let _ = parse(&format!("{key}={value}"));
        }
    }
}
