//! Rules that approve in an operator's place (design §5): asked about every knock, and about the
//! first message of whoever cannot knock.
//!
//! The answer to a knock is signed before the unit that decides, so the rules are asked twice:
//! what they say in the unit counts.

use super::decisions::approval_of;
use super::follow::begin_grant;
use super::invite::invitation_key;
use super::vouched::used;
use crate::journey::Core;
use crate::journey::claims::Arrival;
use crate::journey::own::{ContactDraft, ContactRow};
use crate::journey::trouble::CoreError;
use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_engine::contact::{self, Welcome};
use comity_engine::decide::{Facts, Held, Verdict, decide};
use comity_engine::policy::{
    self, Answer, FirstMessage, Misfit, Rule, RuleState, Stranger, Vouched, Who,
};
use comity_engine::{Grant, GrantState, Timestamp, fresh, grant};
use comity_jose::{Entropy, base64url};
use comity_record::Digest;
use comity_record::entry::Outcome;
use comity_store::{GrantRow, KnockRow, RuleRow, Standing, Tx};

/// A rule's yes to a knock, its answer signed.
#[derive(Clone, Debug)]
pub(in crate::journey) struct Letting {
    rule: String,
    grant: Grant,
    vouched: Option<Standing>,
    approval: Digest,
    welcome: ContactRow,
}

impl Core {
    /// The yes of a rule to this knock, if one says so.
    pub(super) async fn letting(&self, knock: &KnockRow) -> Result<Option<Letting>, CoreError> {
        let asked = knock.clone();
        let approved = self
            .store
            .read(move |tx| {
                let rules = live_rules(tx)?;
                approved(tx, &asked, &rules)
            })
            .await?;
        let Some((rule, grant, vouched)) = approved else {
            return Ok(None);
        };
        let Some(agent) = self.agent_of(&knock.recipient) else {
            return Ok(None);
        };
        let body = Welcome {
            grant: grant.clone(),
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
            body: body.to_body(),
        };
        Ok(Some(Letting {
            rule,
            grant,
            vouched,
            approval: approval_of(knock, knock.document, knock.pin.clone())?,
            welcome: self.contact_row(&draft).await?,
        }))
    }
}

impl Letting {
    /// True if the rules still say so, in this unit.
    pub(super) fn still_holds(&self, tx: &dyn Tx, knock: &KnockRow) -> Result<bool, CoreError> {
        let rules = live_rules(tx)?;
        let now = approved(tx, knock, &rules)?;
        Ok(now.is_some_and(|(rule, grant, vouched)| {
            rule == self.rule && grant == self.grant && vouched == self.vouched
        }))
    }

    /// The grant begins, its answer goes out, the rule counts it.
    pub(super) fn begin(
        &self,
        tx: &mut dyn Tx,
        entropy: &dyn Entropy,
        knock: &KnockRow,
    ) -> Result<(), CoreError> {
        let (ours, peer) = (knock.recipient.clone(), knock.sender.clone());
        let active = GrantState::Active;
        let row = GrantRow {
            pin: Some(knock.pin.clone()),
            decided_by: format!("rule:{}", self.rule),
            approval: Some(self.approval),
            knock: Some(knock.id.clone()),
            vouched: self.vouched.clone(),
            ..GrantRow::new(self.grant.clone(), ours, peer, active, tx.now())
        };
        count(tx, &self.rule)?;
        begin_grant(tx, entropy, &row, Outcome::Approved, Some(knock.digest))?;
        self.welcome.keep(tx)
    }
}

/// A grant for the first message of somebody who cannot knock, if a rule says so.
pub(in crate::journey) fn admit_first(
    tx: &mut dyn Tx,
    entropy: &dyn Entropy,
    arrival: &Arrival,
) -> Result<Option<GrantRow>, CoreError> {
    let (ours, sender) = (&arrival.agent.did, &arrival.sender);
    let rules = live_rules(tx)?;
    if rules.is_empty() {
        return Ok(None);
    }
    let now = tx.now();
    let invitation = arrival.pthid().map(|id| invitation_key(id.as_str()));
    let message = FirstMessage {
        ours,
        sender,
        type_: arrival.type_(),
        invitation: invitation.as_deref(),
        blocked: tx.is_blocked(sender)?,
        revoked: was_thrown_out(tx, ours, sender)?,
        now: now.seconds(),
    };
    let Ok(rule) = policy::admit(&message, &states(&rules)) else {
        return Ok(None);
    };
    let mut nonce = [0; 16];
    entropy.fill(&mut nonce);
    let until = rule.end(now.seconds(), u64::MAX);
    let grant = Grant::new(
        [sender.clone(), ours.clone()],
        [rule.they_may.to_vec(), rule.you_may.to_vec()],
        until,
        &base64url::encode(&nonce),
        &rule.limits,
    )
    .map_err(|_| CoreError::Defect("a rule that makes no grant"))?;
    if !passes(arrival, &grant, now) {
        return Ok(None);
    }
    let row = GrantRow {
        pin: Some(grant::pin_of(&arrival.document)),
        decided_by: rule.label(),
        ..GrantRow::new(grant, ours.clone(), sender.clone(), GrantState::Active, now)
    };
    let name = rule.name.clone();
    count(tx, &name)?;
    let hash = Digest::new(arrival.document.hash());
    tx.put_document(&hash, sender, arrival.document.octets(), now.seconds())?;
    begin_grant(tx, entropy, &row, Outcome::Approved, None)?;
    Ok(Some(row))
}

/// True if the message that would begin the grant passes under it: nothing begins with a refusal.
fn passes(arrival: &Arrival, grant: &Grant, now: Timestamp) -> bool {
    let facts = Facts {
        sender: &arrival.sender,
        type_: arrival.type_(),
        bytes: arrival.bytes,
        deniable: !arrival.proof_anyone,
        grant: Some(Held {
            grant,
            state: GrantState::Active,
            uses: 0,
            paid: Timestamp::default(),
            vouched_until: None,
        }),
        reply_to: None,
        blocked: false,
        now,
    };
    let (created, expires) = arrival.times();
    let untimed = grant.restrictions().untimed;
    decide(&facts).verdict == Verdict::Allow && fresh::check(created, expires, untimed, now).is_ok()
}

/// True if the last grant of the two that ever began was ended by a decision of ours. What was only
/// offered since, by our agent or to it, takes that back no more than a refusal of it does.
pub(super) fn was_thrown_out(tx: &dyn Tx, ours: &Did, peer: &Did) -> Result<bool, CoreError> {
    let rows = tx.grants_of_pair(ours, peer)?;
    let began = rows.iter().find(|row| row.pin.is_some());
    Ok(began.is_some_and(GrantRow::was_revoked_by_us))
}

/// True if a rule might admit a message of this sender without a knock: then it is worth opening.
pub(in crate::journey) fn might_admit(
    tx: &dyn Tx,
    ours: &Did,
    sender: &Did,
) -> Result<bool, CoreError> {
    let rules = live_rules(tx)?;
    Ok(rules.iter().any(|row| {
        let rule = &row.rule;
        rule.admits == policy::Admits::Message
            && rule.is_about(ours)
            && match &rule.who {
                Who::Peer(did) => did == sender,
                Who::Domain(domain) => domain.covers(sender),
                Who::Invited(_) => true,
                Who::VouchedBy(_) => false,
            }
    }))
}

/// The key of the invitation with this id, if it still lets somebody in.
pub(in crate::journey) fn live_invitation(
    tx: &dyn Tx,
    id: &str,
) -> Result<Option<String>, CoreError> {
    let rules = live_rules(tx)?;
    let key = invitation_key(id);
    let is_it = |row: &RuleRow| {
        let left = row.rule.grants.is_none_or(|most| row.made < most);
        left && row.rule.who == Who::Invited(key.clone())
    };
    Ok(rules.iter().any(is_it).then_some(key))
}

/// True if a rule lets our agent write to this peer: then the node knocks without asking.
pub(in crate::journey) fn lists(
    tx: &dyn Tx,
    ours: &Did,
    peer: &Did,
    type_: &MessageType,
) -> Result<bool, CoreError> {
    let rules = live_rules(tx)?;
    Ok(rules.iter().any(|row| {
        let rule = &row.rule;
        rule.is_about(ours)
            && rule.you_may.covers(type_)
            && match &rule.who {
                Who::Peer(did) => did == peer,
                Who::Domain(domain) => domain.covers(peer),
                Who::Invited(_) | Who::VouchedBy(_) => false,
            }
    }))
}

/// What the rules say about a knock, as text of policy: the rule that approves and its grant, or
/// why each does not.
pub(super) fn answer<'a>(
    tx: &dyn Tx,
    knock: &KnockRow,
    rules: &'a [RuleRow],
) -> Result<(Answer<'a>, Vec<Vouched>), CoreError> {
    let mut vouched = Vec::with_capacity(knock.vouched.len());
    for standing in &knock.vouched {
        vouched.push(standing.vouched(|vouch| used(tx, vouch))?);
    }
    let first: Option<MessageType> = knock
        .knock
        .first
        .as_ref()
        .and_then(|first| first.type_.parse().ok());
    let stranger = Stranger {
        ours: &knock.recipient,
        sender: &knock.sender,
        offer: &knock.knock.offer,
        first: first.as_ref(),
        invitation: knock.invitation.as_deref(),
        vouched: &vouched,
        blocked: tx.is_blocked(&knock.sender)?,
        revoked: was_thrown_out(tx, &knock.recipient, &knock.sender)?,
        now: tx.now().seconds(),
    };
    let answer = policy::consider(&stranger, &states(rules));
    Ok((answer, vouched))
}

type Approved = (String, Grant, Option<Standing>);

fn approved(
    tx: &dyn Tx,
    knock: &KnockRow,
    rules: &[RuleRow],
) -> Result<Option<Approved>, CoreError> {
    let (answer, _) = answer(tx, knock, rules)?;
    let Answer::Approve {
        rule,
        grant,
        vouched,
    } = answer
    else {
        return Ok(None);
    };
    let standing = vouched.and_then(|place| knock.vouched.get(place)).cloned();
    Ok(Some((rule.name.clone(), *grant, standing)))
}

/// Rules that have not ended.
pub(super) fn live_rules(tx: &dyn Tx) -> Result<Vec<RuleRow>, CoreError> {
    let now = tx.now().seconds();
    let rules = tx.rules()?.into_iter();
    Ok(rules
        .filter(|row| row.ended.is_none() && row.rule.is_open(now))
        .collect())
}

pub(super) fn states(rules: &[RuleRow]) -> Vec<RuleState<'_>> {
    let mut states = Vec::with_capacity(rules.len());
    for row in rules {
        let (rule, made) = (&row.rule, row.made);
        states.push(RuleState { rule, made });
    }
    states
}

fn count(tx: &mut dyn Tx, name: &str) -> Result<(), CoreError> {
    if let Some(mut row) = tx.rule(name)? {
        row.made += 1;
        tx.put_rule(&row)?;
    }
    Ok(())
}

/// Why a rule does not let somebody in, for people.
pub(super) fn misfits(list: Vec<(&Rule, Misfit)>) -> Vec<(String, String)> {
    let words = |(rule, misfit): (&Rule, Misfit)| (rule.label(), misfit.to_string());
    list.into_iter().map(words).collect()
}
