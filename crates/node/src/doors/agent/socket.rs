//! `GET /v1/socket`: the operations as frames, deliveries and changes pushed.
//!
//! One task a socket waits for whatever comes first: a frame, the end of an operation, a delivery
//! (while there is credit), a change, the clock. A second task writes. Everything between them is
//! bounded: operations under way, frames to be written, room for deliveries. Who doesn't read makes
//! the writer wait, then everything else, and is closed after [`Patience::slow`].
//!
//! Operations run beside each other, so that one that waits doesn't hold up the others, and
//! commits are shared; messages of one thread are sent in the order of their frames.

mod credit;
mod frames;
mod writer;

use super::super::problem::{self, Failure, REQUEST_BYTES_MAX};
use super::dispatch::{Operation, Outcome, perform};
use super::{Door, Entrant, no_token};
use crate::custody::BoxFuture;
use crate::journey::{Attending, CoreError};
use ::http::Uri;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseCode, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use comity_api::Problem;
use comity_api::agent::{Delivery, Event};
use comity_engine::{Code, defaults};
use comity_store::Page;
use credit::Credit;
use frames::{Frame, NotAFrame, Notice, Told};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior};
use writer::Writer;

/// How long a socket bears with its agent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For room in the queue of frames to be written.
    pub(super) slow: Duration,
    /// For any sign of life; a ping goes out in a third of it.
    pub(super) silent: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            slow: Duration::from_secs(10),
            silent: Duration::from_secs(90),
        }
    }
}

/// Query of the route.
#[derive(Deserialize)]
struct From {
    /// Push changes after this number; from now on if absent.
    after: Option<u64>,
}

pub(super) async fn open(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    uri: Uri,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let upgrade = upgrade
        .map_err(|error| problem::bad("this route is a WebSocket").detail(error.to_string()))?;
    let From { after } = problem::query(&uri)?;
    let after = match after {
        Some(after) => after,
        // Found before the agent knows that it is connected: it misses nothing of its own.
        None => last_change(&door, &entrant).await?,
    };
    let upgrade = upgrade
        .max_message_size(REQUEST_BYTES_MAX)
        .max_frame_size(REQUEST_BYTES_MAX);
    Ok(upgrade
        .on_upgrade(move |socket| Session::run(door, entrant, after, socket))
        .into_response())
}

/// Why a conversation ends, as the close frame says it.
#[derive(Clone, Copy, Debug)]
struct End(CloseCode, &'static str);

const STOPPING: End = End(close_code::RESTART, "the node stops; come back");
const SLOW: End = End(
    close_code::POLICY,
    "slow consumer: read what is pushed, or give less credit",
);
const SILENT: End = End(close_code::POLICY, "nothing was heard for too long");
const GONE: End = End(4401, "the token is no longer known");
const OVER: End = End(close_code::NORMAL, "");
const UNREADABLE: End = End(close_code::SIZE, "a frame too large, or broken");

/// An operation that ended.
struct Answered {
    reference: u64,
    result: Result<Outcome, Problem>,
    /// The delivery it was about, if it settles or extends one.
    about: Option<String>,
}

/// One socket's state.
struct Session {
    door: Arc<Door>,
    entrant: Entrant,
    writer: Writer,
    credit: Credit,
    /// While there is credit at all: what others pass on is for this socket.
    attending: Option<Attending>,
    /// Whose turn it is to send in a thread; tokio's mutex is fair.
    turns: HashMap<String, Weak<Mutex<()>>>,
    asked: FuturesUnordered<BoxFuture<'static, Answered>>,
    leasing: Option<BoxFuture<'static, Result<Vec<Delivery>, Problem>>>,
    after: u64,
}

impl Session {
    async fn run(door: Arc<Door>, entrant: Entrant, after: u64, socket: WebSocket) {
        let entrant = Entrant {
            caller: entrant.caller.in_own_session(),
            ..entrant
        };
        let _connected = door.core.connect(&entrant.caller);
        let (sink, frames) = socket.split();
        let mut session = Self {
            writer: Writer::start(sink, door.patience.slow),
            door,
            entrant,
            credit: Credit::default(),
            attending: None,
            turns: HashMap::new(),
            asked: FuturesUnordered::new(),
            leasing: None,
            after,
        };
        let End(code, reason) = session.converse(frames).await;
        session.writer.close(code, reason).await;
    }

    async fn converse(&mut self, mut frames: futures_util::stream::SplitStream<WebSocket>) -> End {
        let patience = self.door.patience;
        let stop = self.door.stop.clone();
        let mut changes = self.changes(Duration::ZERO);
        let mut clock = tokio::time::interval(TICK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut heard, mut pinged) = (Instant::now(), Instant::now());
        loop {
            self.lease_while_there_is_room();
            let step = tokio::select! {
                () = stop.cancelled() => return STOPPING,
                frame = frames.next(), if self.asked.len() < ASKED_MAX => {
                    heard = Instant::now();
                    match frame {
                        Some(Ok(frame)) => self.hear(frame).await,
                        Some(Err(_)) => return UNREADABLE,
                        None => return OVER,
                    }
                }
                Some(answered) = self.asked.next(), if !self.asked.is_empty() => {
                    self.answer(answered).await
                }
                leased = when(&mut self.leasing) => {
                    self.leasing = None;
                    self.deliver(leased).await
                }
                changed = &mut changes => {
                    let pause = if changed.is_err() { AFTER_FAILURE } else { Duration::ZERO };
                    let step = self.tell(changed).await;
                    changes = self.changes(pause);
                    step
                }
                _ = clock.tick() => {
                    if heard.elapsed() > patience.silent {
                        return SILENT;
                    }
                    if pinged.elapsed() > patience.silent / 3 {
                        pinged = Instant::now();
                        self.writer.push(Message::Ping(Vec::new().into())).await
                    } else {
                        self.look_around().await
                    }
                }
            };
            if let Err(end) = step {
                return end;
            }
        }
    }

    async fn hear(&mut self, frame: Message) -> Result<(), End> {
        let text = match frame {
            Message::Text(text) => text,
            Message::Close(_) => return Err(OVER),
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) => {
                return self.complain(None, &problem::bad("frames are text")).await;
            }
        };
        match Frame::read(&text) {
            Ok(Frame::Credit(room)) => {
                self.attending = match self.attending.take() {
                    _ if room == 0 => None,
                    None => Some(self.door.core.attend(&self.entrant.caller)),
                    attending => attending,
                };
                if self.credit.grant(room) {
                    // It may be waiting for more than there is room now.
                    self.leasing = None;
                }
                Ok(())
            }
            Ok(Frame::Ask(reference, operation)) => {
                self.ask(reference, operation);
                Ok(())
            }
            Err(NotAFrame(reference, problem)) => self.complain(reference, &problem).await,
        }
    }

    fn ask(&mut self, reference: u64, operation: Operation) {
        let (core, caller) = (Arc::clone(&self.door.core), self.entrant.caller.clone());
        let about = match &operation {
            Operation::Settle(settlement) => Some(settlement.delivery.clone()),
            Operation::Extend(extend) => Some(extend.delivery.clone()),
            _ => None,
        };
        let turn = match &operation {
            Operation::Send(send) => send.thid.as_ref().map(|thid| self.turn(thid)),
            _ => None,
        };
        self.asked.push(Box::pin(async move {
            let _turn = match &turn {
                Some(turn) => Some(turn.lock().await),
                None => None,
            };
            let result = perform(&core, &caller, operation).await;
            Answered {
                reference,
                result,
                about,
            }
        }));
    }

    /// The lock of a thread: taken in the order in which operations are first polled, which is
    /// that of their frames.
    fn turn(&mut self, thid: &str) -> Arc<Mutex<()>> {
        if let Some(turn) = self.turns.get(thid).and_then(Weak::upgrade) {
            return turn;
        }
        self.turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        self.turns.insert(thid.to_owned(), Arc::downgrade(&turn));
        turn
    }

    async fn answer(&mut self, answered: Answered) -> Result<(), End> {
        let Answered {
            reference,
            result,
            about,
        } = answered;
        let lost = |problem: &Problem| problem.code == Code::LEASE_LOST.as_str();
        match (&about, &result) {
            (Some(delivery), Ok(Outcome::Extended(extended))) => {
                self.credit.extend(delivery, extended.until);
            }
            (Some(delivery), Ok(_)) => self.credit.give_back(delivery),
            (Some(delivery), Err(problem)) if lost(problem) => self.credit.give_back(delivery),
            _ => {}
        }
        match &result {
            Ok(value) => {
                self.push(&Told::Result {
                    r#ref: reference,
                    value,
                })
                .await
            }
            Err(problem) => self.complain(Some(reference), problem).await,
        }
    }

    fn lease_while_there_is_room(&mut self) {
        let room = self.credit.room(self.now()).min(defaults::LEASE_BATCH_MAX);
        if self.leasing.is_none() && room > 0 {
            let (core, caller) = (Arc::clone(&self.door.core), self.entrant.caller.clone());
            let lease = async move { core.lease(&caller, room, defaults::WAIT_MAX).await };
            self.leasing = Some(Box::pin(lease));
        }
    }

    async fn deliver(&mut self, leased: Result<Vec<Delivery>, Problem>) -> Result<(), End> {
        let deliveries = match leased {
            Ok(deliveries) => deliveries,
            Err(problem) => {
                self.leasing = Some(Box::pin(async {
                    tokio::time::sleep(AFTER_FAILURE).await;
                    Ok(Vec::new())
                }));
                return self.complain(None, &problem).await;
            }
        };
        for delivery in deliveries {
            self.credit.take(&delivery.delivery, delivery.until);
            self.push(&Notice::Delivery(&delivery)).await?;
        }
        Ok(())
    }

    /// The next changes, looked for after `pause`.
    fn changes(&self, pause: Duration) -> BoxFuture<'static, Result<Vec<Event>, Problem>> {
        let (core, caller) = (Arc::clone(&self.door.core), self.entrant.caller.clone());
        let after = self.after;
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            core.events(&caller, after, defaults::WAIT_MAX).await
        })
    }

    async fn tell(&mut self, changed: Result<Vec<Event>, Problem>) -> Result<(), End> {
        let events = match changed {
            Ok(events) => events,
            Err(problem) => return self.complain(None, &problem).await,
        };
        // Each shows its message as it is now: of several about one, the last says it all.
        let last: HashMap<&str, u64> = events
            .iter()
            .map(|event| (event.message.id.as_str(), event.n))
            .collect();
        for Event { n, message } in &events {
            self.after = self.after.max(*n);
            if last.get(message.id.as_str()) == Some(n) {
                self.push(&Notice::State { n: *n, message }).await?;
            }
        }
        Ok(())
    }

    /// Once a second: is the token still good?
    async fn look_around(&mut self) -> Result<(), End> {
        match self.door.core.authenticate(&self.entrant.token).await {
            Some(_) => Ok(()),
            None => {
                self.complain(None, &no_token()).await?;
                Err(GONE)
            }
        }
    }

    async fn complain(&mut self, reference: Option<u64>, problem: &Problem) -> Result<(), End> {
        self.push(&Notice::Error {
            r#ref: reference,
            problem: &problem::helped(problem.clone()),
        })
        .await
    }

    async fn push<V: serde::Serialize>(&mut self, told: &Told<'_, V>) -> Result<(), End> {
        self.writer.push(Message::text(told.text())).await
    }

    /// UTC seconds.
    fn now(&self) -> u64 {
        self.door.core.clock.now().seconds()
    }
}

/// Waits for a future that there may be.
async fn when<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// The number of the caller's newest change, found by halving: the store lists what comes after a
/// number, and only the first of it is looked at.
async fn last_change(door: &Door, entrant: &Entrant) -> Result<u64, Problem> {
    let agent = entrant.caller.did().clone();
    let found = door.core.store.read(move |tx| {
        // There is a change `low` (or none at all), and none after `high`.
        let (mut low, mut high) = (0, i64::MAX.unsigned_abs());
        while low < high {
            let after = low + (high - low) / 2;
            match tx.events(&agent, Page { after, limit: 1 })?.pop() {
                Some((n, _)) => low = n,
                None => high = after,
            }
        }
        Ok::<_, CoreError>(low)
    });
    Ok(found.await?)
}

/// Operations under way for one socket; further frames wait unread.
const ASKED_MAX: usize = 512;
/// How often leases that ended and the token are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Pause after storage failed, before it is asked again.
const AFTER_FAILURE: Duration = Duration::from_secs(2);
