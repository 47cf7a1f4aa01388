//! Webhooks: what happens here is told to addresses that operators gave (Standard Webhooks 1.0.0).
//!
//! [`events`] puts an event into the queue in the transaction of what it is about; [`post`] takes it
//! out, signs it and posts it until it is taken, or for a day. An event is a pointer with a summary
//! that is safe to show, never a message's content.

pub(crate) mod events;
mod post;

use super::Core;
use super::trouble::{CoreError, bad, not_found};
use super::trust::Operator;
use comity_api::operator::{self as api, CreateWebhook, RotateOperator, WebhookSecret};
use comity_api::{Problem, safe};
use comity_engine::Timestamp;
use comity_engine::role::Act;
use comity_jose::base64url;
use comity_store::WebhookRow;
use http::Uri;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// What rests sealed of a webhook.
#[derive(Serialize, Deserialize)]
struct Secrets {
    url: String,
    /// The key that signs, base64url.
    key: String,
    /// The one before.
    old_key: Option<String>,
}

impl Core {
    /// The webhooks, with how they do.
    ///
    /// # Errors
    /// Storage.
    pub async fn webhooks(&self) -> Result<Vec<api::Webhook>, Problem> {
        let rows = self.store.read(|tx| {
            let rows = tx.webhooks()?.into_iter();
            let rows = rows.map(|row| Ok((tx.count_webhook_events(&row.id)?, row)));
            rows.collect::<Result<Vec<_>, CoreError>>()
        });
        let rows = rows.await?;
        Ok(rows
            .iter()
            .map(|(waiting, row)| show(row, *waiting))
            .collect())
    }

    /// Makes a webhook. Its secret is shown only now.
    ///
    /// # Errors
    /// `by` may not; the address is none that may be posted to; there is no such event.
    pub async fn create_webhook(
        &self,
        by: &Operator,
        create: CreateWebhook,
    ) -> Result<WebhookSecret, Problem> {
        by.check(Act::Manage)?;
        let host = host_of(&create)?;
        for event in &create.events {
            if !events::ALL.contains(&event.as_str()) {
                let known = events::ALL.join(", ");
                return Err(bad(format!("there is no event {}", safe(event)))
                    .detail(format!("there are {known}")));
            }
        }
        let id = self.random_text(16);
        let secrets = Secrets {
            url: create.url.clone(),
            key: self.random_text(32),
            old_key: None,
        };
        let row = WebhookRow {
            sealed: self.seal(&id, &secrets)?,
            id,
            host,
            events: create.events,
            allow_private: create.allow_private,
            old_until: None,
            created: self.clock.now(),
            failures: 0,
            failing_since: None,
            disabled: None,
            last: None,
        };
        let shown = show(&row, 0);
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        self.store
            .write(move |tx| {
                if tx.webhooks()?.len() >= WEBHOOKS_MAX {
                    let full = bad("there are too many webhooks");
                    return Err(CoreError::from(full.next("comity webhook remove ID")));
                }
                tx.put_webhook(&row)?;
                by.acts(tx, &*entropy, "webhook-create", &about(&row))
            })
            .await?;
        self.signals.recorded.raise();
        Ok(WebhookSecret {
            webhook: shown,
            secret: secret_text(&secrets.key)?,
        })
    }

    /// Gives a webhook another secret; the one before signs, too, for `grace_s`.
    ///
    /// # Errors
    /// `by` may not; there is no such webhook.
    pub async fn rotate_webhook(
        &self,
        by: &Operator,
        id: &str,
        rotate: RotateOperator,
    ) -> Result<WebhookSecret, Problem> {
        by.check(Act::Manage)?;
        let grace = Duration::from_secs(rotate.grace_s);
        if grace > GRACE_MAX {
            return Err(bad("a secret that was replaced signs for a week at most"));
        }
        let row = self.webhook(id).await?;
        let before = self.unseal(&row)?;
        let secrets = Secrets {
            url: before.url,
            key: self.random_text(32),
            old_key: (!grace.is_zero()).then_some(before.key),
        };
        let sealed = self.seal(&row.id, &secrets)?;
        let old_until = (!grace.is_zero()).then(|| self.clock.now() + grace);
        let change = move |row: &mut WebhookRow| {
            row.sealed.clone_from(&sealed);
            row.old_until = old_until;
        };
        let changed = self.change_webhook(by, &row, "webhook-rotate", change);
        Ok(WebhookSecret {
            webhook: changed.await?,
            secret: secret_text(&secrets.key)?,
        })
    }

    /// Removes a webhook and what it was not told yet.
    ///
    /// # Errors
    /// `by` may not; there is no such webhook.
    pub async fn remove_webhook(&self, by: &Operator, id: &str) -> Result<(), Problem> {
        by.check(Act::Manage)?;
        let row = self.webhook(id).await?;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        self.store
            .write(move |tx| {
                tx.remove_webhook(&row.id)?;
                by.acts(tx, &*entropy, "webhook-remove", &about(&row))
            })
            .await?;
        self.signals.recorded.raise();
        Ok(())
    }

    /// Posts a test event at once; a webhook that was given up goes on if it takes it.
    ///
    /// # Errors
    /// `by` may not; there is no such webhook.
    pub async fn test_webhook(&self, by: &Operator, id: &str) -> Result<api::Webhook, Problem> {
        by.check(Act::Manage)?;
        let row = self.webhook(id).await?;
        let event = events::test(self);
        let tried = self.post_event(&row, &event).await?;
        let taken = tried.is_taken();
        let change = move |row: &mut WebhookRow| {
            row.last = Some(tried.clone().into_try());
            if taken {
                (row.failures, row.failing_since, row.disabled) = (0, None, None);
            }
        };
        self.change_webhook(by, &row, "webhook-test", change).await
    }

    /// What is wrong with webhooks, for `comity status`.
    pub(crate) async fn webhook_alarms(&self) -> Result<Vec<String>, CoreError> {
        let rows = self.store.read(|tx| Ok::<_, CoreError>(tx.webhooks()?));
        let now = self.clock.now();
        let alarms = rows.await?.into_iter().filter_map(|row| {
            let (id, host) = (&row.id, &row.host);
            if row.disabled.is_some() {
                return Some(format!(
                    "the webhook at {host} took nothing for a day and was given up; \
                     comity webhook test {id} tries it again"
                ));
            }
            let since = row.failing_since.filter(|since| now >= *since + ALARM)?;
            Some(format!(
                "the webhook at {host} has taken nothing for {} minutes: comity webhook",
                now.seconds().saturating_sub(since.seconds()) / 60
            ))
        });
        Ok(alarms.collect())
    }

    async fn webhook(&self, id: &str) -> Result<WebhookRow, Problem> {
        let prefix = id.to_owned();
        let rows = self.store.read(move |tx| {
            let mut rows = tx.webhooks()?;
            rows.retain(|row| row.id.starts_with(&prefix));
            Ok::<_, CoreError>(rows)
        });
        match rows.await?.as_slice() {
            [row] => Ok(row.clone()),
            [] => Err(not_found("webhook", &safe(id)).next("comity webhook")),
            _ => Err(super::trouble::ambiguous(&safe(id))),
        }
    }

    async fn change_webhook(
        &self,
        by: &Operator,
        row: &WebhookRow,
        act: &'static str,
        change: impl Fn(&mut WebhookRow) + Send + 'static,
    ) -> Result<api::Webhook, Problem> {
        let (entropy, by, id) = (Arc::clone(&self.entropy), by.clone(), row.id.clone());
        let (row, waiting) = self
            .store
            .write(move |tx| {
                let Some(mut row) = tx.webhook(&id)? else {
                    return Err(CoreError::from(not_found("webhook", &id)));
                };
                change(&mut row);
                tx.put_webhook(&row)?;
                by.acts(tx, &*entropy, act, &about(&row))?;
                let waiting = tx.count_webhook_events(&id)?;
                Ok((row, waiting))
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.webhooks.raise();
        Ok(show(&row, waiting))
    }

    fn seal(&self, id: &str, secrets: &Secrets) -> Result<String, CoreError> {
        let text = serde_json::to_vec(secrets)
            .map_err(|_| CoreError::Defect("secrets that are no JSON"))?;
        let sealed = self.custody.seal(&purpose(id), &Zeroizing::new(text))?;
        Ok(base64url::encode(&sealed))
    }

    fn unseal(&self, row: &WebhookRow) -> Result<Secrets, CoreError> {
        let damaged = || CoreError::Defect("a webhook whose secrets do not open");
        let sealed = base64url::decode(&row.sealed).map_err(|_| damaged())?;
        let text = self.custody.open(&purpose(&row.id), &sealed)?;
        serde_json::from_slice(&text).map_err(|_| damaged())
    }

    fn random_text(&self, octets: usize) -> String {
        let mut random = Zeroizing::new(vec![0; octets]);
        self.entropy.fill(&mut random);
        base64url::encode(&random)
    }
}

/// Scheme and host of an address that may be posted to.
fn host_of(create: &CreateWebhook) -> Result<String, Problem> {
    let uri: Option<Uri> = create.url.parse().ok();
    let parts = uri.as_ref().and_then(|uri| {
        let authority = uri.authority()?;
        let plain = !authority.as_str().contains('@');
        Some((uri.scheme_str()?, authority)).filter(|_| plain)
    });
    match parts {
        Some(("https", host)) => Ok(format!("https://{host}")),
        Some(("http", host)) if create.allow_private => Ok(format!("http://{host}")),
        Some(("http", _)) => Err(bad("a webhook is posted to https")
            .detail("plain http only goes to this machine or a private network")
            .next("comity webhook create URL --allow-private")),
        _ => {
            Err(bad("this is no address to post to")
                .next("comity webhook create https://HOST/PATH"))
        }
    }
}

fn show(row: &WebhookRow, waiting: u64) -> api::Webhook {
    let state = match (row.disabled, row.failing_since) {
        (Some(_), _) => "disabled",
        (None, Some(_)) => "failing",
        (None, None) => "active",
    };
    let last = row.last.as_ref();
    let all = || events::ALL.iter().map(ToString::to_string).collect();
    api::Webhook {
        id: row.id.clone(),
        host: row.host.clone(),
        events: if row.events.is_empty() {
            all()
        } else {
            row.events.clone()
        },
        allow_private: row.allow_private,
        state: state.to_owned(),
        waiting,
        failures: row.failures,
        failing_since: row.failing_since.map(Timestamp::seconds),
        last_at: last.map(|last| last.at.seconds()),
        last_status: last.and_then(|last| last.status),
        last_error: last.and_then(|last| last.error.clone()),
        created: row.created.seconds(),
    }
}

/// What the record calls it: the path may be a secret.
fn about(row: &WebhookRow) -> String {
    format!("{} {}", row.id, row.host)
}

fn purpose(id: &str) -> String {
    format!("webhook {id}")
}

/// As receivers write it: `whsec_` and base64.
fn secret_text(key: &str) -> Result<String, CoreError> {
    let octets = base64url::decode(key)
        .map_err(|_| CoreError::Defect("a key of ours that does not decode"))?;
    Ok(format!("whsec_{}", post::base64(&octets)))
}

/// Each event goes to all of them.
const WEBHOOKS_MAX: usize = 32;
const GRACE_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
/// What fails for so long is told to operators.
const ALARM: Duration = Duration::from_secs(600);
