//! From a [`Bundle`] to the octets of its file.

use comity_did::Did;
use comity_jose::base64url;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::{Bundle, Content, ShownDocument, ShownEntry, ShownMessage, Thread};
use crate::{checkpoint::SignedNote, receipt::Receipt, text::Octets32, wire::VERSION};

impl Bundle {
    /// Writes the file: compact JSON, members in the order of the format.
    pub fn to_octets(&self) -> Vec<u8> {
        let file = File {
            v: VERSION,
            made_at: self.made_at,
            thread: (&self.thread).into(),
            messages: &self.messages,
            receipts: &self.receipts,
            entries: self.entries.iter().map(EntryFile::from).collect(),
            checkpoints: &self.checkpoints,
            documents: self.documents.iter().map(DocumentFile::from).collect(),
        };
        serde_json::to_vec(&file).expect("a bundle has text keys and values that were JSON")
    }
}

#[derive(Serialize)]
struct File<'a> {
    v: u64,
    made_at: u64,
    thread: ThreadFile<'a>,
    messages: &'a [ShownMessage],
    receipts: &'a [Receipt],
    entries: Vec<EntryFile<'a>>,
    checkpoints: &'a [SignedNote],
    documents: Vec<DocumentFile<'a>>,
}

#[derive(Serialize)]
struct ThreadFile<'a> {
    thid: &'a str,
    between: &'a [Did; 2],
}

impl<'a> From<&'a Thread> for ThreadFile<'a> {
    fn from(Thread { thid, between }: &'a Thread) -> Self {
        Self { thid, between }
    }
}

impl Serialize for ShownMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("digest", &self.digest)?;
        match &self.content {
            Content::Plaintext(octets) => {
                map.serialize_entry("plaintext", &base64url::encode(octets))?;
            }
            Content::Signed(jws) => map.serialize_entry::<str, Value>("jws", jws)?,
            Content::Withheld => map.serialize_entry("withheld", &true)?,
        }
        map.end()
    }
}

#[derive(Serialize)]
struct EntryFile<'a> {
    origin: &'a str,
    index: u64,
    size: u64,
    leaf: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    r: Option<Octets32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<String>,
    path: Vec<Octets32>,
}

impl<'a> From<&'a ShownEntry> for EntryFile<'a> {
    fn from(entry: &'a ShownEntry) -> Self {
        let opened = entry.opened.as_ref();
        Self {
            origin: entry.origin.as_str(),
            index: entry.index,
            size: entry.size,
            leaf: entry.leaf.text(),
            r: opened.map(|(r, _)| Octets32(*r)),
            record: opened.map(|(_, record)| base64url::encode(record)),
            path: entry.path.iter().copied().map(Octets32).collect(),
        }
    }
}

#[derive(Serialize)]
struct DocumentFile<'a> {
    did: &'a Did,
    octets: String,
    at: u64,
}

impl<'a> From<&'a ShownDocument> for DocumentFile<'a> {
    fn from(document: &'a ShownDocument) -> Self {
        let octets = base64url::encode(&document.octets);
        Self {
            did: &document.did,
            octets,
            at: document.at,
        }
    }
}
