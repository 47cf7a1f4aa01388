//! The ledger: one line for each thing that happened, in the order in which it was seen.
//!
//! Whoever writes a line passes what really came back, once as words and once as facts; with
//! `--json` the facts are printed, for programs and for the test of this demo.

use crate::show::paint::{BAD, FAINT, GOOD, STRONG, WAITS, paint};
use anstyle::{AnsiColor, Style};
use comity_api::safe;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Organisation A.
    A,
    /// Organisation B.
    B,
    /// Between the two, on the wire.
    Wire,
    /// Neither of them: whoever watches, or a third party.
    Third,
}

/// Where lines go.
#[derive(Debug)]
pub(super) struct Ledger {
    begun: Mutex<Instant>,
    json: bool,
    step: Mutex<String>,
    /// The line that stays at the foot of a terminal.
    foot: Mutex<String>,
}

impl Ledger {
    pub(super) fn new(json: bool) -> Self {
        Self {
            begun: Mutex::new(Instant::now()),
            json,
            step: Mutex::new("start".to_owned()),
            foot: Mutex::default(),
        }
    }

    /// The story begins: what was built before it is not part of it.
    pub(super) fn start_clock(&self) {
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn elapsed(&self) -> Duration {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.elapsed()
    }

    /// Begins a step of the story: its name in facts, its title for people.
    pub(super) fn step(&self, name: &str, title: &str) {
        name.clone_into(&mut self.step.lock().unwrap_or_else(PoisonError::into_inner));
        if self.json {
            self.print_json(&json!({"title": title}));
        } else {
            self.print(&format!("\n{}", paint(STRONG, title)));
        }
    }

    /// The step that is under way.
    pub(super) fn current_step(&self) -> String {
        self.step
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Something that was seen.
    pub(super) fn saw(&self, side: Side, text: impl AsRef<str>, facts: Value) {
        self.line(side, " ", Style::new(), text.as_ref(), facts);
    }

    /// Something that was seen and is what must be: it was checked.
    pub(super) fn held(&self, side: Side, text: impl AsRef<str>, mut facts: Value) {
        facts["held"] = true.into();
        self.line(side, "✓", GOOD, text.as_ref(), facts);
    }

    /// Something that the demo does to the two, so that it can be seen what they make of it.
    pub(super) fn does(&self, side: Side, text: impl AsRef<str>, facts: Value) {
        self.line(side, "!", WAITS, text.as_ref(), facts);
    }

    /// More about the line before, for people only.
    pub(super) fn detail(&self, text: impl AsRef<str>) {
        if !self.json {
            self.print(&format!(
                "{:MARGIN$}{}",
                "",
                paint(FAINT, safe(text.as_ref()))
            ));
        }
    }

    /// Something else came than was expected.
    pub(super) fn failed(&self, surprise: &super::surprise::Surprise, logs: &str) {
        let step = self.current_step();
        let (expected, came) = (safe_lines(&surprise.expected), safe_lines(&surprise.came));
        if self.json {
            return self.print_json(&json!({
                "held": false, "expected": expected, "came": came, "logs": logs,
            }));
        }
        let failed = paint(BAD, "failed");
        self.hide_foot();
        self.print(&format!(
            "\n{failed} at step {step}\n  expected  {expected}\n  came      {came}\n  logs      {logs}"
        ));
    }

    fn line(&self, side: Side, mark: &str, style: Style, text: &str, facts: Value) {
        if self.json {
            let mut line = json!({"side": side.name(), "text": text});
            if let (Some(line), Value::Object(facts)) = (line.as_object_mut(), facts) {
                line.extend(facts);
            }
            return self.print_json(&line);
        }
        let time = paint(FAINT, format!("{:6.1}s", self.elapsed().as_secs_f64()));
        let side = paint(side.style(), format!("{:<5}", side.prefix()));
        self.print(&format!(
            "{time}  {side}{} {}",
            paint(style, mark),
            safe(text)
        ));
    }

    /// Shows a line that stays below all others.
    pub(super) fn show_foot(&self, text: &str) {
        text.clone_into(&mut self.foot.lock().unwrap_or_else(PoisonError::into_inner));
        anstream::print!("{CLEAR_LINE}{}", paint(FAINT, safe(text)));
        let _ = std::io::stdout().flush();
    }

    /// Takes it away.
    pub(super) fn hide_foot(&self) {
        let mut foot = self.foot.lock().unwrap_or_else(PoisonError::into_inner);
        if !foot.is_empty() {
            foot.clear();
            anstream::print!("{CLEAR_LINE}");
        }
    }

    /// Above the foot line, if there is one.
    fn print(&self, text: &str) {
        let foot = self.foot.lock().unwrap_or_else(PoisonError::into_inner);
        if foot.is_empty() {
            anstream::println!("{text}");
        } else {
            anstream::println!("{CLEAR_LINE}{text}");
            anstream::print!("{}", paint(FAINT, safe(&foot)));
            let _ = std::io::stdout().flush();
        }
    }

    /// Every object says when, and in which step.
    fn print_json(&self, facts: &Value) {
        let at = self.elapsed().as_millis();
        let mut line = Map::new();
        line.insert("at_ms".into(), u64::try_from(at).unwrap_or(u64::MAX).into());
        line.insert("step".into(), self.current_step().into());
        if let Value::Object(facts) = facts {
            line.extend(facts.clone());
        }
        anstream::println!("{}", Value::Object(line));
    }
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Wire => "wire",
            Self::Third => "third",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "  B",
            Self::Wire => "A·B",
            Self::Third => " ·",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::A => AnsiColor::Cyan.on_default().bold(),
            Self::B => AnsiColor::Magenta.on_default().bold(),
            Self::Wire => AnsiColor::Yellow.on_default(),
            Self::Third => FAINT,
        }
    }
}

/// Lines of several are kept apart, and nothing in them moves the cursor.
fn safe_lines(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(safe).collect();
    lines.join("\n            ")
}

/// To the beginning of the line, and empties it.
const CLEAR_LINE: &str = "\r\u{1b}[K";
/// Where text begins: after time and side.
const MARGIN: usize = 16;
