//! What the node answers or takes in by itself, for peers with a live grant: pings, discovery,
//! empty messages, problem reports (design §3). None of it reaches an agent or is ever reported on.

use super::Core;
use super::accept::{Verdict, WireAnswer, accept};
use super::claims::{Arrival, Stop};
use super::foreign::hear;
use super::own::{ContactDraft, ContactRow};
use super::trouble::CoreError;
use comity_didcomm::protocols::discover_features::{self, Disclosure, Queries};
use comity_didcomm::{MessageId, MessageType, ReturnRoute};
use comity_engine::{GrantState, defaults, fresh, grant};
use comity_jose::jwe::Enc;
use comity_store::Tx;
use serde_json::{Value, json};
use std::sync::Arc;

const PING: &str = "https://didcomm.org/trust-ping/2.0/ping";
const PING_RESPONSE: &str = "https://didcomm.org/trust-ping/2.0/ping-response";
const QUERIES: &str = "https://didcomm.org/discover-features/2.0/queries";
const DISCLOSE: &str = "https://didcomm.org/discover-features/2.0/disclose";
const EMPTY: &str = "https://didcomm.org/empty/1.0/empty";
pub(super) const REPORT: &str = "https://didcomm.org/report-problem/2.0/problem-report";

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
    [PING, PING_RESPONSE, QUERIES, DISCLOSE, EMPTY, REPORT]
        .iter()
        .any(|own| type_.is(own))
}

impl Core {
    pub(super) async fn take_small(&self, arrival: Arrival) -> Result<WireAnswer, Stop> {
        let (owed, again) = self.answer_to(&arrival);
        let arrival = Arc::new(arrival);
        // A look costs nothing: what is refused or known already signs and writes nothing.
        let looked = Arc::clone(&arrival);
        let look = self.store.read(move |tx| look(tx, &looked)).await?;
        let draft = match (&look, owed) {
            (Small::Refused, _) => return Err(Stop::Quiet("not-granted")),
            (Small::Again, Some(mut draft)) if routed(&arrival) => {
                // Whoever delivered it first may have kept the answer: it goes out once more, to
                // where its author's document says.
                draft.id = again;
                let (ours, id) = (arrival.agent.did.clone(), draft.id.clone());
                let out = self
                    .store
                    .read(move |tx| Ok::<_, CoreError>(tx.outgoing(&ours, &id)?));
                out.await?.is_none().then_some(draft)
            }
            (Small::Again, _) => None,
            (_, owed) => owed,
        };
        if look == Small::Again && draft.is_none() {
            return Ok(WireAnswer::Accepted);
        }
        let answer = match &draft {
            Some(draft) => Some(self.contact_row(draft).await?),
            None => None,
        };
        let (entropy, kept, admitted) = (
            Arc::clone(&self.entropy),
            answer.clone(),
            Arc::clone(&arrival),
        );
        let (look, changed) = self
            .store
            .write(move |tx| {
                let look = admit(tx, &*entropy, &admitted)?;
                let to_outbox = match look {
                    Small::First => !routed(&admitted),
                    Small::Again => routed(&admitted),
                    Small::OtherKeys | Small::Refused => false,
                };
                if let (true, Some(answer)) = (to_outbox, &kept)
                    && tx.outgoing(&answer.row.agent, &answer.row.id)?.is_none()
                {
                    answer.keep(tx)?;
                }
                let changed = match look {
                    Small::First => hear(tx, &*entropy, &admitted)?,
                    _ => Vec::new(),
                };
                Ok::<_, CoreError>((look, changed))
            })
            .await?;
        match look {
            Small::Refused => return Err(Stop::Quiet("not-granted")),
            Small::OtherKeys => {
                self.signals.recorded.raise();
                return Err(Stop::Quiet("other-keys"));
            }
            Small::Again => {
                self.signals.outbox.raise();
                return Ok(WireAnswer::Accepted);
            }
            Small::First => {}
        }
        self.tell_changed(&arrival, &changed);
        self.answer_by(&arrival, answer)
    }

    /// The same from a Comity node. Such a message has a place in its thread's order and is owed
    /// receipts, so it is accepted like any other, and settled by the node in the same transaction.
    pub(super) async fn take_in_order(&self, arrival: Arrival) -> Result<WireAnswer, Stop> {
        let (owed, again) = self.answer_to(&arrival);
        let answer = match &owed {
            Some(draft) => Some(self.contact_row(draft).await?),
            None => None,
        };
        let arrival = Arc::new(arrival);
        let (entropy, kept, accepted) = (
            Arc::clone(&self.entropy),
            answer.clone(),
            Arc::clone(&arrival),
        );
        let (verdict, changed) = self
            .store
            .write(move |tx| {
                let (verdict, changed) = accept(tx, &*entropy, &accepted, false, None)?;
                if let (Verdict::Accepted, false, Some(answer)) =
                    (&verdict, routed(&accepted), &kept)
                {
                    answer.keep(tx)?;
                }
                Ok::<_, CoreError>((verdict, changed))
            })
            .await?;
        let transport = self.announce_verdict(&verdict, &arrival.agent.did)?;
        if let (Verdict::Again, true, Some(draft)) = (&verdict, routed(&arrival), owed) {
            // Whoever delivered it first may have kept the answer: it goes out once more, to where
            // its author's document says.
            self.answer_once(ContactDraft { id: again, ..draft })
                .await?;
        }
        if verdict != Verdict::Accepted {
            return Ok(transport);
        }
        self.tell_changed(&arrival, &changed);
        self.answer_by(&arrival, answer)
    }

    fn tell_changed(&self, arrival: &Arrival, changed: &[MessageId]) {
        for id in changed {
            self.signals.changed(&arrival.agent.did, id);
        }
        if !changed.is_empty() {
            self.signals.recorded.raise();
        }
    }

    /// Through the outbox, unless that was done before.
    async fn answer_once(&self, draft: ContactDraft) -> Result<(), CoreError> {
        let (ours, id) = (draft.agent.did.clone(), draft.id.clone());
        let known = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.outgoing(&ours, &id)?));
        if known.await?.is_some() {
            return Ok(());
        }
        let answer = self.contact_row(&draft).await?;
        self.store
            .write(
                move |tx| match tx.outgoing(&answer.row.agent, &answer.row.id)? {
                    Some(_) => Ok(()),
                    None => answer.keep(tx),
                },
            )
            .await?;
        self.signals.outbox.raise();
        Ok(())
    }

    /// On the connection that the message came by, if that is wanted; else through the outbox.
    fn answer_by(&self, arrival: &Arrival, answer: Option<ContactRow>) -> Result<WireAnswer, Stop> {
        let Some(answer) = answer else {
            return Ok(WireAnswer::Accepted);
        };
        if !routed(arrival) {
            self.signals.outbox.raise();
            return Ok(WireAnswer::Accepted);
        }
        let packed = comity_didcomm::anoncrypt(
            &*self.entropy,
            &arrival.document,
            Enc::A256CbcHs512,
            &answer.octets,
            comity_didcomm::media_type::ENCRYPTED,
        );
        packed
            .map(WireAnswer::Reply)
            .map_err(|_| Stop::Quiet("no-key-agreement"))
    }

    /// What is to be answered, if anything; and the id of the answer when it has to be given a
    /// second time: one for each message, however often that comes.
    fn answer_to(&self, arrival: &Arrival) -> (Option<ContactDraft>, MessageId) {
        let name = comity_record::labelled("comity/answer", arrival.digest.octets()).to_string();
        let again = format!("re-{}", name.get(3..43).unwrap_or_default()).parse::<MessageId>();
        let fresh = MessageId::generate(&*self.entropy);
        let again = again.map_or_else(|_| fresh.clone(), |id| id.to_lower_case());
        let type_ = arrival.type_();
        let wanted = arrival
            .body()
            .get("response_requested")
            .and_then(Value::as_bool);
        let (type_, body) = if type_.is(PING) && wanted.unwrap_or(true) {
            (PING_RESPONSE, json!({}))
        } else if type_.is(QUERIES) {
            (DISCLOSE, disclosed(&arrival.body()))
        } else {
            return (None, again);
        };
        let draft = ContactDraft {
            agent: Arc::clone(&arrival.agent),
            to: arrival.sender.clone(),
            type_,
            id: fresh,
            thid: arrival.thid.clone(),
            pthid: None,
            ack: None,
            // An answer that is late helps nobody.
            expires: self.clock.now().seconds() + 600,
            body,
        };
        (Some(draft), again)
    }
}

/// What of our features the queries match.
fn disclosed(body: &Value) -> Value {
    const QUERIES_MAX: usize = 16;
    let queries = body.get("queries").and_then(Value::as_array);
    let read = |query: &Value| serde_json::from_value(query.clone()).ok();
    let queries = Queries {
        queries: queries
            .into_iter()
            .flatten()
            .take(QUERIES_MAX)
            .filter_map(read)
            .collect(),
    };
    let protocols = SPOKEN.iter().map(|uri| Disclosure::protocol(uri, &[]));
    let features: Vec<Disclosure> = protocols
        .chain([
            Disclosure::header("return_route"),
            Disclosure::max_receive_bytes(defaults::ENVELOPE_BYTES_MAX),
        ])
        .collect();
    json!(discover_features::disclose(&queries, &features))
}

/// What a message that the node itself takes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Small {
    /// Seen for the first time.
    First,
    /// The same came before.
    Again,
    /// Its author's keys are not those that were pinned.
    OtherKeys,
    /// No live grant, not fresh, or another message has its id.
    Refused,
}

/// True if the answer is wanted on the connection that the message came by.
const fn routed(arrival: &Arrival) -> bool {
    !matches!(arrival.received.plaintext.return_route, ReturnRoute::None)
}

/// Live grant, pinned keys and fresh, as for any message; the types of a grant do not list these.
fn look(tx: &dyn Tx, arrival: &Arrival) -> Result<Small, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let Some(row) = tx.grant_between(agent, sender)? else {
        return Ok(Small::Refused);
    };
    let (restrictions, now) = (row.grant.restrictions(), tx.now());
    let live = row.state == GrantState::Active && now.seconds() < row.grant.until();
    if !live || (!arrival.proof_anyone && !restrictions.deniable) {
        return Ok(Small::Refused);
    }
    if row
        .pin
        .as_ref()
        .is_some_and(|pin| !grant::continues(pin, &arrival.document))
    {
        return Ok(Small::OtherKeys);
    }
    let (created, expires) = arrival.times();
    if fresh::check(created, expires, restrictions.untimed, now).is_err() {
        return Ok(Small::Refused);
    }
    Ok(match tx.seen(agent, sender, &arrival.id)? {
        None => Small::First,
        Some(digest) if digest == arrival.digest => Small::Again,
        Some(_) => Small::Refused,
    })
}

/// Looks once more, and remembers what is seen for the first time.
fn admit(
    tx: &mut dyn Tx,
    entropy: &dyn comity_jose::Entropy,
    arrival: &Arrival,
) -> Result<Small, CoreError> {
    let (agent, sender) = (&arrival.agent.did, &arrival.sender);
    let small = look(tx, arrival)?;
    if small == Small::First {
        let (created, expires) = arrival.times();
        let until = fresh::fresh_until(created.unwrap_or_else(|| tx.now().seconds()), expires);
        tx.put_seen(agent, sender, &arrival.id, &arrival.digest, until)?;
    }
    if small == Small::OtherKeys
        && let Some(row) = tx.grant_between(agent, sender)?
    {
        super::refuse::suspend(tx, entropy, &row, arrival)?;
    }
    Ok(small)
}
