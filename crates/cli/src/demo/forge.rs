//! Forgeries, made as well as somebody could make them who owns everything but Aria's key.
//!
//! [`message`] is one message in her name. [`invented`] is a whole conversation: B's real keys,
//! taken from B's own home as B's operator could, and a made-up Aria with a document, a log and
//! receipts of her own. Everything in it fits together; only nobody outside it knows her key.

mod book;

use super::organisation::Organisation;
use super::surprise::Surprise;
use book::{Book, Hand};
use comity_did::{Did, DidDocument, Relationship};
use comity_jose::jwe::Enc;
use comity_jose::{Entropy, SigningKey, SystemEntropy, base64url};
use comity_node::custody::{MasterKey, NodeHeld};
use comity_record::{BundleBuilder, ReceiptState};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use std::sync::Arc;

/// A message as good as Aria's, but signed with a key of the forger; encrypted to Bruno.
pub(super) fn message(from: &str, to: &DidDocument, body: Value) -> Result<Forged, Surprise> {
    let expected = "a forged message";
    let from: Did = from.parse().map_err(Surprise::instead_of(expected))?;
    let kid = from
        .with_fragment("key-1")
        .map_err(Surprise::instead_of(expected))?;
    let id = base64url::encode(&random::<16>()).to_lowercase();
    let plaintext = plaintext(&id, &id, &from, to.id(), 1, body);
    let key = SigningKey::generate(&SystemEntropy);
    let signed = comity_didcomm::sign(&key, &kid, plaintext.to_string().as_bytes());
    let typ = comity_didcomm::media_type::ENCRYPTED;
    let envelope = comity_didcomm::anoncrypt(
        &SystemEntropy,
        to,
        Enc::A256CbcHs512,
        signed.as_bytes(),
        typ,
    );
    let envelope = envelope.map_err(Surprise::instead_of(expected))?;
    let key = key.public().fingerprint();
    Ok(Forged { id, key, envelope })
}

/// A forged message, ready to be posted.
#[derive(Clone, Debug)]
pub(super) struct Forged {
    pub(super) id: String,
    /// Fingerprint of the key that signed it.
    pub(super) key: String,
    pub(super) envelope: String,
}

/// A bundle in which B invented all of A: a question that Aria never asked, an answer, receipts of
/// both and both records. The octets of the file.
pub(super) async fn invented(a: &Organisation, b: &Organisation) -> Result<Vec<u8>, Surprise> {
    let expected = "a bundle that B made up";
    let mut aria = Book::open(a, Hand::Own(SigningKey::generate(&SystemEntropy)))?;
    let mut bruno = Book::open(b, Hand::Held(Box::new(real_keys(b)?), b.document().await?))?;
    let thid = base64url::encode(&random::<16>()).to_lowercase();

    let question = plaintext(&thid, &thid, &aria.did, &bruno.did, 1, json!({"rows": 3}));
    let question = aria.sign(question).await?;
    let asked = aria.record_out(&question)?;
    let taken = bruno.record_in(&aria, &question)?;
    let answer = plaintext(
        "answer",
        &thid,
        &bruno.did,
        &aria.did,
        1,
        json!({"debt": 1_000_000}),
    );
    let answer = bruno.sign(answer).await?;
    let answered = bruno.record_out(&answer)?;
    let got = aria.record_in(&bruno, &answer)?;
    let states = [ReceiptState::Received, ReceiptState::Done];
    let mut receipts = bruno.receipts(&aria, &question, taken, &states).await?;
    receipts.extend(aria.receipts(&bruno, &answer, got, &states).await?);

    let mut builder = BundleBuilder::new(thid, [aria.did.clone(), bruno.did.clone()]);
    for sent in [&question, &answer] {
        let added = builder.signed(sent.digest, sent.jws.as_bytes());
        added.map_err(Surprise::instead_of(expected))?;
    }
    for receipt in receipts {
        builder
            .receipt(receipt)
            .map_err(Surprise::instead_of(expected))?;
    }
    for (book, indexes) in [(&aria, [asked, got]), (&bruno, [taken, answered])] {
        builder.document(book.did.clone(), book.document.octets().to_vec(), now());
        for index in indexes {
            builder.entry(book.show(index)?, &book.note()?);
        }
    }
    let bundle = builder
        .build(now())
        .map_err(Surprise::because_of(expected))?;
    Ok(bundle.to_octets())
}

/// B's own keys, opened with B's own master key: what any operator can do with his node.
fn real_keys(b: &Organisation) -> Result<NodeHeld, Surprise> {
    let expected = "B's keys, opened by B";
    let database = b.database();
    let master = MasterKey::open(&b.home.join("master.key"), &database);
    let master = master.map_err(Surprise::instead_of(expected))?;
    let sealed =
        Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|open| {
            let sql = "SELECT sealed_keys FROM agent WHERE name = ?1";
            open.query_row(sql, [b.agent], |row| row.get::<_, Vec<u8>>(0))
        });
    let sealed = sealed.map_err(Surprise::instead_of(expected))?;
    let held = NodeHeld::new(master, Arc::new(SystemEntropy));
    let did: Did = b.did().parse().map_err(Surprise::instead_of(expected))?;
    held.unseal(&did, &sealed)
        .map_err(Surprise::instead_of(expected))?;
    Ok(held)
}

/// The signing key that a document names.
fn signing_key(document: &DidDocument) -> Option<comity_jose::PublicKey> {
    let mut keys = document.keys(Relationship::Authentication);
    keys.next().map(|(_, key)| key.clone())
}

fn plaintext(id: &str, thid: &str, from: &Did, to: &Did, order: u64, body: Value) -> Value {
    json!({
        "id": id, "typ": "application/didcomm-plain+json", "type": TYPE, "from": from,
        "to": [to], "thid": thid, "created_time": now(), "expires_time": now() + 3_600,
        "sender_order": order, "salt": base64url::encode(&random::<16>()), "body": body,
    })
}

fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    SystemEntropy.fill(&mut octets);
    octets
}

fn now() -> u64 {
    crate::show::time::now()
}

/// What the forged messages pretend to be.
const TYPE: &str = "https://example.org/market-analysis/1.0/request";
