//! The two agents: as little code as the protocol of the door allows, so that the machine is left
//! to the nodes.
//!
//! Neither uses the SDK: it waits for each message with an operation of its own, which is right for
//! a program and would be measured as the node's work here. Both read what the node pushes anyway.

use anyhow::{Context, Result, bail};
use comity_testkit::{Door, PROTOCOL};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// When each message was where. Both agents live in this process, so one clock tells.
#[derive(Debug, Default)]
pub(crate) struct Times {
    pub(crate) of: HashMap<u64, Journey>,
    /// In the order of the ends.
    pub(crate) done: Vec<u64>,
}

/// The way of one message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Journey {
    pub(crate) sent: Instant,
    pub(crate) queued: Option<Instant>,
    pub(crate) received: Option<Instant>,
    pub(crate) at_agent: Option<Instant>,
    pub(crate) done: Option<Instant>,
}

pub(crate) type Clock = Rc<RefCell<Times>>;

/// Frames of the node, as far as they matter here.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Frame<'a> {
    Result {
        r#ref: u64,
    },
    State {
        #[serde(borrow)]
        message: State<'a>,
    },
    Delivery(#[serde(borrow)] Delivery<'a>),
    Error {
        problem: serde_json::Value,
    },
}

#[derive(Deserialize)]
struct State<'a> {
    id: &'a str,
    state: &'a str,
}

#[derive(Deserialize)]
struct Delivery<'a> {
    delivery: &'a str,
    lease: &'a str,
    #[serde(borrow)]
    message: Id<'a>,
}

#[derive(Deserialize)]
struct Id<'a> {
    id: &'a str,
}

/// Sends, and keeps so many messages in flight.
pub(crate) struct Sender {
    sink: SplitSink<Socket, Message>,
    frames: SplitStream<Socket>,
    to: String,
    body: String,
    /// What ids of this run begin with.
    run: String,
    threads: u64,
    next: u64,
    open: u64,
    clock: Clock,
}

impl Sender {
    pub(crate) async fn new(door: &Door, to: String, run: String, clock: Clock) -> Result<Self> {
        let (sink, frames) = connect(door).await?.split();
        let body = String::new();
        Ok(Self {
            sink,
            frames,
            to,
            body,
            run,
            threads: 1,
            next: 0,
            open: 0,
            clock,
        })
    }

    /// Bodies of so many octets from now on, in so many threads.
    pub(crate) fn load(&mut self, body: usize, threads: u64) {
        let around = json!({"data": ""}).to_string().len();
        self.body = "x".repeat(body.saturating_sub(around));
        self.threads = threads;
    }

    /// Keeps `in_flight` messages on their way until `until`, then waits for the last.
    pub(crate) async fn run(&mut self, in_flight: u64, until: Instant) -> Result<()> {
        for _ in 0..in_flight {
            self.send().await?;
        }
        self.sink.flush().await?;
        while self.open > 0 {
            let ended = self.hear().await?;
            for _ in 0..ended {
                self.open -= 1;
                if Instant::now() < until {
                    self.send().await?;
                }
            }
            if ended > 0 {
                self.sink.flush().await?;
            }
        }
        Ok(())
    }

    /// Sends so many a second until `until`, whatever becomes of them, then waits for the last.
    /// Each counts from when it was to be sent.
    pub(crate) async fn paced(&mut self, per_s: f64, until: Instant) -> Result<()> {
        let begun = Instant::now();
        let mut tick = tokio::time::interval(Duration::from_millis(1));
        let mut sent: u64 = 0;
        let mut going = true;
        while going || self.open > 0 {
            let ended = tokio::select! {
                _ = tick.tick(), if going => None,
                ended = self.hear() => Some(ended?),
            };
            self.open -= ended.unwrap_or_default();
            going = Instant::now() < until;
            if !going || ended.is_some() {
                continue;
            }
            while (sent as f64) < begun.elapsed().as_secs_f64() * per_s {
                let due = begun + Duration::from_secs_f64(sent as f64 / per_s);
                self.send_due(due).await?;
                sent += 1;
            }
            self.sink.flush().await?;
        }
        Ok(())
    }

    async fn send(&mut self) -> Result<()> {
        self.send_due(Instant::now()).await
    }

    async fn send_due(&mut self, due: Instant) -> Result<()> {
        self.next += 1;
        self.open += 1;
        let number = self.next;
        let frame = json!({
            "op": "send",
            "ref": number,
            "id": format!("{}-{number}", self.run),
            "to": self.to,
            "type": format!("{PROTOCOL}/note"),
            "thid": format!("{}-t{}", self.run, number % self.threads),
            "body": {"data": self.body},
        });
        let journey = Journey {
            sent: due,
            queued: None,
            received: None,
            at_agent: None,
            done: None,
        };
        self.clock.borrow_mut().of.insert(number, journey);
        self.sink.feed(Message::text(frame.to_string())).await?;
        Ok(())
    }

    /// Hears one frame. How many messages ended with it.
    async fn hear(&mut self) -> Result<u64> {
        let frame = self.frames.next().await.context("the node hung up")??;
        let Message::Text(text) = frame else {
            return Ok(0);
        };
        let now = Instant::now();
        match serde_json::from_str::<Frame<'_>>(&text).context(text.to_string())? {
            Frame::Result { r#ref } => {
                if let Some(journey) = self.clock.borrow_mut().of.get_mut(&r#ref) {
                    journey.queued = Some(now);
                }
                Ok(0)
            }
            Frame::State { message } => self.moved(&message, now),
            Frame::Delivery(_) => Ok(0),
            Frame::Error { problem } => bail!("the node says {problem}"),
        }
    }

    fn moved(&self, State { id, state }: &State<'_>, now: Instant) -> Result<u64> {
        let Some(number) = number(id, &self.run) else {
            return Ok(0);
        };
        let mut times = self.clock.borrow_mut();
        let Some(journey) = times.of.get_mut(&number) else {
            return Ok(0);
        };
        match *state {
            "received" | "delivered" => {
                journey.received.get_or_insert(now);
                Ok(0)
            }
            "done" if journey.done.is_none() => {
                journey.received.get_or_insert(now);
                journey.done = Some(now);
                times.done.push(number);
                Ok(1)
            }
            "queued" | "held" | "sent" | "done" => Ok(0),
            other => bail!("{id} is {other}"),
        }
    }
}

/// Takes what comes and settles it at once, until it is dropped.
pub(crate) async fn receive(door: Door, run: String, clock: Clock) -> Result<()> {
    let (mut sink, mut frames) = connect(&door).await?.split();
    sink.send(Message::text(
        json!({"op": "credit", "n": CREDIT}).to_string(),
    ))
    .await?;
    let mut reference = 0_u64;
    loop {
        let frame = frames.next().await.context("the node hung up")??;
        let Message::Text(text) = frame else { continue };
        match serde_json::from_str::<Frame<'_>>(&text).context(text.to_string())? {
            Frame::Delivery(delivery) => {
                if let Some(number) = number(delivery.message.id, &run)
                    && let Some(journey) = clock.borrow_mut().of.get_mut(&number)
                {
                    journey.at_agent = Some(Instant::now());
                }
                reference += 1;
                let settle = json!({
                    "op": "settle",
                    "ref": reference,
                    "delivery": delivery.delivery,
                    "lease": delivery.lease,
                    "outcome": "done",
                });
                sink.send(Message::text(settle.to_string())).await?;
            }
            Frame::Error { problem } => bail!("the node says {problem}"),
            Frame::Result { .. } | Frame::State { .. } => {}
        }
    }
}

fn number(id: &str, run: &str) -> Option<u64> {
    id.strip_prefix(run)?.strip_prefix('-')?.parse().ok()
}

async fn connect(door: &Door) -> Result<Socket> {
    let (url, token) = door.credentials();
    let url = format!("{}/v1/socket", url.replacen("http", "ws", 1));
    let mut request = url.into_client_request()?;
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse()?);
    let (socket, _) = connect_async_with_config(request, None, true).await?;
    Ok(socket)
}

/// Unsettled deliveries that the recipient takes at once: as many as a node leases at most.
const CREDIT: usize = 256;
