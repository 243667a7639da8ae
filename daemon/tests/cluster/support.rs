// SPDX-License-Identifier: GPL-2.0-or-later
//! Several daemons on one machine, each in a network namespace of its own, joined by a bridge.
//!
//! A test runs its body through [`in_private_network`], which starts the test anew inside of user
//! and network namespaces; so neither root rights nor clean-up are needed: everything vanishes
//! with the process.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use mattx_protocol::local::{Operation, Reply, Request};
use mattx_protocol::model::{NodeSample, NodeState};
use nix::sched::{CloneFlags, setns};
use nix::unistd::{SysconfVar, sysconf};

const INSIDE: &str = "MATTX_TEST_INSIDE";

/// Runs `body` of the test called `name` in namespaces of its own.
pub fn in_private_network(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let test = std::env::current_exe().expect("path of this test");
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount"])
        .args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"])
        .arg(test)
        .args(["--exact", name, "--include-ignored"])
        .args(["--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare (util-linux) starts");
    assert!(status.success(), "{name} failed inside of its namespaces");
}

fn command(program: &str, arguments: &str) {
    let status = Command::new(program)
        .args(arguments.split(' '))
        .status()
        .unwrap_or_else(|error| panic!("{program} starts: {error}"));
    assert!(status.success(), "{program} {arguments}: {status}");
}

/// A network with daemons.
pub struct Network {
    folder: PathBuf,
}

impl Network {
    /// An empty network.
    pub fn new() -> Self {
        command("ip", "link add br0 type bridge mcast_snooping 0");
        command("ip", "link set br0 up");
        let folder = std::env::temp_dir().join(format!(
            "mattx-discd-test-{}-{}",
            std::process::id(),
            // In its own pid namespace every test has the same pid.
            Instant::now().elapsed().as_nanos()
                + fs::metadata("/proc/self/ns/net").map_or(0, |ns| {
                    use std::os::unix::fs::MetadataExt;
                    u128::from(ns.ino())
                })
        ));
        fs::create_dir_all(&folder).expect("folder for the test");
        Self { folder }
    }

    /// A key file that only its owner can read.
    pub fn key_file(&self, name: &str, key: &str) -> PathBuf {
        let path = self.folder.join(name);
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .expect("key file");
        writeln!(file, "{key}").expect("key file");
        path
    }

    /// Adds a host with address `10.9.0.INDEX`.
    pub fn host(&self, index: u8) -> Host {
        let holder = Command::new("unshare")
            .args(["--net", "sleep", "infinity"])
            .spawn()
            .expect("unshare");
        let pid = holder.id();
        let own = fs::read_link("/proc/self/ns/net").expect("own namespace");
        wait_until("the host has its namespace", Duration::from_secs(5), || {
            fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|ns| ns != own)
        });
        command(
            "ip",
            &format!(
                "link add v{index} type veth peer name eth0 address {} netns {pid}",
                hardware_address(index)
            ),
        );
        command("ip", &format!("link set v{index} master br0 up"));
        let host = Host {
            holder,
            index,
            folder: self.folder.join(index.to_string()),
        };
        fs::create_dir_all(&host.folder).expect("folder for the host");
        host.run("ip", &format!("addr add 10.9.0.{index}/24 dev eth0"));
        host.run("ip", "link set eth0 up");
        host
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The hardware address of a host.
fn hardware_address(index: u8) -> String {
    format!("02:00:0a:09:00:{index:02x}")
}

/// Counters of a network interface.
#[derive(Clone, Copy)]
pub struct Traffic {
    pub received_bytes: u64,
    pub received_packets: u64,
    pub sent_bytes: u64,
    pub sent_packets: u64,
}

/// One machine of the network.
pub struct Host {
    holder: Child,
    index: u8,
    folder: PathBuf,
}

impl Host {
    fn inside(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.holder.id().to_string(), "--net", "--", program]);
        command
    }

    fn run(&self, program: &str, arguments: &str) {
        let status = self
            .inside(program)
            .args(arguments.split(' '))
            .status()
            .expect("nsenter");
        assert!(status.success(), "{program} {arguments}: {status}");
    }

    /// Tells this host the hardware addresses of `others`. The kernel keeps one table of neighbours
    /// for all namespaces, too small for what many hosts ask; fixed entries do not count.
    pub fn introduce(&self, others: &[Self]) {
        let path = self.folder.join("neighbours");
        let lines: String = others
            .iter()
            .filter(|other| other.index != self.index)
            .map(|other| {
                let (index, address) = (other.index, hardware_address(other.index));
                format!("neigh replace 10.9.0.{index} lladdr {address} nud permanent dev eth0\n")
            })
            .collect();
        fs::write(&path, lines).expect("neighbours");
        self.run("ip", &format!("-batch {}", path.display()));
    }

    /// What went through its network interface so far.
    pub fn traffic(&self) -> Traffic {
        let path = format!("/proc/{}/net/dev", self.holder.id());
        let table = fs::read_to_string(path).expect("network statistics");
        let counters: Vec<u64> = table
            .lines()
            .find_map(|line| line.trim_start().strip_prefix("eth0:"))
            .expect("eth0")
            .split_ascii_whitespace()
            .map(|number| number.parse().expect("a counter"))
            .collect();
        Traffic {
            received_bytes: counters[0],
            received_packets: counters[1],
            sent_bytes: counters[8],
            sent_packets: counters[9],
        }
    }

    /// Pulls the network cable, or plugs it in again.
    pub fn cable(&self, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        command("ip", &format!("link set v{} {state}", self.index));
    }

    /// Starts a daemon with these lines in its configuration.
    pub fn start(&self, configuration: &str) -> Daemon {
        let socket = self.folder.join("discd.sock");
        let path = self.folder.join("mattx.conf");
        fs::write(
            &path,
            format!("CONTROL_SOCKET={}\n{configuration}\n", socket.display()),
        )
        .expect("configuration");
        let log = self.folder.join("log");
        let output = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .expect("log");
        let process = self
            .inside(env!("CARGO_BIN_EXE_mattx-discd"))
            .arg("--verbose")
            .arg("--config")
            .arg(&path)
            .stdin(Stdio::null())
            .stderr(output)
            .spawn()
            .expect("mattx-discd starts");
        Daemon {
            process,
            socket,
            log,
        }
    }

    /// Sends datagrams from this host to the discovery port of another.
    pub fn send_datagrams(&self, target: &str, datagram: &[u8], count: u32) {
        self.visit(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("socket");
            for _ in 0..count {
                socket
                    .send_to(datagram, (target, 7225))
                    .expect("datagram is sent");
            }
        });
    }

    /// Records the beacons that other hosts send for `time`, once each.
    pub fn record_beacons(&self, time: Duration) -> BTreeSet<Vec<u8>> {
        let mut beacons = BTreeSet::new();
        let own = Ipv4Addr::new(10, 9, 0, self.index);
        self.visit(|| {
            let socket = UdpSocket::bind("0.0.0.0:7225").expect("socket");
            socket
                .join_multicast_v4(&Ipv4Addr::new(239, 0, 0, 1), &own)
                .expect("multicast");
            socket
                .set_read_timeout(Some(Duration::from_millis(100)))
                .expect("timeout");
            let begin = Instant::now();
            let mut buffer = [0; 2048];
            while begin.elapsed() < time {
                if let Ok(length) = socket.recv(&mut buffer) {
                    beacons.insert(buffer[..length].to_vec());
                }
            }
        });
        beacons
    }

    /// Sends these datagrams to the discovery port of each target, again and again for `time`, and
    /// returns how often anything came back.
    pub fn replay<'a>(
        &self,
        targets: &[&str],
        datagrams: impl IntoIterator<Item = &'a Vec<u8>>,
        time: Duration,
    ) -> usize {
        let datagrams: Vec<_> = datagrams.into_iter().collect();
        let mut answers = 0;
        self.visit(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("socket");
            let begin = Instant::now();
            while begin.elapsed() < time {
                for (datagram, target) in datagrams
                    .iter()
                    .flat_map(|d| targets.iter().map(move |t| (d, t)))
                {
                    // While a daemon is away its port answers by ICMP, which a later send reports.
                    let _ = socket.send_to(datagram, (*target, 7225));
                }
                sleep(Duration::from_millis(20));
            }
            socket.set_nonblocking(true).expect("socket");
            let mut buffer = [0; 2048];
            for _ in 0..1000 {
                answers += usize::from(socket.recv(&mut buffer).is_ok());
            }
        });
        answers
    }

    /// Sends datagrams as fast as it can for `time`, and meanwhile holds `connections` to the link
    /// port of the target on which it says nothing; returns how many datagrams it sent.
    pub fn flood(
        &self,
        target: &str,
        datagrams: &[Vec<u8>],
        connections: usize,
        time: Duration,
    ) -> u64 {
        let mut sent = 0;
        self.visit(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("socket");
            let _silent: Vec<_> = (0..connections)
                .map(|_| TcpStream::connect((target, 7226)).expect("connection"))
                .collect();
            let begin = Instant::now();
            while begin.elapsed() < time {
                if datagrams.is_empty() {
                    sleep(Duration::from_millis(100));
                }
                for datagram in datagrams {
                    sent += u64::from(socket.send_to(datagram, (target, 7225)).is_ok());
                }
            }
        });
        sent
    }

    /// Opens a connection to the link port of another host and sends `bytes`.
    pub fn send_stream(&self, target: &str, bytes: &[u8]) {
        self.visit(|| {
            let mut stream = TcpStream::connect((target, 7226)).expect("connection");
            stream.write_all(bytes).expect("bytes are sent");
        });
    }

    /// Like [`Self::send_stream`], and returns what is answered until the other side hangs up.
    pub fn ask_stream(&self, target: &str, bytes: &[u8]) -> Vec<u8> {
        let mut answer = Vec::new();
        self.visit(|| {
            let mut stream = TcpStream::connect((target, 7226)).expect("connection");
            stream.write_all(bytes).expect("bytes are sent");
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .expect("timeout");
            // A reset is no answer either.
            let _ = stream.read_to_end(&mut answer);
        });
        answer
    }

    /// Runs `visitor` in this host's network.
    fn visit(&self, visitor: impl FnOnce() + Send) {
        let namespace =
            File::open(format!("/proc/{}/ns/net", self.holder.id())).expect("namespace");
        thread::scope(|scope| {
            // A namespace belongs to a thread, so the thread ends with the visit.
            scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET).expect("setns");
                visitor();
            });
        });
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A running daemon.
pub struct Daemon {
    process: Child,
    socket: PathBuf,
    log: PathBuf,
}

impl Daemon {
    /// Its control socket, greeted.
    pub fn connect(&self) -> Option<Conversation> {
        let stream = UnixStream::connect(&self.socket).ok()?;
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .ok()?;
        let mut conversation = Conversation {
            stream: BufReader::new(stream),
        };
        match conversation.read()? {
            Reply::Hello { .. } => Some(conversation),
            other => panic!("greeted with {other:?}"),
        }
    }

    /// All nodes that it knows.
    pub fn nodes(&self) -> Vec<NodeSample> {
        let Some(mut conversation) = self.connect() else {
            return Vec::new();
        };
        conversation.ask(Operation::Snapshot);
        let mut nodes = Vec::new();
        loop {
            match conversation.read() {
                Some(Reply::Node(sample)) => nodes.push(sample),
                Some(Reply::Answer { .. }) | None => return nodes,
                Some(_) => {}
            }
        }
    }

    /// How many nodes it sees up, itself included.
    pub fn up(&self) -> usize {
        let nodes = self.nodes();
        nodes
            .iter()
            .filter(|node| node.state == NodeState::Up)
            .count()
    }

    /// What it logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Sends it a signal by name.
    pub fn signal(&self, name: &str) {
        command("kill", &format!("-{name} {}", self.process.id()));
    }

    /// Processor time that it has used.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))
            .expect("statistics of the daemon");
        // The name in parentheses may hold anything; user and system time are the 14th and 15th field.
        let (_, rest) = stat.rsplit_once(')').expect("a name");
        let ticks: u64 = rest
            .split_ascii_whitespace()
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u64>().expect("ticks"))
            .sum();
        let rate = sysconf(SysconfVar::CLK_TCK)
            .ok()
            .flatten()
            .and_then(|rate| u64::try_from(rate).ok())
            .expect("ticks per second");
        Duration::from_millis(ticks * 1000 / rate)
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .expect("status of the daemon");
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
            .expect("VmRSS")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.log());
        }
    }
}

/// A connection to a control socket.
pub struct Conversation {
    stream: BufReader<UnixStream>,
}

impl Conversation {
    /// Sends a request.
    pub fn ask(&mut self, operation: Operation) {
        let line = serde_json::to_string(&Request { id: 7, operation }).expect("request");
        self.say(&line);
    }

    /// Sends any line.
    pub fn say(&mut self, line: &str) {
        writeln!(self.stream.get_mut(), "{line}").expect("the daemon reads");
    }

    /// The next reply; `None` when the daemon hung up.
    pub fn read(&mut self) -> Option<Reply> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(serde_json::from_str(&line).expect("a reply of the protocol")),
        }
    }
}

/// Makes daemons that are started from now on believe that the machine was booted anew.
pub fn pretend_reboot(network: &Network, boot: &str) {
    let file = network.key_file(&format!("boot-{boot}"), boot);
    command(
        "mount",
        &format!("--bind {} /proc/sys/kernel/random/boot_id", file.display()),
    );
}

/// Waits until `condition` holds and returns how long that took; panics after `patience`.
pub fn wait_until(what: &str, patience: Duration, mut condition: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !condition() {
        assert!(
            begin.elapsed() < patience,
            "not within {patience:?}: {what}"
        );
        sleep(Duration::from_millis(50));
    }
    begin.elapsed()
}
