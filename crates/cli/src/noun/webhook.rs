use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::part;
use crate::say;
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint;
use crate::show::table::{Cell, Table};
use crate::show::{self, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::{self, CreateWebhook, RotateOperator, WebhookSecret};
use comity_api::safe;
use std::time::Duration;

/// List, create, test, rotate, remove addresses that are told what happens
///
/// Standard Webhooks (standardwebhooks.com): signed, posted again for a day until taken, a pointer
/// with a link to the operator's page and never a message's content. Events: knock.received,
/// knock.decided, grant.ended, delivery.parked, peer.suspended.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity webhook create https://hooks.example.org/comity --event knock.received
  comity webhook create http://127.0.0.1:9000/comity --allow-private
  comity webhook test WEBHOOK"
)]
pub(crate) struct Webhook {
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Who is told, and how that goes
    List(Listing),
    /// Tell another address; the secret that verifies it is shown once
    Create {
        /// Where to post
        url: String,
        /// What it is told [default: everything]; may be repeated
        #[arg(long, value_name = "EVENT")]
        event: Vec<String>,
        /// It may be on this machine or in a private network, there also by plain http
        #[arg(long)]
        allow_private: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Post a test event now; one that was given up goes on if it takes it
    Test {
        /// The webhook, or the beginning of its id
        id: String,
        #[command(flatten)]
        output: Output,
    },
    /// Give one another secret; it is shown once
    Rotate {
        /// The webhook, or the beginning of its id
        id: String,
        /// How long the secret before signs, too (1h, 2d) [default: not at all]
        #[arg(long, value_name = "TIME", value_parser = time::duration)]
        grace: Option<Duration>,
        #[command(flatten)]
        output: Output,
    },
    /// Tell one nothing more
    Remove {
        /// The webhook, or the beginning of its id
        id: String,
    },
}

pub(crate) async fn run(args: Webhook, shell: &Shell) -> Result<Exit, Trouble> {
    let door = shell.operator();
    match args.act.unwrap_or(Act::List(args.listing)) {
        Act::List(listing) => {
            let fetch = async || door.get::<Vec<operator::Webhook>>("/v1/webhooks").await;
            return show::list(listing, fetch, |webhooks| table(webhooks)).await;
        }
        Act::Create {
            url,
            event,
            allow_private,
            output,
        } => {
            let create = CreateWebhook {
                url,
                events: event,
                allow_private,
            };
            let made: WebhookSecret = door.post("/v1/webhooks", &create).await?;
            show::one(output, &made, secret)?;
        }
        Act::Test { id, output } => {
            let path = format!("/v1/webhooks/{}/test", part(&id));
            let tested: operator::Webhook = door.post(&path, &()).await?;
            let taken = tested.last_status.is_some_and(|status| status / 100 == 2);
            show::one(output, &tested, |tested| {
                format!("{}: {}", safe(&tested.host), last(tested))
            })?;
            if !taken {
                return Ok(Exit::Failed);
            }
        }
        Act::Rotate { id, grace, output } => {
            let rotate = RotateOperator {
                grace_s: grace.unwrap_or_default().as_secs(),
            };
            let path = format!("/v1/webhooks/{}/rotate", part(&id));
            let made: WebhookSecret = door.post(&path, &rotate).await?;
            show::one(output, &made, secret)?;
        }
        Act::Remove { id } => {
            door.delete(&format!("/v1/webhooks/{}", part(&id))).await?;
            say!("removed");
        }
    }
    Ok(Exit::Ok)
}

fn secret(made: &WebhookSecret) -> String {
    let WebhookSecret { webhook, secret } = made;
    format!(
        "webhook {}  {}\n  secret     {secret}   (shown only now)\n  try it     {}",
        webhook.id,
        safe(&webhook.host),
        hint(format!("comity webhook test {}", webhook.id))
    )
}

/// `taken (204)`, `refused (500)`, or what went wrong.
fn last(webhook: &operator::Webhook) -> String {
    match (webhook.last_status, &webhook.last_error) {
        (Some(status @ 200..=299), _) => format!("taken ({status})"),
        (Some(status), _) => format!("not taken ({status})"),
        (None, Some(error)) => safe(error),
        (None, None) => "not tried yet".to_owned(),
    }
}

fn table(webhooks: &[operator::Webhook]) -> String {
    let mut table = Table::new([
        "WEBHOOK", "STATE", "AT", "LAST", "FAILED", "WAITING", "EVENTS",
    ]);
    let ids = words::short_ids(webhooks.iter().map(|webhook| webhook.id.as_str()));
    for (webhook, id) in webhooks.iter().zip(ids) {
        let tried = webhook.last_at.map(time::when).unwrap_or_default();
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::state(&webhook.state),
            Cell::of(safe(&webhook.host)),
            Cell::of(format!("{} {tried}", last(webhook))),
            Cell::of(webhook.failures.to_string()),
            Cell::of(webhook.waiting.to_string()),
            Cell::of(webhook.events.join(", ")),
        ]);
    }
    table.render(&format!(
        "nobody is told   {}",
        hint("comity webhook create URL")
    ))
}
