//! Vouches, their status lists and chains of them.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use comity_did::{Did, DidDocument};
use comity_jose::jws::SigningInput;
use comity_jose::{SignatureAlgorithm, base64url};
use comity_record::Digest;
use comity_vouch::limits::{
    AUDIENCE_ENTRIES, CHAIN_LINKS, LIST_BITS_MAX, LIST_BITS_MIN, MAY_ENTRIES, PURPOSE_CHARS,
};
use comity_vouch::{
    Accepted, Chain, Claims, Expected, Honoured, Presented, StatusBits, StatusEntry, StatusList,
    StatusListDraft, Types, Vouch,
};
use serde_json::{Value, json};

use super::{choice, chosen};
use crate::Target;
use crate::cast::{ARIA, BRUNO, OLD_ARIA, Party};

pub(crate) const TARGET: Target = Target {
    name: "vouch",
    max_len: 16 * 1024,
    run,
    seeds,
    heavy,
};

/// A chain that holds: Aria vouches for Bruno, Bruno for who Aria was before.
static GOOD: LazyLock<Vec<Presented>> = LazyLock::new(|| {
    [(&*ARIA, &*BRUNO), (&*BRUNO, &*OLD_ARIA)]
        .map(|(issuer, subject)| Presented {
            vouch: sign(issuer, &claims(issuer, subject)),
            status: Some(sign_list(issuer)),
        })
        .to_vec()
});

/// The documents of the cast, with their first key for claims.
static DOCUMENTS: LazyLock<Vec<Arc<DidDocument>>> = LazyLock::new(|| {
    let documents = [&*ARIA, &*BRUNO, &*OLD_ARIA].map(|party| {
        let method = json!({"id": "#sign", "type": "Multikey", "controller": party.did,
            "publicKeyMultibase": party.signs().public().to_multikey()});
        let document = json!({"id": party.did, "assertionMethod": [method]});
        let document = DidDocument::parse(&party.did, document.to_string().as_bytes());
        Arc::new(document.expect("a document"))
    });
    documents.to_vec()
});

fn run(data: &[u8]) {
    let Some((how, rest)) = choice(data, 7) else {
        return;
    };
    match how {
        0 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                raw(text);
            }
        }
        1 => signed_vouch(rest),
        2 => signed_list(rest),
        3 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                bits(text);
            }
        }
        4 => bits(&format!("u{}", base64url::encode(rest))),
        5 => {
            if let Ok(presented) = serde_json::from_slice::<Vec<Presented>>(rest) {
                chain(&presented);
            }
        }
        _ => header(rest),
    }
}

/// Octets of a stranger: what is read is bounded, and nobody's unless it is ours.
fn raw(text: &str) {
    if let Ok(vouch) = Vouch::read(text) {
        check(&vouch);
        let is_proved = document(&vouch.claims().issuer)
            .is_some_and(|document| vouch.verify(&document).is_ok());
        assert!(!is_proved || is_ours(&vouch.digest()), "a forged vouch");
    }
    if let Ok(list) = StatusList::read(text)
        && let Some(document) = document(list.issuer())
        && list.verify(&document).is_ok()
    {
        let status = GOOD.iter().filter_map(|good| good.status.as_deref());
        let signed = |text: &str| text.rsplit_once('.').map(|(signed, _)| signed.to_owned());
        let is_ours = status.map(signed).any(|good| good == signed(text));
        assert!(is_ours, "a forged status list");
    }
}

/// The rest as payload of a vouch that Aria truly signed.
fn signed_vouch(payload: &[u8]) {
    let jws = sign_raw(protected(&ARIA).as_bytes(), payload);
    let Ok(vouch) = Vouch::read(&jws) else {
        return;
    };
    check(&vouch);
    vouch.verify(&DOCUMENTS[0]).expect("truly signed");
    let claims = vouch.claims();
    // What was read can be made, and reads as the same.
    let made = claims.prepare(&ARIA.kid("sign"), SignatureAlgorithm::EdDsa);
    if let Ok(made) = made {
        let made = made.finish(&[0; 64]).expect("as long as what was prepared");
        assert_eq!(made.claims(), claims);
    }
    let presented = Presented {
        vouch: jws,
        status: GOOD[0].status.clone(),
    };
    if let Some(accepted) = hold(&[presented], &claims.subject) {
        assert_eq!(accepted.until, claims.valid_until);
        assert!(accepted.uses <= claims.uses);
        assert!(claims.valid_until > NOW && claims.is_for(&verifier()));
        assert_eq!(claims.status.url(), URL);
    }
}

/// The rest as payload of a status list that Aria truly signed.
fn signed_list(payload: &[u8]) {
    let jws = sign_raw(protected(&ARIA).as_bytes(), payload);
    let presented = Presented {
        vouch: GOOD[0].vouch.clone(),
        status: Some(jws.clone()),
    };
    let held = hold(&[presented], &BRUNO.did);
    let Ok(list) = StatusList::read(&jws) else {
        assert!(held.is_none());
        return;
    };
    let bits = list.verify(&DOCUMENTS[0]).ok();
    let unset = bits.and_then(|bits| bits.get(INDEX)) == Some(false);
    if let Some(accepted) = held {
        assert!(unset && list.url() == URL && *list.issuer() == ARIA.did);
        assert_eq!(accepted.status_at, list.signed_at());
        assert!(NOW.saturating_sub(list.signed_at()) <= MAX_AGE.as_secs());
        assert!(list.valid_until() > NOW);
    }
}

fn bits(text: &str) {
    let Ok(bits) = StatusBits::from_encoded_list(text) else {
        return;
    };
    assert!((LIST_BITS_MIN..=LIST_BITS_MAX).contains(&bits.len()));
    let last = u32::try_from(bits.len()).expect("bounded");
    assert!(bits.get(last - 1).is_some() && bits.get(last).is_none());
    let again = StatusBits::from_encoded_list(&bits.to_encoded_list()).expect("what is written");
    assert_eq!(again, bits);
}

/// Whatever is presented: only vouches of ours hold.
fn chain(presented: &[Presented]) {
    for subject in [&BRUNO.did, &OLD_ARIA.did] {
        if let Some(accepted) = hold(presented, subject) {
            assert!(accepted.links.iter().all(|link| is_ours(&link.digest)));
        }
    }
}

/// The rest as protected header over a good payload, truly signed.
fn header(protected: &[u8]) {
    let payload = GOOD[0].vouch.split('.').nth(1).expect("a payload");
    let payload = base64url::decode(payload).expect("base64url");
    let jws = sign_raw(protected, &payload);
    let Ok(vouch) = Vouch::read(&jws) else {
        return;
    };
    check(&vouch);
    let header: Value = serde_json::from_slice(protected).expect("was read");
    assert_eq!(
        (&header["typ"], &header["cty"]),
        (&json!("vc+jwt"), &json!("vc"))
    );
    assert_eq!(header["kid"].as_str(), Some(vouch.kid().as_str()));
    if vouch.verify(&DOCUMENTS[0]).is_ok() {
        assert_eq!(*vouch.kid(), ARIA.kid("sign"));
        assert_eq!(header["alg"], "EdDSA");
    }
}

/// What must be true of every vouch that is read.
fn check(vouch: &Vouch) {
    let claims = vouch.claims();
    assert_eq!(*vouch.kid().did(), claims.issuer);
    assert!((1..=MAY_ENTRIES).contains(&claims.may.len()));
    assert!((1..=AUDIENCE_ENTRIES).contains(&claims.audience.len()));
    assert!(claims.purpose.chars().count() <= PURPOSE_CHARS);
    assert!(usize::from(claims.depth) < CHAIN_LINKS);
    assert!(claims.valid_from < claims.valid_until);
    let again = Vouch::read(vouch.as_str()).expect("was read");
    assert_eq!((again.claims(), again.digest()), (claims, vouch.digest()));
}

/// Verifies a chain, and what must be true of every chain that holds.
fn hold(presented: &[Presented], subject: &Did) -> Option<Accepted> {
    let honoured = [Honoured {
        issuer: ARIA.did.clone(),
        scope: types(),
        depth: 1,
    }];
    let expected = Expected {
        subject,
        audience: &verifier(),
        now: NOW,
        max_status_age: MAX_AGE,
        honoured: &honoured,
        known: &(),
    };
    let chain = Chain::read(presented).ok()?;
    let checked = chain.check(&expected);
    let verified = chain.verify(&expected, &document);
    assert!(checked.is_ok() || verified.is_err());
    if let Err(refusal) = &verified {
        assert!(refusal.link < presented.len() && !refusal.reason.next().is_empty());
    }
    let accepted = verified.ok()?;
    assert!((1..=2).contains(&accepted.links.len()));
    assert_eq!(accepted.links[0].issuer, ARIA.did);
    assert_eq!(
        accepted.links.last().map(|link| &link.subject),
        Some(subject)
    );
    assert!(!accepted.types.is_empty() && accepted.types.is_within(&types()));
    assert!(accepted.until > NOW && accepted.uses != Some(0));
    Some(accepted)
}

fn document(did: &Did) -> Option<Arc<DidDocument>> {
    let found = DOCUMENTS.iter().find(|document| document.id() == did);
    found.map(Arc::clone)
}

fn is_ours(digest: &Digest) -> bool {
    let mut ours = GOOD.iter().filter_map(|good| Vouch::read(&good.vouch).ok());
    ours.any(|vouch| vouch.digest() == *digest)
}

fn verifier() -> Did {
    Did::parse("did:web:agents.org-v.test:vera").expect("a DID")
}

fn types() -> Types {
    Types::parse(["https://example.org/orders/1.0"]).expect("a protocol")
}

fn claims(issuer: &Party, subject: &Party) -> Claims {
    Claims {
        id: "urn:uuid:5f3c9a1e-2f6b-4d0e-9c1e-8a7f00d1c2b3".into(),
        issuer: issuer.did.clone(),
        subject: subject.did.clone(),
        may: types(),
        audience: vec![Did::parse("did:web:agents.org-v.test").expect("a DID")],
        uses: Some(20),
        depth: 1,
        purpose: "spare parts".into(),
        valid_from: NOW - 10,
        valid_until: NOW + 10,
        status: StatusEntry::new(URL, INDEX).expect("an entry"),
    }
}

fn sign(issuer: &Party, claims: &Claims) -> String {
    let unsigned = claims.prepare(&issuer.kid("sign"), SignatureAlgorithm::EdDsa);
    let unsigned = unsigned.expect("in order");
    let signature = issuer.signs().sign(unsigned.octets());
    let vouch = unsigned.finish(&signature).expect("in order");
    vouch.as_str().to_owned()
}

fn sign_list(issuer: &Party) -> String {
    let mut bits = StatusBits::new();
    bits.set(INDEX + 1).expect("in the list");
    let list = StatusListDraft {
        issuer: issuer.did.clone(),
        url: URL.into(),
        signed_at: NOW - 5,
        valid_until: NOW + 10,
        bits,
    };
    let unsigned = list.prepare(&issuer.kid("sign"), SignatureAlgorithm::EdDsa);
    let unsigned = unsigned.expect("in order");
    let signature = issuer.signs().sign(unsigned.octets());
    let list = unsigned.finish(&signature).expect("in order");
    list.as_str().to_owned()
}

fn protected(party: &Party) -> String {
    let kid = party.kid("sign");
    json!({"alg": "EdDSA", "typ": "vc+jwt", "cty": "vc", "kid": kid}).to_string()
}

fn sign_raw(protected: &[u8], payload: &[u8]) -> String {
    let input = SigningInput::new(protected, payload);
    let signature = ARIA.signs().sign(input.octets());
    input.into_compact(&signature)
}

fn payload(jws: &str) -> Vec<u8> {
    let payload = jws.split('.').nth(1).expect("a payload");
    base64url::decode(payload).expect("base64url")
}

fn seeds() -> Vec<Vec<u8>> {
    let (vouch, status) = (&GOOD[0].vouch, GOOD[0].status.as_deref());
    let status = status.expect("a list");
    let encoded_list = StatusBits::new().to_encoded_list();
    let compressed = base64url::decode(&encoded_list[1..]).expect("base64url");
    vec![
        chosen(0, vouch),
        chosen(0, status),
        chosen(1, payload(vouch)),
        chosen(2, payload(status)),
        chosen(3, &encoded_list),
        chosen(4, compressed),
        chosen(5, serde_json::to_vec(&GOOD[..1]).expect("json")),
        chosen(5, serde_json::to_vec(&*GOOD).expect("json")),
        chosen(6, protected(&ARIA)),
    ]
}

/// A list at its bound, and nesting as deep as fits.
fn heavy() -> Vec<Vec<u8>> {
    let full = StatusBits::with_len(LIST_BITS_MAX).expect("a length");
    let status = payload(GOOD[0].status.as_deref().expect("a list"));
    let mut status: Value = serde_json::from_slice(&status).expect("json");
    status["credentialSubject"]["encodedList"] = full.to_encoded_list().into();
    vec![
        chosen(3, full.to_encoded_list()),
        chosen(2, status.to_string()),
        chosen(1, "[".repeat(3000)),
        chosen(5, serde_json::to_vec(&vec![&GOOD[0]; 4]).expect("json")),
    ]
}

const NOW: u64 = 1_795_482_966;
const MAX_AGE: Duration = Duration::from_secs(3600);
const URL: &str = "https://agents.org-a.test/comity/status/1";
const INDEX: u32 = 70_251;
