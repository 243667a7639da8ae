// SPDX-License-Identifier: GPL-2.0-or-later
//! Which of a node's network interfaces the cluster uses.

use std::fmt;

/// Why no interface can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoInterface {
    /// The configured one is not there.
    Missing(String),
    /// Nothing tells which of these it is.
    Unclear(Vec<String>),
}

impl fmt::Display for NoInterface {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoInterface::Missing(name) => write!(
                out,
                "interface {name} does not exist or has no IPv4 address; check INTERFACE"
            ),
            NoInterface::Unclear(names) if names.is_empty() => {
                out.write_str("no network interface has an IPv4 address; set one up")
            }
            NoInterface::Unclear(names) => write!(
                out,
                "no default route and several network interfaces ({}); set INTERFACE",
                names.join(", ")
            ),
        }
    }
}

impl std::error::Error for NoInterface {}

/// The index in `names` of the configured interface, or of that with the default route, or of the only one. `names` are
/// those with an IPv4 address, without the loopback; `routes` is the text of `/proc/net/route`.
pub fn choose(names: &[&str], wanted: Option<&str>, routes: &str) -> Result<usize, NoInterface> {
    let by_name = |name: &str| names.iter().position(|one| *one == name);
    if let Some(name) = wanted {
        return by_name(name).ok_or_else(|| NoInterface::Missing(name.to_owned()));
    }
    let only = (names.len() == 1).then_some(0);
    default_route(routes)
        .and_then(by_name)
        .or(only)
        .ok_or_else(|| NoInterface::Unclear(names.iter().map(|&name| name.to_owned()).collect()))
}

/// The interface of the route to everywhere: destination and mask are zero.
fn default_route(table: &str) -> Option<&str> {
    table.lines().skip(1).find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        (words.next()? == "00000000" && words.nth(5)? == "00000000").then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
        eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n\
        eth1\t00000000\t0100010A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";

    #[test]
    fn the_configured_one_comes_first_then_the_default_route_then_the_only_one() {
        let both = ["eth0", "eth1"];
        assert_eq!(choose(&both, Some("eth0"), ROUTES), Ok(0));
        assert_eq!(choose(&both, None, ROUTES), Ok(1));
        assert_eq!(choose(&["eth2"], None, ""), Ok(0));
        assert_eq!(choose(&["eth2"], None, ROUTES), Ok(0));
    }

    #[test]
    fn a_guess_is_not_made() {
        let missing = choose(&["eth0"], Some("eth7"), ROUTES).expect_err("there is no eth7");
        assert!(missing.to_string().contains("eth7"), "{missing}");
        let unclear = choose(&["eth2", "eth3"], None, ROUTES).expect_err("either may be meant");
        assert!(unclear.to_string().contains("eth2, eth3"), "{unclear}");
        assert!(choose(&[], None, ROUTES).is_err());
    }
}
