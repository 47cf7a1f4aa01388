//! Two strangers: a knock, a decision, a question and its answer.

use super::{LOOK_AGAIN, SOON, is};
use crate::demo::ledger::Side;
use crate::demo::organisation::Organisation;
use crate::demo::stage::Stage;
use crate::demo::surprise::{Surprise, eventually, expect, expect_same};
use crate::show::words::{short_digest, types, who};
use crate::show::{time, words};
use comity_api::operator::{CreateAgent, CreatedAgent, Knock, MessageRow};
use serde_json::{Value, json};
use std::process::Stdio;

/// What the rest of the story comes back to.
#[derive(Clone, Debug)]
pub(super) struct Met {
    /// Aria's first question, as her node has it.
    pub(super) request: MessageRow,
    /// Bruno's answer, as her node has it.
    pub(super) answer: MessageRow,
}

/// Starts the nodes and creates the agents.
pub(super) async fn start(stage: &mut Stage) -> Result<(), Surprise> {
    let ledger = stage.ledger.clone();
    ledger.step("start", "Two companies, a node each");
    for side in [Side::A, Side::B] {
        let took = stage.start_node(side).await?;
        let here = stage.organisation(side);
        let status = here.status().await?;
        let text = format!(
            "node of {} up after {} ms: process {}, {} agents, open to nobody",
            status.host,
            took.as_millis(),
            here.pid().unwrap_or_default(),
            status.agents.len()
        );
        let facts = json!({"host": status.host, "pid": here.pid(), "wire": status.wire});
        ledger.saw(side, text, facts);
    }
    for side in [Side::A, Side::B] {
        create_agent(stage, stage.organisation(side)).await?;
    }
    let mut bruno = stage.start_bruno(Some(LOOK_AGAIN))?;
    let said = bruno.says("listens as", SOON).await?;
    bruno.still_runs()?;
    let language = if stage.examples.python.is_some() {
        "python"
    } else {
        "rust"
    };
    let text = format!(
        "{said} (process {}; {})",
        bruno.pid().unwrap_or_default(),
        stage.bruno_is()
    );
    ledger.saw(Side::B, text, json!({"bruno": language}));
    stage.bruno = Some(bruno);
    Ok(())
}

async fn create_agent(stage: &Stage, here: &Organisation) -> Result<(), Surprise> {
    let create = CreateAgent {
        name: here.agent.to_owned(),
    };
    let created: CreatedAgent = here.operator().post("/v1/agents", &create).await?;
    expect_same("the DID of the new agent", &here.did(), &created.agent.did)?;
    let text = format!(
        "agent {}, key {}",
        created.agent.did,
        short_fingerprint(&created.agent.fingerprint)
    );
    let facts = json!({"did": created.agent.did, "fingerprint": created.agent.fingerprint});
    stage.ledger.saw(here.side, text, facts);
    Ok(())
}

/// Aria asks; she is a stranger; B's operator lets her in; Bruno answers.
pub(super) async fn play(stage: &mut Stage) -> Result<Met, Surprise> {
    let waiting = ask(stage).await?;
    let knock = knock(stage, &waiting).await?;
    let decided = stage.approve(&knock).await?;
    let grant = decided.grant.unwrap_or_default();
    live_at_both(stage, &grant).await?;
    answer(stage, &waiting).await
}

async fn ask(stage: &mut Stage) -> Result<MessageRow, Surprise> {
    let ledger = stage.ledger.clone();
    ledger.step("ask", "Aria asks Bruno, of whom she only knows the name");
    let purpose = ["--purpose", PURPOSE, "--wait", "60", "--listen"];
    stage.aria = Some(stage.aria_asks(&purpose)?);
    let held = |row: &MessageRow| is(row, "out", "request") && row.state == "held";
    let waiting = stage
        .a
        .awaits("a question that is held", SOON, held)
        .await?;
    let reason = waiting.reason.clone().unwrap_or_default();
    expect_same("why it is held", &"waits on grant".to_owned(), &reason)?;
    let text = format!(
        "aria asks {} to analyse nino-1-2 (sea temperature off Peru, NOAA): {}, {reason}",
        who(&waiting.to),
        waiting.state
    );
    let facts = json!({"state": waiting.state, "reason": reason, "id": waiting.id});
    ledger.saw(Side::A, text, facts);
    Ok(waiting)
}

async fn knock(stage: &Stage, waiting: &MessageRow) -> Result<Knock, Surprise> {
    let ledger = &stage.ledger;
    ledger.step("knock", "Her node knocks; B's operator decides");
    let knock = eventually("a knock at node B", SOON, async || {
        let knocks = stage.b.knocks().await?;
        Ok(knocks.first().cloned().ok_or_else(|| "no knock".to_owned()))
    })
    .await?;
    let real = stage.a.agent().await?.fingerprint;
    expect_same("who knocks", &stage.a.did(), &knock.from)?;
    expect_same(
        "the key that proved the knock, as A reads it out",
        &real,
        &knock.fingerprint,
    )?;
    let facts = json!({
        "from": knock.from, "to": knock.to, "purpose": knock.purpose,
        "fingerprint": knock.fingerprint, "they_may_send": knock.they_may_send,
        "you_may_send": knock.you_may_send, "until": knock.until,
    });
    let text = format!("{} asks to work with {}", knock.from, who(&knock.to));
    ledger.held(Side::B, text, facts);
    ledger.detail(format!("proved by      {}", knock.proved_by));
    ledger.detail(format!(
        "               key {}: the one that A's operator reads out",
        short_fingerprint(&knock.fingerprint)
    ));
    ledger.detail(format!(
        "purpose        \"{}\" (their words, unproved)",
        knock.purpose
    ));
    ledger.detail(format!("they may send  {}", types(&knock.they_may_send)));
    ledger.detail(format!("you may send   {}", types(&knock.you_may_send)));
    ledger.detail(format!("until          {}", time::exact(knock.until)));
    let first = knock.first.as_ref();
    let bytes = first
        .and_then(|first| first["bytes"].as_u64())
        .unwrap_or_default();
    let type_ = first
        .and_then(|first| first["type"].as_str())
        .unwrap_or_default();
    ledger.detail(format!(
        "waits          one {} of {bytes} octets",
        words::short_type(type_)
    ));
    expect_same("the message that waits", &waiting.type_, &type_.to_owned())?;
    let inbox = stage
        .b
        .messages()
        .await?
        .into_iter()
        .filter(|row| row.direction == "in");
    expect_same("messages let in before the decision", &0, &inbox.count())?;
    Ok(knock)
}

/// One collaboration, one grant: the same at both nodes.
async fn live_at_both(stage: &Stage, grant: &str) -> Result<(), Surprise> {
    let expected = "the grant, active at node A too";
    let live = eventually(expected, SOON, async || {
        let here = stage.a.grant().await?;
        let live = |here: &comity_api::operator::Grant| here.id == grant && here.state == "active";
        let came = format!("{:?}", here.as_ref().map(|here| (&here.id, &here.state)));
        Ok(here.filter(live).ok_or(came))
    })
    .await?;
    let text = format!(
        "granted: {} {}, the same at both nodes",
        short_digest(&live.id),
        live.state
    );
    stage.ledger.held(
        Side::A,
        text,
        json!({"grant": live.id, "state": live.state}),
    );
    Ok(())
}

async fn answer(stage: &Stage, waiting: &MessageRow) -> Result<Met, Surprise> {
    let ledger = &stage.ledger;
    ledger.step(
        "answer",
        "The waiting message goes in; Bruno computes and answers",
    );
    let done = |row: &MessageRow| row.id == waiting.id && row.state == "done";
    let request = stage
        .a
        .awaits("a question that is done", SOON, done)
        .await?;
    let states: Vec<_> = request
        .history
        .iter()
        .map(|step| step.state.as_str())
        .collect();
    let signed = request
        .history
        .iter()
        .filter(|step| step.proof == "receipt")
        .count();
    expect(signed > 0, "a receipt signed by B", states.join(" "))?;
    let text = format!(
        "the question: {} ({signed} of these signed by B)",
        states.join(" → ")
    );
    ledger.held(Side::A, text, json!({"states": states, "signed": signed}));
    let settled = |row: &MessageRow| is(row, "in", "response") && row.state == "settled";
    let answer = stage
        .a
        .awaits("an answer that Aria took", SOON, settled)
        .await?;
    let answer = stage.a.message(&answer.digest).await?;
    let findings = answer
        .message
        .as_ref()
        .map(|message| message["body"].clone());
    let findings = findings.unwrap_or_default();
    print_findings(stage, &findings);
    check_findings(stage, &findings).await?;
    Ok(Met { request, answer })
}

fn print_findings(stage: &Stage, findings: &Value) {
    let number = |pointer: &str| {
        findings
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or(f64::NAN)
    };
    let unit = findings["unit"].as_str().unwrap_or_default();
    let text = format!(
        "bruno answers: {} points, trend {:+.4} {unit} a year",
        findings["n"],
        number("/trend/per_year")
    );
    stage
        .ledger
        .saw(Side::A, text, json!({"findings": findings}));
    let season = &findings["seasonality"];
    stage.ledger.detail(format!(
        "season         {:.2} {unit}, lowest in month {}, highest in month {}",
        number("/seasonality/amplitude"),
        season["trough_month"],
        season["peak_month"]
    ));
    let outliers = findings["outliers"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let months: Vec<_> = outliers
        .iter()
        .filter_map(|outlier| outlier["t"].as_str())
        .collect();
    stage.ledger.detail(format!(
        "outliers       {}: {} (El Niño)",
        months.len(),
        months.join(" ")
    ));
}

/// Computes the same here, from the file and with the Rust program.
async fn check_findings(stage: &Stage, findings: &Value) -> Result<(), Surprise> {
    let expected = "findings computed again from the file";
    let mut command = tokio::process::Command::new(&stage.examples.bruno);
    command
        .arg("--analyse")
        .arg(&stage.examples.data)
        .stdin(Stdio::null());
    let again = command.kill_on_drop(true).output().await;
    let again = again.map_err(Surprise::instead_of(expected))?;
    let again: Value =
        serde_json::from_slice(&again.stdout).map_err(Surprise::instead_of(expected))?;
    expect(
        alike(&again, findings),
        &format!("{expected}: {again}"),
        findings,
    )?;
    let text = "the Rust analyst, given the same file here, finds the same";
    stage.ledger.held(Side::Third, text, json!({"same": true}));
    Ok(())
}

/// The same but for the last digits of sums in another order.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (one.as_f64(), other.as_f64()) {
            (Some(one), Some(other)) => (one - other).abs() <= 1e-9 * one.abs().max(1.0),
            _ => false,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(name, one)| other.get(name).is_some_and(|other| alike(one, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

/// A fingerprint, as much of it as two people would compare.
pub(crate) fn short_fingerprint(fingerprint: &str) -> String {
    fingerprint.get(..16).unwrap_or(fingerprint).to_owned() + "…"
}

/// What Aria says it is for; only B's operator reads it.
const PURPOSE: &str = "Q3 study of fish meal prices";
