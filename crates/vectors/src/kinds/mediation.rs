//! Coordinating mediation: what a mediator answers.

use comity_did::{Did, DidUrl};
use comity_didcomm::Plaintext;
use comity_didcomm::ProblemReport;
use comity_didcomm::protocols::Body as _;
use comity_didcomm::protocols::coordinate_mediation::{
    Decision, Reply, Request, Situation, UpdateResult, decide,
};
use serde_json::Value;

use super::{Runner, exchange};
use crate::case::{Case, Check, Stop, ensure, equal, failed, skipped, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let request = exchange::request(case).ok()?;
    Request::read(&request)
        .is_ok()
        .then_some(mediation as Runner)
}

/// `request`, and as far as they are there `state` and `transport`; then what is answered.
fn mediation(case: &Case<'_>) -> Check {
    let request = exchange::request(case)?;
    let state = case.entry.get("state").and_then(Value::as_str);
    let recipients = registered(&request, state)?;
    if case.has(&["allowed_replies"]) {
        return allowed(case, &request, recipients.as_deref());
    }
    let decision = decided(case, &request, recipients.as_deref(), true)?;
    let answer = answer(&decision, &request)?;
    if let Some(reply) = case.entry.get("reply") {
        return exchange::answers(&request, &answer, reply);
    }
    if let Some(wanted) = case.entry.get("reply_contains") {
        return contains(&answer, wanted);
    }
    match case.entry.get("reply_is").and_then(Value::as_str) {
        Some(words) if words.starts_with("problem-report") => {
            ensure(decision.changes.is_empty(), "something changes")?;
            refused(&answer, words)
        }
        _ => Err(skipped("mediation with an expectation in other words")),
    }
}

/// What the account has registered, in words such as `no grant`, `granted, no DIDs`, `DIDs r1, r2
/// registered`. Who only asks for a grant has none, everybody else one, if nothing is said.
fn registered(request: &Plaintext, state: Option<&str>) -> Result<Option<Vec<DidUrl>>, Stop> {
    let Some(state) = state else {
        let asks = matches!(Request::read(request), Ok((_, Request::Mediate)));
        return Ok((!asks).then(Vec::new));
    };
    if state.starts_with("no grant") {
        return Ok(None);
    }
    let names = state
        .strip_prefix("DIDs ")
        .and_then(|rest| rest.strip_suffix(" registered"));
    let names = names.into_iter().flat_map(|names| names.split(", "));
    let named = |name| try_to("read a DID", DidUrl::parse(&exchange::did_of(name)));
    names.map(named).collect::<Result<_, _>>().map(Some)
}

/// `allowed_replies`: each comes, of a mediator that grants and of one that doesn't, or of neither.
fn allowed(case: &Case<'_>, request: &Plaintext, recipients: Option<&[DidUrl]>) -> Check {
    let replies = case.member("allowed_replies")?.as_array();
    let replies = replies.ok_or_else(|| failed("allowed_replies of the vector is not an array"))?;
    for grants in [true, false] {
        let decision = decided(case, request, recipients, grants)?;
        let answer = answer(&decision, request)?;
        let is_allowed = replies
            .iter()
            .any(|reply| exchange::answers(request, &answer, reply).is_ok());
        ensure(is_allowed, "a reply is none of those that are allowed")?;
        let (_, read) = try_to("read the reply", Reply::read(&answer))?;
        equal("a grant", matches!(read, Reply::Grant { .. }), grants)?;
    }
    Ok(())
}

fn decided(
    case: &Case<'_>,
    request: &Plaintext,
    recipients: Option<&[DidUrl]>,
    grants: bool,
) -> Result<Decision, Stop> {
    let mediator = try_to("read a DID", Did::parse("did:example:mediator"))?;
    let situation = Situation {
        proof: &exchange::proof(case)?,
        recipients,
        others: &[],
        recipients_max: 100,
        routing_did: if grants {
            std::slice::from_ref(&mediator)
        } else {
            &[]
        },
    };
    try_to("decide", decide(request, &situation))
}

fn answer(decision: &Decision, request: &Plaintext) -> Result<Plaintext, Stop> {
    let answer = decision.message(exchange::answer_id()?, request);
    answer.ok_or_else(|| failed("there is no answer"))
}

/// A list of recipients, or of updates, holds all of these.
fn contains(answer: &Plaintext, wanted: &Value) -> Check {
    let (_, reply) = try_to("read the reply", Reply::read(answer))?;
    let Reply::Recipients { recipients, .. } = reply else {
        return Err(failed("the reply is no list of recipients"));
    };
    for wanted in wanted.as_array().into_iter().flatten() {
        let name = wanted.get("recipient_did").and_then(Value::as_str);
        let is_there = recipients.iter().any(|it| Some(it.as_str()) == name);
        ensure(is_there, "a recipient is missing")?;
    }
    Ok(())
}

/// A problem report with the code that `words` name, if they name one; or nothing but errors, if
/// they allow that.
fn refused(answer: &Plaintext, words: &str) -> Check {
    if answer.type_.is(ProblemReport::TYPE) {
        let report = try_to("read the report", ProblemReport::read(answer))?;
        let mut codes = words.split([' ', ';', ',']);
        let code = codes.find(|word| word.starts_with("e."));
        return ensure(
            code.is_none_or(|code| report.code.matches(code)),
            "the report has another code",
        );
    }
    let (_, reply) = try_to("read the reply", Reply::read(answer))?;
    let is_error = matches!(reply, Reply::Updated(updated)
        if updated.iter().all(|it| it.result == UpdateResult::ClientError));
    ensure(
        is_error && words.contains("client_error"),
        "it is not refused",
    )
}
