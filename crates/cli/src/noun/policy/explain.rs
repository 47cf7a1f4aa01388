//! `comity policy explain`: one decision, why, and what would have to change.

use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::{self, time, words};
use clap::Args;
use comity_api::policy::{self, Explained};
use comity_api::safe;

/// A message that may never have been sent.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Who sends: your agent's name, a handle or a DID
    from: String,
    /// To whom
    to: String,
    /// The message type
    #[arg(value_name = "TYPE")]
    type_: String,
    /// Octets of the message
    #[arg(long, value_name = "OCTETS", default_value_t = 0)]
    bytes: u64,
    /// It proves its author to its reader only (authcrypt)
    #[arg(long)]
    deniable: bool,
    /// In this thread
    #[arg(long, value_name = "THREAD")]
    thread: Option<String>,
    /// At this time (2d, 2026-12-24) [default: now]
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Exits with 3 where the answer is no.
pub(super) async fn run(operator: &Operator, explain: Explain) -> Result<Exit, Trouble> {
    let ask = policy::Explain {
        from: explain.from,
        to: explain.to,
        type_: words::full_type(&explain.type_),
        bytes: explain.bytes,
        deniable: explain.deniable,
        thread: explain.thread,
        at: explain.at.as_deref().map(time::until).transpose()?,
    };
    let explained: Explained = operator.post("/v1/policy/explain", &ask).await?;
    show::one(explain.output, &explained, |explained| {
        screen(explained, &ask.type_)
    })?;
    Ok(match explained.decision.as_str() {
        "allow" | "wait" => Exit::Ok,
        "knock" | "ask" => Exit::Pending,
        _ => Exit::Refused,
    })
}

fn screen(explained: &Explained, type_: &str) -> String {
    let headline = match explained.decision.as_str() {
        "allow" => paint(paint::GOOD, "yes"),
        "wait" => paint(paint::GOOD, "yes, but not yet"),
        "knock" if explained.direction == "in" => {
            paint(paint::WAITS, "not yet: they would knock, and be let in")
        }
        "knock" => paint(
            paint::WAITS,
            "not yet: it would wait for their answer to a knock",
        ),
        "ask" => paint(
            paint::WAITS,
            "not yet: it would wait for you to let this node knock",
        ),
        _ => paint(paint::BAD, "no"),
    };
    let mut lines = vec![format!(
        "{headline}   {} → {}, {}",
        words::who(&explained.from),
        words::who(&explained.to),
        words::short_type(type_)
    )];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<9} {text}"));
    let code = explained
        .code
        .as_deref()
        .map(|code| format!("  ({})", safe(code)));
    line(
        "because",
        format!("{}{}", safe(&explained.because), code.unwrap_or_default()),
    );
    line("basis", safe(&explained.basis));
    if let Some(grant) = &explained.grant {
        let id = words::short_digest(&grant.id);
        line(
            "grant",
            format!(
                "{id} {}, by {}",
                paint::state(&grant.state),
                safe(&grant.decided_by)
            ),
        );
    }
    if let Some(at) = explained.not_before {
        line("from", time::exact(at));
    }
    if let Some(change) = &explained.change {
        line("change", safe(change));
    }
    if let Some(knock) = &explained.knock {
        let decides = match knock.decides.as_str() {
            "you" => "would wait for you".to_owned(),
            rule => format!("would be approved by {}", safe(rule)),
        };
        line("a knock", decides);
        for (rule, why) in &knock.rules {
            line("", format!("{}: {}", safe(rule), safe(why)));
        }
    }
    if let Some(next) = &explained.next {
        lines.push(format!("  {}", hint(safe(next))));
    }
    lines.join("\n")
}
