//! What did not go as the demo expects: the demo's only kind of failure.

use crate::exit::Trouble;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Something else came than was expected.
#[derive(Clone, Debug)]
pub(super) struct Surprise {
    pub(super) expected: String,
    pub(super) came: String,
}

impl Surprise {
    pub(super) fn new(expected: impl Into<String>, came: impl Display) -> Self {
        Self {
            expected: expected.into(),
            came: came.to_string(),
        }
    }

    /// Turns an error with its causes into what came instead of `expected`.
    pub(super) fn because_of<E: Error>(expected: impl Into<String>) -> impl FnOnce(E) -> Self {
        let expected = expected.into();
        move |error| {
            let mut came = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                came = format!("{came}: {cause}");
                source = cause.source();
            }
            Self { expected, came }
        }
    }

    /// Turns anything that can be shown into what came instead of `expected`.
    pub(super) fn instead_of<E: Display>(expected: impl Into<String>) -> impl FnOnce(E) -> Self {
        let expected = expected.into();
        move |came| Self::new(expected, came)
    }
}

/// A door that says no where the demo expects yes.
impl From<Trouble> for Surprise {
    fn from(trouble: Trouble) -> Self {
        Self::new("an answer of the operator's door", trouble.words())
    }
}

/// Goes on only if `held`.
pub(super) fn expect(held: bool, expected: &str, came: impl Display) -> Result<(), Surprise> {
    if held {
        return Ok(());
    }
    Err(Surprise::new(expected, came))
}

/// Goes on only if both are the same.
pub(super) fn expect_same<T: PartialEq + Debug>(
    what: &str,
    expected: &T,
    came: &T,
) -> Result<(), Surprise> {
    expect(
        expected == came,
        &format!("{what}: {expected:?}"),
        format!("{came:?}"),
    )
}

/// What a look shows: what was waited for, or what is there instead.
pub(super) type Look<T> = Result<Result<T, String>, Surprise>;

/// Looks again and again until it is there.
pub(super) async fn eventually<T>(
    expected: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Look<T>,
) -> Result<T, Surprise> {
    let deadline = Instant::now() + within;
    loop {
        match look().await? {
            Ok(there) => return Ok(there),
            Err(came) if Instant::now() >= deadline => {
                let expected = format!("{expected}, within {} s", within.as_secs());
                return Err(Surprise::new(expected, came));
            }
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// Short against everything that is waited for, long against what a look costs.
const LOOK_AGAIN: Duration = Duration::from_millis(40);
