//! Invitations (DIDComm out-of-band 2.0): a link that lets somebody in, bounded and expiring, and
//! following one of somebody else.
//!
//! An invitation is a rule for whoever has its id, which is the secret: the node keeps its hash
//! only. A Comity node answers with a knock for what the invitation offers; other software simply
//! with its first message, if the invitation says so.

use super::Operator;
use super::offers::Ask;
use super::rules::live_rules;
use crate::journey::Core;
use crate::journey::trouble::{CoreError, bad, not_found};
use comity_api::invite::{AcceptInvitation, Following, Invite, Invited};
use comity_api::{Problem, safe};
use comity_did::Did;
use comity_didcomm::protocols::out_of_band::{Goal, Invitation, Link};
use comity_didcomm::{Attachment, MessageId};
use comity_engine::grant::Restrictions;
use comity_engine::policy::{Admits, Rule, Who};
use comity_engine::role::Act;
use comity_engine::scope::Types;
use comity_engine::{Grant, GrantState, defaults};
use comity_jose::{base64url, sha256};
use comity_store::RuleRow;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Media type of what an invitation of ours offers.
const OFFER: &str = "application/comity-offer+json";
/// The code of its goal.
const GOAL: &str = "comity.work-together";
/// How long an invitation lasts when nobody says: a week.
const LASTS: Duration = Duration::from_secs(7 * 86_400);

/// What the guest may ask for; he may ask for less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Offer {
    guest_may: Types,
    host_may: Types,
    /// UTC seconds.
    until: u64,
}

impl Core {
    /// Makes an invitation. Its link is shown only now.
    ///
    /// # Errors
    /// There is no such agent; nothing would be granted; it would be over.
    pub async fn invite(&self, by: &Operator, invite: Invite) -> Result<Invited, Problem> {
        let agent = self
            .agent_named(&invite.agent)
            .ok_or_else(|| not_found("agent", &safe(&invite.agent)).next("comity agent"))?;
        by.check(Act::Decide(&agent.name))?;
        let types =
            |list: &[String]| Types::parse(list).map_err(|error| bad(safe(&error.to_string())));
        let now = self.clock.now();
        let (guest_may, host_may) = (types(&invite.they_may_send)?, types(&invite.you_may_send)?);
        let until = invite
            .until
            .unwrap_or((now + defaults::GRANT_LIFETIME).seconds());
        // A link that outlives what it lets in would be followed for nothing.
        let week = (now + LASTS).seconds();
        let open_until = invite.open_until.unwrap_or(week).min(until);
        if open_until <= now.seconds() || until <= now.seconds() {
            return Err(bad("the invitation would be over already"));
        }
        let id = MessageId::generate(&*self.entropy);
        let key = invitation_key(id.as_str());
        let rule = Rule {
            name: format!("invite-{}", name_of(&key)),
            ours: Some(agent.did.clone()),
            who: Who::Invited(key),
            depth: 0,
            admits: if invite.messages {
                Admits::Message
            } else {
                Admits::Knock
            },
            they_may: guest_may.clone(),
            you_may: host_may.clone(),
            limits: Restrictions {
                deniable: invite.messages && !invite.signed_only,
                untimed: invite.messages && !invite.signed_only,
                uses: invite.uses,
                rate: invite.rate.map(super::grants::rate),
                max_bytes: invite.max_bytes,
            },
            lasts_s: None,
            until,
            open_until: Some(open_until),
            grants: Some(invite.guests.unwrap_or(1)),
            note: invite.note.clone(),
        };
        rule.check().map_err(|error| bad(error.to_string()))?;
        let offer = Offer {
            guest_may,
            host_may,
            until,
        };
        let mut invitation = Invitation::new(id, agent.did.clone());
        invitation.goal = Goal {
            goal_code: Some(GOAL.to_owned()),
            goal: Some(invite.goal.clone()).filter(|goal| !goal.is_empty()),
            accept: vec!["didcomm/v2".to_owned()],
        };
        let json = serde_json::to_value(&offer)
            .map_err(|_| CoreError::Defect("an offer that is no JSON"))?;
        let mut attachment = Attachment::of_json(json);
        attachment.id = Some("offer".to_owned());
        attachment.media_type = Some(OFFER.to_owned());
        invitation.attachments = vec![attachment];
        invitation.expires_time = Some(open_until);
        let url = invitation
            .to_url(&format!("{}/comity/invite", self.site.base_url()))
            .map_err(|error| bad(format!("the invitation cannot be a link: {error}")))?;
        let row = RuleRow {
            rule,
            by: by.label().to_owned(),
            created: now,
            made: 0,
            ended: None,
        };
        let (kept, who) = (row.clone(), by.clone());
        let entropy = std::sync::Arc::clone(&self.entropy);
        self.store
            .write(move |tx| {
                if live_rules(tx)?.len() >= defaults::RULES_MAX {
                    let full = bad("there are too many rules and invitations");
                    return Err(CoreError::from(full.next("comity policy remove RULE")));
                }
                tx.put_rule(&kept)?;
                who.acts(tx, &*entropy, "invite", &kept.rule.label())
            })
            .await?;
        self.signals.recorded.raise();
        Ok(Invited {
            rule: row.rule.name,
            url,
            open_until,
            until,
        })
    }

    /// Follows somebody's invitation: knocks at whoever invites, as our agent.
    ///
    /// # Errors
    /// The link holds no invitation, or one that is over; nothing is asked for; the two are let in
    /// already, or blocked.
    pub async fn accept_invitation(
        &self,
        by: &Operator,
        accept: AcceptInvitation,
    ) -> Result<Following, Problem> {
        let agent = self
            .agent_named(&accept.agent)
            .ok_or_else(|| not_found("agent", &safe(&accept.agent)).next("comity agent"))?;
        by.check(Act::Decide(&agent.name))?;
        let invitation = match Invitation::from_url(&accept.url) {
            Ok(Link::Invitation(invitation)) => invitation,
            Ok(Link::FetchRequired) => {
                return Err(bad("this is the short form of a link")
                    .detail("what it stands for has to be fetched from a stranger's server")
                    .next("open it in a browser and copy the long link it leads to"));
            }
            Ok(_) => {
                return Err(bad("there is no invitation in this link")
                    .next("copy it whole, and write it in quotes"));
            }
            Err(error) => return Err(bad(format!("the invitation cannot be read: {error}"))),
        };
        let now = self.clock.now();
        if invitation
            .expires_time
            .is_some_and(|until| until <= now.seconds())
        {
            return Err(bad("the invitation is over").next("ask for a new one"));
        }
        let host = invitation.from.clone();
        if host == agent.did {
            return Err(bad("this is an invitation of that very agent"));
        }
        let offer = self.offer_to(&agent.did, &invitation, &accept)?;
        let (ours, peer) = (agent.did.clone(), host.clone());
        let standing = self
            .store
            .read(move |tx| {
                let live = tx.grant_between(&ours, &peer)?;
                let live = live.filter(|row| row.state == GrantState::Offered);
                Ok::<_, CoreError>((tx.is_blocked(&peer)?, live.is_some()))
            })
            .await?;
        match standing {
            (true, _) => {
                return Err(
                    bad(format!("{host} is blocked")).next(format!("comity peer unblock {host}"))
                );
            }
            (false, true) => {
                return Err(bad(format!("you knock at {host} already")).next("comity grant"));
            }
            (false, false) => {}
        }
        let purpose = accept.purpose.unwrap_or_default();
        if purpose.chars().count() > defaults::PURPOSE_CHARS_MAX {
            return Err(bad("a purpose has at most 280 characters"));
        }
        let expires = (now + defaults::EXPIRY).seconds();
        let grant = offer.id().to_string();
        let ask = Ask {
            to: host.clone(),
            offer,
            purpose,
            first: None,
            invitation: Some(invitation.id.clone()),
            expires,
            by: by.label().to_owned(),
        };
        self.knock(&agent, ask).await.map_err(Problem::from)?;
        Ok(Following {
            from: host.to_string(),
            goal: invitation
                .goal
                .goal
                .as_deref()
                .map(safe)
                .unwrap_or_default(),
            grant,
        })
    }

    /// What we ask for: what the invitation offers, or what the operator says.
    fn offer_to(
        &self,
        ours: &Did,
        invitation: &Invitation,
        accept: &AcceptInvitation,
    ) -> Result<Grant, Problem> {
        let is_offer = |attachment: &Attachment| attachment.media_type.as_deref() == Some(OFFER);
        let json = invitation
            .choose(is_offer)
            .and_then(|offer| offer.data.json.clone());
        let offered: Option<Offer> = json.and_then(|json| serde_json::from_value(json).ok());
        let list = |asked: &[String], offered: Option<&Types>| match (asked, offered) {
            ([], Some(offered)) => offered.to_vec(),
            (asked, _) => asked.to_vec(),
        };
        // Said from our side: what we may send is what the guest may.
        let we = list(
            &accept.you_may_send,
            offered.as_ref().map(|offer| &offer.guest_may),
        );
        let they = list(
            &accept.they_may_send,
            offered.as_ref().map(|offer| &offer.host_may),
        );
        let month = (self.clock.now() + defaults::GRANT_LIFETIME).seconds();
        let until = accept
            .until
            .or(offered.map(|offer| offer.until))
            .unwrap_or(month);
        let mut nonce = [0; 16];
        self.entropy.fill(&mut nonce);
        Grant::new(
            [ours.clone(), invitation.from.clone()],
            [we, they],
            until,
            &base64url::encode(&nonce),
            &Restrictions::default(),
        )
        .map_err(|error| {
            bad(format!("this cannot be asked for: {error}"))
                .next("--you-may TYPE   and   --they-may TYPE")
        })
    }
}

/// What is kept of an invitation's id.
pub(in crate::journey) fn invitation_key(id: &str) -> String {
    let lower = id.to_ascii_lowercase();
    base64url::encode(&sha256(&[b"comity/invitation/v1\0", lower.as_bytes()]))
}

/// Eight letters and digits of a key, for a name.
fn name_of(key: &str) -> String {
    let plain = key.bytes().filter(u8::is_ascii_alphanumeric);
    plain
        .take(8)
        .map(|octet| char::from(octet.to_ascii_lowercase()))
        .collect()
}
