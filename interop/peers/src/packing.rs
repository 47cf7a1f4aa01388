//! What to do with a message, and what came out of an envelope.

use comity_jose::jwe::Enc;

/// How to pack: who signs, who encrypts, and to whom.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Packing<'a> {
    /// The recipient: a DID for all of its keys on one curve, or one key's id. `None`: not
    /// encrypted.
    pub to: Option<&'a str>,
    /// The sender's key for authcrypt.
    pub from: Option<&'a str>,
    /// The key that signs the message inside.
    pub sign_by: Option<&'a str>,
    /// How anoncrypt encrypts content.
    pub enc: Enc,
    /// Whether an authcrypt envelope is put into an anoncrypt one.
    pub protect_sender: bool,
}

impl<'a> Packing<'a> {
    /// Signed only.
    pub fn signed(sign_by: &'a str) -> Self {
        Self {
            to: None,
            from: None,
            sign_by: Some(sign_by),
            enc: Enc::A256CbcHs512,
            protect_sender: false,
        }
    }

    /// Encrypted by nobody in particular.
    pub fn anoncrypt(enc: Enc, to: &'a str) -> Self {
        Self {
            to: Some(to),
            from: None,
            sign_by: None,
            enc,
            protect_sender: false,
        }
    }

    /// Encrypted by the holder of `from`.
    pub fn authcrypt(from: &'a str, to: &'a str) -> Self {
        Self {
            to: Some(to),
            from: Some(from),
            sign_by: None,
            enc: Enc::A256CbcHs512,
            protect_sender: false,
        }
    }

    /// The same, signed first.
    #[must_use]
    pub fn sign_by(self, kid: &'a str) -> Self {
        Self {
            sign_by: Some(kid),
            ..self
        }
    }

    /// The same in an anoncrypt envelope, so that the sender's key id does not show.
    #[must_use]
    pub fn protect_sender(self, enc: Enc) -> Self {
        Self {
            enc,
            protect_sender: true,
            ..self
        }
    }
}

/// What the caller knows of an envelope beforehand. [`crate::Didcomm`] finds all of it out by
/// itself; [`crate::Affinidi`] wants to be told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expect<'a> {
    /// Our key to open with.
    pub recipient: Option<&'a str>,
    /// The sender's key, for authcrypt.
    pub sender: Option<&'a str>,
    /// The signer's key, for a signature at any depth.
    pub signer: Option<&'a str>,
}

/// An envelope that the peer opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened<M> {
    /// The message.
    pub message: M,
    /// Whether it was encrypted.
    pub encrypted: bool,
    /// The sender's key, if it was authcrypted.
    pub sender: Option<String>,
    /// The signer's key, if it was signed.
    pub signer: Option<String>,
}

impl<M> Opened<M> {
    pub(crate) fn new(
        message: M,
        encrypted: bool,
        sender: Option<String>,
        signer: Option<String>,
    ) -> Self {
        Self {
            message,
            encrypted,
            sender,
            signer,
        }
    }
}
