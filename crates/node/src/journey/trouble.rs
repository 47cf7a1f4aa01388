//! What can go wrong inside the journey, and how it is told to whoever may know it.

use comity_api::Problem;
use comity_engine::Code;
use comity_store::StoreError;

/// Why a step of the journey did not happen. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CoreError {
    /// The caller's doing; he is told.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// Storage failed; the operator's business.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be used.
    #[error("a key of ours could not be used")]
    Custody(#[from] crate::custody::CustodyError),
    /// A DID that is needed now cannot be looked up now; whoever sent will send again.
    #[error("a DID cannot be looked up now")]
    Unresolved(#[from] crate::resolve::ResolveError),
    /// What we made ourselves is not valid: a defect.
    #[error("the node made something invalid: {0}")]
    Defect(&'static str),
}

impl From<Problem> for CoreError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<CoreError> for Problem {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Problem(problem) => *problem,
            CoreError::Store(error) => {
                tracing::error!(%error, "storage failed");
                Self::new("e.m.me.res.storage", "the node could not store this")
                    .detail(error.to_string())
                    .next("comity doctor")
                    .retry_after(5)
            }
            error @ (CoreError::Custody(_) | CoreError::Defect(_) | CoreError::Unresolved(_)) => {
                tracing::error!(%error, "a step failed");
                Self::new("e.m.me", "the node could not do this").next("comity doctor")
            }
        }
    }
}

/// There is no such thing.
pub(crate) fn not_found(what: &str, name: &str) -> Problem {
    Problem::new(
        Code::NOT_FOUND.as_str(),
        format!("there is no {what} {name}"),
    )
}

/// The request does not have the form that the door reads.
pub(crate) fn bad(title: impl Into<String>) -> Problem {
    Problem::new(Code::BAD_TYPE.as_str(), title)
}

/// The identifier starts more than one thing.
pub(crate) fn ambiguous(prefix: &str) -> Problem {
    bad(format!("{prefix} is the start of more than one id")).next("type more of it")
}
