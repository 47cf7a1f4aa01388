//! The report as text, for people: what happened, who signed what with whose key, what is missing.
//!
//! The verdict is about the whole file; each message and each state also says for itself whose key
//! it was signed with, so that one anchor shows what it proves. A key other than the given one goes
//! above everything. What peers wrote is escaped: it must not forge a line of this report.

mod details;
mod findings;
mod headline;
mod message;
mod words;

use std::fmt;

use super::{DocumentReport, Grade, Report, Verdict, Why};
use crate::text::{Shy, Utc};
use words::{short, who};

impl Report {
    /// The report with everything that it says: keys in full, digests, logs, entries, and all
    /// findings with their places.
    pub const fn verbose(&self) -> Verbose<'_> {
        Verbose(self)
    }
}

/// Shows a [`Report`] to people with everything that it says.
#[derive(Clone, Copy, Debug)]
pub struct Verbose<'a>(&'a Report);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self, false)
    }
}

impl fmt::Display for Verbose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0, true)
    }
}

fn write(f: &mut fmt::Formatter<'_>, report: &Report, verbose: bool) -> fmt::Result {
    if report.verdict == Verdict::Broken {
        headline::write_broken(f)?;
        return findings::write_broken(f, report, verbose);
    }
    headline::write_wrong_keys(f, report)?;
    headline::write(f, report)?;
    for (number, message) in (1..).zip(message::in_order(report)) {
        writeln!(f)?;
        message::write(f, number, message, report, verbose)?;
    }
    writeln!(f)?;
    headline::write_unmet(f, report)?;
    findings::write_others(f, report, verbose)?;
    write_order(f, report)?;
    write_documents(f, report, verbose)?;
    write_file(f, report)?;
    if verbose {
        details::write(f, report)?;
    }
    Ok(())
}

/// What could be missing, as far as the numbers of each side show.
fn write_order(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    if report.order.is_empty() {
        return Ok(());
    }
    let gapless = report.order.iter().all(|order| order.complete);
    let begin = if gapless { "no gap" } else { "incomplete" };
    let sides = report.order.iter().map(|order| {
        let ranges = order
            .ranges
            .iter()
            .map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}–{last}"),
            });
        let ranges: Vec<_> = ranges.collect();
        let numbers = if ranges.is_empty() {
            "no numbers".to_owned()
        } else {
            ranges.join(", ")
        };
        format!("{} {numbers}", short(&order.from, report))
    });
    let sides: Vec<_> = sides.collect();
    writeln!(
        f,
        "order      {begin} in each side's own numbers ({}); later messages may have been left out",
        sides.join("; ")
    )
}

/// What binds the documents; of those that nothing does the hash, so that no change goes unseen.
fn write_documents(f: &mut fmt::Formatter<'_>, report: &Report, verbose: bool) -> fmt::Result {
    let all = report.documents.iter();
    let bound = all.clone().filter(|one| one.bound);
    let bound: Vec<_> = bound.map(|one| document_words(one, verbose)).collect();
    if !bound.is_empty() {
        writeln!(
            f,
            "documents  as the entries name them, dated by the file: {}",
            bound.join("; ")
        )?;
    }
    for document in all.filter(|one| !one.bound) {
        let words = document_words(document, verbose);
        let counts = if document.needed {
            "only its keys that signed count"
        } else {
            "nothing here needs it"
        };
        writeln!(f, "document   named by no entry, {counts}: {words}")?;
    }
    Ok(())
}

fn document_words(document: &DocumentReport, verbose: bool) -> String {
    let mut words = format!("{} of {}", who(&document.did), Utc(document.at));
    if verbose || !document.bound {
        let hash = document.hash.to_string();
        let shown = if verbose { hash.len() } else { SHORT_HASH };
        let more = if verbose { "" } else { "…" };
        words.push_str(&format!(", hash {hash:.shown$}{more}"));
    }
    words
}

fn write_file(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    f.write_str("file       ")?;
    if let Some(thread) = &report.thread {
        write!(f, "thread {}", Shy(thread))?;
    }
    if let Some(made_at) = report.made_at {
        let comma = if report.thread.is_some() { ", " } else { "" };
        write!(f, "{comma}made {} (says the file)", Utc(made_at))?;
    }
    writeln!(f)
}

/// Characters of a hash in short: 3 of the kind, then 16 octets, which nobody finds twice.
const SHORT_HASH: usize = 25;

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asserted => f.write_str("asserted by the maker of this bundle only"),
            Self::SelfCertifying => f.write_str("self-certifying"),
            Self::Attested { before } => write!(f, "attested before {}", Utc(*before)),
            Self::Anchored => f.write_str("anchored"),
        }
    }
}

/// Whether the text says it elsewhere than among the findings, or only programs want to know.
fn is_said_elsewhere(why: &Why) -> bool {
    matches!(
        why,
        Why::AnchorMismatch { .. }
            | Why::Asserted(_)
            | Why::NoAnchor
            | Why::NothingSigned(_)
            | Why::Unsigned
            | Why::Withheld
            | Why::DocumentUnbound(..)
            | Why::EntryNotShown(..)
    )
}
