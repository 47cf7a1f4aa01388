//! Writing entries of the record, in the transaction of their effect.

use super::trouble::CoreError;
use super::webhooks;
use comity_jose::Entropy;
use comity_record::{Digest, Entry, Event, Record};
use comity_store::{EntryRow, Tx};

/// Records `event` at the transaction's time; it is integrated later. Returns its `seq`.
pub(crate) fn note(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    event: Event,
    subject: Option<Digest>,
) -> Result<u64, CoreError> {
    let record = Record {
        at: tx.now().seconds(),
        event,
    };
    if let Event::Decision(decided) = &record.event {
        webhooks::events::decision(tx, entropy, decided)?;
    }
    let entry = Entry::seal(&record, entropy)
        .map_err(|_| CoreError::Defect("an entry larger than 64 KiB"))?;
    let row = EntryRow {
        seq: 0,
        index: None,
        origin: None,
        kind: entry.kind().as_str().to_owned(),
        r: Some(*entry.r()),
        record: Some(entry.octets().to_vec()),
        commitment: *entry.commitment().octets(),
        subject,
    };
    Ok(tx.append_entry(&row)?)
}
