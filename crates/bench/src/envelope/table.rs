//! The result as a table in Markdown, as `docs/performance.md` shows it.

use std::fmt::Write;

use super::Row;

pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut out = String::from(
        "| case | ours µs | warm µs | didcomm µs | affinidi µs | bare µs | × peer | warm × peer | × bare | asked |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
    );
    for row in rows {
        let _ = writeln!(out, "{}", line(row));
    }
    out
}

fn line(row: &Row) -> String {
    let time = |time: Option<f64>| match time {
        None => "-".to_owned(),
        Some(time) if time < 100.0 => format!("{time:.1}"),
        Some(time) => format!("{time:.0}"),
    };
    let ratio = |ratio: Option<f64>| ratio.map_or_else(|| "-".to_owned(), |r| format!("{r:.2}"));
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        row.case,
        time(Some(row.cold)),
        time(row.warm),
        time(row.didcomm),
        time(row.affinidi),
        time(Some(row.bare)),
        ratio(row.cold_ratio()),
        ratio(row.warm_ratio()),
        ratio(Some(row.bare_ratio())),
        asked(row),
    )
}

fn asked(row: &Row) -> String {
    let target = &row.target;
    let parts = [
        target.cold.map(|ratio| format!("≥ {ratio}")),
        target.warm.map(|ratio| format!("warm ≥ {ratio}")),
        target.bare.map(|ratio| format!("bare ≤ {ratio}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match (parts.is_empty(), row.misses.is_empty()) {
        (true, _) => String::new(),
        (false, true) => parts.join(", "),
        (false, false) => format!("{} **missed: {}**", parts.join(", "), row.misses.join(", ")),
    }
}
