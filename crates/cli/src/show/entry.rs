//! An entry of the record on one line.

use super::code;
use super::paint::{self, paint};
use super::words::{short_digest, short_type, who};
use comity_api::safe;
use serde_json::Value;

/// What an entry of `kind` says: the members that matter (formats §7).
pub(crate) fn says(kind: &str, record: &Value) -> String {
    let text = |name: &str| record[name].as_str().unwrap_or_default();
    let message = || paint(paint::FAINT, short_digest(text("message")));
    let code = || match text("code") {
        "" => String::new(),
        code => format!(" {}", code::words(code)),
    };
    match kind {
        "message-out" | "message-in" => format!(
            "{} → {}  {}  {}",
            who(text("from")),
            who(text("to")),
            short_type(text("type")),
            message()
        ),
        "settled" | "receipt-in" => {
            format!("{}{}  {}", paint::state(text("state")), code(), message())
        }
        "ended" => format!(
            "{}  {}  {}",
            paint::state(text("state")),
            safe(text("reason")),
            message()
        ),
        "refused" => format!("{}{}  {}", who(text("from")), code(), message()),
        "decision" if text("outcome") == "answered" => format!(
            "{}  by {}  {} {}  {}",
            paint::state("answered"),
            safe(text("by")),
            safe(&record["asked"]["question"].to_string()),
            said(&record["asked"]["answer"]),
            message()
        ),
        "decision" => format!(
            "{}  by {}  grant {}",
            safe(text("outcome")),
            safe(text("by")),
            short_digest(text("grant"))
        ),
        "act" => format!(
            "{}  by {}  {}",
            safe(text("act")),
            safe(text("by")),
            safe(text("about"))
        ),
        "agent" => safe(text("did")),
        "start" => format!("{}  {}", safe(text("node")), safe(text("reason"))),
        "counted" => counts(&record["counts"]),
        _ => safe(&record.to_string()),
    }
}

/// What a person said to an agent.
fn said(answer: &Value) -> String {
    match answer {
        Value::Null => "nobody in time".to_owned(),
        answer => safe(&answer.to_string()),
    }
}

fn counts(counts: &Value) -> String {
    let counts = counts.as_object().into_iter().flatten();
    let counts = counts.map(|(code, number)| format!("{} {number}", safe(code)));
    counts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_is_one_line_whatever_a_peer_wrote_into_it() {
        let record = json!({"from": "did:web:a.test:aria", "code": "e.p.x\n\u{1b}[2Jok", "message": "uEiBt7o3xW1wJdJbOI2sG2W5VfSZGEPMfhb6WdxicNsKCqQ"});
        let line = anstream::adapter::strip_str(&says("refused", &record)).to_string();
        let asked = json!({"question": "Go\u{202e}?", "answer": {"limit": 5}});
        let record = json!({"outcome": "answered", "by": "carla", "asked": asked, "message": record["message"]});
        let answered = anstream::adapter::strip_str(&says("decision", &record)).to_string();
        assert_eq!(
            answered,
            r#"answered  by carla  "Go⟨U+202E⟩?" {"limit":5}  uEiBt7o3xW…CqQ"#
        );
        assert_eq!(
            line,
            "aria@a.test e.p.x⟨U+000A⟩⟨U+001B⟩[2Jok  uEiBt7o3xW…CqQ"
        );
    }
}
