//! Questions of agents to people: what may be asked, until when, and what may be answered.
//!
//! The agent's code always decides: a person's time ends before the message's does, and when it
//! ended without an answer the delivery is offered again all the same.

use crate::defaults::{ANSWER_DEPTH_MAX, ANSWER_MAX, PARK_MARGIN, PARK_MAX, QUESTION_CHARS_MAX};
use serde_json::Value;

/// Why something cannot be asked, or answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParkError {
    /// Deeper than the record holds.
    #[error("an answer has at most {ANSWER_DEPTH_MAX} levels of JSON")]
    AnswerTooDeep,
    /// More than a person reads, or more than is kept.
    #[error("an answer has at most {ANSWER_MAX} characters, or octets of JSON")]
    AnswerTooLong,
    /// The record holds whole numbers only (formats §0).
    #[error("numbers of an answer are whole, from 0 to 2^53-1; write others as text")]
    AnswerWithFraction,
    /// There is nothing to read.
    #[error("an answer says something")]
    NoAnswer,
    /// There is nothing to read.
    #[error("a parked delivery asks something: say `question`")]
    NoQuestion,
    /// It would be over already.
    #[error("`until` is a time ahead, in UTC seconds")]
    Past,
    /// More than a person reads on a phone.
    #[error("a question has at most {QUESTION_CHARS_MAX} characters")]
    QuestionTooLong,
}

/// The question as it is kept: without the white space around it.
///
/// # Errors
/// [`ParkError::NoQuestion`], [`ParkError::QuestionTooLong`].
pub fn question(text: &str) -> Result<&str, ParkError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(ParkError::NoQuestion);
    }
    if text.chars().count() > QUESTION_CHARS_MAX {
        return Err(ParkError::QuestionTooLong);
    }
    Ok(text)
}

/// Until when a person may answer, UTC seconds: as the agent said, at most [`PARK_MAX`] from now,
/// and not so late that the message expires before the agent could decide. As late as that if it
/// said nothing.
///
/// # Errors
/// [`ParkError::Past`].
pub fn deadline(until: Option<u64>, now: u64, expires: u64) -> Result<u64, ParkError> {
    if until.is_some_and(|until| until <= now) {
        return Err(ParkError::Past);
    }
    let before_the_end = expires.saturating_sub(PARK_MARGIN.as_secs());
    // Too late for that: then it ends with its message.
    let latest = if before_the_end > now {
        before_the_end
    } else {
        expires
    };
    let latest = latest.min(now.saturating_add(PARK_MAX.as_secs()));
    Ok(until.unwrap_or(latest).min(latest))
}

/// Checks a person's answer: a text, or a small JSON value.
///
/// # Errors
/// [`ParkError::NoAnswer`], [`ParkError::AnswerTooLong`], [`ParkError::AnswerTooDeep`],
/// [`ParkError::AnswerWithFraction`].
pub fn answer(answer: &Value) -> Result<(), ParkError> {
    let length = match answer {
        Value::Null => 0,
        Value::String(text) if text.trim().is_empty() => 0,
        Value::String(text) => text.chars().count(),
        other => other.to_string().len(),
    };
    match length {
        0 => Err(ParkError::NoAnswer),
        _ if length > ANSWER_MAX => Err(ParkError::AnswerTooLong),
        _ if depth(answer) > ANSWER_DEPTH_MAX => Err(ParkError::AnswerTooDeep),
        _ if !is_whole(answer) => Err(ParkError::AnswerWithFraction),
        _ => Ok(()),
    }
}

/// Levels of arrays and objects. What is parsed at a door is bounded in depth, so this returns.
fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(members) => members.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

/// True if every number in it may stand in the record.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|n| n < 1 << 53),
        Value::Array(items) => items.iter().all(is_whole),
        Value::Object(members) => members.values().all(is_whole),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: u64 = 1_000_000;

    #[test]
    fn a_question_is_one_that_is_read_on_a_phone() {
        assert_eq!(question("  Go on?\n"), Ok("Go on?"));
        assert_eq!(question(" \n"), Err(ParkError::NoQuestion));
        assert!(question(&"ä".repeat(280)).is_ok());
        assert_eq!(question(&"ä".repeat(281)), Err(ParkError::QuestionTooLong));
    }

    #[test]
    fn a_person_has_time_until_the_agent_must_decide() {
        let day = NOW + 86_400;
        assert_eq!(deadline(Some(NOW + 60), NOW, day), Ok(NOW + 60));
        assert_eq!(deadline(Some(day + 1), NOW, day), Ok(day - 60));
        assert_eq!(deadline(None, NOW, day), Ok(day - 60));
        let month = NOW + PARK_MAX.as_secs();
        assert_eq!(deadline(None, NOW, u64::MAX), Ok(month));
        assert_eq!(deadline(Some(u64::MAX), NOW, u64::MAX), Ok(month));
        // A message with less than the margin left ends with its question.
        assert_eq!(deadline(None, NOW, NOW + 5), Ok(NOW + 5));
        for past in [0, NOW - 1, NOW] {
            assert_eq!(deadline(Some(past), NOW, day), Err(ParkError::Past));
        }
    }

    #[test]
    fn an_answer_is_a_text_or_a_small_value_without_fractions() {
        for good in [
            json!("yes"),
            json!(true),
            json!({"limit": 5}),
            json!(["a", 1]),
        ] {
            assert_eq!(answer(&good), Ok(()), "{good}");
        }
        assert_eq!(answer(&json!("ä".repeat(2_000))), Ok(()));
        assert_eq!(
            answer(&json!("ä".repeat(2_001))),
            Err(ParkError::AnswerTooLong)
        );
        assert_eq!(
            answer(&json!(["x".repeat(1_997)])),
            Err(ParkError::AnswerTooLong)
        );
        let deep = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        assert_eq!(answer(&deep(8)), Ok(()));
        assert_eq!(answer(&deep(9)), Err(ParkError::AnswerTooDeep));
        for nothing in [json!(null), json!(" \n")] {
            assert_eq!(answer(&nothing), Err(ParkError::NoAnswer));
        }
        for number in [json!(0.5), json!([{"n": -1}]), json!(1_u64 << 53)] {
            assert_eq!(answer(&number), Err(ParkError::AnswerWithFraction));
        }
    }
}
