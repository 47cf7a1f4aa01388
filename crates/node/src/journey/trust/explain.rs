//! Why a message passes or not, without sending it: the same function, on the facts of now.

use super::rules::{self, live_rules};
use crate::config::Outbound;
use crate::journey::Core;
use crate::journey::accept::request_of;
use crate::journey::admit::request_from;
use crate::journey::operate;
use crate::journey::trouble::{CoreError, bad};
use comity_api::policy::{Explain, Explained, WouldKnock};
use comity_api::{Problem, safe};
use comity_did::{Did, web};
use comity_didcomm::{MessageId, MessageType};
use comity_engine::decide::{Basis, Facts, Held, Verdict, decide};
use comity_engine::explain::explain;
use comity_engine::grant::Restrictions;
use comity_engine::policy::{self, Answer, FirstMessage, Stranger};
use comity_engine::{Grant, GrantState, Timestamp, defaults};
use comity_store::{GrantRow, Tx};

/// A question, read.
#[derive(Clone, Debug)]
struct Question {
    ours: Did,
    peer: Did,
    inward: bool,
    type_: MessageType,
    bytes: u64,
    deniable: bool,
    thread: Option<MessageId>,
    at: Option<Timestamp>,
    outbound: Outbound,
}

impl Core {
    /// Explains what would become of a message.
    ///
    /// # Errors
    /// Neither side is ours, or both; a type or DID that is none.
    pub async fn explain(&self, ask: Explain) -> Result<Explained, Problem> {
        let (from, to) = (self.party(&ask.from)?, self.party(&ask.to)?);
        let inward = match (self.agent_of(&from), self.agent_of(&to)) {
            (None, Some(_)) => true,
            (Some(_), None) => false,
            (Some(_), Some(_)) if from == to => {
                return Err(bad("an agent does not write to itself"));
            }
            // Two agents of this node: as its recipient's side decides.
            (Some(_), Some(_)) => true,
            (None, None) => {
                return Err(bad("neither of the two is an agent of this node")
                    .next("comity agent   lists yours"));
            }
        };
        let type_ = ask.type_.parse().map_err(|_| {
            bad(format!("{} is no message type", safe(&ask.type_)))
                .next("write https://example.org/PROTOCOL/1.0/NAME")
        })?;
        let thread = ask
            .thread
            .as_ref()
            .map(|thread| thread.to_lowercase().parse());
        let thread = thread
            .transpose()
            .map_err(|_| bad("a thread is named by a message id"))?;
        let (ours, peer) = if inward { (to, from) } else { (from, to) };
        let question = Question {
            ours,
            peer,
            inward,
            type_,
            bytes: ask.bytes,
            deniable: ask.deniable,
            thread,
            at: ask.at.map(Timestamp::from_seconds),
            outbound: self.site.outbound(),
        };
        Ok(self.store.read(move |tx| answer(tx, &question)).await?)
    }

    /// A DID, a handle, or the name of an agent of ours.
    fn party(&self, text: &str) -> Result<Did, Problem> {
        match self.agent_named(text) {
            Some(agent) => Ok(agent.did.clone()),
            None => self.did_of(text),
        }
    }
}

fn answer(tx: &dyn Tx, question: &Question) -> Result<Explained, CoreError> {
    let Question { ours, peer, .. } = question;
    let now = question.at.unwrap_or_else(|| tx.now());
    let row = tx.grant_between(ours, peer)?;
    let request = match &question.thread {
        Some(thread) if question.inward => request_of(tx, ours, peer, thread)?,
        Some(thread) => request_from(tx, ours, peer, thread)?,
        None => None,
    };
    let held = row.as_ref().map(|row| Held {
        grant: &row.grant,
        state: row.state,
        uses: if question.inward { row.uses } else { row.sent },
        paid: if question.inward {
            row.paid_in
        } else {
            row.paid_out
        },
        vouched_until: row.vouched_until(),
    });
    let facts = Facts {
        sender: if question.inward { peer } else { ours },
        type_: &question.type_,
        bytes: question.bytes,
        deniable: question.deniable,
        grant: held,
        reply_to: request.as_ref(),
        blocked: tx.is_blocked(peer)?,
        now,
    };
    let decision = decide(&facts);
    let words = explain(&facts, &decision);
    let (from, to) = if question.inward {
        (peer, ours)
    } else {
        (ours, peer)
    };
    let mut explained = Explained {
        direction: if question.inward { "in" } else { "out" }.to_owned(),
        from: from.to_string(),
        to: to.to_string(),
        decision: match decision.verdict {
            Verdict::Allow => "allow",
            Verdict::Wait(_) => "wait",
            Verdict::Refuse(_) => "refuse",
        }
        .to_owned(),
        basis: decision.basis.as_str().to_owned(),
        code: decision.refused().map(ToString::to_string),
        because: safe(&words.because),
        change: words.change,
        next: None,
        not_before: match decision.verdict {
            Verdict::Wait(from) => Some(from.seconds()),
            _ => None,
        },
        grant: row.as_ref().map(operate::grant),
        knock: None,
    };
    if !decision.is_allowed() && decision.basis != Basis::Blocked {
        without_grant(tx, question, row.as_ref(), now, &mut explained)?;
    }
    explained.next = next(question, decision.basis, row.as_ref(), &explained);
    Ok(explained)
}

/// Where no grant lets it pass: what the rules, a knock, or the operator would.
fn without_grant(
    tx: &dyn Tx,
    question: &Question,
    last: Option<&GrantRow>,
    now: Timestamp,
    explained: &mut Explained,
) -> Result<(), CoreError> {
    let Question {
        ours, peer, type_, ..
    } = question;
    let rules = live_rules(tx)?;
    let states = rules::states(&rules);
    let revoked = rules::was_thrown_out(tx, ours, peer)?;
    let live = last.is_some_and(|row| row.state != GrantState::Ended);
    if !question.inward {
        // What the outbound policy makes of it (`admit`).
        let waits = last.is_some_and(|row| row.state == GrantState::Offered);
        let asks = if waits || rules::lists(tx, ours, peer, type_)? {
            "knock"
        } else {
            match question.outbound {
                Outbound::Open => "knock",
                Outbound::Ask => "ask",
                Outbound::Listed => "refuse",
            }
        };
        let hopeless = ["max-bytes", "grant-state"].contains(&explained.basis.as_str()) && !waits;
        if !hopeless {
            explained.decision = asks.to_owned();
        }
        return Ok(());
    }
    let first = FirstMessage {
        ours,
        sender: peer,
        type_,
        invitation: None,
        blocked: false,
        revoked,
        now: now.seconds(),
    };
    if !live && let Ok(rule) = policy::admit(&first, &states) {
        explained.decision = "allow".to_owned();
        explained.basis = rule.label();
        explained.code = None;
        explained.because = format!("rule {} lets {} in, without a knock", rule.name, rule.who);
        explained.change = None;
        return Ok(());
    }
    let until = (now + defaults::GRANT_LIFETIME).seconds();
    let protocol = vec![type_.protocol().to_string()];
    let between = [peer.clone(), ours.clone()];
    let nonce = "AAAAAAAAAAAAAAAAAAAAAA";
    let both = [protocol.clone(), protocol];
    let offer = Grant::new(between, both, until, nonce, &Restrictions::default())
        .map_err(|_| CoreError::Defect("a question that makes no grant"))?;
    let stranger = Stranger {
        ours,
        sender: peer,
        offer: &offer,
        first: Some(type_),
        invitation: None,
        vouched: &[],
        blocked: false,
        revoked,
        now: now.seconds(),
    };
    explained.knock = Some(match policy::consider(&stranger, &states) {
        Answer::Approve { rule, .. } => WouldKnock {
            decides: rule.label(),
            rules: Vec::new(),
        },
        Answer::Ask(misfits) => WouldKnock {
            decides: "you".to_owned(),
            rules: rules::misfits(misfits),
        },
        Answer::Blocked => return Ok(()),
    });
    Ok(())
}

/// What to type for the change.
fn next(
    question: &Question,
    basis: Basis,
    last: Option<&GrantRow>,
    explained: &Explained,
) -> Option<String> {
    let peer = web::to_handle(&question.peer).unwrap_or_else(|| question.peer.to_string());
    let agent = web::to_handle(&question.ours);
    let agent = agent
        .as_deref()
        .and_then(|handle| handle.split('@').next())
        .unwrap_or("AGENT");
    match explained.decision.as_str() {
        "allow" | "wait" => None,
        "ask" => Some(format!(
            "comity send {peer} TYPE   then   comity message allow ID"
        )),
        "knock" => None,
        _ => Some(match (basis, last.map(|row| row.state)) {
            (Basis::Blocked, _) => format!("comity peer unblock {peer}"),
            (_, Some(GrantState::Suspended)) => format!("comity grant resume {peer}"),
            _ if !question.inward => format!("comity send {peer} TYPE --purpose WHY"),
            _ => format!(
                "comity policy add NAME --peer {peer} --agent {agent} --they-may {}",
                question.type_.protocol()
            ),
        }),
    }
}
