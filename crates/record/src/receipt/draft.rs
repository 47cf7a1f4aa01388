use comity_did::DidUrl;
use comity_jose::{jws::SigningInput, sha256};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{BatchLeaf, MAX_BATCH, RECEIPT_TYP, Receipt, Statement};
use crate::{
    checkpoint::SignedNote,
    text::Octets32,
    tree::{self, Tree},
    wire::VERSION,
};

/// Statements on their way to becoming receipts: everything but the signature, which the holder of
/// the recipient's key makes elsewhere.
///
/// ```text
/// Draft::new(statements, note, kid)? ── signing_input() ──> signature ── finish(signature) ──> receipts
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    input: SigningInput,
    /// Octets of each statement and the tree over them; absent for a single statement.
    batch: Option<(Vec<Vec<u8>>, Tree)>,
}

impl Draft {
    /// Drafts one receipt, or a batch under one root if there are several statements.
    ///
    /// `checkpoint` must cover every entry that the statements name; `kid` is the recipient's
    /// Ed25519 authentication key.
    ///
    /// # Errors
    /// [`DraftError`]: what is drafted here, every reader of the format accepts.
    ///
    /// # Spec
    /// `formats.md` §6: at most 256 statements, one sender and one recipient.
    pub fn new(
        statements: &[Statement],
        checkpoint: &SignedNote,
        kid: &DidUrl,
    ) -> Result<Self, DraftError> {
        let first = statements.first().ok_or(DraftError::Size(0))?;
        if statements.len() > MAX_BATCH {
            return Err(DraftError::Size(statements.len()));
        }
        if kid.did() != &first.recipient {
            return Err(DraftError::OtherSigner);
        }
        let head = checkpoint.checkpoint_unverified();
        for statement in statements {
            if statement.sender != first.sender || statement.recipient != first.recipient {
                return Err(DraftError::SeveralPairs);
            }
            if statement.log.origin != head.origin || statement.log.index >= head.size {
                return Err(DraftError::NotUnderCheckpoint {
                    index: statement.log.index,
                });
            }
        }
        let protected = Protected {
            typ: RECEIPT_TYP,
            alg: "EdDSA",
            kid: kid.as_str(),
        };
        let octets: Vec<_> = statements.iter().map(Statement::to_octets).collect();
        let (payload, batch) = if let [only] = octets.as_slice() {
            (single_payload(only, checkpoint), None)
        } else {
            let tree = Tree::of(octets.iter().map(Vec::as_slice));
            let payload = Payload {
                v: VERSION,
                root: Octets32(tree.root()),
                size: tree.size(),
                checkpoint: checkpoint.as_str(),
            };
            (to_json(&payload), Some((octets, tree)))
        };
        Ok(Self {
            input: SigningInput::new(&to_json(&protected), &payload),
            batch,
        })
    }

    /// What the recipient's key has to sign.
    pub const fn signing_input(&self) -> &SigningInput {
        &self.input
    }

    /// Names the draft until it is signed: the hash of what is signed.
    pub fn id(&self) -> [u8; 32] {
        sha256(&[self.input.octets()])
    }

    /// Adds the signature and gives one receipt for each statement, in their order.
    pub fn finish(self, signature: &[u8]) -> Vec<Receipt> {
        let jws = self.input.into_compact(signature);
        let Some((statements, tree)) = self.batch else {
            return vec![Receipt { jws, leaf: None }];
        };
        let leaves = (0_u64..).zip(statements).map(|(index, statement)| {
            let path = tree::inclusion(index, tree.size(), &tree)
                .expect("the tree holds every statement of its draft");
            BatchLeaf {
                statement,
                index,
                path,
            }
        });
        leaves
            .map(|leaf| Receipt {
                jws: jws.clone(),
                leaf: Some(leaf),
            })
            .collect()
    }
}

/// Why statements cannot be drafted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// A statement names an entry that the checkpoint does not cover.
    #[error("entry {index} is not under the checkpoint")]
    NotUnderCheckpoint {
        /// The entry named.
        index: u64,
    },
    /// The key is not the recipient's.
    #[error("the key id is not the recipient's")]
    OtherSigner,
    /// Statements about several senders or recipients.
    #[error("a batch has one sender and one recipient")]
    SeveralPairs,
    /// None, or too many.
    #[error("a batch has 1 to {MAX_BATCH} statements, not {0}")]
    Size(usize),
}

#[derive(Serialize)]
struct Protected<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Payload<'a> {
    v: u64,
    root: Octets32,
    size: u64,
    checkpoint: &'a str,
}

#[derive(Serialize)]
struct SinglePayload<'a> {
    v: u64,
    statement: &'a RawValue,
    checkpoint: &'a str,
}

fn single_payload(statement: &[u8], checkpoint: &SignedNote) -> Vec<u8> {
    let statement = serde_json::from_slice(statement).expect("a statement is JSON");
    to_json(&SinglePayload {
        v: VERSION,
        statement,
        checkpoint: checkpoint.as_str(),
    })
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("text and numbers")
}
