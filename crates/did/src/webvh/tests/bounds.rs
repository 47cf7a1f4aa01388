//! What a history may cost, and that the dearest ones are read.

use serde_json::{Value, json};

use super::entries::{first, holds, is_parameter};
use super::maker::{Maker, multikey, promise, witnesses};
use crate::limits;
use crate::webvh::{EntryError, History, LogError};

#[test]
fn texts_in_parameters_are_bounded() {
    let key = |characters: usize| json!([multikey(1), format!("z{}", "6".repeat(characters - 1))]);
    let hash = |characters: usize| json!([&format!("{}6", promise(2))[..characters]]);
    let url = |octets: usize| {
        let path = octets - "https://w.example/".len();
        json!([format!("https://w.example/{}", "w".repeat(path))])
    };
    let (keys, hashes, urls) = (
        limits::MULTIKEY_CHARACTERS,
        limits::MULTIHASH_CHARACTERS,
        limits::WATCHER_BYTES,
    );
    for (name, good, bad) in [
        ("updateKeys", key(keys), vec![key(keys + 1)]),
        (
            "nextKeyHashes",
            hash(hashes),
            vec![
                hash(hashes - 1),
                hash(hashes + 1),
                json!(["0".repeat(hashes)]),
            ],
        ),
        ("watchers", url(urls), vec![url(urls + 1)]),
    ] {
        let with = |value: Value| {
            let mut parameters = json!({});
            parameters[name] = value;
            parameters
        };
        holds(&Maker::new(with(good)));
        for bad in bad {
            let why = first(with(bad.clone()));
            assert!(is_parameter(&why, name), "{name} {bad}: {why:?}");
        }
    }
}

#[test]
fn versions_share_the_lists_that_they_do_not_change() {
    let maker = Maker::new(json!({
        "watchers": ["https://w.example"],
        "witness": witnesses(1, &[7]),
    }));
    let maker = maker
        .then(json!({}), &[1])
        .then(json!({"watchers": ["https://v.example"]}), &[1]);
    let promised = Maker::new(json!({"nextKeyHashes": [promise(1)]}));
    let promised = promised.then(
        json!({"updateKeys": [multikey(1)], "nextKeyHashes": []}),
        &[1],
    );
    let promised = promised.then(json!({}), &[1]);
    let proofs = json!([maker.witnessed(3, &[7])]).to_string();
    let log = maker.verify().unwrap();
    let history = log.into_history(Some(proofs.as_bytes())).unwrap();
    let of = |index: usize| history.versions()[index].parameters();
    let witnesses = |index: usize| of(index).witness.as_ref().unwrap().witnesses.as_ptr();
    for index in [1, 2] {
        assert_eq!(of(0).update_keys.as_ptr(), of(index).update_keys.as_ptr());
        assert_eq!(witnesses(0), witnesses(index));
    }
    assert_eq!(of(0).watchers.as_ptr(), of(1).watchers.as_ptr());
    assert_eq!(*of(2).watchers, ["https://v.example"]);
    let history = promised.verify().unwrap().into_history(None).unwrap();
    let of = |index: usize| history.versions()[index].parameters();
    assert!(of(0).has_pre_rotation() && !of(2).has_pre_rotation());
    assert_eq!(of(1).update_keys.as_ptr(), of(2).update_keys.as_ptr());
}

#[test]
fn as_many_entries_witnesses_and_proofs_as_may_be_are_read() {
    let all: Vec<u8> = (100..).take(limits::WITNESSES).collect();
    let maker = Maker::new(json!({"witness": witnesses(all.len(), &all)}));
    let maker = maker.filled(limits::LOG_ENTRIES);
    // A proof has seven JSON values: these are nearly as many as are read.
    let strangers = vec![1; 1_100];
    let approved = |by: &[u8]| -> Result<History, LogError> {
        let proofs = [
            maker.witnessed(limits::LOG_ENTRIES, &strangers),
            maker.witnessed(limits::LOG_ENTRIES, by),
        ];
        let proofs = Value::from(proofs.to_vec()).to_string();
        maker
            .verify()
            .unwrap()
            .into_history(Some(proofs.as_bytes()))
    };
    let history = approved(&all).unwrap();
    assert!(history.refused().is_none(), "{:?}", history.refused());
    assert_eq!(history.versions().len(), limits::LOG_ENTRIES);
    let lacking = approved(&all[1..]);
    assert!(matches!(
        lacking,
        Err(LogError::Entry {
            number: 1,
            source: EntryError::Witnesses {
                approvals: 31,
                threshold: 32
            }
        })
    ));
}
