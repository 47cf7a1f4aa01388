//! A running node and somebody else's client: PyPI `didcomm` behind an HTTP endpoint and a
//! did:peer:2 of its own, let in by a grant that the operator made (see `interop/README.md`).
//!
//! Needs the virtual environment of `interop/didcomm_python/setup.sh`. Without it nothing is
//! tested, and a line says so; with `COMITY_INTEROP=required` that is a failure.

#![allow(clippy::panic, clippy::unwrap_used)]

mod client;
mod from_client;
mod invited;
mod refusals;
mod to_client;
mod webhooks;
mod world;

const BASICMESSAGE: &str = "https://didcomm.org/basicmessage/2.0/message";
const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
const PING_RESPONSE: &str = "https://didcomm.org/trust-ping/2.0/ping-response";
const QUERIES: &str = "https://didcomm.org/discover-features/2.0/queries";
const DISCLOSE: &str = "https://didcomm.org/discover-features/2.0/disclose";
const EMPTY: &str = "https://didcomm.org/empty/1.0/empty";
const REPORT: &str = "https://didcomm.org/report-problem/2.0/problem-report";

/// What most other software sends: proves its author to the recipient only.
const AUTHCRYPT: &str = "authcrypt";
/// What Comity sends: proves its author to anyone.
const SIGNED: &str = "anoncrypt+signed";
