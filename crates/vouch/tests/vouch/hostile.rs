//! Generators of what nobody means well with. Nothing here may hold, take long, or fell the reader.

use comity_vouch::{Chain, FormError, Presented, StatusList, Vouch, VouchError};
use serde_json::{Value, json};

use crate::world::{ARIA, BRUNO, Case, payload, told};

#[test]
fn every_changed_character_of_a_chain_is_refused() {
    let case = Case::of(2);
    let good = case.presented();
    for at in 0..2 {
        for of_status in [false, true] {
            let text = if of_status {
                good[at].status.clone().unwrap()
            } else {
                good[at].vouch.clone()
            };
            for place in 0..text.len() {
                let mut octets = text.clone().into_bytes();
                octets[place] = if octets[place] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(octets).unwrap();
                let mut presented = good.clone();
                if of_status {
                    presented[at].status = Some(changed);
                } else {
                    presented[at].vouch = changed;
                }
                let refusal = case.verify_presented(&presented);
                assert!(refusal.is_err(), "{at} {of_status} {place}");
            }
        }
    }
}

#[test]
fn every_cut_is_refused() {
    let case = Case::of(1);
    let good = case.presented();
    for cut in 0..good[0].vouch.len() {
        let vouch = good[0].vouch[..cut].to_owned();
        let presented = [Presented {
            vouch,
            ..good[0].clone()
        }];
        assert!(case.verify_presented(&presented).is_err());
    }
}

#[test]
fn json_nested_too_deep_or_too_wide_is_refused_unread() {
    let header = ARIA.header().to_string();
    let deep = format!("{}1{}", r#"{"a":"#.repeat(400), "}".repeat(400));
    let arrays = format!("{}{}", "[".repeat(1400), "]".repeat(1400));
    let wide = format!("[{}1]", "1,".repeat(1200));
    for payload in [&deep, &arrays, &wide, "", "null", "[]", "\"", "{\"a\":1}x"] {
        let jws = ARIA.sign_raw(header.as_bytes(), payload.as_bytes());
        assert!(
            matches!(Vouch::read(&jws), Err(VouchError::Malformed(_))),
            "{payload}"
        );
        assert!(matches!(
            StatusList::read(&jws),
            Err(VouchError::StatusMalformed(_))
        ));
    }
    for header in [&deep, &arrays, &wide, "", "[]"] {
        let jws = ARIA.sign_raw(header.as_bytes(), b"{}");
        assert!(matches!(Vouch::read(&jws), Err(VouchError::Malformed(_))));
    }
}

#[test]
fn members_named_twice_are_refused_in_every_place() {
    let good = ARIA.sign(&ARIA.vouches_for(&BRUNO));
    let good = payload(good.as_str()).to_string();
    let header = ARIA.header().to_string();
    for (one, two) in [
        (r#"{"@context""#, r#"{"id":"urn:x","@context""#),
        (r#""vouch":{"#, r#""vouch":{"depth":0,"#),
        (r#""vouch":{"#, r#""vouch":{"m\u0061y":[],"#),
        (
            r#""credentialStatus":{"#,
            r#""credentialStatus":{"type":"x","#,
        ),
    ] {
        let bent = good.replacen(one, two, 1);
        assert_ne!(bent, good);
        let jws = ARIA.sign_raw(header.as_bytes(), bent.as_bytes());
        assert!(matches!(
            Vouch::read(&jws),
            Err(VouchError::Malformed(FormError::Json(_)))
        ));
    }
    for twice in ["alg", "typ", "cty", "kid"] {
        let bent = header.replacen('{', &format!(r#"{{"{twice}":"x","#), 1);
        let jws = ARIA.sign_raw(bent.as_bytes(), good.as_bytes());
        assert!(
            matches!(Vouch::read(&jws), Err(VouchError::Malformed(_))),
            "{twice}"
        );
    }
}

#[test]
fn texts_beyond_their_bounds_are_refused_by_length_alone() {
    let long = "A".repeat(4097);
    assert!(matches!(
        Vouch::read(&long),
        Err(VouchError::Malformed(FormError::TooLong { limit: 4096 }))
    ));
    let long = "A".repeat(64 * 1024 * 1024);
    assert!(matches!(
        StatusList::read(&long),
        Err(VouchError::StatusMalformed(FormError::TooLong {
            limit: 8192
        }))
    ));
    let mut presented = Case::of(2).presented();
    presented[1].status = Some(long.clone());
    let refusal = Chain::read(&presented).unwrap_err();
    assert_eq!(told(&refusal), (1, "status-malformed".to_owned()));
    let presented = vec![
        Presented {
            vouch: long,
            status: None
        };
        5
    ];
    let refusal = Chain::read(&presented).unwrap_err();
    assert_eq!(told(&refusal), (0, "chain-length".to_owned()));
}

#[test]
fn genuine_parts_do_not_make_another_whole() {
    let case = Case::of(2);
    let good = case.presented();
    let part = |text: &str, at: usize| text.split('.').nth(at).unwrap().to_owned();
    let texts = [
        good[0].vouch.clone(),
        good[1].vouch.clone(),
        good[0].status.clone().unwrap(),
        good[1].status.clone().unwrap(),
    ];
    for header in &texts {
        for payload in &texts {
            for signature in &texts {
                let whole = [part(header, 0), part(payload, 1), part(signature, 2)].join(".");
                if texts.contains(&whole) {
                    continue;
                }
                for at in 0..2 {
                    let mut presented = good.clone();
                    presented[at].vouch.clone_from(&whole);
                    assert!(case.verify_presented(&presented).is_err());
                    let mut presented = good.clone();
                    presented[at].status = Some(whole.clone());
                    assert!(case.verify_presented(&presented).is_err());
                }
            }
        }
    }
}

#[test]
fn a_member_of_another_type_is_refused_or_ignored_at_every_place() {
    fn places(value: &Value, at: &str, into: &mut Vec<String>) {
        into.push(at.to_owned());
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    places(value, &format!("{at}/{name}"), into);
                }
            }
            Value::Array(values) => {
                for (index, value) in values.iter().enumerate() {
                    places(value, &format!("{at}/{index}"), into);
                }
            }
            _ => {}
        }
    }
    let case = Case::of(1);
    let good = case.presented();
    let values = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("\u{202e}\u{0}"),
        json!([]),
        json!({}),
        json!([[]]),
        json!({"id": {}}),
        json!("x".repeat(2000)),
    ];
    for (of_status, text) in [
        (false, &good[0].vouch),
        (true, good[0].status.as_ref().unwrap()),
    ] {
        let whole = payload(text);
        let mut all = Vec::new();
        places(&whole, "", &mut all);
        for place in all {
            for value in &values {
                let mut bent = whole.clone();
                *bent.pointer_mut(&place).unwrap() = value.clone();
                let signed = ARIA.sign_value(&bent);
                let mut presented = good.clone();
                if of_status {
                    presented[0].status = Some(signed);
                } else {
                    presented[0].vouch = signed;
                }
                let harmless = [
                    "/id",
                    "/credentialSubject/id",
                    "/credentialSubject/vouch/purpose",
                    "/credentialSubject/vouch/must",
                    "/credentialSubject/vouch/depth",
                    "/credentialStatus/id",
                ];
                // Only what is read as it stands, or by nobody, may still hold.
                if let Ok(accepted) = case.verify_presented(&presented) {
                    assert!(harmless.contains(&&*place), "{place} {value}");
                    assert_eq!(accepted.links[0].subject, BRUNO.did);
                }
            }
        }
    }
}
