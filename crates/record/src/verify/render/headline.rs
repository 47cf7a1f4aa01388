//! What comes first: keys that do not fit, the verdict, what happened, and what of it is proved.

use std::{cmp::Reverse, fmt};

use comity_did::Did;

use super::{
    message::{in_order, opens},
    words::{count, is_anchored, who},
};
use crate::{
    text::Utc,
    verify::{Anchor, Grade, IdentityReport, MessageReport, Report, Shown, Verdict, Why},
};

pub(super) fn write_broken(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "broken: this file does not hold together. It proves nothing, to nobody."
    )
}

/// Above everything: a signature by another key than the one given for that identity.
pub(super) fn write_wrong_keys(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    for finding in &report.findings {
        if let Why::AnchorMismatch { did, signed, given } = &finding.why {
            let name = who(did);
            writeln!(f, "WRONG KEY for {name}")?;
            writeln!(f, "  the key that you gave is    {given}")?;
            writeln!(f, "  this file was signed with   {signed}")?;
            writeln!(
                f,
                "  Either yours is wrong (mistyped, or replaced since), or somebody else signed as \
                 {name}.\n"
            )?;
        }
    }
    Ok(())
}

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let story = story(report);
    match report.verdict {
        Verdict::Proved => writeln!(f, "proved: {story}")?,
        _ => writeln!(
            f,
            "consistent: this file does not contradict itself, but not all of it is bound to keys \
             that you gave.\nIt says: {story}"
        )?,
    }
    write_who(f, report)?;
    let messages = &report.messages;
    let unsigned = messages.iter().filter(|one| one.shown == Shown::Unsigned);
    match unsigned.count() {
        0 => {}
        1 => writeln!(f, "1 message is not signed: it proves nothing to you.")?,
        some => writeln!(
            f,
            "{some} messages are not signed: they prove nothing to you."
        )?,
    }
    match withheld(report) {
        0 => Ok(()),
        1 => writeln!(
            f,
            "1 message is withheld: nothing here shows that its sender signed it."
        ),
        some => writeln!(
            f,
            "{some} messages are withheld: nothing here shows that their senders signed them."
        ),
    }
}

fn withheld(report: &Report) -> usize {
    let withheld = |one: &&MessageReport| one.shown == Shown::Withheld;
    report.messages.iter().filter(withheld).count()
}

/// What happened, in a sentence: only of what its sender signed, for others may say what they like
/// of somebody else's words.
fn story(report: &Report) -> String {
    let mut messages = in_order(report);
    messages.retain(|one| one.shown != Shown::Withheld);
    let times = messages.iter().filter_map(|one| time(one));
    let (first, last) = (times.clone().min(), times.max());
    let [one, other] = match report.identities.as_slice() {
        [one, other] => [&one.did, &other.did].map(who),
        _ => return format!("{}.", count(messages.len(), "message")),
    };
    let senders: Vec<&Did> = messages
        .iter()
        .filter_map(|one| one.from.as_ref())
        .collect();
    let last_words = messages.last().map(|last| (last, time(last)));
    match (senders.as_slice(), last_words) {
        ([from, back], Some((answer, at))) if from != back => {
            let verb = match messages.first() {
                Some(first) if opens(first, report) => "answered",
                Some(first) if answer.causes.contains(&first.digest) => "answered",
                _ => "wrote back to",
            };
            format!("{} {verb} {}{}.", who(back), who(from), on(at))
        }
        ([from], Some((only, at))) => {
            let to = only.to.as_ref().map_or(other, who);
            format!("{} wrote to {to}{}.\n{NO_ANSWER}", who(from), on(at))
        }
        ([], _) => format!(
            "{} between {one} and {other}.",
            count(messages.len(), "message")
        ),
        (senders, _) => {
            let from = senders[0];
            let many = count(messages.len(), "message");
            let span = match (first, last) {
                (Some(first), Some(last)) if first != last => {
                    format!(", from {} to {}", Utc(first), Utc(last))
                }
                (at, _) => on(at),
            };
            if senders.iter().all(|one| one == &from) {
                format!("{} sent {many}{span}.\n{NO_ANSWER}", who(from))
            } else {
                format!("{one} and {other} exchanged {many}{span}.")
            }
        }
    }
}

fn time(message: &MessageReport) -> Option<u64> {
    message.times.claimed.or(message.times.stated)
}

fn on(at: Option<u64>) -> String {
    at.map_or_else(String::new, |at| format!(" on {}", Utc(at)))
}

/// What of it is proved: for both in one sentence if it is the same, else for each.
fn write_who(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let all = |wanted: &dyn Fn(&IdentityReport) -> bool| report.identities.iter().all(wanted);
    let is_asserted =
        |one: &IdentityReport| one.grade == Grade::Asserted && !is_anchored(&one.did, report);
    if all(&|one| one.grade == Grade::Anchored) && report.verdict == Verdict::Proved {
        return writeln!(
            f,
            "All {}that it shows is signed with the keys that you gave.",
            if withheld(report) > 0 { "else " } else { "" }
        );
    }
    if all(&|one| is_asserted(one) && !one.keys.is_empty()) {
        return writeln!(
            f,
            "Nothing is proved: only this file says whose keys these are. Whoever made it could \
             have made up all of it."
        );
    }
    let mut identities: Vec<_> = report.identities.iter().collect();
    identities.sort_by_key(|one| Reverse(one.grade));
    for identity in identities {
        let name = who(&identity.did);
        let anchored = identity.keys.iter().any(|key| key.grade == Grade::Anchored);
        match identity.grade {
            _ if identity.keys.is_empty() => {
                writeln!(f, "{name} signed nothing in this file.")?;
            }
            Grade::Anchored => {
                writeln!(
                    f,
                    "What {name} signed is proved: with the key that you gave."
                )?;
            }
            Grade::Attested { before } => writeln!(
                f,
                "What {name} signed is proved: a witness that you trust saw their own log name the \
                 key before {}.",
                Utc(before)
            )?,
            Grade::SelfCertifying => writeln!(
                f,
                "What {name} signed is proved as far as the name goes: the key is the name. Whose it \
                 is, the file can't say."
            )?,
            Grade::Asserted if anchored => writeln!(
                f,
                "Of what {name} is said to have signed, some is by another key than yours: see below."
            )?,
            Grade::Asserted if is_anchored(&identity.did, report) => writeln!(
                f,
                "What {name} is said to have signed is not proved: it is not by the key that you \
                 gave."
            )?,
            Grade::Asserted => writeln!(
                f,
                "What {name} signed is not proved: only this file says that the key is theirs. \
                 → --anchor {name}=FINGERPRINT"
            )?,
        }
    }
    Ok(())
}

/// Anchors that nothing in the file was measured by.
pub(super) fn write_unmet(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let is_shown = |did: &Did| {
        let mismatch =
            |why: &Why| matches!(why, Why::AnchorMismatch { did: of, .. } if of.same_subject(did));
        report.findings.iter().any(|finding| mismatch(&finding.why))
    };
    for unmet in report.anchors.iter().filter(|anchor| !anchor.met) {
        match &unmet.anchor {
            // Said above, and louder.
            Anchor::Key { did, .. } if is_shown(did) => {}
            Anchor::Key { did, fingerprint } => {
                let of = report
                    .identities
                    .iter()
                    .find(|one| one.did.same_subject(did));
                let why = match of {
                    None => "has no part in this file",
                    Some(of) if of.keys.is_empty() => "signed nothing in this file",
                    Some(_) => "signed nothing in this file with this key",
                };
                let short: String = fingerprint.chars().take(16).collect();
                writeln!(f, "not met    {} {why}: {short}…", who(did))?;
            }
            Anchor::Vkey(vkey) => {
                let name = crate::text::Shy(vkey.name().as_str()).to_string();
                writeln!(
                    f,
                    "not met    nothing in this file is signed with the key of {name}"
                )?;
            }
        }
    }
    Ok(())
}

const NO_ANSWER: &str = "This file shows no answer. Whether there was one, it can't show.";
