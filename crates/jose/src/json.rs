//! The one JSON reader for octets of strangers, and RFC 8785 for the few things both ends derive.
//!
//! Reading is one pass that refuses what parsers disagree about: a member named twice (whose
//! value counts?), endless nesting, a flood of tiny values, octets after the end. What it
//! returns is a tree of bounded size.

mod tree;
mod write;

pub use tree::{Members, Tree};
pub(crate) use write::push_text;
pub use write::{ObjectWriter, write_text, write_value};

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};

use tree::Name;

/// What a reader is willing to take in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of the whole text.
    pub bytes: usize,
    /// Objects and arrays inside one another; a bare scalar has depth 0.
    pub depth: usize,
    /// Values in total, at all levels.
    pub members: usize,
}

impl Limits {
    /// For a JOSE header: small and flat.
    pub const HEADER: Self = Self {
        bytes: 16 * 1024,
        depth: 8,
        members: 256,
    };
    /// For a message or envelope where the caller has nothing better: one mebibyte, depth 32
    /// (formats.md §0).
    pub const MESSAGE: Self = Self {
        bytes: 1024 * 1024,
        depth: 32,
        members: 65_536,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::MESSAGE
    }
}

/// Octets that are not JSON as we read it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A number that has no canonical form.
    #[error("json value has no canonical form")]
    Canonical,
    /// An object names a member twice.
    #[error("json object names a member twice")]
    DuplicateMember,
    /// The value is well-formed JSON of another shape than asked for.
    #[error("json value has an unexpected shape")]
    Shape(#[source] ShapeError),
    /// Not JSON in UTF-8, or something follows it.
    #[error("not json at line {line}, column {column}")]
    Syntax {
        /// Line of the offence, from 1.
        line: usize,
        /// Column of the offence in octets, from 1; 0 at the end of a line.
        column: usize,
    },
    /// Nested deeper than the limit.
    #[error("json is nested deeper than {limit}")]
    TooDeep {
        /// The limit in force.
        limit: usize,
    },
    /// More octets than the limit.
    #[error("json is larger than {limit} octets")]
    TooLarge {
        /// The limit in force.
        limit: usize,
    },
    /// More values than the limit.
    #[error("json holds more than {limit} values")]
    TooManyMembers {
        /// The limit in force.
        limit: usize,
    },
}

/// Why a well-formed value did not become the type asked for. What it quotes of the value is cut: the
/// value is a stranger's, and this goes into logs and reports.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ShapeError(String);

impl ShapeError {
    fn new(error: &serde_json::Error) -> Self {
        let mut text = error.to_string();
        if text.len() > MAX_SHAPE_ERROR {
            text.truncate(text.floor_char_boundary(MAX_SHAPE_ERROR));
            text.push('…');
        }
        Self(text)
    }
}

/// Octets of a [`ShapeError`], the ellipsis aside.
const MAX_SHAPE_ERROR: usize = 256;

/// Reads JSON strictly: UTF-8, no member named twice at any level, within `limits`, nothing after
/// the value.
///
/// # Errors
/// See [`JsonError`]; nothing is returned in part.
///
/// # Spec
/// formats.md §0; RFC 7515 §4 and RFC 7516 §4 for header names; JWE-05.
pub fn parse(octets: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    tree(octets, limits).map(Tree::into_value)
}

/// The same without copying texts: what [`parse`] refuses is refused, and for the same reason.
///
/// # Errors
/// As [`parse`].
pub fn tree<'a>(octets: &'a [u8], limits: &Limits) -> Result<Tree<'a>, JsonError> {
    if octets.len() > limits.bytes {
        return Err(JsonError::TooLarge {
            limit: limits.bytes,
        });
    }
    let budget = Budget {
        limits,
        left: Cell::new(limits.members),
        refusal: Cell::new(None),
    };
    let mut deserializer = serde_json::Deserializer::from_slice(octets);
    Strict {
        budget: &budget,
        depth_left: limits.depth,
    }
    .deserialize(&mut deserializer)
    .and_then(|value| deserializer.end().map(|()| value))
    .map_err(|error| {
        budget.refusal.take().unwrap_or_else(|| JsonError::Syntax {
            line: error.line(),
            column: error.column(),
        })
    })
}

/// Reads JSON strictly, then as `T`.
///
/// # Errors
/// As [`parse`], and [`JsonError::Shape`] if the value is not a `T`.
pub fn parse_as<T: DeserializeOwned>(octets: &[u8], limits: &Limits) -> Result<T, JsonError> {
    read_as(parse(octets, limits)?)
}

/// Reads an already parsed value as `T`.
///
/// # Errors
/// [`JsonError::Shape`] if the value is not a `T`.
pub fn read_as<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    serde_json::from_value(value).map_err(|error| JsonError::Shape(ShapeError::new(&error)))
}

/// Writes a value in its canonical form (RFC 8785, JCS).
///
/// # Errors
/// [`JsonError::Canonical`] for a number outside IEEE 754 double range.
pub fn canonical(value: &Value) -> Result<Vec<u8>, JsonError> {
    serde_json_canonicalizer::to_vec(value).map_err(|_| JsonError::Canonical)
}

/// What is left to spend, and the reason if it was overspent (serde errors carry only text).
struct Budget<'a> {
    limits: &'a Limits,
    left: Cell<usize>,
    refusal: Cell<Option<JsonError>>,
}

impl Budget<'_> {
    fn refuse<E: serde::de::Error>(&self, reason: JsonError) -> E {
        self.refusal.set(Some(reason));
        E::custom("refused")
    }

    fn spend<E: serde::de::Error>(&self) -> Result<(), E> {
        let limit = self.limits.members;
        match self.left.get().checked_sub(1) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => Err(self.refuse(JsonError::TooManyMembers { limit })),
        }
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    budget: &'a Budget<'a>,
    depth_left: usize,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth_left.checked_sub(1) {
            Some(depth_left) => Ok(Self { depth_left, ..self }),
            None => {
                let limit = self.budget.limits.depth;
                Err(self.budget.refuse(JsonError::TooDeep { limit }))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Tree<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Tree<'de>, D::Error> {
        self.budget.spend()?;
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Tree<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a json value")
    }

    fn visit_unit<E>(self) -> Result<Tree<'de>, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree<'de>, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree<'de>, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree<'de>, E> {
        Number::from_f64(value)
            .map(Tree::Number)
            .ok_or_else(|| E::custom("not finite"))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree<'de>, E> {
        Ok(Tree::Text(value.to_owned().into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Tree<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = source.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Tree::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Tree<'de>, A::Error> {
        let inner = self.deeper()?;
        let mut members = Members::default();
        while let Some(name) = source.next_key_seed(Name)? {
            let value = source.next_value_seed(inner)?;
            if !members.push(name, value) {
                return Err(self.budget.refuse(JsonError::DuplicateMember));
            }
        }
        Ok(Tree::Object(members))
    }
}

#[cfg(test)]
mod tests;
