use comity_did::{make_key, resolve_offline};
use comity_jose::jwe::Enc;
use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
use serde_json::json;

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
        let kid = self.target().0;
        let keys = |wanted: &DidUrl| (*wanted == kid).then_some(&self.agreement);
        unpack_offline(
            octets.as_bytes(),
            &keys,
            &|_| None,
            &UnpackOptions::default(),
        )
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

#[test]
fn refuses_a_rotation_signed_by_somebody_else_before_asking_for_a_document() {
    let (aria, bruno, carla) = (Party::new(), Party::new(), Party::new());
    let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": carla.signing_kid()});
    let claims = json!({"iss": bruno.did, "sub": aria.did, "iat": 1});
    let (header, claims) = (header.to_string(), claims.to_string());
    let input = comity_jose::jws::SigningInput::new(header.as_bytes(), claims.as_bytes());
    let signature = carla.signing.sign(input.octets());
    let mut message = aria.message(&bruno);
    message["from_prior"] = input.into_compact(&signature).into();
    let error = bruno
        .unpack(&aria.authcrypt(&bruno, &message.to_string()))
        .unwrap_err();
    assert!(matches!(
        error,
        UnpackError::FromPrior(FromPriorError::ForeignKey)
    ));
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
