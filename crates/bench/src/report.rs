//! The result as tables in Markdown, as `docs/performance.md` shows them.

use crate::node::{Found, Row};
use std::fmt::Write;

pub(crate) fn table(found: &Found) -> String {
    let mut out = String::new();
    let disk = &found.disk;
    let _ = writeln!(out, "| this machine | a second |\n| --- | ---: |");
    let _ = writeln!(
        out,
        "| append 4 KiB + fdatasync | {:.0} |",
        disk.fsyncs_per_s
    );
    let _ = writeln!(
        out,
        "| SQLite rows of 1 KiB, 1 a commit | {:.0} |",
        disk.sqlite_1_per_s
    );
    let _ = writeln!(
        out,
        "| SQLite rows of 1 KiB, 64 a commit | {:.0} |",
        disk.sqlite_64_per_s
    );
    for floor in &found.floors {
        let what = format!(
            "cryptography of a message, {} B (CPU {:.0} µs)",
            floor.body, floor.us
        );
        let _ = writeln!(out, "| {what} | {:.0} a core |", 1e6 / floor.us);
    }
    let _ = writeln!(
        out,
        "\n| body, in flight | messages/s | per fsync | CPU µs, both nodes | × floor | queued p50 / p99 ms | received | at agent B | done back at A | RSS MiB |"
    );
    let _ = writeln!(
        out,
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    );
    for row in &found.rows {
        let _ = writeln!(out, "{}", line(row));
    }
    out
}

fn line(row: &Row) -> String {
    let pair = |[p50, p99]: [f64; 2]| format!("{p50:.1} / {p99:.1}");
    format!(
        "| {} B, {} | {:.0} | {:.2} | {:.0} | {:.1} | {} | {} | {} | {} | {:.0} + {:.0} |",
        row.body,
        row.in_flight,
        row.per_s,
        row.per_fsync,
        row.cpu_us,
        row.over_floor,
        pair(row.queued_ms),
        pair(row.received_ms),
        pair(row.at_agent_ms),
        pair(row.done_ms),
        row.rss_mib[0],
        row.rss_mib[1],
    )
}
