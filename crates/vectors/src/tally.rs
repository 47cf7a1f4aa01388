//! Counting and printing what became of the vectors.

use std::collections::BTreeMap;

use crate::case::{Check, Stop};

/// What became of the vectors so far.
#[derive(Default)]
pub(crate) struct Tally {
    passed: usize,
    failures: Vec<String>,
    skipped: BTreeMap<String, usize>,
}

impl Tally {
    /// Counts one result; `place` says which vector it is of.
    pub(crate) fn count(&mut self, place: &str, check: Check) {
        match check {
            Ok(()) => self.passed += 1,
            Err(Stop::Failed(why)) => self.failures.push(format!("FAILED {place}: {why}")),
            Err(Stop::Skipped(why)) => *self.skipped.entry(why).or_default() += 1,
        }
    }

    /// Whether nothing failed and something passed.
    pub(crate) fn is_success(&self) -> bool {
        self.failures.is_empty() && self.passed > 0
    }

    /// Prints failures, reasons to skip and the counts.
    pub(crate) fn print(&self) {
        for failure in &self.failures {
            println!("{failure}");
        }
        for (why, count) in &self.skipped {
            println!("skipped {count}: {why}");
        }
        let skipped: usize = self.skipped.values().sum();
        println!(
            "{} passed, {} failed, {skipped} skipped",
            self.passed,
            self.failures.len()
        );
    }
}
