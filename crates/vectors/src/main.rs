//! Runs test vectors of DIDComm, JOSE and DID methods against Comity.
//!
//! `comity-vectors DIR` reads every JSON file below a directory and runs each entry that it
//! recognises **by its members**: it knows no vector, no key and no file name beforehand, but for
//! `keys.json` and `did-documents.json`, which hold what a folder's messages need. A line is printed
//! for each failure, one for each reason to skip, and at the end `N passed, N failed, N skipped`.
//! The exit code is 0 only if nothing failed and something passed.
//!
//! The format is described in `vectors/README.md`. What an entry asks for in words, or of something,
//! that this does not know is skipped by that name, never passed.

mod case;
mod corpus;
mod kinds;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::corpus::Corpus;
use crate::tally::Tally;

fn main() -> anyhow::Result<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(directory), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: comity-vectors DIR");
        return Ok(ExitCode::from(USAGE));
    };
    let directory = PathBuf::from(directory);
    let corpus = Corpus::read(&directory)
        .with_context(|| format!("cannot read vectors in {}", directory.display()))?;
    let mut tally = Tally::default();
    for (place, case) in corpus.cases() {
        tally.count(&place, kinds::run(&case));
    }
    tally.print();
    Ok(if tally.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The exit code for wrong arguments, as of most commands.
const USAGE: u8 = 2;
