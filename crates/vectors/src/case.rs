//! One vector: its members, and the keys and documents that go with it.

use std::fmt::Debug;

use comity_jose::{base64url, multibase};
use serde_json::Value;

use crate::corpus::Ring;

/// What running a vector ends with.
pub(crate) type Check = Result<(), Stop>;

/// Why a vector did not pass.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Comity did something else than the vector says, or the vector can't be read.
    Failed(String),
    /// The vector needs something that Comity doesn't have.
    Skipped(String),
}

/// A vector in its surroundings.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    /// The entry itself.
    pub(crate) entry: &'a Value,
    /// The keys and documents of its folder.
    pub(crate) ring: &'a Ring,
}

impl<'a> Case<'a> {
    /// Whether the entry has all these members.
    pub(crate) fn has(&self, members: &[&str]) -> bool {
        members
            .iter()
            .all(|member| self.entry.get(member).is_some())
    }

    /// A member that must be there.
    pub(crate) fn member(&self, name: &str) -> Result<&'a Value, Stop> {
        member(self.entry, name)
    }

    /// A member that must be a string.
    pub(crate) fn text(&self, name: &str) -> Result<&'a str, Stop> {
        text(self.entry, name)
    }

    /// The octets of a hexadecimal member.
    pub(crate) fn hex(&self, name: &str) -> Result<Vec<u8>, Stop> {
        hex(self.entry, name)
    }

    /// `expect` where it is plain text.
    pub(crate) fn expectation(&self) -> Option<&'a str> {
        self.entry.get("expect").and_then(Value::as_str)
    }

    /// Whether `expect` asks for a refusal.
    pub(crate) fn expects_refusal(&self) -> bool {
        self.expectation()
            .is_some_and(|expected| REFUSALS.contains(&expected))
    }
}

/// A failure with a reason.
pub(crate) fn failed(why: impl Into<String>) -> Stop {
    Stop::Failed(why.into())
}

/// A skip with a reason.
pub(crate) fn skipped(why: impl Into<String>) -> Stop {
    Stop::Skipped(why.into())
}

/// Fails unless both are equal.
pub(crate) fn equal<T: PartialEq + Debug>(what: &str, got: T, wanted: T) -> Check {
    if got == wanted {
        return Ok(());
    }
    Err(failed(format!("{what} is {got:?}, not {wanted:?}")))
}

/// Fails unless `holds`.
pub(crate) fn ensure(holds: bool, otherwise: &str) -> Check {
    if holds {
        Ok(())
    } else {
        Err(failed(otherwise))
    }
}

/// Fails with the error's chain, if it is one.
pub(crate) fn try_to<T, E>(what: &str, result: Result<T, E>) -> Result<T, Stop>
where
    E: std::error::Error + Send + Sync + 'static,
{
    result.map_err(|error| failed(format!("cannot {what}: {:#}", anyhow::Error::new(error))))
}

/// A member that must be there.
pub(crate) fn member<'a>(value: &'a Value, name: &str) -> Result<&'a Value, Stop> {
    value
        .get(name)
        .ok_or_else(|| failed(format!("the vector has no {name}")))
}

/// A member that must be a string.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Stop> {
    let member = member(value, name)?;
    member
        .as_str()
        .ok_or_else(|| failed(format!("{name} of the vector is not text")))
}

/// The octets of a base64url member.
pub(crate) fn base64(value: &Value, name: &str) -> Result<Vec<u8>, Stop> {
    let octets = base64url::decode(text(value, name)?);
    octets.map_err(|_| failed(format!("{name} of the vector is not base64url")))
}

/// The octets of a hexadecimal member.
pub(crate) fn hex(value: &Value, name: &str) -> Result<Vec<u8>, Stop> {
    let digits = text(value, name)?;
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let octets = pairs.collect::<Option<_>>();
    octets.ok_or_else(|| failed(format!("{name} of the vector is not hexadecimal")))
}

/// The SHA-256 multihash of octets in base58, without multibase prefix.
pub(crate) fn multihash(octets: &[u8]) -> String {
    let mut multihash = vec![0x12, 0x20];
    multihash.extend(comity_jose::sha256(&[octets]));
    multibase::encode_base58(&multihash).split_off(1)
}

/// The words by which vectors ask for a refusal.
const REFUSALS: [&str; 3] = ["error", "invalidDid", "reject"];
