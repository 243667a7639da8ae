// SPDX-License-Identifier: GPL-2.0-or-later
//! What people told this node's module, from `/proc/mattx/settings`.

use std::collections::HashSet;
use std::fs;

const PATH: &str = "/proc/mattx/settings";

/// The switches and lists that the daemon acts on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Processes move by themselves.
    pub balancer: bool,
    /// No guests are taken.
    pub block: bool,
    /// Nothing moves away from this node.
    pub stay: bool,
    /// What was born here stays where it is.
    pub stay_local: bool,
    /// Peers are not told the load.
    pub quiet: bool,
    /// Weight of the node; 0: as configured or measured.
    pub affinity: u32,
    /// Names that never move by themselves.
    pub exclude: HashSet<String>,
    /// If not empty, the only ones that do.
    pub include: HashSet<String>,
    /// Processes that stay where they are.
    pub locked: HashSet<u32>,
}

impl Settings {
    /// As they are now; without the module nothing is switched on.
    #[must_use]
    pub fn read() -> Self {
        parse(&fs::read_to_string(PATH).unwrap_or_default())
    }
}

/// Lines that are not known are for others.
fn parse(text: &str) -> Settings {
    let mut settings = Settings::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        let on = value == "1";
        let names = || {
            value
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        };
        match name {
            "balancer" => settings.balancer = on,
            "block" => settings.block = on,
            "stay" => settings.stay = on,
            "lstay" => settings.stay_local = on,
            "quiet" => settings.quiet = on,
            "affinity" => settings.affinity = value.parse().unwrap_or(0),
            "exclude" => settings.exclude = names(),
            "include" => settings.include = names(),
            "locked" => {
                settings.locked = value
                    .split_ascii_whitespace()
                    .filter_map(|pid| pid.parse().ok())
                    .collect();
            }
            _ => {}
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_the_module_writes_them() {
        let text = "balancer: 1\nmattxfs: 1\ndebug: 0\nblock: 0\nstay: 0\nlstay: 1\nquiet: 0\n\
                    affinity: 2500\nexclude: sshd,cron\ninclude: \nlocked: 12 345\n";
        let expected = Settings {
            balancer: true,
            stay_local: true,
            affinity: 2500,
            exclude: ["sshd", "cron"].map(str::to_owned).into(),
            locked: [12, 345].into(),
            ..Settings::default()
        };
        assert_eq!(parse(text), expected);
        assert_eq!(parse(""), Settings::default());
    }
}
