//! The story: what two companies live through, in half a minute.

mod absence;
mod crash;
mod meet;
mod proof;
mod revoke;

use super::organisation::name;
use super::stage::Stage;
use super::surprise::Surprise;
use comity_api::operator::MessageRow;
use std::time::Duration;

/// Plays it to the end, or up to the first thing that is not as it must be.
pub(super) async fn play(stage: &mut Stage) -> Result<(), Surprise> {
    meet::start(stage).await?;
    let met = meet::play(stage).await?;
    crash::play(stage).await?;
    absence::play(stage, &met).await?;
    revoke::play(stage).await?;
    proof::play(stage, &met).await
}

/// Whether a row is a message of this kind, in this direction.
fn is(row: &MessageRow, direction: &str, kind: &str) -> bool {
    row.direction == direction && name(&row.type_) == kind
}

/// Everything in the story takes well under a second; a busy machine may need longer.
const SOON: Duration = Duration::from_secs(20);
/// After this many seconds Bruno looks again: enough for the receipts of his answer to be done.
const LOOK_AGAIN: u64 = 3;
