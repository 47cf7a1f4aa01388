//! What operators decide: let in, deny, grant, revoke, block (design §5).

use super::Operator;
use super::follow::{begin_grant, end_grant};
use super::knocks::end_unapproved;
use crate::journey::Core;
use crate::journey::own::{ContactDraft, ContactRow};
use crate::journey::trouble::{CoreError, ambiguous, bad, not_found};
use comity_api::Problem;
use comity_api::operator::{Approve, Decided, Deny};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::contact::{self, Declined, Ended, Welcome};
use comity_engine::grant::{self, GrantError, Narrower, Restrictions};
use comity_engine::role::Act;
use comity_engine::scope::Types;
use comity_engine::{Code, Grant, GrantState, defaults};
use comity_jose::base64url;
use comity_record::entry::Outcome;
use comity_record::{Approval, ApprovalVouch, Digest, approval_digest};
use comity_store::{GrantRow, KnockRow, KnockState, Standing};
use std::sync::Arc;

impl Core {
    /// Lets a stranger in, perhaps narrower than asked. What was approved is what was shown: the
    /// decision names it by digest, and it is computed again from what holds now.
    ///
    /// # Errors
    /// `by` may not; not pending any more; something changed since it was shown; wider than asked.
    pub async fn approve(
        &self,
        by: &Operator,
        id: &str,
        approve: Approve,
    ) -> Result<Decided, Problem> {
        let knock = self.pending_knock(id).await?;
        by.check(Act::Decide(&self.name_of(&knock.recipient)))?;
        let agent = self
            .agent_of(&knock.recipient)
            .ok_or_else(|| not_found("agent", knock.recipient.as_str()))?;
        let document = self
            .resolver
            .refetch(&knock.sender)
            .await
            .map_err(|error| {
                Problem::new(
                    Code::UNRESOLVED.as_str(),
                    "the sender's DID does not resolve now",
                )
                .detail(error.to_string())
                .next("comity doctor DID, then try again")
            })?;
        let now_holds = Digest::new(document.hash());
        let pin = grant::pin_of(&document);
        let shown = approval_of(&knock, now_holds, pin.clone())?;
        if shown.to_string() != approve.approval {
            self.renew_knock(&knock, now_holds, &document, pin).await?;
            return Err(Problem::new(
                "e.p.trust.changed",
                "something changed since this knock was shown; nothing was decided",
            )
            .detail("the sender's document or keys, or the knock itself, are not those you saw")
            .next(format!("comity knock show {}", knock.id)));
        }
        let granted = narrowed(&knock, &approve)?;
        let welcome = Welcome {
            grant: granted.clone(),
            speaks: contact::SPEAKS.iter().map(ToString::to_string).collect(),
        };
        let draft = ContactDraft {
            agent,
            to: knock.sender.clone(),
            type_: contact::WELCOME,
            id: MessageId::generate(&*self.entropy),
            thid: knock.id.clone(),
            pthid: None,
            ack: None,
            expires: self.contact_expiry(),
            body: welcome.to_body(),
        };
        let answer = self.contact_row(&draft).await?;
        let (ours, peer) = (knock.recipient.clone(), knock.sender.clone());
        let row = GrantRow {
            pin: Some(pin),
            decided_by: by.label().to_owned(),
            let_in_by: by.label().to_owned(),
            approval: Some(shown),
            knock: Some(knock.id.clone()),
            note: approve.note.clone().unwrap_or_default(),
            ..GrantRow::new(
                granted.clone(),
                ours,
                peer,
                GrantState::Active,
                self.clock.now(),
            )
        };
        let entropy = Arc::clone(&self.entropy);
        let digest = knock.digest;
        self.store
            .write(move |tx| {
                let mut knock = still_pending(tx, &digest)?;
                still_vouched(tx, &knock)?;
                let nonce = knock.knock.offer.nonce();
                let grants = tx.grants_of_pair(&knock.recipient, &knock.sender)?;
                if grants.iter().any(|known| known.grant.nonce() == nonce) {
                    return Err(bad("this offer was used before; they have to knock anew").into());
                }
                knock.state = KnockState::Approved;
                tx.put_knock(&knock)?;
                // Mail of ours that waited for them to let us in goes out under this grant, too.
                begin_grant(tx, &*entropy, &row, Outcome::Approved, Some(digest))?;
                answer.keep(tx)
            })
            .await?;
        self.after_decision(&knock.recipient);
        Ok(Decided {
            outcome: "approved".to_owned(),
            grant: Some(granted.id().to_string()),
        })
    }

    /// Does not let a stranger in, and says so.
    ///
    /// # Errors
    /// `by` may not; there is no such pending knock.
    pub async fn deny(&self, by: &Operator, id: &str, deny: Deny) -> Result<Decided, Problem> {
        let knock = self.pending_knock(id).await?;
        by.check(Act::Decide(&self.name_of(&knock.recipient)))?;
        if deny.block {
            by.check(Act::DecideForAll)?;
        }
        self.decline(&knock, KnockState::Denied, &Code::DENIED, by.label())
            .await?;
        let outcome = if deny.block {
            self.block(by, knock.sender.as_str()).await?;
            "denied and blocked"
        } else {
            "denied"
        };
        Ok(Decided {
            outcome: outcome.to_owned(),
            grant: None,
        })
    }

    pub(crate) async fn decline(
        &self,
        knock: &KnockRow,
        state: KnockState,
        code: &Code,
        by: &str,
    ) -> Result<(), CoreError> {
        let Some(agent) = self.agent_of(&knock.recipient) else {
            return Ok(());
        };
        let body = serde_json::to_value(Declined { code: code.clone() })
            .map_err(|_| CoreError::Defect("a code that is no JSON"))?;
        let draft = ContactDraft {
            agent,
            to: knock.sender.clone(),
            type_: contact::DECLINED,
            id: MessageId::generate(&*self.entropy),
            thid: knock.id.clone(),
            pthid: None,
            ack: None,
            expires: self.contact_expiry(),
            body,
        };
        let answer = self.contact_row(&draft).await?;
        let (entropy, digest) = (Arc::clone(&self.entropy), knock.digest);
        let by = by.to_owned();
        self.store
            .write(move |tx| {
                let knock = still_pending(tx, &digest)?;
                let knock = end_unapproved(tx, knock, state)?;
                denied(tx, &*entropy, &knock, &by)?;
                answer.keep(tx)
            })
            .await?;
        self.after_decision(&knock.recipient);
        Ok(())
    }

    /// Ends a grant: mail, leases and open threads with it, at both nodes (invariant I5).
    ///
    /// # Errors
    /// `by` may not; there is no such grant, or it has ended.
    pub async fn revoke(&self, by: &Operator, id: &str) -> Result<Decided, Problem> {
        let row = self.live_grant(id).await?;
        by.check(Act::Decide(&self.name_of(&row.ours)))?;
        self.end(&row, &Code::REVOKED, by.label()).await?;
        let grant = Some(row.grant.id().to_string());
        Ok(Decided {
            outcome: "revoked".to_owned(),
            grant,
        })
    }

    pub(in crate::journey) async fn end(
        &self,
        row: &GrantRow,
        code: &Code,
        by: &str,
    ) -> Result<(), CoreError> {
        let told = self.ended_message(row, code).await?;
        let (entropy, ours, id) = (Arc::clone(&self.entropy), row.ours.clone(), row.grant.id());
        let (code, by) = (code.clone(), by.to_owned());
        self.store
            .write(move |tx| {
                let Some(row) = tx.grant(&id, &ours)? else {
                    return Ok(());
                };
                if row.state == GrantState::Ended {
                    return Ok(());
                }
                end_grant(tx, &*entropy, row, Outcome::Revoked, &by, &code, id)?;
                if let Some(told) = &told {
                    told.keep(tx)?;
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        self.after_decision(&row.ours);
        Ok(())
    }

    /// Tells the peer's node; only one whose grant came by `contact/1.0` understands.
    pub(super) async fn ended_message(
        &self,
        row: &GrantRow,
        code: &Code,
    ) -> Result<Option<ContactRow>, CoreError> {
        let Some(agent) = self.agent_of(&row.ours) else {
            return Ok(None);
        };
        if row.knock.is_none() {
            return Ok(None);
        }
        let mut reference = [0; 5];
        self.entropy.fill(&mut reference);
        let ended = Ended {
            grant: row.grant.id(),
            code: code.clone(),
            reference: Some(base64url::encode(&reference)),
        };
        let id = MessageId::generate(&*self.entropy);
        let draft = ContactDraft {
            agent,
            to: row.peer.clone(),
            type_: contact::ENDED,
            thid: id.clone(),
            id,
            pthid: None,
            ack: None,
            expires: self.contact_expiry(),
            body: serde_json::to_value(ended)
                .map_err(|_| CoreError::Defect("an end that is no JSON"))?,
        };
        Ok(Some(self.contact_row(&draft).await?))
    }

    /// The pending knock whose id or digest starts so.
    async fn pending_knock(&self, id: &str) -> Result<KnockRow, Problem> {
        let prefix = id.to_owned();
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.knocks(true, 10_000)?))
            .await?
            .into_iter()
            .filter(|row| matches_prefix(row.id.as_str(), &row.digest, &prefix))
            .collect::<Vec<_>>();
        match rows.as_slice() {
            [] => Err(not_found("pending knock", &comity_api::safe(id))
                .next("comity knock --all shows what became of it")),
            [row] => Ok(row.clone()),
            _ => Err(ambiguous(&comity_api::safe(id))),
        }
    }

    /// The sender's document changed since the knock came: show it anew.
    async fn renew_knock(
        &self,
        knock: &KnockRow,
        hash: Digest,
        document: &Arc<comity_did::DidDocument>,
        pin: comity_record::Pin,
    ) -> Result<(), CoreError> {
        let (knock, document) = (knock.digest, Arc::clone(document));
        self.store
            .write(move |tx| {
                let mut row = still_pending(tx, &knock)?;
                row.document = hash;
                row.pin = pin.clone();
                tx.put_document(&hash, &row.sender, document.octets(), tx.now().seconds())?;
                tx.put_knock(&row)?;
                Ok::<_, CoreError>(())
            })
            .await
    }

    pub(super) fn contact_expiry(&self) -> u64 {
        // The longest there is: who is told nothing believes in a grant that ended, or waits.
        (self.clock.now() + defaults::EXPIRY_MAX).seconds() - 1
    }

    pub(super) fn after_decision(&self, agent: &Did) {
        self.signals.decided.raise();
        self.signals.recorded.raise();
        self.signals.outbox.raise();
        self.signals.held.raise();
        self.signals.all_changed(agent);
        self.signals.inbox(agent).raise();
    }
}

/// The vouches of a chain, with the time of their status.
fn seen(standing: &Standing) -> impl Iterator<Item = ApprovalVouch> {
    let status_at = standing.status_at;
    standing.links.iter().map(move |link| ApprovalVouch {
        digest: link.vouch,
        status_at,
    })
}

/// What approving this knock as it stands would decide.
pub(crate) fn approval_of(
    knock: &KnockRow,
    document: Digest,
    pin: comity_record::Pin,
) -> Result<Digest, CoreError> {
    approval_digest(&Approval {
        definitions: Vec::new(),
        document,
        grant: knock.knock.offer.id(),
        knock: Some(knock.digest),
        pin,
        vouches: knock.vouched.iter().flat_map(seen).collect(),
    })
    .map_err(|_| CoreError::Defect("an approval without canonical form"))
}

fn narrowed(knock: &KnockRow, approve: &Approve) -> Result<Grant, Problem> {
    let types = |list: &Option<Vec<String>>| {
        let parsed = list.as_ref().map(Types::parse).transpose();
        parsed.map_err(|error| bad(comity_api::safe(&error.to_string())))
    };
    if let Some(note) = &approve.note
        && note.chars().count() > defaults::NOTE_CHARS_MAX
    {
        return Err(bad("a note has at most 280 characters"));
    }
    // Whoever knocks is the first of the two in his offer.
    let narrower = Narrower {
        first_may: types(&approve.they_may_send)?,
        second_may: types(&approve.you_may_send)?,
        until: approve.until,
        limits: Restrictions {
            uses: approve.uses,
            rate: approve.rate.map(super::grants::rate),
            max_bytes: approve.max_bytes,
            ..Restrictions::default()
        },
    };
    let limits = narrower.limits.check(narrower.until);
    limits.map_err(|error| bad(error.to_string()))?;
    knock
        .knock
        .offer
        .narrowed(&narrower)
        .map_err(|error| match error {
            GrantError::Wider => Problem::new(
                Code::WIDER_THAN_ASKED.as_str(),
                "this is more than they asked for; nothing was decided",
            )
            .next(format!("comity knock show {}", knock.id)),
            error => bad(format!("this cannot be granted: {error}")),
        })
}

/// Records that a knock was not let in.
pub(super) fn denied(
    tx: &mut dyn comity_store::Tx,
    entropy: &dyn comity_jose::Entropy,
    knock: &KnockRow,
    by: &str,
) -> Result<(), CoreError> {
    let grant = knock.knock.offer.id();
    let decision = comity_record::entry::Decided {
        grant,
        approval: None,
        by: by.to_owned(),
        outcome: Outcome::Declined,
        message: Some(knock.digest),
        vouches: Vec::new(),
        asked: None,
    };
    let event = comity_record::Event::Decision(decision);
    crate::journey::note::note(tx, entropy, event, Some(grant))?;
    Ok(())
}

/// The vouches that the operator was shown must not be known to be revoked, nor too old to tell.
fn still_vouched(tx: &dyn comity_store::Tx, knock: &KnockRow) -> Result<(), CoreError> {
    let now = tx.now().seconds();
    let age = defaults::VOUCH_STATUS_AGE_MAX.as_secs();
    for standing in &knock.vouched {
        let mut revoked = false;
        for link in &standing.links {
            revoked |= tx.is_vouch_revoked(&link.vouch)?;
        }
        if revoked || standing.status_at + age <= now || standing.until <= now {
            let title = "a vouch that you were shown does not hold any more; nothing was decided";
            let problem = Problem::new("e.p.trust.changed", title);
            let next = format!("comity knock deny {}   they may knock again", knock.id);
            return Err(problem.next(next).into());
        }
    }
    Ok(())
}

fn still_pending(tx: &dyn comity_store::Tx, digest: &Digest) -> Result<KnockRow, CoreError> {
    let row = tx
        .knock(digest)?
        .filter(|row| row.state == KnockState::Pending);
    row.ok_or_else(|| {
        bad("the knock is not pending any more")
            .next("comity knock --all")
            .into()
    })
}

pub(crate) fn matches_prefix(id: &str, digest: &Digest, prefix: &str) -> bool {
    id.to_lowercase().starts_with(&prefix.to_lowercase()) || digest.to_string().starts_with(prefix)
}
