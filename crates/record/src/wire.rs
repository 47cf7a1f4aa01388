//! Reading JSON objects of ours that newer peers may have written.
//!
//! # Spec
//! `formats.md` §0, "Reading newer peers": unknown members are ignored unless `must` names them;
//! an unknown `v`, `must`, `state`, `kind` or `outcome` is refused as unsupported, never guessed.

use comity_jose::json::{self, JsonError, Limits};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Why octets are not an object of ours that this version understands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Not an object with `v`.
    #[error("not an object with a version")]
    NoVersion,
    /// A number outside 0 to 2^53−1, or with a fraction or exponent.
    #[error("member {member} holds a number that is no integer from 0 to 2^53-1")]
    Number {
        /// The top-level member that holds it.
        member: String,
    },
    /// Not the JSON, or not the shape, that was expected.
    #[error("malformed")]
    Malformed(#[from] JsonError),
    /// Written by a newer version, whose meaning is not guessed.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
}

/// What a newer version wrote and this one must not overlook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// A member that `must` names.
    #[error("unsupported: `must` names {0:?}, which this version does not know")]
    Must(String),
    /// A value of `state`, `kind` or `outcome`.
    #[error("unsupported: {member} {value:?} is not known to this version")]
    Value {
        /// The member.
        member: &'static str,
        /// Its value.
        value: String,
    },
    /// Another `v`.
    #[error("unsupported: version {found} (this program understands {VERSION})")]
    Version {
        /// The version found, as it stands there.
        found: String,
    },
}

/// Reads octets as a versioned object of which `known` members are understood.
pub(crate) fn read_object(
    octets: &[u8],
    limits: &Limits,
    known: &[&str],
) -> Result<Map<String, Value>, ReadError> {
    let Value::Object(object) = json::parse(octets, limits)? else {
        return Err(ReadError::NoVersion);
    };
    check_object(&object, known)?;
    Ok(object)
}

/// Checks version, `must` and numbers of an object that is already parsed.
pub(crate) fn check_object(object: &Map<String, Value>, known: &[&str]) -> Result<(), ReadError> {
    match object.get("v") {
        None => return Err(ReadError::NoVersion),
        Some(v) if v.as_u64() == Some(VERSION) => {}
        Some(v) => {
            return Err(Unsupported::Version {
                found: shortened(&v.to_string()),
            }
            .into());
        }
    }
    match object.get("must") {
        None => {}
        Some(Value::Array(names)) => {
            let understood =
                |name: &&Value| name.as_str().is_some_and(|name| known.contains(&name));
            if let Some(name) = names.iter().find(|name| !understood(name)) {
                let name = name
                    .as_str()
                    .map_or_else(|| name.to_string(), str::to_owned);
                return Err(Unsupported::Must(shortened(&name)).into());
            }
        }
        Some(_) => return Err(Unsupported::Must("no list of names".into()).into()),
    }
    for member in known {
        if object
            .get(*member)
            .is_some_and(|value| !integers_only(value))
        {
            return Err(ReadError::Number {
                member: (*member).to_owned(),
            });
        }
    }
    Ok(())
}

/// Refuses a value of `member` that `parse` does not know. An absent or oddly typed member is left
/// to the typed reading that follows.
pub(crate) fn check_known<T>(
    object: &Map<String, Value>,
    member: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<(), ReadError> {
    match object.get(member).and_then(Value::as_str) {
        Some(value) if parse(value).is_none() => Err(Unsupported::Value {
            member,
            value: shortened(value),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Reads a checked object as its type.
pub(crate) fn typed<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, ReadError> {
    Ok(json::read_as(Value::Object(object))?)
}

/// Peers' text in errors is bounded.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

fn integers_only(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|number| number <= MAX_INTEGER),
        Value::Array(values) => values.iter().all(integers_only),
        // Objects inside are either typed, and refuse what is no integer, or somebody else's.
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// The version of every format in this crate.
pub(crate) const VERSION: u64 = 1;

/// What every JSON implementation can hold exactly.
pub(crate) const MAX_INTEGER: u64 = (1 << 53) - 1;
