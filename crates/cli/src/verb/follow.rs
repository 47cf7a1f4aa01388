//! Telling on standard error what a message waits on, while a command waits for more.

use crate::show::hint::hint;
use crate::show::{code, paint, time, words};
use comity::{Agent, State, Status};
use std::time::{Duration, Instant};

/// What was told so far of one message.
#[derive(Debug)]
struct Told {
    /// What is true now, and since when it is known.
    now: Option<(String, Instant)>,
    last: Option<String>,
    /// Something was told: then how it goes on is told, too.
    begun: bool,
}

/// Waits for `done`, and meanwhile tells where message `id` is.
///
/// A message that goes through at once is nobody's news. One that waits on a person is told of at
/// once; one that waits on a machine, after a second.
pub(crate) async fn while_waiting<T>(agent: &Agent, id: &str, done: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = done => done,
        never = follow(agent, id) => match never {},
    }
}

/// A rejected message with the agent's words: they travel beside the receipt, and may come a moment
/// after it. Without words, as it was.
pub(super) async fn with_words(agent: &Agent, status: Status) -> Status {
    let deadline = Instant::now() + WORDS;
    let mut status = status;
    while status.state() == State::Rejected && status.reason().is_none() {
        if Instant::now() > deadline {
            break;
        }
        tokio::time::sleep(WORDS / 20).await;
        status = match agent.status(status.id()).await {
            Ok(status) => status,
            Err(_) => break,
        };
    }
    status
}

async fn follow(agent: &Agent, id: &str) -> std::convert::Infallible {
    let mut changes = agent.changes();
    let mut told = Told {
        now: None,
        last: None,
        begun: false,
    };
    loop {
        if let Ok(status) = agent.status(id).await
            && let Some(line) = told.look(&status, Instant::now())
        {
            anstream::eprintln!("{}", paint::paint(paint::FAINT, line));
        }
        let change = async {
            // Without a connection there are no changes; there is still the clock.
            if changes.next().await.is_none() {
                std::future::pending::<()>().await;
            }
        };
        let _ = tokio::time::timeout(LOOK_AGAIN, change).await;
    }
}

impl Told {
    fn look(&mut self, status: &Status, at: Instant) -> Option<String> {
        let line = self.waits(status);
        let since = match (&self.now, &line) {
            (Some((known, since)), Some(line)) if known == line => *since,
            _ => at,
        };
        self.now = line.clone().map(|line| (line, since));
        let line = line.filter(|line| self.last.as_ref() != Some(line))?;
        let person = status.state() == State::Held;
        if !(person || self.begun || at.duration_since(since) >= PATIENCE) {
            return None;
        }
        self.last = Some(line.clone());
        self.begun = true;
        Some(line)
    }

    fn waits(&self, status: &Status) -> Option<String> {
        let peer = words::who(status.to());
        let reason = status.reason().map(code::reason);
        let since = status.history().last().map(|step| time::when(step.at));
        let since = since.unwrap_or_default();
        Some(match (status.state(), status.waiting_on(), reason) {
            (State::Held, Some("operator"), _) => format!(
                "held: your operator must allow it first   {}",
                hint(format!("comity message allow {}", status.id()))
            ),
            (State::Held, Some("signature"), _) => "held: it waits for your signature".to_owned(),
            (State::Held, _, Some(why)) => format!("held: {why}; your node tries again"),
            (State::Held, _, None) => format!(
                "held: {peer} must let you in first (asked {since}; their operator sees it with \
                 comity knock)"
            ),
            (State::Queued, _, Some(why)) => format!("queued: {why}; your node tries again"),
            (State::Queued, _, None) if self.begun => "let in: it goes out".to_owned(),
            (State::Queued, _, None) => "on its way to their node".to_owned(),
            (State::Sent, ..) if self.begun => return self.last.clone(),
            (State::Sent, ..) => "on its way to their node".to_owned(),
            (State::Received, ..) => format!("received by the node of {peer}"),
            (State::Delivered, ..) => format!("{peer} has it"),
            // Done: the answer is on its way. Ends: the command itself says so.
            _ => return None,
        })
    }
}

/// How long a message may be somewhere before that is worth a line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait for an agent's words after its receipt.
const WORDS: Duration = Duration::from_secs(1);
/// How often to look without a change: what is in the way may change without the message.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
