// SPDX-License-Identifier: GPL-2.0-or-later
//! Carries one TCP connection of the host into a node, through its agent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::agent::{Channel, Event};
use crate::frame::{MAX_PAYLOAD, STDIN_WINDOW};

/// A silent connection is a healthy one; this only bounds how often the loop looks around.
const LOOK_AROUND: Duration = Duration::from_secs(3600);

/// Copies both ways until both ends have closed.
pub(crate) fn carry(mut stream: TcpStream, channel: Channel) {
    let Ok(mut reader) = stream.try_clone() else {
        return;
    };
    let input = channel.input();
    // Bytes that the node has not consumed yet, and word of their consumption.
    let window = Arc::new((Mutex::new(0_usize), Condvar::new()));
    let consumed = window.clone();
    thread::spawn(move || {
        let (in_flight, changed) = &*window;
        let mut buffer = vec![0; MAX_PAYLOAD];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            if input.bytes(&buffer[..count]).is_err() {
                return;
            }
            let mut in_flight = in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            *in_flight += count;
            while *in_flight + MAX_PAYLOAD > STDIN_WINDOW {
                in_flight = changed
                    .wait(in_flight)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        // The node may be gone, and the connection with it.
        let _ = input.end();
    });
    let (in_flight, changed) = &*consumed;
    loop {
        match channel.next(LOOK_AROUND) {
            Ok(Some(Event::Stdout(bytes))) => {
                if stream.write_all(&bytes).is_err() {
                    let _ = channel.input().signal(libc::SIGTERM);
                    break;
                }
            }
            Ok(Some(Event::Credit(count))) => {
                let mut in_flight = in_flight.lock().unwrap_or_else(PoisonError::into_inner);
                *in_flight = in_flight.saturating_sub(count);
                changed.notify_all();
            }
            Ok(Some(Event::Stderr(_))) | Err(()) => {}
            Ok(Some(Event::Exit(_) | Event::Failed(_)) | None) => break,
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
    *in_flight.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    changed.notify_all();
}
