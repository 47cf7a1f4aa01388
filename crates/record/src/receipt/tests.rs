use comity_jose::{Curve, SigningKey, jws::SigningInput};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    checkpoint::{Checkpoint, SignedNote, Vkey},
    entry::Commitment,
    text::Fingerprint,
    tree::Tree,
    wire::Unsupported,
};

const KID: &str = "did:web:agents.org-b.test:bruno#key-1";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_secret(Curve::Ed25519, &[seed; 32]).unwrap()
}

fn note(size: u64) -> SignedNote {
    let origin: crate::LogOrigin = "agents.org-b.test/comity/log/5f3c9a1e".parse().unwrap();
    let vkey = Vkey::log(origin.clone(), key(9).public().clone()).unwrap();
    let checkpoint = Checkpoint {
        origin,
        size,
        root: [7; 32],
    };
    let signature = key(9).sign(checkpoint.body().as_bytes());
    checkpoint.into_note(&vkey, &signature).unwrap()
}

fn statement(index: u64) -> Statement {
    Statement {
        message: Digest::of(&index.to_be_bytes()),
        id: format!("message-{index}"),
        sender: "did:web:agents.org-a.test:aria".parse().unwrap(),
        recipient: "did:web:agents.org-b.test:bruno".parse().unwrap(),
        state: ReceiptState::Received,
        code: None,
        at: 1_795_404_927,
        by: By::Node,
        sender_kid: "did:web:agents.org-a.test:aria#key-1".parse().unwrap(),
        sender_key: Fingerprint::of(key(1).public()),
        sender_did_version: None,
        did_version: None,
        log: LoggedAt {
            origin: "agents.org-b.test/comity/log/5f3c9a1e".parse().unwrap(),
            index,
            commitment: Commitment::new([1; 32]),
        },
    }
}

fn receipts(count: u64) -> Vec<Receipt> {
    let statements: Vec<_> = (0..count).map(statement).collect();
    let draft = Draft::new(&statements, &note(1000), &KID.parse().unwrap()).unwrap();
    let signature = key(2).sign(draft.signing_input().octets());
    draft.finish(&signature)
}

/// A receipt over any payload and header, signed by the right key.
fn signed(protected: Value, payload: &str) -> Receipt {
    let input = SigningInput::new(protected.to_string().as_bytes(), payload.as_bytes());
    let signature = key(2).sign(input.octets());
    Receipt {
        jws: input.into_compact(&signature),
        leaf: None,
    }
}

fn header() -> Value {
    json!({"typ": RECEIPT_TYP, "alg": "EdDSA", "kid": KID})
}

fn payload(receipt: &Receipt) -> Value {
    let payload = receipt.jws().split('.').nth(1).unwrap();
    serde_json::from_slice(&base64url::decode(payload).unwrap()).unwrap()
}

#[test]
fn a_statement_has_exactly_the_members_of_the_format() {
    let mut statement = statement(41);
    let written =
        |statement: &Statement| serde_json::from_slice::<Value>(&statement.to_octets()).unwrap();
    let mut expected = json!({
        "v": 1, "message": statement.message, "id": "message-41",
        "sender": "did:web:agents.org-a.test:aria", "recipient": "did:web:agents.org-b.test:bruno",
        "state": "received", "at": 1_795_404_927, "by": "node",
        "sender_kid": "did:web:agents.org-a.test:aria#key-1",
        "sender_key": key(1).public().fingerprint(),
        "log": {"origin": "agents.org-b.test/comity/log/5f3c9a1e", "index": 41,
            "commitment": base64url::encode(&[1; 32])},
    });
    assert_eq!(written(&statement), expected);
    statement.code = Some("e.p.x".into());
    statement.sender_did_version = Some("a:1".into());
    statement.did_version = Some("b:1".into());
    expected["code"] = "e.p.x".into();
    expected["sender_did_version"] = "a:1".into();
    expected["did_version"] = "b:1".into();
    assert_eq!(written(&statement), expected);
    assert_eq!(Statement::parse(&statement.to_octets()).unwrap(), statement);
}

#[test]
fn the_root_of_a_batch_is_that_of_the_format() {
    let tree = Tree::of([br#"{"v":1}"#.as_slice()]);
    assert_eq!(
        base64url::encode(&tree.root()),
        "D-fwTNloj7mW7qmuEkjL6DtNBIBUE_NaslrZ3rWjyzI"
    );
}

#[test]
fn one_statement_is_signed_alone() {
    let [receipt] = receipts(1).try_into().unwrap();
    let payload = payload(&receipt);
    assert_eq!(payload["v"], 1);
    assert_eq!(payload["checkpoint"], note(1000).as_str());
    assert!(payload.get("root").is_none());
    let protected = receipt.jws().split('.').next().unwrap();
    assert_eq!(
        String::from_utf8(base64url::decode(protected).unwrap()).unwrap(),
        format!(r#"{{"typ":"comity-receipt+jws","alg":"EdDSA","kid":"{KID}"}}"#)
    );
    let verified = receipt.open().unwrap().verify(key(2).public()).unwrap();
    assert_eq!(verified.statement, statement(0));
    assert_eq!(verified.checkpoint, note(1000));
    assert_eq!(verified.kid.as_str(), KID);
}

#[test]
fn each_receipt_of_a_batch_verifies_alone() {
    for count in [2, 3, 8, 255, 256] {
        let receipts = receipts(count);
        assert_eq!(receipts.len() as u64, count);
        assert_eq!(payload(&receipts[0])["size"], count);
        for (index, receipt) in (0..).zip(&receipts) {
            let read = Receipt::parse(&receipt.to_octets()).unwrap();
            assert_eq!(&read, receipt);
            assert_eq!(read.hash(), receipt.hash());
            let verified = read.open().unwrap().verify(key(2).public()).unwrap();
            assert_eq!(verified.statement, statement(index));
        }
    }
}

#[test]
fn refuses_a_receipt_under_another_key_typ_or_name() {
    let receipt = receipts(1).remove(0);
    let other = receipt.open().unwrap().verify(key(3).public());
    assert!(matches!(other, Err(ReceiptError::Signature)));

    let payload = payload(&receipt).to_string();
    assert!(signed(header(), &payload).open().is_ok());
    for typ in [
        json!("application/didcomm-signed+json"),
        json!("JWM"),
        json!(null),
    ] {
        let mut header = header();
        header["typ"] = typ;
        assert!(signed(header, &payload).open().is_err());
    }
    for kid in ["did:web:agents.org-c.test:bruno#key-1", "#key-1", "key-1"] {
        let mut header = header();
        header["kid"] = kid.into();
        let opened = signed(header, &payload).open();
        assert!(matches!(opened, Err(ReceiptError::NotTheRecipient)));
    }
}

#[test]
fn refuses_statement_and_root_together_or_neither() {
    let mut both = payload(&receipts(1)[0]);
    both["root"] = base64url::encode(&[0; 32]).into();
    both["size"] = 1.into();
    assert!(matches!(
        signed(header(), &both.to_string()).open(),
        Err(ReceiptError::Form)
    ));
    let mut neither = payload(&receipts(1)[0]);
    neither.as_object_mut().unwrap().remove("statement");
    assert!(matches!(
        signed(header(), &neither.to_string()).open(),
        Err(ReceiptError::Form)
    ));

    let batch = receipts(2).remove(0);
    let bare = Receipt {
        jws: batch.jws.clone(),
        leaf: None,
    };
    assert!(matches!(bare.open(), Err(ReceiptError::Form)));
    let single = receipts(1).remove(0);
    let dressed = Receipt {
        jws: single.jws,
        leaf: batch.leaf,
    };
    assert!(matches!(dressed.open(), Err(ReceiptError::Form)));
}

#[test]
fn refuses_a_statement_that_is_not_in_the_batch() {
    let batch = receipts(5);
    let mut moved = batch[1].clone();
    moved.leaf.as_mut().unwrap().index = 2;
    assert!(matches!(moved.open(), Err(ReceiptError::NotInBatch)));
    let mut other = batch[1].clone();
    other.leaf.as_mut().unwrap().statement = statement(77).to_octets();
    assert!(matches!(other.open(), Err(ReceiptError::NotInBatch)));

    let mut payload = payload(&batch[1]);
    payload["size"] = 257.into();
    let mut large = signed(header(), &payload.to_string());
    large.leaf.clone_from(&batch[1].leaf);
    assert!(matches!(large.open(), Err(ReceiptError::NotInBatch)));
}

#[test]
fn refuses_an_entry_that_the_checkpoint_does_not_cover() {
    let mut payload = payload(&receipts(1)[0]);
    payload["statement"]["log"]["index"] = 1000.into();
    let opened = signed(header(), &payload.to_string()).open();
    assert!(matches!(
        opened,
        Err(ReceiptError::EntryBeyondCheckpoint {
            index: 1000,
            size: 1000
        })
    ));
    payload["statement"]["log"]["index"] = 0.into();
    payload["statement"]["log"]["origin"] = "agents.org-b.test/comity/log/00000000".into();
    assert!(signed(header(), &payload.to_string()).open().is_err());
}

#[test]
fn newer_receipts_are_unsupported() {
    let unsupported = |edit: fn(&mut Value)| {
        let mut payload = payload(&receipts(1)[0]);
        edit(&mut payload);
        match signed(header(), &payload.to_string()).open() {
            Err(ReceiptError::Read(ReadError::Unsupported(unsupported))) => unsupported,
            other => panic!("{other:?}"),
        }
    };
    let version = Unsupported::Version { found: "2".into() };
    assert_eq!(unsupported(|payload| payload["v"] = 2.into()), version);
    assert_eq!(
        unsupported(|payload| payload["statement"]["v"] = 2.into()),
        version
    );
    assert_eq!(
        unsupported(|payload| payload["statement"]["state"] = "pondered".into()),
        Unsupported::Value {
            member: "state",
            value: "pondered".into()
        }
    );
    assert_eq!(
        unsupported(|payload| payload["statement"]["must"] = json!(["only_on_sundays"])),
        Unsupported::Must("only_on_sundays".into())
    );
}

#[test]
fn drafts_nothing_that_readers_refuse() {
    let kid: comity_did::DidUrl = KID.parse().unwrap();
    let draft = |statements: &[Statement]| Draft::new(statements, &note(1000), &kid).err();
    assert_eq!(draft(&[]), Some(DraftError::Size(0)));
    let many: Vec<_> = (0..257).map(statement).collect();
    assert_eq!(draft(&many), Some(DraftError::Size(257)));
    assert_eq!(
        draft(&[statement(1000)]),
        Some(DraftError::NotUnderCheckpoint { index: 1000 })
    );
    let mut stranger = statement(1);
    stranger.sender = "did:web:agents.org-c.test:carol".parse().unwrap();
    assert_eq!(
        draft(&[statement(0), stranger]),
        Some(DraftError::SeveralPairs)
    );
    let other = "did:web:agents.org-a.test:aria#key-1".parse().unwrap();
    assert_eq!(
        Draft::new(&[statement(0)], &note(1000), &other).err(),
        Some(DraftError::OtherSigner)
    );
}

proptest! {
    #[test]
    fn any_flipped_bit_of_a_receipt_is_refused(
        count in 1_u64..4, at: prop::sample::Index, bit in 0_u8..8,
    ) {
        let receipt = receipts(count).pop().unwrap();
        let mut octets = receipt.to_octets();
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        let verified = Receipt::parse(&octets)
            .and_then(|receipt| receipt.open())
            .and_then(|opened| opened.verify(key(2).public()));
        prop_assert!(verified.is_err());
    }
}

#[test]
fn a_signature_that_was_proved_proves_its_own_batch_under_its_own_key_and_nothing_else() {
    let mut proved = ProvedSignatures::default();
    let opened = |receipt: &Receipt| receipt.open().unwrap();
    for receipt in receipts(3) {
        let verified = opened(&receipt).verify_among(key(2).public(), &mut proved);
        assert!(verified.is_ok());
    }
    let own = receipts(3).remove(0);
    let other_key = opened(&own).verify_among(key(3).public(), &mut proved);
    assert!(matches!(other_key, Err(ReceiptError::Signature)));
    // The same signature under what another batch says.
    let signature = own.jws().rsplit('.').next().unwrap();
    let another = receipts(4).remove(0);
    let (input, _) = another.jws().rsplit_once('.').unwrap();
    let forged = Receipt {
        jws: format!("{input}.{signature}"),
        ..another
    };
    let forged = opened(&forged).verify_among(key(2).public(), &mut proved);
    assert!(matches!(forged, Err(ReceiptError::Signature)));
}
