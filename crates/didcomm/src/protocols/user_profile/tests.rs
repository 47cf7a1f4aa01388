use serde_json::json;

use super::*;

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

fn set(text: &str) -> Field {
    Field::Set(text.to_owned())
}

fn message(body: Value) -> Plaintext {
    let mut message = Profile::default().message(id("p"));
    message.body = body.as_object().unwrap().clone();
    message
}

fn mine() -> Fields {
    Fields {
        display_name: set("Aria"),
        description: set("lists what is found"),
        ..Fields::default()
    }
}

#[test]
fn absent_is_unchanged_and_null_or_empty_is_removed() {
    let read = Profile::read(&message(json!({
        "profile": {"displayName": "Aria", "displayPicture": null, "x": 1},
    })));
    let mut fields = read.unwrap().profile;
    assert_eq!(fields.display_name, set("Aria"));
    assert_eq!(fields.display_picture, Field::Removed);
    assert_eq!(fields.description, Field::Unchanged);
    assert_eq!(fields.extra["x"], 1);
    let empty = Profile::read(&message(json!({"profile": {"displayName": ""}})));
    assert_eq!(empty.as_ref().unwrap().profile.display_name, Field::Removed);
    fields.apply(&mine());
    assert_eq!(fields.description, mine().description);
    fields.apply(&empty.unwrap().profile);
    assert_eq!(fields.display_name, Field::Unchanged);
    assert_eq!(fields.description, mine().description);
}

#[test]
fn what_is_written_reads_back() {
    let mut fields = mine();
    fields.display_picture = Field::Removed;
    let written = Profile::of(fields.clone()).message(id("p"));
    assert_eq!(
        Value::Object(written.body.clone()),
        json!({"profile": {
            "displayName": "Aria", "displayPicture": null, "description": "lists what is found",
        }})
    );
    assert_eq!(Profile::read(&written).unwrap(), Profile::of(fields));
}

#[test]
fn malformed_and_long_profiles_are_refused() {
    for body in [
        json!({}),
        json!({"profile": {"displayName": 7}}),
        json!({"profile": {"description": "x".repeat(Profile::FIELD_MAX + 1)}}),
        json!({"profile": {}, "send_back_yours": "yes"}),
    ] {
        assert_eq!(Profile::read(&message(body)), Err(BodyError::Body));
    }
}

#[test]
fn a_profile_that_is_asked_for_is_a_thread_below_and_never_asks_back() {
    let asked = message(json!({"profile": {}, "send_back_yours": true}));
    let mut request = RequestProfile::default();
    let all = request.message(id("p"));
    request.query = vec!["displayName".into(), "x".into()];
    let one = request.message(id("p"));
    let mut only_name = mine();
    only_name.description = Field::Unchanged;
    for (request, wanted) in [(asked, mine()), (all, mine()), (one, only_name)] {
        let sent = Profile::sent_back(&mine(), &request, id("r")).unwrap();
        assert_eq!(
            (sent.pthid.clone(), sent.thid.clone()),
            (Some(id("p")), None)
        );
        assert_eq!(sent.body.get("send_back_yours"), None);
        assert_eq!(Profile::read(&sent).unwrap(), Profile::of(wanted));
        assert_eq!(Profile::sent_back(&mine(), &sent, id("s")), None);
    }
    let other = Plaintext::new(id("o"), "https://x.example/p/1.0/m".parse().unwrap());
    assert_eq!(Profile::sent_back(&mine(), &other, id("r")), None);
}

#[test]
fn a_picture_is_the_attachment_of_its_name() {
    let mut with_picture = message(json!({"profile": {"displayPicture": "#b"}}));
    for name in ["a", "b"] {
        let mut picture = Attachment::of_octets(name.as_bytes().to_vec());
        picture.id = Some(name.to_owned());
        with_picture.attachments.push(picture);
    }
    let picture = |message: &Plaintext| {
        let profile = Profile::read(message).unwrap();
        profile.picture(message).and_then(|it| it.id.clone())
    };
    assert_eq!(picture(&with_picture).as_deref(), Some("b"));
    with_picture.attachments.pop();
    assert_eq!(picture(&with_picture), None);
    assert_eq!(
        picture(&message(json!({"profile": {"displayPicture": null}}))),
        None
    );
}
