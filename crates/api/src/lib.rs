//! Request and response types of the two local doors of a Comity node.
//!
//! - [`agent`]: the agent's door (formats §10): send, lease, settle. Served over HTTP and, with the
//!   same operations, over a WebSocket.
//! - [`operator`]: the operator's door: agents, knocks, grants, peers, messages, record.
//! - [`invite`]: invitations, by which an operator lets somebody in
//! - [`policy`]: the rules and explanations of the operator's door
//!
//! [`safe`] makes text of strangers fit to show.
//!
//! Everything else here is plain data. What has a stricter form inside (DIDs, digests, types) is text
//! here, and is checked where it enters the node.

pub mod agent;
pub mod invite;
pub mod operator;
pub mod policy;
mod problem;
mod text;

pub mod vouch;

pub use problem::Problem;
pub use text::{has_hidden, safe};
