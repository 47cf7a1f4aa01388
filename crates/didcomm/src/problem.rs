//! Problem codes and problem reports.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::protocols::{Body, BodyError};
use crate::{MessageId, Plaintext};

/// What went wrong, in a form that programs compare: `e.p.xfer.cant-use-endpoint`.
///
/// # Spec
/// DIDComm v2.1 §"Problem Codes"; PRB-02, PRB-03. Underscores are read, since the specification
/// itself writes one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProblemCode(String);

/// Text that is no problem code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a problem code")]
pub struct ProblemCodeError;

/// Whether a problem ends something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sorter {
    /// It does: `e`.
    Error,
    /// Not yet known: `w`.
    Warning,
}

/// How much of the protocol is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope<'a> {
    /// The message alone: `m`.
    Message,
    /// Back to the state of this name.
    State(&'a str),
    /// The whole protocol: `p`.
    Protocol,
}

impl ProblemCode {
    /// Longest code, in octets.
    pub const MAX_BYTES: usize = 256;

    /// Reads a code: sorter, scope and any number of descriptors.
    ///
    /// # Errors
    /// [`ProblemCodeError`].
    pub fn parse(text: &str) -> Result<Self, ProblemCodeError> {
        let mut tokens = text.split('.');
        let sorter = matches!(tokens.next(), Some("e" | "w"));
        let rest = tokens.clone().count() > 0 && tokens.all(is_token);
        if sorter && rest && text.len() <= Self::MAX_BYTES {
            Ok(Self(text.to_owned()))
        } else {
            Err(ProblemCodeError)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an error or a warning.
    pub fn sorter(&self) -> Sorter {
        if self.0.starts_with('e') {
            Sorter::Error
        } else {
            Sorter::Warning
        }
    }

    /// How much is undone.
    pub fn scope(&self) -> Scope<'_> {
        match self.0.split('.').nth(1) {
            Some("p") => Scope::Protocol,
            Some("m") => Scope::Message,
            state => Scope::State(state.unwrap_or_default()),
        }
    }

    /// What it is about, from the general to the special.
    pub fn descriptors(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').skip(2)
    }

    /// Whether the code starts with the tokens of `prefix`. `e.p.xfering` does not start with
    /// `e.p.xfer`.
    pub fn matches(&self, prefix: &str) -> bool {
        let rest = self.0.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// Whether this error may answer that warning: its scope is at least as wide (PRB-06).
    pub fn may_answer(&self, warning: &Self) -> bool {
        self.sorter() == Sorter::Error
            && warning.sorter() == Sorter::Warning
            && self.scope().width() >= warning.scope().width()
    }
}

impl Scope<'_> {
    fn width(self) -> u8 {
        match self {
            Self::Message => 0,
            Self::State(_) => 1,
            Self::Protocol => 2,
        }
    }
}

/// A report that something went wrong in a thread: `pthid` of the message that carries it.
///
/// # Spec
/// DIDComm v2.1 §"Problem Reports"; PRB-01, PRB-04, PRB-05.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProblemReport {
    /// What went wrong.
    pub code: ProblemCode,
    /// The same for people, with places for `args`; fixed for each code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// What goes into the places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Value>,
    /// Where to get help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<String>,
}

impl Body for ProblemReport {
    const TYPE: &'static str = "https://didcomm.org/report-problem/2.0/problem-report";
}

impl ProblemReport {
    /// A report with nothing but its code.
    pub fn new(code: ProblemCode) -> Self {
        Self {
            code,
            comment: None,
            args: Vec::new(),
            escalate_to: None,
        }
    }

    /// Reads a report; `pthid` must name the thread (PRB-01).
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(message: &Plaintext) -> Result<Self, BodyError> {
        if message.pthid.is_none() {
            return Err(BodyError::Header("pthid"));
        }
        <Self as Body>::read_body(message)
    }

    /// The report about a message, as a message that acknowledges it (PRB-01, ACK-05).
    ///
    /// `None` if that message is itself a problem report: there is no end to that (PRB-07).
    pub fn about(&self, message: &Plaintext, id: MessageId) -> Option<Plaintext> {
        if message.type_.is(Self::TYPE) {
            return None;
        }
        let mut report = self.message(id);
        report.pthid = Some(message.thread().clone());
        report.ack = vec![message.id.clone()];
        Some(report)
    }

    /// The comment with its places filled.
    pub fn rendered(&self) -> Option<String> {
        self.comment
            .as_deref()
            .map(|comment| render(comment, &self.args))
    }
}

/// How many errors one instance of a protocol, a thread with one party, may have before it is over.
///
/// # Spec
/// DIDComm v2.1 §"Cascading Problems"; PRB-07.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorBudget {
    limit: u32,
    errors: u32,
}

/// What becomes of an error, within its [`ErrorBudget`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budgeted {
    /// It is one too many: [`ErrorBudget::EXCEEDED`] is reported, in its place if it was ours, and
    /// that is the last word in the thread.
    Exceeded,
    /// The budget has room for it.
    Within,
    /// The thread is over: nothing more is said in it, or heard.
    Over,
}

impl ErrorBudget {
    /// The code of the report that ends a thread.
    pub const EXCEEDED: &'static str = "e.p.req.max-errors-exceeded";

    /// A budget for this many errors.
    pub const fn new(limit: u32) -> Self {
        Self { limit, errors: 0 }
    }

    /// Counts an error, whichever side it is reported by.
    pub fn count(&mut self) -> Budgeted {
        if self.is_over() {
            return Budgeted::Over;
        }
        self.errors += 1;
        match self.is_over() {
            true => Budgeted::Exceeded,
            false => Budgeted::Within,
        }
    }

    /// Whether the thread is over.
    pub const fn is_over(&self) -> bool {
        self.errors > self.limit
    }
}

/// Fills the places `{1}`, `{2}`… of a comment. What is missing or null gives `?`; what is left
/// over is appended. What was put in is not looked at again (PRB-04).
///
/// A comment may name one long argument many times, so that the whole is cut, with an ellipsis, once
/// it has [`MAX_RENDERED`] octets.
pub fn render(comment: &str, args: &[Value]) -> String {
    let mut out = Rendered::default();
    let mut used = 0;
    let mut rest = comment;
    while let Some((before, place, after)) = next_place(rest) {
        out.push(before);
        out.push(
            &place
                .checked_sub(1)
                .and_then(|index| args.get(index))
                .map_or_else(|| String::from("?"), shown),
        );
        if out.is_cut {
            return out.text;
        }
        used = used.max(place);
        rest = after;
    }
    out.push(rest);
    for (index, arg) in args.iter().skip(used).enumerate() {
        if out.is_cut {
            break;
        }
        out.push(if index == 0 { " " } else { ", " });
        out.push(&shown(arg));
    }
    out.text
}

/// The most octets of [`render`]: a comment is a sentence or two.
pub const MAX_RENDERED: usize = 16 * 1024;

/// Text that does not grow beyond [`MAX_RENDERED`].
#[derive(Default)]
struct Rendered {
    text: String,
    is_cut: bool,
}

impl Rendered {
    fn push(&mut self, text: &str) {
        if self.is_cut {
            return;
        }
        let room = MAX_RENDERED - ELLIPSIS.len() - self.text.len();
        if text.len() <= room {
            self.text.push_str(text);
        } else {
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
            self.text.push_str(ELLIPSIS);
            self.is_cut = true;
        }
    }
}

const ELLIPSIS: &str = "…";

/// The text before the next `{n}`, its number, and the text after it.
fn next_place(text: &str) -> Option<(&str, usize, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let digits = text[open + 1..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        let close = open + 1 + digits;
        if text[close..].starts_with('}')
            && let Ok(place) = text[open + 1..close].parse()
        {
            return Some((&text[..open], place, &text[close + 1..]));
        }
        from = open + 1;
    }
    None
}

fn shown(arg: &Value) -> String {
    match arg {
        Value::Null => String::from("?"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_token(token: &str) -> bool {
    let allowed = |octet: u8| {
        octet.is_ascii_lowercase() || octet.is_ascii_digit() || matches!(octet, b'-' | b'_')
    };
    !token.is_empty() && token.bytes().all(allowed)
}

impl fmt::Display for ProblemCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProblemCode {
    type Err = ProblemCodeError;

    fn from_str(text: &str) -> Result<Self, ProblemCodeError> {
        Self::parse(text)
    }
}

impl Serialize for ProblemCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProblemCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}
