//! Out-of-band invitations.

use comity_didcomm::protocols::out_of_band::{Invitation, Link};
use comity_didcomm::{MessageId, MessageType, Plaintext};

use super::{Runner, plaintext};
use crate::case::{Case, Check, Stop, ensure, equal, failed, skipped, try_to};

pub(super) fn recognise(case: &Case<'_>) -> Option<Runner> {
    let kinds: [(&[&str], Runner); 3] = [
        (&["url", "invitation"], invitation),
        (&["url", "expect"], judged),
        (&["invitation_id", "reply_headers"], reply),
    ];
    kinds
        .into_iter()
        .find(|(members, _)| case.has(members))
        .map(|(_, runner)| runner)
}

/// `url`, `invitation`: what is in the link; and in one that is made of it.
fn invitation(case: &Case<'_>) -> Check {
    let wanted = plaintext(case.member("invitation")?)?;
    let read = linked(case.text("url")?)?;
    equal("the invitation", &read.to_plaintext(), &wanted)?;
    let made = try_to("make a link", read.to_url("https://example.org/made"))?;
    equal("the invitation in it", linked(&made)?, read)
}

fn linked(url: &str) -> Result<Invitation, Stop> {
    match try_to("read the link", Invitation::from_url(url))? {
        Link::Invitation(invitation) => Ok(*invitation),
        other => Err(failed(format!("the link is {other:?}"))),
    }
}

/// `url`, `expect`.
fn judged(case: &Case<'_>) -> Check {
    let read = Invitation::from_url(case.text("url")?);
    if case.expects_refusal() {
        return ensure(read.is_err(), "the link is not refused");
    }
    let wanted = match case.expectation() {
        Some("not-oob") => Link::Other,
        Some("fetch-required") => Link::FetchRequired,
        _ => return Err(skipped("links with an expectation in other words")),
    };
    equal("what the link leads to", try_to("read it", read)?, wanted)
}

/// `invitation_id`, `reply_headers`, `forbidden_reply_headers`.
fn reply(case: &Case<'_>) -> Check {
    let id = |text| try_to("read an id", MessageId::parse(text));
    let inviter = try_to("read a DID", "did:example:inviter".parse())?;
    let invitation = Invitation::new(id(case.text("invitation_id")?)?, inviter);
    let type_ = try_to(
        "read a type",
        MessageType::parse("https://example.org/a/1.0/b"),
    )?;
    let mut message = Plaintext::new(id("answer")?, type_);
    // What somebody might do who takes an invitation for a message like others.
    message.thid = Some(invitation.id.clone());
    let answer = try_to(
        "write the answer",
        serde_json::to_value(invitation.answer(message)),
    )?;
    let headers = |name: &str| {
        let headers = case.entry.get(name).and_then(|it| it.as_object());
        headers.into_iter().flatten()
    };
    for (name, value) in headers("reply_headers") {
        equal(name, answer.get(name), Some(value))?;
    }
    for (name, value) in headers("forbidden_reply_headers") {
        ensure(
            answer.get(name) != Some(value),
            "a header is there that must not be",
        )?;
    }
    Ok(())
}
