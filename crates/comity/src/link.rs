//! The one connection to the node: requests out, answers, deliveries and changes in.
//!
//! A [`Link`] is a handle; a task ([`driver`]) owns the WebSocket and keeps it alive. Every
//! operation of the agent's door is idempotent (ids are chosen by us, a settlement repeats its
//! result), so that the rule after a lost connection is simple: whatever was asked and not yet
//! answered is asked again. Whoever gave up waiting is forgotten, not asked for.

mod driver;
mod socket;

use crate::credentials::Credentials;
use crate::{Error, Result};
use comity_api::agent as api;
use serde_json::{Map, Value};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};

/// A handle on the connection. When the last is dropped, it closes.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    url: String,
    commands: mpsc::Sender<Command>,
    changes: broadcast::Sender<api::Event>,
}

/// What handles ask of the driver.
enum Command {
    /// One operation, and who waits for its answer.
    Ask(Frame, oneshot::Sender<Result<Value>>),
    /// Deliveries from now on: at most so many unsettled, to this receiver.
    Serve(usize, mpsc::Sender<api::Delivery>),
    /// No deliveries any more.
    Rest,
}

/// A frame without its `ref`.
pub(crate) struct Frame(Map<String, Value>);

impl Link {
    /// Connects once, to fail early; afterwards the connection heals itself.
    pub(crate) async fn open(credentials: Credentials) -> Result<Self> {
        let socket = socket::connect(&credentials).await?;
        let (commands, asked) = mpsc::channel(COMMANDS);
        let changes = broadcast::Sender::new(CHANGES);
        let url = credentials.url.clone();
        let driver = driver::Driver::new(credentials, asked, changes.clone());
        tokio::spawn(driver.run(socket));
        Ok(Self {
            url,
            commands,
            changes,
        })
    }

    /// Asks, and waits for the answer however long the node is away.
    pub(crate) async fn ask(&self, frame: Frame) -> Result<Value> {
        let (answer, answered) = oneshot::channel();
        if self
            .commands
            .send(Command::Ask(frame, answer))
            .await
            .is_err()
        {
            return Err(self.closed());
        }
        answered.await.unwrap_or_else(|_| Err(self.closed()))
    }

    /// Asks, and waits for at most this long.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when the time is over: the operation may have taken effect or not.
    pub(crate) async fn ask_within(&self, patience: Duration, frame: Frame) -> Result<Value> {
        match tokio::time::timeout(patience, self.ask(frame)).await {
            Ok(answered) => answered,
            Err(_) => Err(Error::Unreachable {
                url: self.url.clone(),
                source: None,
            }),
        }
    }

    /// Asks the node for deliveries: never more than `room` unsettled ones.
    pub(crate) async fn serve(&self, room: usize) -> Result<mpsc::Receiver<api::Delivery>> {
        let (sink, deliveries) = mpsc::channel(2 * room);
        match self.commands.send(Command::Serve(room, sink)).await {
            Ok(()) => Ok(deliveries),
            Err(_) => Err(self.closed()),
        }
    }

    /// Asks for no more deliveries.
    pub(crate) async fn rest(&self) {
        // A closed link rests already.
        let _ = self.commands.send(Command::Rest).await;
    }

    /// Changes of our messages from now on. A hint: what happens while the node is away is missed.
    pub(crate) fn changes(&self) -> broadcast::Receiver<api::Event> {
        self.changes.subscribe()
    }

    /// The driver ends before its handles for one reason only.
    pub(crate) fn closed(&self) -> Error {
        Error::Unauthorized {
            url: self.url.clone(),
        }
    }
}

impl Frame {
    pub(crate) fn send(send: &api::Send) -> Self {
        Self::of("send", members(send))
    }

    pub(crate) fn show(id: &str, wait: &api::Wait) -> Self {
        Self::of("show", members(wait)).with("id", id.into())
    }

    pub(crate) fn cancel(id: &str) -> Self {
        Self::of("cancel", Map::new()).with("id", id.into())
    }

    pub(crate) fn settle(settlement: &api::Settlement) -> Self {
        Self::of("settle", members(settlement))
    }

    pub(crate) fn extend(extend: &api::ExtendRequest) -> Self {
        Self::of("extend", members(extend))
    }

    pub(crate) fn whoami() -> Self {
        Self::of("whoami", Map::new())
    }

    fn of(op: &str, members: Map<String, Value>) -> Self {
        Self(members).with("op", op.into())
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    /// The text of the frame.
    fn text(self, reference: u64) -> String {
        Value::Object(self.with("ref", reference.into()).0).to_string()
    }
}

fn members(of: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(of) {
        Ok(Value::Object(members)) => members,
        // The types of the door are objects with text keys.
        _ => Map::new(),
    }
}

/// Operations on their way to the driver; whoever finds it full waits.
const COMMANDS: usize = 64;
/// Changes that a slow listener may lag behind before it misses the oldest.
const CHANGES: usize = 256;
