// SPDX-License-Identifier: GPL-2.0-or-later
//! The lab itself: what other scenarios rely on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use mattx_lab::{Cable, Cluster, Config, Error, Result, SharedCluster};

const MOMENT: Duration = Duration::from_secs(60);

fn cluster() -> Result<SharedCluster> {
    Cluster::shared(|| Config::bare(2))
}

#[test]
fn a_command_gives_its_output_and_its_status() -> Result<()> {
    let cluster = cluster()?;
    let output = cluster.node(1).try_sh("echo out; echo err >&2; exit 7")?;
    assert_eq!(
        (
            output.status,
            output.stdout.as_str(),
            output.stderr.as_str()
        ),
        (7, "out\n", "err\n")
    );
    assert_eq!(cluster.node(2).sh("hostname")?, "node2");
    assert!(matches!(
        cluster.node(1).sh("exit 3"),
        Err(Error::Command { status: 3, .. })
    ));
    Ok(())
}

#[test]
fn a_command_that_takes_too_long_is_killed() -> Result<()> {
    let cluster = cluster()?;
    let begin = Instant::now();
    let output = cluster
        .node(1)
        .run("echo begin; sleep 100", Duration::from_secs(1))?;
    assert_eq!((output.status, output.stdout.as_str()), (124, "begin\n"));
    assert!(begin.elapsed() < MOMENT);
    Ok(())
}

#[test]
fn clocks_of_nodes_run_as_fast_as_those_of_this_machine() -> Result<()> {
    let cluster = cluster()?;
    // Another test lets node 2 stand still.
    let node = cluster.node(1);
    let begin = Instant::now();
    let first = seconds(&node.sh("cat /proc/uptime")?);
    std::thread::sleep(Duration::from_secs(2));
    let second = seconds(&node.sh("cat /proc/uptime")?);
    let most = begin.elapsed().as_secs_f64();
    let passed = second - first;
    assert!(
        (1.9..=most * 1.05).contains(&passed),
        "{passed} s passed there in 2 to {most} s here"
    );
    Ok(())
}

/// The first word of /proc/uptime.
fn seconds(uptime: &str) -> f64 {
    let first = uptime.split_whitespace().next().expect("two numbers");
    first.parse().expect("a number")
}

#[test]
fn many_commands_run_side_by_side() -> Result<()> {
    let cluster = cluster()?;
    let mut sleeper = cluster.node(1).spawn("read line; echo got $line")?;
    assert_eq!(cluster.node(1).sh("echo meanwhile")?, "meanwhile");
    sleeper.write("word\n")?;
    sleeper.wait_for("got word", MOMENT)?;
    assert_eq!(sleeper.wait(MOMENT)?.status, 0);
    Ok(())
}

#[test]
fn files_go_both_ways_unchanged() -> Result<()> {
    let cluster = cluster()?;
    let content: Vec<u8> = (0..3_000_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    cluster.node(1).write("/tmp/dir/file", &content)?;
    let local = cluster.dir().join("pulled");
    cluster.node(1).pull("/tmp/dir/file", &local)?;
    assert!(std::fs::read(&local).is_ok_and(|pulled| pulled == content));
    assert!(cluster.node(1).pull("/no/such/file", &local).is_err());
    Ok(())
}

#[test]
fn nodes_hear_each_other_by_multicast() -> Result<()> {
    const HEAR: &str = r#"
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7225))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.0.0.1") + socket.inet_aton("10.77.0.2"))
print("listening", flush=True)
print(s.recvfrom(100), flush=True)
"#;
    const SPEAK: &str = r#"
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.1"))
s.sendto(b"beacon", ("239.0.0.1", 7225))
"#;
    let cluster = cluster()?;
    cluster.node(2).write("/root/hear.py", HEAR)?;
    cluster.node(1).write("/root/speak.py", SPEAK)?;
    let mut listener = cluster.node(2).spawn("python3 /root/hear.py")?;
    listener.wait_for("listening", MOMENT)?;
    cluster.node(1).sh("python3 /root/speak.py")?;
    listener.wait_for("(b'beacon', ('10.77.0.1',", MOMENT)
}

#[test]
fn a_cable_can_be_cut_slowed_down_and_mended() -> Result<()> {
    const PING: &str = "ping -c 1 -W 2 node2";
    let cluster = cluster()?;
    let (one, two) = (cluster.node(1), cluster.node(2));
    one.sh(PING)?;
    two.cut();
    assert_ne!(one.try_sh(PING)?.status, 0);
    two.mend();
    one.sh(PING)?;
    two.set_cable(Cable {
        delay: Duration::from_millis(150),
        ..Cable::default()
    });
    let milliseconds: f64 = one
        .sh(&format!("{PING} | sed -n 's/.*time=\\([0-9.]*\\).*/\\1/p'"))?
        .parse()
        .unwrap_or(0.0);
    assert!(
        milliseconds >= 300.0,
        "150 ms each way, but a round trip took {milliseconds} ms"
    );
    two.mend();
    one.separate_from(two);
    assert_ne!(one.try_sh(PING)?.status, 0);
    Ok(())
}

#[test]
fn a_paused_node_is_silent_and_goes_on_afterwards() -> Result<()> {
    let cluster = cluster()?;
    cluster.node(2).pause()?;
    assert_ne!(cluster.node(1).try_sh("ping -c 1 -W 2 node2")?.status, 0);
    cluster.node(2).resume()?;
    cluster.node(1).sh("ping -c 1 -W 10 node2")?;
    Ok(())
}

#[test]
fn a_node_forgets_everything_at_power_off() -> Result<()> {
    let cluster = cluster()?;
    let node = cluster.node(2);
    let boot = node.sh("touch /root/trace; cat /proc/sys/kernel/random/boot_id")?;
    node.power_off();
    assert!(!node.is_on());
    assert!(node.sh("true").is_err());
    node.power_on()?;
    assert_ne!(node.sh("cat /proc/sys/kernel/random/boot_id")?, boot);
    assert_ne!(node.try_sh("test -e /root/trace")?.status, 0);
    Ok(())
}

#[test]
fn a_port_of_a_nodes_loopback_is_reachable_from_the_host() -> Result<()> {
    let cluster = cluster()?;
    cluster.node(1).write("/tmp/answer", "it is me")?;
    let mut server = cluster
        .node(1)
        .spawn("nc -l -N 127.0.0.1 8080 </tmp/answer >/tmp/heard; echo over")?;
    cluster
        .node(1)
        .wait_until("listen", MOMENT, "ss -ltn | grep -q 8080")?;
    let port = cluster.node(1).forward(0, 8080)?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.write_all(b"question").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    server.wait_for("over", MOMENT)?;
    assert_eq!(
        (
            answer.as_str(),
            cluster.node(1).sh("cat /tmp/heard")?.as_str()
        ),
        ("it is me", "question")
    );
    Ok(())
}

#[test]
fn a_defect_that_a_kernel_reports_is_never_overlooked() -> Result<()> {
    let cluster = cluster()?;
    let node = cluster.node(1);
    node.check()?;
    node.sh("echo 'WARNING: made up by a test' >/dev/kmsg")?;
    let deadline = Instant::now() + MOMENT;
    let report = loop {
        match node.check() {
            Err(error) => break error.to_string(),
            Ok(()) if Instant::now() > deadline => panic!("the report was overlooked"),
            Ok(()) => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    assert!(
        report.contains("node1") && report.contains("made up by a test"),
        "{report}"
    );
    // Told once is enough.
    node.check()
}
