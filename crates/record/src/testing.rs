//! Two small nodes for the tests of this crate: real keys, real logs, no transport. Keys are
//! throw-away and derived from one octet.

use comity_did::{Did, DidDocument, DidUrl, DocumentBuilder};
use comity_jose::{AgreementKey, Curve, SigningKey, base64url, jws::SigningInput};
use serde_json::{Value, json};

use crate::{
    bundle::{Bundle, BundleBuilder, ShownEntry},
    checkpoint::{Checkpoint, LogOrigin, SignedNote, Vkey},
    digest::{Digest, message_digest_signed},
    entry::{
        AgentChanged, Entry, Event, LogStarted, MessageFacts, MessageIn, MessageOut, Proof,
        ReceiptIn, Record, Settled,
    },
    receipt::{By, Draft, LoggedAt, Receipt, ReceiptState, Statement},
    text::Fingerprint,
    tree::{self, Tree},
    verify::Anchor,
};

pub(crate) const THREAD: &str = "9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0001";
pub(crate) const TYPE: &str = "https://example.org/market-analysis/1.0/request";

/// A node with one agent and one log.
pub(crate) struct Node {
    pub(crate) did: Did,
    pub(crate) signing: SigningKey,
    pub(crate) document: DidDocument,
    pub(crate) origin: LogOrigin,
    pub(crate) vkey: Vkey,
    log_key: SigningKey,
    entries: Vec<Entry>,
    tree: Tree,
}

/// A message as it was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) digest: Digest,
    pub(crate) jws: String,
    pub(crate) plaintext: Value,
}

pub(crate) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_secret(Curve::Ed25519, &[seed; 32]).unwrap()
}

impl Node {
    pub(crate) fn new(host: &str, agent: &str, seed: u8) -> Self {
        let did: Did = format!("did:web:{host}:{agent}").parse().unwrap();
        let signing = signing_key(seed);
        let log_key = signing_key(seed + 100);
        let agreement = AgreementKey::from_secret(Curve::X25519, &[seed; 32]).unwrap();
        let origin = LogOrigin::new(host, [seed; 4]).unwrap();
        let vkey = Vkey::log(origin.clone(), log_key.public().clone()).unwrap();
        let document = DocumentBuilder::new(did.clone(), signing.public(), agreement.public())
            .didcomm(&format!("https://{host}/didcomm"))
            .log(
                &format!("https://{host}/comity/log"),
                origin.as_str(),
                &vkey.to_string(),
            )
            .build()
            .unwrap();
        let entries = Vec::new();
        let tree = Tree::default();
        let mut node = Self {
            did,
            signing,
            document,
            origin,
            vkey,
            log_key,
            entries,
            tree,
        };
        let (node_name, previous, reason) = (host.to_owned(), String::new(), "first".to_owned());
        node.record(
            1,
            Event::Start(LogStarted {
                node: node_name,
                previous,
                reason,
            }),
        );
        let agent = AgentChanged {
            did: node.did.clone(),
            document: Some(Digest::new(node.document.hash())),
            did_version: None,
        };
        node.record(2, Event::Agent(agent));
        node
    }

    pub(crate) fn kid(&self) -> DidUrl {
        self.did.with_fragment("key-1").unwrap()
    }

    pub(crate) fn anchor(&self) -> Anchor {
        Anchor::key(self.did.clone(), self.signing.public())
    }

    pub(crate) fn record(&mut self, at: u64, event: Event) -> u64 {
        let index = self.tree.size();
        let r = [u8::try_from(index).unwrap(); 32];
        let entry = Entry::new(&Record { at, event }, r).unwrap();
        self.tree.append(entry.leaf().hash());
        self.entries.push(entry);
        index
    }

    pub(crate) fn entry(&self, index: u64) -> &Entry {
        &self.entries[usize::try_from(index).unwrap()]
    }

    pub(crate) const fn entry_count(&self) -> u64 {
        self.tree.size()
    }

    /// The log's checkpoint now.
    pub(crate) fn note(&self) -> SignedNote {
        self.note_of(self.tree.size(), self.tree.root())
    }

    pub(crate) fn note_at(&self, size: u64) -> SignedNote {
        self.note_of(size, tree::root(size, &self.tree).unwrap())
    }

    pub(crate) fn note_of(&self, size: u64, root: [u8; 32]) -> SignedNote {
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size,
            root,
        };
        let signature = self.log_key.sign(checkpoint.body().as_bytes());
        checkpoint.into_note(&self.vkey, &signature).unwrap()
    }

    pub(crate) fn show(&self, index: u64, size: u64) -> ShownEntry {
        let path = tree::inclusion(index, size, &self.tree).unwrap();
        ShownEntry::open(self.origin.clone(), index, size, self.entry(index), path)
    }

    pub(crate) fn message(&self, to: &Self, id: &str, order: u64, causes: &[Digest]) -> Sent {
        let mut plaintext = json!({
            "id": id, "type": TYPE, "from": self.did, "to": [to.did], "thid": THREAD,
            "created_time": 1_795_404_926, "expires_time": 1_795_664_126, "sender_order": order,
            "salt": base64url::encode(&[7; 16]), "body": {"rows": 3},
        });
        if !causes.is_empty() {
            plaintext["causes"] = json!(causes);
        }
        self.sign(plaintext)
    }

    pub(crate) fn sign(&self, plaintext: Value) -> Sent {
        let protected = br#"{"typ":"application/didcomm-signed+json","alg":"EdDSA"}"#;
        self.sign_as(protected, plaintext)
    }

    pub(crate) fn sign_as(&self, protected: &[u8], plaintext: Value) -> Sent {
        let input = SigningInput::new(protected, plaintext.to_string().as_bytes());
        let digest = message_digest_signed(input.protected_b64(), input.payload_b64());
        let signature = self.signing.sign(input.octets());
        Sent {
            digest,
            jws: input.into_general(self.kid().as_str(), &signature),
            plaintext,
        }
    }

    pub(crate) fn record_out(&mut self, sent: &Sent) -> u64 {
        self.record(
            1_795_404_926,
            Event::MessageOut(MessageOut {
                facts: sent.facts(),
            }),
        )
    }

    pub(crate) fn record_in(&mut self, from: &Self, sent: &Sent) -> u64 {
        let accepted = MessageIn {
            facts: sent.facts(),
            kid: from.kid(),
            key: Fingerprint::of(from.signing.public()),
            document: Some(Digest::new(from.document.hash())),
            did_version: None,
            proof: Proof::Anyone,
        };
        self.record(1_795_404_927, Event::MessageIn(accepted))
    }

    /// States, signs and gives receipts for entries of this node's log.
    pub(crate) fn receipts(
        &self,
        from: &Self,
        said: &[(&Sent, u64, ReceiptState)],
    ) -> Vec<Receipt> {
        let statements: Vec<_> = said
            .iter()
            .map(|(sent, index, state)| self.statement(from, sent, *index, *state))
            .collect();
        self.receipts_of(&statements)
    }

    pub(crate) fn statement(
        &self,
        from: &Self,
        sent: &Sent,
        index: u64,
        state: ReceiptState,
    ) -> Statement {
        Statement {
            message: sent.digest,
            id: sent.plaintext["id"].as_str().unwrap().to_owned(),
            sender: from.did.clone(),
            recipient: self.did.clone(),
            state,
            code: None,
            at: 1_795_404_928 + u64::from(state.is_terminal()),
            by: if state.is_terminal() {
                By::Agent
            } else {
                By::Node
            },
            sender_kid: from.kid(),
            sender_key: Fingerprint::of(from.signing.public()),
            sender_did_version: None,
            did_version: None,
            log: LoggedAt {
                origin: self.origin.clone(),
                index,
                commitment: self.entry(index).commitment(),
            },
        }
    }

    pub(crate) fn receipts_of(&self, statements: &[Statement]) -> Vec<Receipt> {
        let draft = Draft::new(statements, &self.note(), &self.kid()).unwrap();
        let signature = self.signing.sign(draft.signing_input().octets());
        draft.finish(&signature)
    }

    pub(crate) fn record_receipt(&mut self, receipt: &Receipt) -> u64 {
        let opened = receipt.open().unwrap();
        let statement = opened.statement_unverified();
        let event = ReceiptIn {
            message: statement.message,
            state: statement.state,
            receipt: receipt.hash(),
        };
        self.record(1_795_404_930, Event::ReceiptIn(event))
    }

    pub(crate) fn record_settled(&mut self, sent: &Sent, replies: &[Digest]) -> u64 {
        let settled = Settled {
            message: sent.digest,
            state: ReceiptState::Done,
            code: None,
            by: By::Agent,
            attempt: 1,
            replies: replies.to_vec(),
        };
        self.record(1_795_404_929, Event::Settled(settled))
    }
}

impl Sent {
    pub(crate) fn facts(&self) -> MessageFacts {
        let plain = &self.plaintext;
        let text = |member: &str| plain[member].as_str().unwrap().to_owned();
        let causes = plain.get("causes").cloned().unwrap_or_else(|| json!([]));
        MessageFacts {
            message: self.digest,
            id: text("id"),
            to: serde_json::from_value(plain["to"][0].clone()).unwrap(),
            from: text("from").parse().unwrap(),
            type_: text("type"),
            thid: text("thid"),
            sender_order: plain["sender_order"].as_u64(),
            grant: Some(Digest::new([2; 32])),
            bytes: self.jws.len() as u64,
            causes: serde_json::from_value(causes).unwrap(),
            by: None,
        }
    }
}

/// What Aria and Bruno did: a request, its answer, receipts of both, both records.
pub(crate) struct Story {
    pub(crate) a: Node,
    pub(crate) b: Node,
    pub(crate) request: Sent,
    pub(crate) response: Sent,
    pub(crate) receipts: Vec<Receipt>,
    /// Indexes of message-out, receipt-in, message-in at A.
    pub(crate) at_a: Vec<u64>,
    /// Indexes of message-in, settled, message-out at B.
    pub(crate) at_b: Vec<u64>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::between(
            Node::new("agents.org-a.test", "aria", 1),
            Node::new("agents.org-b.test", "bruno", 2),
        )
    }

    pub(crate) fn between(mut a: Node, mut b: Node) -> Self {
        let request = a.message(&b, THREAD, 1, &[]);
        let out = a.record_out(&request);
        let accepted = b.record_in(&a, &request);
        let received = b.receipts(&a, &[(&request, accepted, ReceiptState::Received)]);
        let receipt_in = a.record_receipt(&received[0]);

        let response = b.message(&a, "2b1f", 1, &[request.digest]);
        let answered = b.record_settled(&request, &[response.digest]);
        let answer_out = b.record_out(&response);
        let answer_in = a.record_in(&b, &response);
        let done = b.receipts(&a, &[(&request, accepted, ReceiptState::Done)]);
        let both = [
            (&response, answer_in, ReceiptState::Received),
            (&response, answer_in, ReceiptState::Done),
        ];
        let of_response = a.receipts(&b, &both);
        let receipts = [received, done, of_response].concat();
        let (at_a, at_b) = (
            vec![out, receipt_in, answer_in],
            vec![accepted, answered, answer_out],
        );
        Self {
            a,
            b,
            request,
            response,
            receipts,
            at_a,
            at_b,
        }
    }

    pub(crate) fn builder(&self) -> BundleBuilder {
        let between = [self.a.did.clone(), self.b.did.clone()];
        let mut builder = BundleBuilder::new(THREAD, between);
        for node in [&self.a, &self.b] {
            builder.document(
                node.did.clone(),
                node.document.octets().to_vec(),
                1_795_400_000,
            );
        }
        builder
    }

    pub(crate) fn full_builder(&self) -> BundleBuilder {
        let mut builder = self.builder();
        for sent in [&self.request, &self.response] {
            builder.signed(sent.digest, sent.jws.as_bytes()).unwrap();
        }
        for receipt in &self.receipts {
            builder.receipt(receipt.clone()).unwrap();
        }
        for (node, indexes) in [(&self.a, &self.at_a), (&self.b, &self.at_b)] {
            for index in indexes {
                let size = builder.vouched_size(&node.origin, *index).unwrap();
                builder.entry(node.show(*index, size), &node.note_at(size));
            }
        }
        builder
    }

    /// Everything that both sides hold.
    pub(crate) fn bundle(&self) -> Bundle {
        self.full_builder().build(1_795_500_000).unwrap()
    }

    pub(crate) fn anchors(&self) -> [Anchor; 2] {
        [self.a.anchor(), self.b.anchor()]
    }
}
