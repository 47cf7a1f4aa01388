//! From octets of strangers to a [`Bundle`], each refusal with its JSON pointer.

use std::str::FromStr;

use comity_did::Did;
use comity_jose::{
    base64url,
    json::{self, Limits},
};
use serde_json::{Map, Value};

use super::{
    Bundle, BundleError, Content, Fault, MAX_BUNDLE_BYTES, ShownDocument, ShownEntry, ShownMessage,
    Thread,
};
use crate::{
    checkpoint::SignedNote,
    digest::Digest,
    receipt::Receipt,
    wire::{self, ReadError},
};

impl Bundle {
    /// Reads the file of a bundle.
    ///
    /// # Errors
    /// [`BundleError`]: the first member that is not as the format says.
    ///
    /// # Spec
    /// `formats.md` §8: all members are there, possibly empty; unknown ones are ignored unless
    /// `must` names them (§0).
    pub fn parse(octets: &[u8]) -> Result<Self, BundleError> {
        let value = json::parse(octets, &LIMITS).map_err(|error| BundleError::new("", error))?;
        let mut top = Object::new("", value)?;
        wire::check_object(&top.members, MEMBERS).map_err(|error| match &error {
            ReadError::Number { member } => BundleError::new(format!("/{member}"), error),
            _ => BundleError::new("", error),
        })?;
        Ok(Self {
            made_at: top.number("made_at")?,
            thread: top.read("thread", thread)?,
            messages: top.list("messages", message)?,
            receipts: top.list("receipts", receipt)?,
            entries: top.list("entries", entry)?,
            checkpoints: top.list("checkpoints", checkpoint)?,
            documents: top.list("documents", document).and_then(|documents| {
                match documents.len() {
                    0..=MAX_DOCUMENTS => Ok(documents),
                    _ => Err(top.refuse("documents", Fault::Expected("at most 64 documents"))),
                }
            })?,
        })
    }
}

fn thread(at: String, value: Value) -> Result<Thread, BundleError> {
    let mut thread = Object::new(at, value)?;
    let thid = thread.text("thid")?;
    let between = thread.list("between", |at, value| parsed::<Did>(at, value, "a DID"))?;
    let between: [Did; 2] = between
        .try_into()
        .map_err(|_| thread.refuse("between", Fault::Expected("two DIDs")))?;
    if between[0].same_subject(&between[1]) {
        return Err(thread.refuse("between", Fault::Expected("two different DIDs")));
    }
    Ok(Thread { thid, between })
}

fn message(at: String, value: Value) -> Result<ShownMessage, BundleError> {
    let mut message = Object::new(at, value)?;
    let digest = message.read("digest", |at, value| {
        text(&at, value)?
            .parse::<Digest>()
            .map_err(|error| BundleError::new(at, error))
    })?;
    let jws = message.members.swap_remove("jws");
    let plaintext = message.optional("plaintext", octets)?;
    let withheld = message.members.swap_remove("withheld");
    let content = match (jws, plaintext, withheld) {
        (Some(jws), None, None) => Content::Signed(jws),
        (None, Some(octets), None) => Content::Plaintext(octets),
        (None, None, Some(Value::Bool(true))) => Content::Withheld,
        _ => return Err(BundleError::new(message.at, Fault::Content)),
    };
    Ok(ShownMessage { digest, content })
}

fn receipt(at: String, value: Value) -> Result<Receipt, BundleError> {
    Receipt::from_value(value).map_err(|error| BundleError::new(at, error))
}

fn entry(at: String, value: Value) -> Result<ShownEntry, BundleError> {
    let mut entry = Object::new(at, value)?;
    let opened = match (
        entry.optional("r", hash)?,
        entry.optional("record", octets)?,
    ) {
        (Some(r), Some(record)) => Some((r, record)),
        (None, None) => None,
        _ => return Err(BundleError::new(entry.at, Fault::HalfOpen)),
    };
    Ok(ShownEntry {
        origin: entry.parsed("origin", "the origin of a log")?,
        index: entry.number("index")?,
        size: entry.number("size")?,
        leaf: entry.parsed("leaf", "a leaf of a kind known here, in its one form")?,
        opened,
        path: entry.list("path", hash)?,
    })
}

fn checkpoint(at: String, value: Value) -> Result<SignedNote, BundleError> {
    let text = text(&at, value)?;
    text.parse::<SignedNote>()
        .map_err(|error| BundleError::new(at, error))
}

fn document(at: String, value: Value) -> Result<ShownDocument, BundleError> {
    let mut document = Object::new(at, value)?;
    Ok(ShownDocument {
        did: document.parsed("did", "a DID")?,
        octets: document.read("octets", octets)?,
        at: document.number("at")?,
    })
}

/// An object and where it stands.
struct Object {
    at: String,
    members: Map<String, Value>,
}

impl Object {
    fn new(at: impl Into<String>, value: Value) -> Result<Self, BundleError> {
        let at = at.into();
        match value {
            Value::Object(members) => Ok(Self { at, members }),
            _ => Err(BundleError::new(at, Fault::Expected("an object"))),
        }
    }

    fn refuse(&self, member: &str, fault: impl Into<Fault>) -> BundleError {
        BundleError::new(format!("{}/{member}", self.at), fault)
    }

    fn optional<T>(
        &mut self,
        member: &str,
        read: impl FnOnce(String, Value) -> Result<T, BundleError>,
    ) -> Result<Option<T>, BundleError> {
        let at = format!("{}/{member}", self.at);
        self.members
            .swap_remove(member)
            .map(|value| read(at, value))
            .transpose()
    }

    fn read<T>(
        &mut self,
        member: &str,
        read: impl FnOnce(String, Value) -> Result<T, BundleError>,
    ) -> Result<T, BundleError> {
        self.optional(member, read)?
            .ok_or_else(|| self.refuse(member, Fault::Missing))
    }

    fn text(&mut self, member: &str) -> Result<String, BundleError> {
        self.read(member, |at, value| text(&at, value))
    }

    fn parsed<T: FromStr>(
        &mut self,
        member: &str,
        expected: &'static str,
    ) -> Result<T, BundleError> {
        self.read(member, |at, value| parsed(at, value, expected))
    }

    fn number(&mut self, member: &str) -> Result<u64, BundleError> {
        self.read(member, |at, value| {
            let number = value.as_u64().filter(|number| *number <= wire::MAX_INTEGER);
            number.ok_or_else(|| BundleError::new(at, Fault::Expected("an integer")))
        })
    }

    fn list<T>(
        &mut self,
        member: &str,
        read: impl Fn(String, Value) -> Result<T, BundleError>,
    ) -> Result<Vec<T>, BundleError> {
        self.read(member, |at, value| {
            let Value::Array(values) = value else {
                return Err(BundleError::new(at, Fault::Expected("an array")));
            };
            let one = |(n, value)| read(format!("{at}/{n}"), value);
            values.into_iter().enumerate().map(one).collect()
        })
    }
}

fn text(at: &str, value: Value) -> Result<String, BundleError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(BundleError::new(at, Fault::Expected("text"))),
    }
}

fn parsed<T: FromStr>(at: String, value: Value, expected: &'static str) -> Result<T, BundleError> {
    text(&at, value)?
        .parse()
        .map_err(|_| BundleError::new(at, Fault::Expected(expected)))
}

fn octets(at: String, value: Value) -> Result<Vec<u8>, BundleError> {
    let text = text(&at, value)?;
    base64url::decode(&text).map_err(|_| BundleError::new(at, Fault::Expected("base64url")))
}

fn hash(at: String, value: Value) -> Result<[u8; 32], BundleError> {
    let octets = octets(at.clone(), value)?;
    octets
        .try_into()
        .map_err(|_| BundleError::new(at, Fault::Expected("the base64url of 32 octets")))
}

const MEMBERS: &[&str] = &[
    "v",
    "must",
    "made_at",
    "thread",
    "messages",
    "receipts",
    "entries",
    "checkpoints",
    "documents",
];

/// About fifty values describe one message, its receipts and entries with their paths.
const LIMITS: Limits = Limits {
    bytes: MAX_BUNDLE_BYTES,
    depth: 32,
    members: 2_000_000,
};

/// Two agents, their rotations and the logs they began within one thread. Each signature may have
/// to be tried under the key that each of these names.
const MAX_DOCUMENTS: usize = 64;
