//! Who acts for the organisation. Every act carries it into the record.

use std::fmt;

/// A person (or a program of his) who answers for this node, as a door has authenticated him.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operator(String);

impl Operator {
    /// Whoever can open the operator's socket.
    #[must_use]
    pub fn local() -> Self {
        Self("operator".to_owned())
    }

    /// What the record calls him.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
