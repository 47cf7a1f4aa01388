//! Grants that an operator makes himself, and suspended ones that he lets go on.

use super::Operator;
use super::follow::{begin_grant, decided};
use crate::journey::Core;
use crate::journey::operate;
use crate::journey::trouble::{CoreError, ambiguous, bad, not_found};
use comity_api::Problem;
use comity_api::operator::{CreateGrant, Resume};
use comity_engine::grant::{self, Rate, Restrictions};
use comity_engine::{Code, Grant, GrantState, defaults};
use comity_jose::base64url;
use comity_record::entry::Outcome;
use comity_record::{Approval, Digest, approval_digest};
use comity_store::GrantRow;
use std::sync::Arc;

impl Core {
    /// Grants without a knock, for peers that cannot knock.
    ///
    /// # Errors
    /// Malformed; the peer's DID does not resolve.
    pub async fn create_grant(
        &self,
        by: &Operator,
        create: CreateGrant,
    ) -> Result<comity_api::operator::Grant, Problem> {
        let agent = self
            .agent_named(&create.agent)
            .ok_or_else(|| not_found("agent", &create.agent))?;
        let peer = self.did_of(&create.peer)?;
        let document = self.resolver.refetch(&peer).await.map_err(|error| {
            let title = format!("{peer} does not resolve");
            Problem::new(Code::UNRESOLVED.as_str(), title).detail(error.to_string())
        })?;
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce);
        let until = create
            .until
            .unwrap_or((self.clock.now() + defaults::GRANT_LIFETIME).seconds());
        let note = create.note.unwrap_or_default();
        if note.chars().count() > defaults::NOTE_CHARS_MAX {
            return Err(bad("a note has at most 280 characters"));
        }
        let restrictions = Restrictions {
            deniable: create.deniable,
            untimed: create.untimed,
            uses: create.uses,
            rate: create.rate.map(rate),
            max_bytes: create.max_bytes,
        };
        let grant = Grant::new(
            [peer.clone(), agent.did.clone()],
            [create.they_may_send, create.we_may_send],
            until,
            &base64url::encode(&nonce),
            &restrictions,
        )
        .map_err(|error| {
            bad(format!("the grant cannot be made: {error}"))
                .next("name types as https://example.org/PROTOCOL/1.0 or …/1.0/NAME")
        })?;
        let (ours, now) = (agent.did.clone(), self.clock.now());
        let row = GrantRow {
            pin: Some(grant::pin_of(&document)),
            decided_by: by.label().to_owned(),
            note,
            ..GrantRow::new(grant, ours, peer.clone(), GrantState::Active, now)
        };
        let shown = operate::grant(&row);
        let entropy = Arc::clone(&self.entropy);
        let hash = Digest::new(document.hash());
        self.store
            .write(move |tx| {
                if tx.is_blocked(&peer)? {
                    let blocked = bad(format!("{peer} is blocked"));
                    let next = blocked.next(format!("comity peer unblock {peer}"));
                    return Err(CoreError::from(next));
                }
                tx.put_document(&hash, &peer, document.octets(), tx.now().seconds())?;
                begin_grant(tx, &*entropy, &row, Outcome::Approved, None)
            })
            .await?;
        self.after_decision(&agent.did);
        Ok(shown)
    }

    /// What letting a suspended grant go on would approve: its digest names the document that the
    /// peer has now.
    ///
    /// # Errors
    /// There is no such grant, or it is not suspended; the peer's DID does not resolve.
    pub async fn suspended(&self, id: &str) -> Result<Resume, Problem> {
        let (row, document) = self.suspended_row(id).await?;
        let pin = grant::pin_of(&document);
        Ok(Resume {
            grant: row.grant.id().to_string(),
            peer: row.peer.to_string(),
            was: keys_of(row.pin.as_ref()),
            now: keys_of(Some(&pin)),
            approval: resumption(&row, &document)?.to_string(),
        })
    }

    /// Lets a suspended grant go on with the keys that the peer has now.
    ///
    /// # Errors
    /// The same, and `e.p.trust.changed` if they are not those that were shown.
    pub async fn resume(
        &self,
        by: &Operator,
        id: &str,
        approval: &str,
    ) -> Result<comity_api::operator::Grant, Problem> {
        let (row, document) = self.suspended_row(id).await?;
        let shown = resumption(&row, &document)?;
        if shown.to_string() != approval {
            return Err(Problem::new(
                "e.p.trust.changed",
                "the peer's keys are not those that you were shown; nothing was decided",
            )
            .next(format!("comity grant resume {}", row.grant.id())));
        }
        let (entropy, label) = (Arc::clone(&self.entropy), by.label().to_owned());
        let (grant, ours, version) = (row.grant.id(), row.ours.clone(), row.version);
        let pin = grant::pin_of(&document);
        let hash = Digest::new(document.hash());
        let row = self
            .store
            .write(move |tx| {
                let row = tx.grant(&grant, &ours)?;
                let same =
                    |row: &GrantRow| row.state == GrantState::Suspended && row.version == version;
                let Some(mut row) = row.filter(same) else {
                    return Err(CoreError::from(bad("the grant is not suspended any more")));
                };
                let now = tx.now().seconds();
                tx.put_document(&hash, &row.peer, document.octets(), now)?;
                row.state = GrantState::Active;
                row.pin = Some(pin.clone());
                row.approval = Some(shown);
                row.decided_by.clone_from(&label);
                row.version += 1;
                tx.put_grant(&row)?;
                decided(tx, &*entropy, &row, Outcome::Approved, None)?;
                Ok(row)
            })
            .await?;
        self.after_decision(&row.ours);
        Ok(operate::grant(&row))
    }

    async fn suspended_row(
        &self,
        id: &str,
    ) -> Result<(GrantRow, Arc<comity_did::DidDocument>), Problem> {
        let row = self.live_grant(id).await?;
        if row.state != GrantState::Suspended {
            return Err(bad("the grant is not suspended").next("comity grant"));
        }
        let document = self.resolver.refetch(&row.peer).await.map_err(|error| {
            let title = format!("{} does not resolve now", row.peer);
            Problem::new(Code::UNRESOLVED.as_str(), title).detail(error.to_string())
        })?;
        Ok((row, document))
    }

    /// The grant whose id starts so, or the only one with this peer, that has not ended.
    pub(in crate::journey) async fn live_grant(&self, id: &str) -> Result<GrantRow, Problem> {
        let (whole, peer) = (id.parse::<Digest>().ok(), self.did_of(id).ok());
        let prefix = id.to_owned();
        let mut rows = self
            .store
            .read(move |tx| {
                let agents = tx.agents()?.into_iter().map(|agent| agent.did);
                let mut rows = Vec::new();
                // A list ends somewhere; what is named as a whole is found however many there are.
                match (whole, peer) {
                    (Some(grant), _) => {
                        for ours in agents {
                            rows.extend(tx.grant(&grant, &ours)?);
                        }
                    }
                    (None, Some(peer)) => {
                        for ours in agents {
                            rows.extend(tx.grants_of_pair(&ours, &peer)?);
                        }
                    }
                    (None, None) => {
                        rows = tx.grants(defaults::GRANTS_LISTED_MAX)?;
                        rows.retain(|row| row.grant.id().to_string().starts_with(&prefix));
                    }
                }
                Ok::<_, CoreError>(rows)
            })
            .await?;
        rows.retain(|row| row.state != GrantState::Ended);
        match rows.as_slice() {
            [] => Err(not_found("live grant", &comity_api::safe(id)).next("comity grant")),
            [row] => Ok(row.clone()),
            _ => Err(ambiguous(&comity_api::safe(id))),
        }
    }
}

fn resumption(row: &GrantRow, document: &comity_did::DidDocument) -> Result<Digest, CoreError> {
    approval_digest(&Approval {
        definitions: Vec::new(),
        document: Digest::new(document.hash()),
        grant: row.grant.id(),
        knock: None,
        pin: grant::pin_of(document),
        vouches: Vec::new(),
    })
    .map_err(|_| CoreError::Defect("an approval without canonical form"))
}

fn keys_of(pin: Option<&grant::Pin>) -> Vec<String> {
    match pin {
        Some(grant::Pin::Keys(keys)) => keys.clone(),
        Some(grant::Pin::Scid(scid)) => vec![scid.clone()],
        _ => Vec::new(),
    }
}

pub(super) fn rate(rate: comity_api::operator::Rate) -> Rate {
    let comity_api::operator::Rate { messages, seconds } = rate;
    Rate { messages, seconds }
}
