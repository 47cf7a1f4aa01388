//! What an entry must be for the history to go on with it.

use serde_json::{Value, json};

use super::maker::{Maker, NOW, multikey, promise, prove, prove_with};
use crate::limits;
use crate::webvh::{EntryError, Log, LogError, ProofError};

/// The number of the entry that is refused, and why.
fn refused(maker: &Maker) -> (usize, EntryError) {
    let refused = match maker.verify() {
        Err(error) => Some(error),
        Ok(log) => log.into_history(None).unwrap().refused().cloned(),
    };
    match refused {
        Some(LogError::Entry { number, source }) => (number, source),
        other => panic!("{other:?}"),
    }
}

pub(super) fn holds(maker: &Maker) {
    let history = maker.verify().unwrap().into_history(None).unwrap();
    assert!(history.refused().is_none(), "{:?}", history.refused());
    assert_eq!(history.versions().len(), maker.entries.len());
}

/// Why a second entry with these parameters is refused after a first with those.
fn second(first: Value, parameters: Value) -> EntryError {
    let (number, why) = refused(&Maker::new(first).then(parameters, &[1]));
    assert_eq!(number, 2);
    why
}

/// Why a first entry with these parameters is refused.
pub(super) fn first(parameters: Value) -> EntryError {
    let (number, why) = refused(&Maker::new(parameters));
    assert_eq!(number, 1);
    why
}

pub(super) fn is_parameter(error: &EntryError, name: &str) -> bool {
    matches!(error, EntryError::Parameter { parameter } if *parameter == name)
}

#[test]
fn the_keys_of_the_entry_before_sign_the_next_one() {
    let rotated = Maker::new(json!({})).then(json!({"updateKeys": [multikey(2)]}), &[1]);
    holds(&rotated.clone().then(json!({}), &[2]));
    let (number, why) = refused(&rotated.then(json!({}), &[1]));
    assert_eq!(number, 3);
    assert!(matches!(why, EntryError::Proof(ProofError::Unauthorized)));
    let own_key = Maker::new(json!({})).then(json!({"updateKeys": [multikey(2)]}), &[2]);
    assert!(matches!(
        refused(&own_key).1,
        EntryError::Proof(ProofError::Unauthorized)
    ));
}

#[test]
fn a_promise_of_keys_binds_the_next_entry() {
    let promised = || Maker::new(json!({"nextKeyHashes": [promise(2), promise(3)]}));
    let kept = json!({"updateKeys": [multikey(2)], "nextKeyHashes": [promise(4)]});
    let ended = json!({"updateKeys": [multikey(4)], "nextKeyHashes": []});
    let free = json!({"updateKeys": [multikey(9)]});
    holds(
        &promised()
            .then(kept, &[2])
            .then(ended, &[4])
            .then(free, &[4])
            .then(json!({}), &[9]),
    );
    for (broken, signer) in [
        (json!({"nextKeyHashes": []}), 1),
        (json!({"updateKeys": [multikey(2)]}), 2),
        (
            json!({"updateKeys": [multikey(2), multikey(1)], "nextKeyHashes": []}),
            2,
        ),
        (json!({"updateKeys": [multikey(1)], "nextKeyHashes": []}), 1),
    ] {
        let why = refused(&promised().then(broken, &[signer])).1;
        assert!(matches!(why, EntryError::PreRotation), "{why}");
    }
}

#[test]
fn every_proof_must_be_of_the_one_suite_by_a_key_that_may() {
    holds(&{
        let keys = json!({"updateKeys": [multikey(1), multikey(2)]});
        Maker::new(keys).then(json!({}), &[1, 2])
    });
    let key = multikey(1);
    let method = format!("did:key:{key}#{key}");
    let options = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": method, "proofPurpose": "assertionMethod",
    });
    let other = multikey(2);
    let (swapped, bare) = (format!("did:key:{other}#{key}"), format!("did:key:{key}"));
    for (member, value, why) in [
        ("type", json!("Ed25519Signature2020"), ProofError::Suite),
        ("cryptosuite", json!("ecdsa-jcs-2019"), ProofError::Suite),
        ("cryptosuite", Value::Null, ProofError::Suite),
        ("proofPurpose", json!("authentication"), ProofError::Purpose),
        ("verificationMethod", json!(swapped), ProofError::Key),
        ("verificationMethod", json!(bare), ProofError::Key),
        (
            "expires",
            json!("2025-02-01T00:00:00Z"),
            ProofError::Expired,
        ),
        ("expires", json!(7), ProofError::Expired),
        (
            "@context",
            json!([]),
            ProofError::Extension { member: "@context" },
        ),
    ] {
        let mut maker = Maker::new(json!({}));
        let mut options = options.clone();
        options[member] = value;
        maker.entries[0]["proof"] = json!([prove_with(&maker.entries[0], options, 1)]);
        assert!(
            matches!(refused(&maker), (1, EntryError::Proof(it)) if it == why),
            "{member}: {why}"
        );
    }
    let mut maker = Maker::new(json!({}));
    maker.entries[0]["proof"] = prove_with(&maker.entries[0], options, 1);
    holds(&maker);
    let stranger = prove(&maker.entries[0], 2);
    maker.entries[0]["proof"] = json!([prove(&maker.entries[0], 1), stranger]);
    let why = refused(&maker).1;
    assert!(matches!(why, EntryError::Proof(ProofError::Unauthorized)));
    maker.entries[0]["proof"] = json!([]);
    let why = refused(&maker).1;
    assert!(matches!(why, EntryError::Proof(ProofError::Missing)));
}

#[test]
fn entries_are_numbered_chained_and_dated_in_order() {
    let two = Maker::new(json!({})).then(json!({}), &[1]);
    let changed = |change: &dyn Fn(&mut Maker)| {
        let mut maker = two.clone();
        change(&mut maker);
        refused(&maker).1
    };
    let rename = |to: String| {
        changed(&|maker| {
            maker.entries[1]["versionId"] = to.clone().into();
            maker.entries[1]["proof"] = json!([prove(&maker.entries[1], 1)]);
        })
    };
    let hash = two.version_id(2)[2..].to_owned();
    for id in [
        format!("3-{hash}"),
        format!("02-{hash}"),
        format!("2{hash}"),
    ] {
        assert!(matches!(rename(id), EntryError::VersionNumber));
    }
    assert!(matches!(
        rename(format!("2--{hash}")),
        EntryError::EntryHash
    ));
    let swap = changed(&|maker| maker.entries[1]["state"]["service"] = json!([]));
    assert!(matches!(swap, EntryError::EntryHash));
    for (time, is_refused) in [
        ("2025-01-01T00:00:00Z", true),
        ("2024-12-31T23:59:59Z", true),
        ("2025-01-01T00:00:00.000000001Z", false),
        ("2025-06-01T00:05:00Z", false),
        ("2025-06-01T00:05:00.1Z", true),
    ] {
        let mut maker = Maker::new(json!({}));
        let state = json!({"id": maker.did().as_str()});
        maker.push(
            json!({"versionTime": time, "parameters": {}, "state": state}),
            &[1],
        );
        let refused = maker.verify().unwrap().into_history(None).unwrap();
        let refused = refused.refused().cloned();
        assert_eq!(refused.is_some(), is_refused, "{time}: {refused:?}");
    }
}

#[test]
fn times_are_in_utc_and_of_the_calendar() {
    use crate::webvh::VersionTime;
    for (text, seconds) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T12:00:00+00:00", 951_825_600),
        ("2025-06-01T00:00:00.5Z", 1_748_736_000),
        ("1969-12-31T23:59:59Z", -1),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ] {
        assert_eq!(
            VersionTime::parse(text).unwrap().seconds(),
            seconds,
            "{text}"
        );
    }
    for text in [
        "2025-01-01T00:00:00",
        "2025-01-01T00:00:00+01:00",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:00:60Z",
        "2025-01-01 00:00:00Z",
        "2025-1-1T00:00:00Z",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00.1234567891Z",
        "+025-01-01T00:00:00Z",
    ] {
        assert!(VersionTime::parse(text).is_none(), "{text}");
    }
}

#[test]
fn refuses_parameters_that_are_none_or_stand_in_the_wrong_entry() {
    assert!(matches!(
        first(json!({"method": "did:webvh:0.5"})),
        EntryError::Method
    ));
    assert!(matches!(first(json!({"method": null})), EntryError::Method));
    assert!(matches!(
        first(json!({"prerotation": true})),
        EntryError::UnknownParameter
    ));
    for (name, value) in [
        ("updateKeys", json!("z6Mk")),
        ("updateKeys", json!([7])),
        ("nextKeyHashes", json!({})),
        ("portable", json!("true")),
        ("portable", Value::Null),
        ("deactivated", json!(1)),
        ("ttl", json!(-1)),
        ("ttl", json!(2_147_483_649_u64)),
        ("watchers", json!(["ftp://x.example"])),
        ("witness", json!([])),
        ("witness", json!({"threshold": 1})),
        ("witness", json!({"threshold": 1, "witnesses": []})),
        ("witness", super::maker::witnesses(2, &[7])),
        (
            "witness",
            json!({"threshold": 1, "witnesses": [{"id": "did:web:x.example"}]}),
        ),
        (
            "witness",
            json!({"threshold": 1, "witnesses": [
                {"id": "did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"}]}),
        ),
    ] {
        let mut parameters = json!({});
        parameters[name] = value.clone();
        let why = first(parameters);
        assert!(is_parameter(&why, name), "{name} {value}: {why:?}");
    }
    for name in ["scid", "portable"] {
        let mut later = json!({});
        later[name] = match name {
            "scid" => json!(Maker::new(json!({})).scid),
            _ => json!(true),
        };
        assert!(is_parameter(&second(json!({}), later.clone()), name));
        let portable = json!({"portable": true});
        assert!(is_parameter(&second(portable, later), name));
    }
    let why = second(json!({}), json!({"method": "did:webvh:0.5"}));
    assert!(matches!(why, EntryError::Method));
}

#[test]
fn null_stands_for_the_default_of_what_early_software_wrote_it_for() {
    let nulls = json!({"nextKeyHashes": null, "witness": null, "watchers": null, "ttl": null});
    let maker =
        Maker::new(nulls.clone()).then(json!({"ttl": 5, "watchers": ["https://w.example"]}), &[1]);
    let maker = maker.then(nulls, &[1]);
    holds(&maker);
    let history = maker.verify().unwrap().into_history(None).unwrap();
    let ttls: Vec<u32> = history
        .versions()
        .iter()
        .map(|it| it.parameters().ttl)
        .collect();
    assert_eq!(ttls, [3600, 5, 3600]);
}

#[test]
fn nothing_comes_after_a_deactivation() {
    let ended = Maker::new(json!({})).then(json!({"deactivated": true}), &[1]);
    holds(&ended);
    let (number, why) = refused(&ended.then(json!({"deactivated": false}), &[1]));
    assert_eq!(number, 3);
    assert!(matches!(why, EntryError::Deactivated));
}

#[test]
fn a_did_moves_only_if_it_may_and_says_so() {
    let moved = |first: Value, parameters: Value, known_as: bool| {
        let maker = Maker::new(first);
        let (old, new) = (maker.did(), maker.did_at("new.example:bruno"));
        let aliases = if known_as { json!([old]) } else { json!([]) };
        maker.then_state(parameters, json!({"id": new, "alsoKnownAs": aliases}), &[1])
    };
    let portable = json!({"portable": true});
    let good = moved(portable.clone(), json!({}), true);
    holds(&good);
    let new = good.did_at("new.example:bruno");
    let log = Log::verify(&new, &good.octets(), NOW).unwrap();
    assert!(
        log.into_history(None).is_ok(),
        "either DID has this history"
    );
    for (first, parameters, known_as) in [
        (json!({}), json!({}), true),
        (portable.clone(), json!({}), false),
        (portable.clone(), json!({"portable": false}), true),
    ] {
        let why = refused(&moved(first, parameters, known_as)).1;
        assert!(matches!(why, EntryError::Moved), "{why}");
    }
    let other = Maker::new(json!({"ttl": 1})).did();
    let swapped = Maker::new(portable).then_state(json!({}), json!({"id": other}), &[1]);
    assert!(matches!(refused(&swapped).1, EntryError::Scid));
}

#[test]
fn the_log_of_another_did_is_refused() {
    let maker = Maker::new(json!({}));
    let elsewhere = Log::verify(&maker.did_at("x.example"), &maker.octets(), NOW);
    assert!(matches!(
        elsewhere.unwrap().into_history(None),
        Err(LogError::OtherDid)
    ));
    let other = Maker::new(json!({"ttl": 1}));
    assert!(matches!(
        Log::verify(&other.did(), &maker.octets(), NOW),
        Err(LogError::Entry {
            number: 1,
            source: EntryError::Scid
        })
    ));
    let web = "did:web:example.com".parse().unwrap();
    assert!(matches!(
        Log::verify(&web, &maker.octets(), NOW),
        Err(LogError::Did(_))
    ));
}

#[test]
fn the_scid_may_stand_anywhere_and_its_place_holder_takes_every_place() {
    let maker = Maker::from_template(json!({
        "versionId": "{SCID}", "versionTime": "2025-01-01T00:00:00Z",
        "parameters": {"method": "did:webvh:1.0", "scid": "{SCID}", "updateKeys": [multikey(1)]},
        "state": {"id": "did:webvh:{SCID}:example.com", "x{SCID}": ["a{SCID}b{SCID}"], "z": 1},
    }));
    holds(&maker);
}

#[test]
fn logs_are_bounded() {
    let did = Maker::new(json!({})).did();
    let long = vec![b' '; limits::LOG_BYTES + 1];
    assert!(matches!(
        Log::verify(&did, &long, NOW),
        Err(LogError::TooLong)
    ));
    for empty in ["", "\n"] {
        let log = Log::verify(&did, empty.as_bytes(), NOW);
        assert!(matches!(log, Err(LogError::Empty)));
    }
    let mut maker = Maker::new(json!({}));
    maker.entries[0]["state"]["x"] = "x".repeat(limits::LOG_ENTRY_BYTES).into();
    assert!(matches!(refused(&maker), (1, EntryError::Json(_))));
    let many = json!({"updateKeys": vec![multikey(1); limits::UPDATE_KEYS + 1]});
    assert!(is_parameter(&first(many), "updateKeys"));
    let mut maker = Maker::new(json!({}));
    maker.entries[0]["proof"] = vec![json!({}); limits::ENTRY_PROOFS + 1].into();
    let why = refused(&maker).1;
    assert!(matches!(why, EntryError::Proof(ProofError::TooMany)));
}
