//! A made-up side of a conversation: a document, a log and what stands in it.

use super::{now, random, signing_key};
use crate::demo::organisation::Organisation;
use crate::demo::surprise::Surprise;
use comity_did::{Did, DidDocument, DidUrl, DocumentBuilder};
use comity_jose::{AgreementKey, PublicKey, SigningKey, SystemEntropy};
use comity_node::custody::{NodeHeld, Signer};
use comity_record::bundle::ShownEntry;
use comity_record::entry::{LogStarted, MessageFacts, MessageIn, MessageOut, Proof};
use comity_record::receipt::{By, Draft, LoggedAt};
use comity_record::tree::{self, Tree};
use comity_record::{
    Checkpoint, Digest, Entry, Event, Fingerprint, LogOrigin, Receipt, ReceiptState, Record,
    SignedNote, Statement, Vkey,
};
use serde_json::Value;
use std::fmt::Display;

/// Who signs for a side.
#[derive(Debug)]
pub(super) enum Hand {
    /// The forger's own key.
    Own(SigningKey),
    /// The side's real keys, and the document that names them.
    Held(Box<NodeHeld>, DidDocument),
}

/// A side.
#[derive(Debug)]
pub(super) struct Book {
    pub(super) did: Did,
    pub(super) document: DidDocument,
    kid: DidUrl,
    public: PublicKey,
    hand: Hand,
    origin: LogOrigin,
    vkey: Vkey,
    log_key: SigningKey,
    entries: Vec<Entry>,
    tree: Tree,
}

/// A message of a made-up conversation.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) digest: Digest,
    pub(super) jws: String,
    plaintext: Value,
}

impl Book {
    pub(super) fn open(of: &Organisation, hand: Hand) -> Result<Self, Surprise> {
        let did: Did = of.did().parse().map_err(made_up)?;
        let public = match &hand {
            Hand::Own(key) => key.public().clone(),
            Hand::Held(_, document) => {
                signing_key(document).ok_or_else(|| made_up("a document without a key"))?
            }
        };
        let log_key = SigningKey::generate(&SystemEntropy);
        let origin = LogOrigin::new(of.host, random::<4>()).map_err(made_up)?;
        let vkey = Vkey::log(origin.clone(), log_key.public().clone()).map_err(made_up)?;
        let agreement = AgreementKey::generate(&SystemEntropy);
        let log = format!("https://{}/comity/log", of.host);
        let document = DocumentBuilder::new(did.clone(), &public, agreement.public())
            .didcomm(&format!("https://{}/didcomm", of.host))
            .log(&log, origin.as_str(), &vkey.to_string())
            .build()
            .map_err(made_up)?;
        let mut book = Self {
            kid: did.with_fragment("key-1").map_err(made_up)?,
            did,
            document,
            public,
            hand,
            origin,
            vkey,
            log_key,
            entries: Vec::new(),
            tree: Tree::default(),
        };
        book.record(Event::Start(LogStarted {
            node: of.host.to_owned(),
            previous: String::new(),
            reason: "first".to_owned(),
        }))?;
        Ok(book)
    }

    pub(super) async fn sign(&self, plaintext: Value) -> Result<Sent, Surprise> {
        let input = comity_didcomm::signing_input(plaintext.to_string().as_bytes());
        let digest =
            comity_record::message_digest_signed(input.protected_b64(), input.payload_b64());
        let signature = self.signature(input.octets()).await?;
        let jws = input.into_general(self.kid.as_str(), &signature);
        Ok(Sent {
            digest,
            jws,
            plaintext,
        })
    }

    pub(super) fn record_out(&mut self, sent: &Sent) -> Result<u64, Surprise> {
        let facts = sent.facts()?;
        self.record(Event::MessageOut(MessageOut { facts }))
    }

    pub(super) fn record_in(&mut self, from: &Self, sent: &Sent) -> Result<u64, Surprise> {
        self.record(Event::MessageIn(MessageIn {
            facts: sent.facts()?,
            kid: from.kid.clone(),
            key: Fingerprint::of(&from.public),
            document: Some(Digest::new(from.document.hash())),
            did_version: None,
            proof: Proof::Anyone,
        }))
    }

    /// States, signed by this side, for a message that stands at `index` of its log.
    pub(super) async fn receipts(
        &self,
        from: &Self,
        sent: &Sent,
        index: u64,
        states: &[ReceiptState],
    ) -> Result<Vec<Receipt>, Surprise> {
        let statement = |state: &ReceiptState| -> Result<Statement, Surprise> {
            Ok(Statement {
                message: sent.digest,
                id: sent.text("id"),
                sender: from.did.clone(),
                recipient: self.did.clone(),
                state: *state,
                code: None,
                at: now(),
                by: if state.is_terminal() {
                    By::Agent
                } else {
                    By::Node
                },
                sender_kid: from.kid.clone(),
                sender_key: Fingerprint::of(&from.public),
                sender_did_version: None,
                did_version: None,
                log: LoggedAt {
                    origin: self.origin.clone(),
                    index,
                    commitment: self.entry(index)?.commitment(),
                },
            })
        };
        let statements: Result<Vec<_>, _> = states.iter().map(statement).collect();
        let draft = Draft::new(&statements?, &self.note()?, &self.kid).map_err(made_up)?;
        let signature = self.signature(draft.signing_input().octets()).await?;
        Ok(draft.finish(&signature))
    }

    /// The log's checkpoint now.
    pub(super) fn note(&self) -> Result<SignedNote, Surprise> {
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: self.tree.size(),
            root: self.tree.root(),
        };
        let signature = self.log_key.sign(checkpoint.body().as_bytes());
        checkpoint
            .into_note(&self.vkey, &signature)
            .map_err(made_up)
    }

    pub(super) fn show(&self, index: u64) -> Result<ShownEntry, Surprise> {
        let size = self.tree.size();
        let path = tree::inclusion(index, size, &self.tree).map_err(made_up)?;
        let entry = self.entry(index)?;
        Ok(ShownEntry::open(
            self.origin.clone(),
            index,
            size,
            entry,
            path,
        ))
    }

    fn record(&mut self, event: Event) -> Result<u64, Surprise> {
        let index = self.tree.size();
        let record = Record { at: now(), event };
        let entry = Entry::seal(&record, &SystemEntropy).map_err(made_up)?;
        self.tree.append(entry.leaf().hash());
        self.entries.push(entry);
        Ok(index)
    }

    fn entry(&self, index: u64) -> Result<&Entry, Surprise> {
        let entry = usize::try_from(index)
            .ok()
            .and_then(|index| self.entries.get(index));
        entry.ok_or_else(|| made_up("an entry that is not there"))
    }

    async fn signature(&self, octets: &[u8]) -> Result<Vec<u8>, Surprise> {
        match &self.hand {
            Hand::Own(key) => Ok(key.sign(octets)),
            Hand::Held(keys, _) => keys.sign(&self.kid, octets).await.map_err(made_up),
        }
    }
}

impl Sent {
    fn facts(&self) -> Result<MessageFacts, Surprise> {
        Ok(MessageFacts {
            message: self.digest,
            id: self.text("id"),
            to: self.plaintext["to"][0]
                .as_str()
                .unwrap_or_default()
                .parse()
                .map_err(made_up)?,
            from: self.text("from").parse().map_err(made_up)?,
            type_: self.text("type"),
            thid: self.text("thid"),
            sender_order: self.plaintext["sender_order"].as_u64(),
            grant: Some(Digest::new([7; 32])),
            bytes: self.jws.len() as u64,
            causes: Vec::new(),
            by: None,
        })
    }

    fn text(&self, member: &str) -> String {
        self.plaintext[member]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

fn made_up(why: impl Display) -> Surprise {
    Surprise::new("a side that B made up", why)
}
