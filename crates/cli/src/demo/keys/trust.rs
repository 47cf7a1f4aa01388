//! What an operator does: end a collaboration, let somebody in again, prove.

use super::session::{self, Session};
use super::tally::Tally;
use super::{begin, say};
use crate::demo::ledger::Side;
use crate::demo::organisation::name;
use crate::demo::surprise::{Surprise, expect};
use crate::demo::verifier::{Verified, anchor, verify as ask_third_party};
use crate::show::words::{count, short_digest};
use serde_json::json;

/// Revokes; pressed again, lets Aria in again.
pub(super) async fn revoke_or_let_in(session: &mut Session<'_>) -> Result<(), Surprise> {
    if !session.granted {
        begin(session, "r", "[r] let her in again");
        session::let_in(session.stage).await?;
        session.granted = true;
        let said = session.next_line("answered").await?;
        say(
            session,
            Side::A,
            &format!("r: she goes on: {said}"),
            json!({"said": said}),
        );
        return Ok(());
    }
    begin(session, "r", "[r] revoke");
    let grant = session.stage.revoke().await?;
    session.granted = false;
    let text = format!("revoked: {}", short_digest(&grant));
    session
        .stage
        .ledger
        .does(Side::B, text, json!({"grant": grant}));
    session.stage.ended_at_a(&grant).await?;
    let said = session.next_line("refused").await?;
    say(
        session,
        Side::A,
        &format!("r: she learns so: {said}"),
        json!({"said": said}),
    );
    Ok(())
}

/// Exports the newest thread that is done, has it verified, and counts everything.
pub(super) async fn verify(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "v", "[v] verify");
    let spoilt = session.edited.as_ref().map(|(_, thread)| thread.clone());
    let rows = session.stage.a.messages().await?;
    let newest = rows.iter().rev().find(|row| {
        row.state == "done" && name(&row.type_) == "request" && Some(&row.thid) != spoilt.as_ref()
    });
    let newest = newest.ok_or_else(|| Surprise::new("a thread that is done", "none"))?;
    let verified = third_party(session, &newest.thid.clone(), "newest").await?;
    let same = (verified.verdict.as_str(), verified.exit) == ("proved", Some(0));
    expect(same, "proved, exit code 0", verified.shown())?;
    let tally = Tally::of(session.stage).await?;
    tally.is_whole()?;
    let text = format!(
        "v: newest thread {} by process {} · {} · {} lost · {} doubled · {}",
        verified.verdict,
        verified.pid,
        count(tally.messages as u64, "message"),
        tally.lost,
        tally.doubled,
        session.came_to_nothing()
    );
    let mut facts = tally.facts();
    facts["verdict"] = verified.verdict.into();
    facts["exit"] = verified.exit.into();
    say(session, Side::Third, &text, facts);
    if session.edited.is_some() {
        show_edit(session).await
    } else {
        Ok(())
    }
}

/// The third party looks at the thread whose record was edited.
pub(super) async fn show_edit(session: &Session<'_>) -> Result<(), Surprise> {
    let Some((entry, thread)) = &session.edited else {
        return Ok(());
    };
    let verified = third_party(session, thread, "edited").await?;
    let same = (verified.verdict.as_str(), verified.exit) == ("broken", Some(1));
    expect(same, "broken, exit code 1", verified.shown())?;
    let text = format!(
        "seen: {}, exit code 1: the thread of entry {entry}, which you edited",
        verified.verdict
    );
    let why = verified.first_finding();
    let facts = json!({"verdict": verified.verdict, "exit": verified.exit, "why": why});
    say(session, Side::Third, &text, facts);
    session.stage.ledger.detail(why);
    Ok(())
}

/// B hands a thread to somebody who got the fingerprints from A and B themselves.
async fn third_party(
    session: &Session<'_>,
    thread: &str,
    name: &str,
) -> Result<Verified, Surprise> {
    let stage = &*session.stage;
    let file = stage.dir.join(format!("{name}.comity"));
    let octets = stage.b.export(thread).await?;
    let written = std::fs::write(&file, octets);
    written.map_err(Surprise::instead_of("a file for the evidence"))?;
    let mut anchors = Vec::new();
    for here in [&stage.a, &stage.b] {
        let agent = here.agent().await?;
        anchors.push(anchor(&agent.did, &agent.fingerprint));
    }
    ask_third_party(&file, &anchors).await
}
