//! discover-features/2.0: what do you understand (DIS-01 to DIS-04)?

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Body;

/// Asks for features.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queries {
    /// What is asked for.
    pub queries: Vec<Query>,
}

/// Asks for the features of one type whose id matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// `protocol`, `goal-code`, `header`, `constraint`, or one that we don't know.
    #[serde(rename = "feature-type")]
    pub feature_type: String,
    /// The id, in which `*` stands for any text.
    #[serde(rename = "match")]
    pub pattern: String,
}

/// The answer, or an announcement that nobody asked for. Nothing in it is a denial (DIS-03).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Disclose {
    /// The features.
    pub disclosures: Vec<Disclosure>,
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Its type.
    #[serde(rename = "feature-type")]
    pub feature_type: String,
    /// Its id.
    pub id: String,
    /// The roles that it is supported in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Members of its type, such as the value of a constraint.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Body for Queries {
    const TYPE: &'static str = "https://didcomm.org/discover-features/2.0/queries";
}

impl Body for Disclose {
    const TYPE: &'static str = "https://didcomm.org/discover-features/2.0/disclose";
}

impl Query {
    /// Whether the feature is asked for.
    pub fn matches(&self, feature: &Disclosure) -> bool {
        self.feature_type == feature.feature_type && matches(&self.pattern, &feature.id)
    }
}

impl Disclosure {
    /// A protocol that is supported, by its URI.
    pub fn protocol(uri: &str, roles: &[&str]) -> Self {
        Self {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            ..Self::of("protocol", uri)
        }
    }

    /// A header beyond those that everybody knows.
    pub fn header(name: &str) -> Self {
        Self::of("header", name)
    }

    /// The most octets of a message that are taken (TRN-08).
    pub fn max_receive_bytes(octets: usize) -> Self {
        let mut constraint = Self::of("constraint", MAX_RECEIVE_BYTES);
        let value = octets.to_string().into();
        constraint.extra.insert(MAX_RECEIVE_BYTES.into(), value);
        constraint
    }

    fn of(feature_type: &str, id: &str) -> Self {
        Self {
            feature_type: feature_type.to_owned(),
            id: id.to_owned(),
            roles: Vec::new(),
            extra: Map::new(),
        }
    }
}

/// The constraint, and the member that has its value: a decimal number as text.
const MAX_RECEIVE_BYTES: &str = "max_receive_bytes";

/// Those of our features that are asked for, each once, in our order. Queries of unknown types
/// match nothing and are no error.
///
/// Which features a peer may learn of is decided before (DIS-04).
pub fn disclose<'a>(
    queries: &Queries,
    features: impl IntoIterator<Item = &'a Disclosure>,
) -> Disclose {
    let asked = |feature: &&Disclosure| queries.queries.iter().any(|query| query.matches(feature));
    Disclose {
        disclosures: features.into_iter().filter(asked).cloned().collect(),
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any text and everything else for itself
/// (DIS-02). Takes time in the product of the lengths at worst.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
