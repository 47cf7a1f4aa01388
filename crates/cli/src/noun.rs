//! Things that are kept: each lists when it stands alone.

pub(crate) mod agent;
pub(crate) mod grant;
pub(crate) mod invite;
pub(crate) mod knock;
pub(crate) mod limits;
pub(crate) mod message;
pub(crate) mod operator;
pub(crate) mod parked;
pub(crate) mod peer;
pub(crate) mod policy;
mod reconcile;
pub(crate) mod record;
pub(crate) mod vouch;
pub(crate) mod webhook;

use crate::exit::Trouble;

/// The one of `things` whose id begins with `prefix`.
fn pick<'a, T>(
    things: &'a [T],
    prefix: &str,
    what: &str,
    id: impl Fn(&T) -> &str,
) -> Result<&'a T, Trouble> {
    let mut found = things.iter().filter(|thing| id(thing).starts_with(prefix));
    match (found.next(), found.next()) {
        (Some(thing), None) => Ok(thing),
        (None, _) => {
            Err(Trouble::failed(format!("no {what} {prefix:?}"))
                .next(format!("comity {what} --all")))
        }
        (Some(_), Some(_)) => {
            let exact = things.iter().find(|thing| id(thing) == prefix);
            exact.ok_or_else(|| {
                Trouble::usage(format!("several {what}s begin with {prefix:?}"))
                    .next(format!("comity {what} --all   and a longer beginning"))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unique_beginning_is_enough() {
        let ids = ["k7f2aa", "k7f3bb", "k7"];
        let picked = |prefix| pick(&ids, prefix, "knock", |id| id).copied().ok();
        assert_eq!(picked("k7f2"), Some("k7f2aa"));
        assert_eq!(picked("k7f"), None);
        assert_eq!(picked("k7"), Some("k7")); // whole ids are never ambiguous
        assert_eq!(picked("x"), None);
    }
}
