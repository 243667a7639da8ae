// SPDX-License-Identifier: GPL-2.0-or-later
//! A guest ends in the middle of its writing, by a signal or with its link or its host: what `fsync` told it to be on the
//! disk is on the disk of its home.

use mattx_lab::{Node, Result};
use mattx_scenarios::moves::{MOMENT, Subject, wait_for_links, wait_until_gone};

use super::{cluster, folder, run_in};

/// Writes the same to a file that it opened at home and to one that it opens away, tells both to be stored, and only then
/// says so.
const WRITER: &str = "import os, time\n\
    early = os.open('disk/early', os.O_WRONLY | os.O_CREAT)\n\
    print('begun', flush=True)\n\
    while not os.path.exists('go'): time.sleep(0.1)\n\
    late = os.open('disk/late', os.O_WRONLY | os.O_CREAT)\n\
    for number in range(1000000):\n\
    \x20   for file in (early, late):\n\
    \x20       os.write(file, b'%08d %s\\n' % (number, b'x' * 1990)); os.fsync(file)\n\
    \x20   print('stored', number, flush=True)\n";

/// How often the writer's lines are there, whole and in order, before anything else follows.
const COUNTER: &str = "import sys\n\
    data = open(sys.argv[1], 'rb').read()\n\
    lines = [data[at:at + 2000] for at in range(0, len(data), 2000)]\n\
    count = 0\n\
    while count < len(lines) and lines[count] == b'%08d %s\\n' % (count, b'x' * 1990): count += 1\n\
    print(count)\n";

/// A disk that forgets, when its power fails, whatever nobody asked it to store: a file system that writes nothing by
/// itself for as long as a test takes. What would be left of it is in the file below.
fn make_disk(home: &Node, folder: &str) -> Result<()> {
    home.sh("modprobe loop; echo 0 > /proc/sys/vm/dirty_writeback_centisecs; echo 360000 > /proc/sys/vm/dirty_expire_centisecs")?;
    run_in(
        home,
        folder,
        "truncate -s 32M image; mke2fs -q -t ext4 image; mkdir disk left; mount -o loop,commit=3600 image disk",
    )
    .map(drop)
}

fn count(home: &Node, folder: &str, script: &str) -> Result<u32> {
    let number = run_in(home, folder, script)?;
    Ok(number.trim().parse().expect("a number"))
}

fn end_while_it_writes(
    name: &str,
    fault: impl FnOnce(&Node, &Node, &Subject) -> Result<()>,
    repair: impl FnOnce(&Node) -> Result<()>,
) -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let (home, host) = (cluster.node(1), cluster.node(2));
    let folder = folder(home, name)?;
    make_disk(home, &folder)?;
    home.write(&format!("{folder}/writer.py"), WRITER)?;
    home.write(&format!("{folder}/count.py"), COUNTER)?;
    run_in(
        home,
        &folder,
        "setsid sh -c 'python3 writer.py > said 2>&1; echo status $? >> said' </dev/null >/dev/null 2>&1 &",
    )?;
    home.wait_until(
        "start the writer",
        MOMENT,
        &format!("grep -q begun {folder}/said"),
    )?;
    let pid = home.sh("pgrep -nx python3")?;
    let subject = Subject::of(pid.trim().parse().expect("pgrep prints a pid"));
    subject.migrate(home, "2")?;
    run_in(home, &folder, "touch go")?;
    home.wait_until(
        "store something",
        MOMENT,
        &format!("test $(grep -c ^stored {folder}/said) -ge 5"),
    )?;
    fault(home, host, &subject)?;
    home.wait_until(
        "see the writer end",
        MOMENT,
        &format!("grep -q ^status {folder}/said"),
    )?;
    // As if the home's power failed now.
    run_in(
        home,
        &folder,
        "cp image after; mount -o loop after left; tail -n 1 said | grep -vx 'status 0'",
    )?;
    let told = count(home, &folder, "grep -c ^stored said")?;
    for file in ["early", "late"] {
        let stored = count(home, &folder, &format!("python3 count.py left/{file}"))?;
        println!("{name}: {file} has {stored} of {told} lines");
        assert!(
            stored >= told,
            "{stored} lines of {told} are in {file} after its writer's end by {name}"
        );
    }
    run_in(home, &folder, "umount left")?;
    repair(host)?;
    wait_for_links(&cluster)?;
    wait_until_gone(&cluster)?;
    // Nothing that was on its way comes later.
    let late = count(home, &folder, "python3 count.py disk/late")?;
    assert!(late <= told + 1, "{late} lines, {told} told");
    // The other node still knows files of it, and holds them.
    run_in(home, &folder, "umount -l disk; rm -f image after").map(drop)
}

#[test]
fn what_is_stored_survives_a_kill() -> Result<()> {
    end_while_it_writes(
        "kill",
        |home, _, writer| writer.signal(home, "KILL"),
        |_| Ok(()),
    )
}

#[test]
fn what_is_stored_survives_a_cut_link() -> Result<()> {
    end_while_it_writes(
        "cut",
        |_, host, _| {
            host.cut();
            Ok(())
        },
        |host| {
            host.mend();
            Ok(())
        },
    )
}

#[test]
fn what_is_stored_survives_the_crash_of_the_host() -> Result<()> {
    end_while_it_writes(
        "crash",
        |_, host, _| {
            host.power_off();
            Ok(())
        },
        Node::power_on,
    )
}
