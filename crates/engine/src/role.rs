//! What operators may do: one function of role, act and agent.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What an operator was made for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, other operators included.
    Admin,
    /// Reads, and decides who works with these agents.
    Approver(Scope),
    /// Reads.
    Viewer,
}

/// Agents that an approver decides for, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// All of this node, also those that come later.
    All,
    /// These only.
    Only(BTreeSet<String>),
}

/// What somebody wants to do at the operator's door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act<'a> {
    /// Look at anything.
    Read,
    /// Decide who works with the agent of this name: knocks, grants, parked answers, held mail.
    Decide(&'a str),
    /// Decide for every agent at once: block a party, make a rule for all.
    DecideForAll,
    /// Change the node: agents, operators, webhooks, mail, its end.
    Manage,
}

impl Role {
    /// Whether whoever has this role may do that. What is not said here nobody may.
    #[must_use]
    pub fn may(&self, act: Act<'_>) -> bool {
        match (self, act) {
            (Self::Admin, _) | (_, Act::Read) | (Self::Approver(Scope::All), Act::DecideForAll) => {
                true
            }
            (Self::Approver(scope), Act::Decide(agent)) => scope.has(agent),
            (Self::Approver(_), Act::DecideForAll | Act::Manage)
            | (Self::Viewer, Act::Decide(_) | Act::DecideForAll | Act::Manage) => false,
        }
    }

    /// The word for it, without its scope.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Approver(_) => "approver",
            Self::Viewer => "viewer",
        }
    }
}

impl Scope {
    fn has(&self, agent: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(agents) => agents.contains(agent),
        }
    }
}

/// As in "you may not …".
impl fmt::Display for Act<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read => f.write_str("look at this"),
            Self::Decide(agent) => write!(f, "decide for {agent}"),
            Self::DecideForAll => f.write_str("decide for all agents"),
            Self::Manage => f.write_str("change agents, operators, webhooks or mail of this node"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_this_and_no_more() {
        let brunos = Scope::Only(BTreeSet::from(["bruno".to_owned()]));
        let nobodys = Scope::Only(BTreeSet::new());
        //                              read   bruno  aria   all    manage
        let table: [(Role, [bool; 5]); 5] = [
            (Role::Admin, [true, true, true, true, true]),
            (Role::Approver(Scope::All), [true, true, true, true, false]),
            (Role::Approver(brunos), [true, true, false, false, false]),
            (Role::Approver(nobodys), [true, false, false, false, false]),
            (Role::Viewer, [true, false, false, false, false]),
        ];
        let acts = [
            Act::Read,
            Act::Decide("bruno"),
            Act::Decide("aria"),
            Act::DecideForAll,
            Act::Manage,
        ];
        for (role, expected) in table {
            for (act, expected) in acts.into_iter().zip(expected) {
                assert_eq!(role.may(act), expected, "{role:?} {act:?}");
            }
        }
    }

    #[test]
    fn a_scope_is_of_whole_names() {
        let scope = Role::Approver(Scope::Only(BTreeSet::from(["bruno".to_owned()])));
        for other in ["", "brun", "bruno2", "Bruno", "bruno "] {
            assert!(!scope.may(Act::Decide(other)), "{other:?}");
        }
    }
}
