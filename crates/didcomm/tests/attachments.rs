//! Attachments: what comes with a message, by whom, and whether it is what was promised.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its parties has failed"
)]

use std::sync::Arc;

use comity_didcomm::did::{Did, DidDocument, DidUrl, Relationship};
use comity_didcomm::jose::jws::JwsError;
use comity_didcomm::jose::{Curve, SigningKey, base64url, multibase, sha256};
use serde_json::json;

use comity_didcomm::{
    Attachment, ContentError, Party, Plaintext, Protection, UnpackOptions, media_type,
};

const CONTENT: &[u8] = b"time,celsius\n12:00,7.5\n";

fn signer() -> (Party, DidUrl) {
    let party = Party::generate_key(Curve::Ed25519).unwrap();
    let kid = party.document().keys(Relationship::Authentication).next();
    let kid = kid.unwrap().0.clone();
    (party, kid)
}

fn key(party: &Party) -> &SigningKey {
    &party.signing_keys()[0]
}

/// Knows the document of one.
fn knows(party: &Party) -> impl Fn(&Did) -> Option<Arc<DidDocument>> {
    let document = Arc::clone(party.document());
    move |did| (did == document.id()).then(|| Arc::clone(&document))
}

#[test]
fn a_third_party_signs_content_and_the_reader_learns_who() {
    let (agency, kid) = signer();
    let [aria, bruno] = [(); 2].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let mut message = Plaintext::of_type("https://example.org/data/1.0/table").unwrap();
    let attachment = Attachment::of_octets(CONTENT.to_vec());
    message.attachments = vec![agency.sign_attachment(attachment, CONTENT).unwrap()];
    let packed = aria.pack(&message, bruno.document(), Protection::default());
    let received = bruno.unpack(packed.unwrap().as_bytes(), &UnpackOptions::default());
    let received = received.unwrap();

    let attachment = &received.plaintext.attachments[0];
    let content = attachment.octets().unwrap();
    assert_eq!(attachment.claimed_signer().as_ref(), Some(agency.did()));
    let signer = attachment.verify_signature(&content, &knows(&agency));
    let signer = signer.unwrap().unwrap();
    assert_eq!((&signer.kid, &signer.key), (&kid, key(&agency).public()));
}

#[test]
fn a_signature_over_other_content_or_by_another_key_is_refused() {
    let (agency, kid) = signer();
    let (forger, forgers_kid) = signer();
    let plain = || Attachment::of_octets(CONTENT.to_vec());
    let signed = plain().signed(key(&agency), &kid, CONTENT);
    assert!(matches!(
        signed.verify_signature(b"12:00,17.5", &knows(&agency)),
        Err(ContentError::Jws(JwsError::Signature(_)))
    ));
    let forged = plain().signed(key(&forger), &kid, CONTENT);
    assert!(matches!(
        forged.verify_signature(CONTENT, &knows(&agency)),
        Err(ContentError::Jws(JwsError::Signature(_)))
    ));
    let unknown = plain().signed(key(&forger), &forgers_kid, CONTENT);
    // He is who he is: that he was not expected is for the reader to see.
    let signer = unknown.verify_signature(CONTENT, &knows(&agency));
    assert_eq!(signer.unwrap().unwrap().kid.did(), forger.did());
    let elsewhere = DidUrl::parse("did:web:agency.example#key").unwrap();
    let unresolved = plain().signed(key(&agency), &elsewhere, CONTENT);
    assert!(matches!(
        unresolved.verify_signature(CONTENT, &|_| None),
        Err(ContentError::Unresolved { .. })
    ));
    let others = |_: &Did| Some(Arc::clone(agency.document()));
    assert!(matches!(
        unresolved.verify_signature(CONTENT, &others),
        Err(ContentError::Unresolved { .. })
    ));
    let not_for_signing = agency.document().keys(Relationship::KeyAgreement).next();
    let kid = not_for_signing.unwrap().0;
    let unauthorized = plain().signed(key(&agency), kid, CONTENT);
    assert!(matches!(
        unauthorized.verify_signature(CONTENT, &knows(&agency)),
        Err(ContentError::Unauthorized { .. })
    ));
    let relative = DidUrl::from(agency.did().clone());
    let nameless = plain().signed(key(&agency), &relative, CONTENT);
    assert!(matches!(
        nameless.verify_signature(CONTENT, &knows(&agency)),
        Err(ContentError::KeyId)
    ));
    assert_eq!(
        plain().verify_signature(CONTENT, &knows(&agency)).unwrap(),
        None
    );
}

#[test]
fn the_name_of_the_key_is_signed_too() {
    let (agency, kid) = signer();
    let mut attachment =
        Attachment::of_octets(CONTENT.to_vec()).signed(key(&agency), &kid, CONTENT);
    attachment.data.jws.as_mut().unwrap()["header"] = json!({"kid": "did:example:mallory#key"});
    assert!(matches!(
        attachment.verify_signature(CONTENT, &knows(&agency)),
        Err(ContentError::Jws(JwsError::RepeatedParameter))
    ));
}

#[test]
fn a_signed_message_is_no_signature_of_an_attachment_nor_the_reverse() {
    let (aria, kid) = signer();
    let mut message = Plaintext::of_type("https://example.org/data/1.0/table").unwrap();
    message.from = Some(aria.did().clone());
    let octets = message.to_octets();
    let input = comity_didcomm::signing_input(&octets);
    let signature = key(&aria).sign(input.octets());
    let mut attachment = Attachment::of_octets(octets.clone());
    attachment.data.jws = Some(input.into_detached(&signature));
    attachment.data.jws.as_mut().unwrap()["header"] = json!({"kid": kid});
    assert!(matches!(
        attachment.verify_signature(&octets, &knows(&aria)),
        Err(ContentError::Typ)
    ));

    let attachment = Attachment::of_octets(octets.clone()).signed(key(&aria), &kid, &octets);
    let mut jws = attachment.data.jws.unwrap();
    jws["payload"] = base64url::encode(&octets).into();
    let read = aria.unpack(jws.to_string().as_bytes(), &UnpackOptions::default());
    assert!(matches!(read, Err(comity_didcomm::UnpackError::Typ)));
    assert!(!media_type::ATTACHMENT.contains("didcomm"));
}

#[test]
fn linked_content_is_what_its_hash_names_in_every_spelling() {
    let attachment = Attachment::of_links(vec!["https://data.example/t.csv".into()], CONTENT);
    assert_eq!(attachment.byte_count, Some(23));
    attachment.check_hash(CONTENT).unwrap();
    assert!(matches!(
        attachment.check_hash(b"12:00,17.5"),
        Err(ContentError::Hash)
    ));
    let multihash = [&[0x12, 0x20][..], &sha256(&[CONTENT])].concat();
    let base58 = multibase::encode_base58(&multihash);
    for text in [
        base58.trim_start_matches('z').to_owned(),
        base58,
        multibase::encode_base64url(&multihash),
    ] {
        let mut attachment = attachment.clone();
        attachment.data.hash = Some(text);
        attachment.check_hash(CONTENT).unwrap();
    }
    for text in ["", "1234567890", "zQm", &"z".repeat(4096)] {
        let mut attachment = attachment.clone();
        attachment.data.hash = Some(text.to_owned());
        assert!(matches!(
            attachment.check_hash(CONTENT),
            Err(ContentError::HashForm)
        ));
    }
    Attachment::of_octets(CONTENT.to_vec())
        .check_hash(CONTENT)
        .unwrap();
}

#[test]
fn a_media_type_without_slash_is_read_in_full() {
    let mut attachment = Attachment::of_octets(CONTENT.to_vec());
    assert_eq!(attachment.full_media_type(), None);
    for (written, read) in [("json", "application/json"), ("text/csv", "text/csv")] {
        attachment.media_type = Some(written.into());
        assert_eq!(attachment.full_media_type().as_deref(), Some(read));
    }
}
