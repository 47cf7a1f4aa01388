//! Colours: few, and only on a terminal (`anstream` takes them off elsewhere, and under `NO_COLOR`).

use anstyle::{AnsiColor, Style};
use std::fmt::Display;

pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const STRONG: Style = Style::new().bold();
pub(crate) const WAITS: Style = AnsiColor::Yellow.on_default();

/// `text` in a style.
pub(crate) fn paint(style: Style, text: impl Display) -> String {
    format!("{}{text}{}", style.render(), style.render_reset())
}

/// The style of a state of a message, knock, grant, agent or finding.
pub(crate) fn state_style(state: &str) -> Style {
    match state {
        "done" | "active" | "answered" | "approved" | "ok" => GOOD,
        "held" | "parked" | "pending" | "offered" | "warning" => WAITS,
        "rejected" | "refused" | "expired" | "failed" | "failing" | "suspended" | "error"
        | "dead" => BAD,
        "cancelled" | "disabled" | "ended" | "removed" | "denied" | "timeout" | "replaced" => FAINT,
        _ => Style::new(),
    }
}

/// A state in its style.
pub(crate) fn state(state: &str) -> String {
    paint(state_style(state), state)
}
