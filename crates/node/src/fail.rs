//! Named points at which the process can be made to die, for the crash tests.
//!
//! `COMITY_FAIL_POINT=NAME` or `NAME:N` kills the process the first (or Nth) time the point is
//! reached, without unwinding or flushing: to the outside it is a `kill -9` at that very place.
//! Without the variable a point costs one atomic load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// All points, in the order in which a message passes them.
pub const POINTS: &[&str] = &[
    "submit.before-commit",
    "submit.after-commit",
    "deliver.before-send",
    "deliver.after-send",
    "deliver.after-commit",
    "accept.before-commit",
    "accept.after-commit",
    "sequence.before-commit",
    "sequence.after-commit",
    "receipts.before-send",
    "receipts.after-send",
    "receipts.before-commit",
    "receipts.after-commit",
    "lease.after-commit",
    "settle.before-commit",
    "settle.after-commit",
    "store.before-commit",
    "store.after-commit",
];

struct Armed {
    name: String,
    left: AtomicU64,
}

fn armed() -> Option<&'static Armed> {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    ARMED
        .get_or_init(|| {
            let text = std::env::var("COMITY_FAIL_POINT").ok()?;
            let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
            let left = AtomicU64::new(times.parse().unwrap_or(1).max(1));
            Some(Armed {
                name: name.to_owned(),
                left,
            })
        })
        .as_ref()
}

/// Dies here if the tests want it so.
pub fn point(name: &'static str) {
    if let Some(armed) = armed()
        && armed.name == name
        && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        std::process::abort();
    }
}
