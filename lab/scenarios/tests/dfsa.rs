// SPDX-License-Identifier: GPL-2.0-or-later
//! A folder that all nodes share (`DFSA_DIR`) is used where the process is, not through its home; one that only has the
//! same name is not.

use mattx_lab::{Cluster, Config, Kernel, Node, Result};
use mattx_scenarios::moves::{self, Subject, wait_for_links, wait_until_gone};
use mattx_scenarios::{nfs, programs};

const FOLDER: &str = "/srv/shared";

#[test]
fn shared_storage_is_used_where_the_process_is() -> Result<()> {
    let cluster = Cluster::boot(Config {
        configuration: format!("DFSA_DIR={FOLDER}\n"),
        ..Config::installed(2)?
    })?;
    wait_for_links(&cluster)?;
    let (home, other) = (cluster.node(1), cluster.node(2));
    let program = programs::push(home, "ledger")?;
    home.sh(&format!(
        "mkdir -p {FOLDER}; mount -t tmpfs shared {FOLDER}; chmod 1777 {FOLDER}"
    ))?;

    // Nothing is there that could be shared, then something else.
    goes_through_its_home(&cluster, &program)?;
    other.sh(&format!(
        "mkdir -p {FOLDER}; mount -t tmpfs other {FOLDER}; chmod 1777 {FOLDER}"
    ))?;
    goes_through_its_home(&cluster, &program)?;
    let files = other.sh(&format!("ls -A {FOLDER}; umount {FOLDER}"))?;
    assert_eq!(files, "", "the proof that failed has left something");

    if cluster.kernel() == Kernel::Debug {
        println!("shared storage is not tried: the debug kernel has no NFS");
        return cluster.finish();
    }
    nfs::share(home, FOLDER, other, FOLDER)?;
    let subject = start(home, &program, "")?;
    subject.migrate(home, "2")?;
    assert_eq!(storage(other)?, "nfs nfs nfs nfs");
    for trip in 0..8 {
        subject.wait_for_progress(home)?;
        subject.migrate(home, if trip % 2 == 0 { "home" } else { "2" })?;
    }
    assert_eq!(storage(other)?, "nfs nfs nfs nfs");
    let entries = entries(&subject.ends_without_faults(home)?);
    let sizes = home.sh(&format!("stat -c %s {FOLDER}/log {FOLDER}/book"))?;
    assert_eq!(sizes.trim(), format!("{}\n{}", 9 * entries, 8 * entries));
    wait_until_gone(&cluster)?;
    cluster.finish()
}

fn start(home: &Node, program: &str, what: &str) -> Result<Subject> {
    home.sh(&format!("rm -rf {FOLDER}/*"))?;
    Subject::start(home, &format!("{program} {FOLDER} {what}"))
}

/// The kinds of file systems that the guest has its folder, its log and its book, twice, on.
fn storage(host: &Node) -> Result<String> {
    let pid = moves::guest(host)?;
    let kinds = host.sh(&format!(
        "for fd in 3 4 5 6; do stat -f -L -c %T /proc/{pid}/fd/$fd; done"
    ))?;
    Ok(kinds.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn goes_through_its_home(cluster: &Cluster, program: &str) -> Result<()> {
    let (home, other) = (cluster.node(1), cluster.node(2));
    let subject = start(home, program, "lists")?;
    for _ in 0..4 {
        subject.wait_for_progress(home)?;
        subject.migrate(home, "2")?;
        subject.wait_for_progress(home)?;
        subject.migrate(home, "home")?;
    }
    subject.migrate(home, "2")?;
    let kinds = storage(other)?;
    assert!(
        !kinds.contains("nfs") && !kinds.contains("tmpfs"),
        "{kinds}"
    );
    subject.migrate(home, "home")?;
    subject.wait_for_progress(home)?;
    subject.ends_without_faults(home)?;
    wait_until_gone(cluster)
}

/// How many entries it says that it has made.
fn entries(output: &str) -> u64 {
    let number = output
        .rsplit_once("entries ")
        .and_then(|(_, end)| end.split_once(" faults"));
    number
        .unwrap_or_else(|| panic!("{output}"))
        .0
        .parse()
        .expect("a number")
}
