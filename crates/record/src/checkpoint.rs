//! Checkpoints: the signed heads of a log, as C2SP signed notes.
//!
//! A [`Checkpoint`] says how long a log was and what its root was. Its [`body`](Checkpoint::body)
//! is what the log's key signs; [`SignedNote`] is body and signatures as text. A note that was
//! read proves nothing until [`SignedNote::verify`] was asked with a [`Vkey`] that the caller has
//! from somewhere better.
//!
//! # Spec
//! `formats.md` §7; C2SP `signed-note`, `tlog-checkpoint`, `tlog-cosignature` (v1).

mod note;
mod origin;
#[cfg(test)]
mod tests;
mod vkey;

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use note::{NoteError, SignedNote};
pub use origin::{LogOrigin, OriginError};
pub use vkey::{Vkey, VkeyError, VkeyUse};

use crate::tree::Hash;

/// How long a log was, and its root then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Checkpoint {
    /// The log.
    pub origin: LogOrigin,
    /// How many leaves it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that the log's key signs: three lines, the last one ended too.
    ///
    /// # Spec
    /// C2SP `tlog-checkpoint` §"Note text".
    pub fn body(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root)
        )
    }

    /// Joins the body with a signature over it that the holder of the log's key made.
    ///
    /// # Errors
    /// When `vkey` is no log key of this origin, or the signature does not verify: a note that
    /// others must refuse is never shown to them.
    pub fn into_note(self, vkey: &Vkey, signature: &[u8]) -> Result<SignedNote, NoteError> {
        SignedNote::assemble(self, vkey, signature)
    }

    /// Reads the body of a checkpoint. Lines after the third are somebody's extension: they are
    /// signed with the rest, and mean nothing here.
    fn parse_body(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next()?.parse().ok()?;
        let size = lines.next()?;
        let canonical = size == "0" || !size.starts_with('0');
        let digits = !size.is_empty() && size.bytes().all(|octet| octet.is_ascii_digit());
        let size = size.parse().ok().filter(|_| canonical && digits)?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        // The specification has no empty extension lines; one would end the text early.
        lines
            .all(|line| !line.is_empty())
            .then_some(Self { origin, size, root })
    }
}
