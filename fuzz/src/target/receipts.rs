//! Receipts, statements, checkpoints and proofs of the tree.

use comity_jose::jws::SigningInput;
use comity_record::checkpoint::NoteError;
use comity_record::receipt::{By, Draft, LoggedAt};
use comity_record::tree::{self, Hash, Tree};
use comity_record::{
    Checkpoint, Commitment, Digest, Fingerprint, Receipt, ReceiptState, SignedNote, Statement,
};
use serde_json::Value;

use super::{choice, chosen};
use crate::Target;
use crate::cast::{ARIA, BRUNO, Party};

pub(crate) const TARGET: Target = Target {
    name: "receipts",
    max_len: 16 * 1024,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let Some((how, rest)) = choice(data, 6) else {
        return;
    };
    match how {
        0 => {
            if let Ok(receipt) = Receipt::parse(rest)
                && let Some(statement) = check(&receipt)
            {
                assert!(is_ours(&statement), "a forged receipt");
            }
        }
        1 => signed(rest),
        2 => {
            if let Ok(statement) = Statement::parse(rest) {
                check_statement(&statement);
            }
        }
        3 => {
            if let Ok(text) = std::str::from_utf8(rest)
                && let Ok(note) = text.parse::<SignedNote>()
            {
                assert_eq!(note.as_str(), text);
                assert!(
                    note.verify(&BRUNO.vkey).is_err() || is_known(&note),
                    "a forged checkpoint"
                );
            }
        }
        4 => body(rest),
        _ => proofs(rest),
    }
}

/// Reads the receipt on; what is returned was proved under Bruno's key.
fn check(receipt: &Receipt) -> Option<Statement> {
    let octets = receipt.to_octets();
    if let Ok(again) = Receipt::parse(&octets) {
        assert_eq!(&again, receipt);
        assert_eq!(again.hash(), receipt.hash());
    } else {
        // A long one may have grown past the bound by being written anew.
        assert!(octets.len() > 100 * 1024);
    }
    let opened = receipt.open().ok()?;
    let statement = opened.statement_unverified().clone();
    check_statement(&statement);
    let head = opened
        .checkpoint_unverified()
        .checkpoint_unverified()
        .clone();
    assert_eq!(statement.log.origin, head.origin);
    assert!(statement.log.index < head.size);
    assert_eq!(opened.kid().did(), &statement.recipient);
    let verified = opened.verify(BRUNO.signs().public()).ok()?;
    assert_eq!(verified.statement, statement);
    Some(statement)
}

fn check_statement(statement: &Statement) {
    let again = Statement::parse(&statement.to_octets()).expect("what is written reads");
    assert_eq!(&again, statement);
    assert!(statement.at < 1 << 53);
}

/// The rest as payload of a receipt that Bruno truly signed.
fn signed(payload: &[u8]) {
    let protected = format!(
        r#"{{"typ":"comity-receipt+jws","alg":"EdDSA","kid":"{}"}}"#,
        BRUNO.kid("sign")
    );
    let input = SigningInput::new(protected.as_bytes(), payload);
    let signature = BRUNO.signs().sign(input.octets());
    let jws = input.into_compact(&signature);
    let wire = serde_json::json!({"jws": jws}).to_string();
    if let Ok(receipt) = Receipt::parse(wire.as_bytes())
        && receipt.open().is_ok()
    {
        let statement = check(&receipt).expect("truly signed");
        assert_eq!(statement.recipient, BRUNO.did);
    }
    // The same octets as one statement of two.
    let leaf = serde_json::from_slice::<Value>(payload).ok();
    let Some(leaf) = leaf.and_then(|value| Some(value.get("statement")?.to_string())) else {
        return;
    };
    let tree = Tree::of([leaf.as_bytes(), b"another"]);
    let note = note_of(&BRUNO);
    let payload = serde_json::json!({"v": 1, "root": comity_jose::base64url::encode(&tree.root()), "size": 2, "checkpoint": note});
    let input = SigningInput::new(protected.as_bytes(), payload.to_string().as_bytes());
    let signature = BRUNO.signs().sign(input.octets());
    let path = tree::inclusion(0, 2, &tree).expect("in the tree");
    let path: Vec<_> = path
        .iter()
        .map(|step| comity_jose::base64url::encode(step))
        .collect();
    for index in [0, 1, u64::MAX] {
        let wire = serde_json::json!({"jws": input.clone().into_compact(&signature), "index": index,
            "statement": comity_jose::base64url::encode(leaf.as_bytes()), "path": path});
        if let Ok(receipt) = Receipt::from_value(wire)
            && receipt.open().is_ok()
        {
            assert_eq!(index, 0);
            assert!(check(&receipt).is_some());
        }
    }
}

/// The rest as body of a note that Bruno's log truly signed.
fn body(data: &[u8]) {
    use std::fmt::Write as _;
    let Ok(body) = std::str::from_utf8(data) else {
        return;
    };
    let mut octets = BRUNO.vkey.id().to_vec();
    octets.extend_from_slice(&BRUNO.log_key.sign(data));
    let mut text = body.to_owned();
    let _ = write!(text, "\n\u{2014} {} {}\n", BRUNO.origin, standard(&octets));
    let Ok(note) = text.parse::<SignedNote>() else {
        return;
    };
    let head = note.checkpoint_unverified();
    assert!(body.starts_with(&head.body()));
    let verified = note.verify(&BRUNO.vkey);
    if head.origin == BRUNO.origin {
        assert_eq!(verified.expect("truly signed"), head);
    } else {
        assert_eq!(verified, Err(NoteError::OtherKey));
    }
}

/// base64 with padding, as signed notes have it.
fn standard(octets: &[u8]) -> String {
    let text = comity_jose::base64url::encode(octets)
        .replace('-', "+")
        .replace('_', "/");
    let padding = (4 - text.len() % 4) % 4;
    text + &"=".repeat(padding)
}

/// Any index, size and path: nothing but the leaves of a tree is in it.
fn proofs(data: &[u8]) {
    let Some((numbers, rest)) = data.split_first_chunk::<17>() else {
        return;
    };
    let index = u64::from_be_bytes(numbers[..8].try_into().expect("eight"));
    let size = u64::from_be_bytes(numbers[8..16].try_into().expect("eight"));
    let path: Vec<Hash> = rest
        .chunks_exact(32)
        .map(|step| step.try_into().expect("32"))
        .collect();
    let tree = Tree::of((0..numbers[16] % 20).map(|_| &b"leaf"[..]));
    let other = tree::leaf_hash(b"not in the tree");
    for (index, size) in [(index, size), (index % 40, tree.size())] {
        assert!(tree::verify_inclusion(&other, index, size, &path, &tree.root()).is_err());
        let _ = tree::root_from_inclusion(&other, index, size, &path);
        let root = tree.root();
        if index > 0 && tree::verify_consistency(index, &root, size, &other, &path).is_ok() {
            panic!("a tree that grew into a leaf of another");
        }
    }
    let leaf = tree::leaf_hash(b"leaf");
    for index in 0..tree.size() {
        let path = tree::inclusion(index, tree.size(), &tree).expect("in the tree");
        tree::verify_inclusion(&leaf, index, tree.size(), &path, &tree.root())
            .expect("in the tree");
    }
}

/// The checkpoint of a log of four entries.
pub(crate) fn note_of(party: &Party) -> SignedNote {
    let head = Checkpoint {
        origin: party.origin.clone(),
        size: 4,
        root: [7; 32],
    };
    let signature = party.log_key.sign(head.body().as_bytes());
    head.into_note(&party.vkey, &signature).expect("a note")
}

/// Whether the cast made this checkpoint.
pub(crate) fn is_known(note: &SignedNote) -> bool {
    [&*ARIA, &*BRUNO]
        .iter()
        .any(|party| note_of(party).checkpoint_unverified() == note.checkpoint_unverified())
}

fn is_ours(statement: &Statement) -> bool {
    statements().contains(statement)
}

fn statements() -> [Statement; 2] {
    [ReceiptState::Received, ReceiptState::Rejected].map(|state| Statement {
        message: Digest::of(b"message"),
        id: "8e1a".into(),
        sender: ARIA.did.clone(),
        recipient: BRUNO.did.clone(),
        state,
        code: state.is_terminal().then(|| "e.p.out-of-stock".into()),
        at: 1_795_404_928,
        by: if state.is_terminal() {
            By::Agent
        } else {
            By::Node
        },
        sender_kid: ARIA.kid("sign"),
        sender_key: Fingerprint::of(ARIA.signs().public()),
        sender_did_version: state.is_terminal().then(|| "Qm:1-Qm".into()),
        did_version: None,
        log: LoggedAt {
            origin: BRUNO.origin.clone(),
            index: 3,
            commitment: Commitment::new([9; 32]),
        },
    })
}

fn receipts() -> Vec<Receipt> {
    let [one, two] = statements();
    let note = note_of(&BRUNO);
    [vec![one.clone()], vec![one, two]]
        .into_iter()
        .flat_map(|statements| {
            let draft = Draft::new(&statements, &note, &BRUNO.kid("sign")).expect("in order");
            let signature = BRUNO.signs().sign(draft.signing_input().octets());
            draft.finish(&signature)
        })
        .collect()
}

fn seeds() -> Vec<Vec<u8>> {
    let mut out: Vec<_> = receipts()
        .iter()
        .map(|receipt| chosen(0, receipt.to_octets()))
        .collect();
    for statement in statements() {
        let said = statement.to_octets();
        out.push(chosen(2, &said));
        let said: Value = serde_json::from_slice(&said).unwrap_or_default();
        let payload = serde_json::json!({"v": 1, "statement": said, "checkpoint": note_of(&BRUNO)});
        out.push(chosen(1, payload.to_string()));
    }
    let note = note_of(&BRUNO);
    out.push(chosen(3, note.as_str()));
    out.push(chosen(4, note.checkpoint_unverified().body()));
    out.push(chosen(
        4,
        note.checkpoint_unverified().body() + "extension\n",
    ));
    out.push(chosen(
        5,
        [&[0; 7][..], &[3], &[0; 7], &[4], &[5], &[1; 96]].concat(),
    ));
    out.push(chosen(5, [&[255; 16][..], &[8], &[1; 64 * 32]].concat()));
    out
}

fn heavy() -> Vec<Vec<u8>> {
    let receipt: Value = serde_json::from_slice(&receipts()[1].to_octets()).unwrap_or_default();
    let mut long = receipt.clone();
    long["path"] = vec![receipt["path"][0].clone(); 2_000].into();
    let note = note_of(&BRUNO).to_string();
    let line = note.lines().last().unwrap_or_default().to_owned() + "\n";
    vec![
        chosen(0, long.to_string()),
        chosen(3, note.clone() + &line.repeat(200)),
        chosen(5, [&[255; 16][..], &[8], &[1; 1000 * 32]].concat()),
        chosen(
            4,
            note_of(&ARIA).checkpoint_unverified().body() + &"x\n".repeat(10_000),
        ),
    ]
}
