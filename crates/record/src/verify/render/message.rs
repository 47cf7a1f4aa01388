//! One message: who to whom, what, by whose key, and what the recipient said about it.

use std::{collections::BTreeSet, fmt};

use comity_did::Did;

use super::words::{is_anchored, key_words, short, who};
use crate::{
    conversation::{self, Turn},
    receipt::By,
    text::{Shy, Utc},
    verify::{Grade, MessageReport, Report, Shown, StateReport},
};

/// The messages in the order of the conversation, which older files do not keep.
pub(super) fn in_order(report: &Report) -> Vec<&MessageReport> {
    let turns: Vec<_> = report
        .messages
        .iter()
        .map(|message| Turn {
            digest: message.digest,
            opens: opens(message, report),
            causes: &message.causes,
            sender: message.from.as_ref(),
            number: message.sender_order,
            time: message.times.claimed.or(message.times.stated),
        })
        .collect();
    let order = conversation::order(&turns);
    let messages = order.into_iter().map(|n| report.messages.get(n));
    messages.flatten().collect()
}

/// Whether the thread has its id from this message: what else is in it answers it.
pub(super) fn opens(message: &MessageReport, report: &Report) -> bool {
    match (&message.id, &report.thread) {
        (Some(id), Some(thread)) => id.eq_ignore_ascii_case(thread),
        _ => false,
    }
}

pub(super) fn write(
    f: &mut fmt::Formatter<'_>,
    number: usize,
    message: &MessageReport,
    report: &Report,
    verbose: bool,
) -> fmt::Result {
    let name = |did: &Option<Did>| did.as_ref().map_or_else(|| "?".to_owned(), who);
    let (from, to) = (name(&message.from), name(&message.to));
    write!(f, "{number}  {from} → {to}")?;
    match message.times.claimed {
        Some(claimed) => writeln!(f, ", {} (says the sender)", Utc(claimed))?,
        None => writeln!(f)?,
    }
    write_content(f, message, verbose)?;
    write_signature(f, message, report)?;
    if let Some(before) = message.times.existed_before {
        writeln!(
            f,
            "   existed before {}, says a witness that you trust",
            Utc(before)
        )?;
    }
    write_states(f, message, report)?;
    if verbose {
        write_details(f, message)?;
    }
    Ok(())
}

/// Its type and as much of its body as fits a line; all of it is in the JSON.
fn write_content(
    f: &mut fmt::Formatter<'_>,
    message: &MessageReport,
    verbose: bool,
) -> fmt::Result {
    let type_ = message.type_.as_deref().unwrap_or("of an unknown type");
    write!(f, "   {}", Shy(type_))?;
    let Some(body) = &message.body else {
        return writeln!(f, "   (content withheld)");
    };
    let shown = if verbose { BODY_VERBOSE } else { BODY };
    let text = body.to_string();
    let cut = text.char_indices().nth(shown);
    let (shown, more) = match cut {
        Some((at, _)) => (text.get(..at).unwrap_or_default(), "…"),
        None => (text.as_str(), ""),
    };
    writeln!(f, "   {}{more}", Shy(shown))
}

fn write_signature(
    f: &mut fmt::Formatter<'_>,
    message: &MessageReport,
    report: &Report,
) -> fmt::Result {
    match (message.shown, message.grade, &message.from) {
        (Shown::Unsigned, ..) => writeln!(f, "   NOT signed: it proves nothing to you"),
        (Shown::Withheld, ..) => {
            writeln!(
                f,
                "   withheld: only what was signed or recorded about it is shown"
            )
        }
        (_, Some(grade), Some(from)) => {
            writeln!(f, "   signed with {}", key_of(grade, from, report))
        }
        _ => writeln!(f, "   nothing shows who signed it"),
    }
}

/// What the recipient signed about it: one line for each key that did.
fn write_states(
    f: &mut fmt::Formatter<'_>,
    message: &MessageReport,
    report: &Report,
) -> fmt::Result {
    let Some(to) = &message.to else { return Ok(()) };
    let name = short(to, report);
    let keys: BTreeSet<_> = message
        .states
        .iter()
        .map(|state| (state.key, state.grade))
        .collect();
    for (key, grade) in keys {
        write!(f, "   {name}:")?;
        let mut before = String::new();
        for state in message.states.iter().filter(|state| state.key == key) {
            write_state(f, state, &mut before)?;
        }
        writeln!(f, " signed with {}", key_of(grade, to, report))?;
    }
    if message.states.is_empty() && message.shown != Shown::Unsigned {
        writeln!(f, "   {name}: no receipt is shown")?;
    }
    Ok(())
}

/// A state and its time; `before` is the day that the line named last.
fn write_state(
    f: &mut fmt::Formatter<'_>,
    state: &StateReport,
    before: &mut String,
) -> fmt::Result {
    let at = Utc(state.at).to_string();
    match at.split_once(' ') {
        Some((day, time)) if day == before => write!(f, " {} {time}", state.state)?,
        day => {
            write!(f, " {} {at}", state.state)?;
            *before = day.map(|(day, _)| day.to_owned()).unwrap_or_default();
        }
    }
    if state.by == By::Agent {
        f.write_str(" as its agent reported")?;
    }
    if let Some(code) = &state.code {
        write!(f, " ({})", Shy(code))?;
    }
    f.write_str(",")
}

fn key_of(grade: Grade, did: &Did, report: &Report) -> String {
    key_words(grade, &short(did, report), is_anchored(did, report))
}

/// What only those want who look it up elsewhere.
fn write_details(f: &mut fmt::Formatter<'_>, message: &MessageReport) -> fmt::Result {
    if let Some(id) = &message.id {
        writeln!(f, "   id {}", Shy(id))?;
    }
    writeln!(f, "   digest {}", message.digest)?;
    if let Some(key) = &message.key {
        writeln!(f, "   key {key}")?;
    }
    for cause in &message.causes {
        writeln!(f, "   made from {cause}")?;
    }
    for entry in &message.entries {
        let (kind, index) = (entry.kind, entry.index);
        write!(
            f,
            "   {kind} is entry {index} of {}",
            Shy(entry.origin.as_str())
        )?;
        if let Some(at) = entry.at {
            write!(f, ", {}", Utc(at))?;
        }
        writeln!(f, ", {}", entry.grade)?;
    }
    Ok(())
}

/// Characters of a body that the text shows.
const BODY: usize = 100;
const BODY_VERBOSE: usize = 500;
