//! What has a text form prints as it was read.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot make its keys has failed"
)]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use comity_did::web;
use comity_jose::{Curve, SigningKey};
use comity_record::entry::EntryKind;
use comity_record::{
    Anchor, Checkpoint, Commitment, Digest, Fingerprint, Leaf, LogOrigin, SignedNote, Vkey,
};
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn exact<T: FromStr + Display + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let text = value.to_string();
    let again = text.parse::<T>().ok();
    prop_assert_eq!(again.as_ref(), Some(value));
    prop_assert_eq!(again.unwrap().to_string(), text);
    Ok(())
}

/// The text with one character changed.
fn changed(text: &str, at: Index, with: char) -> String {
    let at = at.index(text.chars().count());
    let one = |(n, c)| if n == at { with } else { c };
    text.chars().enumerate().map(one).collect()
}

/// Whatever is read of a text with one change is written as that text, if it is read at all.
fn stays<T: FromStr + Display>(value: &T, at: Index, with: char) -> Result<(), TestCaseError> {
    let text = changed(&value.to_string(), at, with);
    if let Ok(read) = text.parse::<T>() {
        prop_assert_eq!(read.to_string(), text);
    }
    Ok(())
}

fn key() -> impl Strategy<Value = SigningKey> {
    any::<[u8; 32]>().prop_map(|seed| SigningKey::from_secret(Curve::Ed25519, &seed).unwrap())
}

fn printable() -> impl Strategy<Value = char> {
    proptest::char::range(' ', '~')
}

fn origin() -> impl Strategy<Value = LogOrigin> {
    let ours = ("[a-z0-9.-]{1,30}(:[0-9]{1,5})?", any::<[u8; 4]>())
        .prop_map(|(authority, epoch)| LogOrigin::new(&authority, epoch).unwrap());
    let theirs = "[!-*,-~é]{1,60}".prop_map(|text| text.parse().unwrap());
    prop_oneof![ours, theirs]
}

proptest! {
    #[test]
    fn hashes(octets in any::<[u8; 32]>(), at in any::<Index>(), with in printable()) {
        exact(&Digest::new(octets))?;
        stays(&Digest::new(octets), at, with)?;
        exact(&Commitment::new(octets))?;
        stays(&Commitment::new(octets), at, with)?;
    }

    #[test]
    fn keys_of_logs(key in key(), origin in origin(), at in any::<Index>(), with in printable()) {
        exact(&origin)?;
        exact(&Fingerprint::of(key.public()))?;
        stays(&Fingerprint::of(key.public()), at, with)?;
        let log = Vkey::log(origin.clone(), key.public().clone()).unwrap();
        let witness = Vkey::witness(origin, key.public().clone()).unwrap();
        for vkey in [log, witness] {
            exact(&vkey)?;
            // Its id covers the rest, so that no slip of the pen makes another key.
            let text = vkey.to_string();
            let other = changed(&text, at, with);
            prop_assert!(other == text || other.parse::<Vkey>().is_err());
            exact(&Anchor::Vkey(vkey))?;
        }
    }

    #[test]
    fn leaves(octets in any::<[u8; 32]>(), kind in select(vec!["start", "message-in", "settled", "counted"]), at in any::<Index>(), with in printable()) {
        let leaf = Leaf { kind: EntryKind::parse(kind).unwrap(), commitment: Commitment::new(octets) };
        prop_assert_eq!(leaf.text().parse::<Leaf>(), Ok(leaf));
        let text = changed(&leaf.text(), at, with);
        if let Ok(read) = text.parse::<Leaf>() {
            prop_assert_eq!(read.text(), text);
        }
    }

    #[test]
    fn anchors(key in key(), host in "[a-z]{1,10}[.]test", name in "[a-z0-9]{1,10}", digits in 32..=64_usize) {
        let Ok(did) = web::did_for(&host, None, &name) else { return Ok(()) };
        exact(&Anchor::key(did.clone(), key.public()))?;
        let fingerprint = key.public().fingerprint();
        let short = format!("{did}={}", &fingerprint[..digits]);
        exact(&short.parse::<Anchor>().unwrap())?;
        let handle = format!("{name}@{host}={}", fingerprint[..digits].to_uppercase());
        prop_assert_eq!(handle.parse::<Anchor>().unwrap(), short.parse::<Anchor>().unwrap());
    }

    #[test]
    fn notes(key in key(), origin in origin(), size in any::<u64>(), root in any::<[u8; 32]>(), at in any::<Index>(), mask in 1..128_u8) {
        let vkey = Vkey::log(origin.clone(), key.public().clone()).unwrap();
        let head = Checkpoint { origin, size, root };
        let signature = key.sign(head.body().as_bytes());
        let note = head.clone().into_note(&vkey, &signature).unwrap();
        exact(&note)?;
        prop_assert_eq!(note.verify(&vkey).unwrap(), &head);
        let mut changed = note.as_str().as_bytes().to_vec();
        let at = at.index(changed.len());
        changed[at] ^= mask;
        if let Ok(Ok(changed)) = String::from_utf8(changed).map(|text| text.parse::<SignedNote>()) {
            prop_assert!(changed.verify(&vkey).is_err(), "octet {} of {}", at, note);
        }
    }
}
