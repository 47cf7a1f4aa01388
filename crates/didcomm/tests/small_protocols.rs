//! Rules of the small protocols that the vectors leave out.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its messages has failed"
)]

use comity_didcomm::problem::{
    Budgeted, ErrorBudget, MAX_RENDERED, ProblemCode, ProblemReport, render,
};
use comity_didcomm::protocols::basicmessage::BasicMessage;
use comity_didcomm::protocols::routing::Forwarded;
use comity_didcomm::protocols::{Body as _, BodyError};
use comity_didcomm::{Class, MessageId, Plaintext, ack};
use serde_json::{Value, json};

fn message(value: Value) -> Plaintext {
    Plaintext::from_value(value).unwrap()
}

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

#[test]
fn a_report_stands_beside_the_thread_and_acknowledges_what_it_is_about() {
    let report = ProblemReport::new("e.m.msg".parse().unwrap());
    let first = message(json!({"id": "a", "type": "https://x.example/p/1.0/m"}));
    let later = message(json!({"id": "b", "thid": "a", "type": "https://x.example/p/1.0/m"}));
    for about in [&first, &later] {
        let said = report.about(about, id("r")).unwrap();
        assert_eq!(said.pthid, Some(id("a")));
        assert_eq!(said.ack, std::slice::from_ref(&about.id));
        assert_eq!(said.thid, None);
        assert_eq!(ProblemReport::read(&said).unwrap(), report);
        assert_eq!(report.about(&said, id("s")), None, "no report of a report");
    }
}

#[test]
fn a_report_may_say_where_to_get_help() {
    let report = message(json!({
        "id": "r", "pthid": "a", "type": ProblemReport::TYPE,
        "body": {"code": "w.p.xfer", "comment": "{1} is down", "args": ["it"], "escalate_to": "mailto:help@x.example"},
    }));
    let read = ProblemReport::read(&report).unwrap();
    assert_eq!(read.escalate_to.as_deref(), Some("mailto:help@x.example"));
    assert_eq!(read.rendered().as_deref(), Some("it is down"));
    assert_eq!(read.message(id("r")).body, report.body);
}

#[test]
fn each_class_of_refusal_has_the_code_of_its_cause() {
    for (class, code) in [
        (Class::Addressing, "e.m.trust"),
        (Class::Crypto, "e.m.trust.crypto"),
        (Class::Did, "e.m.did"),
        (Class::FromPrior, "e.m.trust"),
        (Class::Malformed, "e.m.msg"),
        (Class::NoKey, "e.m.msg"),
        (Class::UnauthorizedKey, "e.m.trust"),
        (Class::Unsupported, "e.m.msg"),
    ] {
        assert_eq!(class.problem_code().as_str(), code);
    }
}

#[test]
fn a_text_for_people_has_content_and_a_time() {
    let mut text = json!({"id": "a", "type": BasicMessage::TYPE, "body": {"content": "salü"}});
    assert_eq!(
        BasicMessage::read(&message(text.clone())),
        Err(BodyError::Header("created_time"))
    );
    text["created_time"] = json!(1);
    let read = BasicMessage::read(&message(text.clone())).unwrap();
    assert_eq!(read.content, "salü");
    text["body"] = json!({});
    assert_eq!(BasicMessage::read(&message(text)), Err(BodyError::Body));
}

#[test]
fn only_an_empty_message_that_acknowledges_is_an_acknowledgement_alone() {
    let empty = "https://didcomm.org/empty/1.0/empty";
    let pure = |type_: &str, acks: Value| {
        ack::is_pure(&message(json!({"id": "a", "type": type_, "ack": acks})))
    };
    assert!(pure(empty, json!(["b"])));
    assert!(!pure(empty, json!([])));
    assert!(!pure("https://x.example/p/1.0/m", json!(["b"])));
}

#[test]
fn nothing_is_fetched_for_a_forward() {
    let forward = message(json!({
        "id": "f", "type": "https://didcomm.org/routing/2.0/forward", "body": {"next": "did:example:a"},
        "attachments": [{"data": {"links": ["https://x.example/envelope"], "hash": "zQm"}}],
    }));
    assert_eq!(Forwarded::read(&forward), Err(BodyError::Attachment));
}

#[test]
fn codes_that_the_specification_itself_misspells_are_read() {
    for text in [
        "w.msg.bad-lang",
        "e.msg.bad-lang",
        "e.m.live-mode-not-supported",
        "e.p.me.res.storage.message_too_big",
    ] {
        let code: ProblemCode = text.parse().unwrap();
        assert_eq!(code.as_str(), text);
        assert!(code.matches(text));
    }
}

#[test]
fn an_error_too_many_is_the_last_word_in_a_thread() {
    let mut budget = ErrorBudget::new(3);
    let counted: Vec<_> = (0..6).map(|_| budget.count()).collect();
    let (within, over) = (Budgeted::Within, Budgeted::Over);
    let exceeded = Budgeted::Exceeded;
    assert_eq!(counted, [within, within, within, exceeded, over, over]);
    assert!(ErrorBudget::EXCEEDED.parse::<ProblemCode>().is_ok());
    assert_eq!(ErrorBudget::new(0).count(), exceeded);
}

#[test]
fn a_comment_that_repeats_a_long_argument_is_cut() {
    let argument = Value::from("é".repeat(1_000));
    let shown = render(&"{1}".repeat(10_000), std::slice::from_ref(&argument));
    assert!(shown.len() <= MAX_RENDERED && shown.ends_with("é…"));
    let shown = render("see", &vec![argument; 1_000]);
    assert!(shown.len() <= MAX_RENDERED && shown.starts_with("see é") && shown.ends_with('…'));
    let fits = "x".repeat(MAX_RENDERED - 3);
    assert_eq!(render(&fits, &[]), fits);
}
