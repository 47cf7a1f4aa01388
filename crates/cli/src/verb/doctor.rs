use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::{self, paint};
use clap::Args;
use comity_api::operator::{Examine, Finding};
use comity_api::safe;

/// Find what is wrong, here or on the way to DID, and what to type next
///
/// Exits with 1 if anything is wrong.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity doctor
  comity doctor bruno@agents.org-b.com")]
pub(crate) struct Doctor {
    /// Examine the way to this peer, too: a handle or a DID
    #[arg(value_name = "DID")]
    did: Option<String>,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Doctor, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let findings: Vec<Finding> = if operator.is_up().await {
        operator
            .post("/v1/doctor", &Examine { did: args.did })
            .await?
    } else {
        vec![no_node(shell)]
    };
    show::one(args.output, &findings, |findings| render(findings))?;
    let wrong = findings.iter().any(|finding| finding.level == "error");
    Ok(if wrong { Exit::Failed } else { Exit::Ok })
}

fn no_node(shell: &Shell) -> Finding {
    let home = shell.home();
    let found = match home.join("comity.db").exists() {
        true => format!("the node in {} is not running", home.display()),
        false => format!("there is no node in {} yet", home.display()),
    };
    Finding {
        check: "node".to_owned(),
        level: "error".to_owned(),
        found,
        next: Some("comity up   or   --home DIR for another one".to_owned()),
    }
}

fn render(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|finding| {
        let level = paint::state_style(&finding.level);
        let mark = match finding.level.as_str() {
            "ok" => "ok  ",
            "warning" => "warn",
            _ => "BAD ",
        };
        let mark = paint::paint(level, mark);
        let next = finding.next.as_deref().filter(|_| finding.level != "ok");
        let next = next
            .map(|next| format!("\n        {}", hint(safe(next))))
            .unwrap_or_default();
        format!(
            "{mark}  {}: {}{next}",
            safe(&finding.check),
            safe(&finding.found)
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
