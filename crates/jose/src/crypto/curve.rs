//! Curves and signature algorithms as data. Adding one is adding a row.

use aws_lc_rs::{agreement, signature};

/// A curve that keys live on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Curve {
    /// Edwards curve 25519: signatures (`EdDSA`).
    Ed25519,
    /// Montgomery curve 25519: key agreement. The one to prefer.
    X25519,
    /// NIST P-256: agreement and signatures (`ES256`).
    P256,
    /// NIST P-384: agreement.
    P384,
    /// NIST P-521: agreement.
    P521,
    /// secp256k1: signatures (`ES256K`), never agreement.
    Secp256k1,
}

impl Curve {
    /// All curves, the preferred ones for agreement first.
    pub const ALL: [Self; 6] = [
        Self::Ed25519,
        Self::X25519,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Secp256k1,
    ];

    /// The `crv` of a JWK (RFC 7518 §6.2.1.1, RFC 8037 §2, RFC 8812 §3.1).
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The `kty` of a JWK: `OKP` or `EC`.
    pub fn kty(self) -> &'static str {
        if self.row().weierstrass { "EC" } else { "OKP" }
    }

    /// The curve of that `crv`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|curve| curve.name() == name)
    }

    /// The multicodec of a public key, as its varint octets (KEY-01).
    pub fn multicodec(self) -> [u8; 2] {
        self.row().multicodec
    }

    /// The curve of that multicodec.
    pub fn from_multicodec(code: [u8; 2]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|curve| curve.multicodec() == code)
    }

    /// Octets of a coordinate, of a private key, and of a shared secret (JWE-12).
    pub fn field_len(self) -> usize {
        self.row().field_len
    }

    /// Whether two keys on this curve can agree on a secret in DIDComm (JWE-10).
    pub fn agrees(self) -> bool {
        self.row().agreement.is_some()
    }

    /// The signature algorithm of keys on this curve (JWS-01, JWS-08).
    pub fn signature_algorithm(self) -> Option<SignatureAlgorithm> {
        SignatureAlgorithm::ALL
            .into_iter()
            .find(|alg| alg.curve() == self)
    }

    pub(crate) fn row(self) -> &'static Row {
        match self {
            Self::Ed25519 => &ED25519,
            Self::X25519 => &X25519,
            Self::P256 => &P256,
            Self::P384 => &P384,
            Self::P521 => &P521,
            Self::Secp256k1 => &SECP256K1,
        }
    }
}

/// A JWS `alg` that a message may carry; every other one is refused (JWS-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// Ed25519 (RFC 8037). What we sign with.
    EdDsa,
    /// ECDSA on P-256 with SHA-256, `r || s` (RFC 7518 §3.4).
    Es256,
    /// ECDSA on secp256k1 with SHA-256, `r || s` (RFC 8812 §3.2).
    Es256k,
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Es256k];

    /// The `alg` of a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es256k => "ES256K",
        }
    }

    /// The algorithm of that `alg`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.name() == name)
    }

    /// The curve its keys live on.
    pub fn curve(self) -> Curve {
        match self {
            Self::EdDsa => Curve::Ed25519,
            Self::Es256 => Curve::P256,
            Self::Es256k => Curve::Secp256k1,
        }
    }
}

/// What the code needs to know of a curve.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) multicodec: [u8; 2],
    pub(crate) field_len: usize,
    /// Points have two coordinates and a compressed form (SEC 1 §2.3.3).
    pub(crate) weierstrass: bool,
    /// Reads and checks a point; for curves with a [`SignatureAlgorithm`] also verifies.
    pub(crate) verification: Option<&'static dyn signature::VerificationAlgorithm>,
    pub(crate) agreement: Option<&'static agreement::Algorithm>,
    pub(crate) signing: Option<&'static signature::EcdsaSigningAlgorithm>,
    /// The DER object identifier of a named curve, tag and length included.
    pub(crate) oid: &'static [u8],
}

static ED25519: Row = Row {
    name: "Ed25519",
    multicodec: [0xed, 0x01],
    field_len: 32,
    weierstrass: false,
    verification: Some(&signature::ED25519),
    agreement: None,
    signing: None,
    oid: &[],
};
static X25519: Row = Row {
    name: "X25519",
    multicodec: [0xec, 0x01],
    field_len: 32,
    weierstrass: false,
    verification: None,
    agreement: Some(&agreement::X25519),
    signing: None,
    oid: &[],
};
static P256: Row = Row {
    name: "P-256",
    multicodec: [0x80, 0x24],
    field_len: 32,
    weierstrass: true,
    verification: Some(&signature::ECDSA_P256_SHA256_FIXED),
    agreement: Some(&agreement::ECDH_P256),
    signing: Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
    oid: &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
};
static P384: Row = Row {
    name: "P-384",
    multicodec: [0x81, 0x24],
    field_len: 48,
    weierstrass: true,
    verification: Some(&signature::ECDSA_P384_SHA384_FIXED),
    agreement: Some(&agreement::ECDH_P384),
    signing: None,
    oid: &[],
};
static P521: Row = Row {
    name: "P-521",
    multicodec: [0x82, 0x24],
    field_len: 66,
    weierstrass: true,
    verification: Some(&signature::ECDSA_P521_SHA512_FIXED),
    agreement: Some(&agreement::ECDH_P521),
    signing: None,
    oid: &[],
};
static SECP256K1: Row = Row {
    name: "secp256k1",
    multicodec: [0xe7, 0x01],
    field_len: 32,
    weierstrass: true,
    verification: Some(&signature::ECDSA_P256K1_SHA256_FIXED),
    agreement: None,
    signing: Some(&signature::ECDSA_P256K1_SHA256_FIXED_SIGNING),
    oid: &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
};
