//! The report as text. What peers wrote is escaped: it must not forge a line of this report.

use std::fmt;

use super::{Anchor, Grade, MessageReport, Report, Shown, Verdict, Weight};
use crate::{receipt::By, text::Shy};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "anchors")?;
        if self.anchors.is_empty() {
            writeln!(f, "  none given")?;
        }
        for report in &self.anchors {
            let what = match &report.anchor {
                Anchor::Key { .. } => "key",
                Anchor::Vkey(_) => "vkey",
            };
            let met = if report.met {
                "met"
            } else {
                "not met by this bundle"
            };
            writeln!(f, "  {what} {}  {met}", Shy(&report.anchor.to_string()))?;
        }
        writeln!(f, "verdict   {}", self.verdict)?;
        for finding in self.findings.iter().filter(|one| one.weight > Weight::Note) {
            let pointer = if finding.pointer.is_empty() {
                "/"
            } else {
                &finding.pointer
            };
            writeln!(
                f,
                "  {} {pointer}: {}",
                finding.weight,
                Shy(&finding.why.text())
            )?;
        }
        if self.verdict == Verdict::Broken {
            return Ok(());
        }
        if let Some(thread) = &self.thread {
            writeln!(f, "thread    {}", Shy(thread))?;
        }
        for identity in &self.identities {
            writeln!(
                f,
                "identity  {}  {}",
                Shy(identity.did.as_str()),
                identity.grade
            )?;
            for key in &identity.keys {
                writeln!(f, "  key {}  {}", key.key, key.grade)?;
            }
        }
        for log in &self.logs {
            writeln!(
                f,
                "log       {}  size {}  {}",
                Shy(log.origin.as_str()),
                log.size,
                log.grade
            )?;
        }
        for message in &self.messages {
            write_message(f, message)?;
        }
        for order in &self.order {
            let complete = if order.complete {
                "complete so far"
            } else {
                "not complete"
            };
            let ranges: Vec<_> = order
                .ranges
                .iter()
                .map(|(first, last)| format!("{first}-{last}"))
                .collect();
            let from = Shy(order.from.as_str());
            writeln!(f, "order     {from}  {}  {complete}", ranges.join(", "))?;
        }
        for finding in self
            .findings
            .iter()
            .filter(|one| one.weight == Weight::Note)
        {
            writeln!(
                f,
                "note      {}: {}",
                finding.pointer,
                Shy(&finding.why.text())
            )?;
        }
        Ok(())
    }
}

fn write_message(f: &mut fmt::Formatter<'_>, message: &MessageReport) -> fmt::Result {
    let known = |text: &Option<String>| text.as_deref().unwrap_or("?").to_owned();
    writeln!(f, "message   {}  {}", message.digest, message.shown)?;
    if message.shown != Shown::Withheld || message.id.is_some() {
        let (id, type_) = (known(&message.id), known(&message.type_));
        writeln!(f, "  {}  {}", Shy(&id), Shy(&type_))?;
    }
    if let (Some(from), Some(to)) = (&message.from, &message.to) {
        writeln!(f, "  {} -> {}", Shy(from.as_str()), Shy(to.as_str()))?;
    }
    if let Some(body) = &message.body {
        let text = body.to_string();
        let cut = text
            .char_indices()
            .nth(SHOWN)
            .map_or(text.len(), |(at, _)| at);
        let (shown, more) = text.split_at(cut);
        let more = if more.is_empty() { "" } else { " …" };
        writeln!(f, "  says {}{more}", Shy(shown))?;
    }
    let times = [
        ("claimed by the sender", message.times.claimed),
        ("stated by the recipient", message.times.stated),
        ("existed before", message.times.existed_before),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            writeln!(f, "  {name} {time}")?;
        }
    }
    for state in &message.states {
        let code = state.code.as_deref().unwrap_or_default();
        let by = match state.by {
            By::Agent => "as reported by the agent",
            By::Node => "by the node",
        };
        writeln!(f, "  {} at {} {by} {}", state.state, state.at, Shy(code))?;
    }
    for entry in &message.entries {
        write!(
            f,
            "  {} is entry {} of {}",
            entry.kind,
            entry.index,
            Shy(entry.origin.as_str())
        )?;
        writeln!(f, "  {}", entry.grade)?;
    }
    Ok(())
}

/// Characters of a body that the text shows; the JSON of the report has all of it.
const SHOWN: usize = 600;

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asserted => f.write_str("asserted by the maker of this bundle only"),
            Self::SelfCertifying => f.write_str("self-certifying"),
            Self::Attested { before } => write!(f, "attested before {before}"),
            Self::Anchored => f.write_str("anchored"),
        }
    }
}
