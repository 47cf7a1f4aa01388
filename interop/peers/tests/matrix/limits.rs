//! What the others cannot do, and why. The tests hold this list to be exact: everything else works,
//! and nothing in here does, or not always.

use comity_didcomm::{FromPriorError, UnpackError};
use comity_jose::jwe::{Enc, JweError};
use comity_jose::jws::JwsError;
use comity_jose::{Curve, KeyError};

use crate::combination::{Combination, Part, Protection, With};

/// Combinations that do not work.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) way: Way,
    /// What such a combination is made of.
    pub(crate) parts: &'static [Part],
    pub(crate) kind: Kind,
    pub(crate) why: &'static str,
}

/// What the other side does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It writes, and we read.
    Writes,
    /// It reads what we write.
    Reads,
}

/// Who does not do it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The other side.
    Cannot,
    /// We, with this error: what it writes breaks a rule.
    Refused(fn(&UnpackError) -> bool),
    /// The same, but not always; in a whole run at least once. A run may not get to read every such
    /// combination.
    Often(fn(&UnpackError) -> bool),
    /// The same, maybe not once in a run: every combination is read when it is written again.
    Seldom(fn(&UnpackError) -> bool),
}

impl Limit {
    pub(crate) fn is_about(&self, way: Way, combination: &Combination) -> bool {
        self.way == way && self.parts.iter().all(|part| combination.has(*part))
    }
}

const fn writes(parts: &'static [Part], why: &'static str) -> Limit {
    Limit {
        way: Way::Writes,
        parts,
        kind: Kind::Cannot,
        why,
    }
}

const fn reads(parts: &'static [Part], why: &'static str) -> Limit {
    Limit {
        way: Way::Reads,
        parts,
        kind: Kind::Cannot,
        why,
    }
}

const fn refused(parts: &'static [Part], kind: Kind, why: &'static str) -> Limit {
    Limit {
        way: Way::Writes,
        parts,
        kind,
        why,
    }
}

/// Crate `didcomm`; and npm `didcomm-node`, which is the same compiled to WebAssembly.
pub(crate) const DIDCOMM: &[Limit] = &[
    writes(&[P384], NO_CURVE),
    reads(&[P384], NO_CURVE),
    writes(&[P521], NO_CURVE),
    reads(&[P521], NO_CURVE),
    writes(&[SIGNED_ATTACHMENT], JWS_IS_TEXT),
    reads(&[SIGNED_ATTACHMENT], JWS_IS_TEXT),
    refused(NOBODYS_ROTATION, Kind::Refused(is_nobodys), UNPROVED),
];

/// Crate `affinidi-messaging-didcomm`.
pub(crate) const AFFINIDI: &[Limit] = &[
    refused(
        &[Part::Protection(Protection::Sign)],
        Kind::Refused(is_named_twice),
        NAMED_TWICE,
    ),
    refused(
        &[Part::Protection(Protection::AnoncryptSign)],
        Kind::Refused(is_named_twice),
        NAMED_TWICE,
    ),
    refused(
        &[Part::Protection(Protection::AuthcryptSign)],
        Kind::Refused(is_named_twice),
        NAMED_TWICE,
    ),
    writes(
        &[Part::Protection(Protection::AnoncryptAuthcrypt)],
        ONE_ENVELOPE,
    ),
    reads(
        &[Part::Protection(Protection::AnoncryptAuthcrypt)],
        ONE_ENVELOPE,
    ),
    writes(
        &[Part::Protection(Protection::AnoncryptAuthcryptSign)],
        ONE_ENVELOPE,
    ),
    writes(&[Part::Content(Enc::A256Gcm)], ONE_CONTENT),
    reads(&[Part::Content(Enc::A256Gcm)], ONE_CONTENT),
    writes(&[Part::Content(Enc::Xc20p)], ONE_CONTENT),
    reads(&[Part::Content(Enc::Xc20p)], ONE_CONTENT),
    writes(&[Part::With(With::Rotation)], NO_ROTATION),
    reads(&[Part::With(With::Rotation)], NO_ROTATION),
    writes(&[SIGNED_ATTACHMENT], JWS_IS_TEXT),
    reads(&[SIGNED_ATTACHMENT], JWS_IS_TEXT),
];

/// PyPI `didcomm`.
pub(crate) const PYTHON: &[Limit] = &[
    refused(&[P521], Kind::Often(is_short), SHORT_OFTEN),
    refused(&[P384], Kind::Seldom(is_short), SHORT_SELDOM),
    refused(
        &[Part::Agreement(Curve::P256)],
        Kind::Seldom(is_short),
        SHORT_SELDOM,
    ),
    refused(NOBODYS_ROTATION, Kind::Refused(is_nobodys), UNPROVED),
];

const P384: Part = Part::Agreement(Curve::P384);
const P521: Part = Part::Agreement(Curve::P521);
const SIGNED_ATTACHMENT: Part = Part::With(With::SignedAttachment);

const NOBODYS_ROTATION: &[Part] = &[
    Part::Protection(Protection::Anoncrypt),
    Part::With(With::Rotation),
];

const NO_CURVE: &str = "it agrees on X25519 and P-256 only";
const JWS_IS_TEXT: &str = "it takes the signature of an attachment for text, where it is an object";
const NAMED_TWICE: &str = "it names the key in both headers of a signature, which RFC 7515, section \
    5.2, forbids: we refuse it";
const ONE_ENVELOPE: &str = "it puts no envelope into an envelope";
const ONE_CONTENT: &str = "it knows A256CBC-HS512 only";
const NO_ROTATION: &str = "it has no `from_prior`: the header is handed out as it came";
const UNPROVED: &str = "anoncrypt without a signature proves nobody: a token in it counts for nothing \
    (ROT-02), and we refuse it";
const SHORT_OFTEN: &str = "it leaves out leading zeros of an ephemeral key's coordinates, against RFC \
    7518, section 6.2.1.2: we refuse three of its layers in four";
const SHORT_SELDOM: &str = "it leaves out leading zeros of an ephemeral key's coordinates, against RFC \
    7518, section 6.2.1.2: we refuse one of its layers in 128";

fn is_named_twice(error: &UnpackError) -> bool {
    matches!(error, UnpackError::Jws(JwsError::RepeatedParameter))
}

fn is_short(error: &UnpackError) -> bool {
    matches!(
        error,
        UnpackError::Jwe(JweError::EphemeralKey(KeyError::Encoding))
    )
}

fn is_nobodys(error: &UnpackError) -> bool {
    matches!(error, UnpackError::FromPrior(FromPriorError::Unproved))
}
