//! Aria's program is off when a message comes; it's there when she returns.

use super::meet::Met;
use super::{SOON, is};
use crate::demo::ledger::Side;
use crate::demo::organisation::name;
use crate::demo::stage::Stage;
use crate::demo::surprise::{Surprise, eventually, expect, expect_same};
use crate::operator::part;
use crate::show::words::{short_digest, who};
use comity_api::operator::{MessageRow, Trace};
use serde_json::json;

pub(super) async fn play(stage: &mut Stage, met: &Met) -> Result<(), Surprise> {
    stage.ledger.step(
        "absence",
        "Aria asks once more, and goes home before Bruno is done",
    );
    if let Some(mut aria) = stage.aria.take() {
        aria.kill().await?;
    }
    let known: Vec<String> = stage
        .a
        .messages()
        .await?
        .into_iter()
        .map(|row| row.digest)
        .collect();
    let new = |row: &MessageRow| !known.contains(&row.digest);
    let cause = [
        "--since",
        "1980",
        "--wait",
        "30",
        "--cause",
        &met.answer.digest,
    ];
    let mut aria = stage.aria_asks(&cause)?;
    let ended = aria.ends(SOON).await?;
    expect(
        ended.success(),
        "aria to have her second answer",
        format!("{ended}, {:?}", aria.lines()),
    )?;
    let said = aria.lines().first().cloned().unwrap_or_default();
    let text = format!("a second question, made from the first answer: {said}");
    stage.ledger.saw(Side::A, text, json!({"said": said}));
    let asked = |row: &MessageRow| is(row, "out", "request") && new(row);
    let second = stage.a.awaits("the second question", SOON, asked).await?;
    trace(stage, &second, met).await?;
    waits(stage, new).await
}

/// The chain from the second question back to the first.
async fn trace(stage: &Stage, second: &MessageRow, met: &Met) -> Result<(), Surprise> {
    let path = format!("/v1/record/trace/{}", part(&second.digest));
    let trace: Trace = stage.a.operator().get(&path).await?;
    let chain: Vec<&str> = trace
        .messages
        .iter()
        .map(|one| one.digest.as_str())
        .collect();
    let expected = [&second.digest, &met.answer.digest, &met.request.digest];
    let whole = expected
        .iter()
        .all(|digest| chain.contains(&digest.as_str()));
    expect(whole, "a chain back to the first question", chain.join(" "))?;
    let named = trace.messages.iter().map(|one| {
        let (type_, from) = (one.type_.as_deref(), one.from.as_deref());
        format!(
            "{} of {}",
            name(type_.unwrap_or("?")),
            who(from.unwrap_or("?"))
        )
    });
    let text = format!("its record: {}", named.collect::<Vec<_>>().join(" ← "));
    stage.ledger.held(Side::A, text, json!({"chain": chain}));
    Ok(())
}

async fn waits(stage: &mut Stage, new: impl Fn(&MessageRow) -> bool) -> Result<(), Surprise> {
    let ledger = stage.ledger.clone();
    let update = |row: &MessageRow| is(row, "in", "update") && new(row);
    let waiting = stage
        .a
        .awaits("an update for the absent aria", SOON, update)
        .await?;
    let aria = stage.a.agent().await?;
    expect(!aria.connected, "nobody connected for aria", "somebody is")?;
    expect_same("attempts to hand it over", &0, &waiting.attempts)?;
    let received = |row: &MessageRow| {
        row.digest == waiting.digest && row.history.iter().any(|step| step.proof == "receipt")
    };
    let sent = stage
        .b
        .awaits("A's signed receipt for it", SOON, received)
        .await?;
    let text = format!(
        "aria is off; an update came: {}, {} waits, offered {} times",
        short_digest(&waiting.digest),
        aria.inbox,
        waiting.attempts
    );
    let facts = json!({"connected": aria.connected, "inbox": aria.inbox, "attempts": 0});
    ledger.held(Side::A, text, facts);
    let text = format!("B has A's signature for it already: {}", sent.state);
    ledger.saw(Side::B, text, json!({"state": sent.state}));

    let aria = stage.start_aria(&["--listen"])?;
    let said = aria.says("update from", SOON).await?;
    ledger.saw(
        Side::A,
        format!("aria is back: {said}"),
        json!({"said": said}),
    );
    stage.aria = Some(aria);
    let settled = eventually("an update that aria settled", SOON, async || {
        let row = stage.a.message(&waiting.digest).await?;
        let came = row.state.clone();
        Ok((row.state == "settled").then_some(row).ok_or(came))
    })
    .await?;
    expect_same("attempts to hand it over", &1, &settled.attempts)?;
    let text = format!("{} at attempt {}", settled.state, settled.attempts);
    ledger.held(
        Side::A,
        text,
        json!({"state": settled.state, "attempt": settled.attempts}),
    );
    Ok(())
}
