//! The end of a collaboration: one command, known at both ends.

use super::{SOON, is};
use crate::demo::ledger::Side;
use crate::demo::stage::Stage;
use crate::demo::surprise::{Surprise, expect_same};
use crate::show::words::short_digest;
use comity_api::operator::MessageRow;
use serde_json::json;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Surprise> {
    let ledger = stage.ledger.clone();
    ledger.step("revoke", "B's operator ends it");
    if let Some(mut aria) = stage.aria.take() {
        aria.kill().await?;
    }
    let grant = stage.revoke().await?;
    ledger.saw(
        Side::B,
        format!("revoked: {}", short_digest(&grant)),
        json!({"grant": grant}),
    );
    stage.ended_at_a(&grant).await?;
    ledger.held(
        Side::A,
        "node A knows: the grant has ended",
        json!({"state": "ended"}),
    );
    // Without a purpose: an agent that says why would knock again.
    let mut aria = stage.aria_asks(&["--wait", "20"])?;
    let ended = aria.ends(SOON).await?;
    expect_same("aria's exit code, 3 for refused", &Some(3), &ended.code())?;
    let said = aria.lines().last().cloned().unwrap_or_default();
    let refused = |row: &MessageRow| is(row, "out", "request") && row.state == "refused";
    let row = stage
        .a
        .awaits("a question that is refused", SOON, refused)
        .await?;
    let code = row.reason.clone().unwrap_or_default();
    expect_same("why", &"e.p.trust.revoked".to_owned(), &code)?;
    let text = format!("aria asks again: {}, {code}; she hears: {said}", row.state);
    ledger.held(
        Side::A,
        text,
        json!({"state": row.state, "code": code, "said": said}),
    );
    Ok(())
}
