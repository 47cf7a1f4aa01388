//! What one does every day.

pub(crate) mod ask;
mod body;
pub(crate) mod doctor;
mod follow;
pub(crate) mod listen;
mod news;
pub(crate) mod send;
pub(crate) mod status;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod watch;
mod what;
