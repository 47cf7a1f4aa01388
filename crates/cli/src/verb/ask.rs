use super::follow::{while_waiting, with_words};
use super::send::as_json;
use super::what::{What, Who};
use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::operator::part;
use crate::say;
use crate::shell::Shell;
use crate::show::{self, code, paint, time, words};
use clap::Args;
use comity::{Answer, Outcome, Pending, Status, WaitingOn};
use comity_api::operator::MessageRow;
use serde_json::json;
use std::future::IntoFuture;
use std::time::Duration;

/// Send and wait for the answer; prints an id to resume with if it takes long
///
/// The answer's body goes to standard output; who signed it, to standard error. If there is no
/// answer in time, prints the id to resume with and exits with 5: the answer will be kept.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity ask bruno@agents.org-b.com https://example.org/market-analysis/1.0/request @series.json \\
      --purpose 'Q3 pricing study'
  comity ask --resume 9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0001 --wait 10m
  comity ask bruno@agents.org-b.com https://example.org/quote/1.0/request '{\"item\":7}' | jq .price")]
pub(crate) struct Ask {
    #[command(flatten)]
    what: Option<What>,
    #[command(flatten)]
    who: Who,
    /// Wait for the answer to what was asked under this id
    #[arg(long, value_name = "ID", conflicts_with = "What")]
    resume: Option<String>,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time::duration)]
    wait: Duration,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Ask, shell: &Shell) -> Result<Exit, Trouble> {
    let name = args.who.agent.as_deref();
    let (agent, asking, id) = match (&args.what, &args.resume) {
        (Some(what), _) => {
            let (message, id) = what.message()?;
            let agent = shell.agent(name).await?;
            (agent.clone(), message.ask_as(&agent), id)
        }
        (None, Some(id)) => {
            let (agent, id) = (shell.agent(name).await?, whole_id(shell, id).await);
            (agent.clone(), agent.resume(&id), id)
        }
        (None, None) => {
            return Err(Trouble::usage("whom to ask what?")
                .next("comity ask TO TYPE [BODY]   or   comity ask --resume ID"));
        }
    };
    let asking = asking.wait(args.wait).into_future();
    let outcome = match args.output.json {
        true => asking.await?,
        false => while_waiting(&agent, &id, asking).await?,
    };
    match outcome {
        Outcome::Answer(answer) => answered(&answer, args.output),
        Outcome::Pending(pending) => still_pending(&pending, args.output),
        Outcome::Refused(refused) => {
            let status = with_words(&agent, refused.status().clone()).await;
            was_refused(&status, args.output)
        }
    }
}

/// The id that this is the beginning of, if the local node knows one; else it is taken as it is.
async fn whole_id(shell: &Shell, id: &str) -> String {
    let path = format!("/v1/messages/{}", part(id));
    let row = shell.operator().get::<MessageRow>(&path).await;
    row.map_or_else(|_| id.to_owned(), |row| row.id)
}

fn answered(answer: &Answer, output: Output) -> Result<Exit, Trouble> {
    if output.json {
        let message = answer.plaintext();
        let answer = json!({"outcome": "answer", "message": message, "context": answer.context()});
        say!("{}", show::line(&answer)?);
        return Ok(Exit::Ok);
    }
    // JSON escapes control characters; the others that hide or turn text, nobody would.
    let body = show::pretty(answer.body_value())?;
    let lines: Vec<String> = body.lines().map(comity_api::safe).collect();
    say!("{}", lines.join("\n"));
    let proof = match answer.context().proof.as_str() {
        "anyone" => "signed by",
        _ => "proved to you only, from",
    };
    let signed = format!(
        "{proof} {}  {}",
        words::who(answer.sender()),
        answer.digest()
    );
    anstream::eprintln!("{}", paint::paint(paint::FAINT, signed));
    Ok(Exit::Ok)
}

fn still_pending(pending: &Pending, output: Output) -> Result<Exit, Trouble> {
    let status = pending.status();
    let resume = format!("comity ask --resume {}", pending.id());
    if output.json {
        let waiting_on = pending.waiting_on().to_string();
        let pending =
            json!({"outcome": "pending", "waiting_on": waiting_on, "status": as_json(status)});
        say!("{}", show::line(&pending)?);
        return Ok(Exit::Pending);
    }
    let peer = words::who(status.to());
    let since = status
        .history()
        .last()
        .map(|step| time::when(step.at))
        .unwrap_or_default();
    let expires = time::when(status.expires_time());
    let reason = status.reason().map(code::reason).unwrap_or_default();
    let trouble = |what: String| Trouble::new(Exit::Pending, what);
    Err(match pending.waiting_on() {
        WaitingOn::Operator => trouble(format!(
            "your operator must allow this first (since {since})"
        ))
        .means(format!("it expires {expires}."))
        .next(format!(
            "comity message allow {}   then   {resume}",
            pending.id()
        )),
        WaitingOn::Grant if status.reason().is_some() => trouble(reason)
            .means(format!(
                "your node could not ask to be let in, and tries again until {expires}."
            ))
            .next(format!("comity doctor {peer}   then   {resume}")),
        WaitingOn::Grant => trouble(format!("{peer} hasn't let you in yet (asked at {since})"))
            .means(format!(
                "your message goes out when their operator approves; it expires {expires}."
            ))
            .next(resume),
        WaitingOn::Delivery => trouble(format!(
            "the node of {peer} doesn't have it yet (since {since})"
        ))
        .means(match reason.as_str() {
            "" => format!("yours keeps trying until {expires}."),
            why => format!("{why}; yours keeps trying until {expires}."),
        })
        .next(format!(
            "comity doctor {}   then   {resume}",
            comity_api::safe(status.to())
        )),
        _ => trouble(format!("{peer} has it, and hasn't answered yet"))
            .means("the answer will be kept for you.")
            .next(resume),
    })
}

fn was_refused(status: &Status, output: Output) -> Result<Exit, Trouble> {
    if output.json {
        let refused = json!({"outcome": "refused", "status": as_json(status)});
        say!("{}", show::line(&refused)?);
        return Ok(Exit::Refused);
    }
    let mut what = format!("{}: {}", words::who(status.to()), status.state().as_str());
    if let Some(code) = status.code() {
        what.push_str(&format!(": {}", code::words(code)));
    }
    let trouble = Trouble::new(Exit::Refused, what);
    let trouble = match status.reason() {
        Some(reason) => trouble.means(code::reason(reason)),
        None => trouble,
    };
    Err(trouble.next(format!("comity message show {}", status.id())))
}
