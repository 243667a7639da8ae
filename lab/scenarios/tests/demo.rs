// SPDX-License-Identifier: GPL-2.0-or-later
//! The programs of the demonstration move and come back while they work, and what they make is what it would have been.

use std::time::Duration;

use mattx_lab::{Node, Result, SharedCluster};
use mattx_scenarios::moves::{self, MOMENT, Subject, Turn, wait_until_gone};
use mattx_scenarios::programs;

const LONG: Duration = Duration::from_secs(900);
/// Round trips of each.
const TRIPS: usize = 3;

fn cluster() -> Result<(SharedCluster, Turn)> {
    moves::shared(2)
}

/// Away and home again, and each time it goes on with its work.
fn travel(subject: &Subject, home: &Node) -> Result<()> {
    for _ in 0..TRIPS {
        subject.migrate(home, "2")?;
        subject.wait_for_progress(home)?;
        subject.migrate(home, "home")?;
        subject.wait_for_progress(home)?;
    }
    Ok(())
}

#[test]
fn a_picture_grows_while_its_program_moves() -> Result<()> {
    // Each of the waits on the way takes one or two.
    const FRAMES: u32 = 16;
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "fractal")?;
    let unmoved = home.run(
        &format!("{program} /tmp/unmoved.bmp {FRAMES} | tail -n 1"),
        LONG,
    )?;
    let expected = unmoved.stdout.trim().to_owned();
    assert!(expected.starts_with("checksum"), "{expected}");
    let subject = Subject::start(home, &format!("{program} /tmp/moved.bmp {FRAMES} 5"))?;
    travel(&subject, home)?;
    // Its last rows are drawn away.
    subject.migrate(home, "2")?;
    subject.wait_for_line(home, &expected)?;
    subject.wait_for_line(home, "status 0")?;
    let pictures = home.sh("cd /tmp && sha256sum <unmoved.bmp && sha256sum <moved.bmp")?;
    let (unmoved, moved) = pictures.trim().split_once('\n').expect("two lines");
    assert_eq!(unmoved, moved, "the picture differs");
    wait_until_gone(&cluster)
}

#[test]
fn a_file_has_the_same_checksum_wherever_it_is_read() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    let program = programs::push(home, "checksum")?;
    home.sh("head -c 3000000 /dev/urandom >/tmp/data")?;
    let subject = Subject::start(home, &format!("{program} /tmp/data 1000000 40"))?;
    travel(&subject, home)?;
    subject.migrate(home, "2")?;
    subject.wait_for_progress(home)?;
    subject.signal(home, "TERM")?;
    subject.wait_for_line(home, "status 143")?;
    let output = subject.output(home)?;
    let mut sums: Vec<&str> = output
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(_, sum)| sum)
        .collect();
    assert!(sums.len() > TRIPS, "{output}");
    sums.dedup();
    assert_eq!(sums.len(), 1, "{output}");
    wait_until_gone(&cluster)
}

#[test]
fn a_compile_loop_makes_the_same_files_wherever_it_runs() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    programs::push_script(home, "compile.py", "/root/compile.py")?;
    home.sh(
        "ln -sf /usr/bin/python3 /root/compileloop; rm -rf /tmp/sources; mkdir /tmp/sources; \
         cd /usr/lib/python3*/ && cp abc.py bisect.py glob.py keyword.py stat.py /tmp/sources",
    )?;
    let unmoved = home.run(
        "/root/compileloop /root/compile.py /tmp/sources /tmp/unmoved 1 | tail -n 1",
        LONG,
    )?;
    let expected = unmoved.stdout.trim().to_owned();
    let (_, sum) = expected.split_once("round 0: ").expect("a round");
    let subject = Subject::start(
        home,
        "/root/compileloop /root/compile.py /tmp/sources /tmp/moved 1000000 0.1",
    )?;
    travel(&subject, home)?;
    subject.migrate(home, "2")?;
    // Everything is compiled anew at least once, away. What it is just writing is not ours to remove.
    let away = home.sh("rm -f /tmp/moved/*.marshal; wc -l </tmp/compileloop.out")?;
    home.wait_until(
        "compile all modules twice",
        MOMENT,
        &format!(
            "test $(tail -n +{} /tmp/compileloop.out | grep -c ^round) -ge 2",
            away.trim()
        ),
    )?;
    subject.migrate(home, "home")?;
    subject.signal(home, "TERM")?;
    subject.wait_for_line(home, "status 143")?;
    home.sh(
        "cd /tmp/unmoved && sha256sum * >/tmp/sums && cd /tmp/moved && sha256sum -c /tmp/sums",
    )?;
    let output = subject.output(home)?;
    let rounds: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("round "))
        .collect();
    assert!(rounds.iter().all(|line| line.ends_with(sum)), "{rounds:?}");
    wait_until_gone(&cluster)
}

#[test]
fn a_web_server_is_refused_and_goes_on_serving() -> Result<()> {
    let (cluster, _turn) = cluster()?;
    let home = cluster.node(1);
    home.sh("ln -sf /usr/bin/python3 /root/webserver; mkdir -p /tmp/pages; echo hello >/tmp/pages/index.html")?;
    let subject = Subject::start(
        home,
        "/root/webserver -u -m http.server --directory /tmp/pages 8000",
    )?;
    let serves = || {
        home.wait_until(
            "serve the page",
            MOMENT,
            "curl -sf 127.0.0.1:8000 | grep hello",
        )
    };
    serves()?;
    let refused = subject.try_move(home, "2")?;
    assert!(!refused.stdout.trim().is_empty(), "a socket moved");
    let reason = home.sh(&format!("mattx why {} 2>&1 || true", subject.pid))?;
    assert!(reason.contains("files"), "{reason}");
    serves()?;
    subject.signal(home, "TERM")?;
    subject.wait_for_line(home, "status 143")?;
    wait_until_gone(&cluster)
}
