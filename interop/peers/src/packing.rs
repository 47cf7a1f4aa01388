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
    /// The DID that the message's `from` was before.
    pub prior: Option<Prior<'a>>,
    /// Whether the envelope is wrapped for the mediators that the recipient's document names.
    pub forward: bool,
}

/// A DID that hands over to the message's `from`.
#[derive(Clone, Copy, Debug)]
pub struct Prior<'a> {
    /// Its key, which signs `from_prior`.
    pub kid: &'a str,
    /// When, in UTC seconds.
    pub iat: u64,
}

impl<'a> Packing<'a> {
    /// Neither signed nor encrypted.
    pub fn plaintext() -> Self {
        Self {
            to: None,
            from: None,
            sign_by: None,
            enc: Enc::A256CbcHs512,
            protect_sender: false,
            prior: None,
            forward: false,
        }
    }

    /// Signed only.
    pub fn signed(sign_by: &'a str) -> Self {
        Self::plaintext().sign_by(sign_by)
    }

    /// Encrypted by nobody in particular.
    pub fn anoncrypt(enc: Enc, to: &'a str) -> Self {
        Self {
            to: Some(to),
            enc,
            ..Self::plaintext()
        }
    }

    /// Encrypted by the holder of `from`.
    pub fn authcrypt(from: &'a str, to: &'a str) -> Self {
        Self {
            to: Some(to),
            from: Some(from),
            ..Self::plaintext()
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

    /// The same with `from_prior`.
    #[must_use]
    pub fn hand_over(self, kid: &'a str, iat: u64) -> Self {
        Self {
            prior: Some(Prior { kid, iat }),
            ..self
        }
    }

    /// The same in a forward for every mediator of the recipient.
    #[must_use]
    pub fn forward(self) -> Self {
        Self {
            forward: true,
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
    /// The key that signed `from_prior`, if the peer says that it verified one.
    pub prior: Option<String>,
}

impl<M> Opened<M> {
    pub(crate) fn new(message: M) -> Self {
        Self {
            message,
            encrypted: false,
            sender: None,
            signer: None,
            prior: None,
        }
    }
}

/// What a mediator takes out of a forward.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Forwarded {
    /// Whom it is for: a DID or a key.
    pub next: String,
    /// The envelope to pass on.
    pub envelope: String,
}
