use crate::args::Output;
use crate::exit::{Exit, Trouble};
use crate::say;
use crate::shell::Shell;
use crate::show::{self, paint, time, words};
use clap::Args;
use comity::{Failure, Message, Reply};
use comity_api::safe;
use serde_json::{Value, json};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Notify;

/// Run an agent from the shell: hand its messages to a command, or print them
///
/// With --exec, each message's body is the command's standard input, and the JSON object that it
/// prints is the body of the reply; if it prints nothing, the message is done without one. A
/// command that fails rejects the message, with what it printed as words for the sender; its
/// standard error stays here. The reply and "done" take effect together, exactly once; what the
/// command does elsewhere may happen again if this is interrupted.
///
/// The command finds in its environment: COMITY_FROM (the sender's DID, proved), COMITY_TYPE,
/// COMITY_ID, COMITY_THID, COMITY_DIGEST, COMITY_PROOF (`anyone` or `us`), COMITY_ATTEMPT,
/// COMITY_LET_IN_BY (who or which rule), COMITY_VOUCHED_BY (DIDs, if a vouch let them in).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity listen bruno
  comity listen bruno --exec 'jq \"{sum: (.values | add)}\"'
  comity listen bruno --exec ./price.sh --type https://example.org/quote/1.0/request --reply offer")]
pub(crate) struct Listen {
    /// Which agent
    #[arg(value_name = "AGENT")]
    agent: String,
    /// Run this with `sh -c` for each message
    #[arg(long, value_name = "CMD")]
    exec: Option<String>,
    /// Type of the reply: the last part will do
    #[arg(
        long,
        value_name = "NAME",
        default_value = "response",
        requires = "exec"
    )]
    reply: String,
    /// When the command fails, try again later instead of rejecting
    #[arg(long, requires = "exec")]
    retry: bool,
    /// Handle only this type and reject others; may be repeated [default: every type]
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// How many at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    concurrency: usize,
    /// Stop after so many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Listen, shell: &Shell) -> Result<Exit, Trouble> {
    let agent = shell.agent(Some(&args.agent)).await?;
    let desk = Arc::new(Desk {
        exec: args.exec,
        reply: args.reply,
        retry: args.retry,
        json: args.output.json,
        left: args.count.map(AtomicU64::new),
        enough: Notify::new(),
    });
    let handler = |desk: &Arc<Desk>| {
        let desk = desk.clone();
        move |message| desk.clone().handle(message)
    };
    agent.concurrency(args.concurrency);
    match args.types.as_slice() {
        [] => agent.on_any(handler(&desk)),
        types => types
            .iter()
            .for_each(|type_| agent.on(words::full_type(type_), handler(&desk))),
    }
    if !args.output.json {
        anstream::eprintln!(
            "{} listens as {}",
            args.agent,
            paint::paint(paint::STRONG, agent.did())
        );
    }
    let stop = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = desk.enough.notified() => {}
        }
    };
    agent.run_until(stop).await?;
    Ok(Exit::Ok)
}

/// What to do with a message.
struct Desk {
    exec: Option<String>,
    reply: String,
    retry: bool,
    json: bool,
    /// How many more, if not for ever.
    left: Option<AtomicU64>,
    enough: Notify,
}

impl Desk {
    async fn handle(self: Arc<Self>, message: Message) -> Result<Reply, Failure> {
        let reply = match &self.exec {
            None => self.print(&message),
            Some(command) => self.execute(command, &message).await,
        };
        if let Some(left) = &self.left
            && left.fetch_sub(1, Ordering::AcqRel) <= 1
        {
            self.enough.notify_one();
        }
        reply
    }

    fn print(&self, message: &Message) -> Result<Reply, Failure> {
        if self.json {
            let line = json!({"message": message.plaintext(), "context": message.context()});
            say!("{line}");
        } else {
            say!("{}", for_people(message));
        }
        Ok(Reply::done())
    }

    async fn execute(&self, command: &str, message: &Message) -> Result<Reply, Failure> {
        let (status, printed) = exec(command, message).await?;
        let (reply, became) = self.reply(&status, &printed, message);
        if !self.json {
            let mark = if status.success() {
                paint::GOOD
            } else {
                paint::BAD
            };
            anstream::eprintln!("{}  {}", summary(message), paint::paint(mark, became));
        }
        Ok(reply)
    }

    /// What the message becomes, and the same in words.
    fn reply(&self, status: &ExitStatus, printed: &str, message: &Message) -> (Reply, String) {
        let printed = printed.trim();
        let outcome = if self.retry {
            "tried again later"
        } else {
            "rejected"
        };
        if !status.success() {
            let why = match status.code() {
                Some(code) => format!("the command failed with {code}: {outcome}"),
                None => format!("the command was ended by a signal: {outcome}"),
            };
            return (self.failure(message, printed), why);
        }
        if printed.is_empty() {
            return (Reply::done(), "done".to_owned());
        }
        match serde_json::from_str(printed) {
            Ok(body @ Value::Object(_)) => (Reply::new(&self.reply, body), "answered".to_owned()),
            _ => (
                self.failure(message, ""),
                format!("what the command printed is no JSON object: {outcome}"),
            ),
        }
    }

    fn failure(&self, message: &Message, words: &str) -> Reply {
        if self.retry {
            let doubled = 1_u64 << message.attempt().saturating_sub(1).min(6);
            return Reply::retry(Duration::from_secs(doubled.min(60)));
        }
        let words = if words.is_empty() {
            "the agent could not handle this"
        } else {
            words
        };
        let words: String = words.chars().take(LONGEST_COMMENT).collect();
        Reply::reject("e.p.me.failed", words)
    }
}

/// Runs the command: the body in, what it printed out. Its errors are ours to see.
async fn exec(command: &str, message: &Message) -> std::io::Result<(ExitStatus, String)> {
    let context = message.context();
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("COMITY_FROM", message.sender())
        .env("COMITY_TYPE", message.message_type())
        .env("COMITY_ID", message.id())
        .env("COMITY_THID", message.thid())
        .env("COMITY_DIGEST", message.digest())
        .env("COMITY_PROOF", &context.proof)
        .env(
            "COMITY_LET_IN_BY",
            context.let_in_by.as_deref().unwrap_or_default(),
        )
        .env("COMITY_VOUCHED_BY", context.vouched_by.join(" "))
        .env("COMITY_ATTEMPT", message.attempt().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let body = message.body_value().to_string();
    let stdin = child.stdin.take();
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A command need not read its input.
            let _ = stdin.write_all(body.as_bytes()).await;
        }
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    let output = output?;
    Ok((
        output.status,
        String::from_utf8_lossy(&output.stdout).into_owned(),
    ))
}

fn for_people(message: &Message) -> String {
    let mut text = summary(message);
    if message.attempt() > 1 {
        text.push_str(&format!("  attempt {}", message.attempt()));
    }
    let body = show::pretty(message.body_value()).unwrap_or_default();
    for line in body.lines() {
        text.push_str("\n  ");
        text.push_str(&safe(line));
    }
    text
}

/// `14:32:05  aria@agents.org-a.com  basicmessage/2.0/message`
fn summary(message: &Message) -> String {
    format!(
        "{}  {}  {}",
        paint::paint(paint::FAINT, time::clock(message.context().received_at)),
        paint::paint(paint::STRONG, words::who(message.sender())),
        words::short_type(message.message_type()),
    )
}

/// Words for a sender are a line, not a log.
const LONGEST_COMMENT: usize = 280;
