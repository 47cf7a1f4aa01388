//! What a peer decided about us: welcome, declined, ended (formats §3).

use super::follow::{begin_grant, end_grant};
use crate::journey::Core;
use crate::journey::accept::{WireAnswer, silent};
use crate::journey::claims::{Arrival, Stop};
use crate::journey::trouble::CoreError;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::contact::{Declined, Ended, Welcome};
use comity_engine::grant::{self};
use comity_engine::{Code, GrantState};
use comity_record::Digest;
use comity_record::entry::Outcome;
use comity_store::{GrantRow, Tx};
use std::sync::Arc;

use super::knocks::{acceptable, learn};
use super::offers::offered;

impl Core {
    /// The peer let us in.
    pub(in crate::journey) async fn take_welcome(
        &self,
        arrival: Arrival,
    ) -> Result<WireAnswer, Stop> {
        let refused = || silent(&arrival.sender);
        let welcome = acceptable(&arrival)
            .then(|| Welcome::from_body(&arrival.body()).ok())
            .flatten()
            .ok_or_else(refused)?;
        let (agent, peer) = (arrival.agent.did.clone(), arrival.sender.clone());
        let (thid, digest) = (arrival.thid.clone(), arrival.digest);
        let octets = arrival.octets.clone();
        let document = Arc::clone(&arrival.document);
        let entropy = Arc::clone(&self.entropy);
        let (our, their) = (agent.clone(), peer.clone());
        let taken = self
            .store
            .write(move |tx| {
                let Some(offered) = answered(tx, &our, &their, &thid)? else {
                    // The same answer again, because ours to it was lost.
                    let again = tx
                        .grant(&welcome.grant.id(), &our)?
                        .is_some_and(|row| row.peer == their && row.knock.as_ref() == Some(&thid));
                    return Ok(again.then_some(true));
                };
                if tx.is_blocked(&their)? {
                    return Ok(None);
                }
                learn(tx, &their, &welcome.speaks)?;
                tx.put_message(&digest, &octets)?;
                let hash = Digest::new(document.hash());
                tx.put_document(&hash, &their, document.octets(), tx.now().seconds())?;
                if !welcome.grant.is_within(&offered.grant) {
                    let code = Code::WIDER_THAN_ASKED;
                    end_grant(
                        tx,
                        &*entropy,
                        offered,
                        Outcome::Declined,
                        "rule",
                        &code,
                        digest,
                    )?;
                    return Ok(Some(false));
                }
                // The offer's row gives way to the grant's: narrowed, it has another id.
                let active = GrantRow {
                    grant: welcome.grant.clone(),
                    state: GrantState::Active,
                    pin: Some(grant::pin_of(&document)),
                    decided_by: "peer".to_owned(),
                    version: offered.version + 1,
                    ..offered.clone()
                };
                begin_grant(tx, &*entropy, &active, Outcome::Approved, Some(digest))?;
                Ok::<_, CoreError>(Some(true))
            })
            .await?;
        let Some(_) = taken else {
            return Err(refused());
        };
        self.signals.recorded.raise();
        self.signals.outbox.raise();
        self.signals.held.raise();
        self.signals.decided.raise();
        self.signals.all_changed(&agent);
        Ok(WireAnswer::Accepted)
    }

    /// The peer did not let us in.
    pub(in crate::journey) async fn take_declined(
        &self,
        arrival: Arrival,
    ) -> Result<WireAnswer, Stop> {
        let refused = || silent(&arrival.sender);
        let declined = acceptable(&arrival)
            .then(|| serde_json::from_value::<Declined>(arrival.body()).ok())
            .flatten()
            .ok_or_else(refused)?;
        let (agent, peer) = (arrival.agent.did.clone(), arrival.sender.clone());
        let (thid, digest) = (arrival.thid.clone(), arrival.digest);
        let octets = arrival.octets.clone();
        let (entropy, our) = (Arc::clone(&self.entropy), agent.clone());
        let taken = self
            .store
            .write(move |tx| {
                let Some(offered) = answered(tx, &our, &peer, &thid)? else {
                    // The same answer again, because ours to it was lost.
                    let rows = tx.grants_of_pair(&our, &peer)?;
                    return Ok(rows.iter().any(|row| row.knock.as_ref() == Some(&thid)));
                };
                tx.put_message(&digest, &octets)?;
                let code = &declined.code;
                end_grant(
                    tx,
                    &*entropy,
                    offered,
                    Outcome::Declined,
                    "peer",
                    code,
                    digest,
                )?;
                Ok::<_, CoreError>(true)
            })
            .await?;
        if !taken {
            return Err(refused());
        }
        self.signals.recorded.raise();
        self.signals.decided.raise();
        self.signals.all_changed(&agent);
        Ok(WireAnswer::Accepted)
    }

    /// The peer ended the grant.
    pub(in crate::journey) async fn take_ended(
        &self,
        arrival: Arrival,
    ) -> Result<WireAnswer, Stop> {
        let refused = || silent(&arrival.sender);
        let ended = acceptable(&arrival)
            .then(|| serde_json::from_value::<Ended>(arrival.body()).ok())
            .flatten()
            .ok_or_else(refused)?;
        let (agent, peer, digest) = (
            arrival.agent.did.clone(),
            arrival.sender.clone(),
            arrival.digest,
        );
        let octets = arrival.octets.clone();
        let (entropy, our) = (Arc::clone(&self.entropy), agent.clone());
        let known = self
            .store
            .write(move |tx| {
                let Some(row) = tx.grant(&ended.grant, &our)? else {
                    return Ok(false);
                };
                if row.peer != peer {
                    return Ok(false);
                }
                if row.state != GrantState::Ended {
                    tx.put_message(&digest, &octets)?;
                    end_grant(
                        tx,
                        &*entropy,
                        row,
                        Outcome::Ended,
                        "peer",
                        &ended.code,
                        digest,
                    )?;
                }
                Ok::<_, CoreError>(true)
            })
            .await?;
        if !known {
            return Err(refused());
        }
        self.signals.recorded.raise();
        self.signals.decided.raise();
        self.signals.all_changed(&agent);
        self.signals.inbox(&agent).raise();
        Ok(WireAnswer::Accepted)
    }
}

/// The offer that a welcome or declined answers: the knock's thread, and the very DID we knocked at.
fn answered(
    tx: &dyn Tx,
    ours: &Did,
    peer: &Did,
    thid: &MessageId,
) -> Result<Option<GrantRow>, CoreError> {
    Ok(offered(tx, ours, peer)?.filter(|row| row.knock.as_ref() == Some(thid)))
}
