//! What is told: put into the queue in the transaction of what it is about, so that a committed
//! knock or decision always leads to its event.

use crate::journey::trouble::CoreError;
use crate::journey::trust::decided::parties;
use crate::journey::{Core, looks};
use comity_api::safe;
use comity_engine::Timestamp;
use comity_jose::{Entropy, base64url};
use comity_record::entry::{Decided, Outcome};
use comity_store::{Incoming, KnockRow, Tx, WebhookEvent};
use serde_json::{Value, json};

/// Types of events, besides `webhook.test`.
pub(super) const ALL: [&str; 5] = [
    "delivery.parked",
    "knock.received",
    "knock.decided",
    "grant.ended",
    "peer.suspended",
];

/// Somebody knocks, and a person has to decide.
pub(crate) fn knock_received(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &KnockRow,
) -> Result<(), CoreError> {
    let mut warnings = looks::warnings(&row.sender, &looks::known(tx)?);
    warnings.extend(looks::warnings_of_text(&row.knock.purpose));
    let data = json!({
        "knock": row.id,
        "from": row.sender,
        "who": looks::party(&row.sender),
        "to": row.recipient,
        "purpose": safe(&row.knock.purpose),
        "warnings": warnings,
        "decide_by": rfc3339(row.expires),
    });
    announce(tx, entropy, "knock.received", &data)
}

/// An agent asks a person. Not what: its words may quote the message.
pub(crate) fn parked(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    row: &Incoming,
) -> Result<(), CoreError> {
    let until = row.parked.as_ref().map(|parked| rfc3339(parked.until));
    let data = json!({
        "delivery": row.delivery,
        "from": row.sender,
        "to": row.recipient,
        "answer_by": until,
    });
    announce(tx, entropy, "delivery.parked", &data)
}

/// A decision was recorded: it may be about a knock, or the end of a grant.
pub(crate) fn decision(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    decided: &Decided,
) -> Result<(), CoreError> {
    if tx.webhooks()?.is_empty() {
        return Ok(());
    }
    let by = safe(&decided.by);
    match decided.outcome {
        Outcome::Approved | Outcome::Declined => {
            let knock = match &decided.message {
                Some(message) => tx.knock(message)?,
                None => None,
            };
            let Some(knock) = knock else { return Ok(()) };
            let data = json!({
                "knock": knock.id, "from": knock.sender, "to": knock.recipient,
                "outcome": decided.outcome.as_str(), "by": by,
            });
            announce(tx, entropy, "knock.decided", &data)
        }
        Outcome::Ended | Outcome::Revoked | Outcome::Suspended => {
            let type_ = match decided.outcome {
                Outcome::Suspended => "peer.suspended",
                _ => "grant.ended",
            };
            let (agent, peer) = parties(tx, decided)?;
            let data = json!({
                "grant": decided.grant, "peer": peer, "agent": agent,
                "outcome": decided.outcome.as_str(), "by": by,
            });
            announce(tx, entropy, type_, &data)
        }
        _ => Ok(()),
    }
}

/// An event that nothing led to.
pub(super) fn test(core: &Core) -> WebhookEvent {
    let now = core.clock.now();
    let data = json!({"host": core.site.authority()});
    event("", &*core.entropy, "webhook.test", &data, now)
}

fn announce(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    type_: &str,
    data: &Value,
) -> Result<(), CoreError> {
    for row in tx.webhooks()? {
        let wants = row.events.is_empty() || row.events.iter().any(|event| event == type_);
        if row.disabled.is_none() && wants {
            let event = event(&row.id, entropy, type_, data, tx.now());
            tx.put_webhook_event(&event)?;
        }
    }
    Ok(())
}

fn event(
    webhook: &str,
    entropy: &dyn Entropy,
    type_: &str,
    data: &Value,
    now: Timestamp,
) -> WebhookEvent {
    let mut id = [0; 16];
    entropy.fill(&mut id);
    let body = json!({"type": type_, "timestamp": rfc3339(now.seconds()), "data": data});
    WebhookEvent {
        seq: 0,
        webhook: webhook.to_owned(),
        id: format!("msg_{}", base64url::encode(&id)),
        body: body.to_string(),
        created: now,
        attempts: 0,
        next_attempt: now,
    }
}

/// `2026-11-26T14:32:05Z`.
///
/// # Spec
/// RFC 3339; the calendar by the era arithmetic of proleptic Gregorian days.
pub(super) fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn times_are_written_as_dates_through_leap_years() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_795_404_926, "2026-11-23T03:35:26Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
