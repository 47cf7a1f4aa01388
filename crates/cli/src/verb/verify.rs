use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::show;
use clap::Args;
use comity_did::Did;
use comity_record::verify::parse_anchors;
use comity_record::verify::{Grade, Report};
use comity_record::{Anchor, Verdict};
use std::path::{Path, PathBuf};

/// Check an evidence file anywhere: no node, no network
///
/// Says what of the file is proved by the keys that you trust already: the anchors. Get them from
/// those concerned, by another way than the file (`comity agent show` prints each as `anchor`).
/// Exits with 0 if all that is shown is bound to your anchors (proved), 4 if nothing contradicts
/// itself but not all of it is bound to them (consistent; each message says for itself whether it
/// is), 1 if something contradicts itself (broken).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity verify study.comity --anchor \\
    bruno@agents.org-b.com=2c87d3ea42ae349b1952c10b83d6e1d0c65dbd6d79577c7ef9d4a1d83d57f58b
  comity verify study.comity --anchor 'agents.org-b.com/comity/log/5f3c9a1e+bd3a0747+AQkJ…'
  comity verify study.comity --anchor trusted.txt
  comity verify study.comity --anchor trusted.txt --of bruno@agents.org-b.com")]
pub(crate) struct Verify {
    /// The evidence file (NAME.comity)
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What you trust: DID=FINGERPRINT or NAME@HOST=FINGERPRINT (all 64 digits, or at least the
    /// first 32), the verifier key of a log or witness, or a file with one a line; may be repeated
    #[arg(long = "anchor", value_name = "ANCHOR")]
    anchors: Vec<String>,
    /// Show all: digests, keys in full, logs, entries, and each finding with its place
    #[arg(long)]
    verbose: bool,
    /// Ask only about what this party signed (DID or NAME@HOST): exits with 0 if all of that is
    /// signed with keys that you gave, whoever else is in the file
    #[arg(long, value_name = "PARTY")]
    of: Option<String>,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Verify) -> Result<Exit, Trouble> {
    let octets = read(&args.file)?;
    let mut anchors = Vec::new();
    for given in &args.anchors {
        anchors.extend(anchor(given)?);
    }
    let report = comity_record::verify(&octets, &anchors);
    show::one(args.output, &report, |report| match args.verbose {
        true => report.verbose().to_string(),
        false => report.to_string(),
    })?;
    let exit = match report.verdict {
        Verdict::Broken => Exit::Failed,
        Verdict::Consistent | Verdict::Proved if args.of.is_some() => of(args, &report)?,
        Verdict::Proved => Exit::Ok,
        Verdict::Consistent => Exit::NotProved,
    };
    if exit == Exit::NotProved && anchors.is_empty() && !args.output.json {
        anstream::eprintln!(
            "  ask those concerned for their fingerprints, by another way than this file\n  \
             → comity verify {} --anchor NAME@HOST=FINGERPRINT",
            args.file.display()
        );
    }
    Ok(exit)
}

/// The answer for one party: whether all that it signed is signed with keys that were given.
fn of(args: &Verify, report: &Report) -> Result<Exit, Trouble> {
    let named = args.of.as_deref().unwrap_or_default();
    let did = if named.starts_with("did:") {
        Did::parse(named).ok()
    } else {
        comity_did::web::from_handle(named).ok()
    };
    let did = did.ok_or_else(|| {
        Trouble::usage(format!("{named:?} is neither a DID nor NAME@HOST"))
            .next("--of bruno@agents.org-b.com")
    })?;
    let party = report
        .identities
        .iter()
        .find(|one| one.did.same_subject(&did));
    let proved = party.is_some_and(|one| !one.keys.is_empty() && one.grade == Grade::Anchored);
    if !args.output.json {
        let what = if proved { "proved" } else { "not proved" };
        anstream::println!("\nof {named}: {what}");
    }
    Ok(if proved { Exit::Ok } else { Exit::NotProved })
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Trouble> {
    std::fs::read(file).map_err(|why| {
        Trouble::usage(format!("can't read {}", file.display())).means(why.to_string())
    })
}

/// An anchor, or a file of them.
fn anchor(given: &str) -> Result<Vec<Anchor>, Trouble> {
    let problem = match given.parse() {
        Ok(anchor) => return Ok(vec![anchor]),
        Err(problem) => problem,
    };
    let file = Path::new(given);
    if !file.exists() {
        return Err(Trouble::usage(format!("{given:?} is no anchor"))
            .means(problem.to_string())
            .next("--anchor NAME@HOST=FINGERPRINT   or   --anchor DID=FINGERPRINT   or   --anchor VKEY   or   --anchor FILE"));
    }
    let text = String::from_utf8_lossy(&read(file)?).into_owned();
    parse_anchors(&text).map_err(|why| {
        let because = std::error::Error::source(&why).map(ToString::to_string);
        Trouble::usage(format!("{}: {why}", file.display())).means(because.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_anchor_is_an_error_and_never_ignored() {
        assert!(anchor("did:web:agents.org-b.com:bruno=2c87").is_err());
        assert!(anchor("no-such-file").is_err());
        assert!(anchor(&"2c87d3ea".repeat(8)).is_err());
        assert!(anchor("bruno@agents.org-b.com").is_err());
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("trusted.txt");
        let good = "did:web:agents.org-b.com:bruno=2c87d3ea42ae349b1952c10b83d6e1d0";
        let handle = good.replace("did:web:agents.org-b.com:bruno", "bruno@agents.org-b.com");
        assert_eq!(anchor(&handle).unwrap(), anchor(good).unwrap());
        std::fs::write(&file, format!("# ours\n{good}\n{handle}\n")).unwrap();
        assert_eq!(anchor(file.to_str().unwrap()).unwrap().len(), 2);
        std::fs::write(&file, format!("{good}\nnonsense\n")).unwrap();
        assert!(anchor(file.to_str().unwrap()).is_err());
    }
}
