use comity_did::DidUrl;
use comity_jose::{PublicKey, jws::Jws};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{LIMITS, MAX_BATCH, RECEIPT_TYP, Receipt, ReceiptError, Statement};
use crate::{checkpoint::SignedNote, text::Octets32, tree, wire};

/// A receipt that was read and agrees with itself; its signature is not verified.
#[derive(Clone, Debug)]
pub struct OpenReceipt {
    jws: Jws,
    kid: DidUrl,
    statement: Statement,
    checkpoint: SignedNote,
}

/// A receipt whose signature was verified under a key that the caller trusts for what it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerifiedReceipt {
    /// What the recipient states.
    pub statement: Statement,
    /// The checkpoint of the recipient's log, vouched for by the recipient's signature; the
    /// signature of the log itself is for the caller to check with [`SignedNote::verify`].
    pub checkpoint: SignedNote,
    /// The key id that signed.
    pub kid: DidUrl,
}

impl OpenReceipt {
    pub(super) fn new(receipt: &Receipt) -> Result<Self, ReceiptError> {
        let jws = Jws::parse_compact(&receipt.jws, &LIMITS).map_err(ReceiptError::Jws)?;
        if jws.header().typ.as_deref() != Some(RECEIPT_TYP) {
            return Err(ReceiptError::Typ);
        }
        let payload = wire::read_object(jws.payload_unverified(), &LIMITS, MEMBERS)?;
        let Payload {
            statement,
            root,
            size,
            checkpoint,
        } = wire::typed(payload)?;
        let statement = match (statement, root, size, &receipt.leaf) {
            (Some(statement), None, None, None) => Statement::from_object(statement)?,
            (None, Some(root), Some(size), Some(leaf)) => {
                let fits = size <= MAX_BATCH as u64;
                let hash = tree::leaf_hash(&leaf.statement);
                if !fits
                    || tree::verify_inclusion(&hash, leaf.index, size, &leaf.path, &root.0).is_err()
                {
                    return Err(ReceiptError::NotInBatch);
                }
                Statement::parse(&leaf.statement)?
            }
            _ => return Err(ReceiptError::Form),
        };
        let checkpoint: SignedNote = checkpoint.parse().map_err(ReceiptError::Checkpoint)?;
        let head = checkpoint.checkpoint_unverified();
        if statement.log.origin != head.origin || statement.log.index >= head.size {
            let (index, size) = (statement.log.index, head.size);
            return Err(ReceiptError::EntryBeyondCheckpoint { index, size });
        }
        let kid = jws
            .header()
            .kid
            .as_deref()
            .and_then(|kid| kid.parse::<DidUrl>().ok());
        let kid = kid
            .filter(|kid| kid.did() == &statement.recipient)
            .ok_or(ReceiptError::NotTheRecipient)?;
        Ok(Self {
            jws,
            kid,
            statement,
            checkpoint,
        })
    }

    /// The key id under which the recipient is said to have signed: look up this `authentication`
    /// key of [`Statement::recipient`] to verify.
    pub const fn kid(&self) -> &DidUrl {
        &self.kid
    }

    /// What is stated, as long as nothing proved it.
    pub const fn statement_unverified(&self) -> &Statement {
        &self.statement
    }

    /// The checkpoint, as long as nothing proved it.
    pub const fn checkpoint_unverified(&self) -> &SignedNote {
        &self.checkpoint
    }

    /// Checks the recipient's signature.
    ///
    /// # Errors
    /// [`ReceiptError::Signature`].
    ///
    /// # Security
    /// `key` must be an `authentication` key of the recipient, found under [`OpenReceipt::kid`].
    /// Whether the receipt fits a message of ours is the caller's to decide.
    pub fn verify(self, key: &PublicKey) -> Result<VerifiedReceipt, ReceiptError> {
        self.verify_signature(key)?;
        Ok(self.into_verified())
    }

    /// Checks the recipient's signature, unless `proved` holds it already: the receipts of a batch
    /// share one, and a carrier brings many of a batch.
    ///
    /// # Errors
    /// As [`OpenReceipt::verify`].
    ///
    /// # Security
    /// As [`OpenReceipt::verify`].
    pub fn verify_among(
        self,
        key: &PublicKey,
        proved: &mut ProvedSignatures,
    ) -> Result<VerifiedReceipt, ReceiptError> {
        if !proved.holds(&self.jws, key) {
            self.verify_signature(key)?;
            proved.0.push((self.jws.clone(), key.clone()));
        }
        Ok(self.into_verified())
    }

    pub(crate) fn verify_signature(&self, key: &PublicKey) -> Result<(), ReceiptError> {
        self.jws
            .verify(key)
            .map(|_| ())
            .map_err(|_| ReceiptError::Signature)
    }

    /// For a caller who verified a receipt of the same JWS already.
    pub(crate) fn into_verified(self) -> VerifiedReceipt {
        let Self {
            statement,
            checkpoint,
            kid,
            ..
        } = self;
        VerifiedReceipt {
            statement,
            checkpoint,
            kid,
        }
    }
}

/// Signatures over receipts that were verified, each with the key that made it.
#[derive(Debug, Default)]
pub struct ProvedSignatures(Vec<(Jws, PublicKey)>);

impl ProvedSignatures {
    fn holds(&self, jws: &Jws, key: &PublicKey) -> bool {
        // The newest first: receipts of one batch come one after the other.
        self.0.iter().rev().any(|(known, by)| {
            by == key
                && known.signing_input() == jws.signing_input()
                && known.signature() == jws.signature()
        })
    }
}

#[derive(Deserialize)]
struct Payload {
    #[serde(default)]
    statement: Option<Map<String, Value>>,
    #[serde(default)]
    root: Option<Octets32>,
    #[serde(default)]
    size: Option<u64>,
    checkpoint: String,
}

const MEMBERS: &[&str] = &["v", "must", "statement", "root", "size", "checkpoint"];
