// SPDX-License-Identifier: GPL-2.0-or-later
//! The debug kernel finds defects, and the lab hears it: without this proof, a clean run would mean nothing.

use std::process::Command;
use std::time::{Duration, Instant};

use mattx_lab::{Cluster, Config, Error, Kernel, Result, cache, repository};

/// From the defect to the report on the console.
const PATIENCE: Duration = Duration::from_secs(60);

/// What each defect of lab/programs/defects is reported as.
const DEFECTS: [(&str, &str); 4] = [
    // First: lockdep goes silent after any report of KASAN.
    ("lock-order", "possible circular locking dependency"),
    ("use-after-free", "KASAN: slab-use-after-free"),
    ("overflow", "KASAN: slab-out-of-bounds"),
    (
        "sleep-in-atomic",
        "sleeping function called from invalid context",
    ),
];

#[test]
fn every_planted_defect_is_reported() -> Result<()> {
    let config = Config::bare(1)?;
    if config.kernel != Kernel::Debug {
        // Stock kernels have no checkers to prove.
        return Ok(());
    }
    let repository = repository();
    let built = Command::new(repository.join("scripts/build-kernel"))
        .arg("--from")
        .arg(repository.join("lab/programs/defects"))
        .arg("debug")
        .status()
        .map_err(|source| Error::Io {
            what: "cannot build the defects".into(),
            source,
        })?;
    assert!(built.success());
    let cluster = Cluster::boot(config)?;
    let node = cluster.node(1);
    let module = cache()?.join("modules/debug/defects/defects.ko");
    node.push(&module, "/root/defects.ko")?;
    node.sh("insmod /root/defects.ko && rmmod defects")?;
    cluster.check()?;
    for (defect, report) in DEFECTS {
        node.sh(&format!(
            "insmod /root/defects.ko defect={defect}; rmmod defects"
        ))?;
        let deadline = Instant::now() + PATIENCE;
        while !node
            .check()
            .is_err_and(|error| error.to_string().contains(report))
        {
            assert!(
                Instant::now() < deadline,
                "{defect} was not reported as \"{report}\""
            );
            std::thread::sleep(Duration::from_millis(200));
        }
        // The rest of the report is still being printed.
        std::thread::sleep(Duration::from_secs(2));
        node.forgive();
    }
    node.sh("insmod /root/defects.ko defect=leak; rmmod defects")?;
    let error = cluster
        .check()
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(
        error.contains("unreferenced object"),
        "the leak was not reported: {error}"
    );
    node.sh("echo clear >/sys/kernel/debug/kmemleak")?;
    node.forgive();
    cluster.finish()
}
