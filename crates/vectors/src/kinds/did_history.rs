//! Histories of did:webvh.

use std::time::{SystemTime, UNIX_EPOCH};

use comity_did::Did;
use comity_did::webvh::{Log, Query, Resolution, ResolutionError};
use serde_json::Value;

use crate::case::{Case, Check, Stop, ensure, equal, failed, member, try_to};

/// `did`, `log_jsonl`, `expect`, and as far as they are there `now` and the witness proofs, in a
/// member whose name starts with `witness`.
pub(super) fn history(case: &Case<'_>) -> Check {
    let expect = case.member("expect")?;
    let outcome = resolve(case)?;
    match expect.get("result").and_then(Value::as_str) {
        Some("ok") => {
            let (versions, resolution) = try_to("resolve the DID", outcome)?;
            answered(expect, versions, &resolution)
        }
        Some("error") => {
            let Err(error) = outcome else {
                return Err(failed("the log is not refused"));
            };
            match expect.get("didResolutionMetadata_error_must_be") {
                Some(Value::String(wanted)) => ensure(
                    wanted.starts_with(error.code()),
                    "the error has another code",
                ),
                _ => Ok(()),
            }
        }
        _ => Err(failed("expect of the vector has no result")),
    }
}

/// The number of versions, and the latest.
fn resolve(case: &Case<'_>) -> Result<Result<(usize, Resolution), ResolutionError>, Stop> {
    let did = try_to("read the DID", Did::parse(case.text("did")?))?;
    let log = case.text("log_jsonl")?.as_bytes();
    let mut members = case.entry.as_object().into_iter().flatten();
    let proofs = members.find(|(name, _)| name.starts_with("witness"));
    let proofs = proofs.map(|(_, proofs)| match proofs {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    });
    let now = case.entry.get("now").and_then(Value::as_u64);
    Ok(verified(&did, log, proofs, now.unwrap_or_else(today)))
}

fn verified(
    did: &Did,
    log: &[u8],
    proofs: Option<String>,
    now: u64,
) -> Result<(usize, Resolution), ResolutionError> {
    let log = Log::verify(did, log, now)?;
    let history = log.into_history(proofs.as_deref().map(str::as_bytes))?;
    let resolution = history.resolve(&Query::Latest)?;
    Ok((history.versions().len(), resolution))
}

fn answered(expect: &Value, versions: usize, resolution: &Resolution) -> Check {
    let metadata = try_to("write it", serde_json::to_value(&resolution.metadata))?;
    for name in ["versionId", "deactivated"] {
        equal(name, member(&metadata, name)?, member(expect, name)?)?;
    }
    if let Some(wanted) = expect.get("versions").and_then(Value::as_u64) {
        equal("the number of versions", versions as u64, wanted)?;
    }
    let state = match &resolution.document {
        Some(document) => try_to("read it again", serde_json::from_slice(document.octets()))?,
        None => Value::Null,
    };
    equal("the document", &state, member(expect, "state")?)
}

/// The clock of the machine, for vectors that don't fix the time.
fn today() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
