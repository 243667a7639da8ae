// SPDX-License-Identifier: GPL-2.0-or-later
//! Numbers as people read them.

/// Kibibytes with a fitting unit.
#[must_use]
pub fn kib(value: u64) -> String {
    bytes(value.saturating_mul(1024))
}

/// Bytes with a fitting unit.
#[must_use]
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = value as f64;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    if unit == 0 || scaled >= 100.0 {
        format!("{scaled:.0} {}", UNITS[unit])
    } else {
        format!("{scaled:.1} {}", UNITS[unit])
    }
}

/// Microseconds with a fitting unit.
#[must_use]
pub fn microseconds(value: u64) -> String {
    match value {
        0..1000 => format!("{value} µs"),
        1000..1_000_000 => format!("{:.1} ms", value as f64 / 1e3),
        _ => format!("{:.2} s", value as f64 / 1e6),
    }
}

/// Seconds as days, hours and minutes.
#[must_use]
pub fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// Seconds as a clock shows them: minutes and seconds, with hours only where there are some.
#[must_use]
pub fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fit_the_size() {
        assert_eq!(
            [bytes(0), bytes(1536), kib(24 * 1024), bytes(u64::MAX)],
            ["0 B", "1.5 KiB", "24.0 MiB", "16777216 TiB"]
        );
        assert_eq!(
            [
                microseconds(850),
                microseconds(12_340),
                microseconds(2_500_000)
            ],
            ["850 µs", "12.3 ms", "2.50 s"]
        );
        assert_eq!(
            [clock(-1.0), clock(65.4), clock(7384.0)],
            ["0:00", "1:05", "2:03:04"]
        );
        assert_eq!(
            [
                duration(42),
                duration(3599),
                duration(7260),
                duration(200_000)
            ],
            ["42 s", "59 min", "2 h 1 min", "2 d 7 h"]
        );
    }
}
