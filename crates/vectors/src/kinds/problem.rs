//! Problem codes and problem reports.

use comity_didcomm::problem::{Budgeted, ErrorBudget, Scope, Sorter, render};
use comity_didcomm::{ProblemCode, ProblemReport};
use serde_json::Value;

use super::{Runner, plaintext};
use crate::case::{Case, Check, Stop, ensure, equal, failed, skipped, text, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let kinds: [(&[&str], Runner); 5] = [
        (&["code", "valid"], code),
        (&["comment", "args"], comment),
        (&["warning_code", "reply_code", "valid"], reply),
        (&["message", "valid"], report),
        (&["limit", "sequence", "expect"], budget),
    ];
    kinds
        .into_iter()
        .find(|(members, _)| case.has(members))
        .map(|(_, runner)| runner)
}

/// `code`, `valid`, its parts, and the prefixes that it matches or doesn't.
fn code(case: &Case<'_>) -> Check {
    let code = ProblemCode::parse(case.text("code")?);
    if !is_valid(case)? {
        return ensure(code.is_err(), "the code is not refused");
    }
    let code = try_to("read the code", code)?;
    for (name, wanted) in case.entry.as_object().into_iter().flatten() {
        match (name.as_str(), wanted) {
            ("sorter", Value::String(wanted)) => {
                let sorter = match code.sorter() {
                    Sorter::Error => "e",
                    Sorter::Warning => "w",
                };
                equal(name, sorter, wanted)?;
            }
            ("scope", Value::String(wanted)) => {
                let scope = match code.scope() {
                    Scope::Message => "m",
                    Scope::Protocol => "p",
                    Scope::State(state) => state,
                    _ => "unknown",
                };
                equal(name, scope, wanted)?;
            }
            ("descriptors", wanted) => equal(name, code.descriptors().collect(), strings(wanted))?,
            ("matches_prefix", prefixes) => {
                let matches = strings(prefixes)
                    .into_iter()
                    .all(|prefix| code.matches(prefix));
                ensure(matches, "a prefix does not match")?;
            }
            ("must_not_match_prefix", prefixes) => {
                let matches = strings(prefixes)
                    .into_iter()
                    .any(|prefix| code.matches(prefix));
                ensure(!matches, "a prefix matches that must not")?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// `comment`, `args`, and what comes of them, wholly or in parts.
fn comment(case: &Case<'_>) -> Check {
    let args = case.member("args")?.as_array();
    let args = args.ok_or_else(|| failed("args of the vector is not an array"))?;
    let rendered = render(case.text("comment")?, args);
    if let Some(wanted) = case.entry.get("rendered").and_then(Value::as_str) {
        equal("the comment", rendered.as_str(), wanted)?;
    }
    let mut rest = rendered.as_str();
    if let Some(start) = case
        .entry
        .get("rendered_starts_with")
        .and_then(Value::as_str)
    {
        ensure(rest.starts_with(start), "the comment starts otherwise")?;
    }
    for part in case
        .entry
        .get("must_contain_in_order")
        .map(strings)
        .unwrap_or_default()
    {
        let at = rest
            .find(part)
            .ok_or_else(|| failed(format!("{part:?} is missing")))?;
        rest = &rest[at + part.len()..];
    }
    Ok(())
}

/// `warning_code`, `reply_code`, `valid`: may this error answer that warning?
fn reply(case: &Case<'_>) -> Check {
    let warning = try_to(
        "read warning_code",
        ProblemCode::parse(case.text("warning_code")?),
    )?;
    let reply = try_to(
        "read reply_code",
        ProblemCode::parse(case.text("reply_code")?),
    )?;
    equal(
        "whether it may answer",
        reply.may_answer(&warning),
        is_valid(case)?,
    )
}

/// `message`, `valid`: is it a problem report?
fn report(case: &Case<'_>) -> Check {
    let message = case.member("message")?;
    let report = plaintext(message).and_then(|m| try_to("read it", ProblemReport::read(&m)));
    if !is_valid(case)? {
        return ensure(report.is_err(), "the report is not refused");
    }
    let report = report?;
    equal(
        "the code",
        report.code.as_str(),
        text(&message["body"], "code")?,
    )
}

/// `limit`, `sequence`: which error of a thread it is, and in `expect` the code that ends the thread.
fn budget(case: &Case<'_>) -> Check {
    let limit = case
        .member("limit")?
        .as_u64()
        .and_then(|it| u32::try_from(it).ok());
    let mut budget = ErrorBudget::new(limit.ok_or_else(|| failed("limit is no small number"))?);
    let sequence = case.text("sequence")?;
    let number = ORDINALS.iter().position(|word| sequence.starts_with(word));
    let Some(before) = number else {
        return Err(skipped("errors in other sequences"));
    };
    for _ in 0..before {
        equal("an error before it", budget.count(), Budgeted::Within)?;
    }
    let words = case.expectation().unwrap_or_default();
    equal("the error", budget.count(), Budgeted::Exceeded)?;
    ensure(
        words.contains(ErrorBudget::EXCEEDED),
        "the thread ends with another code",
    )?;
    equal("an error after it", budget.count(), Budgeted::Over)
}

fn is_valid(case: &Case<'_>) -> Result<bool, Stop> {
    let valid = case.member("valid")?.as_bool();
    valid.ok_or_else(|| failed("valid of the vector is not a boolean"))
}

fn strings(array: &Value) -> Vec<&str> {
    array
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// How a vector says which error of a thread it is.
const ORDINALS: [&str; 10] = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
];
