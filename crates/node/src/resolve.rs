//! Reaching others: DIDs to documents, documents to routes, envelopes to peers.
//!
//! Every address here was written by somebody else, so every connection goes through one
//! [guard]: https only, the name is resolved and checked **in the same step** that
//! connects, to exactly the address that was checked, on every connection anew. A name that
//! answers with a public address first and a private one later (rebinding) gains nothing. No
//! proxies, no cookies, no redirects but one 307 of an envelope; bounds on size and time.
//!
//! The host map of the configuration is the one way past the guard: hosts in it are reached by
//! plain http at exactly the address it says.
//!
//! Strangers have a lane of their own ([`Lane::Stranger`]): few at once, a token bucket for each
//! host, seconds and kilobytes each, a cache and connections of their own.

mod cache;
mod connect;
mod guard;
mod http;
mod names;
mod resolver;
mod route;
mod webvh;

pub use connect::ConnectError;
pub use guard::AddressClass;
pub use http::{FetchError, Http, PostAnswer};
pub use names::NameError;
pub use resolver::{ResolveError, Resolver};
pub use route::NoRoute;

/// For whom something is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// For a party that our operator let in, or that an agent of ours addressed.
    Known,
    /// For somebody who only claims something.
    Stranger,
}

#[cfg(test)]
mod tests;
