//! Histories of did:webvh and what witnesses say of them: those of the vectors as octets, and ones that
//! are truly hashed and signed around any parameters and any document.

use std::sync::LazyLock;

use comity_did::webvh::{History, Log, Query, Version, VersionTime};
use comity_did::{Did, DidUrl, limits};
use comity_jose::{Curve, SigningKey, json as strict, multibase, sha256};
use serde_json::{Value, json};

use super::{choice, chosen};
use crate::cast::ARIA;
use crate::{Target, harvest};

pub(crate) const TARGET: Target = Target {
    name: "webvh",
    max_len: 16 * 1024,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let Some((how, rest)) = choice(data, 4) else {
        return;
    };
    match how {
        0 => octets(rest),
        1 | 2 => made(rest, how == 2),
        _ => texts(rest),
    }
}

/// 2026-01-01, after the times in the vectors and of what is made here.
const NOW: u64 = 1_767_225_600;

/// A history of the vectors, and what witnesses say of it.
struct Known {
    did: Did,
    log: Vec<u8>,
    witness: Option<Vec<u8>>,
}

static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let vectors = harvest::objects("did", &["log_jsonl", "did"]);
    let known = vectors.iter().filter_map(|vector| {
        let witness = vector.get("witness_json").map(|value| match value {
            Value::String(text) => text.clone().into_bytes(),
            other => other.to_string().into_bytes(),
        });
        Some(Known {
            did: Did::parse(vector["did"].as_str()?).ok()?,
            log: vector["log_jsonl"].as_str()?.as_bytes().to_vec(),
            witness,
        })
    });
    known.collect()
});

/// Every version that the vectors prove.
static PROVED: LazyLock<Vec<Version>> = LazyLock::new(|| {
    let histories = KNOWN.iter().filter_map(|known| {
        let log = Log::verify(&known.did, &known.log, NOW).ok()?;
        log.into_history(known.witness.as_deref()).ok()
    });
    histories
        .flat_map(|history| history.versions().to_vec())
        .collect()
});

/// The next octet names one of the DIDs; the rest is its log and, after an octet 0, what witnesses
/// say.
fn octets(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else {
        return;
    };
    let did = &KNOWN[usize::from(*which) % KNOWN.len()].did;
    let mut parts = rest.splitn(2, |octet| *octet == 0);
    let (log, witness) = (parts.next().unwrap_or_default(), parts.next());
    if let Some(history) = verified(did, log, witness) {
        for version in history.versions() {
            assert!(
                PROVED.contains(version),
                "a forged version {}",
                version.id()
            );
        }
    }
}

fn verified(did: &Did, log: &[u8], witness: Option<&[u8]>) -> Option<History> {
    let log = Log::verify(did, log, NOW).ok()?;
    let needs = log.needs_witness_proofs();
    let history = log.into_history(witness).ok()?;
    assert!(!needs || witness.is_some() || history.refused().is_some());
    check(did, &history);
    Some(history)
}

/// What holds for every history that exists.
fn check(did: &Did, history: &History) {
    let versions = history.versions();
    assert!((1..=limits::LOG_ENTRIES).contains(&versions.len()));
    assert!(versions.iter().any(|version| version.did() == did));
    for (version, number) in versions.iter().zip(1..) {
        assert!(version.id().starts_with(&format!("{number}-")));
        let state: Value = serde_json::from_slice(version.state()).expect("a document");
        assert_eq!(state["id"], version.did().as_str());
        assert_eq!(version.did().method(), "webvh");
        for query in [Query::Id(version.id().into()), Query::Number(number)] {
            if let Ok(found) = history.resolve(&query) {
                assert_eq!(found.metadata.version_id, version.id());
                assert_eq!(
                    found.document.is_none(),
                    found.metadata.deactivated && number == versions.len()
                );
                if let Some(document) = found.document {
                    assert_eq!(document.id(), version.did());
                    super::documents::check(&document);
                }
            }
        }
    }
    for pair in versions.windows(2) {
        assert!(pair[0].time() < pair[1].time());
    }
    if let Ok(latest) = history.resolve(&Query::Latest) {
        serde_json::to_string(&latest.metadata).expect("prints");
        assert!(
            history.refused().is_none(),
            "a latest version of a log that is refused"
        );
        assert_eq!(
            Some(latest.metadata.version_id.as_str()),
            versions.last().map(Version::id)
        );
    }
    assert!(history.resolve(&Query::Number(0)).is_err());
}

/// Entries, each JSON with `parameters` and `state`, separated by octets 0: each hashed, chained and
/// signed by Aria. With `witness` the last part is what witnesses say.
fn made(data: &[u8], witness: bool) {
    // What libFuzzer makes has few, so that it is quick; the dearest inputs have all that may be.
    let most = match data.len() > TARGET.max_len {
        true => limits::LOG_ENTRIES + 1,
        false => 8,
    };
    let mut parts: Vec<_> = data.split(|octet| *octet == 0).take(most).collect();
    let said = witness.then(|| parts.pop()).flatten();
    let Some((did, log)) = history(&parts) else {
        return;
    };
    if let Some(history) = verified(&did, log.as_bytes(), said) {
        assert!(history.versions().len() <= parts.len());
        // One octet less is another history, or none.
        assert!(verified(&did, &log.as_bytes()[1..], said).is_none());
    }
}

fn history(parts: &[&[u8]]) -> Option<(Did, String)> {
    let mut log = String::new();
    let (mut scid, mut before) = (String::new(), String::new());
    for (part, day) in parts.iter().zip(1..) {
        let mut entry = serde_json::from_slice::<Value>(part).ok()?;
        let members = entry.as_object_mut()?;
        members.remove("proof");
        let time = format!("2025-01-{day:02}T00:00:00Z");
        members.entry("versionTime").or_insert_with(|| time.into());
        if day == 1 {
            entry["versionId"] = PLACEHOLDER.into();
            scid = hash(&entry)?;
            entry = serde_json::from_str(&entry.to_string().replace(PLACEHOLDER, &scid)).ok()?;
            before.clone_from(&scid);
        }
        entry["versionId"] = before.as_str().into();
        before = format!("{day}-{}", hash(&entry)?);
        entry["versionId"] = before.as_str().into();
        entry["proof"] = json!([proof(&entry)?]);
        log.push_str(&entry.to_string());
        log.push('\n');
    }
    Some((
        Did::parse(&format!("did:webvh:{scid}:example.com")).ok()?,
        log,
    ))
}

fn hash(entry: &Value) -> Option<String> {
    let hash = sha256(&[&strict::canonical(entry).ok()?]);
    let text = multibase::encode_base58(&[&[0x12, 0x20], hash.as_slice()].concat());
    Some(text[1..].to_owned())
}

fn proof(document: &Value) -> Option<Value> {
    proof_by(ARIA.signs(), document)
}

fn proof_by(signer: &SigningKey, document: &Value) -> Option<Value> {
    let key = signer.public().to_multikey();
    let mut options = json!({
        "type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": format!("did:key:{key}#{key}"),
        "created": "2025-01-01T00:00:00Z", "proofPurpose": "assertionMethod",
    });
    let digest = |value: &Value| Some(sha256(&[&strict::canonical(value).ok()?]));
    let input = [digest(&options)?, digest(document)?].concat();
    options["proofValue"] = multibase::encode_base58(&signer.sign(&input)).into();
    Some(options)
}

const PLACEHOLDER: &str = "{SCID}";

/// Times and queries.
fn texts(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Some(time) = VersionTime::parse(text) {
        assert_eq!(time.as_str(), text);
        assert_eq!(VersionTime::parse(time.as_str()), Some(time.clone()));
        let _ = time.seconds();
    }
    if let Ok(url) = DidUrl::parse(&format!("did:webvh:x:example.com?{text}")) {
        let _ = Query::of(&url);
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let known = KNOWN.iter().zip(0_u8..);
    let mut out: Vec<_> = known
        .map(|(known, which)| {
            let mut rest = chosen(which, &known.log);
            if let Some(witness) = &known.witness {
                rest.push(0);
                rest.extend_from_slice(witness);
            }
            chosen(0, rest)
        })
        .collect();
    let key = ARIA.signs().public().to_multikey();
    let first = json!({"parameters": {"method": "did:webvh:1.0", "scid": PLACEHOLDER, "updateKeys": [key], "portable": true, "ttl": 60, "watchers": ["https://w.test"]},
        "state": {"@context": ["https://www.w3.org/ns/did/v1"], "id": "did:webvh:{SCID}:example.com"}});
    let next = json!({"parameters": {}, "state": {"id": "did:webvh:{SCID}:example.com"}});
    // Later entries have to name the SCID, which is known once the first is hashed.
    let scid = history(&[first.to_string().as_bytes()]).map(|(did, _)| did);
    let id = scid.map_or_else(String::new, |did| did.to_string());
    let next = next
        .to_string()
        .replace("did:webvh:{SCID}:example.com", &id);
    let end = json!({"parameters": {"deactivated": true, "updateKeys": []}, "state": {"id": id}});
    let mut witnessed = first.clone();
    witnessed["parameters"]["witness"] =
        json!({"threshold": 1, "witnesses": [{"id": format!("did:key:{key}")}]});
    let mut promised = first.clone();
    promised["parameters"]["nextKeyHashes"] = json!([hash(&json!(key))]);
    out.push(chosen(1, first.to_string()));
    out.push(chosen(1, promised.to_string()));
    out.push(chosen(1, format!("{first}\0{next}\0{end}")));
    let said = json!([{"versionId": "1-Qm", "proof": [proof(&json!({"versionId": "1-Qm"}))]}]);
    out.push(chosen(2, format!("{witnessed}\0{said}")));
    for text in [
        "2025-01-01T00:00:00Z",
        "2025-12-31T23:59:59Z",
        "versionNumber=1",
        "versionId=1-Qm&x=y",
        "versionTime=2025-01-01T00%3A00%3A00Z",
    ] {
        out.push(chosen(3, text));
    }
    out
}

fn heavy() -> Vec<Vec<u8>> {
    let Some(Known { log, .. }) = KNOWN.iter().max_by_key(|known| known.log.len()) else {
        return Vec::new();
    };
    let line = log
        .split(|octet| *octet == b'\n')
        .next()
        .unwrap_or_default();
    let many = [line, b"\n"]
        .concat()
        .repeat(limits::LOG_BYTES / (line.len() + 1));
    let (long, _) = longest(
        json!({"watchers": vec![long_url(); limits::WATCHERS]}),
        |_| None,
    );
    let (log, said) = longest(json!({"witness": every_witness()}), |id| Some(said(id)));
    vec![
        chosen(0, chosen(0, many)),
        chosen(1, long),
        chosen(2, format!("{log}\0{}", said.unwrap_or_default())),
        chosen(0, chosen(0, "{".repeat(100_000))),
    ]
}

/// As many entries as there may be, with long parameters and these, to be signed in [`made`]; and
/// what witnesses say about the last version. The log is proved to its end.
fn longest(parameters: Value, say: fn(&str) -> Option<String>) -> (String, Option<String>) {
    let keys = |count| {
        let mut keys = vec![format!("z{}", "6".repeat(limits::MULTIKEY_CHARACTERS - 1)); count];
        keys[0] = ARIA.signs().public().to_multikey();
        keys
    };
    let mut first =
        json!({"parameters": parameters, "state": {"id": "did:webvh:{SCID}:example.com"}});
    first["parameters"]["method"] = "did:webvh:1.0".into();
    first["parameters"]["scid"] = PLACEHOLDER.into();
    first["parameters"]["updateKeys"] = keys(limits::UPDATE_KEYS).into();
    let mut parts = vec![first.to_string()];
    let (did, _) = history(&[parts[0].as_bytes()]).expect("a first entry");
    for number in 2..=limits::LOG_ENTRIES {
        // As many changes as there are octets for.
        let parameters = match number % 10 {
            0 => json!({"updateKeys": keys(limits::UPDATE_KEYS / 2)}),
            _ => json!({}),
        };
        let time = format!("2025-02-01T00:{:02}:{:02}Z", number / 60, number % 60);
        let entry = json!({"versionTime": time, "parameters": parameters, "state": {"id": did}});
        parts.push(entry.to_string());
    }
    let octets: Vec<_> = parts.iter().map(String::as_bytes).collect();
    let (_, log) = history(&octets).expect("entries");
    let last = log.lines().last().map(serde_json::from_str::<Value>);
    let last = last.expect("an entry").expect("JSON");
    let said = say(last["versionId"].as_str().expect("a version"));
    let proved = Log::verify(&did, log.as_bytes(), NOW).expect("a log");
    let proved = proved.into_history(said.as_ref().map(String::as_bytes));
    let proved = proved.expect("a history");
    assert!(proved.refused().is_none(), "{:?}", proved.refused());
    assert_eq!(proved.versions().len(), limits::LOG_ENTRIES);
    (parts.join("\0"), said)
}

fn long_url() -> String {
    let start = "https://w.test/";
    format!("{start}{}", "w".repeat(limits::WATCHER_BYTES - start.len()))
}

/// The keys of as many witnesses as there may be.
fn witness_keys() -> Vec<SigningKey> {
    let keys = (1..).take(limits::WITNESSES);
    keys.map(|n: u8| SigningKey::from_secret(Curve::Ed25519, &[n; 32]).expect("a key"))
        .collect()
}

/// All of them have to approve.
fn every_witness() -> Value {
    let keys = witness_keys();
    let ids = keys
        .iter()
        .map(|key| json!({"id": format!("did:key:{}", key.public().to_multikey())}));
    json!({"threshold": keys.len(), "witnesses": ids.collect::<Vec<_>>()})
}

/// As many proofs as are read: forged ones of a witness, which are checked before its own is found,
/// those of a stranger, and at last one of each witness.
fn said(id: &str) -> String {
    // A proof has seven JSON values.
    let most = limits::WITNESS_PROOF_MEMBERS / 7 - 2 * limits::WITNESSES;
    let (keys, said) = (witness_keys(), json!({"versionId": id}));
    let forged = proof_by(&keys[0], &json!({"versionId": "another"}));
    let strange = proof(&said);
    let junk = [forged, strange].into_iter().cycle().take(most);
    let own = keys.iter().map(|key| proof_by(key, &said));
    let proofs: Vec<_> = junk.chain(own).collect();
    json!([{"versionId": id, "proof": proofs}]).to_string()
}
