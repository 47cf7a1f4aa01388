use comity_jose::{Curve, PublicKey, SigningKey};
use proptest::prelude::*;

use super::*;

const ORIGIN: &str = "agents.org-b.test/comity/log/5f3c9a1e";
const VKEY: &str =
    "agents.org-b.test/comity/log/5f3c9a1e+bd3a0747+AQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_secret(Curve::Ed25519, &[seed; 32]).unwrap()
}

fn vkey(seed: u8) -> Vkey {
    Vkey::log(ORIGIN.parse().unwrap(), key(seed).public().clone()).unwrap()
}

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.parse().unwrap(),
        size,
        root: [7; 32],
    }
}

fn note(size: u64, seed: u8) -> SignedNote {
    let signature = key(seed).sign(checkpoint(size).body().as_bytes());
    checkpoint(size).into_note(&vkey(seed), &signature).unwrap()
}

#[test]
fn vkey_is_written_as_in_the_format() {
    // The vector's public key, 32 × 0x09, is a point of the curve whose private key nobody holds.
    let key = PublicKey::from_raw(Curve::Ed25519, &[9; 32]).unwrap();
    let vkey = Vkey::log(ORIGIN.parse().unwrap(), key).unwrap();
    assert_eq!(vkey.to_string(), VKEY);
    assert_eq!(VKEY.parse::<Vkey>().unwrap(), vkey);
    assert_eq!(vkey.used_for(), VkeyUse::Log);
}

#[test]
fn a_mistyped_vkey_does_not_parse() {
    assert_eq!(
        VKEY.replace("org-b", "org-c").parse::<Vkey>(),
        Err(VkeyError::KeyId)
    );
    assert_eq!(
        VKEY.replace("bd3a", "bd3b").parse::<Vkey>(),
        Err(VkeyError::KeyId)
    );
    assert_eq!(
        VKEY.replace("+AQ", "+Ag").parse::<Vkey>(),
        Err(VkeyError::UnknownUse(2))
    );
    assert_eq!("a+b".parse::<Vkey>(), Err(VkeyError::Syntax));
    // A key of small order verifies anything.
    let order_one = format!(
        "a+00000000+{}",
        STANDARD.encode([&[1_u8, 1][..], &[0; 31]].concat())
    );
    assert_eq!(order_one.parse::<Vkey>(), Err(VkeyError::Key));
}

#[test]
fn origins_name_host_and_epoch() {
    let origin = LogOrigin::new("agents.org-b.test:7402", [0x5f, 0x3c, 0x9a, 0x1e]).unwrap();
    assert_eq!(
        origin.as_str(),
        "agents.org-b.test:7402/comity/log/5f3c9a1e"
    );
    assert_eq!(origin.authority(), Some("agents.org-b.test:7402"));
    assert_eq!(origin.epoch(), Some("5f3c9a1e"));
    let foreign: LogOrigin = "sum.example.org/tree".parse().unwrap();
    assert_eq!(foreign.authority(), None);
    assert!(LogOrigin::new("a/b", [0; 4]).is_err());
    for bad in ["", "a b", "a+b", "a\nb", &"x".repeat(257)] {
        assert!(bad.parse::<LogOrigin>().is_err());
    }
}

#[test]
fn a_note_has_three_lines_an_empty_one_and_a_signature() {
    let note = note(57, 1);
    let lines: Vec<_> = note.as_str().split('\n').collect();
    assert_eq!(
        lines[..4],
        [ORIGIN, "57", STANDARD.encode([7; 32]).as_str(), ""]
    );
    assert!(lines[4].starts_with(&format!("— {ORIGIN} ")));
    assert_eq!(lines[5..], [""]);
    let read: SignedNote = note.as_str().parse().unwrap();
    assert_eq!(read, note);
    assert_eq!(read.verify(&vkey(1)), Ok(&checkpoint(57)));
}

#[test]
fn a_note_verifies_under_its_own_key_only() {
    let note = note(57, 1);
    assert_eq!(note.verify(&vkey(2)), Err(NoteError::Unsigned));
    let elsewhere = Vkey::log("other.test/log".parse().unwrap(), key(1).public().clone()).unwrap();
    assert_eq!(note.verify(&elsewhere), Err(NoteError::OtherKey));
    let witness = Vkey::witness(ORIGIN.parse().unwrap(), key(1).public().clone()).unwrap();
    assert_eq!(note.verify(&witness), Err(NoteError::OtherKey));
    let forged: SignedNote = note.as_str().replace("\n57\n", "\n58\n").parse().unwrap();
    assert_eq!(forged.verify(&vkey(1)), Err(NoteError::Invalid));
}

#[test]
fn a_wrong_signature_never_becomes_a_note() {
    let signature = key(2).sign(checkpoint(57).body().as_bytes());
    assert_eq!(
        checkpoint(57).into_note(&vkey(1), &signature),
        Err(NoteError::Invalid)
    );
}

#[test]
fn one_bad_signature_line_of_a_known_key_spoils_the_note() {
    let good = note(57, 1);
    let (_, other_line) = note(58, 1)
        .as_str()
        .split_once("\n\n")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let both: SignedNote = format!("{good}{other_line}").parse().unwrap();
    assert_eq!(both.verify(&vkey(1)), Err(NoteError::Invalid));
}

#[test]
fn unknown_signature_lines_and_extension_lines_are_carried() {
    let body = format!("{}extension of somebody\n", checkpoint(3).body());
    let mut octets = vkey(1).id().to_vec();
    octets.extend(key(1).sign(body.as_bytes()));
    let text = format!(
        "{body}\n— {ORIGIN} {}\n— witness.example {}\n",
        STANDARD.encode(octets),
        STANDARD.encode([1; 80])
    );
    let note: SignedNote = text.parse().unwrap();
    assert_eq!(note.verify(&vkey(1)), Ok(&checkpoint(3)));
    assert_eq!(note.to_string(), text);
}

#[test]
fn a_witness_says_when_it_saw_the_checkpoint() {
    let note = note(57, 1);
    let witness =
        Vkey::witness("witness.example".parse().unwrap(), key(3).public().clone()).unwrap();
    let time = 1_795_500_000_u64;
    let message = format!("cosignature/v1\ntime {time}\n{}", checkpoint(57).body());
    let mut octets = witness.id().to_vec();
    octets.extend(time.to_be_bytes());
    octets.extend(key(3).sign(message.as_bytes()));
    let text = format!("{note}— witness.example {}\n", STANDARD.encode(&octets));
    let cosigned: SignedNote = text.parse().unwrap();
    assert_eq!(cosigned.witnessed(&witness), Ok(time));
    assert_eq!(cosigned.verify(&vkey(1)), Ok(&checkpoint(57)));
    assert_eq!(note.witnessed(&witness), Err(NoteError::Unsigned));
    assert_eq!(cosigned.witnessed(&vkey(1)), Err(NoteError::OtherKey));

    octets[11] ^= 1;
    let backdated = format!("{note}— witness.example {}\n", STANDARD.encode(&octets));
    let backdated: SignedNote = backdated.parse().unwrap();
    assert_eq!(backdated.witnessed(&witness), Err(NoteError::Invalid));
}

#[test]
fn refuses_what_is_no_note() {
    let good = note(57, 1).to_string();
    for bad in [
        String::new(),
        "\n\n".into(),
        good.trim_end().into(),
        good.replace("\n57\n", "\n057\n"),
        good.replace("\n57\n", "\n+57\n"),
        good.replace("\n57\n", "\n-1\n"),
        good.replace("\n57\n", "\n18446744073709551616\n"),
        good.replace("\n57\n", "\n\n57\n"),
        good.replace("\n57\n", "\r\n57\n"),
        good.replace('—', "-"),
        format!("{good}\n"),
        format!("{good}— \n"),
        good.replacen(&STANDARD.encode([7; 32]), &STANDARD.encode([7; 31]), 1),
        format!("{good}{}", "— a AAAAAAAA\n".repeat(64)),
        "x".repeat(40_000),
    ] {
        assert!(bad.parse::<SignedNote>().is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn a_note_reads_back_as_itself(size: u64, seed in 1_u8..5) {
        let note = note(size, seed);
        let read: SignedNote = note.as_str().parse().unwrap();
        prop_assert_eq!(&read, &note);
        prop_assert_eq!(read.checkpoint_unverified(), &checkpoint(size));
    }

    #[test]
    fn any_flipped_bit_is_refused(at: prop::sample::Index, bit in 0_u8..8) {
        let mut octets = note(57, 1).to_string().into_bytes();
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        let verified = String::from_utf8(octets)
            .ok()
            .and_then(|text| text.parse::<SignedNote>().ok())
            .is_some_and(|note| note.verify(&vkey(1)).is_ok());
        prop_assert!(!verified);
    }
}
