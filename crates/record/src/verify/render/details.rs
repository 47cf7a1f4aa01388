//! What only those want who compare: anchors, keys and logs in full.

use std::fmt;

use crate::{
    text::{Shy, Utc},
    verify::Report,
};

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    for anchor in &report.anchors {
        let met = if anchor.met { "met" } else { "not met" };
        writeln!(f, "anchor     {}  {met}", Shy(&anchor.anchor.to_string()))?;
    }
    for identity in &report.identities {
        let did = Shy(identity.did.as_str());
        writeln!(f, "identity   {did}  {}", identity.grade)?;
        for key in &identity.keys {
            writeln!(f, "           key {}  {}", key.key, key.grade)?;
        }
    }
    for log in &report.logs {
        let (origin, size) = (Shy(log.origin.as_str()), log.size);
        writeln!(f, "log        {origin}  size {size}  {}", log.grade)?;
    }
    for entry in &report.other_entries {
        let (kind, index, origin) = (entry.kind, entry.index, Shy(entry.origin.as_str()));
        write!(f, "entry      {kind}, {index} of {origin}")?;
        if let Some(at) = entry.at {
            write!(f, ", {}", Utc(at))?;
        }
        writeln!(f, "  {}", entry.grade)?;
    }
    Ok(())
}
