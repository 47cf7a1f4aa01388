//! Reading a series: a CSV file with a header, months and values.

use crate::protocol::{Month, Point, Request};
use std::path::Path;

/// The series that ships with the examples: where `data/` is in this repository.
pub const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/nino-1-2.csv");

/// Reads a file with a header `month,UNIT` and lines `1997-12,26.92`. It is called after the file.
///
/// # Errors
/// In words, with the line.
pub fn read(path: &Path) -> Result<Request, String> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|why| format!("can't read {}: {why}", path.display()))?;
    let mut lines = text.lines();
    let unit = lines
        .next()
        .and_then(|header| header.strip_prefix("month,"));
    let unit = unit.ok_or_else(|| format!("{}: the header is month,UNIT", path.display()))?;
    let series = lines.enumerate().map(|(n, line)| {
        point(line).ok_or_else(|| format!("{}:{}: not a point: {line:?}", path.display(), n + 2))
    });
    Ok(Request {
        name: path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        unit: unit.trim().to_owned(),
        series: series.collect::<Result<_, _>>()?,
    })
}

fn point(line: &str) -> Option<Point> {
    let (month, value) = line.split_once(',')?;
    Some(Point {
        t: Month::parse(month.trim())?,
        v: value.trim().parse().ok()?,
    })
}
