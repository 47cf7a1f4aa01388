//! The form of a vouch: what is written, and what is read.

use comity_jose::SignatureAlgorithm;
use comity_vouch::{CONTEXT, CONTEXT_DOCUMENT, Claims, FormError, StatusEntry, Vouch, VouchError};
use serde_json::{Value, json};

use crate::world::{ARIA, BRUNO, NOW, ORDERS, payload, types};

/// A good payload, bent.
fn bent(bend: impl FnOnce(&mut Value)) -> Result<Vouch, VouchError> {
    let vouch = ARIA.sign(&ARIA.vouches_for(&BRUNO));
    let mut payload = payload(vouch.as_str());
    bend(&mut payload);
    Vouch::read(&ARIA.sign_value(&payload))
}

fn member(result: Result<Vouch, VouchError>) -> &'static str {
    match result {
        Err(VouchError::Malformed(FormError::Member(name) | FormError::Contradiction(name))) => {
            name
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_vouch_is_a_credential_of_exactly_this_form() {
    let mut claims = ARIA.vouches_for(&BRUNO);
    claims.uses = Some(20);
    let vouch = ARIA.sign(&claims);
    let protected = vouch.as_str().split('.').next().unwrap();
    let protected = comity_jose::base64url::decode(protected).unwrap();
    assert_eq!(
        String::from_utf8(protected).unwrap(),
        r#"{"alg":"EdDSA","typ":"vc+jwt","cty":"vc","kid":"did:web:agents.org-a.test:aria#key-1"}"#
    );
    assert_eq!(
        payload(vouch.as_str()).to_string(),
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2", "https://w3id.org/comity/vouch/1.0"],
            "id": "urn:uuid:5f3c9a1e-2f6b-4d0e-9c1e-8a7f00d1c2b3",
            "type": ["VerifiableCredential", "ComityVouch"],
            "issuer": "did:web:agents.org-a.test:aria",
            "validFrom": "2026-11-23T01:16:06Z",
            "validUntil": "2026-11-25T01:16:06Z",
            "credentialSubject": {
                "id": "did:web:agents.org-b.test:bruno",
                "vouch": {
                    "may": ["https://example.org/orders/1.0", "https://example.org/prices/2.3"],
                    "audience": ["did:web:agents.org-v.test:vera"],
                    "depth": 3,
                    "purpose": "spare parts",
                    "must": [],
                    "uses": 20,
                },
            },
            "credentialStatus": {
                "id": "https://agents.org-a.test/comity/status/1#70251",
                "type": "BitstringStatusListEntry",
                "statusPurpose": "revocation",
                "statusListIndex": "70251",
                "statusListCredential": "https://agents.org-a.test/comity/status/1",
            },
        })
        .to_string()
    );
    assert_eq!(Vouch::read(vouch.as_str()).unwrap().claims(), &claims);
}

#[test]
fn the_digest_names_the_signed_octets_and_not_the_signature() {
    let claims = ARIA.vouches_for(&BRUNO);
    let vouch = ARIA.sign(&claims);
    let (signed, _) = vouch.as_str().rsplit_once('.').unwrap();
    let mut octets = b"comity/vouch/v1\0".to_vec();
    octets.extend_from_slice(signed.as_bytes());
    assert_eq!(vouch.digest(), comity_record::Digest::of(&octets));
    let again = Vouch::read(&format!("{signed}.AAAA")).unwrap();
    assert_eq!(again.digest(), vouch.digest());
    assert!(matches!(
        again.verify(&ARIA.document),
        Err(VouchError::Signature)
    ));
}

#[test]
fn what_would_not_be_read_is_not_made() {
    let refused = |bend: fn(&mut Claims)| {
        let mut claims = ARIA.vouches_for(&BRUNO);
        bend(&mut claims);
        let prepared = claims.prepare(&ARIA.kid(), SignatureAlgorithm::EdDsa);
        prepared.expect_err("is not made")
    };
    let named = |bend| match refused(bend) {
        VouchError::Malformed(FormError::Member(name)) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(|claims| claims.may = types(&[])), "may");
    assert_eq!(named(|claims| claims.may = types(&[ORDERS; 65])), "may");
    assert_eq!(named(|claims| claims.audience.clear()), "audience");
    assert_eq!(named(|claims| claims.purpose = "é".repeat(281)), "purpose");
    assert_eq!(named(|claims| claims.depth = 4), "depth");
    assert_eq!(named(|claims| claims.uses = Some(1 << 53)), "uses");
    assert_eq!(
        named(|claims| claims.valid_until = claims.valid_from),
        "validUntil"
    );
    assert_eq!(
        named(|claims| claims.valid_until = 253_402_300_800),
        "validUntil"
    );
    assert_eq!(named(|claims| claims.id = "urn:uuid:1".into()), "id");
    assert!(matches!(
        refused(
            |claims| claims.may = types(&[format!("https://{}/1.0", "x".repeat(64)).as_str(); 64])
        ),
        VouchError::Malformed(FormError::TooLong { limit: 4096 })
    ));
    let kid = BRUNO.kid();
    let prepared = ARIA
        .vouches_for(&BRUNO)
        .prepare(&kid, SignatureAlgorithm::EdDsa);
    assert!(matches!(prepared, Err(VouchError::Signer)));
}

#[test]
fn bounds_are_reached_and_not_passed() {
    let mut claims = ARIA.vouches_for(&BRUNO);
    claims.purpose = "é".repeat(280);
    claims.uses = Some((1 << 53) - 1);
    claims.audience = vec![BRUNO.did.clone(); 16];
    assert_eq!(ARIA.sign(&claims).claims(), &claims);
    claims.audience.push(BRUNO.did.clone());
    let prepared = claims.prepare(&ARIA.kid(), SignatureAlgorithm::EdDsa);
    assert!(matches!(
        prepared,
        Err(VouchError::Malformed(FormError::Member("audience")))
    ));
}

#[test]
fn every_member_is_needed_and_has_its_form() {
    for (pointer, bad) in [
        ("/id", json!("5f3c9a1e-2f6b-4d0e-9c1e-8a7f00d1c2b3")),
        (
            "/id",
            json!("urn:uuid:5F3C9A1E-2f6b-4d0e-9c1e-8a7f00d1c2b3"),
        ),
        (
            "/id",
            json!("urn:uuid:5f3c9a1e-2f6b-4d0e-9c1e-8a7f00d1c2bé"),
        ),
        ("/issuer", json!({"id": "did:web:agents.org-a.test:aria"})),
        ("/issuer", json!("https://agents.org-a.test")),
        ("/validFrom", json!("2026-11-23T01:16:06+00:00")),
        ("/validFrom", json!(1_795_396_566)),
        ("/validUntil", json!("2026-11-23T01:16:06Z")),
        ("/credentialSubject", json!([{"id": "did:web:b.test"}])),
        ("/credentialSubject/id", json!("aria@agents.org-a.test")),
        ("/credentialSubject/vouch", json!("all")),
        ("/credentialSubject/vouch/may", json!([])),
        ("/credentialSubject/vouch/may", json!(ORDERS)),
        ("/credentialSubject/vouch/may", json!(["*"])),
        ("/credentialSubject/vouch/may", json!([ORDERS, 1])),
        ("/credentialSubject/vouch/may", json!(vec![ORDERS; 65])),
        ("/credentialSubject/vouch/audience", json!([])),
        ("/credentialSubject/vouch/audience", json!(["*"])),
        (
            "/credentialSubject/vouch/audience",
            json!(["did:web:v.test#key-1"]),
        ),
        (
            "/credentialSubject/vouch/audience",
            json!(vec!["did:web:v.test"; 17]),
        ),
        ("/credentialSubject/vouch/uses", json!(-1)),
        ("/credentialSubject/vouch/uses", json!(1.5)),
        ("/credentialSubject/vouch/uses", json!("20")),
        ("/credentialSubject/vouch/uses", Value::Null),
        ("/credentialSubject/vouch/uses", json!(1_u64 << 53)),
        ("/credentialSubject/vouch/depth", json!(256)),
        ("/credentialSubject/vouch/depth", json!(4)),
        ("/credentialSubject/vouch/depth", json!(-1)),
        ("/credentialSubject/vouch/purpose", json!(["a"])),
        ("/credentialSubject/vouch/purpose", json!("x".repeat(281))),
        ("/credentialSubject/vouch/must", json!("may")),
        ("/credentialSubject/vouch/must", json!([1])),
        ("/credentialStatus", json!([])),
        ("/credentialStatus/type", json!("StatusList2021Entry")),
        ("/credentialStatus/statusPurpose", json!("suspension")),
        ("/credentialStatus/statusListIndex", json!(70_251)),
        ("/credentialStatus/statusListIndex", json!("070251")),
        ("/credentialStatus/statusListIndex", json!("+1")),
        ("/credentialStatus/statusListIndex", json!("-1")),
        ("/credentialStatus/statusListIndex", json!("4294967296")),
        (
            "/credentialStatus/statusListCredential",
            json!("http://agents.org-a.test/1"),
        ),
        (
            "/credentialStatus/statusListCredential",
            json!("https://a.test/1#x"),
        ),
        (
            "/credentialStatus/statusListCredential",
            json!("https://user@a.test/1"),
        ),
        ("/credentialStatus/statusListCredential", json!("https://")),
        (
            "/credentialStatus/statusListCredential",
            json!("https://a.test/a b"),
        ),
    ] {
        let name = member(bent(|payload| {
            *payload.pointer_mut(pointer).unwrap_or(&mut Value::Null) = bad.clone();
            if pointer.ends_with("/uses") {
                payload["credentialSubject"]["vouch"]["uses"] = bad.clone();
            }
        }));
        assert!(pointer.contains(name), "{pointer} {bad}: {name}");
        let removed = bent(|payload| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let parent = payload.pointer_mut(parent).unwrap();
            parent.as_object_mut().unwrap().remove(name);
        });
        let may_be_absent = pointer.ends_with("/uses") || pointer.ends_with("/must");
        assert_eq!(removed.is_ok(), may_be_absent, "{pointer} removed");
    }
    let huge = bent(|payload| payload["credentialStatus"]["statusListIndex"] = json!("1048576"));
    assert_eq!(member(huge), "statusListCredential");
    let two_bits = bent(|payload| payload["credentialStatus"]["statusSize"] = json!(2));
    assert_eq!(member(two_bits), "statusSize");
    assert!(bent(|payload| payload["credentialStatus"]["statusSize"] = json!(1)).is_ok());
}

#[test]
fn context_and_type_are_exactly_these() {
    let v2 = "https://www.w3.org/ns/credentials/v2";
    for bad in [
        json!([v2]),
        json!([CONTEXT, v2]),
        json!(v2),
        json!([v2, CONTEXT, "https://example.org/more"]),
        json!([v2, {"may": "https://example.org/may-not"}]),
        json!([v2, CONTEXT, {"@vocab": "https://example.org/"}]),
        json!([[v2, CONTEXT]]),
        json!([v2, 1]),
        json!([]),
        Value::Null,
    ] {
        assert_eq!(
            member(bent(|payload| payload["@context"] = bad)),
            "@context"
        );
    }
    for bad in [
        json!("ComityVouch"),
        json!(["ComityVouch", "VerifiableCredential"]),
        json!(["VerifiableCredential", "ComityVouch", "Other"]),
        json!(["VerifiableCredential", "BitstringStatusListCredential"]),
        json!(["VerifiableCredential"]),
    ] {
        assert_eq!(member(bent(|payload| payload["type"] = bad)), "type");
    }
}

#[test]
fn what_must_be_understood_is_or_the_vouch_is_refused() {
    let with = |must: Value| bent(|payload| payload["credentialSubject"]["vouch"]["must"] = must);
    assert!(
        with(json!([
            "may", "uses", "depth", "audience", "purpose", "must"
        ]))
        .is_ok()
    );
    for must in [
        json!(["rate"]),
        json!(["may", "rate"]),
        json!(["credentialStatus"]),
    ] {
        assert!(matches!(with(must), Err(VouchError::Unsupported(_))));
    }
    let Err(VouchError::Unsupported(name)) = with(json!(["x".repeat(500)])) else {
        panic!("is refused")
    };
    assert_eq!(name.len(), 64);
}

#[test]
fn unknown_members_are_ignored_and_contradictions_refused() {
    let read = bent(|payload| {
        payload["name"] = json!("a vouch");
        payload["iat"] = json!(NOW);
        payload["credentialSubject"]["vouch"]["rate"] = json!(1);
        payload["credentialSubject"]["name"] = json!("Bruno");
    });
    assert!(read.is_ok());
    for claim in [
        "aud",
        "cnf",
        "exp",
        "iss",
        "jti",
        "nbf",
        "sub",
        "termsOfUse",
        "vc",
        "vp",
    ] {
        assert_eq!(member(bent(|payload| payload[claim] = json!("x"))), claim);
    }
}

#[test]
fn the_protected_header_is_exactly_this() {
    let good = ARIA.sign(&ARIA.vouches_for(&BRUNO));
    let payload = payload(good.as_str()).to_string();
    let read = |bend: &dyn Fn(&mut Value)| {
        let mut header = ARIA.header();
        bend(&mut header);
        Vouch::read(&ARIA.sign_raw(header.to_string().as_bytes(), payload.as_bytes()))
    };
    assert!(read(&|_| {}).is_ok());
    for typ in [
        json!("VC+JWT"),
        json!("application/vc+jwt"),
        json!("JWT"),
        json!("vc"),
        json!("vc+sd-jwt"),
        json!("vp+jwt"),
        json!("comity-receipt+jws"),
        json!("application/didcomm-signed+json"),
        json!(""),
    ] {
        let read = read(&|header| header["typ"] = typ.clone());
        assert!(matches!(
            read,
            Err(VouchError::Malformed(FormError::Header("typ")))
        ));
    }
    for cty in [json!("vp"), json!("application/vc"), json!(1), Value::Null] {
        let read = read(&|header| header["cty"] = cty.clone());
        assert!(matches!(
            read,
            Err(VouchError::Malformed(FormError::Header("cty")))
        ));
    }
    for kid in [
        "key-1",
        "#key-1",
        "did:web:agents.org-a.test:aria",
        "did:web:agents.org-a.test:aria?versionId=1#key-1",
        "did:web:agents.org-a.test:aria/path#key-1",
        "https://agents.org-a.test/aria#key-1",
    ] {
        let read = read(&|header| header["kid"] = json!(kid));
        assert!(
            matches!(read, Err(VouchError::Malformed(FormError::Header("kid")))),
            "{kid}"
        );
    }
    for alg in ["none", "HS256", "RS256", "ES384", "Ed25519ph", "eddsa", ""] {
        let read = read(&|header| header["alg"] = json!(alg));
        assert!(
            matches!(read, Err(VouchError::Malformed(FormError::Jws(_)))),
            "{alg}"
        );
    }
    for name in ["typ", "cty", "kid", "alg"] {
        let read = read(&|header| {
            header.as_object_mut().unwrap().remove(name);
        });
        assert!(matches!(read, Err(VouchError::Malformed(_))), "{name}");
    }
    for extension in ["crit", "b64"] {
        let read = read(&|header| header[extension] = json!(["exp"]));
        assert!(matches!(
            read,
            Err(VouchError::Malformed(FormError::Jws(_)))
        ));
    }
    // A key in the header is looked at by nobody.
    let forged = read(&|header| header["jwk"] = json!({"kty": "OKP"})).unwrap();
    assert!(forged.verify(&ARIA.document).is_ok());
}

#[test]
fn an_algorithm_of_another_curve_does_not_verify() {
    let good = ARIA.sign(&ARIA.vouches_for(&BRUNO));
    let payload = payload(good.as_str()).to_string();
    for alg in ["ES256", "ES256K"] {
        let mut header = ARIA.header();
        header["alg"] = json!(alg);
        let jws = ARIA.sign_raw(header.to_string().as_bytes(), payload.as_bytes());
        let read = Vouch::read(&jws).unwrap();
        assert!(matches!(
            read.verify(&ARIA.document),
            Err(VouchError::Signature)
        ));
    }
}

#[test]
fn the_context_document_defines_every_term() {
    let document: Value = serde_json::from_str(CONTEXT_DOCUMENT).unwrap();
    let terms = &document["@context"];
    assert!(terms["ComityVouch"].is_string());
    let inner = terms["vouch"]["@context"].as_object().unwrap();
    for term in ["may", "audience", "uses", "depth", "purpose", "must"] {
        assert!(inner.contains_key(term), "{term}");
    }
    assert_eq!(terms["vouch"]["@id"], format!("{CONTEXT}#vouch"));
}

#[test]
fn addresses_of_lists_are_bounded() {
    let long = |length: usize| format!("https://a.test/{}", "x".repeat(length - 15));
    assert!(StatusEntry::new(&long(512), 0).is_some());
    assert!(StatusEntry::new(&long(513), 0).is_none());
    assert!(StatusEntry::new("https://a.test/1", 1_048_575).is_some());
    assert!(StatusEntry::new("https://a.test/1", 1_048_576).is_none());
}
