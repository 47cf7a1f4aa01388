//! Finding the vectors below a directory, and the keys and documents that go with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context as _;
use comity_did::{Did, DidDocument, DidUrl};
use comity_jose::AgreementKey;
use serde_json::Value;

use crate::case::Case;

/// All vectors below a directory.
pub(crate) struct Corpus {
    files: Vec<File>,
}

/// The vectors of one file.
struct File {
    /// Relative to the directory.
    name: String,
    entries: Vec<Value>,
    ring: Rc<Ring>,
}

/// The secrets and documents of a folder.
#[derive(Default)]
pub(crate) struct Ring {
    /// Every secret, the senders' too, by key id: private JWKs.
    pub(crate) secrets: BTreeMap<String, Value>,
    /// The agreement keys that the reader holds.
    held: BTreeMap<DidUrl, AgreementKey>,
    documents: BTreeMap<Did, Arc<DidDocument>>,
}

impl Ring {
    /// The agreement key of `kid`, if the reader holds it.
    pub(crate) fn held_key(&self, kid: &DidUrl) -> Option<&AgreementKey> {
        self.held.get(kid)
    }

    /// The document of a DID, if it is given.
    pub(crate) fn document(&self, did: &Did) -> Option<Arc<DidDocument>> {
        self.documents.get(did).cloned()
    }

    /// Whether the reader holds a key of this DID.
    pub(crate) fn is_reader(&self, did: &Did) -> bool {
        self.held.keys().any(|kid| kid.did() == did)
    }

    /// Reads the keys and documents of a folder, else those of the `didcomm` folder beside it.
    ///
    /// A secret that is not for agreement is held by nobody, a document that can't be read is not
    /// there, as it would be for any reader.
    fn of(folder: &Path) -> anyhow::Result<Self> {
        let beside = folder.parent().map(|parent| parent.join("didcomm"));
        let read = |name: &str| -> anyhow::Result<Value> {
            let places = [Some(folder), beside.as_deref()].into_iter().flatten();
            let mut files = places
                .map(|place| place.join(name))
                .filter(|path| path.is_file());
            files
                .next()
                .map_or(Ok(Value::Null), |path| read_json(&path))
        };
        let (keys, documents) = (read(KEYS)?, read(DOCUMENTS)?);
        let secrets = members(&keys["secrets"]);
        let prefixes = keys["holds"].as_array();
        let is_held = |kid: &str| {
            prefixes.is_none_or(|prefixes| {
                prefixes
                    .iter()
                    .filter_map(Value::as_str)
                    .any(|prefix| kid.starts_with(prefix))
            })
        };
        let held = secrets
            .iter()
            .filter(|(kid, _)| is_held(kid))
            .filter_map(|(kid, jwk)| {
                Some((DidUrl::parse(kid).ok()?, AgreementKey::from_jwk(jwk).ok()?))
            });
        let documents = members(&documents)
            .into_iter()
            .filter_map(|(did, document)| {
                let did = Did::parse(&did).ok()?;
                let document = DidDocument::parse(&did, document.to_string().as_bytes()).ok()?;
                Some((did, Arc::new(document)))
            });
        Ok(Self {
            held: held.collect(),
            documents: documents.collect(),
            secrets,
        })
    }
}

impl Corpus {
    /// Reads every JSON file below `directory` that is an array of vectors.
    pub(crate) fn read(directory: &Path) -> anyhow::Result<Self> {
        let mut paths = Vec::new();
        collect(directory, DEPTH, &mut paths)?;
        let mut rings: BTreeMap<PathBuf, Rc<Ring>> = BTreeMap::new();
        let mut files = Vec::new();
        for path in paths {
            let Value::Array(entries) = read_json(&path)? else {
                continue;
            };
            let folder = path.parent().unwrap_or(directory).to_path_buf();
            let ring = match rings.get(&folder) {
                Some(ring) => Rc::clone(ring),
                None => {
                    let ring = Rc::new(Ring::of(&folder)?);
                    rings.insert(folder, Rc::clone(&ring));
                    ring
                }
            };
            let name = path
                .strip_prefix(directory)
                .unwrap_or(&path)
                .display()
                .to_string();
            files.push(File {
                name,
                entries,
                ring,
            });
        }
        Ok(Self { files })
    }

    /// All vectors, each with the place to name it by.
    pub(crate) fn cases(&self) -> impl Iterator<Item = (String, Case<'_>)> {
        self.files.iter().flat_map(|file| {
            file.entries.iter().enumerate().map(|(index, entry)| {
                let id = entry.get("id").and_then(Value::as_str);
                let place = match id {
                    Some(id) => format!("{} {id}", file.name),
                    None => format!("{} [{index}]", file.name),
                };
                (
                    place,
                    Case {
                        entry,
                        ring: &file.ring,
                    },
                )
            })
        })
    }
}

/// Collects the JSON files below a folder, in the order of their names.
fn collect(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut entries = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    for path in entries {
        let is_reserved = [KEYS, DOCUMENTS].iter().any(|name| path.ends_with(name));
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, paths)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
            && !is_reserved
        {
            paths.push(path);
        }
    }
    Ok(())
}

fn read_json(path: &Path) -> anyhow::Result<Value> {
    let octets = fs::read(path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&octets).with_context(|| path.display().to_string())
}

fn members(object: &Value) -> BTreeMap<String, Value> {
    let members = object.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The file with the private keys of a folder.
const KEYS: &str = "keys.json";

/// The file with the DID documents of a folder.
const DOCUMENTS: &str = "did-documents.json";

/// How deep folders are searched.
const DEPTH: usize = 16;
