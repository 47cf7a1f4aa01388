//! One rule: whom it lets in, to which of our agents, for what at most.

use crate::defaults::{GRANT_TYPES_MAX, NOTE_CHARS_MAX};
use crate::domain::Domain;
use crate::grant::{LimitError, Restrictions};
use crate::scope::Types;
use comity_did::Did;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A rule that lets strangers in as far as it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name, by which every decision that it takes names it: `[a-z0-9][a-z0-9-]{0,39}`.
    pub name: String,
    /// Which of our agents; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<Did>,
    /// Whom.
    pub who: Who,
    /// How many vouches may follow that of whom it trusts: 0 lets in only whom it introduces
    /// itself.
    #[serde(default)]
    pub depth: u8,
    /// What they may do to be let in.
    #[serde(default, skip_serializing_if = "Admits::is_knock")]
    pub admits: Admits,
    /// The most that they may send.
    pub they_may: Types,
    /// The most that our agent may send them.
    pub you_may: Types,
    /// Limits for each grant that it makes.
    #[serde(default)]
    pub limits: Restrictions,
    /// The longest that a grant lasts, seconds; as long as was asked if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_s: Option<u64>,
    /// When the rule ends, and with it every grant that it made at the latest, UTC seconds.
    pub until: u64,
    /// When it lets nobody in any more, if that is before its grants end, UTC seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until: Option<u64>,
    /// How many grants it may make in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<u64>,
    /// The operator's words to himself and his colleagues; at most 280 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// Whom a rule lets in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// One peer.
    Peer(Did),
    /// All agents of a domain.
    Domain(Domain),
    /// Whoever this agent vouches for, or is at the end of a chain of vouches that begins with it.
    VouchedBy(Did),
    /// Whoever has an invitation. Its id is the secret; this is the key that is kept of it.
    Invited(String),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(did) => write!(f, "{did}"),
            Self::Domain(domain) => write!(f, "all agents of {domain}"),
            Self::VouchedBy(did) => write!(f, "whoever {did} vouches for"),
            Self::Invited(_) => f.write_str("whoever has the invitation"),
        }
    }
}

/// What the rule takes for a request to be let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admits {
    /// A knock: the peer's node learns what was granted.
    #[default]
    Knock,
    /// A knock, or simply a first message: for other DIDComm software, which cannot knock.
    Message,
}

impl Admits {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    const fn is_knock(&self) -> bool {
        matches!(self, Self::Knock)
    }
}

/// Why a rule cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// It would grant nothing.
    #[error("the rule lets nobody send anything; say what they may send, or you")]
    Empty,
    /// A number that no grant could carry.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// More types than a grant may list.
    #[error("a rule lists at most {GRANT_TYPES_MAX} types in each direction")]
    Long,
    /// The name.
    #[error("a rule's name has 1 to 40 of a-z, 0-9 and hyphens, and starts with a letter or digit")]
    Name,
    /// The note.
    #[error("a note has at most {NOTE_CHARS_MAX} characters")]
    Note,
    /// A message carries no vouches.
    #[error("vouches come with a knock; a rule about them cannot admit messages without one")]
    Unvouched,
}

impl Rule {
    /// Checks its form.
    ///
    /// # Errors
    /// [`RuleError`] says what to change.
    pub fn check(&self) -> Result<(), RuleError> {
        let word =
            |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-';
        let name = &self.name;
        if name.is_empty() || name.len() > 40 || name.starts_with('-') || !name.bytes().all(word) {
            return Err(RuleError::Name);
        }
        if self.they_may.is_empty() && self.you_may.is_empty() {
            return Err(RuleError::Empty);
        }
        if self.they_may.len().max(self.you_may.len()) > GRANT_TYPES_MAX {
            return Err(RuleError::Long);
        }
        self.limits.check(Some(self.until))?;
        self.limits.check(self.open_until)?;
        if self.note.chars().count() > NOTE_CHARS_MAX {
            return Err(RuleError::Note);
        }
        if matches!(self.who, Who::VouchedBy(_)) && self.admits == Admits::Message {
            return Err(RuleError::Unvouched);
        }
        Ok(())
    }

    /// What the record calls it: `rule:NAME`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("rule:{}", self.name)
    }

    /// True if it lets somebody in at this time, UTC seconds.
    #[must_use]
    pub fn is_open(&self, now: u64) -> bool {
        now < self.until && self.open_until.is_none_or(|until| now < until)
    }

    /// True if it is about this agent of ours.
    #[must_use]
    pub fn is_about(&self, ours: &Did) -> bool {
        self.ours.as_ref().is_none_or(|did| did == ours)
    }

    /// The latest end of a grant that begins now and was asked for until `asked`, UTC seconds.
    #[must_use]
    pub fn end(&self, now: u64, asked: u64) -> u64 {
        let lasts = self
            .lasts_s
            .map_or(u64::MAX, |lasts| now.saturating_add(lasts));
        asked.min(self.until).min(lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Rate;

    fn rule() -> Rule {
        let work = Types::parse(["https://example.org/work/1.0"]).unwrap();
        Rule {
            name: "partners".to_owned(),
            ours: None,
            who: Who::Domain("bruno.test".parse().unwrap()),
            depth: 0,
            admits: Admits::Knock,
            they_may: work.clone(),
            you_may: work,
            limits: Restrictions::default(),
            lasts_s: None,
            until: (1 << 53) - 1,
            open_until: None,
            grants: None,
            note: String::new(),
        }
    }

    #[test]
    fn numbers_that_no_grant_could_carry_are_refused() {
        let limited = |limits| Rule { limits, ..rule() }.check();
        let rate = |messages, seconds| {
            limited(Restrictions {
                rate: Some(Rate { messages, seconds }),
                ..Restrictions::default()
            })
        };
        assert_eq!(rule().check(), Ok(()));
        assert_eq!(rate(20, 3_600), Ok(()));
        for (messages, seconds) in [(0, 3_600), (1, 0), (1_000_001, 60), (1, 32 * 86_400)] {
            let refused = rate(messages, seconds);
            assert_eq!(refused, Err(RuleError::Limit(LimitError::Rate)));
        }
        for limits in [
            Restrictions {
                uses: Some(1 << 53),
                ..Restrictions::default()
            },
            Restrictions {
                max_bytes: Some(1 << 53),
                ..Restrictions::default()
            },
        ] {
            let refused = limited(limits);
            assert_eq!(refused, Err(RuleError::Limit(LimitError::Number)));
        }
        for rule in [
            Rule {
                until: 1 << 53,
                ..rule()
            },
            Rule {
                open_until: Some(1 << 53),
                ..rule()
            },
        ] {
            assert_eq!(rule.check(), Err(RuleError::Limit(LimitError::Until)));
        }
    }
}
