// SPDX-License-Identifier: GPL-2.0-or-later
//! What a crowd of viewers costs: CPU, bytes, and memory of `mattx-viz` with 1,000 nodes, 20,000 processes and 500
//! viewers, among them one that reads nothing and one that sends garbage.
//!
//! ```text
//! cargo bench -p mattx-viz --bench load                    one minute
//! cargo bench -p mattx-viz --bench load -- --seconds 600   with a judgement about memory
//! ```
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark may end when it cannot go on"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const NODES: u32 = 1000;
const PROCESSES: u32 = 20_000;
const VIEWERS: usize = 500;
/// Memory is looked at from this time on: before it, buffers grow to their size.
const SETTLED: Duration = Duration::from_secs(30);
/// Growth of memory that is no growth.
const FLAT: f64 = 1.10;
/// Longest silence that a viewer notices: it would show its data as stale.
const SILENCE: Duration = Duration::from_secs(3);
/// Share of a core that one viewer may cost, in percent; 500 of them must leave room on two cores.
const MOST_CPU_PER_VIEWER: f64 = 0.3;
const TICKS_PER_SECOND: f64 = 100.0;

/// What the viewers saw, all together.
#[derive(Default)]
struct Seen {
    bytes: AtomicU64,
    messages: AtomicU64,
    snapshots: AtomicU64,
    gaps: AtomicU64,
    lost: AtomicU64,
    longest_silence_ms: AtomicU64,
    over: AtomicBool,
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    fn start() -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mattx-viz"))
            .args(["--listen", "127.0.0.1:0"])
            .args(["--sim", &NODES.to_string()])
            .args(["--sim-processes", &PROCESSES.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next())
            .unwrap()
            .to_owned();
        (Self(child), address)
    }

    /// Seconds of CPU so far.
    fn cpu(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let fields: Vec<&str> = text
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_PER_SECOND
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = text.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<f64>()
            .unwrap()
            / 1024.0
    }
}

async fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(stream)
}

/// A viewer that reads everything and checks that nothing is missing. It understands no more than that, so that the
/// processors are the server's.
async fn view(address: String, seen: Arc<Seen>) {
    let Ok(stream) = connect(&address).await else {
        seen.lost.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let (mut reader, mut writer) = stream.into_split();
    let mut reader = tokio::io::BufReader::with_capacity(64 << 10, &mut reader);
    let mut payload = Vec::new();
    let mut last = 0;
    let mut heard = Instant::now();
    while !seen.over.load(Ordering::Relaxed) {
        let Ok(code) = next(&mut reader, &mut payload).await else {
            if !seen.over.load(Ordering::Relaxed) {
                seen.lost.fetch_add(1, Ordering::Relaxed);
            }
            return;
        };
        if code == 9 {
            // A pong with an empty mask.
            let _ = writer.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await;
            continue;
        }
        let silence = u64::try_from(heard.elapsed().as_millis()).unwrap();
        seen.longest_silence_ms
            .fetch_max(silence, Ordering::Relaxed);
        heard = Instant::now();
        seen.bytes
            .fetch_add(payload.len() as u64, Ordering::Relaxed);
        seen.messages.fetch_add(1, Ordering::Relaxed);
        match payload[0] {
            1 => {
                last = number(&payload[1..]);
                seen.snapshots.fetch_add(1, Ordering::Relaxed);
            }
            2 => {
                let sequence = number(&payload[1..]);
                if sequence != last + 1 {
                    seen.gaps.fetch_add(1, Ordering::Relaxed);
                }
                last = sequence;
            }
            _ => {}
        }
    }
}

/// Reads one frame of the websocket protocol and returns its operation code.
async fn next(
    reader: &mut (impl tokio::io::AsyncRead + Unpin),
    payload: &mut Vec<u8>,
) -> std::io::Result<u8> {
    let code = reader.read_u8().await? & 15;
    let length = match reader.read_u8().await? & 127 {
        126 => reader.read_u16().await?.into(),
        127 => reader.read_u64().await?,
        length => length.into(),
    };
    payload.resize(usize::try_from(length).unwrap(), 0);
    reader.read_exact(payload).await?;
    Ok(code)
}

/// A number as postcard writes it.
fn number(bytes: &[u8]) -> u64 {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate() {
        value |= u64::from(byte & 127) << (7 * index);
        if byte & 128 == 0 {
            break;
        }
    }
    value
}

/// Sends what is no message, again and again.
async fn garble(address: String, seen: Arc<Seen>) {
    let mut round = 0_u8;
    while !seen.over.load(Ordering::Relaxed) {
        if let Ok(mut stream) = connect(&address).await {
            let garbage: Vec<u8> = (0..4096_u32)
                .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8 ^ round)
                .collect();
            // A frame of garbage, one that claims to be enormous, and bytes that are no frame.
            let frame = [0x82, 0xfe, 0x10, 0x00, 1, 2, 3, 4];
            let huge = [0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4];
            let head = [&frame[..], &huge[..], &[]][usize::from(round % 3)];
            let _ = stream.write_all(head).await;
            let _ = stream.write_all(&garbage).await;
            round = round.wrapping_add(1);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Connects and never reads.
async fn stall(address: String, seen: Arc<Seen>) {
    while !seen.over.load(Ordering::Relaxed) {
        let _kept = connect(&address).await;
        // The server gives up sooner.
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    let seconds: u64 = value("--seconds").unwrap_or(60);
    let viewers = value("--viewers").map_or(VIEWERS, |count: u64| usize::try_from(count).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(Duration::from_secs(seconds), viewers))
}

async fn measure(duration: Duration, viewers: usize) -> ExitCode {
    let (server, address) = Server::start();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = server.cpu();
    let begin = Instant::now();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let idle = (server.cpu() - idle) / begin.elapsed().as_secs_f64();

    let seen = Arc::new(Seen::default());
    for _ in 0..viewers {
        tokio::spawn(view(address.clone(), seen.clone()));
    }
    tokio::spawn(garble(address.clone(), seen.clone()));
    tokio::spawn(stall(address.clone(), seen.clone()));
    tokio::time::sleep(Duration::from_secs(5)).await;
    for counter in [&seen.bytes, &seen.messages, &seen.longest_silence_ms] {
        counter.store(0, Ordering::Relaxed);
    }
    let (cpu, begin) = (server.cpu(), Instant::now());
    let mut memory = Vec::new();
    while begin.elapsed() < duration {
        tokio::time::sleep(Duration::from_secs(1)).await;
        memory.push((begin.elapsed(), server.memory()));
    }
    let time = begin.elapsed().as_secs_f64();
    let cpu = (server.cpu() - cpu) / time;
    seen.over.store(true, Ordering::Relaxed);

    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let settled: Vec<f64> = memory
        .iter()
        .filter(|(when, _)| *when >= SETTLED.min(duration / 2))
        .map(|(_, mib)| *mib)
        .collect();
    let third = (settled.len() / 3).max(1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
    let (early, late) = (
        mean(&settled[..third.min(settled.len())]),
        mean(&settled[settled.len().saturating_sub(third)..]),
    );
    let per_viewer = (cpu - idle).max(0.0) / viewers as f64 * 100.0;
    println!("{NODES} nodes, {PROCESSES} processes, {viewers} viewers, {time:.0} s");
    println!(
        "  server without viewers   {:6.1} % of a core",
        idle * 100.0
    );
    println!("  server with viewers      {:6.1} % of a core", cpu * 100.0);
    println!("  each viewer              {per_viewer:6.3} % of a core");
    println!(
        "  each viewer              {:6.1} kB/s in {:.1} messages/s",
        read(&seen.bytes) as f64 / time / viewers as f64 / 1000.0,
        read(&seen.messages) as f64 / time / viewers as f64
    );
    println!("  memory                   {early:6.1} MiB, at the end {late:.1} MiB");
    println!(
        "  longest silence          {:6} ms; {} gaps, {} snapshots again, {} viewers lost",
        read(&seen.longest_silence_ms),
        read(&seen.gaps),
        read(&seen.snapshots).saturating_sub(viewers as u64),
        read(&seen.lost)
    );
    let mut wrong = Vec::new();
    if duration > SETTLED && late > early * FLAT {
        wrong.push("memory grows");
    }
    if read(&seen.lost) > 0 {
        wrong.push("viewers were lost");
    }
    if read(&seen.gaps) > 0 {
        wrong.push("messages are missing");
    }
    if u128::from(read(&seen.longest_silence_ms)) > SILENCE.as_millis() {
        wrong.push("viewers waited too long");
    }
    if per_viewer > MOST_CPU_PER_VIEWER {
        wrong.push("viewers cost too much");
    }
    if wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        println!("  NOT GOOD: {}", wrong.join(", "));
        ExitCode::FAILURE
    }
}
