//! Proof: both records side by side, and evidence for somebody who trusts neither.

use super::meet::{Met, short_fingerprint};
use crate::demo::forge;
use crate::demo::ledger::Side;
use crate::demo::organisation::Organisation;
use crate::demo::stage::Stage;
use crate::demo::surprise::{Surprise, expect, expect_same};
use crate::demo::verifier::{anchor, verify};
use comity_record::Bundle;
use comity_record::reconcile::{self, Reconciliation};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;

pub(super) async fn play(stage: &mut Stage, met: &Met) -> Result<(), Surprise> {
    stage.ledger.step("reconcile", "Both records, side by side");
    reconcile_both(stage).await?;
    let ledger = stage.ledger.clone();
    ledger.step("proof", "Evidence for somebody who trusts neither");
    let anchors = anchors(stage).await?;
    let evidence = stage.b.export(&met.request.thid).await?;
    let file = write(stage, "thread.comity", &evidence)?;
    let text = format!(
        "the first thread as a file: {} octets, {}",
        evidence.len(),
        file.display()
    );
    ledger.saw(
        Side::B,
        text,
        json!({"octets": evidence.len(), "file": file}),
    );
    genuine(stage, file, &anchors).await?;
    altered(stage, evidence, &anchors).await?;
    invented(stage, &anchors).await
}

/// Compares everything that each node can show of every thread.
async fn reconcile_both(stage: &Stage) -> Result<(), Surprise> {
    let a = side(&stage.a).await?;
    let b = side(&stage.b).await?;
    let result: Reconciliation = reconcile::reconcile(&a, &b);
    let came = || {
        let missing = serde_json::to_string(&result.missing).unwrap_or_default();
        let others = serde_json::to_string(&result.contradictions).unwrap_or_default();
        let gaps = serde_json::to_string(&result.gaps).unwrap_or_default();
        format!("missing {missing}, contradictions {others}, gaps {gaps}")
    };
    expect(
        result.is_clean(),
        "two records that tell the same story",
        came(),
    )?;
    let text = format!(
        "{} messages: {} missing, {} contradictions, {} gaps",
        result.messages.len(),
        result.missing.len(),
        result.contradictions.len(),
        result.gaps.len()
    );
    stage.ledger.held(
        Side::Third,
        text,
        json!({"messages": result.messages.len(), "clean": true}),
    );
    Ok(())
}

/// What a node shows of all its threads.
async fn side(of: &Organisation) -> Result<reconcile::Side, Surprise> {
    let rows = of.messages().await?;
    let threads: BTreeSet<String> = rows.into_iter().map(|row| row.thid).collect();
    let mut side = reconcile::Side::new([]);
    for thread in threads {
        let octets = of.export(&thread).await?;
        let bundle = Bundle::parse(&octets);
        side.add_bundle(&bundle.map_err(Surprise::instead_of("a bundle of each thread"))?);
    }
    Ok(side)
}

/// What the third party trusts: fingerprints that each organisation read out to it.
async fn anchors(stage: &Stage) -> Result<[String; 2], Surprise> {
    let mut read_out = Vec::new();
    for here in [&stage.a, &stage.b] {
        let agent = here.agent().await?;
        let text = format!(
            "reads out to a third party: {} has key {}",
            here.agent,
            short_fingerprint(&agent.fingerprint)
        );
        let facts = json!({"did": agent.did, "fingerprint": agent.fingerprint});
        stage.ledger.saw(here.side, text, facts);
        read_out.push(anchor(&agent.did, &agent.fingerprint));
    }
    let pair = <[String; 2]>::try_from(read_out);
    pair.map_err(|_| Surprise::new("two fingerprints", "another number"))
}

async fn genuine(stage: &Stage, file: PathBuf, anchors: &[String]) -> Result<(), Surprise> {
    let verified = verify(&file, anchors).await?;
    let same = (verified.verdict.as_str(), verified.exit) == ("proved", Some(0));
    expect(same, "proved, exit code 0", verified.shown())?;
    let text = format!(
        "comity verify, process {}, without network: {}, exit code 0 ({} messages, {} logs)",
        verified.pid,
        verified.verdict,
        verified.count("messages"),
        verified.count("logs")
    );
    let facts = json!({"bundle": "genuine", "verdict": verified.verdict, "exit": verified.exit,
                       "grade_of_a": verified.grade(&stage.a.did())});
    stage.ledger.held(Side::Third, text, facts);
    Ok(())
}

/// One byte of Aria's words, changed.
async fn altered(stage: &Stage, evidence: Vec<u8>, anchors: &[String]) -> Result<(), Surprise> {
    let (at, altered) = change_her_words(evidence)?;
    let file = write(stage, "altered.comity", &altered)?;
    let verified = verify(&file, anchors).await?;
    let same = (verified.verdict.as_str(), verified.exit) == ("broken", Some(1));
    expect(same, "broken, exit code 1", verified.shown())?;
    let text = format!(
        "seen: {}, exit code 1: a copy with byte {at} changed",
        verified.verdict
    );
    let why = verified.first_finding();
    let facts = json!({"bundle": "altered", "verdict": verified.verdict, "exit": verified.exit,
                       "why": why, "byte": at});
    stage.ledger.held(Side::Third, text, facts);
    stage.ledger.detail(why);
    Ok(())
}

/// Changes a letter in the middle of the first message's payload.
fn change_her_words(mut evidence: Vec<u8>) -> Result<(usize, Vec<u8>), Surprise> {
    let marker = br#""payload":""#;
    let found = evidence
        .windows(marker.len())
        .position(|window| window == marker);
    let words = found.map(|at| at + marker.len() + 400);
    let octet = words.and_then(|at| Some((at, evidence.get_mut(at)?)));
    let Some((at, octet)) = octet else {
        return Err(Surprise::new(
            "a bundle with a signed message",
            "none in it",
        ));
    };
    *octet = if *octet == b'A' { b'B' } else { b'A' };
    Ok((at, evidence))
}

/// All of A, made up by B.
async fn invented(stage: &Stage, anchors: &[String]) -> Result<(), Surprise> {
    let octets = forge::invented(&stage.a, &stage.b).await?;
    let file = write(stage, "invented.comity", &octets)?;
    let text = "B makes up a thread: its own real key, and an Aria with document, log and receipts";
    stage
        .ledger
        .does(Side::B, text, json!({"file": file, "octets": octets.len()}));
    let verified = verify(&file, anchors).await?;
    let (of_a, of_b) = (
        verified.grade(&stage.a.did()),
        verified.grade(&stage.b.did()),
    );
    expect_same(
        "the grade of the invented aria",
        &"asserted".to_owned(),
        &of_a,
    )?;
    expect_same(
        "the grade of bruno, who signed",
        &"anchored".to_owned(),
        &of_b,
    )?;
    let same = (verified.verdict.as_str(), verified.exit) == ("consistent", Some(4));
    expect(same, "consistent at most, exit code 4", verified.shown())?;
    let text = format!(
        "seen: {} at most, exit code 4: aria is {of_a} by the maker of this bundle only; bruno is {of_b}",
        verified.verdict
    );
    let facts = json!({"bundle": "invented", "verdict": verified.verdict, "exit": verified.exit,
                       "grade_of_a": of_a, "grade_of_b": of_b});
    stage.ledger.held(Side::Third, text, facts);
    Ok(())
}

fn write(stage: &Stage, name: &str, octets: &[u8]) -> Result<PathBuf, Surprise> {
    let file = stage.dir.join(name);
    let written = std::fs::write(&file, octets);
    written.map_err(Surprise::instead_of("a file for the evidence"))?;
    Ok(file)
}
