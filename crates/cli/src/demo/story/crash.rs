//! Bruno starts something himself; node A dies while it is on its way.

use super::{SOON, is};
use crate::demo::ledger::Side;
use crate::demo::stage::Stage;
use crate::demo::surprise::{Surprise, eventually, expect_same};
use crate::demo::wire::Mode;
use comity_api::operator::MessageRow;
use serde_json::json;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Surprise> {
    let ledger = stage.ledger.clone();
    ledger.step(
        "crash",
        "Bruno looks again and has something to tell; A's node dies meanwhile",
    );
    // From here on the wire to A holds what it gets. All receipts of the answer are through, so
    // that the next envelope is the one that Bruno starts.
    stage.to_a.set(Mode::Held);
    let queued = |row: &MessageRow| is(row, "out", "update") && row.state == "queued";
    let update = stage
        .b
        .awaits("an update that Bruno sends", SOON, queued)
        .await?;
    eventually("an envelope on its way to A", SOON, async || {
        Ok((stage.to_a.holding() > 0)
            .then_some(())
            .ok_or_else(|| "none".to_owned()))
    })
    .await?;
    let text = format!("bruno, on his own: an update for aria ({})", update.state);
    ledger.saw(
        Side::B,
        text,
        json!({"id": update.id, "state": update.state}),
    );
    let text = format!("{} envelope under way to A", stage.to_a.holding());
    ledger.saw(Side::Wire, text, json!({"under_way": stage.to_a.holding()}));
    stage.kill_node(Side::A).await?;
    stage.to_a.set(Mode::Cut);
    let still = stage.b.message(&update.digest).await?;
    expect_same(
        "the update at B, undelivered",
        &"queued".to_owned(),
        &still.state,
    )?;
    ledger.held(
        Side::B,
        "nothing is lost: the update is queued here",
        json!({"state": still.state}),
    );
    stage.to_a.set(Mode::Open);
    stage.restart_node(Side::A).await?;
    arrived_once(stage, &update).await
}

/// It's there once, was offered once, and the agent heard of it once.
async fn arrived_once(stage: &mut Stage, update: &MessageRow) -> Result<(), Surprise> {
    let done = |row: &MessageRow| row.digest == update.digest && row.state == "done";
    let sent = stage.b.awaits("an update that is done", SOON, done).await?;
    let rows = stage.a.messages().await?.into_iter();
    let arrived: Vec<_> = rows
        .filter(|row| row.direction == "in" && row.digest == update.digest)
        .collect();
    expect_same("how often the update is in A's inbox", &1, &arrived.len())?;
    let attempts = arrived.first().map(|row| row.attempts).unwrap_or_default();
    expect_same("attempts to hand it to aria", &1, &attempts)?;
    let Some(aria) = &mut stage.aria else {
        return Err(Surprise::new("aria, who listens", "nobody"));
    };
    let said = aria.says("update from", SOON).await?;
    aria.still_runs()?;
    let times = aria
        .lines()
        .iter()
        .filter(|line| line.contains("update from"))
        .count();
    expect_same("how often aria heard of it", &1, &times)?;
    let text = format!("aria, who never noticed: {said}");
    stage.ledger.saw(Side::A, text, json!({"said": said}));
    let text = format!(
        "arrived {} time, attempt {attempts}; {} at B",
        arrived.len(),
        sent.state
    );
    let facts = json!({"count": arrived.len(), "attempt": attempts, "state": sent.state});
    stage.ledger.held(Side::A, text, facts);
    Ok(())
}
