//! Every bound on what a stranger's DID or document may cost us, with its reason.
//!
//! All of them hold before anything is fetched or computed from the value, and exceeding one is an
//! error of its own, never a silent cut.

/// Octets of a DID: 4 KiB.
///
/// A did:peer:4 with a few keys and services takes about 1.5 KiB. Reading base58 costs the square
/// of its length, so that a longer one would let a stranger buy milliseconds with a header.
pub const DID_BYTES: usize = 4 * 1024;

/// Octets of what may follow the DID in a DID URL (path, query, fragment): 1 KiB.
///
/// Fragments are key names; the longest in use, a P-521 multikey, has 97 octets.
pub const DID_URL_SUFFIX_BYTES: usize = 1024;

/// Octets of a DID document: 64 KiB, some thirty times a usual one.
pub const DOCUMENT_BYTES: usize = 64 * 1024;

/// Nesting of a DID document: 32 levels. A usual one has four.
pub const DOCUMENT_DEPTH: usize = 32;

/// JSON values in a DID document: 4,096. A document at all the other limits fits.
pub const DOCUMENT_MEMBERS: usize = 4096;

/// Verification methods of a document, embedded ones included: 128.
///
/// A message is encrypted to every key of one curve, so each of them costs its senders.
pub const VERIFICATION_METHODS: usize = 128;

/// Entries of one verification relationship: 128, as many as there may be methods.
pub const RELATIONSHIP_ENTRIES: usize = 128;

/// Services of a document: 32, several for each thing that an agent is known to offer.
pub const SERVICES: usize = 32;

/// Endpoints of one service: 16, for one message goes to one endpoint.
pub const ENDPOINTS: usize = 16;

/// Routing keys of one endpoint: 8. Each wraps the message once more, a third larger.
pub const ROUTING_KEYS: usize = 8;

/// Profiles in `accept` of one endpoint: 16. Four are defined.
pub const ACCEPT_PROFILES: usize = 16;

/// Types of one service: 8. Nearly every service has one.
pub const SERVICE_TYPES: usize = 8;

/// Entries of `alsoKnownAs`: 32.
pub const ALIASES: usize = 32;

/// Levels below the root of a service in did:peer:2 that abbreviations are expanded in: 8.
pub const PEER2_SERVICE_DEPTH: usize = 8;

/// Octets of the log of a did:webvh: 1 MiB, some three hundred versions of a usual document.
///
/// Each entry is hashed and its signature checked, so that this bounds time as well.
pub const LOG_BYTES: usize = 1024 * 1024;

/// Entries of such a log: 1,024.
pub const LOG_ENTRIES: usize = 1024;

/// Octets of one entry: 96 KiB, a document and half as much around it.
pub const LOG_ENTRY_BYTES: usize = 96 * 1024;

/// Keys in `updateKeys` and hashes in `nextKeyHashes` of an entry: 32 each. One or two are in use.
pub const UPDATE_KEYS: usize = 32;

/// Characters of one key in `updateKeys`: 128. Only Ed25519 is used, with 48; the longest multikey
/// that is in use anywhere, of P-521, has 97.
pub const MULTIKEY_CHARACTERS: usize = 128;

/// Characters of a self-certifying identifier and of one hash in `nextKeyHashes`: exactly 46, for
/// that is what a SHA-256 multihash has in base58, and the method knows no other.
pub const MULTIHASH_CHARACTERS: usize = 46;

/// Watchers of a did:webvh: 32.
pub const WATCHERS: usize = 32;

/// Octets of the address of one watcher: 2 KiB, what web servers and browsers take of any address.
/// Watchers are only passed on, never fetched here, so that nothing else bounds them.
pub const WATCHER_BYTES: usize = 2 * 1024;

/// Witnesses of a did:webvh: 32. Each is a signature to check.
pub const WITNESSES: usize = 32;

/// Proofs of one entry of a log: 8. One is needed, and each must verify.
pub const ENTRY_PROOFS: usize = 8;

/// Octets of the witness proofs of a did:webvh: 512 KiB.
///
/// A pruned file has one or two proofs of some 500 octets for each witness.
pub const WITNESS_PROOF_BYTES: usize = 512 * 1024;

/// JSON values in them: 8,192, some thousand proofs, each a signature to check.
pub const WITNESS_PROOF_MEMBERS: usize = 8192;
