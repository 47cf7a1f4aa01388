//! The plaintext message and the bodies of DIDComm's own protocols.

use comity_did::DidUrl;
use comity_didcomm::problem::{MAX_RENDERED, ProblemReport};
use comity_didcomm::protocols::Body;
use comity_didcomm::protocols::basicmessage::BasicMessage;
use comity_didcomm::protocols::coordinate_mediation as mediation;
use comity_didcomm::protocols::discover_features::{self, Disclose, Disclosure, Queries};
use comity_didcomm::protocols::empty::Empty;
use comity_didcomm::protocols::message_pickup::{
    Delivery, DeliveryRequest, LiveDeliveryChange, MessagesReceived, Status, StatusRequest,
};
use comity_didcomm::protocols::out_of_band::{Goal, Invitation, Link, WebRedirect};
use comity_didcomm::protocols::routing::{Forward, Forwarded, Relay, Room, relay};
use comity_didcomm::protocols::trust_ping::{self, Ping, PingResponse};
use comity_didcomm::protocols::user_profile::{Profile, RequestProfile};
use comity_didcomm::{Attachment, MessageId, MessageType, Plaintext, ack};
use comity_jose::json::{self, Limits};
use serde_json::{Value, json};

use crate::cast::{ARIA, BRUNO};
use crate::{Target, harvest};

pub(crate) const TARGET: Target = Target {
    name: "plaintext",
    max_len: 8192,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let Ok(message) = Plaintext::parse(data, &Limits::MESSAGE) else {
        return;
    };
    check(&message);
    // As if it were of every type that we read.
    body::<Ping>(&message);
    body::<PingResponse>(&message);
    body::<Empty>(&message);
    body::<BasicMessage>(&message);
    body::<ProblemReport>(&message);
    body::<Forward>(&message);
    body::<Disclose>(&message);
    body::<Goal>(&message);
    body::<Profile>(&message);
    body::<RequestProfile>(&message);
    body::<StatusRequest>(&message);
    body::<Status>(&message);
    body::<DeliveryRequest>(&message);
    body::<MessagesReceived>(&message);
    body::<LiveDeliveryChange>(&message);
    mediation(&message, data.len());
    invitation(&message);
    if let Some(queries) = body::<Queries>(&message) {
        let ours = [
            Disclosure::protocol("https://didcomm.org/trust-ping/2.0", &["receiver"]),
            Disclosure::protocol("https://w3id.org/comity/contact/1.0", &[]),
        ];
        assert!(
            discover_features::disclose(&queries, &ours)
                .disclosures
                .len()
                <= ours.len()
        );
    }
    if let Some(mut ping) = of_type::<Ping>(&message) {
        ping.thid = None;
        if let Some(answer) = trust_ping::response(&ping, id()) {
            assert_eq!(answer.thread(), &ping.id);
        }
    }
    if let Some(report) = of_type::<ProblemReport>(&message)
        && let Ok(read) = ProblemReport::read(&report)
    {
        assert!(
            read.rendered()
                .is_none_or(|text| text.len() <= MAX_RENDERED)
        );
        assert!(
            read.about(&report, id()).is_none(),
            "a report about a report"
        );
        let about = read.about(&message, id());
        assert!(about.is_none_or(|about| about.pthid.as_ref() == Some(message.thread())));
    }
    if let Some(forward) = of_type::<Forward>(&message)
        && let Ok(forwarded) = Forwarded::read(&forward)
    {
        assert_eq!(forwarded.payloads.len(), forward.attachments.len());
        for payload in &forwarded.payloads {
            let value = json::parse(payload, &Limits::MESSAGE).expect("an envelope");
            assert!(value.get("ciphertext").is_some());
        }
    }
    if let Some(text) = of_type::<BasicMessage>(&message) {
        assert!(BasicMessage::read(&text).is_err() || text.created_time.is_some());
    }
    let received = [message.id.clone(), id()];
    let owed = ack::owed(&message, &received);
    assert!(owed.len() <= received.len() + 1);
    assert!(!ack::is_pure(&message) || owed.is_empty());
}

/// What holds for every plaintext that exists.
pub(crate) fn check(message: &Plaintext) {
    let octets = message.to_octets();
    let large = Limits {
        bytes: usize::MAX,
        depth: 40,
        members: usize::MAX,
    };
    let again = Plaintext::parse(&octets, &large).expect("what is written reads");
    assert_eq!(&again, message);
    assert_eq!(again.id.as_str(), message.id.as_str());
    assert_eq!(again.to_octets(), octets);
    const MAX_EXACT: u64 = (1 << 53) - 1;
    assert!(message.created_time.is_none_or(|time| time <= MAX_EXACT));
    assert!(message.expires_time.is_none_or(|time| time <= MAX_EXACT));
    for attachment in &message.attachments {
        let data = &attachment.data;
        assert!(attachment.octets().is_some() || (!data.links.is_empty() && data.hash.is_some()));
        check_content(attachment);
    }
    for did in message.to.iter().chain(&message.from) {
        assert!(!did.as_str().contains('#'));
    }
}

/// Hash and signature of an attachment's content.
fn check_content(attachment: &Attachment) {
    let content = attachment.octets().unwrap_or_default();
    let signer = attachment.verify_signature(&content, &super::unpack::document);
    if attachment.data.hash.is_none() {
        assert!(attachment.check_hash(&content).is_ok());
    } else if attachment.check_hash(&content).is_ok() {
        assert!(
            attachment
                .check_hash(&[content.as_ref(), &[0]].concat())
                .is_err()
        );
    }
    if let Ok(Some(signer)) = signer {
        assert_eq!(attachment.claimed_signer().as_ref(), Some(signer.kid.did()));
        // did:key and the like may be anybody's, but nobody here holds a private key.
        assert_eq!(content.as_ref(), SIGNED, "a forged signature over content");
    }
}

/// The one content that the cast signed.
const SIGNED: &[u8] = b"signed by the cast";

/// Everything between a recipient and its mediator; `which` chooses as what of it.
fn mediation(message: &Plaintext, which: usize) {
    const KINDS: [&str; 7] = [
        "mediate-request",
        "mediate-deny",
        "mediate-grant",
        "recipient-update",
        "recipient-update-response",
        "recipient-query",
        "recipient",
    ];
    let version = ["2.0", "3.0"][which % 2];
    let kind = KINDS[which / 2 % KINDS.len()];
    let mut asked = message.clone();
    let type_ = format!("https://didcomm.org/coordinate-mediation/{version}/{kind}");
    asked.type_ = type_.parse().expect("a type");
    if let Ok((version, request)) = mediation::Request::read(&asked) {
        let again = mediation::Request::read(&request.message(version, id()));
        assert_eq!(again.ok(), Some((version, request)));
    }
    if let Ok((version, reply)) = mediation::Reply::read(&asked) {
        let again = mediation::Reply::read(&reply.answer(version, id(), &asked));
        assert!(again.is_ok_and(|(again, _)| again == version));
    }
    let mut delivery = message.clone();
    delivery.type_ = Delivery::TYPE.parse().expect("a type");
    if let Ok(read) = Delivery::read(&delivery) {
        assert_eq!(read.received().message_id_list.len(), read.messages.len());
        let again = Delivery::read(&read.message(id(), Some(&delivery))).expect("reads back");
        assert_eq!(again.messages.len(), read.messages.len());
    }
    if let Some(forward) = of_type::<Forward>(message) {
        let room = |next: &DidUrl| {
            Some(Room {
                recipient: next.clone(),
                messages: 2,
                bytes: 100,
            })
        };
        if let Relay::Pass { payloads, .. } = relay(&forward, 0, room) {
            assert!(payloads.len() <= 2 && payloads.iter().map(Vec::len).sum::<usize>() <= 100);
        }
    }
}

/// Invitations, and the links that carry them.
fn invitation(message: &Plaintext) {
    if let Some(redirect) = WebRedirect::read(message) {
        assert!(redirect.redirect_url.starts_with("https://"));
    }
    let Some(message) = of_type::<Goal>(message) else {
        return;
    };
    let Ok(invitation) = Invitation::read(&message) else {
        return;
    };
    assert_eq!(
        Invitation::read(&invitation.to_plaintext()).as_ref(),
        Ok(&invitation)
    );
    if let Ok(url) = invitation.to_url("https://a.test/i?x=1#f") {
        match Invitation::from_url(&url) {
            Ok(Link::Invitation(again)) => assert_eq!(*again, invitation),
            // What a message may hold an invitation may not: it is smaller in all.
            other => assert!(other.is_err()),
        }
    }
    let answer = invitation.answer(message.clone());
    assert!(invitation.is_answered_by(&answer) && answer.to == [invitation.from.clone()]);
}

fn of_type<B: Body>(message: &Plaintext) -> Option<Plaintext> {
    let mut message = message.clone();
    message.type_ = MessageType::parse(B::TYPE).ok()?;
    Some(message)
}

/// Reads the body as that of another type; what is written reads back.
fn body<B: Body + PartialEq + std::fmt::Debug>(message: &Plaintext) -> Option<B> {
    let body = B::read_body(&of_type::<B>(message)?).ok()?;
    let again = B::read_body(&body.message(id())).expect("a written body reads");
    assert_eq!(again, body);
    assert!(body.answer(id(), message).thid.as_ref() == Some(message.thread()));
    Some(body)
}

fn id() -> MessageId {
    MessageId::parse("another").expect("an id")
}

/// Messages from Aria to Bruno, of every kind that is read.
pub(crate) fn messages() -> Vec<Value> {
    let message = |type_: &str, body: Value| {
        json!({"id": "8e1a", "typ": "application/didcomm-plain+json", "type": type_,
            "from": ARIA.did, "to": [BRUNO.did], "created_time": 1_795_404_926, "body": body})
    };
    let with = |mut message: Value, more: Value| {
        for (name, value) in more.as_object().into_iter().flatten() {
            message[name] = value.clone();
        }
        message
    };
    let envelope =
        json!({"protected": "e30", "recipients": [], "iv": "AA", "ciphertext": "AA", "tag": "AA"});
    vec![
        message(Ping::TYPE, json!({"response_requested": true})),
        message(PingResponse::TYPE, json!({})),
        with(
            message(Empty::TYPE, json!({})),
            json!({"ack": ["a1", "a2"], "thid": "t"}),
        ),
        with(
            message(BasicMessage::TYPE, json!({"content": "Hé"})),
            json!({"lang": "fr", "accept-lang": ["fr", "en"], "please_ack": ["", "x"]}),
        ),
        message(
            Queries::TYPE,
            json!({"queries": [{"feature-type": "protocol", "match": "https://didcomm.org/*"}]}),
        ),
        message(
            Disclose::TYPE,
            json!({"disclosures": [{"feature-type": "constraint", "id": "max_receive_bytes", "max_receive_bytes": 1000, "roles": ["a"]}]}),
        ),
        with(
            message(
                ProblemReport::TYPE,
                json!({"code": "e.p.xfer.cant-use-endpoint", "comment": "Unable to use {1} {2}", "args": ["x", null, 7], "escalate_to": "mailto:a@b.test"}),
            ),
            json!({"pthid": "t", "ack": ["m"]}),
        ),
        with(
            message(Forward::TYPE, json!({"next": "did:example:bob#k"})),
            json!({"expires_time": 1_795_404_999, "attachments": [{"data": {"json": envelope}}]}),
        ),
        with(
            message("https://example.org/p/1.0/signed", json!({})),
            json!({"attachments": [
                Attachment::of_octets(SIGNED.to_vec()).signed(ARIA.signs(), &ARIA.kid("sign"), SIGNED),
                Attachment::of_links(vec!["https://a.test/x".into()], b"there")]}),
        ),
        with(
            message("https://example.org/p/1.0/m", json!({})),
            json!({"attachments": [
            {"id": "a", "description": "d", "filename": "f", "media_type": "text/plain", "format": "x", "lastmod_time": 1, "byte_count": 5, "data": {"base64": "aGVsbG8="}},
            {"data": {"links": ["https://a.test/x"], "hash": "uEiA"}}],
            "sender_order": 3, "salt": "AAAA", "causes": [], "return_route": "thread", "return_route_thread": "t"}),
        ),
    ]
}

fn seeds() -> Vec<Vec<u8>> {
    let vectors = harvest::objects("didcomm", &["id", "type"]);
    let more = harvest::objects("protocol", &["type"]);
    let all = vectors.into_iter().chain(more).chain(messages());
    all.map(|value| value.to_string().into_bytes()).collect()
}

fn heavy() -> Vec<Vec<u8>> {
    let head = r#""id":"a","type":"https://a.test/p/1.0/m""#;
    let did = format!(r#""did:example:{}""#, "a".repeat(200));
    vec![
        format!(
            r#"{{{head},"to":[{}]}}"#,
            vec![did.as_str(); 4_500].join(",")
        )
        .into_bytes(),
        format!(
            r#"{{{head},"attachments":[{}]}}"#,
            vec![r#"{"data":{"base64":"AA"}}"#; 20_000].join(",")
        )
        .into_bytes(),
        format!(
            r#"{{{head},"attachments":[{{"data":{{"base64":"{}"}}}}]}}"#,
            "A".repeat(1_000_000)
        )
        .into_bytes(),
        format!(
            r#"{{{head},"pthid":"t","body":{{"code":"e.p","comment":"{}","args":[{}]}}}}"#,
            "{1}".repeat(160_000),
            format_args!(r#""{}""#, "x".repeat(500_000))
        )
        .into_bytes(),
        format!(
            r#"{{{head},"body":{{"queries":[{}]}}}}"#,
            vec![r#"{"feature-type":"protocol","match":"*a*b*c*d*"}"#; 15_000].join(",")
        )
        .into_bytes(),
        format!(
            r#"{{{head},"please_ack":[{}],"ack":["x"]}}"#,
            vec![r#""x""#; 60_000].join(",")
        )
        .into_bytes(),
        format!(
            r#"{{{head},{}}}"#,
            (0..60_000)
                .map(|n| format!("\"{n:x}\":0"))
                .collect::<Vec<_>>()
                .join(",")
        )
        .into_bytes(),
    ]
}
