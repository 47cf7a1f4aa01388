//! Status lists: bits, their text, the credential around them.

use std::io::Write;

use comity_jose::{SignatureAlgorithm, base64url, sha256};
use comity_vouch::limits::{LIST_BITS_MAX, LIST_BITS_MIN, LIST_ENTRIES};
use comity_vouch::{BitsError, FormError, StatusBits, StatusList, VouchError};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::world::{ARIA, BRUNO, Case, NOW, payload, told};

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(octets).unwrap();
    gzip.finish().unwrap()
}

fn encoded(compressed: &[u8]) -> String {
    format!("u{}", base64url::encode(compressed))
}

/// Aria's list, bent.
fn bent(bend: impl FnOnce(&mut Value)) -> Result<StatusList, VouchError> {
    let mut payload = payload(&ARIA.sign_list(&ARIA.list()));
    bend(&mut payload);
    StatusList::read(&ARIA.sign_value(&payload))
}

fn carrying(text: &str) -> Result<StatusBits, VouchError> {
    bent(|payload| payload["credentialSubject"]["encodedList"] = json!(text))
        .and_then(|list| list.verify(&ARIA.document))
}

#[test]
fn reads_the_list_of_the_specification() {
    // Bitstring Status List 1.0 §"BitstringStatusListCredential", the example.
    let bits = StatusBits::from_encoded_list(
        "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA",
    )
    .unwrap();
    assert_eq!(bits.len(), LIST_BITS_MIN);
    assert_eq!(bits.ones(), 0);
}

#[test]
fn the_first_index_is_the_left_most_bit() {
    let mut bits = StatusBits::new();
    for index in [0, 9, 131_071] {
        assert_eq!(bits.get(index), Some(false));
        bits.set(index).unwrap();
        bits.set(index).unwrap();
        assert_eq!(bits.get(index), Some(true));
    }
    assert_eq!(bits.ones(), 3);
    assert_eq!(bits.get(131_072), None);
    assert_eq!(bits.get(u32::MAX), None);
    assert_eq!(bits.set(131_072), Err(BitsError::Index));
    let text = bits.to_encoded_list();
    assert_eq!(StatusBits::from_encoded_list(&text), Ok(bits.clone()));
    let compressed = base64url::decode(&text[1..]).unwrap();
    let mut octets = Vec::new();
    let mut gunzip = flate2::read::GzDecoder::new(compressed.as_slice());
    std::io::Read::read_to_end(&mut gunzip, &mut octets).unwrap();
    assert_eq!((octets[0], octets[1], octets[16_383]), (0x80, 0x40, 0x01));
}

#[test]
fn a_list_has_131072_to_1048576_bits() {
    for bits in [LIST_BITS_MIN, LIST_BITS_MIN + 8, LIST_BITS_MAX] {
        let bits = StatusBits::with_len(bits).unwrap();
        let text = bits.to_encoded_list();
        assert_eq!(StatusBits::from_encoded_list(&text), Ok(bits));
    }
    for bits in [0, LIST_BITS_MIN - 8, LIST_BITS_MIN + 1, LIST_BITS_MAX + 8] {
        assert_eq!(StatusBits::with_len(bits), Err(BitsError::Length));
    }
    for octets in [0, LIST_BITS_MIN / 8 - 1, LIST_BITS_MAX / 8 + 1] {
        let text = encoded(&gzip(&vec![0; octets]));
        assert_eq!(StatusBits::from_encoded_list(&text), Err(BitsError::Length));
    }
}

#[test]
fn a_bomb_is_expanded_to_the_bound_and_no_further() {
    // About as much as a list that is carried can hold; then far more.
    let bomb = gzip(&vec![0; 4 * 1024 * 1024]);
    assert!(matches!(
        carrying(&encoded(&bomb)),
        Err(VouchError::StatusMalformed(FormError::Member(
            "encodedList"
        )))
    ));
    let huge = gzip(&vec![0; 64 * 1024 * 1024]);
    assert_eq!(
        StatusBits::from_encoded_list(&encoded(&huge)),
        Err(BitsError::Length)
    );
}

#[test]
fn anything_but_one_whole_gzip_stream_is_no_list() {
    let good = gzip(&vec![0; LIST_BITS_MIN / 8]);
    let mut second = good.clone();
    second.extend_from_slice(&good);
    let mut trailing = good.clone();
    trailing.push(0);
    let mut checksum = good.clone();
    let place = checksum.len() - 8;
    checksum[place] ^= 1;
    let mut length = good.clone();
    *length.last_mut().unwrap() ^= 1;
    for bad in [&second, &trailing, &checksum, &length] {
        assert_eq!(
            StatusBits::from_encoded_list(&encoded(bad)),
            Err(BitsError::Gzip)
        );
    }
    for cut in 0..good.len() {
        assert!(StatusBits::from_encoded_list(&encoded(&good[..cut])).is_err());
    }
    for text in [
        "",
        "u",
        "uAA=",
        &encoded(&good)[1..],
        &format!("z{}", &encoded(&good)[1..]),
        &format!("{}=", encoded(&good)),
    ] {
        assert!(StatusBits::from_encoded_list(text).is_err(), "{text}");
    }
}

/// Indexes as an issuer draws them: at random, none twice.
fn drawn(seed: u8, count: usize) -> Vec<u32> {
    let mut bits = StatusBits::new();
    let mut drawn = Vec::new();
    for round in 0_u32.. {
        let hash = sha256(&[&[seed], &round.to_be_bytes()]);
        let index = u32::from_be_bytes([0, hash[0] & 1, hash[1], hash[2]]);
        if bits.get(index) == Some(false) {
            bits.set(index).unwrap();
            drawn.push(index);
        }
        if drawn.len() == count {
            break;
        }
    }
    drawn
}

#[test]
fn a_list_on_which_every_entry_given_away_is_revoked_still_fits() {
    for seed in 0..4 {
        let mut list = ARIA.list();
        list.issuer = ARIA.did.clone();
        list.url = format!("https://agents.org-a.test/{}", "x".repeat(486));
        assert_eq!(list.url.len(), 512);
        for index in drawn(seed, LIST_ENTRIES) {
            list.bits.set(index).unwrap();
        }
        let text = ARIA.sign_list(&list);
        assert!(text.len() <= 8192, "{}", text.len());
        let read = StatusList::read(&text).unwrap();
        assert_eq!(read.verify(&ARIA.document).unwrap(), list.bits);
    }
}

#[test]
fn a_list_that_outgrows_its_bound_is_not_made() {
    let mut list = ARIA.list();
    for index in drawn(0, 4 * LIST_ENTRIES) {
        list.bits.set(index).unwrap();
    }
    assert!(matches!(
        list.prepare(&ARIA.kid(), SignatureAlgorithm::EdDsa),
        Err(VouchError::StatusMalformed(FormError::TooLong {
            limit: 8192
        }))
    ));
}

#[test]
fn a_list_is_a_credential_of_exactly_this_form() {
    let list = ARIA.list();
    let text = ARIA.sign_list(&list);
    assert_eq!(
        payload(&text),
        json!({
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": "https://agents.org-a.test/comity/status/1",
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": "did:web:agents.org-a.test:aria",
            "validFrom": "2026-11-24T01:15:06Z",
            "validUntil": "2026-11-25T01:16:06Z",
            "credentialSubject": {
                "id": "https://agents.org-a.test/comity/status/1#list",
                "type": "BitstringStatusList",
                "statusPurpose": "revocation",
                "encodedList": list.bits.to_encoded_list(),
            },
        })
    );
    let read = StatusList::read(&text).unwrap();
    assert_eq!(
        (read.signed_at(), read.valid_until()),
        (NOW - 60, NOW + 86_400)
    );
    assert_eq!((read.issuer(), read.url()), (&ARIA.did, &*list.url));
    assert_eq!(read.as_str(), text);
}

#[test]
fn every_member_has_its_form() {
    for (pointer, bad) in [
        (
            "/@context",
            json!(["https://www.w3.org/ns/credentials/v2", 1]),
        ),
        ("/id", json!("http://agents.org-a.test/1")),
        ("/id", Value::Null),
        ("/type", json!(["VerifiableCredential", "ComityVouch"])),
        ("/validFrom", json!("yesterday")),
        ("/validUntil", json!("2020-01-01T00:00:00Z")),
        ("/credentialSubject", json!([])),
        ("/credentialSubject/type", json!("StatusList2021")),
        ("/credentialSubject/encodedList", json!(["u"])),
        ("/credentialSubject/statusPurpose", json!(["revocation"])),
    ] {
        let read = bent(|payload| *payload.pointer_mut(pointer).unwrap() = bad);
        let Err(VouchError::StatusMalformed(FormError::Member(name))) = read else {
            panic!("{pointer}: {read:?}")
        };
        assert!(pointer.contains(name), "{pointer}: {name}");
    }
    for purpose in ["suspension", "message", "refresh", "Revocation", ""] {
        let read = bent(|payload| payload["credentialSubject"]["statusPurpose"] = json!(purpose));
        assert!(matches!(read, Err(VouchError::StatusPurpose)));
    }
    let two = bent(|payload| payload["credentialSubject"]["statusSize"] = json!(2));
    assert!(matches!(two, Err(VouchError::StatusMalformed(_))));
}

#[test]
fn a_list_is_of_its_issuer_and_signed_with_a_key_for_claims() {
    let good = payload(&ARIA.sign_list(&ARIA.list()));
    // By its words Aria's, by its kid Bruno's.
    assert!(matches!(
        StatusList::read(&BRUNO.sign_value(&good)),
        Err(VouchError::StatusIssuer)
    ));
    // In Aria's name, with a key of Bruno's.
    let forged = BRUNO.sign_raw(
        ARIA.header().to_string().as_bytes(),
        good.to_string().as_bytes(),
    );
    let forged = StatusList::read(&forged).unwrap();
    assert!(matches!(
        forged.verify(&ARIA.document),
        Err(VouchError::StatusSignature)
    ));
    assert!(matches!(
        forged.verify(&BRUNO.document),
        Err(VouchError::StatusIssuer)
    ));
    let mut header = ARIA.header();
    header["kid"] = json!(format!("{}#key-2", ARIA.did));
    let list = ARIA.sign_raw(header.to_string().as_bytes(), good.to_string().as_bytes());
    assert!(matches!(
        StatusList::read(&list).unwrap().verify(&ARIA.document),
        Err(VouchError::StatusKey)
    ));
}

#[test]
fn bent_lists_are_refused_in_a_chain() {
    let case = Case::of(1);
    let with = |status: String| {
        let mut presented = case.presented();
        presented[0].status = Some(status);
        told(&case.verify_presented(&presented).unwrap_err()).1
    };
    let good = payload(&ARIA.sign_list(&ARIA.list()));
    let signed = |bend: &dyn Fn(&mut Value)| {
        let mut payload = good.clone();
        bend(&mut payload);
        with(ARIA.sign_value(&payload))
    };
    let subject = |name: &'static str, value: Value| {
        signed(&move |payload| payload["credentialSubject"][name] = value.clone())
    };
    assert_eq!(
        subject("statusPurpose", json!("suspension")),
        "status-purpose"
    );
    assert_eq!(subject("encodedList", json!("uH4s")), "status-malformed");
    assert_eq!(subject("type", json!("x")), "status-malformed");
    let forged = BRUNO.sign_raw(
        ARIA.header().to_string().as_bytes(),
        good.to_string().as_bytes(),
    );
    assert_eq!(with(forged), "status-signature");
    let mut header = ARIA.header();
    header["kid"] = json!(format!("{}#key-2", ARIA.did));
    let other_key = ARIA.sign_raw(header.to_string().as_bytes(), good.to_string().as_bytes());
    assert_eq!(with(other_key), "status-key");
    // A vouch is no list, a list no vouch.
    let presented = case.presented();
    assert_eq!(with(presented[0].vouch.clone()), "status-malformed");
    let mut swapped = presented.clone();
    swapped[0].vouch = ARIA.sign_list(&ARIA.list());
    let refusal = case.verify_presented(&swapped).unwrap_err();
    assert_eq!(told(&refusal), (0, "malformed".to_owned()));
}

#[test]
fn an_entry_is_checked_again_later() {
    let claims = ARIA.vouches_for(&BRUNO);
    let mut list = ARIA.list();
    let check = |text: &str| {
        let list = StatusList::read(text).unwrap();
        let hour = crate::world::HOUR;
        claims
            .status
            .check(&list, &ARIA.did, &ARIA.document, NOW, hour)
    };
    assert_eq!(check(&ARIA.sign_list(&list)).unwrap(), NOW - 60);
    list.bits.set(70_251).unwrap();
    assert!(matches!(
        check(&ARIA.sign_list(&list)),
        Err(VouchError::Revoked)
    ));
    let of_bruno = StatusList::read(&BRUNO.sign_list(&BRUNO.list())).unwrap();
    let hour = crate::world::HOUR;
    let checked = claims
        .status
        .check(&of_bruno, &ARIA.did, &ARIA.document, NOW, hour);
    assert!(matches!(checked, Err(VouchError::StatusIssuer)));
}
