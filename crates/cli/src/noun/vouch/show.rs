//! Vouches on a screen.

use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{time, words};
use comity_api::safe;
use comity_api::vouch::{HeldVouch, Issued, VouchRight, Vouches};

pub(super) fn all(vouches: &Vouches) -> String {
    let mut text = String::new();
    let mut table = Table::new(["VOUCH", "STATE", "BY", "FOR", "TO", "MAY SPEAK", "UNTIL"]);
    let ids = words::short_ids(vouches.issued.iter().map(|vouch| vouch.id.as_str()));
    for (vouch, id) in vouches.issued.iter().zip(ids) {
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::state(&vouch.state),
            Cell::of(words::who(&vouch.issuer)),
            Cell::of(words::who(&vouch.subject)),
            Cell::of(audience(&vouch.audience)),
            Cell::of(words::types(&vouch.may)),
            Cell::of(time::when(vouch.until)),
        ]);
    }
    let none = format!(
        "your agents vouch for nobody   {}",
        hint("comity vouch issue --help")
    );
    text.push_str(table.render(&none).trim_end());
    if !vouches.held.is_empty() {
        let mut table = Table::new(["HELD", "FOR", "VOUCHED BY", "TO", "MAY SPEAK", "UNTIL"]);
        let ids = words::short_ids(vouches.held.iter().map(|vouch| vouch.id.as_str()));
        for (vouch, id) in vouches.held.iter().zip(ids) {
            table.row([
                Cell::of(id).styled(paint::STRONG),
                Cell::of(words::who(&vouch.subject)),
                Cell::of(chain(&vouch.issuers)),
                Cell::of(audience(&vouch.audience)),
                Cell::of(words::types(&vouch.may)),
                Cell::of(time::when(vouch.until)),
            ]);
        }
        text.push_str("\n\n");
        text.push_str(table.render("").trim_end());
    }
    for vouch_right in &vouches.rights {
        text.push_str("\n\n");
        text.push_str(&right(vouch_right));
    }
    text
}

pub(super) fn issued(vouch: &Issued) -> String {
    let mut lines = vec![format!(
        "{} {}  {}",
        paint(paint::STRONG, "vouch"),
        safe(&vouch.id),
        paint::state(&vouch.state)
    )];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<10} {text}"));
    line("by", safe(&vouch.issuer));
    line("for", safe(&vouch.subject));
    line("to", audience(&vouch.audience));
    line("may speak", words::full_types(&vouch.may, 13));
    if let Some(uses) = vouch.uses {
        line("uses", format!("at most {}", words::count(uses, "message")));
    }
    if vouch.depth > 0 {
        line(
            "passes on",
            format!(
                "through {} more",
                words::count(u64::from(vouch.depth), "vouch")
            ),
        );
    }
    line("until", time::exact(vouch.until));
    line(
        "made by",
        format!("{} at {}", safe(&vouch.by), time::exact(vouch.created)),
    );
    lines.join("\n")
}

pub(super) fn made(vouch: &Issued) -> String {
    let after = if vouch.sent {
        format!(
            "its node has it, and presents it by itself   {}",
            hint("comity vouch")
        )
    } else {
        hint(format!(
            "comity vouch show {} --json > vouch.json   and give it to them: comity vouch import",
            words::beginning(&vouch.id)
        ))
    };
    format!("{}\n  {after}", issued(vouch))
}

pub(super) fn revoked(vouch: &Issued) -> String {
    format!(
        "{} for {}: {}\n  whoever let them in on it ends that when it looks next, within minutes",
        words::short_digest(&vouch.id),
        words::who(&vouch.subject),
        paint::state(&vouch.state)
    )
}

pub(super) fn held(vouch: &HeldVouch) -> String {
    format!(
        "{} holds a vouch of {} to {}, until {}",
        words::who(&vouch.subject),
        chain(&vouch.issuers),
        audience(&vouch.audience),
        time::exact(vouch.until)
    )
}

pub(super) fn right(right: &VouchRight) -> String {
    format!(
        "{} may vouch by itself: {}, {} of {} made, until {}",
        safe(&right.agent),
        words::types(&right.may),
        right.made,
        right.count,
        time::exact(right.until)
    )
}

/// `aria@agents.org-a.com, then dora@agents.org-d.com`.
fn chain(issuers: &[String]) -> String {
    let issuers = issuers.iter().map(|did| words::who(did));
    issuers.collect::<Vec<_>>().join(", then ")
}

fn audience(dids: &[String]) -> String {
    let one = |did: &String| match did.strip_prefix("did:web:") {
        // A host without a path stands for all its agents.
        Some(host) if !host.contains(':') => format!("all of {}", safe(&host.replace("%3A", ":"))),
        _ => words::who(did),
    };
    dids.iter().map(one).collect::<Vec<_>>().join(", ")
}
