//! What witnesses say about the versions of a history.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use comity_jose::json::{self, JsonError};
use serde_json::{Value, json as value};

use super::error::EntryError;
use super::history::Version;
use super::parameters::WitnessList;
use super::proof::{self, Proof};
use crate::limits;

/// Checks that each version has the approvals that it needs. Who approved a version approved all
/// before it.
///
/// Each version looks up its own witnesses, and each proof its version and its witness: nothing is
/// compared with everything, for all three are many.
///
/// # Errors
/// The index of the first version without, and why.
pub(super) fn check(
    versions: &[Version],
    needed: &[Option<Arc<WitnessList>>],
    witness_proofs: Option<&[u8]>,
    now: u64,
) -> Result<(), (usize, EntryError)> {
    let read = witness_proofs.map_or(Ok(Value::Null), |octets| json::parse(octets, &JSON_LIMITS));
    let proofs = read.map_err(|error: JsonError| {
        let first = needed.iter().position(Option::is_some).unwrap_or_default();
        (first, EntryError::WitnessProofs(Arc::new(error)))
    })?;
    let latest = latest_approvals(versions, needed, &proofs, now);
    for (index, list) in needed.iter().enumerate() {
        let Some(list) = list else { continue };
        let approved = |multikey: &&str| latest.get(multikey).is_some_and(|at| *at >= index);
        let approvals = list.multikeys().filter(approved).count();
        if approvals < list.threshold {
            let threshold = list.threshold;
            return Err((
                index,
                EntryError::Witnesses {
                    approvals,
                    threshold,
                },
            ));
        }
    }
    Ok(())
}

/// The latest version that each witness approved. Proofs of versions that the log does not have, of
/// others than the witnesses, and such that do not hold, count for nothing.
fn latest_approvals<'a>(
    versions: &[Version],
    needed: &'a [Option<Arc<WitnessList>>],
    proofs: &Value,
    now: u64,
) -> HashMap<&'a str, usize> {
    let ids = versions.iter().map(|version| version.id.as_str());
    let indices: HashMap<&str, usize> = ids.zip(0..).collect();
    let lists = needed.iter().flatten();
    let witnesses: HashSet<&str> = lists.flat_map(|list| list.multikeys()).collect();
    let mut of_versions: Vec<(usize, &Value)> = Vec::new();
    for entry in proofs.as_array().into_iter().flatten() {
        let id = entry.get("versionId").and_then(Value::as_str);
        let index = id.and_then(|id| indices.get(id));
        let proofs = entry.get("proof").and_then(Value::as_array);
        if let (Some(index), Some(proofs)) = (index, proofs) {
            of_versions.extend(proofs.iter().map(|proof| (*index, proof)));
        }
    }
    of_versions.sort_by_key(|(index, _)| std::cmp::Reverse(*index));
    let mut latest = HashMap::new();
    for (index, proof) in of_versions {
        let Ok(proof) = Proof::read(proof, now) else {
            continue;
        };
        let Some(witness) = witnesses.get(proof.multikey()) else {
            continue;
        };
        if !latest.contains_key(witness) {
            let said = value!({"versionId": versions[index].id});
            if proof::digest(&said).is_ok_and(|digest| proof.verify(&digest).is_ok()) {
                latest.insert(*witness, index);
            }
        }
    }
    latest
}

/// What the file may be as JSON.
const JSON_LIMITS: json::Limits = json::Limits {
    bytes: limits::WITNESS_PROOF_BYTES,
    depth: 8,
    members: limits::WITNESS_PROOF_MEMBERS,
};
