//! How a command ends: an exit code, and words if something went wrong.

use crate::show::hint::hint;
use crate::show::paint;
use comity_api::{Problem, safe};
use std::process::ExitCode;

/// The exit codes (feel: the same for every command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Failed = 1,
    NotProved = 4,
    Ok = 0,
    Pending = 5,
    Refused = 3,
    Usage = 2,
}

/// An error for a person: what happened, what it means, what to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    exit: Exit,
    what: String,
    means: Option<String>,
    next: Option<String>,
}

impl Trouble {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            means: None,
            next: None,
        }
    }

    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    pub(crate) fn means(mut self, means: impl Into<String>) -> Self {
        self.means = Some(means.into());
        self
    }

    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Tells it on standard error; the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let (red, reset) = (paint::BAD.render(), paint::BAD.render_reset());
        anstream::eprintln!("{red}error{reset}: {}", self.words());
        self.exit.into()
    }

    /// ```text
    /// what happened
    ///   what it means   → what to type
    /// ```
    pub(crate) fn words(&self) -> String {
        let mut words = self.what.clone();
        let next = self.next.as_ref().map(hint);
        let below: Vec<&str> = [self.means.as_deref(), next.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        if !below.is_empty() {
            words.push_str("\n  ");
            words.push_str(&below.join("   "));
        }
        words
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A node's words may quote a peer's.
impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        let refused = problem.code.starts_with("e.p.trust.");
        Self {
            exit: if refused { Exit::Refused } else { Exit::Failed },
            what: safe(&problem.title),
            means: problem.detail.as_deref().map(safe),
            next: problem.next.as_deref().map(safe),
        }
    }
}

impl From<comity::Error> for Trouble {
    fn from(error: comity::Error) -> Self {
        let next = error.next();
        match error {
            comity::Error::Node(problem) => Self::from(*problem),
            error => {
                let because = std::error::Error::source(&error).map(|why| safe(&why.to_string()));
                Self {
                    exit: Exit::Failed,
                    what: safe(&error.to_string()),
                    means: because,
                    next,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_happened_what_it_means_and_what_to_type() {
        let trouble = Trouble::failed("it broke")
            .means("nothing was sent")
            .next("comity up");
        assert_eq!(
            trouble.words(),
            "it broke\n  nothing was sent   → comity up"
        );
        assert_eq!(
            Trouble::failed("it broke").next("comity up").words(),
            "it broke\n  → comity up"
        );
        assert_eq!(Trouble::failed("it broke").words(), "it broke");
    }

    #[test]
    fn a_refusal_by_policy_has_its_own_exit_code() {
        let refused = Trouble::from(Problem::new("e.p.trust.no-grant", "no grant"));
        assert_eq!(refused.exit, Exit::Refused);
        let failed = Trouble::from(Problem::new("e.m.req.not-found", "none"));
        assert_eq!(failed.exit, Exit::Failed);
    }

    #[test]
    fn words_of_a_peer_inside_a_problem_cannot_move_the_cursor() {
        let trouble = Trouble::from(Problem::new("e.m.x", "no \u{1b}[2J agent"));
        assert_eq!(trouble.words(), "no ⟨U+001B⟩[2J agent");
    }
}
