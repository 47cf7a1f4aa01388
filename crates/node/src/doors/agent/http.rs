//! The operations as HTTP routes, each described for `openapi.json` where it stands.

use super::super::problem::{self, Failure, answer};
use super::dispatch::{Operation, Outcome, perform};
use super::{Door, Entrant};
use ::http::{StatusCode, Uri};
use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use comity_api::Problem;
use comity_api::agent::{
    Events, ExtendRequest, Extended, LeaseRequest, Leased, Message, Send, SettleRequest,
    SettleResult, Settled, Whoami,
};
use comity_api::vouch::{IssueVouch, Issued};
use serde::de::DeserializeOwned;
use std::sync::Arc;

type Answer = Result<Response, Failure>;

impl Door {
    async fn read<T: DeserializeOwned>(&self, body: Body) -> Result<T, Failure> {
        Ok(problem::read(self.bodies.read(body).await)?)
    }

    async fn perform(&self, entrant: &Entrant, operation: Operation) -> Answer {
        let outcome = tokio::select! {
            outcome = perform(&self.core, &entrant.caller, operation) => outcome?,
            () = self.stopped() => return Err(stopping().into()),
        };
        let status = match outcome {
            Outcome::New(_) => StatusCode::CREATED,
            _ => StatusCode::OK,
        };
        Ok(answer(status, &outcome))
    }

    /// A little after the node was told to stop: what commits at once still gets its answer, what
    /// only waits does not hold the node up.
    async fn stopped(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

fn stopping() -> Problem {
    Problem::new("e.m.me.res.stopping", "the node stops")
        .detail("repeat the request when it is back: repeating is safe")
        .retry_after(1)
}

/// Who this token speaks for.
#[utoipa::path(
    get,
    path = "/v1/agent",
    tag = "agent",
    responses((status = 200, body = Whoami), (status = 401, body = Problem)),
)]
pub(super) async fn whoami(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
) -> Answer {
    door.perform(&entrant, Operation::Whoami).await
}

/// Sends a message.
///
/// When this returns, the message is durable here. Repeating it with the same `id` and content
/// returns the same message; with other content it is a conflict.
#[utoipa::path(
    post,
    path = "/v1/messages",
    tag = "messages",
    request_body = Send,
    responses(
        (status = 201, body = Message),
        (status = 200, description = "It was sent before.", body = Message),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 409, description = "The id was used for other content.", body = Problem),
        (status = 413, body = Problem),
    ),
)]
pub(super) async fn send(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    body: Body,
) -> Answer {
    let send: Box<Send> = door.read(body).await?;
    door.perform(&entrant, Operation::Send(send)).await
}

/// Shows a message of yours, after waiting for what you say.
///
/// When the wait is over before that, the message is returned as it is. An answer is leased to
/// you: settle it like any delivery.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    tag = "messages",
    params(
        ("id" = String, Path, description = "The message's id."),
        ("wait" = Option<String>, Query, description = "`received`, `done` (or ended), or `answer` (or ended)."),
        ("wait_s" = Option<u64>, Query, description = "For at most so many seconds: 30 if absent, 55 at most."),
    ),
    responses((status = 200, body = Message), (status = 401, body = Problem), (status = 404, body = Problem)),
)]
pub(super) async fn show(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let wait = problem::query(&uri)?;
    door.perform(&entrant, Operation::Show { id, wait }).await
}

/// Vouches for somebody, by the right that your operator gave you.
///
/// The vouch is signed as you, and sent to the subject's node, which presents it by itself.
#[utoipa::path(
    post,
    path = "/v1/vouches",
    tag = "trust",
    request_body = IssueVouch,
    responses(
        (status = 200, body = Issued),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
        (status = 403, description = "You have no right to vouch for that.", body = Problem),
    ),
)]
pub(super) async fn vouch(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    body: Body,
) -> Answer {
    let issue: Box<IssueVouch> = door.read(body).await?;
    door.perform(&entrant, Operation::Vouch(issue)).await
}

/// Cancels a message of yours.
///
/// What was handed over already becomes `cancelled` only when the recipient's node confirms that it
/// had not taken it.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/cancel",
    tag = "messages",
    params(("id" = String, Path, description = "The message's id.")),
    responses((status = 200, body = Message), (status = 401, body = Problem), (status = 404, body = Problem)),
)]
pub(super) async fn cancel(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    Path(id): Path<String>,
) -> Answer {
    door.perform(&entrant, Operation::Cancel { id }).await
}

/// Leases deliveries: messages for you, yours to settle until the lease ends.
#[utoipa::path(
    post,
    path = "/v1/lease",
    tag = "deliveries",
    request_body = LeaseRequest,
    responses((status = 200, body = Leased), (status = 400, body = Problem), (status = 401, body = Problem)),
)]
pub(super) async fn lease(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    body: Body,
) -> Answer {
    let request: LeaseRequest = door.read(body).await?;
    let _connected = door.core.connect(&entrant.caller);
    door.perform(&entrant, Operation::Lease(request)).await
}

/// Settles deliveries, each alone and in this order.
///
/// What a settlement contains takes effect exactly once, in one commit; repeating it gives the
/// same result.
#[utoipa::path(
    post,
    path = "/v1/settle",
    tag = "deliveries",
    request_body = SettleRequest,
    responses(
        (status = 200, description = "One result for each settlement, also where that is a problem.", body = Settled),
        (status = 400, body = Problem),
        (status = 401, body = Problem),
    ),
)]
pub(super) async fn settle(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    body: Body,
) -> Answer {
    let request: SettleRequest = door.read(body).await?;
    if request.settlements.len() > SETTLEMENTS_MAX {
        let title = format!("at most {SETTLEMENTS_MAX} settlements at once");
        return Err(problem::bad(title).into());
    }
    let mut results = Vec::with_capacity(request.settlements.len());
    for settlement in request.settlements {
        let operation = Operation::Settle(Box::new(settlement));
        results.push(
            match perform(&door.core, &entrant.caller, operation).await {
                Ok(Outcome::Settled(done)) => SettleResult::Settled(done),
                Ok(_) => SettleResult::Problem(problem::bad("not a settlement")),
                Err(problem) => SettleResult::Problem(problem::helped(problem)),
            },
        );
    }
    Ok(answer(StatusCode::OK, &Settled { results }))
}

/// Prolongs a lease.
#[utoipa::path(
    post,
    path = "/v1/extend",
    tag = "deliveries",
    request_body = ExtendRequest,
    responses(
        (status = 200, body = Extended),
        (status = 401, body = Problem),
        (status = 409, description = "The lease is no longer yours.", body = Problem),
    ),
)]
pub(super) async fn extend(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    body: Body,
) -> Answer {
    let request: ExtendRequest = door.read(body).await?;
    door.perform(&entrant, Operation::Extend(request)).await
}

/// Changes of your messages, after waiting for the first.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "messages",
    params(
        ("after" = Option<u64>, Query, description = "Only changes after this number."),
        ("wait_s" = Option<u64>, Query, description = "Wait so many seconds for the first; 55 at most."),
    ),
    responses((status = 200, body = Events), (status = 401, body = Problem)),
)]
pub(super) async fn events(
    State(door): State<Arc<Door>>,
    Extension(entrant): Extension<Entrant>,
    uri: Uri,
) -> Answer {
    let query = problem::query(&uri)?;
    door.perform(&entrant, Operation::Events(query)).await
}

/// Settlements in one request: as many as deliveries in one lease.
const SETTLEMENTS_MAX: usize = comity_engine::defaults::LEASE_BATCH_MAX;
