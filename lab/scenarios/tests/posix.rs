// SPDX-License-Identifier: GPL-2.0-or-later
//! What pjdfstest, a suite of tests of what POSIX wants of a file system, says of one of node 1: there, and through MattXFS
//! on node 2.

use std::collections::BTreeMap;
use std::time::Duration;

use mattx_lab::{Error, Node, Result, cache};
use mattx_scenarios::moves;

const LONG: Duration = Duration::from_secs(3600);
/// Of what passes at home, so much passes through MattXFS.
const SHARE: f64 = 0.95;
/// With fewer that pass at home something else is wrong.
const ENOUGH: usize = 200;

const SUITE: &str = "/root/pjdfstest";
const CONFIGURATION: &str = "# SPDX-License-Identifier: GPL-2.0-or-later\n\
    [features]\n\
    posix_fallocate = {}\n\
    rename_ctime = {}\n\
    utime_now = {}\n\
    utimensat = {}\n\
    [settings]\n\
    # Longer than a tick, in which times of files stand still.\n\
    naptime = 0.02\n\
    [dummy_auth]\n\
    entries = [[\"user\", \"user\"], [\"nobody\", \"nogroup\"]]\n";

#[derive(Debug, PartialEq)]
enum Verdict {
    Passed,
    Skipped,
    /// With what it said.
    Failed(String),
}

type Verdicts = BTreeMap<String, Verdict>;

/// A line for each test, which begins with its name and ends with its verdict; what else a test says is indented.
fn read(output: &str) -> Verdicts {
    let mut verdicts = Verdicts::new();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(verdict), None) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if !name.contains("::") {
            continue;
        }
        let verdict = match verdict {
            "ok" => Verdict::Passed,
            "skipped" => Verdict::Skipped,
            "FAILED" => Verdict::Failed(
                lines
                    .next_if(|line| line.starts_with('\t'))
                    .unwrap_or("")
                    .trim()
                    .to_owned(),
            ),
            _ => continue,
        };
        verdicts.insert(name.to_owned(), verdict);
    }
    verdicts
}

fn passed(verdicts: &Verdicts) -> usize {
    verdicts
        .values()
        .filter(|verdict| **verdict == Verdict::Passed)
        .count()
}

fn install(node: &Node) -> Result<()> {
    let path = cache()?.join("tools/bin/pjdfstest");
    if !path.exists() {
        return Err(Error::NotSetUp {
            path,
            stage: "posix-suite",
        });
    }
    node.push(&path, SUITE)?;
    node.write("/root/pjdfstest.toml", CONFIGURATION)?;
    // The suite looks for a program to run by this one.
    node.sh("command -v which || { printf '#!/bin/sh\\ncommand -v \"$1\"\\n' > /usr/local/bin/which && chmod 755 /usr/local/bin/which; }")
        .map(drop)
}

/// The verdicts in a folder, with another file system at `other`.
fn judge(node: &Node, folder: &str, other: &str) -> Result<Verdicts> {
    let output = node.run(
        &format!("NO_COLOR=1 {SUITE} -c /root/pjdfstest.toml -p {folder} -s {other}"),
        LONG,
    )?;
    let verdicts = read(&output.stdout);
    assert!(
        output.stdout.contains("Summary") && !verdicts.is_empty(),
        "it broke off with status {}:\n{}\n{}",
        output.status,
        output.stdout,
        output.stderr
    );
    Ok(verdicts)
}

#[test]
#[ignore = "a suite of its own, of some minutes; run by scripts/test long"]
fn what_posix_wants_holds_through_mattxfs_as_it_does_at_home() -> Result<()> {
    let (cluster, _turn) = moves::shared(2)?;
    let (home, other) = (cluster.node(1), cluster.node(2));
    home.sh(
        "modprobe loop && mkdir -p /srv/posix /srv/second && truncate -s 256M /root/posix.disk && \
         mke2fs -q -t ext4 /root/posix.disk && mount -o loop /root/posix.disk /srv/posix && \
         mount -t tmpfs second /srv/second",
    )?;
    for node in [home, other] {
        install(node)?;
    }
    let at_home = judge(home, "/srv/posix", "/srv/second")?;
    let away = judge(other, "/mattxfs/1/srv/posix", "/mattxfs/1/srv/second")?;

    let skipped = at_home
        .values()
        .filter(|verdict| **verdict == Verdict::Skipped)
        .count();
    println!(
        "pjdfstest on ext4 at home: {} of {} passed, {skipped} do not concern it",
        passed(&at_home),
        at_home.len() - skipped
    );
    println!(
        "pjdfstest on the same through MattXFS: {} passed",
        passed(&away)
    );
    let mut kept = 0;
    for (name, verdict) in &at_home {
        match (verdict, away.get(name)) {
            (Verdict::Passed, Some(Verdict::Passed)) => kept += 1,
            (Verdict::Passed, lost) => println!("only through MattXFS: {name}: {lost:?}"),
            (Verdict::Failed(why), _) => println!("at home, too: {name}: {why}"),
            (Verdict::Skipped, _) => {}
        }
    }
    let share = f64::from(u32::try_from(kept).expect("a small number"))
        / f64::from(u32::try_from(passed(&at_home)).expect("a small number"));
    println!(
        "{:.1} % of what passes at home passes through MattXFS",
        share * 100.0
    );
    assert!(
        passed(&at_home) >= ENOUGH,
        "only {} pass at home",
        passed(&at_home)
    );
    assert!(share >= SHARE, "{:.1} % is not enough", share * 100.0);
    Ok(())
}

#[test]
fn verdicts_are_read_as_the_suite_prints_them() {
    let verdicts = read(
        "open::eisdir          ok\nrename::twice::fifo   FAILED\n\tassertion failed\nBacktrace:\nchmod::flags   skipped\n\trequires features: chflags\n\nSummary: 1 failed, 1 skipped, 1 passed, 0 expected failures, 3 total\n",
    );
    let expected = [
        ("chmod::flags", Verdict::Skipped),
        ("open::eisdir", Verdict::Passed),
        (
            "rename::twice::fifo",
            Verdict::Failed("assertion failed".into()),
        ),
    ];
    assert_eq!(
        verdicts,
        expected
            .map(|(name, verdict)| (name.to_owned(), verdict))
            .into()
    );
}
