//! Everything with a text form: what is read prints as it was.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use comity_did::{Did, DidUrl, limits, resolve_offline, web, webvh};
use comity_didcomm::problem::{MAX_RENDERED, ProblemCode, render};
use comity_didcomm::protocols::discover_features;
use comity_didcomm::protocols::out_of_band::Invitation;
use comity_didcomm::{MessageId, MessageType, ProtocolUri};
use comity_engine::Code;
use comity_record::verify::parse_anchors;
use comity_record::{Anchor, Commitment, Digest, Fingerprint, Leaf, LogOrigin, SignedNote, Vkey};

use crate::cast::{ARIA, BRUNO};
use crate::{Target, harvest};

pub(crate) const TARGET: Target = Target {
    name: "names",
    max_len: 5 * 1024,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(did) = exact::<Did>(text) {
        check_did(&did);
    }
    if let Some(url) = exact::<DidUrl>(text) {
        check_did_url(&url);
    }
    if let Some(type_) = exact::<MessageType>(text) {
        assert!(type_.matches(&type_) && type_.is(text));
        assert!(text.len() <= MessageType::MAX_BYTES);
        let protocol = type_.protocol();
        assert!(protocol.covers(&type_));
        let joined = format!(
            "{}{}/{}/{}",
            type_.doc_uri(),
            type_.protocol_name(),
            text_of_version(text),
            type_.message_name()
        );
        assert_eq!(joined, text);
        assert_eq!(
            exact::<ProtocolUri>(protocol.as_str()).as_ref(),
            Some(&protocol)
        );
    }
    if let Some(uri) = exact::<ProtocolUri>(text) {
        assert!(uri.matches(&uri) && text.starts_with(uri.doc_uri()));
        let _ = (uri.name(), uri.version());
    }
    if let Some(id) = exact::<MessageId>(text) {
        assert_eq!(id.to_lower_case(), id);
        assert!((1..=MessageId::MAX_BYTES).contains(&text.len()));
    }
    if let Some(code) = exact::<ProblemCode>(text) {
        assert!(code.matches(text) && text.len() <= ProblemCode::MAX_BYTES);
        let _ = (
            code.sorter(),
            code.scope(),
            code.descriptors().count(),
            code.may_answer(&code),
        );
    }
    if let Ok(code) = Code::try_from(text.to_owned()) {
        assert_eq!(code.as_str(), text);
        assert!(
            text.parse::<ProblemCode>().is_ok(),
            "a code of ours is one of DIDComm's"
        );
    }
    if let Ok(code) = Code::from_agent(text) {
        assert!(Code::try_from(code.to_string()).is_ok());
    }
    exact::<Digest>(text);
    exact::<Fingerprint>(text);
    exact::<Commitment>(text);
    if let Some(origin) = exact::<LogOrigin>(text) {
        assert!(text.len() <= 256);
        if let (Some(authority), Some(epoch)) = (origin.authority(), origin.epoch()) {
            assert_eq!(format!("{authority}/comity/log/{epoch}"), text);
        }
    }
    exact::<Vkey>(text);
    if let Ok(leaf) = text.parse::<Leaf>() {
        assert_eq!(leaf.text(), text);
    }
    if let Some(note) = exact::<SignedNote>(text) {
        check_note(&note);
    }
    if let Ok(anchor) = text.parse::<Anchor>() {
        assert_eq!(
            anchor.to_string().parse::<Anchor>().expect("printed"),
            anchor
        );
    }
    let _ = parse_anchors(text);
    if let Ok(did) = web::from_handle(text) {
        let handle = web::to_handle(&did).expect("made of a handle");
        assert_eq!(web::from_handle(&handle).expect("printed"), did);
    }
    let _ = Invitation::from_url(text);
    pieces(text);
}

fn exact<T: FromStr + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let printed = value.to_string();
    assert_eq!(printed, text);
    assert_eq!(printed.parse().ok().as_ref(), Some(&value));
    Some(value)
}

fn text_of_version(text: &str) -> &str {
    text.rsplit('/').nth(1).unwrap_or_default()
}

fn check_did(did: &Did) {
    assert!(did.as_str().len() <= limits::DID_BYTES);
    assert!(did.same_subject(did));
    assert_eq!(
        format!("did:{}:{}", did.method(), did.method_specific_id()),
        did.as_str()
    );
    if let Ok(url) = web::url(did) {
        check_web_url(&url.to_string(), url.host(), url.path());
    }
    if let Ok(url) = webvh::url(did) {
        for url in [&url.log, &url.witness] {
            check_web_url(&url.to_string(), url.host(), url.path());
        }
    }
    if let Some(handle) = web::to_handle(did) {
        // The same DID but for the spelling of its host.
        let again = web::from_handle(&handle).expect("a handle");
        assert_eq!(web::url(&again).ok(), web::url(did).ok());
    }
    if let Some(Ok(document)) = resolve_offline(did) {
        super::documents::check(&document);
        assert!(document.id() == did);
    }
}

/// What is fetched is https at a name, below the root, and says nothing that a server might unsay.
fn check_web_url(text: &str, host: &str, path: &str) {
    assert!(text.starts_with("https://") && text.is_ascii());
    assert!(!host.is_empty() && host.parse::<std::net::IpAddr>().is_err());
    assert!(!host.contains(['/', '@', ':', '?', '#', '[', '%', ' ']));
    assert!(path.starts_with('/') && !path.contains("//") && !path.contains(['?', '#', '\\']));
    assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")));
}

fn check_did_url(url: &DidUrl) {
    let mut text = format!("{}{}", url.did(), url.path());
    if let Some(query) = url.query() {
        text = format!("{text}?{query}");
    }
    if let Some(fragment) = url.fragment() {
        text = format!("{text}#{fragment}");
    }
    assert_eq!(text, url.as_str());
    let short = url.without_path_and_query();
    assert_eq!(short.fragment(), url.fragment());
    assert!(short.path().is_empty() && short.query().is_none());
    assert_eq!(
        DidUrl::join(url.did(), url.as_str()).expect("absolute"),
        *url
    );
}

fn check_note(note: &SignedNote) {
    for party in [&*ARIA, &*BRUNO] {
        if note.verify(&party.vkey).is_ok() {
            // Only the harness of receipts signs notes, and it signs others in its own way.
            assert!(
                super::receipts::is_known(note),
                "a forged checkpoint: {note}"
            );
        }
        let _ = note.witnessed(&party.vkey);
    }
}

fn pieces(text: &str) {
    let (pattern, rest) = text
        .split_once('\n')
        .unwrap_or((text, "https://didcomm.org/a/1.0"));
    if discover_features::matches(pattern, rest) && !pattern.contains('*') {
        assert_eq!(pattern, rest);
    }
    assert!(discover_features::matches("*", text));
    let shown = render(pattern, &[rest.into(), 7.into()]);
    assert!(shown.len() <= MAX_RENDERED);
}

fn seeds() -> Vec<Vec<u8>> {
    let dids = harvest::texts("did", |text| text.starts_with("did:") && text.len() < 1500);
    let mut out: Vec<String> = dids;
    out.extend(harvest::texts("protocol", |text| {
        text.len() < 300 || text.contains("_oob")
    }));
    for party in [&*ARIA, &*BRUNO] {
        out.push(party.did.to_string());
        out.push(party.kid("sign").to_string());
        out.push(format!("{}/p?q=1#f", party.did));
        out.push(party.vkey.to_string());
        out.push(party.origin.to_string());
        out.push(format!(
            "{}={}",
            party.did,
            party.signs().public().fingerprint()
        ));
        out.push(party.signs().public().fingerprint());
        out.push(super::receipts::note_of(party).to_string());
    }
    out.push(Digest::of(b"x").to_string());
    out.push("bruno@agents.org-b.com:8443".into());
    out.push("aria@xn--bcher-kva.test=".to_owned() + &"0a".repeat(16));
    out.push("did:web:b%C3%BCcher.test%3A8443:a:b%20c".into());
    out.push(super::records::leaf_text());
    out.extend(Code::TABLE.iter().take(8).map(ToString::to_string));
    out.push("w.m.state_2.a-b".into());
    out.push("6F9619FF-8B86-D011-B42D-00C04FC964FF".into());
    out.push("https://didcomm.org/*/1.*\nhttps://didcomm.org/x/1.0".into());
    out.push("Unable to use {1}: {2} {10} {} {1\nx".into());
    out.push("# trusted\naria@agents.org-a.test=00112233445566778899aabbccddeeff\n".into());
    out.into_iter().map(String::into_bytes).collect()
}

fn heavy() -> Vec<Vec<u8>> {
    let lines = format!("{} {}\n", "\u{2014} x AAAAAAAA", "").repeat(3_000);
    [
        format!("did:key:z{}", "2".repeat(4_000)),
        format!("did:peer:4z{}:z{}", "2".repeat(46), "2".repeat(4_000)),
        format!("did:web:{}", "a:".repeat(2_000)),
        format!("did:web:{}.test", "%C3%BC".repeat(600)),
        format!("did:peer:2{}", ".Sw10".repeat(800)),
        format!("x\n1\n{}\n\n{lines}", "A".repeat(43) + "="),
        format!("{}\n{}", "*a".repeat(2_000), "a".repeat(3_000)),
        "{1}".repeat(1_700),
        "{".repeat(5_000),
        "{99999999999999999999".repeat(250),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect()
}
