//! Custody of private keys: who may use them, and how they rest.
//!
//! The rest of the node asks for operations, never for keys: [`Signer`] and [`KeyAgreement`] are
//! asynchronous because a key may one day live with its agent or in a machine of its own. So they
//! are never awaited inside a database transaction.
//!
//! [`NodeHeld`] is the form that the node itself keeps: the keys of its agents and of its log, in
//! memory while it runs, in the database sealed under the [`MasterKey`].
//!
//! # Security
//! With node-held keys a signature proves that *the organisation's node* acted for the agent. Keys
//! are zeroized when dropped, never printed, and leave this module only sealed.

mod master;
mod node_held;
mod sealed;

pub use master::{MasterKey, MasterKeyError};
pub use node_held::{Minted, NodeHeld};

use comity_did::DidUrl;
use comity_jose::{PublicKey, SharedSecret};
use std::pin::Pin;

/// A future behind a pointer, so that the traits here can be objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Signs with keys that it does not show.
pub trait Signer: Send + Sync {
    /// Signs `octets` with the key named `kid`: Ed25519, 64 octets.
    ///
    /// # Security
    /// `octets` are one of our typed structures, never anything that a peer chose.
    fn sign<'a>(
        &'a self,
        kid: &'a DidUrl,
        octets: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, CustodyError>>;

    /// Signs the body of a checkpoint with the key of the node's log.
    fn sign_log<'a>(&'a self, octets: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, CustodyError>>;
}

/// Agrees on secrets with keys that it does not show.
pub trait KeyAgreement: Send + Sync {
    /// Whether the key named `kid` is held here.
    fn holds(&self, kid: &DidUrl) -> bool;

    /// Agrees with each of `with`, in that order.
    fn agree<'a>(
        &'a self,
        kid: &'a DidUrl,
        with: &'a [PublicKey],
    ) -> BoxFuture<'a, Result<Vec<SharedSecret>, CustodyError>>;
}

/// Why a key could not be used. The operator's business, never a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CustodyError {
    /// The other key can't be agreed with: another curve, or a result that everybody knows.
    #[error("the keys do not agree on a secret")]
    Agreement,
    /// Sealed octets were altered, sealed under another master key, or for another purpose.
    #[error("sealed keys cannot be opened with this master key")]
    Unseal,
    /// No such key is held here.
    #[error("the key is not held here")]
    Unknown,
    /// Sealed by a newer version.
    #[error("sealed keys are of an unknown version")]
    Version,
}

#[cfg(test)]
mod tests;
