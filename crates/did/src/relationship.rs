//! What a document authorises a key for.

use comity_jose::Curve;

/// A verification relationship: the purpose that a DID document authorises a key for.
///
/// A key that is in the document but not in a relationship is not authorised for it.
///
/// # Spec
/// DID Core 1.1 §"Verification Relationships".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relationship {
    /// Signing messages as the subject.
    Authentication,
    /// Signing claims.
    AssertionMethod,
    /// Encrypting to the subject, and authenticated encryption by it.
    KeyAgreement,
    /// Invoking capabilities. Not used by DIDComm.
    CapabilityInvocation,
    /// Delegating capabilities. Not used by DIDComm.
    CapabilityDelegation,
}

impl Relationship {
    /// All relationships, in the order of the specification.
    pub const ALL: [Self; 5] = [
        Self::Authentication,
        Self::AssertionMethod,
        Self::KeyAgreement,
        Self::CapabilityInvocation,
        Self::CapabilityDelegation,
    ];

    /// Returns the member of the document that lists this relationship's keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::AssertionMethod => "assertionMethod",
            Self::KeyAgreement => "keyAgreement",
            Self::CapabilityInvocation => "capabilityInvocation",
            Self::CapabilityDelegation => "capabilityDelegation",
        }
    }

    /// Whether a key on `curve` can serve this purpose at all: Ed25519 can't agree on a key and
    /// X25519 can't sign, whatever a document says (conformance JWK-02).
    pub fn suits(self, curve: Curve) -> bool {
        match curve {
            Curve::Ed25519 => self != Self::KeyAgreement,
            Curve::X25519 => self == Self::KeyAgreement,
            _ => true,
        }
    }
}
