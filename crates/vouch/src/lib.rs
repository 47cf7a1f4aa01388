#![doc = include_str!("../README.md")]

mod chain;
mod credential;
mod error;
pub mod limits;
mod status;
mod time;
mod vouch;

pub use chain::{Accepted, AcceptedLink, Chain, Expected, Honoured, Known, Presented};
pub use comity_engine::scope::Types;
pub use credential::Unsigned;
pub use error::{FormError, Refusal, VouchError};
pub use status::{BitsError, StatusBits, StatusEntry, StatusList, StatusListDraft};
pub use vouch::{CONTEXT, CONTEXT_DOCUMENT, Claims, Vouch};
