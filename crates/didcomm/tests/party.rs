//! Parties that hold their keys: what they pack is what others read, and says what was proved.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot make its parties has failed"
)]

use std::sync::Arc;

use comity_didcomm::did::{DidDocument, Relationship};
use comity_didcomm::jose::jwe::Enc;
use comity_didcomm::jose::{AgreementKey, Curve, SigningKey, SystemEntropy};
use comity_didcomm::{
    AddressingError, FromPriorError, Layer, PackError, Packing, Party, PartyError, Plaintext,
    Proof, Protection, UnpackError, UnpackOptions, Warning, verify_signed,
};

const NOW: u64 = 1_800_000_000;

const PROTECTIONS: [Protection; 5] = [
    Protection::Signed,
    Protection::Anoncrypted,
    Protection::Authcrypted,
    Protection::SignedAnoncrypted,
    Protection::HiddenAuthcrypted,
];

fn hello() -> Plaintext {
    let mut message = Plaintext::of_type("https://example.org/hello/1.0/hello").unwrap();
    message.body.insert("rows".into(), 3.into());
    message
}

#[test]
fn every_did_reads_what_every_other_packs_and_learns_who_can_tell() {
    let curves = [
        (Curve::Ed25519, Curve::X25519),
        (Curve::P256, Curve::P256),
        (Curve::Secp256k1, Curve::P384),
        (Curve::Ed25519, Curve::P521),
    ];
    for (signing, agreement) in curves {
        let aria = Party::generate_peer(signing, agreement, &[]).unwrap();
        let same_curve = Party::generate_peer(Curve::Ed25519, agreement, &[]).unwrap();
        let bruno = Party::generate_key(agreement).unwrap();
        for (recipient, protection) in [&same_curve, &bruno]
            .into_iter()
            .flat_map(|to| PROTECTIONS.map(|protection| (to, protection)))
        {
            for enc in [Enc::A256CbcHs512, Enc::A256Gcm, Enc::Xc20p] {
                let how = Packing::from(protection).with_enc(enc);
                let packed = aria.pack(&hello(), recipient.document(), how).unwrap();
                let received = recipient
                    .unpack(packed.as_bytes(), &UnpackOptions::at(NOW))
                    .unwrap();
                assert_eq!(received.plaintext.body["rows"], 3);
                assert_eq!(received.plaintext.to, [recipient.did().clone()]);
                let proved = match protection {
                    Protection::Anoncrypted => Proof::Nobody,
                    Protection::Signed | Protection::SignedAnoncrypted => Proof::Anyone {
                        kid: aria.did().with_fragment("key-1").unwrap(),
                        key: aria.signing_keys()[0].public().clone(),
                    },
                    _ => Proof::Us {
                        kid: aria.did().with_fragment("key-2").unwrap(),
                        key: aria.agreement_keys()[0].public().clone(),
                    },
                };
                assert_eq!(received.proof, proved, "{protection:?}");
                let author = (proved != Proof::Nobody).then_some(aria.did());
                assert_eq!(received.author(), author);
                assert_eq!(received.is_encrypted(), protection != Protection::Signed);
            }
        }
    }
}

#[test]
fn a_did_key_on_every_curve_does_what_its_curve_can() {
    let keys = [
        (Curve::Ed25519, true, true),
        (Curve::X25519, false, true),
        (Curve::P256, true, true),
        (Curve::P384, false, true),
        (Curve::P521, false, true),
        (Curve::Secp256k1, true, false),
    ];
    let reader = Party::generate_key(Curve::Ed25519).unwrap();
    for (curve, signs, agrees) in keys {
        let party = Party::generate_key(curve).unwrap();
        let signed = party.pack(&hello(), reader.document(), Protection::SignedAnoncrypted);
        assert_eq!(signed.is_ok(), signs, "{curve:?}");
        assert!(signs || signed == Err(PackError::NoSigningKey));
        let sealed = reader.pack(&hello(), party.document(), Protection::SignedAnoncrypted);
        assert_eq!(sealed.is_ok(), agrees, "{curve:?}");
        assert!(agrees || sealed == Err(PackError::NoKey));
    }
}

#[test]
fn a_proof_is_told_in_a_sentence() {
    let aria = Party::generate_key(Curve::Ed25519).unwrap();
    let told = |protection| {
        let packed = aria.pack(&hello(), aria.document(), protection).unwrap();
        let received = aria.unpack(packed.as_bytes(), &UnpackOptions::at(NOW));
        received.unwrap().proof.to_string()
    };
    let signs = aria.document().keys(Relationship::Authentication).next();
    let agrees = aria.document().keys(Relationship::KeyAgreement).next();
    assert_eq!(
        told(Protection::Anoncrypted),
        "nothing is proved about who wrote it"
    );
    assert_eq!(
        told(Protection::Authcrypted),
        format!("proved to us only: encrypted by {}", agrees.unwrap().0)
    );
    assert_eq!(
        told(Protection::SignedAnoncrypted),
        format!("proved to anyone: signed by {}", signs.unwrap().0)
    );
}

#[test]
fn nobody_packs_in_the_name_of_others_or_for_others() {
    let [aria, bruno, carla] = [(); 3].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let mut message = hello();
    message.from = Some(carla.did().clone());
    for protection in PROTECTIONS {
        let packed = aria.pack(&message, bruno.document(), protection);
        assert_eq!(packed, Err(PackError::From));
    }
    message.from = None;
    message.to = vec![carla.did().clone()];
    for protection in PROTECTIONS {
        let packed = aria.pack(&message, bruno.document(), protection);
        assert_eq!(packed, Err(PackError::To));
    }
    let p256 = Party::generate_key(Curve::P256).unwrap();
    let packed = aria.pack(&hello(), p256.document(), Protection::Authcrypted);
    assert_eq!(packed, Err(PackError::Curves));
}

#[test]
fn one_message_to_several_is_sealed_for_each_and_names_all() {
    let [aria, bruno, carla] = [(); 3].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let mut message = hello();
    message.to = vec![bruno.did().clone(), carla.did().clone()];
    for (reader, other) in [(&bruno, &carla), (&carla, &bruno)] {
        let packed = aria
            .pack(&message, reader.document(), Protection::SignedAnoncrypted)
            .unwrap();
        let options = UnpackOptions::at(NOW);
        let received = reader.unpack(packed.as_bytes(), &options).unwrap();
        assert_eq!(received.plaintext.to, message.to);
        let refused = other.unpack(packed.as_bytes(), &options);
        assert!(matches!(refused, Err(UnpackError::NoKey)));
    }
}

#[test]
fn a_private_key_has_to_be_in_the_document_for_what_it_does() {
    let aria = Party::generate_key(Curve::Ed25519).unwrap();
    let document = || DidDocument::clone(aria.document());
    let own = SigningKey::from_secret(Curve::Ed25519, &aria.signing_keys()[0].secret()).unwrap();
    let again = Party::new(document(), vec![own], Vec::new()).unwrap();
    assert_eq!(again.did(), aria.did());
    let foreign = SigningKey::generate(&SystemEntropy);
    let fingerprint = foreign.public().fingerprint();
    assert_eq!(
        Party::new(document(), vec![foreign], Vec::new()).map(|_| ()),
        Err(PartyError::ForeignKey { fingerprint })
    );
    let foreign = AgreementKey::generate(&SystemEntropy);
    assert!(Party::new(document(), Vec::new(), vec![foreign]).is_err());
    assert!(!format!("{aria:?}").contains(&format!("{:?}", aria.signing_keys()[0].secret())));
}

#[test]
fn a_did_hands_over_to_another_in_whatever_encryption_proves_that_one() {
    let [old, new, bruno] = [(); 3].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let mut message = hello();
    message.from_prior = Some(old.hand_over(Some(new.did()), NOW).unwrap());
    for protection in [
        Protection::Authcrypted,
        Protection::SignedAnoncrypted,
        Protection::HiddenAuthcrypted,
    ] {
        let packed = new.pack(&message, bruno.document(), protection).unwrap();
        let received = bruno.unpack(packed.as_bytes(), &UnpackOptions::at(NOW));
        let prior = received.unwrap().from_prior.unwrap();
        assert_eq!(
            (&prior.iss, prior.sub.as_ref()),
            (old.did(), Some(new.did()))
        );
        assert_eq!(prior.iat, NOW);
    }
    let signed = new.pack(&message, bruno.document(), Protection::Signed);
    assert!(matches!(
        bruno.unpack(signed.unwrap().as_bytes(), &UnpackOptions::at(NOW)),
        Err(UnpackError::FromPrior(FromPriorError::NotEncrypted))
    ));
    // Whoever saw the token cannot repeat it: nobody is proved to be the new DID.
    let mut repeated = message.clone();
    repeated.from = Some(new.did().clone());
    let sealed = comity_didcomm::anoncrypt(
        &SystemEntropy,
        bruno.document(),
        Enc::A256Gcm,
        repeated.to_octets(),
        comity_didcomm::media_type::ENCRYPTED,
    );
    assert!(matches!(
        bruno.unpack(sealed.unwrap().as_bytes(), &UnpackOptions::at(NOW)),
        Err(UnpackError::FromPrior(FromPriorError::Unproved))
    ));
    // Who follows no rotations reads the message, and is told.
    let packed = new.pack(&message, bruno.document(), Protection::default());
    let mut deaf = UnpackOptions::at(NOW);
    deaf.follow_rotations = false;
    let received = bruno.unpack(packed.unwrap().as_bytes(), &deaf).unwrap();
    assert_eq!(received.from_prior, None);
    assert_eq!(received.warnings, [Warning::RotationNotVerified]);
    let early = UnpackOptions::at(NOW - 3_600);
    let packed = new.pack(&message, bruno.document(), Protection::Authcrypted);
    assert!(matches!(
        bruno.unpack(packed.unwrap().as_bytes(), &early),
        Err(UnpackError::FromPrior(FromPriorError::Time))
    ));
}

#[test]
fn the_missing_document_of_a_prior_did_is_named() {
    let key = SigningKey::generate(&SystemEntropy);
    let document = serde_json::json!({"id": "did:web:old.example", "authentication": [{
        "id": "#key", "type": "Multikey", "controller": "did:web:old.example",
        "publicKeyMultibase": key.public().to_multikey()}]});
    let did: comity_didcomm::did::Did = "did:web:old.example".parse().unwrap();
    let document = DidDocument::parse(&did, document.to_string().as_bytes()).unwrap();
    let old = Party::new(document, vec![key], Vec::new()).unwrap();
    let [new, bruno] = [(); 2].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let mut message = hello();
    message.from_prior = Some(old.hand_over(Some(new.did()), NOW).unwrap());
    let packed = new.pack(&message, bruno.document(), Protection::default());
    let packed = packed.unwrap();
    let options = UnpackOptions::at(NOW);
    let Err(UnpackError::Unresolved { did: missing }) = bruno.unpack(packed.as_bytes(), &options)
    else {
        panic!("nobody knows the old document");
    };
    assert_eq!(missing, did);
    let known =
        |did: &comity_didcomm::did::Did| (did == old.did()).then(|| Arc::clone(old.document()));
    let received = bruno.unpack_with(packed.as_bytes(), &options, &known);
    assert_eq!(received.unwrap().from_prior.unwrap().iss, did);
}

#[test]
fn a_relationship_ends_with_a_letter_from_nobody() {
    let [aria, bruno] = [(); 2].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let mut message = hello();
    message.from_prior = Some(aria.hand_over(None, NOW).unwrap());
    let packed = aria
        .pack(&message, bruno.document(), Protection::Anoncrypted)
        .unwrap();
    let received = bruno.unpack(packed.as_bytes(), &UnpackOptions::at(NOW));
    let received = received.unwrap();
    assert_eq!(received.author(), None);
    let prior = received.from_prior.unwrap();
    assert_eq!((&prior.iss, prior.sub), (aria.did(), None));
}

#[test]
fn what_another_signed_for_a_third_is_not_passed_on() {
    let [aria, bruno, carla] = [(); 3].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let signed = aria.pack(&hello(), bruno.document(), Protection::Signed);
    let passed_on = comity_didcomm::anoncrypt(
        &SystemEntropy,
        carla.document(),
        Enc::A256Gcm,
        signed.unwrap().as_bytes(),
        comity_didcomm::media_type::ENCRYPTED,
    )
    .unwrap();
    assert!(matches!(
        carla.unpack(passed_on.as_bytes(), &UnpackOptions::at(NOW)),
        Err(UnpackError::Addressing(AddressingError::RecipientNotInTo))
    ));
}

#[test]
fn what_was_taken_out_of_its_envelope_is_for_nobody_else_either() {
    let [aria, bruno, carla] = [(); 3].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let packed = aria.pack(&hello(), bruno.document(), Protection::default());
    let options = UnpackOptions::at(NOW);
    let received = bruno.unpack(packed.unwrap().as_bytes(), &options).unwrap();
    let jws = received.signed.unwrap().jws;
    assert!(matches!(
        carla.unpack(&jws, &options),
        Err(UnpackError::Addressing(AddressingError::RecipientNotInTo))
    ));
    let mut lenient = options.clone();
    lenient.accept_unlisted_recipient = true;
    let taken = carla.unpack(&jws, &lenient).unwrap();
    assert_eq!(taken.warnings, [Warning::RecipientNotInTo]);
    // Bruno himself, and whoever only checks what Aria wrote to him.
    assert!(bruno.unpack(&jws, &options).is_ok());
    let checked = verify_signed(&jws, &UnpackOptions::default(), &|_| None).unwrap();
    assert_eq!(checked.author(), Some(aria.did()));
    assert_eq!(checked.plaintext.to, [bruno.did().clone()]);
}

#[test]
fn only_a_signature_is_evidence() {
    let [aria, bruno] = [(); 2].map(|()| Party::generate_key(Curve::Ed25519).unwrap());
    let plaintext = hello().to_octets();
    let refused = verify_signed(&plaintext, &UnpackOptions::default(), &|_| None);
    assert!(matches!(refused, Err(UnpackError::Unsigned)));
    let sealed = aria.pack(&hello(), bruno.document(), Protection::default());
    let refused = verify_signed(
        sealed.unwrap().as_bytes(),
        &UnpackOptions::default(),
        &|_| None,
    );
    assert!(matches!(refused, Err(UnpackError::NoKey)));
}

#[test]
fn expired_messages_are_marked_where_the_time_is_known() {
    let aria = Party::generate_key(Curve::Ed25519).unwrap();
    let mut message = hello();
    message.expires_time = Some(NOW);
    let packed = aria
        .pack(&message, aria.document(), Protection::default())
        .unwrap();
    let later = UnpackOptions::at(NOW + 3_600);
    let received = aria.unpack(packed.as_bytes(), &later).unwrap();
    assert_eq!(received.warnings, [Warning::Expired]);
    let timeless = UnpackOptions::default();
    let received = aria.unpack(packed.as_bytes(), &timeless).unwrap();
    assert_eq!(received.warnings, []);
}

#[test]
fn documents_from_elsewhere_are_asked_for_first() {
    let aria = Party::generate_peer(Curve::Ed25519, Curve::X25519, &[]).unwrap();
    let bruno = Party::generate_key(Curve::X25519).unwrap();
    let packed = aria.pack(&hello(), bruno.document(), Protection::default());
    let stranger = Party::generate_key(Curve::Ed25519).unwrap();
    let refused = bruno.unpack_with(packed.unwrap().as_bytes(), &UnpackOptions::at(NOW), &|_| {
        Some(Arc::clone(stranger.document()))
    });
    assert!(matches!(refused, Err(UnpackError::Unresolved { .. })));
}

#[test]
fn layers_are_told_from_the_outside_in() {
    let aria = Party::generate_key(Curve::Ed25519).unwrap();
    let packed = aria
        .pack(&hello(), aria.document(), Protection::HiddenAuthcrypted)
        .unwrap();
    let received = aria.unpack(packed.as_bytes(), &UnpackOptions::at(NOW));
    assert!(matches!(
        received.unwrap().layers.as_slice(),
        [Layer::Anoncrypt { .. }, Layer::Authcrypt { .. }]
    ));
}
