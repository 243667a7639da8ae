// SPDX-License-Identifier: GPL-2.0-or-later
//! The kernel's own NFS, version 4.2, with nothing but what it brings.

use mattx_lab::{Node, Result};

/// Node 1 serves its `folder`, a mount of its own, to node 2, which mounts it at `at`.
///
/// What mountd would tell the server when it asks, which addresses there are and what each may see, is told here before.
///
/// # Errors
/// The nodes' failures.
pub fn share(home: &Node, folder: &str, other: &Node, at: &str) -> Result<()> {
    home.sh(&format!(
        "set -e; modprobe nfsd; mkdir -p /var/lib/nfs/v4recovery; mount -t nfsd nfsd /proc/fs/nfsd; cd /proc/fs/nfsd; \
         echo '-2 -3 +4 +4.1 +4.2' > versions; echo 1048576 > max_block_size; echo 10 > nfsv4gracetime; \
         echo tcp 2049 > portlist; echo 8 > threads; \
         forever=2147483647; cd /proc/net/rpc; \
         echo nfsd 10.77.0.2 $forever other > auth.unix.ip/channel; \
         echo other {folder} $forever 0x2402 65534 65534 0 > nfsd.export/channel; \
         printf '%s\\n' 'other 1 \\x00000000 '$forever' {folder}' > nfsd.fh/channel"
    ))?;
    // The first file waits until the server expects no clients of a life before any more.
    other
        .sh(&format!(
            "set -e; modprobe nfsv4; mkdir -p {at}; \
             mount -i -t nfs4 -o vers=4.2,proto=tcp,sec=sys,addr=10.77.0.1,clientaddr=10.77.0.2 10.77.0.1:/ {at}; \
             grep ' {at} nfs4 .*vers=4.2' /proc/mounts; touch {at}/first; rm {at}/first"
        ))
        .map(drop)
}
