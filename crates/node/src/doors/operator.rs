//! The operator's door: HTTP and JSON (routes: [`comity_api::operator`]), on a unix socket and, where
//! somebody asked for it, [on TCP with a page](web).
//!
//! Whoever can open the socket is an admin: its mode is 0600, and the door asks the system who
//! connects. No browser reaches a unix socket, so there are no origins to refuse. On TCP tokens and
//! sessions say who somebody is. What he may do is never decided here, but where it is done.

mod web;

pub(crate) use web::serve as serve_web;

use super::body::Reader;
use super::problem::{self, Failure, answer, bad, no_route};
use super::server::{self, Limits, OwnersOnly};
use crate::journey::{Core, Operator};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Extension, Router};
use comity_api::invite::{AcceptInvitation, Invite};
use comity_api::operator::{
    AnswerParked, Approve, CreateAgent, CreateGrant, CreateOperator, CreateWebhook, Deny, Examine,
    Export, ListQuery, PeerAct, ResumeGrant, RotateOperator,
};
use comity_api::policy::{DryRun, EndRule, Explain, Rule};
use comity_api::vouch::{ImportVouch, IssueVouch, VouchRight, Vouches};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode, Uri};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

/// Serves the operator's door until `stop`, which its route `stop` cancels.
pub(crate) async fn serve(listener: UnixListener, core: Arc<Core>, stop: CancellationToken) {
    let owner = core.site.owner();
    let router = router(core, stop.clone()).layer(Extension(Operator::local()));
    server::serve(OwnersOnly { listener, owner }, router, CONNECTIONS, stop).await;
}

type Door = State<Arc<Desk>>;
type By = Extension<Operator>;
type Answer = Result<Response, Failure>;

struct Desk {
    core: Arc<Core>,
    bodies: Reader,
    stop: CancellationToken,
}

fn router(core: Arc<Core>, stop: CancellationToken) -> Router {
    let bodies = Reader::new(BODY_BYTES, BODY_TIME, BODY_BYTES, 0);
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/doctor", post(doctor))
        .route("/v1/stop", post(end))
        .route("/v1/agents", get(agents).post(create_agent))
        .route("/v1/agents/{name}", get(agent).delete(remove_agent))
        .route("/v1/knocks", get(knocks))
        .route("/v1/knocks/{id}/approve", post(approve))
        .route("/v1/knocks/{id}/deny", post(deny))
        .route("/v1/me", get(me))
        .route("/v1/operators", get(operators).post(create_operator))
        .route("/v1/operators/{name}", delete(remove_operator))
        .route("/v1/operators/{name}/rotate", post(rotate_operator))
        .route("/v1/webhooks", get(webhooks).post(create_webhook))
        .route("/v1/webhooks/{id}", delete(remove_webhook))
        .route("/v1/webhooks/{id}/rotate", post(rotate_webhook))
        .route("/v1/webhooks/{id}/test", post(test_webhook))
        .route("/v1/decisions", get(decisions))
        .route("/v1/grants", get(grants).post(create_grant))
        .route("/v1/grants/{id}/revoke", post(revoke))
        .route("/v1/grants/{id}/resume", get(suspended).post(resume))
        .route("/v1/rules", get(rules).post(add_rule))
        .route("/v1/rules/{name}", delete(end_rule))
        .route("/v1/policy/explain", post(explain))
        .route("/v1/vouches", get(vouches).post(issue_vouch))
        .route("/v1/vouches/import", post(import_vouch))
        .route("/v1/vouches/rights", post(give_right))
        .route("/v1/vouches/rights/{agent}", delete(take_right))
        .route("/v1/vouches/{id}", get(show_vouch))
        .route("/v1/vouches/{id}/revoke", post(revoke_vouch))
        .route("/v1/invitations", post(invite))
        .route("/v1/invitations/accept", post(accept_invitation))
        .route("/v1/peers", get(peers))
        .route("/v1/peers/block", post(block))
        .route("/v1/peers/unblock", post(unblock))
        .route("/v1/messages", get(messages))
        .route("/v1/messages/{id}", get(message))
        .route("/v1/messages/{id}/drop", post(drop_message))
        .route("/v1/parked", get(parked))
        .route("/v1/parked/{id}/answer", post(answer_parked))
        .route("/v1/held", get(held))
        .route("/v1/held/{id}/allow", post(allow))
        .route("/v1/entries", get(entries))
        .route("/v1/record/export", post(export))
        .route("/v1/record/trace/{digest}", get(trace))
        .route("/v1/watch", get(watch))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(Arc::new(Desk { core, bodies, stop }))
}

impl Desk {
    async fn read<T: DeserializeOwned>(&self, body: Body) -> Result<T, Failure> {
        Ok(problem::read(self.bodies.read(body).await)?)
    }
}

async fn status(State(door): Door) -> Answer {
    ok(&door.core.status().await?)
}

async fn doctor(State(door): Door, body: Body) -> Answer {
    let examine: Examine = door.read(body).await?;
    ok(&door.core.doctor(examine.did.as_deref()).await?)
}

async fn end(State(door): Door, Extension(by): By) -> Answer {
    door.core.stop_by(&by).await?;
    // The answer goes out first: connections are given time when the node stops.
    door.stop.cancel();
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn agents(State(door): Door) -> Answer {
    ok(&door.core.list_agents().await?)
}

async fn create_agent(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let create: CreateAgent = door.read(body).await?;
    let created = door.core.create_agent(&by, &create.name).await?;
    Ok(answer(StatusCode::CREATED, &created))
}

async fn agent(State(door): Door, Path(name): Path<String>) -> Answer {
    let agents = door.core.list_agents().await?;
    let agent = agents.into_iter().find(|agent| agent.name == name);
    let unknown = || {
        let name = comity_api::safe(&name);
        comity_api::Problem::new("e.m.req.not-found", format!("there is no agent {name}"))
            .next("comity agent")
    };
    ok(&agent.ok_or_else(unknown)?)
}

async fn remove_agent(State(door): Door, Extension(by): By, Path(name): Path<String>) -> Answer {
    door.core.remove_agent(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn knocks(State(door): Door, uri: Uri) -> Answer {
    let query: ListQuery = problem::query(&uri)?;
    ok(&door.core.knocks(query.all).await?)
}

async fn approve(
    State(door): Door,
    Extension(by): By,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let approve: Approve = door.read(body).await?;
    ok(&door.core.approve(&by, &id, approve).await?)
}

async fn deny(State(door): Door, Extension(by): By, Path(id): Path<String>, body: Body) -> Answer {
    let deny: Deny = door.read(body).await?;
    ok(&door.core.deny(&by, &id, deny).await?)
}

async fn grants(State(door): Door, uri: Uri) -> Answer {
    let query: ListQuery = problem::query(&uri)?;
    ok(&door.core.grants(query.all).await?)
}

async fn create_grant(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let create: CreateGrant = door.read(body).await?;
    Ok(answer(
        StatusCode::CREATED,
        &door.core.create_grant(&by, create).await?,
    ))
}

async fn revoke(State(door): Door, Extension(by): By, Path(id): Path<String>) -> Answer {
    ok(&door.core.revoke(&by, &id).await?)
}

async fn me(State(door): Door, Extension(by): By) -> Answer {
    ok(&door.core.me(&by).await?)
}

async fn operators(State(door): Door, uri: Uri) -> Answer {
    let query: ListQuery = problem::query(&uri)?;
    ok(&door.core.operators(query.all).await?)
}

async fn create_operator(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let create: CreateOperator = door.read(body).await?;
    let created = door.core.create_operator(&by, create).await?;
    Ok(answer(StatusCode::CREATED, &created))
}

async fn rotate_operator(
    State(door): Door,
    Extension(by): By,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let rotate: RotateOperator = door.read(body).await?;
    ok(&door.core.rotate_operator(&by, &name, rotate).await?)
}

async fn remove_operator(State(door): Door, Extension(by): By, Path(name): Path<String>) -> Answer {
    door.core.remove_operator(&by, &name).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn webhooks(State(door): Door) -> Answer {
    ok(&door.core.webhooks().await?)
}

async fn create_webhook(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let create: CreateWebhook = door.read(body).await?;
    let created = door.core.create_webhook(&by, create).await?;
    Ok(answer(StatusCode::CREATED, &created))
}

async fn rotate_webhook(
    State(door): Door,
    Extension(by): By,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let rotate: RotateOperator = door.read(body).await?;
    ok(&door.core.rotate_webhook(&by, &id, rotate).await?)
}

async fn test_webhook(State(door): Door, Extension(by): By, Path(id): Path<String>) -> Answer {
    ok(&door.core.test_webhook(&by, &id).await?)
}

async fn remove_webhook(State(door): Door, Extension(by): By, Path(id): Path<String>) -> Answer {
    door.core.remove_webhook(&by, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn decisions(State(door): Door, uri: Uri) -> Answer {
    ok(&door.core.decisions(problem::query(&uri)?).await?)
}

async fn suspended(State(door): Door, Path(id): Path<String>) -> Answer {
    ok(&door.core.suspended(&id).await?)
}

async fn resume(
    State(door): Door,
    Extension(by): By,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let resume: ResumeGrant = door.read(body).await?;
    ok(&door.core.resume(&by, &id, &resume.approval).await?)
}

async fn rules(State(door): Door, uri: Uri) -> Answer {
    let query: ListQuery = problem::query(&uri)?;
    ok(&door.core.rules(query.all).await?)
}

async fn add_rule(State(door): Door, Extension(by): By, uri: Uri, body: Body) -> Answer {
    let DryRun { dry_run } = problem::query(&uri)?;
    let rule: Rule = door.read(body).await?;
    if dry_run {
        return ok(&door.core.try_rule(rule).await?);
    }
    let kept = door.core.add_rule(&by, rule).await?;
    Ok(answer(StatusCode::CREATED, &kept))
}

async fn end_rule(
    State(door): Door,
    Extension(by): By,
    Path(name): Path<String>,
    uri: Uri,
) -> Answer {
    let EndRule { grants } = problem::query(&uri)?;
    ok(&door.core.end_rule(&by, &name, grants).await?)
}

async fn vouches(State(door): Door) -> Answer {
    ok(&Vouches {
        issued: door.core.issued_vouches().await?,
        held: door.core.held_vouches().await?,
        rights: door.core.vouch_rights().await?,
    })
}

async fn issue_vouch(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let issue: IssueVouch = door.read(body).await?;
    let issued = door.core.issue_vouch(&by, issue).await?;
    Ok(answer(StatusCode::CREATED, &issued))
}

async fn import_vouch(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let import: ImportVouch = door.read(body).await?;
    ok(&door.core.import_vouch(&by, import).await?)
}

async fn give_right(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let right: VouchRight = door.read(body).await?;
    ok(&door.core.give_vouch_right(&by, right).await?)
}

async fn take_right(State(door): Door, Extension(by): By, Path(agent): Path<String>) -> Answer {
    door.core.take_vouch_right(&by, &agent).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn show_vouch(State(door): Door, Path(id): Path<String>) -> Answer {
    ok(&door.core.show_vouch(&id).await?)
}

async fn revoke_vouch(State(door): Door, Extension(by): By, Path(id): Path<String>) -> Answer {
    ok(&door.core.revoke_vouch(&by, &id).await?)
}

async fn invite(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let invite: Invite = door.read(body).await?;
    let invited = door.core.invite(&by, invite).await?;
    Ok(answer(StatusCode::CREATED, &invited))
}

async fn accept_invitation(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let accept: AcceptInvitation = door.read(body).await?;
    ok(&door.core.accept_invitation(&by, accept).await?)
}

async fn explain(State(door): Door, body: Body) -> Answer {
    let ask: Explain = door.read(body).await?;
    ok(&door.core.explain(ask).await?)
}

async fn peers(State(door): Door) -> Answer {
    ok(&door.core.peers().await?)
}

async fn block(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let peer: PeerAct = door.read(body).await?;
    ok(&door.core.block(&by, &peer.did).await?)
}

async fn unblock(State(door): Door, Extension(by): By, body: Body) -> Answer {
    let peer: PeerAct = door.read(body).await?;
    ok(&door.core.unblock(&by, &peer.did).await?)
}

async fn messages(State(door): Door, uri: Uri) -> Answer {
    ok(&door.core.messages(problem::query(&uri)?).await?)
}

async fn message(State(door): Door, Path(id): Path<String>) -> Answer {
    ok(&door.core.message(&id).await?)
}

async fn drop_message(State(door): Door, Extension(by): By, Path(id): Path<String>) -> Answer {
    ok(&door.core.drop_message(&by, &id).await?)
}

async fn parked(State(door): Door, uri: Uri) -> Answer {
    ok(&door.core.parked(problem::query(&uri)?).await?)
}

async fn answer_parked(
    State(door): Door,
    Extension(by): By,
    Path(id): Path<String>,
    body: Body,
) -> Answer {
    let answer: AnswerParked = door.read(body).await?;
    ok(&door.core.answer(&by, &id, answer).await?)
}

async fn held(State(door): Door) -> Answer {
    ok(&door.core.held().await?)
}

async fn allow(State(door): Door, Extension(by): By, Path(id): Path<String>) -> Answer {
    ok(&door.core.allow(&by, &id).await?)
}

async fn entries(State(door): Door, uri: Uri) -> Answer {
    ok(&door.core.entries(problem::query(&uri)?).await?)
}

async fn export(State(door): Door, body: Body) -> Answer {
    let export: Export = door.read(body).await?;
    let bundle = door.core.export(&export.thread).await?;
    Ok(([(CONTENT_TYPE, BUNDLE)], bundle).into_response())
}

async fn trace(State(door): Door, Path(digest): Path<String>) -> Answer {
    ok(&door.core.trace(&digest).await?)
}

async fn watch(State(door): Door, uri: Uri) -> Answer {
    let query = problem::query(&uri)?;
    tokio::select! {
        events = door.core.watch(query) => ok(&events?),
        () = door.stop.cancelled() => Err(bad("the node stops").into()),
    }
}

async fn nothing(uri: Uri) -> Failure {
    no_route(&uri).into()
}

#[expect(clippy::unnecessary_wraps, reason = "the last line of every handler")]
fn ok(value: &impl serde::Serialize) -> Answer {
    Ok(answer(StatusCode::OK, value))
}

const BUNDLE: HeaderValue = HeaderValue::from_static("application/comity-bundle+json");
/// Octets of an operator's request: lists of types are the longest.
const BODY_BYTES: usize = 256 * 1024;
/// Time for a request's body.
const BODY_TIME: Duration = Duration::from_secs(10);
/// An operator has few terminals, and each waits for one thing.
const CONNECTIONS: Limits = Limits {
    connections: 64,
    for_a_prefix: 64,
    idle: Duration::from_secs(60),
    patience: Duration::from_secs(30),
};
