//! The task behind a [`Link`](super::Link).
//!
//! ```text
//!            ┌──── lost ────┐
//!   connected ──► reconnecting (50 ms, doubling to 2 s) ──► connected: credit and every unanswered
//!       │                 │                                 request are sent again
//!   no handles left    token refused
//!       └──────► ended ◄──┘
//! ```

use super::socket::{self, Socket};
use super::{Command, Frame};
use crate::credentials::Credentials;
use crate::{Error, Result};
use comity_api::agent as api;
use comity_api::agent::FromNode;
use futures_util::SinkExt;
use futures_util::stream::{SplitSink, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

pub(super) struct Driver {
    credentials: Credentials,
    commands: mpsc::Receiver<Command>,
    changes: broadcast::Sender<api::Event>,
    /// Asked and not answered, in the order of asking.
    unanswered: BTreeMap<u64, Unanswered>,
    last_ref: u64,
    serving: Option<(usize, mpsc::Sender<api::Delivery>)>,
}

struct Unanswered {
    frame: String,
    waiter: oneshot::Sender<Result<Value>>,
}

/// Why a connection is over.
enum End {
    Lost,
    NoHandles,
}

impl Driver {
    pub(super) const fn new(
        credentials: Credentials,
        commands: mpsc::Receiver<Command>,
        changes: broadcast::Sender<api::Event>,
    ) -> Self {
        Self {
            credentials,
            commands,
            changes,
            unanswered: BTreeMap::new(),
            last_ref: 0,
            serving: None,
        }
    }

    pub(super) async fn run(mut self, first: Socket) {
        let mut socket = first;
        loop {
            match self.converse(socket).await {
                End::NoHandles => return,
                End::Lost => tracing::info!(url = %self.credentials.url, "lost the node"),
            }
            match self.reconnect().await {
                Ok(Some(again)) => socket = again,
                Ok(None) => return,
                Err(why) => {
                    // Dropping the channel tells every handle.
                    tracing::error!(error = ?why, "the node will not have this agent back");
                    return;
                }
            }
            tracing::info!(url = %self.credentials.url, "the node is back");
        }
    }

    /// Talks on one connection until it ends.
    async fn converse(&mut self, socket: Socket) -> End {
        let (sink, mut frames) = socket.split();
        let (outbox, written) = mpsc::unbounded_channel();
        // Written beside reading: two ends that both wait for room to write would wait for ever.
        let mut writer = pin!(write(sink, written));
        for frame in self.again() {
            let _ = outbox.send(Message::text(frame));
        }
        let mut ticks = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                result = &mut writer => {
                    if let Err(why) = result {
                        tracing::debug!(error = %why, "writing failed");
                    }
                    return End::Lost;
                }
                frame = frames.next() => match frame {
                    Some(Ok(frame)) => {
                        heard = Instant::now();
                        match frame {
                            Message::Text(text) => self.hear(&text),
                            Message::Close(_) => return End::Lost,
                            _ => {}
                        }
                    }
                    Some(Err(why)) => {
                        tracing::debug!(error = %why, "reading failed");
                        return End::Lost;
                    }
                    None => return End::Lost,
                },
                command = self.commands.recv() => match command {
                    Some(command) => {
                        if let Some(frame) = self.take(command) {
                            let _ = outbox.send(Message::text(frame));
                        }
                    }
                    None => {
                        drop(outbox); // lets the writer finish and close
                        let _ = tokio::time::timeout(GOODBYE, writer).await;
                        return End::NoHandles;
                    }
                },
                _ = ticks.tick() => {
                    if heard.elapsed() > SILENCE {
                        return End::Lost;
                    }
                    let _ = outbox.send(Message::Ping(Vec::new().into()));
                }
            }
        }
    }

    /// Tries until the node is back; `None` when nobody is left to come back for.
    async fn reconnect(&mut self) -> Result<Option<Socket>> {
        let credentials = self.credentials.clone();
        let mut next_pause = FIRST_PAUSE;
        loop {
            let pause = next_pause;
            let mut attempt = pin!(async {
                tokio::time::sleep(pause).await;
                socket::connect(&credentials).await
            });
            let connected = loop {
                tokio::select! {
                    connected = &mut attempt => break connected,
                    command = self.commands.recv() => match command {
                        Some(command) => { self.take(command); }
                        None => return Ok(None),
                    },
                }
            };
            match connected {
                Ok(socket) => return Ok(Some(socket)),
                Err(why @ Error::Unauthorized { .. }) => return Err(why),
                Err(_) => next_pause = LAST_PAUSE.min(pause * 2),
            }
        }
    }

    /// What the node has to hear again on a new connection.
    fn again(&mut self) -> Vec<String> {
        self.unanswered.retain(|_, asked| !asked.waiter.is_closed());
        let credit = self.serving.as_ref().map(|(room, _)| credit(*room));
        let asked = self.unanswered.values().map(|asked| asked.frame.clone());
        credit.into_iter().chain(asked).collect()
    }

    /// Takes a command down; the frame that it needs, if any.
    fn take(&mut self, command: Command) -> Option<String> {
        match command {
            Command::Ask(_, waiter) if waiter.is_closed() => None,
            Command::Ask(frame, waiter) => Some(self.ask(frame, waiter)),
            Command::Serve(room, sink) => {
                self.serving = Some((room, sink));
                Some(credit(room))
            }
            Command::Rest => {
                self.serving = None;
                Some(credit(0))
            }
        }
    }

    fn ask(&mut self, frame: Frame, waiter: oneshot::Sender<Result<Value>>) -> String {
        self.last_ref += 1;
        let frame = frame.text(self.last_ref);
        let asked = Unanswered {
            frame: frame.clone(),
            waiter,
        };
        self.unanswered.insert(self.last_ref, asked);
        frame
    }

    /// Hands on what the node says.
    fn hear(&mut self, text: &str) {
        match serde_json::from_str(text) {
            Ok(FromNode::Result { r#ref, value }) => self.answer(r#ref, Ok(value)),
            Ok(FromNode::Error {
                r#ref: Some(r#ref),
                problem,
            }) => self.answer(r#ref, Err(Error::Node(Box::new(problem)))),
            Ok(FromNode::Error {
                r#ref: None,
                problem,
            }) => {
                tracing::warn!(%problem, "the node did not understand a frame");
            }
            Ok(FromNode::Delivery(delivery)) => self.deliver(*delivery),
            Ok(FromNode::State { n, message }) => {
                let message = *message;
                // Nobody need listen.
                let _ = self.changes.send(api::Event { n, message });
            }
            Err(why) => tracing::warn!(error = %why, "a frame of a newer node was skipped"),
        }
    }

    fn answer(&mut self, r#ref: u64, answer: Result<Value>) {
        if let Some(asked) = self.unanswered.remove(&r#ref) {
            // Whoever gave up waiting does not need it.
            let _ = asked.waiter.send(answer);
        }
    }

    /// A delivery that finds no room is left to its lease: the node offers it again.
    fn deliver(&self, delivery: api::Delivery) {
        let Some((_, sink)) = &self.serving else {
            return;
        };
        if sink.try_send(delivery).is_err() {
            tracing::warn!("a delivery beyond the credit was dropped");
        }
    }
}

fn credit(room: usize) -> String {
    json!({"op": "credit", "n": room}).to_string()
}

/// Writes frames until the outbox closes; flushes whenever it is empty.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut outbox: mpsc::UnboundedReceiver<Message>,
) -> Result<(), WsError> {
    while let Some(frame) = outbox.recv().await {
        sink.feed(frame).await?;
        if outbox.is_empty() {
            sink.flush().await?;
        }
    }
    sink.close().await
}

/// A node that was killed is back in less than a second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// And one that is away for long costs one attempt in this time.
const LAST_PAUSE: Duration = Duration::from_secs(2);
/// Keeps an idle connection alive and shows that it is.
const PING_EVERY: Duration = Duration::from_secs(15);
/// Nothing heard for so long, pongs included: the connection is dead.
const SILENCE: Duration = Duration::from_secs(40);
/// For the closing handshake.
const GOODBYE: Duration = Duration::from_secs(1);
