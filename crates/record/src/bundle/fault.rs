use comity_jose::json::JsonError;

use crate::{
    checkpoint::NoteError,
    digest::DigestError,
    receipt::ReceiptError,
    wire::{ReadError, Unsupported},
};

/// Where and why a file is no bundle.
#[derive(Debug, thiserror::Error)]
#[error("bundle member {pointer:?} is refused")]
pub struct BundleError {
    pointer: String,
    #[source]
    fault: Fault,
}

/// Why a member of a bundle is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Neither, or more than one, of `jws`, `plaintext` and `withheld`.
    #[error("a message shows one of jws, plaintext and withheld")]
    Content,
    /// No hash text.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Another kind of value than the format has there.
    #[error("{0} expected")]
    Expected(&'static str),
    /// `r` without `record` or the other way round.
    #[error("r and record are shown together or not at all")]
    HalfOpen,
    /// The file is not the JSON that we read.
    #[error("not readable")]
    Json(#[from] JsonError),
    /// A member that the format has is not there.
    #[error("missing")]
    Missing,
    /// No signed checkpoint.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// No object of a version that we read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No receipt.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// Written by a newer version.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

impl BundleError {
    pub(super) fn new(pointer: impl Into<String>, fault: impl Into<Fault>) -> Self {
        Self {
            pointer: pointer.into(),
            fault: fault.into(),
        }
    }

    /// The member, as a JSON pointer (RFC 6901); empty for the whole file.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Why it is refused.
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    pub(crate) fn into_parts(self) -> (String, Fault) {
        (self.pointer, self.fault)
    }
}
