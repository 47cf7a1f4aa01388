//! Posting events: signed, one after the other for each webhook, again and again for a day.
//!
//! # Spec
//! Standard Webhooks 1.0.0: headers `webhook-id`, `webhook-timestamp`, `webhook-signature`; only a
//! status of 2xx takes an event; 410 gives the webhook up; `Retry-After` is honoured.

use crate::journey::Core;
use crate::journey::trouble::CoreError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use comity_engine::Timestamp;
use comity_jose::{base64url, hmac_sha256};
use comity_store::{StoreError, WebhookEvent, WebhookRow, WebhookTry};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// What came of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    at: Timestamp,
    answer: Result<u16, String>,
    retry_after: Option<Duration>,
}

impl Tried {
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.answer, Ok(200..=299))
    }

    fn is_gone(&self) -> bool {
        matches!(self.answer, Ok(410))
    }

    pub(super) fn into_try(self) -> WebhookTry {
        WebhookTry {
            at: self.at,
            status: self.answer.as_ref().ok().copied(),
            error: self.answer.err(),
        }
    }
}

impl Core {
    /// Posts what is due until the node stops. A webhook that is slow keeps no other waiting.
    pub(crate) async fn post_webhooks_forever(self: Arc<Self>) {
        let mut listener = self.signals.webhooks.listen();
        let mut decided = self.signals.decided.listen();
        let (mut busy, mut under_way) = (HashSet::new(), JoinSet::new());
        loop {
            match self.due_events(&busy).await {
                Ok(due) => {
                    for (webhook, events) in due {
                        busy.insert(webhook.clone());
                        let core = Arc::clone(&self);
                        under_way.spawn(async move {
                            if let Err(error) = core.post_events(&webhook, events).await {
                                tracing::error!(%error, "a webhook could not be told");
                            }
                            webhook
                        });
                    }
                }
                Err(CoreError::Store(StoreError::Closed)) => return,
                Err(error) => tracing::error!(%error, "webhooks cannot be told now"),
            }
            tokio::select! {
                Some(done) = under_way.join_next() => {
                    if let Ok(webhook) = done {
                        busy.remove(&webhook);
                    }
                }
                () = listener.wait(Duration::from_secs(5)) => {}
                () = decided.wait(Duration::from_secs(5)) => {}
            }
        }
    }

    async fn due_events(
        &self,
        busy: &HashSet<String>,
    ) -> Result<HashMap<String, Vec<WebhookEvent>>, CoreError> {
        let due = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.due_webhook_events(tx.now(), AT_ONCE)?))
            .await?;
        let mut by_webhook: HashMap<String, Vec<_>> = HashMap::new();
        for event in due
            .into_iter()
            .filter(|event| !busy.contains(&event.webhook))
        {
            by_webhook
                .entry(event.webhook.clone())
                .or_default()
                .push(event);
        }
        Ok(by_webhook)
    }

    /// Posts events of one webhook until one is not taken.
    async fn post_events(&self, webhook: &str, events: Vec<WebhookEvent>) -> Result<(), CoreError> {
        for event in events {
            let id = webhook.to_owned();
            let row = self
                .store
                .read(move |tx| Ok::<_, CoreError>(tx.webhook(&id)?));
            let Some(row) = row.await? else {
                return Ok(());
            };
            if row.disabled.is_some() {
                return self.forget_event(event.seq).await;
            }
            let tried = self.post_event(&row, &event).await?;
            let taken = tried.is_taken();
            self.note_try(event, tried).await?;
            if !taken {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One attempt.
    pub(super) async fn post_event(
        &self,
        row: &WebhookRow,
        event: &WebhookEvent,
    ) -> Result<Tried, CoreError> {
        let at = self.clock.now();
        let secrets = self.unseal(row)?;
        let old = secrets.old_key.as_deref();
        let old = old.filter(|_| row.old_until.is_some_and(|until| at < until));
        let body = self.with_link(&event.body);
        let stamp = at.seconds().to_string();
        let mut signatures = Vec::new();
        for key in [Some(secrets.key.as_str()), old].into_iter().flatten() {
            let key = base64url::decode(key).map(Zeroizing::new);
            let key = key.map_err(|_| CoreError::Defect("a key of ours that does not decode"))?;
            let parts: [&[u8]; 5] = [
                event.id.as_bytes(),
                b".",
                stamp.as_bytes(),
                b".",
                body.as_bytes(),
            ];
            signatures.push(format!("v1,{}", base64(&hmac_sha256(&key, &parts))));
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            (ID, event.id.as_str()),
            (TIMESTAMP, stamp.as_str()),
            (SIGNATURE, signatures.join(" ").as_str()),
        ] {
            let value = HeaderValue::from_str(value)
                .map_err(|_| CoreError::Defect("a header of ours that is none"))?;
            headers.insert(name, value);
        }
        let posted = self
            .http
            .post_hook(&secrets.url, row.allow_private, headers, Bytes::from(body))
            .await;
        let (answer, retry_after) = match posted {
            Ok((status, retry_after)) => (Ok(status), retry_after),
            Err(error) => (Err(error.to_string()), None),
        };
        Ok(Tried {
            at,
            answer,
            retry_after,
        })
    }

    /// What came of it: the event goes or waits, the webhook does well or not.
    async fn note_try(&self, event: WebhookEvent, tried: Tried) -> Result<(), CoreError> {
        let random = self.random();
        self.store
            .write(move |tx| {
                let Some(mut row) = tx.webhook(&event.webhook)? else {
                    return Ok(());
                };
                let now = tx.now();
                row.last = Some(tried.clone().into_try());
                if tried.is_taken() {
                    (row.failures, row.failing_since) = (0, None);
                    tx.remove_webhook_event(event.seq)?;
                    return Ok::<_, CoreError>(tx.put_webhook(&row)?);
                }
                row.failures += 1;
                let since = *row.failing_since.get_or_insert(now);
                let attempts = event.attempts + 1;
                let pause = pause(attempts, random).max(tried.retry_after.unwrap_or_default());
                let next = now + pause;
                if next > event.created + LONGEST {
                    tx.remove_webhook_event(event.seq)?;
                    // Nothing was taken since before this one: nobody is there.
                    if since <= event.created + FIRST_PAUSE {
                        row.disabled = Some(now);
                    }
                } else {
                    tx.put_webhook_event(&WebhookEvent {
                        attempts,
                        next_attempt: next,
                        ..event.clone()
                    })?;
                }
                if tried.is_gone() {
                    row.disabled = Some(now);
                }
                Ok(tx.put_webhook(&row)?)
            })
            .await
    }

    async fn forget_event(&self, seq: u64) -> Result<(), CoreError> {
        self.store
            .write(move |tx| Ok::<_, CoreError>(tx.remove_webhook_event(seq)?))
            .await
    }

    /// Where a person decides; the page's address may have changed since the event.
    fn with_link(&self, body: &str) -> String {
        let Ok(mut value) = serde_json::from_str::<Value>(body) else {
            return body.to_owned();
        };
        if let (Some(page), Some(data)) = (self.site.operator_url(), value.get_mut("data")) {
            let of = |name: &str| data.get(name).and_then(Value::as_str);
            let link = match (of("knock"), of("delivery")) {
                (Some(knock), _) => format!("{page}/#knock={knock}"),
                (_, Some(delivery)) => format!("{page}/#parked={delivery}"),
                (None, None) => format!("{page}/"),
            };
            data["url"] = link.into();
        }
        value.to_string()
    }
}

pub(super) fn base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// The pause after this many failed attempts, with up to a tenth more by chance, so that what
/// failed together does not come back together.
fn pause(attempts: u32, random: u64) -> Duration {
    let step = attempts.saturating_sub(1) as usize;
    let full = PAUSES.get(step).or(PAUSES.last()).copied();
    let full = full.unwrap_or(FIRST_PAUSE);
    let tenth = u64::try_from(full.as_millis() / 10)
        .unwrap_or(u64::MAX)
        .max(1);
    full + Duration::from_millis(random % tenth)
}

const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// As the specification shows them.
const PAUSES: [Duration; 6] = [
    FIRST_PAUSE,
    Duration::from_secs(300),
    Duration::from_secs(1_800),
    Duration::from_secs(7_200),
    Duration::from_secs(5 * 3_600),
    Duration::from_secs(6 * 3_600),
];
/// An event that nobody took for so long is given up.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// Events looked at in one round.
const AT_ONCE: usize = 256;
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end_within_a_day_and_a_half() {
        let mut sum = Duration::ZERO;
        for attempts in 1..20 {
            let (least, most) = (pause(attempts, 0), pause(attempts, u64::MAX));
            assert!(least <= most && most < least + least / 10 + Duration::from_millis(1));
            assert!(attempts == 1 || least >= pause(attempts - 1, 0));
            sum += least;
            if attempts == 7 {
                assert!(sum > Duration::from_secs(15 * 3_600) && sum < LONGEST);
            }
        }
        assert_eq!(pause(1, 0), FIRST_PAUSE);
    }
}
