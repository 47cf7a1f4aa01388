//! Evidence bundles and the offline verifier, with reconciling and tracing behind it.

use std::collections::HashSet;
use std::sync::LazyLock;

use comity_jose::jws::SigningInput;
use comity_record::bundle::{Content, ShownEntry};
use comity_record::entry::{
    AgentChanged, Entry, LogStarted, MessageFacts, MessageIn, MessageOut, Proof,
};
use comity_record::receipt::{By, Draft, LoggedAt};
use comity_record::tree::{self, Tree};
use comity_record::{
    Anchor, Bundle, BundleBuilder, Checkpoint, Digest, Event, Fingerprint, Receipt, ReceiptState,
    Record, Side, SignedNote, Statement, Verdict, message_digest_signed, reconcile, trace, verify,
};
use serde_json::{Value, json};

use super::{choice, chosen};
use crate::Target;
use crate::cast::{ARIA, BRUNO, Party};

pub(crate) const TARGET: Target = Target {
    name: "bundle",
    max_len: 32 * 1024,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let Some((how, rest)) = choice(data, 2) else {
        return;
    };
    match how {
        0 => check(rest),
        _ => check(altered(rest).to_string().as_bytes()),
    }
}

fn check(octets: &[u8]) {
    let anchors = anchors();
    let without = verify(octets, &[]);
    let with = verify(octets, &anchors);
    for report in [&without, &with] {
        shown(&report.to_string());
        shown(&report.verbose().to_string());
        serde_json::to_vec(report).expect("a report prints");
        assert_eq!(
            report.first_failure().is_some(),
            report.verdict == Verdict::Broken
        );
    }
    let Ok(bundle) = Bundle::parse(octets) else {
        assert_eq!(with.verdict, Verdict::Broken);
        return;
    };
    let written = bundle.to_octets();
    let again = Bundle::parse(&written).expect("what is written reads");
    assert_eq!(again.to_octets(), written);
    // Nobody but the cast can sign as the cast, and nobody is anchored without an anchor.
    let certified = |did: &comity_did::Did| matches!(did.method(), "key" | "peer" | "jwk");
    if without.verdict == Verdict::Proved {
        assert!(
            bundle.thread.between.iter().all(certified),
            "proved without an anchor"
        );
    }
    if with.verdict == Verdict::Proved && !bundle.thread.between.iter().any(certified) {
        for message in &bundle.messages {
            assert!(
                SIGNED.contains(&message.digest),
                "proved what nobody signed"
            );
            assert!(!matches!(message.content, Content::Plaintext(_)));
        }
    }
    // What else is done with a bundle that a peer sent.
    let side = Side::of_bundle(&bundle);
    let own = Side::of_bundle(&HONEST);
    for (a, b) in [(&side, &own), (&own, &side), (&side, &side)] {
        serde_json::to_vec(&reconcile(a, b)).expect("prints");
    }
    let traced = trace(trace::messages_of(&bundle), None);
    shown(&traced.to_string());
    for message in bundle.messages.iter().take(2) {
        trace(trace::messages_of(&bundle), Some(&message.digest));
    }
}

/// What people read has no character that they do not see.
fn shown(text: &str) {
    let unseen = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    assert!(!text.contains(unseen), "an unseen character is shown");
}

/// The honest bundle with changes: each takes two octets for the place and one for the change.
fn altered(changes: &[u8]) -> Value {
    let mut bundle: Value = serde_json::from_slice(&HONEST.to_octets()).expect("json");
    for change in changes.chunks(5) {
        let [a, b, kind, c, d] = *change else { break };
        let mut places = Vec::new();
        pointers(&bundle, String::new(), &mut places);
        let place = &places[usize::from(u16::from_be_bytes([a, b])) % places.len()];
        let other = &places[usize::from(u16::from_be_bytes([c, d])) % places.len()];
        let other = bundle.pointer(other).cloned().unwrap_or_default();
        let Some(value) = bundle.pointer_mut(place) else {
            continue;
        };
        match kind % 9 {
            0 => *value = other,
            1 => *value = Value::Null,
            2 => *value = json!(u64::from(u16::from_be_bytes([c, d]))),
            3 => *value = json!(u64::MAX >> (c % 64)),
            4 => {
                if let Value::Array(values) = value {
                    values.push(other);
                }
            }
            5 => {
                if let Value::Array(values) = value {
                    values.reverse();
                    values.pop();
                }
            }
            6 => {
                if let Value::String(text) = value {
                    let at = usize::from(c) % (text.len() + 1);
                    if text.is_char_boundary(at) {
                        text.insert(at, char::from(d));
                    }
                }
            }
            7 => {
                if let Value::Object(members) = value {
                    let name = members
                        .keys()
                        .nth(usize::from(c) % members.len().max(1))
                        .cloned();
                    name.and_then(|name| members.remove(&name));
                }
            }
            _ => {
                if let Value::Object(members) = value {
                    members.insert("must".into(), json!(["v", char::from(d)]));
                }
            }
        }
    }
    bundle
}

fn pointers(value: &Value, at: String, out: &mut Vec<String>) {
    match value {
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate() {
                pointers(value, format!("{at}/{n}"), out);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                pointers(value, format!("{at}/{name}"), out);
            }
        }
        _ => {}
    }
    out.push(at);
}

fn anchors() -> [Anchor; 3] {
    [
        Anchor::key(ARIA.did.clone(), ARIA.signs().public()),
        Anchor::key(BRUNO.did.clone(), BRUNO.signs().public()),
        Anchor::Vkey(BRUNO.vkey.clone()),
    ]
}

const THREAD: &str = "9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0001";
const TYPE: &str = "https://example.org/market-analysis/1.0/request";

/// What the cast signed.
static SIGNED: LazyLock<HashSet<Digest>> = LazyLock::new(|| {
    HONEST
        .messages
        .iter()
        .map(|message| message.digest)
        .collect()
});

/// A question, its answer, receipts of both, both records.
static HONEST: LazyLock<Bundle> = LazyLock::new(|| {
    let (mut a, mut b) = (Book::new(&ARIA), Book::new(&BRUNO));
    let request = a.message(&b, THREAD, &[]);
    let out = a.write(Event::MessageOut(MessageOut {
        facts: request.facts(),
    }));
    let accepted = b.accept(&a, &request);
    let received = b.receipt(&a, &request, accepted, ReceiptState::Received);
    let response = b.message(&a, "2b1f", &[request.digest]);
    let answered = a.accept(&b, &response);
    let done = a.receipt(&b, &response, answered, ReceiptState::Done);

    let mut builder = BundleBuilder::new(THREAD, [ARIA.did.clone(), BRUNO.did.clone()]);
    for book in [&a, &b] {
        let document = book.party.document.octets().to_vec();
        builder.document(book.party.did.clone(), document, 1_795_400_000);
    }
    for sent in [&request, &response] {
        builder
            .signed(sent.digest, sent.jws.as_bytes())
            .expect("json");
    }
    for receipt in [received, done] {
        builder.receipt(receipt).expect("a receipt");
    }
    for (book, index) in [(&a, out), (&b, accepted), (&a, answered)] {
        let size = builder
            .vouched_size(&book.party.origin, index)
            .expect("vouched for");
        builder.entry(book.show(index, size), &book.note(size));
    }
    builder.build_as_it_is(1_795_500_000)
});

/// A party's record.
struct Book {
    party: &'static Party,
    entries: Vec<Entry>,
    tree: Tree,
}

struct Sent {
    digest: Digest,
    jws: String,
    plaintext: Value,
}

impl Book {
    fn new(party: &'static Party) -> Self {
        let mut book = Self {
            party,
            entries: Vec::new(),
            tree: Tree::default(),
        };
        book.write(Event::Start(LogStarted {
            node: party.origin.authority().unwrap_or_default().into(),
            previous: String::new(),
            reason: "first".into(),
        }));
        book.write(Event::Agent(AgentChanged {
            did: party.did.clone(),
            document: Some(Digest::new(party.document.hash())),
            did_version: None,
        }));
        book
    }

    fn write(&mut self, event: Event) -> u64 {
        let index = self.tree.size();
        let r = [u8::try_from(index).unwrap_or(0); 32];
        let entry = Entry::new(
            &Record {
                at: 1_795_404_926,
                event,
            },
            r,
        )
        .expect("a record");
        self.tree.append(entry.leaf().hash());
        self.entries.push(entry);
        index
    }

    fn entry(&self, index: u64) -> &Entry {
        &self.entries[usize::try_from(index).unwrap_or(0)]
    }

    fn message(&self, to: &Self, id: &str, causes: &[Digest]) -> Sent {
        let plaintext = json!({
            "id": id, "type": TYPE, "from": self.party.did, "to": [to.party.did], "thid": THREAD,
            "created_time": 1_795_404_926, "expires_time": 1_795_664_126, "sender_order": 1,
            "salt": "BwcHBwcHBwcHBwcHBwcHBw", "causes": causes, "body": {"rows": 3},
        });
        let protected = br#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#;
        let input = SigningInput::new(protected, plaintext.to_string().as_bytes());
        let digest = message_digest_signed(input.protected_b64(), input.payload_b64());
        let signature = self.party.signs().sign(input.octets());
        let jws = input.into_general(self.party.kid("sign").as_str(), &signature);
        Sent {
            digest,
            jws,
            plaintext,
        }
    }

    fn accept(&mut self, from: &Self, sent: &Sent) -> u64 {
        self.write(Event::MessageIn(MessageIn {
            facts: sent.facts(),
            kid: from.party.kid("sign"),
            key: Fingerprint::of(from.party.signs().public()),
            document: Some(Digest::new(from.party.document.hash())),
            did_version: None,
            proof: Proof::Anyone,
        }))
    }

    fn receipt(&self, from: &Self, sent: &Sent, index: u64, state: ReceiptState) -> Receipt {
        let statement = Statement {
            message: sent.digest,
            id: sent.facts().id,
            sender: from.party.did.clone(),
            recipient: self.party.did.clone(),
            state,
            code: None,
            at: 1_795_404_928,
            by: By::Node,
            sender_kid: from.party.kid("sign"),
            sender_key: Fingerprint::of(from.party.signs().public()),
            sender_did_version: None,
            did_version: None,
            log: LoggedAt {
                origin: self.party.origin.clone(),
                index,
                commitment: self.entry(index).commitment(),
            },
        };
        let note = self.note(self.tree.size());
        let draft = Draft::new(&[statement], &note, &self.party.kid("sign")).expect("in order");
        let signature = self.party.signs().sign(draft.signing_input().octets());
        draft.finish(&signature).remove(0)
    }

    fn note(&self, size: u64) -> SignedNote {
        let head = Checkpoint {
            origin: self.party.origin.clone(),
            size,
            root: tree::root(size, &self.tree).expect("a size it had"),
        };
        let signature = self.party.log_key.sign(head.body().as_bytes());
        head.into_note(&self.party.vkey, &signature)
            .expect("a note")
    }

    fn show(&self, index: u64, size: u64) -> ShownEntry {
        let path = tree::inclusion(index, size, &self.tree).expect("in the tree");
        ShownEntry::open(
            self.party.origin.clone(),
            index,
            size,
            self.entry(index),
            path,
        )
    }
}

impl Sent {
    fn facts(&self) -> MessageFacts {
        let text = |name: &str| self.plaintext[name].as_str().unwrap_or_default().to_owned();
        MessageFacts {
            message: self.digest,
            id: text("id"),
            to: serde_json::from_value(self.plaintext["to"][0].clone()).expect("a DID"),
            from: text("from").parse().expect("a DID"),
            type_: text("type"),
            thid: text("thid"),
            sender_order: Some(1),
            grant: Some(Digest::new([2; 32])),
            bytes: self.jws.len() as u64,
            causes: serde_json::from_value(self.plaintext["causes"].clone()).expect("digests"),
            by: None,
        }
    }
}

/// Of a few entries that say anything: how they are reconciled, traced and shown does not rest on
/// signatures.
fn invented(records: impl Iterator<Item = (u64, Event)>) -> Value {
    let entries: Vec<Value> = records
        .map(|(index, event)| {
            let entry = Entry::new(&Record { at: 1, event }, [1; 32]).expect("a record");
            let (r, octets) = (comity_jose::base64url::encode(entry.r()), comity_jose::base64url::encode(entry.octets()));
            json!({"origin": ARIA.origin, "index": index, "size": 100_000, "leaf": entry.leaf().text(), "r": r, "record": octets, "path": []})
        })
        .collect();
    json!({"v": 1, "made_at": 1, "thread": {"thid": THREAD, "between": [ARIA.did, BRUNO.did]},
        "messages": [], "receipts": [], "entries": entries, "checkpoints": [], "documents": []})
}

fn said(n: u64, order: u64, causes: Vec<Digest>) -> Event {
    let digest = |n: u64| Digest::of(&n.to_be_bytes());
    Event::MessageOut(MessageOut {
        facts: MessageFacts {
            message: digest(n),
            id: n.to_string(),
            to: BRUNO.did.clone(),
            from: ARIA.did.clone(),
            type_: TYPE.into(),
            thid: THREAD.into(),
            sender_order: Some(order),
            grant: None,
            bytes: 1,
            causes,
            by: None,
        },
    })
}

fn seeds() -> Vec<Vec<u8>> {
    assert_ne!(
        verify(&HONEST.to_octets(), &anchors()).verdict,
        Verdict::Broken
    );
    let far = [
        (0, said(0, 1, vec![])),
        (
            1,
            said(1, (1 << 53) - 1, vec![Digest::of(&0_u64.to_be_bytes())]),
        ),
    ];
    vec![
        chosen(0, HONEST.to_octets()),
        chosen(0, invented(far.into_iter()).to_string()),
        chosen(1, []),
        chosen(1, [0, 9, 2, 0, 1]),
        chosen(1, [0, 30, 0, 0, 60, 0, 10, 4, 0, 12]),
        chosen(1, [0, 100, 6, 3, 65, 0, 2, 5, 0, 0]),
        chosen(1, [0, 40, 3, 3, 0, 0, 41, 7, 1, 0, 0, 12, 8, 0, 66]),
    ]
}

fn heavy() -> Vec<Vec<u8>> {
    let digest = |n: u64| Digest::of(&n.to_be_bytes());
    let chain = (0..20_000).map(|n| (n, said(n, n + 1, vec![digest(n + 1)])));
    let sparse = (0..2_000).map(|n| (n, said(n, n << 42, vec![])));
    let all: Vec<_> = (0..64).map(digest).collect();
    let dense = (0..3_000).map(|n| (n, said(n, 1, all.clone())));
    let mut documents: Value = serde_json::from_slice(&HONEST.to_octets()).unwrap_or_default();
    documents["documents"] = vec![documents["documents"][0].clone(); 64].into();
    documents["checkpoints"] = vec![documents["checkpoints"][0].clone(); 2_000].into();
    let mut repeated: Value = serde_json::from_slice(&HONEST.to_octets()).unwrap_or_default();
    for name in ["messages", "receipts", "entries"] {
        repeated[name] = vec![repeated[name][0].clone(); 1_000].into();
    }
    let withheld: Vec<_> = (0..20_000)
        .map(|n| json!({"digest": digest(n), "withheld": true}))
        .collect();
    let mut many: Value = serde_json::from_slice(&HONEST.to_octets()).unwrap_or_default();
    many["messages"] = withheld.into();
    vec![
        chosen(0, invented(chain).to_string()),
        chosen(0, invented(sparse).to_string()),
        chosen(0, invented(dense).to_string()),
        chosen(0, documents.to_string()),
        chosen(0, repeated.to_string()),
        chosen(0, many.to_string()),
    ]
}
