//! What was found, worst first, in words; where, behind them.

use std::fmt;

use super::is_said_elsewhere;
use crate::{
    text::Shy,
    verify::{Finding, Report, Weight},
};

/// Why a file is broken: the first is to be believed, what follows may follow from it.
pub(super) fn write_broken(
    f: &mut fmt::Formatter<'_>,
    report: &Report,
    verbose: bool,
) -> fmt::Result {
    let broken = report.findings.iter();
    let broken: Vec<_> = broken.filter(|one| one.weight == Weight::Broken).collect();
    let groups = grouped(&broken);
    let most = if verbose { usize::MAX } else { MOST };
    for (text, places) in groups.iter().take(most) {
        writeln!(f, "  {}  ({})", Shy(text), place(places))?;
    }
    match groups.len().saturating_sub(most) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more → --verbose"),
    }
}

/// What no other line says; notes for programs only if asked.
pub(super) fn write_others(
    f: &mut fmt::Formatter<'_>,
    report: &Report,
    verbose: bool,
) -> fmt::Result {
    let others = report.findings.iter();
    let others: Vec<_> = others
        .filter(|one| verbose || !is_said_elsewhere(&one.why))
        .collect();
    for (text, places) in grouped(&others) {
        let weight = places.first().map_or(Weight::Note, |one| one.weight);
        let mark = if weight == Weight::Note {
            "note: "
        } else {
            "not proved: "
        };
        writeln!(f, "{mark}{}  ({})", Shy(&text), place(&places))?;
    }
    Ok(())
}

/// Findings of the same words together.
fn grouped<'a>(findings: &[&'a Finding]) -> Vec<(String, Vec<&'a Finding>)> {
    let mut groups: Vec<(String, Vec<&Finding>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for finding in findings {
        let text = finding.why.text();
        let at = *places.entry(text.clone()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some((_, places)) => places.push(finding),
            None => groups.push((text, vec![finding])),
        }
    }
    groups
}

fn place(findings: &[&Finding]) -> String {
    let Some(first) = findings.first() else {
        return String::new();
    };
    let first = match first.pointer.as_str() {
        "" => "the whole file".to_owned(),
        pointer => format!("at {}", Shy(pointer)),
    };
    match findings.len() {
        1 => first,
        many => format!("{first} and {} more", many - 1),
    }
}

/// Findings of a broken file that are shown unasked.
const MOST: usize = 3;
