//! Content encryption, as data: one row an algorithm.

use aws_lc_rs::aead::{
    AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey,
};
use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

use super::constant_time_eq;
use super::hchacha::hchacha20;

/// How content is encrypted: the `enc` of a JWE (JWE-30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Enc {
    /// AES-256-CBC with HMAC-SHA-512 (RFC 7518 §5.2.5). The one everybody has.
    A256CbcHs512,
    /// AES-256-GCM (RFC 7518 §5.3). The fast one.
    A256Gcm,
    /// XChaCha20-Poly1305 (draft-amringer-jose-chacha-02). Read; written on request only.
    Xc20p,
}

/// Key, nonce, additional data or content do not belong together; no further detail exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot decrypt content")]
pub struct AeadError;

impl Enc {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::A256CbcHs512, Self::A256Gcm, Self::Xc20p];

    /// The `enc` of a header.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The algorithm of that `enc`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|enc| enc.name() == name)
    }

    /// Octets of the content key.
    pub fn key_len(self) -> usize {
        self.row().key_len
    }

    /// Octets of `iv`; any other number is malformed (JWE-15).
    pub fn iv_len(self) -> usize {
        self.row().iv_len
    }

    /// Octets of `tag`; any other number is malformed (JWE-15).
    pub fn tag_len(self) -> usize {
        self.row().tag_len
    }

    /// Encrypts `content` in place and returns the tag.
    ///
    /// # Errors
    /// [`AeadError`] for a key or iv of another length.
    ///
    /// # Security
    /// Key and iv must be fresh.
    pub fn seal(
        self,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        content: &mut Vec<u8>,
    ) -> Result<Vec<u8>, AeadError> {
        self.check(key, iv)?;
        (self.row().seal)(key, iv, aad, content)
    }

    /// Checks the tag in constant time, then decrypts `content` in place.
    ///
    /// # Errors
    /// [`AeadError`], the same for every cause; `content` is then of no use.
    pub fn open(
        self,
        key: &[u8],
        iv: &[u8],
        aad: &[u8],
        content: &mut Vec<u8>,
        tag: &[u8],
    ) -> Result<(), AeadError> {
        self.check(key, iv)?;
        if tag.len() != self.tag_len() {
            return Err(AeadError);
        }
        (self.row().open)(key, iv, aad, content, tag)
    }

    fn check(self, key: &[u8], iv: &[u8]) -> Result<(), AeadError> {
        let fits = key.len() == self.key_len() && iv.len() == self.iv_len();
        if fits { Ok(()) } else { Err(AeadError) }
    }

    fn row(self) -> &'static Row {
        match self {
            Self::A256CbcHs512 => &A256CBC_HS512,
            Self::A256Gcm => &A256GCM,
            Self::Xc20p => &XC20P,
        }
    }
}

type Seal = fn(&[u8], &[u8], &[u8], &mut Vec<u8>) -> Result<Vec<u8>, AeadError>;
type Open = fn(&[u8], &[u8], &[u8], &mut Vec<u8>, &[u8]) -> Result<(), AeadError>;

struct Row {
    name: &'static str,
    key_len: usize,
    iv_len: usize,
    tag_len: usize,
    seal: Seal,
    open: Open,
}

static A256CBC_HS512: Row = Row {
    name: "A256CBC-HS512",
    key_len: 64,
    iv_len: 16,
    tag_len: 32,
    seal: seal_cbc,
    open: open_cbc,
};
static A256GCM: Row = Row {
    name: "A256GCM",
    key_len: 32,
    iv_len: 12,
    tag_len: 16,
    seal: |key, iv, aad, content| seal_with(&AES_256_GCM, key, iv, aad, content),
    open: |key, iv, aad, content, tag| open_with(&AES_256_GCM, key, iv, aad, content, tag),
};
static XC20P: Row = Row {
    name: "XC20P",
    key_len: 32,
    iv_len: 24,
    tag_len: 16,
    seal: |key, iv, aad, content| seal_xchacha(key, iv, aad, content),
    open: |key, iv, aad, content, tag| open_xchacha(key, iv, aad, content, tag),
};

/// RFC 7518 §5.2.2.1: encrypt, then authenticate; the MAC key is the first half (JWE-28).
fn seal_cbc(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut Vec<u8>,
) -> Result<Vec<u8>, AeadError> {
    let (mac_key, encryption_key) = key.split_at(32);
    let iv_fixed = FixedLength::<16>::try_from(iv).map_err(|_| AeadError)?;
    let key = UnboundCipherKey::new(&AES_256, encryption_key).map_err(|_| AeadError)?;
    PaddedBlockEncryptingKey::cbc_pkcs7(key)
        .and_then(|key| key.less_safe_encrypt(content, EncryptionContext::Iv128(iv_fixed)))
        .map_err(|_| AeadError)?;
    let mut tag = cbc_mac(mac_key, iv, aad, content).as_ref().to_vec();
    tag.truncate(32);
    Ok(tag)
}

/// RFC 7518 §5.2.2.2: nothing is decrypted before the tag is right, so padding tells nothing.
fn open_cbc(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut Vec<u8>,
    tag: &[u8],
) -> Result<(), AeadError> {
    let (mac_key, encryption_key) = key.split_at(32);
    let expected = cbc_mac(mac_key, iv, aad, content);
    if !constant_time_eq(&expected.as_ref()[..32], tag) {
        return Err(AeadError);
    }
    let iv = FixedLength::<16>::try_from(iv).map_err(|_| AeadError)?;
    let key = UnboundCipherKey::new(&AES_256, encryption_key).map_err(|_| AeadError)?;
    let length = PaddedBlockDecryptingKey::cbc_pkcs7(key)
        .and_then(|key| {
            key.decrypt(content, DecryptionContext::Iv128(iv))
                .map(|plain| plain.len())
        })
        .map_err(|_| AeadError)?;
    content.truncate(length);
    Ok(())
}

fn cbc_mac(key: &[u8], iv: &[u8], aad: &[u8], ciphertext: &[u8]) -> hmac::Tag {
    let bits = u64::try_from(aad.len())
        .expect("a length fits 64 bits")
        .saturating_mul(8);
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA512, key));
    context.update(aad);
    context.update(iv);
    context.update(ciphertext);
    context.update(&bits.to_be_bytes());
    context.sign()
}

fn seal_xchacha(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut [u8],
) -> Result<Vec<u8>, AeadError> {
    let (key, nonce) = xchacha(key, iv)?;
    seal_with(&CHACHA20_POLY1305, key.as_ref(), &nonce, aad, content)
}

fn open_xchacha(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut [u8],
    tag: &[u8],
) -> Result<(), AeadError> {
    let (key, nonce) = xchacha(key, iv)?;
    open_with(&CHACHA20_POLY1305, key.as_ref(), &nonce, aad, content, tag)
}

/// Sub-key and short nonce (draft-irtf-cfrg-xchacha-03 §2.3).
fn xchacha(key: &[u8], iv: &[u8]) -> Result<(Zeroizing<[u8; 32]>, [u8; 12]), AeadError> {
    let key: &[u8; 32] = key.try_into().map_err(|_| AeadError)?;
    let (head, tail) = iv.split_first_chunk::<16>().ok_or(AeadError)?;
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(tail);
    Ok((hchacha20(key, head), nonce))
}

fn seal_with(
    algorithm: &'static Algorithm,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut [u8],
) -> Result<Vec<u8>, AeadError> {
    let nonce = Nonce::try_assume_unique_for_key(iv).map_err(|_| AeadError)?;
    let key = UnboundKey::new(algorithm, key).map_err(|_| AeadError)?;
    LessSafeKey::new(key)
        .seal_in_place_separate_tag(nonce, Aad::from(aad), content)
        .map(|tag| tag.as_ref().to_vec())
        .map_err(|_| AeadError)
}

fn open_with(
    algorithm: &'static Algorithm,
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    content: &mut [u8],
    tag: &[u8],
) -> Result<(), AeadError> {
    let nonce = Nonce::try_assume_unique_for_key(iv).map_err(|_| AeadError)?;
    let key = UnboundKey::new(algorithm, key).map_err(|_| AeadError)?;
    LessSafeKey::new(key)
        .open_in_place_separate_tag(nonce, Aad::from(aad), tag, content)
        .map(|_| ())
        .map_err(|_| AeadError)
}
