use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use comity_jose::SignatureAlgorithm;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Checkpoint, LogOrigin, Vkey, VkeyUse};

/// A checkpoint with its signatures, as text that was read or will be shown.
///
/// Equal means: the same text.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    /// Length of the signed part of `text`.
    signed: usize,
    checkpoint: Checkpoint,
    signatures: Vec<Signature>,
}

#[derive(Clone, PartialEq, Eq)]
struct Signature {
    name: LogOrigin,
    key_id: [u8; 4],
    octets: Vec<u8>,
}

impl SignedNote {
    /// What the note says, whoever wrote it. Nothing is proved before [`SignedNote::verify`].
    pub const fn checkpoint_unverified(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The text, as it is stored, sent and shown.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Checks that the log of this origin signed the checkpoint with this key.
    ///
    /// # Errors
    /// When the key is another log's, is a witness's, signed nothing here, or any signature under
    /// its name and id fails.
    pub fn verify(&self, vkey: &Vkey) -> Result<&Checkpoint, NoteError> {
        if vkey.used_for() != VkeyUse::Log || vkey.name() != &self.checkpoint.origin {
            return Err(NoteError::OtherKey);
        }
        let body = self.body().as_bytes();
        let mut found = false;
        for signature in self.signatures_of(vkey) {
            verify_ed25519(vkey, body, &signature.octets)?;
            found = true;
        }
        if found {
            Ok(&self.checkpoint)
        } else {
            Err(NoteError::Unsigned)
        }
    }

    /// Checks a witness's cosignature and returns when, by its clock, it saw the checkpoint: UTC
    /// seconds, the earliest if it cosigned more than once.
    ///
    /// # Errors
    /// As [`SignedNote::verify`].
    ///
    /// # Spec
    /// C2SP `tlog-cosignature` §"Format" (`cosignature/v1`).
    pub fn witnessed(&self, vkey: &Vkey) -> Result<u64, NoteError> {
        if vkey.used_for() != VkeyUse::Witness {
            return Err(NoteError::OtherKey);
        }
        let mut earliest = None;
        for signature in self.signatures_of(vkey) {
            let (time, octets) = signature
                .octets
                .split_at_checked(8)
                .ok_or(NoteError::Invalid)?;
            let time = u64::from_be_bytes(time.try_into().expect("split at eight octets"));
            let message = format!("cosignature/v1\ntime {time}\n{}", self.body());
            verify_ed25519(vkey, message.as_bytes(), octets)?;
            earliest = Some(earliest.map_or(time, |earlier: u64| earlier.min(time)));
        }
        earliest.ok_or(NoteError::Unsigned)
    }

    pub(super) fn assemble(
        checkpoint: Checkpoint,
        vkey: &Vkey,
        signature: &[u8],
    ) -> Result<Self, NoteError> {
        let body = checkpoint.body();
        let mut octets = vkey.id().to_vec();
        octets.extend_from_slice(signature);
        let line = format!(
            "\n{SIGNATURE_PREFIX}{} {}\n",
            vkey.name(),
            STANDARD.encode(octets)
        );
        let note: Self = format!("{body}{line}").parse()?;
        note.verify(vkey)?;
        Ok(note)
    }

    fn body(&self) -> &str {
        &self.text[..self.signed]
    }

    fn signatures_of<'a>(&'a self, vkey: &'a Vkey) -> impl Iterator<Item = &'a Signature> {
        self.signatures
            .iter()
            .filter(|signature| signature.key_id == vkey.id() && &signature.name == vkey.name())
    }
}

/// Why a text is no signed checkpoint, or does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// A signature under the key's name and id does not verify.
    #[error("the checkpoint's signature does not verify")]
    Invalid,
    /// The key is of another log, or not of the kind that was asked for.
    #[error("the key is not that of this log")]
    OtherKey,
    /// Not a signed note, or its text is no checkpoint.
    #[error("not a signed checkpoint")]
    Syntax,
    /// Longer than any checkpoint that we read.
    #[error("a signed checkpoint has at most {MAX_BYTES} octets")]
    TooLarge,
    /// No signature of this key.
    #[error("the key has not signed this checkpoint")]
    Unsigned,
}

impl FromStr for SignedNote {
    type Err = NoteError;

    /// Reads a note; unknown signatures are kept and mean nothing.
    ///
    /// # Spec
    /// C2SP `signed-note` §"Format": the text ends at the last empty line.
    fn from_str(text: &str) -> Result<Self, NoteError> {
        if text.len() > MAX_BYTES {
            return Err(NoteError::TooLarge);
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(NoteError::Syntax);
        }
        let signed = text.rfind("\n\n").ok_or(NoteError::Syntax)? + 1;
        let checkpoint = Checkpoint::parse_body(&text[..signed]).ok_or(NoteError::Syntax)?;
        let lines = text[signed + 1..]
            .strip_suffix('\n')
            .ok_or(NoteError::Syntax)?;
        let signatures: Vec<_> = lines
            .split('\n')
            .map(Signature::parse)
            .collect::<Option<_>>()
            .ok_or(NoteError::Syntax)?;
        if signatures.len() > MAX_SIGNATURES {
            return Err(NoteError::Syntax);
        }
        Ok(Self {
            text: text.to_owned(),
            signed,
            checkpoint,
            signatures,
        })
    }
}

impl Signature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let octets = STANDARD.decode(encoded).ok()?;
        let (key_id, octets) = octets.split_first_chunk::<4>()?;
        Some(Self {
            name: name.parse().ok()?,
            key_id: *key_id,
            octets: octets.to_vec(),
        })
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl Serialize for SignedNote {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for SignedNote {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn verify_ed25519(vkey: &Vkey, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
    vkey.key()
        .verify(SignatureAlgorithm::EdDsa, message, signature)
        .map_err(|_| NoteError::Invalid)
}

/// Em dash and space, as the specification spells a signature line.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// One log and its witnesses; C2SP asks verifiers to accept at least 16 signatures.
const MAX_SIGNATURES: usize = 64;

/// An origin, a number, a hash and 64 signature lines fit; nothing else belongs in.
const MAX_BYTES: usize = 32 * 1024;
