//! Every bound on what a presented chain may cost, with its unit and its reason.

use std::time::Duration;

/// Octets of a vouch as carried, a compact JWS: 4 KiB.
///
/// A usual one has 1.2 KiB. Base64url leaves 3 KiB for the credential, so that a vouch may use one of
/// its other bounds to the full, not all at once.
pub const VOUCH_BYTES: usize = 4 * 1024;

/// Octets of a status list as carried, a compact JWS: 8 KiB.
///
/// A list with nothing revoked has 0.9 KiB; what it grows by is what was revoked. See [`LIST_ENTRIES`].
pub const STATUS_BYTES: usize = 8 * 1024;

/// Links of a chain: 4. Whoever stands at the end was judged by somebody at three removes; further
/// there is no judgement left to rely on. Each link may cost a resolution and two signatures.
pub const CHAIN_LINKS: usize = 4;

/// Message types and protocols of a vouch: 64, as many as one direction of a grant may list.
pub const MAY_ENTRIES: usize = comity_engine::defaults::GRANT_TYPES_MAX;

/// Verifiers that a vouch names: 16. A vouch for everybody is none.
pub const AUDIENCE_ENTRIES: usize = 16;

/// Characters of the purpose: 280, as many as a knock's has.
pub const PURPOSE_CHARS: usize = comity_engine::defaults::PURPOSE_CHARS_MAX;

/// Octets of the address of a status list: 512.
pub const URL_BYTES: usize = 512;

/// Bits of a list at least: 131,072, so that an index tells little about how many vouches there are.
///
/// # Spec
/// Bitstring Status List 1.0 §"Validate Algorithm".
pub const LIST_BITS_MIN: usize = 131_072;

/// Bits of a list at most: 1,048,576. It is never expanded beyond, whatever was compressed.
pub const LIST_BITS_MAX: usize = 1_048_576;

/// Indexes that an issuer gives away of one list of [`LIST_BITS_MIN`] bits: 2,048, at random.
///
/// If all of them are revoked the list has 6.9 KiB and still fits [`STATUS_BYTES`]; a test sees to it.
/// An issuer that needs more keeps several lists: one that outgrows its bound could no longer be
/// renewed, and every vouch on it would go stale.
pub const LIST_ENTRIES: usize = 2_048;

/// How far ahead of our clock a vouch or a status list may start.
pub const CLOCK_SKEW: Duration = comity_engine::defaults::CLOCK_SKEW;

/// Last second that a date of four digits can name: the end of the year 9999.
pub(crate) const LAST_SECOND: u64 = 253_402_300_799;
