// SPDX-License-Identifier: GPL-2.0-or-later
//! How fast this machine's time stamp counter counts, which emulated processors show as theirs.
//!
//! A kernel finds that out at its boot by comparing the counter with emulated timers. On a busy host it is wrong by a
//! factor of three now and then, and all its clocks run that much too fast or too slow ever after. So it is told.

use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for four digits.
const WINDOW: Duration = Duration::from_millis(50);
/// A pair of readings that is farther apart was interrupted.
const TRIES: u32 = 50;

/// Thousands of counts per second; `None` where processors have no such counter.
pub(crate) fn khz() -> Option<u64> {
    static KHZ: OnceLock<Option<u64>> = OnceLock::new();
    *KHZ.get_or_init(measure)
}

#[cfg(target_arch = "x86_64")]
fn measure() -> Option<u64> {
    let (begin, first) = read();
    sleep(WINDOW);
    let (end, second) = read();
    let nanoseconds = end.duration_since(begin).as_nanos();
    let counts = u128::from(second.wrapping_sub(first));
    u64::try_from(counts * 1_000_000 / nanoseconds).ok()
}

#[cfg(not(target_arch = "x86_64"))]
fn measure() -> Option<u64> {
    None
}

/// The counter and the time when it was read, of a try at which nothing came between.
#[cfg(target_arch = "x86_64")]
fn read() -> (Instant, u64) {
    let mut best: Option<(Duration, Instant, u64)> = None;
    for _ in 0..TRIES {
        let before = Instant::now();
        // SAFETY: every x86_64 processor has it, and Linux lets programs read it.
        let count = unsafe { core::arch::x86_64::_rdtsc() };
        let took = before.elapsed();
        if best.is_none_or(|(least, ..)| took < least) {
            best = Some((took, before + took / 2, count));
        }
    }
    let (_, when, count) = best.expect("there are tries");
    (when, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn two_measurements_agree() {
        let (one, other) = (measure().expect("a counter"), measure().expect("a counter"));
        assert!(one.abs_diff(other) * 1000 < one, "{one} and {other} kHz");
    }
}
