//! Proving the receipts that a peer's node sent: each for itself, but nothing twice.
//!
//! A carrier brings many receipts, and those of one batch share their signature and their
//! checkpoint. One look into the outbox serves all of them, and each signature is checked once.

use super::Core;
use super::trouble::CoreError;
use crate::resolve::Lane;
use comity_did::{Did, DidDocument, Relationship};
use comity_record::receipt::{OpenReceipt, ProvedSignatures, VerifiedReceipt};
use comity_record::{Digest, Receipt, SignedNote, Vkey};
use std::collections::HashMap;
use std::sync::Arc;

/// A receipt that its signer's key proves, and the log that signed the checkpoint in it, if that
/// is the one its signer's document names.
pub(super) struct ProvedReceipt {
    pub(super) receipt: Receipt,
    pub(super) verified: VerifiedReceipt,
    pub(super) log: Option<Vkey>,
}

/// Signatures that were checked for this carrier.
#[derive(Default)]
struct Checked {
    receipts: ProvedSignatures,
    checkpoints: Vec<(SignedNote, Vkey)>,
}

impl Core {
    /// Those of the receipts that count: about a message of our outbox to the very DID that signed.
    pub(super) async fn prove_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ProvedReceipt>, CoreError> {
        let opened: Vec<(Receipt, OpenReceipt)> = receipts
            .into_iter()
            .filter_map(|receipt| receipt.open().ok().map(|open| (receipt, open)))
            .collect();
        let ours = self.senders_and_recipients(&opened).await?;
        let (mut checked, mut proved) = (Checked::default(), Vec::with_capacity(opened.len()));
        for (receipt, open) in opened {
            let statement = open.statement_unverified();
            let parties = ours.get(&statement.message);
            if parties
                .is_none_or(|(agent, to)| *agent != statement.sender || *to != statement.recipient)
            {
                continue;
            }
            if let Some((verified, log)) = self.prove_receipt(open, &mut checked).await? {
                proved.push(ProvedReceipt {
                    receipt,
                    verified,
                    log,
                });
            }
        }
        Ok(proved)
    }

    /// Who sent the messages to whom, of those that are ours.
    async fn senders_and_recipients(
        &self,
        opened: &[(Receipt, OpenReceipt)],
    ) -> Result<HashMap<Digest, (Did, Did)>, CoreError> {
        let messages: Vec<Digest> = opened
            .iter()
            .map(|(_, open)| open.statement_unverified().message)
            .collect();
        self.store
            .read(move |tx| {
                let mut ours = HashMap::with_capacity(messages.len());
                for message in &messages {
                    if !ours.contains_key(message)
                        && let Some(row) = tx.outgoing_by_digest(message)?
                    {
                        ours.insert(*message, (row.agent, row.to));
                    }
                }
                Ok::<_, CoreError>(ours)
            })
            .await
    }

    async fn prove_receipt(
        &self,
        open: OpenReceipt,
        checked: &mut Checked,
    ) -> Result<Option<(VerifiedReceipt, Option<Vkey>)>, CoreError> {
        // A receipt is acknowledged once it is applied: while its signer cannot be looked up, its
        // sender has to keep it.
        let signer = &open.statement_unverified().recipient;
        let mut found = self.resolver.resolve(signer, Lane::Known).await;
        let known = |document: &Arc<DidDocument>| {
            document
                .key(open.kid(), Relationship::Authentication)
                .is_some()
        };
        if !found.as_ref().is_ok_and(known) {
            // The key may be newer than the document we hold.
            found = self.resolver.refetch(signer).await;
        }
        let document = match found {
            Ok(document) => document,
            Err(error) if error.is_temporary() => return Err(error.into()),
            Err(_) => return Ok(None),
        };
        let Some(key) = document.key(open.kid(), Relationship::Authentication) else {
            return Ok(None);
        };
        let verified = open.verify_among(key, &mut checked.receipts);
        let Ok(verified) = verified else {
            return Ok(None);
        };
        let mut log = checked.signing_log(&document, &verified);
        if log.is_none() {
            // A restored node goes on in another log: its document may be newer than ours.
            log = match self.resolver.refetch(&verified.statement.recipient).await {
                Ok(document) => checked.signing_log(&document, &verified),
                Err(error) if error.is_temporary() => return Err(error.into()),
                Err(_) => None,
            };
        }
        Ok(Some((verified, log)))
    }
}

impl Checked {
    /// The log that the recipient's document names, if it signed the receipt's checkpoint.
    fn signing_log(&mut self, document: &DidDocument, verified: &VerifiedReceipt) -> Option<Vkey> {
        let vkey = document.log()?.vkey.parse::<Vkey>().ok()?;
        let mut known = self.checkpoints.iter().rev();
        if !known.any(|(note, by)| *by == vkey && *note == verified.checkpoint) {
            verified.checkpoint.verify(&vkey).ok()?;
            self.checkpoints
                .push((verified.checkpoint.clone(), vkey.clone()));
        }
        Some(vkey)
    }
}
