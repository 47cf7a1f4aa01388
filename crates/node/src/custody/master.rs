//! `master.key`: what everything secret in the database is sealed under.
//!
//! 32 random octets in hexadecimal, readable by its owner only. It is made at the first start and
//! never again: a database without its key is a mistake to be told, not to be covered by a new one.

use super::{CustodyError, sealed};
use crate::config::write_private;
use comity_api::Problem;
use comity_jose::{Entropy, SystemEntropy};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The key of a node's secrets. Zeroized on drop, never printed.
pub struct MasterKey(Zeroizing<[u8; 32]>);

/// Why there is no master key. [`MasterKeyError::explain`] says what to type next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// Others can read it.
    #[error("{} can be read by others (mode {mode:o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 64 hexadecimal digits.
    #[error("{} is damaged: it is not 64 hexadecimal digits", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The system refused.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a database, but not the key it was sealed with.
    #[error("{} is missing, and there is a database that was sealed with it", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
}

impl MasterKey {
    /// Reads the key, or makes it if neither key nor `database` exist.
    ///
    /// # Errors
    /// [`MasterKeyError`]; nothing was changed then.
    pub fn open(path: &Path, database: &Path) -> Result<Self, MasterKeyError> {
        match File::open(path) {
            Ok(file) => Self::read(file, path),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(MasterKeyError::Io {
                path: path.to_owned(),
                source: error,
            }),
            Err(_) if database.exists() => Err(MasterKeyError::Missing {
                path: path.to_owned(),
            }),
            Err(_) => Self::make(path),
        }
    }

    /// Seals `secret` for `purpose`; see [`sealed`].
    pub(crate) fn seal(
        &self,
        purpose: &str,
        secret: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, CustodyError> {
        sealed::seal(self.0.as_ref(), purpose, secret, entropy)
    }

    /// Opens what was sealed for `purpose`.
    pub(crate) fn unseal(
        &self,
        purpose: &str,
        octets: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        sealed::open(self.0.as_ref(), purpose, octets)
    }

    fn read(file: File, path: &Path) -> Result<Self, MasterKeyError> {
        let failed = |source| MasterKeyError::Io {
            path: path.to_owned(),
            source,
        };
        let damaged = || MasterKeyError::Damaged {
            path: path.to_owned(),
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Exposed {
                path: path.to_owned(),
                mode,
            });
        }
        let mut text = Zeroizing::new(Vec::with_capacity(READ_MAX));
        let limit = u64::try_from(READ_MAX).unwrap_or(u64::MAX);
        file.take(limit).read_to_end(&mut text).map_err(failed)?;
        from_hex(text.trim_ascii()).map(Self).ok_or_else(damaged)
    }

    fn make(path: &Path) -> Result<Self, MasterKeyError> {
        let mut key = Zeroizing::new([0; 32]);
        SystemEntropy.fill(key.as_mut());
        let mut text = Zeroizing::new(Vec::with_capacity(READ_MAX));
        for octet in *key {
            text.extend([octet >> 4, octet & 0xf].map(|digit| DIGITS[usize::from(digit)]));
        }
        text.push(b'\n');
        write_private(path, &text).map_err(|source| MasterKeyError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self(key))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl MasterKeyError {
    /// Adds to `problem` what it means and what to type.
    #[must_use]
    pub fn explain(&self, problem: Problem) -> Problem {
        match self {
            Self::Exposed { path, .. } => problem
                .detail("whoever copied it can read this node's private keys")
                .next(format!("chmod 600 {}", path.display())),
            Self::Damaged { .. } | Self::Missing { .. } => problem
                .detail("without it the private keys in the database cannot be read; nothing was changed")
                .next("restore master.key from your backup   or   comity up --home NEW_DIRECTORY"),
            Self::Io { path, source } => {
                problem.detail(source.to_string()).next(format!("ls -l {}", path.display()))
            }
        }
    }
}

fn from_hex(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if text.len() != 2 * key.len() {
        return None;
    }
    for (octet, digits) in key.iter_mut().zip(text.chunks_exact(2)) {
        for digit in digits {
            let value = char::from(*digit).to_digit(16)?;
            *octet = *octet << 4 | u8::try_from(value).ok()?;
        }
    }
    Some(key)
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";
/// Octets read at most: the digits, and room for line ends.
const READ_MAX: usize = 80;
