//! Who acts for the organisation. Every act carries it into the record, and is allowed here or not
//! at all: doors only say who somebody is.

use crate::journey::note::note;
use crate::journey::trouble::CoreError;
use comity_api::Problem;
use comity_engine::role::Act;
use comity_engine::{Code, Role};
use comity_jose::Entropy;
use comity_record::Event;
use comity_record::entry::Acted;
use comity_store::{OperatorRow, Tx};
use std::fmt;

/// A person (or a program of his) who answers for this node, as a door has authenticated him.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    label: String,
    role: Role,
}

impl Operator {
    /// Whoever can open the operator's socket: he owns the process, and may do everything.
    #[must_use]
    pub fn local() -> Self {
        Self {
            label: LOCAL.to_owned(),
            role: Role::Admin,
        }
    }

    pub(crate) fn named(row: &OperatorRow) -> Self {
        Self {
            label: row.name.clone(),
            role: row.role.clone(),
        }
    }

    /// What the record calls him.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What he was made for.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// Whether he owns the process rather than a token.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.label == LOCAL
    }

    /// Lets him do that, or says why not.
    pub(crate) fn check(&self, act: Act<'_>) -> Result<(), Problem> {
        if self.role.may(act) {
            return Ok(());
        }
        let role = self.role.as_str();
        Err(Problem::new(
            Code::NOT_ALLOWED.as_str(),
            format!("{} may not {act}; nothing was done", self.label),
        )
        .detail(format!("{} is a {role} here", self.label))
        .next("ask an admin, or on the node's machine: comity operator"))
    }

    /// Records what he does where no other entry would name him.
    pub(crate) fn acts(
        &self,
        tx: &mut dyn Tx,
        entropy: &dyn Entropy,
        act: &str,
        about: &str,
    ) -> Result<(), CoreError> {
        let acted = Acted {
            act: act.to_owned(),
            by: self.label.clone(),
            about: about.to_owned(),
        };
        note(tx, entropy, Event::Act(acted), None)?;
        Ok(())
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// What the record calls whoever can open the socket.
const LOCAL: &str = "operator";
/// Names that mean somebody else in the record.
pub(crate) const TAKEN: [&str; 5] = ["agent", LOCAL, "node", "peer", "rule"];
