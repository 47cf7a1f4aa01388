//! What breaks by itself in real life: processes and networks.

use super::session::Session;
use super::tally::Tally;
use super::{begin, say};
use crate::demo::ledger::Side;
use crate::demo::surprise::{Surprise, eventually, expect};
use crate::demo::wire::Mode;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// SIGKILL, in turn to B and A, with a message to it under way.
pub(super) async fn kill(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "k", "[k] kill a node");
    let side = session.next_kill;
    session.next_kill = if side == Side::B { Side::A } else { Side::B };
    let under_way = hold_one(session, side).await?;
    session.stage.kill_node(side).await?;
    session.stage.wire_to(side).set(Mode::Cut);
    let took = session.stage.restart_node(side).await?;
    session.stage.wire_to(side).set(Mode::Open);
    session.kills += 1;
    let said = session.goes_on().await?;
    let tally = Tally::of(session.stage).await?;
    tally.is_whole()?;
    let text = format!(
        "k: {under_way} under way, back after {} ms{said} · {} messages · {} lost · {} doubled",
        took.as_millis(),
        tally.messages,
        tally.lost,
        tally.doubled
    );
    let mut facts = tally.facts();
    facts["cut_short"] = under_way.into();
    say(session, Side::Third, &text, facts);
    Ok(())
}

/// Waits for an envelope on its way to a node, and holds it there.
async fn hold_one(session: &Session<'_>, side: Side) -> Result<u64, Surprise> {
    if !session.granted {
        return Ok(0);
    }
    let wire = session.stage.wire_to(side);
    wire.set(Mode::Held);
    eventually("an envelope under way", PATIENCE, async || {
        Ok(match wire.holding() {
            0 => Err("none".to_owned()),
            under_way => Ok(under_way),
        })
    })
    .await
}

/// Cuts both directions for some seconds.
pub(super) async fn cut(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "d", "[d] cut the network");
    let stage = &*session.stage;
    for wire in [&stage.to_a, &stage.to_b] {
        wire.set(Mode::Cut);
    }
    let text = format!("every connection dropped, for {} s", CUT.as_secs());
    stage
        .ledger
        .does(Side::Wire, text, json!({"seconds": CUT.as_secs()}));
    let carried = stage.to_a.carried() + stage.to_b.carried();
    sleep(CUT).await;
    let passed = stage.to_a.carried() + stage.to_b.carried() - carried;
    let waiting = session.open_questions().await?.len();
    for wire in [&stage.to_a, &stage.to_b] {
        wire.set(Mode::Open);
    }
    // One that was under way at the cut may have been counted just after it.
    expect(passed <= 2, "nothing to pass a cut wire", passed)?;
    let said = session.goes_on().await?;
    let tally = Tally::of(session.stage).await?;
    tally.is_whole()?;
    let text = format!(
        "d: {waiting} waited at A meanwhile, delivered since{said} · {} lost · {} doubled",
        tally.lost, tally.doubled
    );
    say(session, Side::Third, &text, tally.facts());
    Ok(())
}

/// A question comes every second.
const PATIENCE: Duration = Duration::from_secs(15);
/// Long enough that she notices, short enough to watch.
const CUT: Duration = Duration::from_secs(3);
