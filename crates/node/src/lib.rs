//! The Comity node: transports, doors, custody, resolver and the journey of a message.

mod bucket;
pub mod clock;
pub mod config;
pub mod custody;
pub mod doors;
pub mod fail;
pub mod journey;
mod limits;
mod node;
pub mod resolve;
mod streams;

pub use node::{Node, StartError, TaskEnded};
