//! What envelopes are made of, and every combination that makes sense.

use std::fmt;

use comity_jose::Curve;
use comity_jose::jwe::Enc;

/// One way to send a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Combination {
    pub(crate) protection: Protection,
    /// The curve that sender, recipient and mediators agree on, if anything is encrypted.
    pub(crate) agreement: Option<Curve>,
    /// The curve of whatever signs: the message, `from_prior`, an attachment.
    pub(crate) signature: Option<Curve>,
    /// How the anoncrypt layer encrypts, if there is one. Authcrypt layers know A256CBC-HS512 only.
    pub(crate) enc: Option<Enc>,
    pub(crate) keys: Option<Keys>,
    pub(crate) with: With,
}

/// The layers, from the outside in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    Plaintext,
    Sign,
    Anoncrypt,
    Authcrypt,
    AnoncryptSign,
    AnoncryptAuthcrypt,
    AuthcryptSign,
    AnoncryptAuthcryptSign,
}

/// What the recipient's document has for key agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    One,
    /// Two on the same curve, of which the recipient holds the second.
    Two,
    /// One on the sender's curve, after one on another.
    TwoCurves,
}

/// What comes with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    Nothing,
    /// JSON, octets, and links with a hash.
    Attachments,
    /// An attachment with a detached signature.
    SignedAttachment,
    /// `from_prior`, signed by the DID before.
    Rotation,
    /// A forward, for a routing key.
    Mediator,
    /// Two forwards: the endpoint is the DID of a mediator, and there is a routing key besides.
    TwoMediators,
}

/// A part of a combination: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Protection(Protection),
    Agreement(Curve),
    Signature(Curve),
    Content(Enc),
    Keys(Keys),
    With(With),
}

impl Combination {
    /// Everything: protections, curves, algorithms and keys with one another; and with what comes
    /// with a message, all of these but contents and keys.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for protection in Protection::ALL {
            for with in With::ALL.into_iter().filter(|with| with.suits(protection)) {
                let is_plain = with == With::Nothing;
                let some = |curves: &[Curve]| curves.iter().copied().map(Some).collect();
                let agreements = protection.is_encrypted().then(|| some(&AGREEMENT));
                let signs = protection.is_signed() || with.is_signed();
                let signatures = signs.then(|| some(&SIGNATURE));
                let contents = &CONTENT[..if is_plain { CONTENT.len() } else { 1 }];
                let encs = protection
                    .is_anoncrypted()
                    .then(|| contents.iter().copied().map(Some).collect());
                let several = match protection {
                    _ if !is_plain => 1,
                    Protection::Anoncrypt | Protection::AnoncryptSign => 2,
                    _ => 3,
                };
                let keys = Keys::ALL[..several].iter().copied().map(Some).collect();
                let keys = protection.is_encrypted().then_some(keys);
                for agreement in agreements.unwrap_or_else(|| vec![None]) {
                    for &signature in signatures.as_ref().unwrap_or(&vec![None]) {
                        for &enc in encs.as_ref().unwrap_or(&vec![None]) {
                            for &keys in keys.as_ref().unwrap_or(&vec![None]) {
                                all.push(Self {
                                    protection,
                                    agreement,
                                    signature,
                                    enc,
                                    keys,
                                    with,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }

    /// What we write of it.
    pub(crate) fn ours() -> Vec<Self> {
        let mut all = Self::all();
        all.retain(|combination| combination.protection.is_ours());
        all
    }

    pub(crate) fn has(&self, part: Part) -> bool {
        match part {
            Part::Protection(it) => self.protection == it,
            Part::Agreement(it) => self.agreement == Some(it),
            Part::Signature(it) => self.signature == Some(it),
            Part::Content(it) => self.enc == Some(it),
            Part::Keys(it) => self.keys == Some(it),
            Part::With(it) => self.with == it,
        }
    }
}

impl Protection {
    pub(crate) const ALL: [Self; 8] = [
        Self::Plaintext,
        Self::Sign,
        Self::Anoncrypt,
        Self::Authcrypt,
        Self::AnoncryptSign,
        Self::AnoncryptAuthcrypt,
        Self::AuthcryptSign,
        Self::AnoncryptAuthcryptSign,
    ];

    /// The layers, from the outside in, as the specification calls them.
    pub(crate) fn layers(self) -> &'static [&'static str] {
        match self {
            Self::Plaintext => &[],
            Self::Sign => &["sign"],
            Self::Anoncrypt => &["anoncrypt"],
            Self::Authcrypt => &["authcrypt"],
            Self::AnoncryptSign => &["anoncrypt", "sign"],
            Self::AnoncryptAuthcrypt => &["anoncrypt", "authcrypt"],
            Self::AuthcryptSign => &["authcrypt", "sign"],
            Self::AnoncryptAuthcryptSign => &["anoncrypt", "authcrypt", "sign"],
        }
    }

    pub(crate) fn is_encrypted(self) -> bool {
        self.is_anoncrypted() || self.is_authcrypted()
    }

    pub(crate) fn is_anoncrypted(self) -> bool {
        self.layers().contains(&"anoncrypt")
    }

    pub(crate) fn is_authcrypted(self) -> bool {
        self.layers().contains(&"authcrypt")
    }

    pub(crate) fn is_signed(self) -> bool {
        self.layers().contains(&"sign")
    }

    /// Whether we write it: the others are for reading only (ENV-02).
    pub(crate) fn is_ours(self) -> bool {
        !matches!(self, Self::AuthcryptSign | Self::AnoncryptAuthcryptSign)
    }
}

impl Keys {
    pub(crate) const ALL: [Self; 3] = [Self::One, Self::Two, Self::TwoCurves];
}

impl With {
    pub(crate) const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Attachments,
        Self::SignedAttachment,
        Self::Rotation,
        Self::Mediator,
        Self::TwoMediators,
    ];

    fn is_signed(self) -> bool {
        matches!(self, Self::SignedAttachment | Self::Rotation)
    }

    /// Rotations and forwards are for encrypted messages only (ROT-02, RTE-08).
    fn suits(self, protection: Protection) -> bool {
        match self {
            Self::Nothing | Self::Attachments | Self::SignedAttachment => true,
            Self::Rotation | Self::Mediator | Self::TwoMediators => protection.is_encrypted(),
        }
    }
}

impl Part {
    /// The rows of the table.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Protection::ALL.map(Self::Protection).into();
        all.extend(AGREEMENT.map(Self::Agreement));
        all.extend(SIGNATURE.map(Self::Signature));
        all.extend(CONTENT.map(Self::Content));
        all.extend(Keys::ALL.map(Self::Keys));
        all.extend(With::ALL[1..].iter().copied().map(Self::With));
        all
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protection(Protection::Plaintext) => f.write_str("plaintext"),
            Self::Protection(protection) => {
                let layers = protection.layers();
                write!(f, "{}{}", layers.join("("), ")".repeat(layers.len() - 1))
            }
            Self::Agreement(curve) => write!(f, "key agreement on {}", curve.name()),
            Self::Signature(curve) => write!(f, "signature on {}", curve.name()),
            Self::Content(enc) => write!(f, "anoncrypt with {}", enc.name()),
            Self::Keys(Keys::One) => f.write_str("a recipient with one key"),
            Self::Keys(Keys::Two) => {
                f.write_str("a recipient with two keys, opened with the second")
            }
            Self::Keys(Keys::TwoCurves) => f.write_str("a recipient with keys on two curves"),
            Self::With(with) => f.write_str(match with {
                With::Nothing => "nothing else",
                With::Attachments => "attachments: json, base64, links",
                With::SignedAttachment => "an attachment with a signature",
                With::Rotation => "`from_prior`",
                With::Mediator => "one mediator, by its routing key",
                With::TwoMediators => "two mediators, the first by its DID",
            }),
        }
    }
}

/// The curves of key agreement, best first.
pub(crate) const AGREEMENT: [Curve; 4] = [Curve::X25519, Curve::P256, Curve::P384, Curve::P521];

/// The curves of signatures.
pub(crate) const SIGNATURE: [Curve; 3] = [Curve::Ed25519, Curve::P256, Curve::Secp256k1];

/// How contents are encrypted: first what everybody reads.
pub(crate) const CONTENT: [Enc; 3] = [Enc::A256CbcHs512, Enc::A256Gcm, Enc::Xc20p];
