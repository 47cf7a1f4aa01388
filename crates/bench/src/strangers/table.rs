//! The result as tables in Markdown, as `docs/performance.md` shows them.

use super::{Beside, Found, Load};
use std::collections::BTreeMap;
use std::fmt::Write;

pub(crate) fn table(found: &Found) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Granted traffic alone: {:.0} messages/s saturated.\n",
        found.saturated_per_s
    );
    out.push_str("| hostile request | CPU µs | of a core | commits | rows | RSS MiB | requests | answers |\n");
    out.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
    for cost in &found.costs {
        // Requests that do not end have no cost of their own.
        let per_request = match cost.requests {
            ..10 => "-".to_owned(),
            _ => format!("{:.0}", cost.cpu_us),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} % | {} | {} | {:+.0} | {} | {} |",
            cost.class.words(),
            per_request,
            cost.cpu_share * 100.0,
            cost.kept.commits,
            cost.kept.rows.values().sum::<u64>(),
            cost.rss_mib,
            cost.requests,
            answers(&cost.answers),
        );
    }
    out.push_str("\n| beside | hostile/s | granted/s | keeps | received p50 / p99 ms | × p99 | done p50 / p99 ms | × p99 | answers |\n");
    out.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n");
    let _ = writeln!(out, "{}", line("nobody", 0.0, &found.alone, None));
    for row in &found.beside {
        let who = match row.prefixes {
            0 => row.class.words().to_owned(),
            1 => format!("{}, one prefix, limited", row.class.words()),
            n => format!("{}, {n} prefixes, limited", row.class.words()),
        };
        let _ = writeln!(
            out,
            "{}",
            line(&who, row.hostile_per_s, &row.load, Some(row))
        );
    }
    for miss in &found.missed {
        let _ = writeln!(out, "\nmissed: {miss}");
    }
    out
}

fn line(who: &str, hostile: f64, load: &Load, row: Option<&Beside>) -> String {
    let pair = |[p50, p99]: [f64; 2]| format!("{p50:.1} / {p99:.1}");
    let [received, done] = row.map_or([1.0, 1.0], |row| row.p99);
    format!(
        "| {who} | {hostile:.0} | {:.0} | {:.0} % | {} | {received:.1} | {} | {done:.1} | {} |",
        load.per_s,
        row.map_or(1.0, |row| row.keeps) * 100.0,
        pair(load.received_ms),
        pair(load.done_ms),
        row.map_or_else(String::new, |row| answers(&row.answers)),
    )
}

/// `400: 96 %, 503: 4 %`; 0 is a connection that was closed.
fn answers(counts: &BTreeMap<u16, u64>) -> String {
    let all: u64 = counts.values().sum();
    let share = |count: u64| count as f64 * 100.0 / all.max(1) as f64;
    let words = counts.iter().map(|(status, count)| {
        let name = if *status == 0 {
            "closed".to_owned()
        } else {
            status.to_string()
        };
        format!("{name}: {:.0} %", share(*count))
    });
    words.collect::<Vec<_>>().join(", ")
}
