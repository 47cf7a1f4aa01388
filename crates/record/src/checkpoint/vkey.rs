use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use comity_jose::{Curve, PublicKey, sha256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::LogOrigin;

/// A verifier key: name, use and Ed25519 public key of a log or of a witness.
///
/// Its text is `NAME+KEYID+BASE64`; the key id is derived from the rest, so a mistyped vkey does
/// not parse.
///
/// # Spec
/// C2SP `signed-note` §"Verifier keys"; `formats.md` §7.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Vkey {
    name: LogOrigin,
    used_for: VkeyUse,
    key: PublicKey,
    id: [u8; 4],
}

/// What a verifier key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum VkeyUse {
    /// The checkpoints of the log that the key is named after (signature type 0x01).
    Log,
    /// That a checkpoint was seen at a time (timestamped cosignature v1, type 0x04).
    Witness,
}

impl Vkey {
    /// Names the key of a log.
    ///
    /// # Errors
    /// When the key is not Ed25519.
    pub fn log(origin: LogOrigin, key: PublicKey) -> Result<Self, VkeyError> {
        Self::new(origin, VkeyUse::Log, key)
    }

    /// Names the key of a witness.
    ///
    /// # Errors
    /// When the key is not Ed25519.
    pub fn witness(name: LogOrigin, key: PublicKey) -> Result<Self, VkeyError> {
        Self::new(name, VkeyUse::Witness, key)
    }

    /// The name; for a log key, the log's origin.
    pub const fn name(&self) -> &LogOrigin {
        &self.name
    }

    /// What the key signs.
    pub const fn used_for(&self) -> VkeyUse {
        self.used_for
    }

    /// The public key.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The four octets by which a signature line names the key.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }

    fn new(name: LogOrigin, used_for: VkeyUse, key: PublicKey) -> Result<Self, VkeyError> {
        if key.curve() != Curve::Ed25519 {
            return Err(VkeyError::NotEd25519);
        }
        let hash = sha256(&[
            name.as_str().as_bytes(),
            b"\n",
            &[used_for.octet()],
            key.raw(),
        ]);
        let id = [hash[0], hash[1], hash[2], hash[3]];
        Ok(Self {
            name,
            used_for,
            key,
            id,
        })
    }
}

impl VkeyUse {
    const fn octet(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Witness => 0x04,
        }
    }

    const fn of_octet(octet: u8) -> Option<Self> {
        match octet {
            0x01 => Some(Self::Log),
            0x04 => Some(Self::Witness),
            _ => None,
        }
    }
}

/// Why a text is no verifier key that we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VkeyError {
    /// The key octets are no Ed25519 key that may be trusted.
    #[error("the verifier key holds no usable Ed25519 key")]
    Key,
    /// The key id does not belong to name and key.
    #[error("the key id does not belong to name and key: the text was changed or mistyped")]
    KeyId,
    /// The key is of another curve.
    #[error("logs and witnesses sign with Ed25519")]
    NotEd25519,
    /// Not `NAME+KEYID+BASE64`.
    #[error("a verifier key reads NAME+KEYID+BASE64")]
    Syntax,
    /// A signature type that we do not know.
    #[error("signature type {0:#04x} is not known here")]
    UnknownUse(u8),
}

impl FromStr for Vkey {
    type Err = VkeyError;

    fn from_str(text: &str) -> Result<Self, VkeyError> {
        // Base64 may hold a plus sign itself, a name may not.
        let mut parts = text.splitn(3, '+');
        let mut part = || parts.next().ok_or(VkeyError::Syntax);
        let (name, id, encoded) = (part()?, part()?, part()?);
        let name = name.parse().map_err(|_| VkeyError::Syntax)?;
        let octets = STANDARD.decode(encoded).map_err(|_| VkeyError::Syntax)?;
        let (kind, raw) = octets.split_first().ok_or(VkeyError::Syntax)?;
        let used_for = VkeyUse::of_octet(*kind).ok_or(VkeyError::UnknownUse(*kind))?;
        let key = PublicKey::from_raw(Curve::Ed25519, raw).map_err(|_| VkeyError::Key)?;
        let vkey = Self::new(name, used_for, key)?;
        if hex(vkey.id) == id {
            Ok(vkey)
        } else {
            Err(VkeyError::KeyId)
        }
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut octets = vec![self.used_for.octet()];
        octets.extend_from_slice(self.key.raw());
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex(self.id),
            STANDARD.encode(octets)
        )
    }
}

impl fmt::Debug for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Vkey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Vkey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}
