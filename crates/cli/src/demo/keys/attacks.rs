//! What somebody does on purpose: forge, tamper, replay, and edit his own record.

use super::session::Session;
use super::tally::Tally;
use super::{begin, say};
use crate::demo::forge;
use crate::demo::ledger::Side;
use crate::demo::organisation::{Organisation, name};
use crate::demo::surprise::{Surprise, expect, expect_same};
use crate::demo::wire;
use crate::show::words::short_digest;
use rusqlite::{Connection, params};
use serde_json::json;
use std::time::Duration;

/// A message in Aria's name, signed with another key, handed to B's node.
pub(super) async fn forge(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "f", "[f] forge Aria");
    let stage = &*session.stage;
    let document = stage.b.document().await?;
    let forged = forge::message(&stage.a.did(), &document, json!({"rows": 3}))?;
    let text = format!(
        "to node B: a message from {}, signed with key {}…",
        stage.a.did(),
        &forged.key.get(..16).unwrap_or_default()
    );
    stage.ledger.does(
        Side::Wire,
        text,
        json!({"id": forged.id, "key": forged.key}),
    );
    let before = refusals(&stage.b, FORGED).await?;
    let (status, answer) = post(&stage.b, forged.envelope.into_bytes()).await?;
    expect_same("the answer to a forgery", &(400, 0), &(status, answer))?;
    let counted = refusals(&stage.b, FORGED).await? - before;
    expect_same("forged signatures that B counted", &1, &counted)?;
    let rows = stage.b.messages().await?;
    let there = rows.iter().any(|row| row.id == forged.id);
    expect(!there, "no trace of it in the inbox", "it is there")?;
    session.forged += 1;
    let text = format!("f: {status} with an empty body · B counts 1 {FORGED} · bruno never saw it");
    say(
        session,
        Side::B,
        &text,
        json!({"status": status, "why": FORGED}),
    );
    Ok(())
}

/// A byte of the next question, changed on the wire.
pub(super) async fn tamper(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "t", "[t] tamper in flight");
    let stage = &*session.stage;
    if !session.granted {
        stage.ledger.saw(
            Side::Wire,
            "aria may not write: nothing to tamper with",
            json!({}),
        );
        return Ok(());
    }
    let before = refusals(&stage.b, ALTERED).await?;
    let tampered = stage.to_b.tamper_with_next(PATIENCE).await;
    let tampered = tampered.ok_or_else(|| Surprise::new("a question to tamper with", "none"))?;
    let text = format!(
        "byte {} of {} changed on its way",
        tampered.octet, tampered.of
    );
    stage.ledger.does(
        Side::Wire,
        text,
        json!({"octet": tampered.octet, "of": tampered.of}),
    );
    expect_same("B's answer to an altered envelope", &400, &tampered.status)?;
    let counted = refusals(&stage.b, ALTERED).await? - before;
    expect_same("altered envelopes that B counted", &1, &counted)?;
    session.all_done().await?;
    let rows = session.stage.a.messages().await?;
    let again = rows
        .iter()
        .rev()
        .find(|row| row.direction == "out" && row.attempts > 0);
    let again = again.ok_or_else(|| Surprise::new("a question handed over twice", "none"))?;
    expect_same("the question in the end", &"done".to_owned(), &again.state)?;
    let tally = Tally::of(session.stage).await?;
    tally.is_whole()?;
    session.altered += 1;
    let text = format!(
        "t: {} refused at B: {ALTERED} envelope · sent again, arrived once",
        short_digest(&again.digest)
    );
    say(
        session,
        Side::Third,
        &text,
        json!({"status": tampered.status, "lost": tally.lost}),
    );
    Ok(())
}

/// An envelope that B has taken, handed over once more.
pub(super) async fn replay(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "p", "[p] replay");
    let stage = &*session.stage;
    // The longest are questions; the short ones carry receipts.
    let copies = stage.to_b.copies();
    let copy = copies.iter().max_by_key(|copy| copy.len());
    let copy = copy.ok_or_else(|| Surprise::new("an envelope to replay", "none"))?;
    let text = format!(
        "an envelope of {} octets, recorded earlier, once more",
        copy.len()
    );
    stage
        .ledger
        .does(Side::Wire, text, json!({"octets": copy.len()}));
    let (status, _) = post(&stage.b, copy.to_vec()).await?;
    expect_same("the answer to what B has already", &202, &status)?;
    let tally = Tally::of(stage).await?;
    tally.is_whole()?;
    session.replayed += 1;
    let text = format!("p: {status}, as the first time · {} doubled", tally.doubled);
    say(
        session,
        Side::B,
        &text,
        json!({"status": status, "doubled": tally.doubled}),
    );
    Ok(())
}

/// B's operator changes what his record says, in the database, while the node runs.
pub(super) async fn edit(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "e", "[e] edit the record");
    session.all_done().await?;
    let stage = &*session.stage;
    let rows = stage.b.messages().await?;
    let question = rows.iter().rev().find(|row| {
        (row.direction.as_str(), name(&row.type_), row.state.as_str())
            == ("in", "request", "settled")
    });
    let question = question.ok_or_else(|| Surprise::new("a question in B's record", "none"))?;
    let entry = rewrite(&stage.b, &question.digest);
    let (entry, old, new) = entry.map_err(Surprise::instead_of("a row to change"))?;
    let text = format!("UPDATE entry in comity.db: entry {entry} now says {new}, not {old}");
    stage.ledger.does(
        Side::B,
        text,
        json!({"entry": entry, "old": old, "new": new}),
    );
    session.edited = Some((entry, question.thid.clone()));
    super::trust::show_edit(session).await
}

/// Changes the size of a message in the entry that tells of its arrival.
fn rewrite(b: &Organisation, digest: &str) -> rusqlite::Result<(u64, String, String)> {
    let open = Connection::open(b.database())?;
    open.busy_timeout(PATIENCE)?;
    let (seq, place, record): (i64, i64, Vec<u8>) = open.query_row(
        "SELECT e.seq, e.place, e.record FROM entry e JOIN digest d ON d.id = e.subject
         WHERE d.text = ?1 AND e.kind = 'message-in' AND e.place IS NOT NULL",
        [digest],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let record = String::from_utf8_lossy(&record).into_owned();
    let number = |text: &str| {
        let rest = text.split_once(r#""bytes":"#)?.1;
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        Some(rest[..end].to_owned())
    };
    let old = format!(r#""bytes":{}"#, number(&record).unwrap_or_default());
    let new = r#""bytes":1"#.to_owned();
    let edited = record.replacen(&old, &new, 1).into_bytes();
    open.execute(
        "UPDATE entry SET record = ?1 WHERE seq = ?2",
        params![edited, seq],
    )?;
    Ok((u64::try_from(place).unwrap_or_default(), old, new))
}

async fn post(to: &Organisation, envelope: Vec<u8>) -> Result<(u16, usize), Surprise> {
    let answer = wire::post(to.wire, envelope.into()).await;
    let (status, body) = answer.map_err(Surprise::instead_of("an answer of the wire door"))?;
    Ok((status, body.len()))
}

/// How many refusals of a kind a node has counted.
async fn refusals(at: &Organisation, code: &str) -> Result<u64, Surprise> {
    let refused = at.status().await?.refused.into_iter();
    Ok(refused.filter(|(of, _)| of == code).map(|(_, n)| n).sum())
}

/// What a node counts for a signature that isn't the sender's.
const FORGED: &str = "forged-signature";
/// What it counts for an envelope that doesn't open.
const ALTERED: &str = "altered";
/// A question comes every second.
const PATIENCE: Duration = Duration::from_secs(15);
