// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx doctor`: can this node take part, and what to do where it cannot.

mod network;

use std::fs;
use std::path::Path;

use mattx_protocol::model::{NodeSample, NodeState};
use serde_json::json;

use crate::Failure;
use crate::daemon::Daemon;
use crate::output::say;
use crate::table::{self, Align, Cell, Style};

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Notable,
    Bad,
}

struct Check {
    name: &'static str,
    verdict: Verdict,
    finding: String,
    remedy: String,
}

impl Check {
    fn good(name: &'static str, finding: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Good,
            finding: finding.into(),
            remedy: String::new(),
        }
    }

    fn of(
        name: &'static str,
        verdict: Verdict,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            name,
            verdict,
            finding: finding.into(),
            remedy: remedy.into(),
        }
    }
}

/// Runs all checks; fails if one is bad.
pub fn run(socket: &Path, json: bool) -> Result<(), Failure> {
    let mut checks = vec![module(), signatures()];
    checks.extend(kernel_configuration());
    checks.push(stub());
    checks.extend(cluster(socket));
    let bad = checks
        .iter()
        .filter(|check| check.verdict == Verdict::Bad)
        .count();
    if json {
        let list: Vec<_> = checks
            .iter()
            .map(|check| {
                json!({
                    "check": check.name,
                    "verdict": word(check.verdict),
                    "finding": check.finding,
                    "remedy": check.remedy,
                })
            })
            .collect();
        say!("{}", json!({ "checks": list }));
    } else {
        let rows: Vec<Vec<Cell>> = checks
            .iter()
            .map(|check| {
                let style = match check.verdict {
                    Verdict::Good => Style::Good,
                    Verdict::Notable => Style::Notable,
                    Verdict::Bad => Style::Bad,
                };
                let text = if check.remedy.is_empty() {
                    check.finding.clone()
                } else {
                    format!("{}: {}", check.finding, check.remedy)
                };
                vec![
                    Cell::styled(word(check.verdict), style),
                    Cell::from(check.name),
                    Cell::from(text),
                ]
            })
            .collect();
        table::print(
            &[
                ("", Align::Left),
                ("CHECK", Align::Left),
                ("FINDING", Align::Left),
            ],
            &rows,
        );
    }
    if bad == 0 {
        Ok(())
    } else {
        Err(Failure::Unhealthy(bad))
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Good => "ok",
        Verdict::Notable => "note",
        Verdict::Bad => "BAD",
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn module() -> Check {
    const NAME: &str = "module";
    let text = read("/proc/mattx/version");
    match text.lines().next().and_then(|line| line.split_once(':')) {
        Some((_, version)) => {
            let version = version.trim();
            let own = env!("CARGO_PKG_VERSION");
            if own.starts_with(version) || version.starts_with(own) {
                Check::good(NAME, format!("mattx.ko {version} is loaded"))
            } else {
                Check::of(
                    NAME,
                    Verdict::Bad,
                    format!("mattx.ko {version} is loaded, the programs are {own}"),
                    "install both from one release and load the module anew",
                )
            }
        }
        None => Check::of(
            NAME,
            Verdict::Bad,
            "mattx.ko is not loaded",
            "run `modprobe mattx`; if it is not found, build it with DKMS for this kernel",
        ),
    }
}

/// Secure Boot refuses modules that nobody signed.
fn signatures() -> Check {
    const NAME: &str = "lockdown";
    let lockdown = read("/sys/kernel/security/lockdown");
    if lockdown.contains("[integrity]") || lockdown.contains("[confidentiality]") {
        Check::of(
            NAME,
            Verdict::Notable,
            "the kernel takes signed modules only (Secure Boot)",
            "sign mattx.ko with a key enrolled by mokutil, as DKMS does",
        )
    } else {
        Check::good(NAME, "unsigned modules can be loaded")
    }
}

fn kernel_configuration() -> Option<Check> {
    const NAME: &str = "kernel";
    const NEEDED: [&str; 5] = [
        "CONFIG_CHECKPOINT_RESTORE",
        "CONFIG_PID_NS",
        "CONFIG_UTS_NS",
        "CONFIG_SECCOMP_FILTER",
        "CONFIG_MMU_NOTIFIER",
    ];
    let release = read("/proc/sys/kernel/osrelease");
    let text = fs::read_to_string(format!("/boot/config-{}", release.trim())).ok()?;
    let missing: Vec<_> = NEEDED
        .into_iter()
        .filter(|option| !text.lines().any(|line| line == format!("{option}=y")))
        .collect();
    Some(if missing.is_empty() {
        Check::good(NAME, format!("{} has what MattX needs", release.trim()))
    } else {
        Check::of(
            NAME,
            Verdict::Bad,
            format!("{} lacks {}", release.trim(), missing.join(", ")),
            "boot a kernel of the distribution",
        )
    })
}

fn stub() -> Check {
    const NAME: &str = "stub";
    let paths = [
        "/usr/local/bin/mattx-stub",
        "/usr/libexec/mattx/mattx-stub",
        "/usr/bin/mattx-stub",
        "/usr/local/sbin/mattx-stub",
    ];
    match paths.iter().find(|path| Path::new(path).exists()) {
        Some(path) => Check::good(NAME, format!("{path} is there")),
        None => Check::of(
            NAME,
            Verdict::Notable,
            "mattx-stub is in none of the usual places",
            "no process can come here unless STUB= in /etc/mattx.conf names it",
        ),
    }
}

fn cluster(socket: &Path) -> Vec<Check> {
    let mut daemon = match Daemon::connect(socket) {
        Ok(daemon) => daemon,
        Err(failure) => {
            let mut checks = vec![Check::of(
                "daemon",
                Verdict::Bad,
                failure.to_string(),
                "see `journalctl -u mattx-discd` if it does not stay up",
            )];
            checks.extend(network::own(false));
            return checks;
        }
    };
    let mut checks = vec![Check::good(
        "daemon",
        format!("mattx-discd runs, this node is number {}", daemon.node),
    )];
    checks.push(if daemon.insecure {
        Check::of(
            "keys",
            Verdict::Notable,
            "the cluster speaks without keys (INSECURE=true)",
            "anybody in its network can take over its nodes; use a cluster key",
        )
    } else {
        Check::good("keys", "links are encrypted and authenticated")
    });
    checks.extend(network::own(true));
    match daemon.nodes() {
        Ok(nodes) => {
            checks.extend(peers(&nodes, daemon.node));
            checks.extend(network::reach(&nodes, daemon.node));
        }
        Err(failure) => checks.push(Check::of(
            "peers",
            Verdict::Bad,
            failure.to_string(),
            "restart mattx-discd",
        )),
    }
    checks
}

fn peers(nodes: &[NodeSample], own: u32) -> Vec<Check> {
    const NAME: &str = "peers";
    let others: Vec<_> = nodes.iter().filter(|node| node.id != own).collect();
    let down: Vec<_> = others
        .iter()
        .filter(|node| node.state == NodeState::Down)
        .map(|node| node.id.to_string())
        .collect();
    let mut checks = Vec::new();
    if others.is_empty() {
        checks.push(Check::of(
            NAME,
            Verdict::Notable,
            "no other node is seen",
            "open UDP 7225 and TCP 7226 between the nodes; where multicast does not work, use \
             AUTODISCOVERY=sweep or static",
        ));
    } else if down.is_empty() {
        checks.push(Check::good(
            NAME,
            format!("linked to {} other node(s)", others.len()),
        ));
    } else {
        checks.push(Check::of(
            NAME,
            Verdict::Notable,
            format!(
                "node(s) {} were lost within the last minute",
                down.join(", ")
            ),
            "see the log of mattx-discd there",
        ));
    }
    let versions: std::collections::BTreeSet<_> = nodes
        .iter()
        .filter_map(|node| node.module.as_deref())
        .collect();
    if versions.len() > 1 {
        let list: Vec<_> = versions.into_iter().collect();
        checks.push(Check::of(
            "versions",
            Verdict::Bad,
            format!("modules of versions {} in one cluster", list.join(" and ")),
            "processes move between nodes of one version only; update the older nodes",
        ));
    }
    let elsewhere: Vec<_> = others
        .iter()
        .filter(|node| node.state == NodeState::Up && node.module.is_none())
        .map(|node| node.id.to_string())
        .collect();
    if !elsewhere.is_empty() {
        checks.push(Check::of(
            "modules",
            Verdict::Notable,
            format!("mattx.ko is not loaded on node(s) {}", elsewhere.join(", ")),
            "run `modprobe mattx` there",
        ));
    }
    checks
}
