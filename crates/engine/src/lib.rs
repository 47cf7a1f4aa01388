//! The decisions of a Comity node as pure functions: trust, delivery, order, retry.
//!
//! Nothing here reads a clock, a file, a socket or a source of randomness. Facts come in as
//! values, decisions go out as values; the node loads the facts, persists what was decided and
//! then performs it, so that a crash repeats and never loses.
//!
//! - [`scope`]: lists of types and protocols, compared and cut
//! - [`domain`]: whose agents are meant, and whose share a stranger uses
//! - [`grant`]: who may send what to whom, and the one hash by which both nodes name it
//! - [`decide`]: the decision over one message, the same function in both directions
//! - [`mod@explain`]: a decision in words, and what would have to change
//! - [`policy`]: rules that say yes to a knock in an operator's place
//! - [`room`]: which pending knocks give way to a newcomer
//! - [`contact`]: the bodies of `contact/1.0`
//! - [`state`]: the states of a message at its sender and of a delivery at its recipient
//! - [`park`]: questions of agents to people
//! - [`order`], [`retry`], [`fresh`]: sequence, back-off and freshness
//! - [`role`]: what operators may do
//! - [`code`]: the one table of problem codes
//! - [`defaults`]: every limit, with its unit and its reason

pub mod code;
pub mod contact;
pub mod decide;
pub mod defaults;
pub mod domain;
pub mod explain;
pub mod fresh;
pub mod grant;
pub mod order;
pub mod park;
pub mod policy;
pub mod retry;
pub mod role;
pub mod room;
pub mod scope;
pub mod state;
pub mod time;

pub use code::Code;
pub use grant::{Grant, GrantState};
pub use role::Role;
pub use state::{InState, OutState, Proved, WaitingOn};
pub use time::Timestamp;
