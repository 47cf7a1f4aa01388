//! A JSON value whose texts are those of the octets it was read from.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Visitor};
use serde_json::{Map, Number, Value};

/// A value read strictly, see [`tree`](super::tree()). A text without escapes is not copied.
#[derive(Clone, Debug)]
pub enum Tree<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Self>),
    /// An object.
    Object(Members<'a>),
}

/// The members of an object, in their order; no name stands twice.
#[derive(Clone, Debug, Default)]
pub struct Members<'a> {
    members: Vec<(Cow<'a, str>, Tree<'a>)>,
    /// The names, once there are more than a few.
    #[allow(
        clippy::box_collection,
        reason = "a message may have a value in every few octets: each should be small"
    )]
    names: Option<Box<HashSet<Cow<'a, str>>>>,
}

impl<'a> Tree<'a> {
    /// The member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value with texts of its own.
    pub fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(value) => Value::Number(value),
            Self::Text(text) => Value::String(text.into_owned()),
            Self::Array(values) => values.into_iter().map(Tree::into_value).collect(),
            Self::Object(members) => Value::Object(members.into_map()),
        }
    }
}

impl From<Value> for Tree<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(value) => Self::Number(value),
            Value::String(text) => Self::Text(text.into()),
            Value::Array(values) => Self::Array(values.into_iter().map(Self::from).collect()),
            Value::Object(map) => {
                let mut members = Members::default();
                for (name, value) in map {
                    members.push(name.into(), value.into());
                }
                Self::Object(members)
            }
        }
    }
}

impl<'a> Members<'a> {
    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Tree<'a>> {
        self.place(name).map(|place| &self.members[place].1)
    }

    /// Whether there is a member of this name.
    pub fn has(&self, name: &str) -> bool {
        match &self.names {
            Some(names) => names.contains(name),
            None => self.members.iter().any(|(other, _)| other == name),
        }
    }

    /// Takes a member out; the others keep their order.
    pub fn take(&mut self, name: &str) -> Option<Tree<'a>> {
        let place = self.place(name)?;
        if let Some(names) = &mut self.names {
            names.remove(name);
        }
        Some(self.members.remove(place).1)
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| &**name)
    }

    /// The members with texts of their own.
    pub fn into_map(self) -> Map<String, Value> {
        let mut map = Map::with_capacity(self.members.len());
        for (name, value) in self.members {
            map.insert(name.into_owned(), value.into_value());
        }
        map
    }

    /// Adds a member, unless its name is there already.
    pub(super) fn push(&mut self, name: Cow<'a, str>, value: Tree<'a>) -> bool {
        if self.has(&name) {
            return false;
        }
        match &mut self.names {
            Some(names) => {
                names.insert(name.clone());
            }
            None if self.members.len() == FEW => {
                let names = self.members.iter().map(|(name, _)| name.clone());
                self.names = Some(Box::new(names.chain([name.clone()]).collect()));
            }
            None => {}
        }
        self.members.push((name, value));
        true
    }

    fn place(&self, name: &str) -> Option<usize> {
        if self
            .names
            .as_ref()
            .is_some_and(|names| !names.contains(name))
        {
            return None;
        }
        self.members.iter().position(|(other, _)| other == name)
    }
}

/// Reads the name of a member, without a copy if it has no escapes.
pub(super) struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Self::Value, D::Error> {
        source.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(name.into())
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(name.to_owned().into())
    }
}

/// As many names are faster compared one by one than hashed.
const FEW: usize = 16;
