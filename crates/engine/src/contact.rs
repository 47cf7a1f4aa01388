//! The bodies of `contact/1.0` (formats §3).

use crate::code::Code;
use crate::defaults::{PURPOSE_CHARS_MAX, VOUCH_CHAINS_MAX, VOUCH_LINKS_MAX};
use crate::grant::{Grant, GrantError};
use comity_record::Digest;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Protocol URI of the knock and its answers.
pub const PROTOCOL: &str = "https://w3id.org/comity/contact/1.0";
/// Message type of a knock.
pub const KNOCK: &str = "https://w3id.org/comity/contact/1.0/knock";
/// Message type of the answer that lets in.
pub const WELCOME: &str = "https://w3id.org/comity/contact/1.0/welcome";
/// Message type of the answer that does not.
pub const DECLINED: &str = "https://w3id.org/comity/contact/1.0/declined";
/// Message type by which either side says that a grant ended.
pub const ENDED: &str = "https://w3id.org/comity/contact/1.0/ended";

/// What this version speaks, as announced in knocks and welcomes.
pub const SPEAKS: &[&str] = &["A256GCM"];

/// A stranger's request to work with an agent of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Knock {
    /// Their words, unproved and untrusted; at most 280 characters.
    pub purpose: String,
    /// What they ask for, in both directions.
    pub offer: Grant,
    /// The message that waits at their node, if any.
    pub first: Option<First>,
    /// What they understand beyond the least (`A256GCM`, `batch/1.0`).
    pub speaks: Vec<String>,
    /// Chains of vouches, each as it is presented: links with `vouch` and `status`, the root first.
    /// Unread and unproved here.
    pub vouches: Vec<Vec<Value>>,
}

/// The message that waits at its sender for the answer to a knock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct First {
    /// Its digest.
    pub digest: Digest,
    /// Its type.
    #[serde(rename = "type")]
    pub type_: String,
    /// Octets of its plaintext.
    pub bytes: u64,
}

/// Why a contact message cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContactError {
    /// A member is missing, too long or of the wrong form.
    #[error("the body is malformed")]
    Malformed,
    /// The grant in it cannot be used.
    #[error("the grant cannot be used")]
    Grant(#[from] GrantError),
}

impl Knock {
    /// The body to send.
    #[must_use]
    pub fn to_body(&self) -> Value {
        let mut body = json!({
            "purpose": self.purpose, "offer": self.offer.json(), "speaks": self.speaks,
        });
        if let Some(first) = &self.first {
            body["first"] = json!(first);
        }
        if !self.vouches.is_empty() {
            body["vouches"] = json!(self.vouches);
        }
        body
    }

    /// Reads the body of a knock.
    ///
    /// # Errors
    /// [`ContactError`]; what a stranger sends is bounded before it is kept.
    pub fn from_body(body: &Value) -> Result<Self, ContactError> {
        let purpose = match body.get("purpose") {
            None => String::new(),
            Some(Value::String(text)) if text.chars().count() <= PURPOSE_CHARS_MAX => text.clone(),
            Some(_) => return Err(ContactError::Malformed),
        };
        let first = match body.get("first") {
            None => None,
            Some(first) => {
                Some(serde_json::from_value(first.clone()).map_err(|_| ContactError::Malformed)?)
            }
        };
        Ok(Self {
            purpose,
            offer: grant_of(body, "offer")?,
            first,
            speaks: speaks_of(body),
            vouches: vouches_of(body)?,
        })
    }
}

/// The answer that lets a stranger in.
#[derive(Clone, Debug, PartialEq)]
pub struct Welcome {
    /// What was granted; within what was offered.
    pub grant: Grant,
    /// What they understand beyond the least.
    pub speaks: Vec<String>,
}

impl Welcome {
    /// The body to send.
    #[must_use]
    pub fn to_body(&self) -> Value {
        json!({"grant": self.grant.json(), "speaks": self.speaks})
    }

    /// Reads the body of a welcome.
    ///
    /// # Errors
    /// [`ContactError`] if the grant is malformed or demands what we do not know.
    pub fn from_body(body: &Value) -> Result<Self, ContactError> {
        Ok(Self {
            grant: grant_of(body, "grant")?,
            speaks: speaks_of(body),
        })
    }
}

/// That a grant ended, said by either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The grant's id.
    pub grant: Digest,
    /// Why.
    pub code: Code,
    /// An opaque word that their operator can quote to ours.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// The answer that does not let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declined {
    /// Why, as far as they say.
    pub code: Code,
}

fn grant_of(body: &Value, member: &str) -> Result<Grant, ContactError> {
    let json = body.get(member).ok_or(ContactError::Malformed)?;
    Ok(Grant::from_json(json.clone())?)
}

/// Chains in `vouches`: a few, of a few links.
fn vouches_of(body: &Value) -> Result<Vec<Vec<Value>>, ContactError> {
    let Some(vouches) = body.get("vouches") else {
        return Ok(Vec::new());
    };
    let chains: Vec<Vec<Value>> =
        serde_json::from_value(vouches.clone()).map_err(|_| ContactError::Malformed)?;
    let short = |chain: &Vec<Value>| (1..=VOUCH_LINKS_MAX).contains(&chain.len());
    if chains.len() <= VOUCH_CHAINS_MAX && chains.iter().all(short) {
        Ok(chains)
    } else {
        Err(ContactError::Malformed)
    }
}

/// Words in `speaks`; what is not a short string is ignored, like unknown words (formats §3).
fn speaks_of(body: &Value) -> Vec<String> {
    let words = body.get("speaks").and_then(Value::as_array);
    words
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|word| word.len() <= 32)
        .take(16)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Restrictions;

    fn offer() -> Grant {
        Grant::new(
            [
                "did:web:a.test:x".parse().unwrap(),
                "did:web:b.test:y".parse().unwrap(),
            ],
            [vec!["https://example.org/p/1.0".into()], vec![]],
            9,
            "AAECAwQFBgcICQoLDA0ODw",
            &Restrictions::default(),
        )
        .unwrap()
    }

    #[test]
    fn a_knock_reads_back() {
        let knock = Knock {
            purpose: "Q3 pricing study".into(),
            offer: offer(),
            first: Some(First {
                digest: comity_record::labelled("x", b"y"),
                type_: "https://example.org/p/1.0/m".into(),
                bytes: 812,
            }),
            speaks: vec!["A256GCM".into()],
            vouches: vec![vec![json!({"vouch": "a.b.c"})]],
        };
        assert_eq!(Knock::from_body(&knock.to_body()).unwrap(), knock);
    }

    #[test]
    fn a_long_purpose_is_refused_and_odd_words_in_speaks_are_ignored() {
        let mut body = json!({"purpose": "x".repeat(281), "offer": offer().json()});
        assert_eq!(Knock::from_body(&body), Err(ContactError::Malformed));
        body["purpose"] = json!("ok");
        body["speaks"] = json!(["A256GCM", 7, "y".repeat(33)]);
        assert_eq!(Knock::from_body(&body).unwrap().speaks, ["A256GCM"]);
    }

    #[test]
    fn more_vouches_than_anybody_would_read_are_refused() {
        let with = |vouches: Value| {
            let mut body = json!({"purpose": "", "offer": offer().json()});
            body["vouches"] = vouches;
            Knock::from_body(&body)
        };
        assert!(with(json!([[{}, {}, {}, {}], [{}]])).is_ok());
        for bad in [
            json!([[{}], [{}], [{}]]),
            json!([[{}, {}, {}, {}, {}]]),
            json!([[]]),
            json!({}),
            json!([1]),
        ] {
            assert_eq!(with(bad.clone()), Err(ContactError::Malformed), "{bad}");
        }
    }
}
