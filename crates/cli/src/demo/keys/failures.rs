//! What breaks by itself in real life: processes and networks.

use super::session::Session;
use super::tally::Tally;
use super::{begin, say};
use crate::demo::ledger::Side;
use crate::demo::surprise::{Surprise, expect};
use crate::demo::wire::Mode;
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// SIGKILL, in turn to B and A, while she asks.
pub(super) async fn kill(session: &mut Session<'_>) -> Result<(), Surprise> {
    begin(session, "k", "[k] kill a node");
    let side = session.next_kill;
    session.next_kill = if side == Side::B { Side::A } else { Side::B };
    session.stage.kill_node(side).await?;
    let took = session.stage.restart_node(side).await?;
    session.kills += 1;
    let answered = if session.granted {
        session.next_line("answered").await?
    } else {
        String::new()
    };
    session.all_done().await?;
    let tally = Tally::of(session.stage).await?;
    tally.is_whole()?;
    let text = format!(
        "k: back after {} ms, and she goes on ({answered}) · {} messages · {} lost · {} doubled",
        took.as_millis(),
        tally.messages,
        tally.lost,
        tally.doubled
    );
    say(session, Side::Third, &text, tally.facts());
    Ok(())
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
    session.all_done().await?;
    let answered = if session.granted {
        session.next_line("answered").await?
    } else {
        String::new()
    };
    let tally = Tally::of(session.stage).await?;
    tally.is_whole()?;
    let text = format!(
        "d: {waiting} waited at A meanwhile, all delivered since ({answered}) · {} lost · {} doubled",
        tally.lost, tally.doubled
    );
    say(session, Side::Third, &text, tally.facts());
    Ok(())
}

/// Long enough that she notices, short enough to watch.
const CUT: Duration = Duration::from_secs(3);
