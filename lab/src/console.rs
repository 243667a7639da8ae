// SPDX-License-Identifier: GPL-2.0-or-later
//! Reads what the kernels of the nodes have to say, and knows a cry for help when it hears one.

/// Beginnings and parts of the kernel's reports of its own defects.
const REPORTS: &[&str] = &[
    "BUG:",
    "WARNING:",
    "KASAN:",
    "KFENCE:",
    "UBSAN:",
    "Oops",
    "Kernel panic",
    "Call Trace:",
    "general protection fault",
    "invalid opcode",
    "unable to handle",
    "kernel BUG at",
    "possible circular locking dependency",
    "possible recursive locking",
    "inconsistent lock state",
    "bad unlock balance",
    "suspicious RCU usage",
    "scheduling while atomic",
    "sleeping function called from invalid context",
    "new suspected memory leaks",
    "unreferenced object",
    "refcount_t:",
    "list_add corruption",
    "list_del corruption",
    "ODEBUG:",
    "detected stall",
    "soft lockup",
    "blocked for more than",
    "stack-protector:",
    "Missing ENDBR",
    "lab: no disk appeared",
];

/// Lines of context around the first line of a report.
const BEFORE: usize = 2;
const AFTER: usize = 60;

/// The first report in a piece of console output, with the lines around it.
pub fn find_report(console: &str) -> Option<String> {
    let lines: Vec<&str> = console.lines().collect();
    let first = lines.iter().position(|line| is_report(line))?;
    let begin = first.saturating_sub(BEFORE);
    let end = (first + AFTER).min(lines.len());
    Some(lines[begin..end].join("\n"))
}

fn is_report(line: &str) -> bool {
    REPORTS.iter().any(|report| line.contains(report))
}

/// The last `count` lines.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_console_has_no_report() {
        let console = "[    0.1] Linux version 7.2\n[    1.0] mattx: loading out-of-tree module taints kernel.\n\
                       [    1.1] mattx: module verification failed: signature and/or required key missing\n\
                       [    2.0] systemd: bug reports go to the list";
        assert_eq!(find_report(console), None);
    }

    #[test]
    fn each_kind_of_report_is_found_with_its_context() {
        for line in [
            "[   12.0] BUG: KASAN: slab-use-after-free in mattx_link_put+0x20/0x30 [mattx]",
            "[   12.0] WARNING: possible circular locking dependency detected",
            "[   12.0] WARNING: CPU: 0 PID: 312 at mm/page_alloc.c:4567",
            "[   12.0] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)",
            "[   12.0] Oops: general protection fault, probably for non-canonical address",
            "[   12.0] INFO: task cat:331 blocked for more than 122 seconds.",
            "[   12.0] UBSAN: shift-out-of-bounds in wire.c:30:5",
        ] {
            let console = format!("[   11.0] before\n{line}\n[   12.1] after");
            let report = find_report(&console).unwrap_or_else(|| panic!("not found: {line}"));
            assert!(report.contains("before") && report.contains("after"));
        }
    }
}
