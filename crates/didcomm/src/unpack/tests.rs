use comity_did::{make_key, resolve_offline};
use comity_jose::jwe::Enc;
use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
use serde_json::{Value, json};

use super::*;
use crate::{agreement_targets, anoncrypt, anoncrypt_to, authcrypt, media_type, sign};

/// A party whose one Ed25519 key is its did:key, and whose X25519 key derives from it.
struct Party {
    did: Did,
    document: Arc<DidDocument>,
    signing: SigningKey,
    agreement: AgreementKey,
}

impl Party {
    fn new() -> Self {
        let signing = SigningKey::generate(&SystemEntropy);
        let did = make_key(signing.public());
        let document = Arc::new(resolve_offline(&did).unwrap().unwrap());
        let agreement = signing.to_agreement().unwrap();
        Self {
            did,
            document,
            signing,
            agreement,
        }
    }

    fn signing_kid(&self) -> DidUrl {
        self.did
            .with_fragment(self.did.method_specific_id())
            .unwrap()
    }

    fn target(&self) -> (DidUrl, PublicKey) {
        agreement_targets(&self.document).remove(0)
    }

    fn message(&self, to: &Self) -> Value {
        json!({
            "id": "1",
            "type": "https://example.org/x/1.0/y",
            "from": self.did,
            "to": [to.did],
            "thid": "t",
            "body": {},
        })
    }

    fn sign(&self, message: &Value) -> String {
        sign(
            &self.signing,
            &self.signing_kid(),
            message.to_string().as_bytes(),
        )
    }

    fn authcrypt(&self, to: &Self, octets: &str) -> String {
        let targets = agreement_targets(&to.document);
        let zs = vec![self.agreement.agree(&targets[0].1).unwrap()];
        let skid = self.target().0;
        let typ = media_type::ENCRYPTED;
        authcrypt(&SystemEntropy, &skid, &zs, &targets, octets.as_bytes(), typ).unwrap()
    }

    fn unpack(&self, octets: &str) -> Result<Received, UnpackError> {
        self.unpack_at(octets, None)
    }

    fn unpack_at(&self, octets: &str, now: Option<u64>) -> Result<Received, UnpackError> {
        let kid = self.target().0;
        let keys = |wanted: &DidUrl| (*wanted == kid).then_some(&self.agreement);
        let options = UnpackOptions {
            now,
            ..UnpackOptions::default()
        };
        unpack_offline(octets.as_bytes(), &keys, &|_| None, &options)
    }
}

fn anoncrypted(to: &Party, octets: &str) -> String {
    let typ = media_type::ENCRYPTED;
    anoncrypt(
        &SystemEntropy,
        &to.document,
        Enc::A256Gcm,
        octets.as_bytes(),
        typ,
    )
    .unwrap()
}

fn start(octets: &str) -> Unpack {
    Unpack::new(octets.as_bytes(), &UnpackOptions::default()).unwrap()
}

#[test]
fn an_anoncrypted_signed_message_asks_for_key_claim_and_document_in_that_order() {
    let (aria, bruno) = (Party::new(), Party::new());
    let signed = aria.sign(&aria.message(&bruno));
    let mut unpack = start(&anoncrypted(&bruno, &signed));

    let Step::Agree { kids, with } = unpack.step().unwrap() else {
        panic!("first the key")
    };
    let kid = kids[0].clone();
    let secrets = with
        .iter()
        .map(|key| bruno.agreement.agree(key).unwrap())
        .collect();
    unpack.agreed(kid.clone(), secrets);

    let Step::Claim(claim) = unpack.step().unwrap() else {
        panic!("then the claim")
    };
    assert_eq!(claim.from, aria.did);
    assert_eq!(claim.kid, aria.signing_kid());
    assert_eq!(claim.recipients, std::slice::from_ref(&kid));
    assert_eq!(claim.thid.as_ref().unwrap().as_str(), "t");
    unpack.proceed();

    let Step::Resolve(did) = unpack.step().unwrap() else {
        panic!("then the document")
    };
    assert_eq!(*did, aria.did);
    unpack.document(aria.document.clone());

    assert!(matches!(unpack.step().unwrap(), Step::Done));
    let received = unpack.finish().unwrap();
    let key = aria.signing.public().clone();
    assert_eq!(
        received.proof,
        Proof::Anyone {
            kid: aria.signing_kid(),
            key
        }
    );
    assert_eq!(received.recipient, Some(kid));
    assert_eq!(received.signed.unwrap().jws, signed.as_bytes());
    assert_eq!(received.sender_document.unwrap().id(), &aria.did);
}

#[test]
fn an_authcrypted_message_asks_for_the_document_before_the_key() {
    let (aria, bruno) = (Party::new(), Party::new());
    let sealed = aria.authcrypt(&bruno, &aria.message(&bruno).to_string());
    let mut unpack = start(&sealed);
    let Step::Claim(claim) = unpack.step().unwrap() else {
        panic!("first the claim")
    };
    assert_eq!(
        (claim.from.clone(), claim.type_.clone()),
        (aria.did.clone(), None)
    );
    unpack.proceed();
    let Step::Resolve(_) = unpack.step().unwrap() else {
        panic!("then the document")
    };
    unpack.document(aria.document.clone());
    let Step::Agree { with, .. } = unpack.step().unwrap() else {
        panic!("then the key")
    };
    assert_eq!(with[1], aria.target().1);

    let received = bruno.unpack(&sealed).unwrap();
    let (kid, key) = aria.target();
    assert_eq!(received.proof, Proof::Us { kid, key });
}

#[test]
fn a_signature_inside_authcrypt_needs_no_second_document() {
    let (aria, bruno) = (Party::new(), Party::new());
    let sealed = aria.authcrypt(&bruno, &aria.sign(&aria.message(&bruno)));
    let mut unpack = start(&anoncrypted(&bruno, &sealed));
    let mut resolved = 0;
    loop {
        match unpack.step().unwrap() {
            Step::Agree { kids, with } => {
                let kid = kids[0].clone();
                let secrets = with
                    .iter()
                    .map(|key| bruno.agreement.agree(key).unwrap())
                    .collect();
                unpack.agreed(kid, secrets);
            }
            Step::Claim(_) => unpack.proceed(),
            Step::Resolve(_) => {
                resolved += 1;
                unpack.document(aria.document.clone());
            }
            Step::Done => break,
        }
    }
    assert_eq!(resolved, 1);
    assert_eq!(unpack.finish().unwrap().layers.len(), 3);
}

#[test]
fn a_step_is_repeated_until_it_is_answered_and_wrong_answers_end_it() {
    let (aria, bruno) = (Party::new(), Party::new());
    let octets = aria.sign(&aria.message(&bruno));
    let mut unpack = start(&octets);
    assert!(matches!(unpack.step().unwrap(), Step::Claim(_)));
    assert!(matches!(unpack.step().unwrap(), Step::Claim(_)));
    unpack.document(aria.document.clone());
    assert!(matches!(unpack.step(), Err(UnpackError::OutOfTurn)));
    assert!(matches!(unpack.step(), Err(UnpackError::OutOfTurn)));
    assert!(matches!(unpack.finish(), Err(UnpackError::OutOfTurn)));
    assert!(matches!(
        start(&octets).finish(),
        Err(UnpackError::OutOfTurn)
    ));
}

#[test]
fn a_document_of_somebody_else_proves_nothing() {
    let (aria, bruno) = (Party::new(), Party::new());
    let mut unpack = start(&aria.sign(&aria.message(&bruno)));
    unpack.proceed();
    assert!(matches!(unpack.step().unwrap(), Step::Resolve(_)));
    unpack.document(bruno.document.clone());
    assert!(matches!(unpack.step(), Err(UnpackError::Unresolved { .. })));
}

#[test]
fn an_unresolved_sender_is_an_error_that_may_pass() {
    let (aria, bruno) = (Party::new(), Party::new());
    let mut unpack = start(&aria.sign(&aria.message(&bruno)));
    unpack.proceed();
    assert!(matches!(unpack.step().unwrap(), Step::Resolve(_)));
    unpack.unresolved();
    let error = unpack.step().unwrap_err();
    assert!(error.is_temporary());
    assert_eq!(error.class(), Class::Did);
}

#[test]
fn refuses_a_message_signed_for_one_and_passed_on_to_another() {
    let (aria, bruno, carla) = (Party::new(), Party::new(), Party::new());
    let passed_on = anoncrypted(&carla, &aria.sign(&aria.message(&bruno)));
    let error = carla.unpack(&passed_on).unwrap_err();
    assert!(matches!(
        error,
        UnpackError::Addressing(AddressingError::RecipientNotInTo)
    ));
}

#[test]
fn refuses_a_signature_of_another_inside_authcrypt_before_asking_for_its_document() {
    let (aria, bruno, carla) = (Party::new(), Party::new(), Party::new());
    let sealed = carla.authcrypt(&bruno, &aria.sign(&aria.message(&bruno)));
    let error = bruno.unpack(&sealed).unwrap_err();
    assert!(matches!(
        error,
        UnpackError::Addressing(AddressingError::SignerIsNotSender)
    ));
}

/// A `from_prior` with this `typ`, under this key id.
fn from_prior(signer: &Party, typ: &str, kid: &DidUrl, claims: &Value) -> String {
    let header = json!({"typ": typ, "alg": "EdDSA", "kid": kid}).to_string();
    let claims = claims.to_string();
    let input = comity_jose::jws::SigningInput::new(header.as_bytes(), claims.as_bytes());
    let signature = signer.signing.sign(input.octets());
    input.into_compact(&signature)
}

/// What becomes of a message of `from` with this rotation, read at `now`.
fn rotated(
    from: &Party,
    to: &Party,
    jwt: String,
    now: Option<u64>,
) -> Result<Received, UnpackError> {
    let mut message = from.message(to);
    message["from_prior"] = jwt.into();
    to.unpack_at(&from.authcrypt(to, &message.to_string()), now)
}

fn refusal_of_rotation(result: Result<Received, UnpackError>) -> FromPriorError {
    match result.unwrap_err() {
        UnpackError::FromPrior(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn refuses_a_rotation_signed_by_somebody_else_before_asking_for_a_document() {
    let (aria, bruno, carla) = (Party::new(), Party::new(), Party::new());
    let claims = json!({"iss": bruno.did, "sub": aria.did, "iat": 1});
    let jwt = from_prior(&carla, "JWT", &carla.signing_kid(), &claims);
    let error = refusal_of_rotation(rotated(&aria, &bruno, jwt, None));
    assert!(matches!(error, FromPriorError::ForeignKey));
}

#[test]
fn a_rotation_is_a_jwt_by_an_authentication_key_of_the_prior_did() {
    let (aria, bruno, prior) = (Party::new(), Party::new(), Party::new());
    let claims = json!({"iss": prior.did, "sub": aria.did, "iat": 1});
    let read = |typ: &str, kid: &DidUrl| {
        rotated(&aria, &bruno, from_prior(&prior, typ, kid, &claims), None)
    };
    let good = read("JWT", &prior.signing_kid()).unwrap();
    assert_eq!(good.from_prior.unwrap().iss, prior.did);
    let error = refusal_of_rotation(read("comity-receipt+jws", &prior.signing_kid()));
    assert!(matches!(error, FromPriorError::Header));
    let error = refusal_of_rotation(read("JWT", &prior.did.clone().into()));
    assert!(matches!(error, FromPriorError::Header));
    let error = refusal_of_rotation(read("JWT", &prior.target().0));
    assert!(matches!(error, FromPriorError::Unauthorized));
}

#[test]
fn a_rotation_holds_between_its_times_only() {
    let (aria, bruno, prior) = (Party::new(), Party::new(), Party::new());
    let at = |claims: Value, now: u64| {
        let mut claims = claims;
        claims["iss"] = json!(prior.did);
        claims["sub"] = json!(aria.did);
        let jwt = from_prior(&prior, "JWT", &prior.signing_kid(), &claims);
        rotated(&aria, &bruno, jwt, Some(now))
    };
    for (claims, now) in [
        (json!({"iat": 1_000}), 939),
        (json!({"iat": 1, "nbf": 1_000}), 939),
        (json!({"iat": 1, "exp": 1_000}), 1_060),
    ] {
        let error = refusal_of_rotation(at(claims, now));
        assert!(matches!(error, FromPriorError::Time));
    }
    assert!(at(json!({"iat": 1_000, "nbf": 1_000}), 940).is_ok());
    assert!(at(json!({"iat": 1, "exp": 1_000}), 1_059).is_ok());
    let error = refusal_of_rotation(at(json!({"iat": 1, "exp": "1000"}), 1));
    assert!(matches!(error, FromPriorError::Claims));
}

#[test]
fn a_rotation_to_nobody_comes_from_nobody() {
    let (bruno, prior) = (Party::new(), Party::new());
    let read = |claims: Value, from: Option<&Did>| {
        let jwt = from_prior(&prior, "JWT", &prior.signing_kid(), &claims);
        let mut message = prior.message(&bruno);
        message["from_prior"] = jwt.into();
        match from {
            Some(from) => message["from"] = json!(from),
            None => drop(message.as_object_mut().unwrap().remove("from")),
        }
        bruno.unpack(&anoncrypted(&bruno, &message.to_string()))
    };
    let ended = read(json!({"iss": prior.did, "iat": 1}), None).unwrap();
    assert_eq!(ended.from_prior.unwrap().sub, None);
    for (claims, from) in [
        (json!({"iss": prior.did, "iat": 1}), Some(&prior.did)),
        (json!({"iss": prior.did, "sub": bruno.did, "iat": 1}), None),
    ] {
        let error = refusal_of_rotation(read(claims, from));
        assert!(matches!(error, FromPriorError::Subject));
    }
}

#[test]
fn refuses_a_sender_key_on_another_curve_than_the_envelope() {
    let (aria, bruno) = (Party::new(), Party::new());
    let seed = [7; 32];
    let p256 = SigningKey::from_secret(comity_jose::Curve::P256, &seed).unwrap();
    let sender = make_key(p256.public());
    let skid = sender.with_fragment(sender.method_specific_id()).unwrap();
    let targets = [bruno.target()];
    let zs = [aria.agreement.agree(&targets[0].1).unwrap()];
    let typ = media_type::ENCRYPTED;
    let sealed = authcrypt(&SystemEntropy, &skid, &zs, &targets, b"{}", typ).unwrap();
    let error = bruno.unpack(&sealed).unwrap_err();
    assert!(matches!(error, UnpackError::Agreement));
}

#[test]
fn refuses_recipients_and_senders_that_are_no_keys() {
    let (aria, bruno) = (Party::new(), Party::new());
    let typ = media_type::ENCRYPTED;
    let bare = [(DidUrl::from(bruno.did.clone()), bruno.target().1)];
    let sealed = anoncrypt_to(&SystemEntropy, &bare, Enc::A256Gcm, b"{}", typ).unwrap();
    let error = bruno.unpack(&sealed).unwrap_err();
    assert!(matches!(error, UnpackError::KeyId("kid")));
    let targets = [bruno.target()];
    let zs = [aria.agreement.agree(&targets[0].1).unwrap()];
    let skid = DidUrl::from(aria.did.clone());
    let sealed = authcrypt(&SystemEntropy, &skid, &zs, &targets, b"{}", typ).unwrap();
    let error = bruno.unpack(&sealed).unwrap_err();
    assert!(matches!(error, UnpackError::KeyId("skid")));
}

#[test]
fn an_authcrypted_message_of_an_unresolved_sender_is_not_opened_at_all() {
    let (aria, bruno) = (Party::new(), Party::new());
    let mut unpack = start(&aria.authcrypt(&bruno, &aria.message(&bruno).to_string()));
    assert!(matches!(unpack.step().unwrap(), Step::Claim(_)));
    unpack.proceed();
    assert!(matches!(unpack.step().unwrap(), Step::Resolve(_)));
    unpack.unresolved();
    let error = unpack.step().unwrap_err();
    assert!(matches!(error, UnpackError::Unresolved { .. }) && error.is_temporary());
    assert!(matches!(unpack.finish(), Err(UnpackError::OutOfTurn)));
}

#[test]
fn an_absent_typ_contradicts_nothing_and_a_compact_token_is_no_message() {
    let (aria, bruno) = (Party::new(), Party::new());
    let payload = aria.message(&bruno).to_string();
    let input = || {
        let kid = aria.signing_kid();
        let protected = json!({"alg": "EdDSA", "kid": kid}).to_string();
        comity_jose::jws::SigningInput::new(protected.as_bytes(), payload.as_bytes())
    };
    let signature = aria.signing.sign(input().octets());
    let compact = input().into_compact(&signature);
    let parts: Vec<&str> = compact.split('.').collect();
    let flattened = json!({"protected": parts[0], "payload": parts[1], "signature": parts[2]});
    assert!(bruno.unpack(&flattened.to_string()).is_ok());
    let error = bruno.unpack(&compact).unwrap_err();
    assert!(matches!(error, UnpackError::Json(_)));
}

#[test]
fn a_message_is_expired_when_no_honest_clock_takes_it_for_fresh() {
    let (aria, bruno) = (Party::new(), Party::new());
    let mut message = aria.message(&bruno);
    message["expires_time"] = json!(1_000);
    let sealed = aria.authcrypt(&bruno, &message.to_string());
    let warnings = |now| bruno.unpack_at(&sealed, Some(now)).unwrap().warnings;
    assert_eq!(warnings(1_059), []);
    assert_eq!(warnings(1_060), [Warning::Expired]);
}

#[test]
fn the_long_and_the_short_form_of_a_did_are_one_sender() {
    let (aria, bruno) = (Party::new(), Party::new());
    let long = comity_did::make_peer2(aria.signing.public(), aria.agreement.public(), &[]);
    let short = comity_did::peer::short_form(&long).unwrap();
    let key = |did: &Did, number: u8| did.with_fragment(&format!("key-{number}")).unwrap();
    let mut message = aria.message(&bruno);
    for (from, by) in [(&short, &long), (&long, &short)] {
        message["from"] = json!(from);
        let octets = message.to_string();
        let signed = sign(&aria.signing, &key(by, 1), octets.as_bytes());
        assert!(bruno.unpack(&anoncrypted(&bruno, &signed)).is_ok());
    }
    message["from"] = json!(short);
    let targets = [bruno.target()];
    let zs = [aria.agreement.agree(&targets[0].1).unwrap()];
    let (octets, typ) = (message.to_string(), media_type::ENCRYPTED);
    let skid = key(&long, 2);
    let sealed = authcrypt(&SystemEntropy, &skid, &zs, &targets, octets.as_bytes(), typ);
    assert!(bruno.unpack(&sealed.unwrap()).is_ok());
}

#[test]
fn refuses_layers_in_orders_that_nobody_may_send() {
    let (aria, bruno) = (Party::new(), Party::new());
    let message = aria.message(&bruno);
    let signed = aria.sign(&message);
    let signed_value: Value = serde_json::from_str(&signed).unwrap();
    let anonymous = anoncrypted(&bruno, &message.to_string());
    let anonymous_value: Value = serde_json::from_str(&anonymous).unwrap();
    for nested in [
        aria.sign(&signed_value),
        aria.sign(&anonymous_value),
        anoncrypted(&bruno, &anonymous),
        aria.authcrypt(&bruno, &anonymous),
        aria.authcrypt(&bruno, &aria.authcrypt(&bruno, &message.to_string())),
    ] {
        assert!(matches!(
            bruno.unpack(&nested).unwrap_err(),
            UnpackError::Nesting
        ));
    }
}

#[test]
fn refuses_envelopes_of_different_recipients_inside_one_another() {
    let (aria, bruno, carla) = (Party::new(), Party::new(), Party::new());
    let inner = aria.authcrypt(&bruno, &aria.message(&bruno).to_string());
    let outer = anoncrypted(&carla, &inner);
    let keys = |kid: &DidUrl| {
        [&bruno, &carla]
            .into_iter()
            .find(|who| who.target().0 == *kid)
            .map(|who| &who.agreement)
    };
    let options = UnpackOptions::default();
    let error = unpack_offline(outer.as_bytes(), &keys, &|_| None, &options).unwrap_err();
    assert!(matches!(
        error,
        UnpackError::Addressing(AddressingError::RecipientsDiffer)
    ));
}

#[test]
fn refuses_keys_of_several_dids_as_recipients() {
    let (bruno, carla) = (Party::new(), Party::new());
    let targets = [bruno.target(), carla.target()];
    let typ = media_type::ENCRYPTED;
    let sealed = anoncrypt_to(&SystemEntropy, &targets, Enc::A256Gcm, b"{}", typ).unwrap();
    assert!(matches!(
        bruno.unpack(&sealed).unwrap_err(),
        UnpackError::SeveralRecipients
    ));
}

#[test]
fn refuses_a_typ_of_another_kind_on_a_signature() {
    let (aria, bruno) = (Party::new(), Party::new());
    let payload = aria.message(&bruno).to_string();
    let protected = br#"{"typ":"comity-receipt+jws","alg":"EdDSA"}"#;
    let input = comity_jose::jws::SigningInput::new(protected, payload.as_bytes());
    let signature = aria.signing.sign(input.octets());
    let signed = input.into_general(aria.signing_kid().as_str(), &signature);
    assert!(matches!(
        bruno.unpack(&signed).unwrap_err(),
        UnpackError::Typ
    ));
}

#[test]
fn a_message_without_to_is_for_its_reader_unless_it_is_signed() {
    let (aria, bruno) = (Party::new(), Party::new());
    let mut message = aria.message(&bruno);
    message.as_object_mut().unwrap().remove("to");
    assert!(
        bruno
            .unpack(&aria.authcrypt(&bruno, &message.to_string()))
            .is_ok()
    );
    assert!(
        bruno
            .unpack(&anoncrypted(&bruno, &aria.sign(&message)))
            .is_err()
    );
}

#[test]
fn no_flipped_bit_and_no_missing_end_is_accepted() {
    let (aria, bruno) = (Party::new(), Party::new());
    let sealed = anoncrypted(&bruno, &aria.sign(&aria.message(&bruno)));
    assert!(bruno.unpack(&sealed).is_ok());
    for at in 0..sealed.len() {
        let mut octets = sealed.clone().into_bytes();
        octets[at] ^= 1;
        assert!(
            bruno.unpack(&String::from_utf8(octets).unwrap()).is_err(),
            "bit at {at}"
        );
        assert!(bruno.unpack(&sealed[..at]).is_err(), "end at {at}");
    }
}

#[test]
fn plaintext_proves_nobody_and_says_so() {
    let (aria, bruno) = (Party::new(), Party::new());
    let received = bruno.unpack(&aria.message(&bruno).to_string()).unwrap();
    assert_eq!(received.proof, Proof::Nobody);
    assert!(!received.is_encrypted());
    assert!(received.plaintext.from.is_some());
}

#[test]
fn every_class_has_a_problem_code() {
    for class in [
        Class::Addressing,
        Class::Crypto,
        Class::Did,
        Class::FromPrior,
        Class::Malformed,
        Class::NoKey,
        Class::UnauthorizedKey,
        Class::Unsupported,
    ] {
        assert!(class.problem_code().matches("e.m"));
        assert!(class.code().ends_with(class.name()));
    }
}
