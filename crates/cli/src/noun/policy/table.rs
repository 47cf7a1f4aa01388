//! Rules on a screen.

use crate::noun::limits;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{time, words};
use comity_api::policy::{KeptRule, Tried};
use comity_api::safe;

pub(super) fn rules(rules: &[KeptRule]) -> String {
    let mut table = Table::new([
        "RULE",
        "STATE",
        "LETS IN",
        "TO",
        "THEY MAY SEND",
        "UNTIL",
        "MADE",
        "LIVE",
    ]);
    for kept in rules {
        table.row([
            Cell::of(safe(&kept.rule.name)).styled(paint::STRONG),
            Cell::state(&kept.state),
            Cell::of(safe(&kept.who)),
            Cell::of(kept.rule.agent.as_deref().unwrap_or("all agents")),
            Cell::of(words::types(&kept.rule.they_may_send)),
            Cell::of(time::when(kept.rule.until)),
            Cell::of(kept.made.to_string()),
            Cell::of(kept.live.to_string()),
        ]);
    }
    table.render(&format!(
        "no rules: every stranger waits for you   {}",
        hint("comity policy add --help")
    ))
}

pub(super) fn rule(kept: &KeptRule) -> String {
    let rule = &kept.rule;
    let limits = limits::in_words(rule.uses, rule.rate, rule.max_bytes);
    let mut lines = vec![format!(
        "{} {}  {}",
        paint(paint::STRONG, "rule"),
        safe(&rule.name),
        paint::state(&kept.state)
    )];
    let mut line = |name: &str, text: String| lines.push(format!("  {name:<10} {text}"));
    line("lets in", safe(&kept.who));
    line(
        "to",
        rule.agent
            .clone()
            .unwrap_or_else(|| "all your agents".to_owned()),
    );
    line(
        "they may",
        format!("send {}", words::full_types(&rule.they_may_send, 18)),
    );
    line(
        "you may",
        format!("send {}", words::full_types(&rule.you_may_send, 18)),
    );
    if !limits.is_empty() {
        line("limits", limits);
    }
    let by = if rule.messages {
        "a knock, or a first message"
    } else {
        "a knock"
    };
    line("by", by.to_owned());
    line("until", time::exact(rule.until));
    if let Some(lasts) = rule.lasts_s {
        line("lasts", format!("{} each at most", limits::span(lasts)));
    }
    if let Some(grants) = rule.grants {
        line("grants", format!("{} of {grants} made", kept.made));
    }
    if !rule.note.is_empty() {
        line("note", safe(&rule.note));
    }
    line(
        "made by",
        format!("{} at {}", safe(&kept.by), time::exact(kept.created)),
    );
    lines.join("\n")
}

/// Said below a new rule, if anybody knocked before it.
pub(super) fn waiting(knocks: usize) -> Option<String> {
    (knocks > 0).then(|| {
        format!(
            "\nIt decides what comes from now on; {} from before yours to decide   {}",
            match knocks {
                1 => "1 knock is".to_owned(),
                several => format!("{several} knocks are"),
            },
            hint("comity knock")
        )
    })
}

pub(super) fn tried(tried: &Tried) -> String {
    let mut table = Table::new(["KNOCK", "FROM", "TO", "SINCE", "WAS", "WOULD", "BECAUSE"]);
    let ids = words::short_ids(tried.knocks.iter().map(|knock| knock.id.as_str()));
    for (knock, id) in tried.knocks.iter().zip(ids) {
        let why = match &knock.because {
            Some(why) => safe(why),
            None => format!("they may send {}", words::types(&knock.they_may_send)),
        };
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::of(words::who(&knock.from)),
            Cell::of(words::who(&knock.to)),
            Cell::of(time::when(knock.received)),
            Cell::state(&knock.was),
            Cell::of(if knock.would == "approve" {
                "let them in"
            } else {
                "ask you"
            }),
            Cell::of(why),
        ]);
    }
    let would = tried.knocks.iter().filter(|knock| knock.would == "approve");
    let would = would.count();
    let all = tried.knocks.len() as u64;
    let summary = match all {
        0 => "nothing was changed".to_owned(),
        all => format!(
            "nothing was changed; of {} it would have let {would} in",
            words::count(all, "past knock")
        ),
    };
    let table = table.render("nobody has knocked yet");
    format!("{}\n{summary}", table.trim_end())
}
