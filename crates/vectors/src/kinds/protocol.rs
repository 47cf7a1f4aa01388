//! The small protocols of DIDComm.

use super::Runner;
use crate::case::{Case, skipped};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    case.has(&["id"])
        .then_some(|_| Err(skipped("protocols of DIDComm")))
}
