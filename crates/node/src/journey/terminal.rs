//! What the node answers or takes in by itself, for peers with a live grant: pings, discovery,
//! empty messages, problem reports (design §3). None of it reaches an agent or is ever reported on.

use super::Core;
use super::accept::WireAnswer;
use super::claims::{Arrival, Stop};
use super::contact::ContactDraft;
use super::submit::ending;
use super::trouble::CoreError;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::{Code, GrantState, OutState, fresh};
use comity_jose::jwe::Enc;
use serde_json::{Value, json};
use std::sync::Arc;

const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
const PING_RESPONSE: &str = "https://didcomm.org/trust-ping/2.0/ping-response";
const QUERIES: &str = "https://didcomm.org/discover-features/2.0/queries";
const DISCLOSE: &str = "https://didcomm.org/discover-features/2.0/disclose";
const EMPTY: &str = "https://didcomm.org/empty/1.0/empty";
const REPORT: &str = "https://didcomm.org/report-problem/2.0/problem-report";

/// Protocols that this version speaks, as told to peers with a grant.
const SPOKEN: &[&str] = &[
    "https://didcomm.org/trust-ping/2.0",
    "https://didcomm.org/discover-features/2.0",
    "https://didcomm.org/basicmessage/2.0",
    "https://didcomm.org/report-problem/2.0",
    "https://didcomm.org/empty/1.0",
    "https://w3id.org/comity/contact/1.0",
    "https://w3id.org/comity/receipt/1.0",
];

/// True for types that never reach an agent.
pub(super) fn is_nodes_own(type_: &MessageType) -> bool {
    [PING, PING_RESPONSE, QUERIES, DISCLOSE, EMPTY, REPORT].iter().any(|own| type_.is(own))
}

impl Core {
    pub(super) async fn take_small(&self, arrival: Arrival) -> Result<WireAnswer, Stop> {
        if !self.is_granted(&arrival).await? {
            return Err(Stop::Quiet("not-granted"));
        }
        self.acks(&arrival).await?;
        let type_ = arrival.type_();
        if type_.is(PING) {
            let wanted = arrival.body().get("response_requested").and_then(Value::as_bool);
            if wanted.unwrap_or(true) {
                return self.answer(&arrival, PING_RESPONSE, json!({})).await;
            }
        } else if type_.is(QUERIES) {
            return self.answer(&arrival, DISCLOSE, disclosed(&arrival.body())).await;
        } else if type_.is(REPORT) {
            self.take_report(&arrival).await?;
        }
        Ok(WireAnswer::Accepted)
    }

    /// Live grant and fresh, as for any message; the types of a grant do not list these.
    async fn is_granted(&self, arrival: &Arrival) -> Result<bool, CoreError> {
        let (agent, sender) = (arrival.agent.did.clone(), arrival.sender.clone());
        let (created, expires) = arrival.times();
        let (anyone, document) = (arrival.proof_anyone, Arc::clone(&arrival.document));
        self.store
            .read(move |tx| {
                let Some(row) = tx.grant_between(&agent, &sender)? else { return Ok(false) };
                let restrictions = row.grant.restrictions();
                let now = tx.now();
                Ok(row.state == GrantState::Active
                    && now.seconds() < row.grant.until()
                    && (anyone || restrictions.deniable)
                    && row
                        .pin
                        .as_ref()
                        .is_none_or(|pin| comity_engine::grant::continues(pin, &document))
                    && fresh::check(created, expires, restrictions.untimed, now).is_ok())
            })
            .await
    }

    /// Answers in the same response if `return_route` asks for it, else through the outbox.
    async fn answer(
        &self,
        arrival: &Arrival,
        type_: &'static str,
        body: Value,
    ) -> Result<WireAnswer, Stop> {
        let draft = ContactDraft {
            agent: Arc::clone(&arrival.agent),
            to: arrival.sender.clone(),
            type_,
            id: MessageId::generate(&*self.entropy),
            thid: arrival.thid.clone(),
            // An answer that is late helps nobody.
            expires: self.clock.now().seconds() + 600,
            body,
        };
        let answer = self.contact_row(&draft).await?;
        use comity_didcomm::ReturnRoute;
        if !matches!(arrival.received.plaintext.return_route, ReturnRoute::None) {
            let packed = comity_didcomm::anoncrypt(
                &*self.entropy,
                &arrival.document,
                Enc::A256CbcHs512,
                &answer.octets,
                comity_didcomm::media_type::ENCRYPTED,
            );
            return packed.map(WireAnswer::Reply).map_err(|_| Stop::Quiet("no-key-agreement"));
        }
        self.store.write(move |tx| answer.keep(tx)).await?;
        self.signals.outbox.raise();
        Ok(WireAnswer::Accepted)
    }

    /// `ack` from a foreign peer: it has our message, says nobody's signature.
    async fn acks(&self, arrival: &Arrival) -> Result<(), CoreError> {
        const MOST: usize = 64;
        let ids: Vec<MessageId> = arrival.received.plaintext.ack.iter().take(MOST).cloned().collect();
        if ids.is_empty() {
            return Ok(());
        }
        let (agent, sender) = (arrival.agent.did.clone(), arrival.sender.clone());
        let waking = agent.clone();
        self.store
            .write(move |tx| {
                for id in &ids {
                    if let Some(mut row) = tx.outgoing(&agent, &id.to_lower_case())?
                        && row.to == sender
                    {
                        super::receipts::acknowledged(tx, &mut row)?;
                    }
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        self.signals.events(&waking).raise();
        Ok(())
    }

    /// A proved problem report about a message of ours ends it as `rejected`.
    async fn take_report(&self, arrival: &Arrival) -> Result<(), CoreError> {
        let (agent, sender) = (arrival.agent.did.clone(), arrival.sender.clone());
        let plaintext = &arrival.received.plaintext;
        let named: Vec<MessageId> =
            plaintext.ack.iter().chain(&plaintext.pthid).take(8).cloned().collect();
        let code = arrival.body().get("code").and_then(Value::as_str).map(str::to_owned);
        let code = code.and_then(|code| Code::try_from(code).ok());
        let waking = agent.clone();
        self.store
            .write(move |tx| {
                for id in &named {
                    let Some(mut row) = tx.outgoing(&agent, &id.to_lower_case())? else { continue };
                    let now = tx.now();
                    if row.to == sender
                        && ending(&mut row, OutState::Rejected, code.clone(), "peer", now)
                    {
                        tx.put_outgoing(&row)?;
                        tx.put_event(&row.agent, &row.id)?;
                    }
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        self.signals.events(&waking).raise();
        Ok(())
    }
}

/// What of our protocols the queries match.
fn disclosed(body: &Value) -> Value {
    const QUERIES_MAX: usize = 16;
    let queries = body.get("queries").and_then(Value::as_array);
    let patterns: Vec<&str> = queries
        .into_iter()
        .flatten()
        .take(QUERIES_MAX)
        .filter(|query| query.get("feature-type").and_then(Value::as_str) == Some("protocol"))
        .filter_map(|query| query.get("match").and_then(Value::as_str))
        .collect();
    let matching = SPOKEN.iter().filter(|protocol| {
        patterns.iter().any(|pattern| comity_didcomm::protocols::discover_features::matches(pattern, protocol))
    });
    let disclosures: Vec<Value> =
        matching.map(|id| json!({"feature-type": "protocol", "id": id})).collect();
    json!({"disclosures": disclosures})
}
