//! The receipts: signature, checkpoint, and agreement with the messages and with each other.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{Case, Party, Why, keyring::Keyring, logs::Logs, messages::Messages};
use crate::{
    bundle::Bundle,
    checkpoint::LogOrigin,
    digest::Digest,
    entry::Commitment,
    receipt::{OpenReceipt, Receipt, ReceiptState, Statement},
    text::Fingerprint,
};

/// The receipts of a bundle that hold.
pub(super) struct Receipts {
    pub(super) all: Vec<Stated>,
    /// By the hash of its octets, position in `all`.
    by_hash: HashMap<Digest, usize>,
    /// By message, positions in `all`.
    by_message: HashMap<Digest, Vec<usize>>,
    /// What each place of a log is said to be.
    places: BTreeMap<(LogOrigin, u64), (Commitment, Digest)>,
    /// Of each message, where it was accepted.
    accepted: HashMap<Digest, (LogOrigin, u64)>,
}

/// A statement whose signature verified.
pub(super) struct Stated {
    /// Position in the bundle.
    pub(super) n: usize,
    pub(super) recipient: Party,
    /// The key that signed.
    pub(super) key: Fingerprint,
    pub(super) statement: Statement,
}

impl Receipts {
    pub(super) fn check(
        case: &mut Case<'_>,
        keyring: &mut Keyring,
        logs: &mut Logs,
        messages: &Messages,
    ) -> Self {
        let bundle: &Bundle = case.bundle;
        let mut receipts = Self {
            all: Vec::new(),
            by_hash: HashMap::new(),
            by_message: HashMap::new(),
            places: BTreeMap::new(),
            accepted: HashMap::new(),
        };
        let mut verified = HashMap::new();
        for (n, receipt) in bundle.receipts.iter().enumerate() {
            let at = format!("/receipts/{n}");
            let checked = prove(case, keyring, logs, &mut verified, &at, receipt).and_then(
                |(recipient, key, statement)| {
                    agree(case, messages, recipient, &statement)?;
                    receipts.add(
                        Stated {
                            n,
                            recipient,
                            key,
                            statement,
                        },
                        receipt.hash(),
                    )
                },
            );
            if let Err(why) = checked {
                case.find(at, why);
            }
        }
        receipts
    }

    /// What is stated about a message.
    pub(super) fn about(&self, message: &Digest) -> impl Iterator<Item = &Stated> {
        let positions = self.by_message.get(message).map_or(&[][..], Vec::as_slice);
        positions.iter().map(|position| &self.all[*position])
    }

    /// What receipts say stands at a place of a log.
    pub(super) fn at_place(&self, origin: &LogOrigin, index: u64) -> Option<&(Commitment, Digest)> {
        self.places.get(&(origin.clone(), index))
    }

    /// The statement of the receipt with this hash.
    pub(super) fn by_hash(&self, hash: &Digest) -> Option<&Statement> {
        Some(&self.all[*self.by_hash.get(hash)?].statement)
    }

    fn add(&mut self, stated: Stated, hash: Digest) -> Result<(), Why> {
        let Statement {
            message,
            state,
            log,
            code,
            id,
            sender_key,
            ..
        } = &stated.statement;
        for earlier in self.about(message) {
            let other = &earlier.statement;
            let same = earlier.recipient == stated.recipient;
            if !same || (&other.id, &other.sender_key) != (id, sender_key) {
                return Err(Why::ReceiptsContradict);
            }
            let both_end = state.is_terminal() && other.state.is_terminal();
            if both_end && (other.state, &other.code) != (*state, code) {
                return Err(Why::StatesContradict(other.state, *state));
            }
        }
        let place = (log.origin.clone(), log.index);
        let named = *self
            .places
            .entry(place.clone())
            .or_insert((log.commitment, *message));
        if named != (log.commitment, *message) {
            return Err(Why::ReceiptsContradict);
        }
        // Only a refusal is an entry of its own; everything else is about the one acceptance.
        if *state != ReceiptState::Refused {
            let accepted = self
                .accepted
                .entry(*message)
                .or_insert_with(|| place.clone());
            if *accepted != place {
                return Err(Why::ReceiptsContradict);
            }
        }
        self.by_message
            .entry(*message)
            .or_default()
            .push(self.all.len());
        self.by_hash.insert(hash, self.all.len());
        self.all.push(stated);
        Ok(())
    }
}

/// Checks the signatures of recipient and log. `verified` remembers the JWS that were checked and
/// the key of each, which is the same for all receipts of a batch.
fn prove(
    case: &Case<'_>,
    keyring: &mut Keyring,
    logs: &mut Logs,
    verified: &mut HashMap<String, Fingerprint>,
    at: &str,
    receipt: &Receipt,
) -> Result<(Party, Fingerprint, Statement), Why> {
    let opened: OpenReceipt = receipt
        .open()
        .map_err(|error| Why::Receipt(Arc::new(error)))?;
    let recipient = case
        .party(&opened.statement_unverified().recipient)
        .ok_or(Why::OtherParty)?;
    let sender = case
        .party(&opened.statement_unverified().sender)
        .ok_or(Why::OtherParty)?;
    if sender == recipient {
        return Err(Why::OtherParty);
    }
    let key = match verified.get(receipt.jws()) {
        Some(key) => *key,
        None => {
            let key = keyring.prove(case, recipient, opened.kid(), at, |key| {
                opened.verify_signature(key).is_ok()
            })?;
            logs.check_vouched(case, opened.checkpoint_unverified(), recipient)?;
            verified.insert(receipt.jws().to_owned(), key);
            key
        }
    };
    Ok((recipient, key, opened.into_verified().statement))
}

/// Compares a statement with the message that it is about.
fn agree(
    case: &Case<'_>,
    messages: &Messages,
    recipient: Party,
    statement: &Statement,
) -> Result<(), Why> {
    if messages.position(&statement.message).is_none() {
        return Err(Why::UnlistedMessage(statement.message));
    }
    let sender = &case.bundle.thread.between[1 - recipient];
    if !statement.sender_kid.did().same_subject(sender) {
        return Err(Why::ReceiptDiffers("sender_kid"));
    }
    let Some(seen) = messages.seen(&statement.message) else {
        return Ok(());
    };
    let differs = |key: &Fingerprint| *key != statement.sender_key;
    if seen.sender == recipient {
        Err(Why::ReceiptDiffers("sender"))
    } else if !statement.id.eq_ignore_ascii_case(seen.head.id.as_str()) {
        Err(Why::ReceiptDiffers("id"))
    } else if seen.key.as_ref().is_some_and(differs) {
        Err(Why::ReceiptDiffers("sender_key"))
    } else {
        Ok(())
    }
}
