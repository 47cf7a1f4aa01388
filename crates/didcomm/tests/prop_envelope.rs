//! What must hold for any message in any permitted envelope: unpacking undoes packing, and no
//! changed octet is accepted that could matter.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its parties has failed"
)]

use std::ops::Range;
use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl};
use comity_didcomm::{
    Attachment, Layer, MessageId, MessageType, Plaintext, PleaseAck, Proof, Received, ReturnRoute,
    UnpackError, UnpackOptions, agreement_targets_on, anoncrypt, authcrypt, media_type, sign,
    unpack_offline,
};
use comity_jose::jwe::Enc;
use comity_jose::{AgreementKey, Curve, Entropy, SigningKey, SystemEntropy, json};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What may be emitted for a hop (ENV-02), and how.
#[derive(Clone, Copy, Debug)]
enum Packing {
    Plain,
    Sign,
    Anoncrypt(Enc),
    Authcrypt,
    AnoncryptSign(Enc),
    AnoncryptAuthcrypt(Enc),
}

impl Packing {
    fn is_encrypted(self) -> bool {
        !matches!(self, Self::Plain | Self::Sign)
    }
}

/// One side: a signing key, and agreement keys on one curve.
struct Party {
    document: Arc<DidDocument>,
    signing: SigningKey,
    agreement: Vec<AgreementKey>,
}

impl Party {
    fn new(did: &str, signing: Curve, agreement: Curve, keys: usize) -> Self {
        let mut seed = [0; 32];
        SystemEntropy.fill(&mut seed);
        let signing = SigningKey::from_secret(signing, &seed).unwrap();
        let key = |_| AgreementKey::generate_on(agreement, &SystemEntropy).unwrap();
        let agreement: Vec<_> = (0..keys).map(key).collect();
        let method = |id: String, multikey: String| json!({"id": id, "type": "Multikey", "controller": did, "publicKeyMultibase": multikey});
        let agreeing: Vec<Value> = (0..keys)
            .map(|n| method(format!("#agree-{n}"), agreement[n].public().to_multikey()))
            .collect();
        let document = json!({"id": did, "keyAgreement": agreeing,
            "authentication": [method("#sign".into(), signing.public().to_multikey())]});
        let did = Did::parse(did).unwrap();
        let document = DidDocument::parse(&did, document.to_string().as_bytes()).unwrap();
        Self {
            document: Arc::new(document),
            signing,
            agreement,
        }
    }

    fn kid(&self, fragment: &str) -> DidUrl {
        self.document.id().with_fragment(fragment).unwrap()
    }

    fn pack(&self, to: &Self, octets: &[u8], packing: Packing) -> String {
        let typ = media_type::ENCRYPTED;
        let seal = |enc, octets: &str| {
            anoncrypt(&SystemEntropy, &to.document, enc, octets.as_bytes(), typ).unwrap()
        };
        let text = String::from_utf8(octets.to_vec()).unwrap();
        let signed = || sign(&self.signing, &self.kid("sign"), octets);
        let authenticated = || {
            let own = &self.agreement[0];
            let targets = agreement_targets_on(&to.document, own.public().curve());
            let zs: Vec<_> = targets
                .iter()
                .map(|(_, key)| own.agree(key).unwrap())
                .collect();
            let skid = self.kid("agree-0");
            authcrypt(&SystemEntropy, &skid, &zs, &targets, octets, typ).unwrap()
        };
        match packing {
            Packing::Plain => text,
            Packing::Sign => signed(),
            Packing::Anoncrypt(enc) => seal(enc, &text),
            Packing::Authcrypt => authenticated(),
            Packing::AnoncryptSign(enc) => seal(enc, &signed()),
            Packing::AnoncryptAuthcrypt(enc) => seal(enc, &authenticated()),
        }
    }
}

/// A sender, and a recipient who holds the last of its keys only.
struct World {
    sender: Party,
    recipient: Party,
}

impl World {
    fn new(signing: Curve, agreement: Curve, keys: usize) -> Self {
        Self {
            sender: Party::new("did:example:aria", signing, agreement, 1),
            recipient: Party::new("did:example:bruno", signing, agreement, keys),
        }
    }

    fn held(&self) -> (DidUrl, &AgreementKey) {
        let last = self.recipient.agreement.len() - 1;
        let kid = self.recipient.kid(&format!("agree-{last}"));
        (kid, &self.recipient.agreement[last])
    }

    fn unpack(&self, octets: &[u8]) -> Result<Received, UnpackError> {
        let (ours, key) = self.held();
        let keys = |kid: &DidUrl| (*kid == ours).then_some(key);
        let document =
            |did: &Did| (did == self.sender.document.id()).then(|| self.sender.document.clone());
        unpack_offline(octets, &keys, &document, &UnpackOptions::default())
    }

    /// What unpacking must say of the layers and the proof.
    fn expected(&self, packing: Packing) -> (Vec<Layer>, Proof) {
        let recipient = self.held().0;
        let signer = self.sender.kid("sign");
        let sender = self.sender.kid("agree-0");
        let anonymous = Layer::Anoncrypt {
            recipient: recipient.clone(),
        };
        let authenticated = Layer::Authcrypt {
            recipient,
            sender: sender.clone(),
        };
        let signed = Layer::Signed {
            signer: signer.clone(),
        };
        let anyone = Proof::Anyone {
            kid: signer,
            key: self.sender.signing.public().clone(),
        };
        let us = Proof::Us {
            kid: sender,
            key: self.sender.agreement[0].public().clone(),
        };
        match packing {
            Packing::Plain => (vec![], Proof::Nobody),
            Packing::Sign => (vec![signed], anyone),
            Packing::Anoncrypt(_) => (vec![anonymous], Proof::Nobody),
            Packing::Authcrypt => (vec![authenticated], us),
            Packing::AnoncryptSign(_) => (vec![anonymous, signed], anyone),
            Packing::AnoncryptAuthcrypt(_) => (vec![anonymous, authenticated], us),
        }
    }
}

/// Where the outer envelope keeps the content key for readers other than us: the one place that
/// neither the tag nor a signature covers for us, and that we never read.
fn slots_of_others(world: &World, envelope: &str) -> Vec<Range<usize>> {
    let ours = world.held().0;
    let value: Value = serde_json::from_str(envelope).unwrap();
    let slots = value["recipients"].as_array().cloned().unwrap_or_default();
    let others = slots
        .iter()
        .filter(|slot| slot["header"]["kid"] != ours.as_str());
    others
        .map(|slot| {
            let text = slot["encrypted_key"].as_str().unwrap();
            let start = envelope.find(text).unwrap();
            start..start + text.len()
        })
        .collect()
}

fn packing() -> impl Strategy<Value = Packing> {
    let enc = proptest::sample::select(Enc::ALL.to_vec());
    prop_oneof![
        Just(Packing::Plain),
        Just(Packing::Sign),
        enc.clone().prop_map(Packing::Anoncrypt),
        Just(Packing::Authcrypt),
        enc.clone().prop_map(Packing::AnoncryptSign),
        enc.prop_map(Packing::AnoncryptAuthcrypt),
    ]
}

fn world() -> impl Strategy<Value = (Curve, Curve, usize)> {
    let signing = vec![Curve::Ed25519, Curve::P256, Curve::Secp256k1];
    let agreement = vec![Curve::X25519, Curve::P256, Curve::P384, Curve::P521];
    (
        proptest::sample::select(signing),
        proptest::sample::select(agreement),
        1..4_usize,
    )
}

/// Any JSON value of a few levels, without fractions: those are not kept digit by digit.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            members(inner).prop_map(Value::Object),
        ]
    })
}

fn members(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::btree_map(".{0,8}", value, 0..4)
        .prop_map(|members| members.into_iter().collect())
}

fn id() -> impl Strategy<Value = MessageId> {
    "[A-Za-z0-9._~-]{1,40}".prop_map(|text| MessageId::parse(&text).unwrap())
}

fn attachment() -> impl Strategy<Value = Attachment> {
    prop_oneof![
        value().prop_map(Attachment::of_json),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Attachment::of_octets),
    ]
}

/// A message from the one to the other.
fn message() -> impl Strategy<Value = Plaintext> {
    let ids = (
        id(),
        proptest::option::of(id()),
        proptest::option::of(id()),
        proptest::collection::vec(id(), 0..3),
    );
    let times = (
        proptest::option::of(0..1_u64 << 53),
        proptest::option::of(0..1_u64 << 53),
    );
    let asks = proptest::collection::vec(
        prop_oneof![Just(PleaseAck::This), id().prop_map(PleaseAck::Message)],
        0..3,
    );
    let routes = proptest::sample::select(vec![
        ReturnRoute::None,
        ReturnRoute::All,
        ReturnRoute::Thread,
    ]);
    let content = (
        members(value()),
        proptest::collection::vec(attachment(), 0..3),
        proptest::option::of(value()),
    );
    (ids, times, asks, routes, content).prop_map(
        |((id, thid, pthid, ack), (created, expires), asks, route, (body, attachments, extra))| {
            let type_ = MessageType::parse("https://example.org/any/1.0/thing").unwrap();
            let mut message = Plaintext::new(id, type_);
            message.from = Some("did:example:aria".parse().unwrap());
            message.to = vec!["did:example:bruno".parse().unwrap()];
            message.thid = thid;
            message.pthid = pthid;
            message.ack = ack;
            message.created_time = created;
            message.expires_time = expires;
            message.please_ack = asks;
            message.return_route = route;
            message.body = body;
            message.attachments = attachments;
            if let Some(extra) = extra {
                message.extra.insert("example_header".to_owned(), extra);
            }
            message
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn reading_undoes_writing(message in message()) {
        let again = Plaintext::parse(&message.to_octets(), &json::Limits::MESSAGE).unwrap();
        prop_assert_eq!(&again, &message);
        prop_assert_eq!(again.id.as_str(), message.id.as_str());
    }

    #[test]
    fn unpacking_undoes_packing(
        (signing, agreement, keys) in world(),
        packing in packing(),
        message in message(),
    ) {
        let world = World::new(signing, agreement, keys);
        let octets = message.to_octets();
        let packed = world.sender.pack(&world.recipient, &octets, packing);
        let received = world.unpack(packed.as_bytes()).unwrap();
        let (layers, proof) = world.expected(packing);
        prop_assert_eq!(&received.octets, &octets);
        prop_assert_eq!(&received.plaintext, &message);
        prop_assert_eq!(&received.layers, &layers);
        prop_assert_eq!(&received.proof, &proof);
        prop_assert_eq!(received.is_encrypted(), packing.is_encrypted());
        prop_assert_eq!(received.warnings, []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_changed_octet_is_refused_or_stands_where_only_others_read(
        (signing, agreement, keys) in world(),
        packing in packing().prop_filter("plaintext is not protected", |packing| !matches!(packing, Packing::Plain)),
        message in message(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), 1..=u8::MAX), 64),
    ) {
        let world = World::new(signing, agreement, keys);
        let octets = message.to_octets();
        let packed = world.sender.pack(&world.recipient, &octets, packing);
        let (layers, proof) = world.expected(packing);
        let unread = slots_of_others(&world, &packed);
        for (at, mask) in changes {
            let at = at.index(packed.len());
            let mut changed = packed.clone().into_bytes();
            changed[at] ^= mask;
            let Ok(received) = world.unpack(&changed) else { continue };
            prop_assert!(unread.iter().any(|slot| slot.contains(&at)), "octet {at} ^ {mask:#x} of {packed}");
            prop_assert_eq!(&received.octets, &octets);
            prop_assert_eq!(&received.layers, &layers);
            prop_assert_eq!(&received.proof, &proof);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Random changes seldom hit the bits of a last character that carry nothing.
    #[test]
    fn no_text_of_an_envelope_may_end_otherwise(
        (signing, agreement, keys) in world(),
        packing in packing().prop_filter("plaintext is not protected", |packing| !matches!(packing, Packing::Plain)),
        message in message(),
    ) {
        let world = World::new(signing, agreement, keys);
        let packed = world.sender.pack(&world.recipient, &message.to_octets(), packing);
        let unread = slots_of_others(&world, &packed);
        let ends = packed.bytes().zip(packed.bytes().skip(1)).enumerate();
        let ends = ends.filter(|(_, (last, next))| *last != b'"' && *next == b'"');
        for (at, (last, _)) in ends.filter(|(at, _)| !unread.iter().any(|slot| slot.contains(at))) {
            let others = BASE64URL.bytes().filter(|other| *other != last);
            for other in others {
                let mut changed = packed.clone().into_bytes();
                changed[at] = other;
                prop_assert!(world.unpack(&changed).is_err(), "{} at {at} of {packed}", char::from(other));
            }
        }
    }
}

/// Where the changes above are drawn, these are all: two bits of every octet of one message, in every
/// permitted packing, to two keys.
#[test]
fn no_octet_of_an_envelope_is_free() {
    let mut packings = vec![Packing::Sign, Packing::Authcrypt];
    for enc in Enc::ALL {
        packings.extend([Packing::Anoncrypt(enc), Packing::AnoncryptSign(enc)]);
        packings.push(Packing::AnoncryptAuthcrypt(enc));
    }
    let mut message = Plaintext::new(
        MessageId::parse("a").unwrap(),
        MessageType::parse("https://example.org/any/1.0/thing").unwrap(),
    );
    message.from = Some("did:example:aria".parse().unwrap());
    message.to = vec!["did:example:bruno".parse().unwrap()];
    let octets = message.to_octets();
    let world = World::new(Curve::Ed25519, Curve::X25519, 2);
    for packing in packings {
        let packed = world.sender.pack(&world.recipient, &octets, packing);
        let unread = slots_of_others(&world, &packed);
        let (layers, proof) = world.expected(packing);
        for at in 0..packed.len() {
            for mask in [1 << (at % 8), 0x20] {
                let mut changed = packed.clone().into_bytes();
                changed[at] ^= mask;
                let Ok(received) = world.unpack(&changed) else {
                    continue;
                };
                assert!(
                    unread.iter().any(|slot| slot.contains(&at)),
                    "octet {at} ^ {mask:#x} of {packed}"
                );
                assert_eq!(
                    (
                        received.octets.as_slice(),
                        received.layers.as_slice(),
                        &received.proof
                    ),
                    (octets.as_slice(), layers.as_slice(), &proof)
                );
            }
        }
    }
}

const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
