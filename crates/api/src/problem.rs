use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error as both doors report it (`application/problem+json`, RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `https://w3id.org/comity/problem#CODE`.
    #[serde(rename = "type")]
    pub type_: String,
    /// The problem code; one table for receipts, reports, doors and logs.
    pub code: String,
    /// What happened, in a line.
    pub title: String,
    /// What it means here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What to do next; often a command to type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// When to try again, in seconds, if that can help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// A problem with a code and a title.
    pub fn new(code: impl Into<String>, title: impl Into<String>) -> Self {
        let code = code.into();
        Self {
            type_: format!("https://w3id.org/comity/problem#{code}"),
            code,
            title: title.into(),
            detail: None,
            next: None,
            retry_after_s: None,
        }
    }

    /// Adds what it means here.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Adds when to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.title)?;
        if let Some(detail) = &self.detail {
            write!(f, "\n  {detail}")?;
        }
        if let Some(next) = &self.next {
            write!(f, "   → {next}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
