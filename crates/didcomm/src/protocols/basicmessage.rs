//! basicmessage/2.0: text for a person (BAS-01).

use serde::{Deserialize, Serialize};

use super::{Body, BodyError};
use crate::Plaintext;

/// A text. No answer is implied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BasicMessage {
    /// The text; its language is the message's `lang`.
    pub content: String,
}

impl Body for BasicMessage {
    const TYPE: &'static str = "https://didcomm.org/basicmessage/2.0/message";
}

impl BasicMessage {
    /// Reads a text; `created_time` must be there.
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(message: &Plaintext) -> Result<Self, BodyError> {
        if message.created_time.is_none() {
            return Err(BodyError::Header("created_time"));
        }
        Self::read_body(message)
    }
}
