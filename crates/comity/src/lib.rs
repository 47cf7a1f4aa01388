//! The Rust SDK of Comity: an agent in a few lines.
//!
//! An agent has an identity (a DID), sends messages to identities, and handles message types. Its
//! node does the rest: keys, trust, delivery, the record. This crate talks to that node, over one
//! WebSocket to the agent's door, and holds no keys.
//!
//! Bruno, who answers:
//!
//! ```no_run
//! use comity::{Agent, Message, Reply};
//! # #[derive(serde::Deserialize)] struct Series { values: Vec<f64> }
//! # #[derive(serde::Serialize)] struct Report { trend: f64 }
//! # fn trend(series: &Series) -> Report { Report { trend: series.values.iter().sum() } }
//!
//! #[tokio::main]
//! async fn main() -> comity::Result<()> {
//!     let bruno = Agent::open("bruno").await?;
//!     bruno.on("https://example.org/market-analysis/1.0/request", async |msg: Message| {
//!         let series: Series = msg.body()?;              // a bad body becomes a problem report
//!         Ok(Reply::new("response", trend(&series)))     // reply and "done" commit together
//!     });
//!     bruno.run().await
//! }
//! ```
//!
//! Aria, who asks. She gets one of three outcomes, never a bare time-out:
//!
//! ```no_run
//! use comity::{Agent, Outcome};
//! use std::time::Duration;
//! # #[derive(serde::Deserialize)] struct Report { trend: f64 }
//!
//! # #[tokio::main]
//! # async fn main() -> comity::Result<()> {
//! # let sales = serde_json::json!({"values": [1.0, 2.0]});
//! let aria = Agent::open("aria").await?;
//! let bruno = "bruno@agents.org-b.com";
//! match aria.ask(bruno, "https://example.org/market-analysis/1.0/request", &sales)
//!     .purpose("Q3 pricing study").wait(Duration::from_secs(30)).await?
//! {
//!     Outcome::Answer(msg) => println!("{} signed by {}", msg.body::<Report>()?.trend, msg.sender()),
//!     Outcome::Pending(p)  => println!("waits on {}; aria.resume({:?})", p.waiting_on(), p.id()),
//!     Outcome::Refused(r)  => println!("refused: {r}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - A message that [`send`](Agent::send) or [`ask`](Agent::ask) returned is durable at your node.
//!   Both choose the id before they send, so that repeating one after a failure repeats nothing.
//! - The connection heals itself: a node may be killed and come back. What was being asked goes on,
//!   unsettled deliveries are offered again, and a handler that still runs is not started twice.
//! - Handlers run **at least once**. What a settlement contains (outcome, replies, further
//!   messages) takes effect exactly once; what a handler does elsewhere may repeat. See
//!   [`Message::attempt`].
//! - A handler's error stays in your log. The peer gets the text that you chose ([`Reply::reject`]),
//!   or that its own message could not be read.
//!
//! # What it is not
//!
//! It proves nothing by itself: [`Message::sender`] and [`Message::context`] repeat what your node
//! proved. Trust is decided there too, by its operator; there is nothing here to approve with.

mod agent;
mod answer;
mod ask;
mod credentials;
mod error;
mod link;
mod message;
mod outgoing;
mod reply;
mod send;
mod serve;
mod status;
mod suggest;

pub use agent::{Agent, Changes};
pub use answer::Answer;
pub use ask::{Ask, Outcome, Pending, Refused, WaitingOn};
pub use credentials::home;
pub use error::{Error, Result};
pub use message::{Answered, Context, Message};
pub use outgoing::Outgoing;
pub use reply::{Failure, Reply};
pub use send::Sending;
pub use status::{State, Status, Step};
