// SPDX-License-Identifier: GPL-2.0-or-later
//! Loading and unloading the kernel modules.

use std::time::Duration;

use mattx_lab::{Cluster, Config, Result};
use mattx_scenarios::modules;

/// Hundred rounds on the debug kernel take a minute on a busy host.
const LIMIT: Duration = Duration::from_secs(900);

#[test]
fn the_modules_load_and_unload_a_hundred_times() -> Result<()> {
    let cluster = Cluster::boot(Config::bare(1)?)?;
    let node = cluster.node(1);
    modules::push(node, cluster.kernel())?;
    let before = node.sh("cat /proc/slabinfo | grep -c . ; ls /proc | grep -c mattx || true")?;
    let output = node.run(
        "set -e; i=0; while [ $i -lt 100 ]; do \
             insmod /root/mattx.ko; insmod /root/mattxfs.ko; \
             grep -q 'MattX Version' /proc/mattx/version; \
             rmmod mattxfs mattx; \
             i=$((i + 1)); \
         done; echo $i rounds",
        LIMIT,
    )?;
    assert_eq!(
        (output.status, output.stdout.trim()),
        (0, "100 rounds"),
        "{}",
        output.stderr
    );
    let after = node.sh("cat /proc/slabinfo | grep -c . ; ls /proc | grep -c mattx || true")?;
    assert_eq!(
        before, after,
        "slab caches and /proc entries before and after"
    );
    cluster.finish()
}
