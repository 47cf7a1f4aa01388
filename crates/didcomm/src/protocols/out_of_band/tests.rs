use serde_json::json;

use super::*;

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn invitation() -> Invitation {
    let mut invitation = Invitation::new(id("inv"), "did:example:aria".parse().unwrap());
    invitation.goal.goal = Some("to talk".into());
    invitation.goal.accept = vec!["didcomm/v2".into()];
    invitation.attachments = vec![
        Attachment::of_json(json!({"type": "https://x.example/new/1.0/m"})),
        Attachment::of_json(json!({"type": "https://x.example/old/1.0/m"})),
    ];
    invitation.expires_time = Some(7);
    invitation
}

fn linked(url: &str) -> Invitation {
    match Invitation::from_url(url).unwrap() {
        Link::Invitation(invitation) => *invitation,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_put_into_a_link_is_read_from_it() {
    for (base, start) in [
        ("https://x.example", "https://x.example?_oob="),
        ("https://x.example/p/q", "https://x.example/p/q?_oob="),
        ("https://x.example/?a=1", "https://x.example/?a=1&_oob="),
        ("https://x.example/?", "https://x.example/?_oob="),
    ] {
        let url = invitation().to_url(base).unwrap();
        assert!(url.starts_with(start), "{url}");
        assert_eq!(linked(&url), invitation());
    }
    let url = invitation().to_url("https://x.example/?a=1#top").unwrap();
    assert!(url.ends_with("#top"));
    assert_eq!(linked(&url), invitation());
}

#[test]
fn links_that_cannot_carry_an_invitation_are_refused() {
    for base in [
        "http://x.example",
        "https://",
        "https:///p",
        "did:example:a",
        "https://x.example/?_oob=e30",
        "https://x.example/?_oobid=1",
    ] {
        let refused = invitation().to_url(base);
        assert!(matches!(refused, Err(InvitationError::Url)), "{base}");
    }
    let mut long = invitation();
    long.goal.goal = Some("x".repeat(Invitation::MAX_BYTES));
    let refused = long.to_url("https://x.example");
    assert!(matches!(refused, Err(InvitationError::TooLong)));
}

#[test]
fn a_link_is_an_invitation_a_short_form_or_neither() {
    let read = |url: &str| Invitation::from_url(url);
    for other in [
        "",
        "https://x.example/?x=_oob",
        "https://x.example/#?_oob=e30",
    ] {
        assert_eq!(read(other).unwrap(), Link::Other, "{other}");
    }
    let short = read("https://x.example/p?a=b&_oobid=5f0e").unwrap();
    assert_eq!(short, Link::FetchRequired);
    let url = invitation().to_url("https://x.example").unwrap();
    assert_eq!(
        linked(&format!("{url}%3D%3d&z=1")),
        invitation(),
        "padding is forgiven"
    );
    for twice in [format!("{url}&_oobid=1"), format!("{url}&_oob=e30")] {
        assert!(matches!(read(&twice), Err(InvitationError::Ambiguous)));
    }
    let too_long = format!(
        "https://x.example?_oob={}",
        "A".repeat(3 * Invitation::MAX_BYTES)
    );
    assert!(matches!(read(&too_long), Err(InvitationError::TooLong)));
    for broken in ["https://x.example?_oobid=", "https://x.example?_oob=%%"] {
        assert!(matches!(read(broken), Err(InvitationError::Encoding)));
    }
    let empty = read("https://x.example?_oob=e30");
    assert!(matches!(empty, Err(InvitationError::Message(_))));
}

#[test]
fn only_a_message_of_this_type_with_a_sender_is_an_invitation() {
    let mut message = invitation().to_plaintext();
    assert_eq!(Invitation::read(&message).unwrap(), invitation());
    message.from = None;
    assert_eq!(Invitation::read(&message), Err(BodyError::Header("from")));
    message.body.insert("goal".into(), json!(7));
    assert_eq!(Invitation::read(&message), Err(BodyError::Body));
    message.type_ = "https://didcomm.org/out-of-band/1.0/invitation"
        .parse()
        .unwrap();
    assert_eq!(Invitation::read(&message), Err(BodyError::Type));
}

#[test]
fn answers_are_threads_below_the_invitation() {
    let invitation = invitation();
    let mut message = Plaintext::new(id("a"), "https://x.example/p/1.0/m".parse().unwrap());
    message.thid = Some(id("INV"));
    let answer = invitation.answer(message.clone());
    assert_eq!(
        (answer.pthid.clone(), answer.thid.clone()),
        (Some(id("inv")), None)
    );
    assert_eq!(answer.to, std::slice::from_ref(&invitation.from));
    assert!(invitation.is_answered_by(&answer));
    assert!(!invitation.is_answered_by(&message));
    message.thid = Some(id("own"));
    assert_eq!(invitation.answer(message).thid, Some(id("own")));
}

#[test]
fn the_first_attachment_that_is_understood_is_acted_on() {
    let invitation = invitation();
    let of = |name: &'static str| {
        invitation.choose(move |it| {
            it.data
                .json
                .as_ref()
                .is_some_and(|m| m["type"].as_str().unwrap().contains(name))
        })
    };
    assert_eq!(of("/1.0/"), Some(&invitation.attachments[0]));
    assert_eq!(of("/old/"), Some(&invitation.attachments[1]));
    assert_eq!(of("/other/"), None);
}

#[test]
fn a_redirect_is_read_if_it_leads_to_https() {
    let read = |value: Value| {
        let mut message = Plaintext::new(id("a"), "https://x.example/p/1.0/m".parse().unwrap());
        message.extra.insert("web_redirect".into(), value);
        WebRedirect::read(&message)
    };
    let good = read(json!({"status": "OK", "redirectUrl": "https://x.example/done"})).unwrap();
    assert_eq!(good.status, "OK");
    assert_eq!(good.redirect_url, "https://x.example/done");
    for bad in [
        json!("https://x.example"),
        json!({"redirectUrl": "https://x.example"}),
        json!({"status": "OK", "redirectUrl": "javascript:alert(1)"}),
        json!({"status": "OK", "redirectUrl": "http://x.example"}),
        json!({"status": "OK", "redirectUrl": "https://x.example/\n"}),
        json!({"status": "OK", "redirectUrl": format!("https://{}", "x".repeat(2048))}),
        json!({"status": "x".repeat(17), "redirectUrl": "https://x.example"}),
    ] {
        assert_eq!(read(bad.clone()), None, "{bad}");
    }
}
