//! The bits of a status list, and the text that carries them.

use std::fmt;
use std::io::{Read, Write};

use comity_jose::{base64url, multibase};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use crate::limits::{LIST_BITS_MAX, LIST_BITS_MIN};

/// The bits of a status list. What is set stays set: revocation has no way back.
///
/// # Spec
/// Bitstring Status List 1.0 §"BitstringStatusListCredential": index 0 is the left-most bit.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusBits(Vec<u8>);

/// Why there are no such bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BitsError {
    /// No multibase text in base64url.
    #[error("an encoded list starts with u and is base64url without padding")]
    Encoding,
    /// Not one whole gzip stream.
    #[error("an encoded list is one gzip stream and nothing more")]
    Gzip,
    /// No such index.
    #[error("the list has no such index")]
    Index,
    /// Fewer bits than a list has, or more.
    #[error("a status list has {LIST_BITS_MIN} to {LIST_BITS_MAX} bits")]
    Length,
}

impl StatusBits {
    /// A list of [`LIST_BITS_MIN`] bits, all zero.
    #[must_use]
    pub fn new() -> Self {
        Self(vec![0; LIST_BITS_MIN / 8])
    }

    /// A list of so many bits, all zero.
    ///
    /// # Errors
    /// [`BitsError::Length`] unless it is a multiple of 8 from [`LIST_BITS_MIN`] to [`LIST_BITS_MAX`].
    pub fn with_len(bits: usize) -> Result<Self, BitsError> {
        if !(LIST_BITS_MIN..=LIST_BITS_MAX).contains(&bits) || !bits.is_multiple_of(8) {
            return Err(BitsError::Length);
        }
        Ok(Self(vec![0; bits / 8]))
    }

    /// How many bits there are.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a list is never empty")]
    pub const fn len(&self) -> usize {
        self.0.len() * 8
    }

    /// Sets a bit.
    ///
    /// # Errors
    /// [`BitsError::Index`] beyond the list.
    pub fn set(&mut self, index: u32) -> Result<(), BitsError> {
        let (octet, bit) = place(index);
        let octet = self.0.get_mut(octet).ok_or(BitsError::Index)?;
        *octet |= bit;
        Ok(())
    }

    /// Whether a bit is set; `None` beyond the list.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<bool> {
        let (octet, bit) = place(index);
        self.0.get(octet).map(|octet| octet & bit != 0)
    }

    /// How many bits are set.
    #[must_use]
    pub fn ones(&self) -> u32 {
        self.0.iter().map(|octet| octet.count_ones()).sum()
    }

    /// Writes the bits as `encodedList`; equal bits give equal text.
    ///
    /// # Spec
    /// Bitstring Status List 1.0 §"Bitstring Generation Algorithm".
    #[must_use]
    pub fn to_encoded_list(&self) -> String {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let octets = gzip.write_all(&self.0).and_then(|()| gzip.finish());
        multibase::encode_base64url(&octets.expect("memory takes what is written"))
    }

    /// Reads `encodedList`. However much was compressed, no more than [`LIST_BITS_MAX`] bits and one
    /// octet are ever expanded.
    ///
    /// # Errors
    /// [`BitsError`].
    ///
    /// # Spec
    /// Bitstring Status List 1.0 §"Bitstring Expansion Algorithm".
    pub fn from_encoded_list(text: &str) -> Result<Self, BitsError> {
        let text = text.strip_prefix('u').ok_or(BitsError::Encoding)?;
        let compressed = base64url::decode(text).map_err(|_| BitsError::Encoding)?;
        let bound = LIST_BITS_MAX / 8 + 1;
        let mut gzip = GzDecoder::new(compressed.as_slice());
        let mut octets = Vec::with_capacity(LIST_BITS_MIN / 8);
        let mut bounded = gzip.by_ref().take(u64::try_from(bound).unwrap_or(u64::MAX));
        bounded
            .read_to_end(&mut octets)
            .map_err(|_| BitsError::Gzip)?;
        if !(LIST_BITS_MIN / 8..bound).contains(&octets.len()) {
            return Err(BitsError::Length);
        }
        if !gzip.into_inner().is_empty() {
            return Err(BitsError::Gzip);
        }
        Ok(Self(octets))
    }
}

impl Default for StatusBits {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StatusBits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatusBits({} of {})", self.ones(), self.len())
    }
}

/// The octet of a bit, and the bit in it.
fn place(index: u32) -> (usize, u8) {
    let octet = usize::try_from(index / 8).unwrap_or(usize::MAX);
    (octet, 0x80 >> (index % 8))
}
