//! `comity policy test FILE`: a table of expected decisions.

use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::show::paint::{self, paint};
use crate::show::{self, time, words};
use clap::Args;
use comity_api::policy::{Explain, Explained};
use comity_api::safe;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is expected of a node, as a file.
#[derive(Debug, Args)]
#[command(after_help = "\
A file:
  [[expect]]
  from = \"aria@agents.org-a.com\"
  to = \"bruno\"
  type = \"https://example.org/analysis/1.0/request\"
  decision = \"allow\"                    # allow, wait, knock, ask or refuse
  basis = \"grant\"                       # if it matters, like code; see comity policy explain
  [[expect]]
  from = \"mallory@agents.org-m.com\"
  to = \"bruno\"
  type = \"https://example.org/analysis/1.0/request\"
  at = \"7d\"                             # also bytes, deniable, thread
  decision = \"refuse\"
  knock = \"you\"                         # what a knock would meet: you, or rule:NAME")]
pub(crate) struct Test {
    /// The table
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    expect: Vec<Expected>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    from: String,
    to: String,
    #[serde(rename = "type")]
    type_: String,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    deniable: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    decision: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    basis: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    knock: Option<String>,
}

/// One row of the table, and what the node says to it.
#[derive(Debug, Serialize)]
struct Checked {
    expected: Expected,
    explained: Explained,
    /// What differs: member, expected, found.
    differs: Vec<(&'static str, String, String)>,
}

pub(super) async fn run(operator: &Operator, test: Test) -> Result<Exit, Trouble> {
    let shown = test.file.display();
    let text = std::fs::read_to_string(&test.file)
        .map_err(|why| Trouble::failed(format!("{shown} can't be read: {why}")))?;
    let file: File = toml::from_str(&text).map_err(|why| {
        Trouble::usage(format!("{shown} is no table of decisions: {why}"))
            .next("comity policy test --help   shows one")
    })?;
    if file.expect.is_empty() {
        return Err(Trouble::usage(format!("{shown} expects nothing"))
            .next("comity policy test --help   shows a table"));
    }
    let mut all = Vec::with_capacity(file.expect.len());
    for expected in file.expect {
        all.push(check(operator, expected).await?);
    }
    let failed = all.iter().filter(|row| !row.differs.is_empty()).count();
    show::one(test.output, &all, |all| screen(all, failed))?;
    Ok(if failed == 0 { Exit::Ok } else { Exit::Failed })
}

async fn check(operator: &Operator, expected: Expected) -> Result<Checked, Trouble> {
    let at = expected.at.as_deref().map(time::until).transpose()?;
    let ask = Explain {
        from: expected.from.clone(),
        to: expected.to.clone(),
        type_: words::full_type(&expected.type_),
        bytes: expected.bytes,
        deniable: expected.deniable,
        thread: expected.thread.clone(),
        at,
    };
    let explained: Explained = operator.post("/v1/policy/explain", &ask).await?;
    let knock = explained.knock.as_ref().map(|knock| knock.decides.clone());
    let found = [
        (
            "decision",
            Some(&expected.decision),
            Some(&explained.decision),
        ),
        ("basis", expected.basis.as_ref(), Some(&explained.basis)),
        ("code", expected.code.as_ref(), explained.code.as_ref()),
        ("knock", expected.knock.as_ref(), knock.as_ref()),
    ];
    let differs = found.into_iter().filter_map(|(member, expected, found)| {
        let expected = expected?;
        let none = "nothing".to_owned();
        let found = found.unwrap_or(&none);
        (expected != found).then(|| (member, expected.clone(), found.clone()))
    });
    let differs = differs.collect();
    Ok(Checked {
        expected,
        explained,
        differs,
    })
}

fn screen(all: &[Checked], failed: usize) -> String {
    let mut lines = Vec::new();
    for (number, row) in (1..).zip(all) {
        let mark = if row.differs.is_empty() {
            paint(paint::GOOD, "ok  ")
        } else {
            paint(paint::BAD, "FAIL")
        };
        lines.push(format!(
            "{mark} {number:>3}  {} → {}, {}: {}",
            safe(&row.expected.from),
            safe(&row.expected.to),
            words::short_type(&row.expected.type_),
            row.explained.decision
        ));
        for (member, expected, found) in &row.differs {
            lines.push(format!(
                "          {member}: expected {}, found {}",
                safe(expected),
                safe(found)
            ));
        }
        if !row.differs.is_empty() {
            lines.push(format!(
                "          because {}",
                safe(&row.explained.because)
            ));
        }
    }
    let all = words::count(all.len() as u64, "decision");
    lines.push(format!("{all} checked, {failed} not as expected"));
    lines.join("\n")
}
