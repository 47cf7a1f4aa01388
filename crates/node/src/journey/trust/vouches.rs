//! Vouches that our agents make (ADR 8): issued by an operator or by an agent's right, sent to whom
//! they are for, and revoked. `statuses` says so to others; `rights` are the agents'.

use super::Operator;
use super::rights::use_right;
use crate::journey::Core;
use crate::journey::identity::{Caller, Hosted};
use crate::journey::own::ContactDraft;
use crate::journey::trouble::{CoreError, ambiguous, bad, not_found};
use comity_api::vouch::{IssueVouch, Issued};
use comity_api::{Problem, safe};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::role::Act;
use comity_engine::scope::Types;
use comity_jose::SignatureAlgorithm;
use comity_store::IssuedRow;
use comity_vouch::{Claims, Presented, StatusEntry, Vouch, limits};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Carries a chain of vouches to the subject of its last.
pub(in crate::journey) const ISSUED: &str = "https://w3id.org/comity/vouch/1.0/issued";
/// How long a vouch lasts when nobody says.
const LASTS: Duration = Duration::from_secs(30 * 86_400);

/// Who vouches on whose account.
#[derive(Clone, Debug)]
enum Account {
    Operator(Operator),
    Right(Did, String),
}

impl Core {
    /// Vouches for somebody, as an agent of ours.
    ///
    /// # Errors
    /// There is no such agent; the vouch would say nothing, or be over.
    pub async fn issue_vouch(&self, by: &Operator, issue: IssueVouch) -> Result<Issued, Problem> {
        let name = issue.agent.as_deref().unwrap_or_default();
        let agent = self
            .agent_named(name)
            .ok_or_else(|| not_found("agent", &safe(name)).next("comity agent"))?;
        by.check(Act::Decide(&agent.name))?;
        let account = Account::Operator(by.clone());
        self.vouch(&agent, issue, account).await
    }

    /// Vouches for somebody by the right that an operator gave the calling agent.
    ///
    /// # Errors
    /// `e.p.trust.denied` if it has none, or if this is more than it may; the same as for operators.
    pub async fn vouch_by_right(
        &self,
        caller: &Caller,
        issue: IssueVouch,
    ) -> Result<Issued, Problem> {
        let account = Account::Right(caller.did().clone(), caller.label.clone());
        self.vouch(&caller.hosted, issue, account).await
    }

    async fn vouch(
        &self,
        agent: &Arc<Hosted>,
        issue: IssueVouch,
        account: Account,
    ) -> Result<Issued, Problem> {
        let draft = self.read_vouch(&agent.did, &issue)?;
        // Before anything is kept or counted: what it is to stand on may not be there.
        let mut chain = self.chain_for(agent, issue.on.as_deref()).await?;
        let (list, index) = self.free_place(&agent.did).await?;
        let entry = StatusEntry::new(&self.list_url(&agent.name, list), index)
            .ok_or(CoreError::Defect("a status entry of ours that is none"))?;
        let claims = Claims {
            id: format!("urn:uuid:{}", MessageId::generate(&*self.entropy)),
            status: entry,
            ..draft
        };
        let unsigned = claims
            .prepare(&agent.signing_kid, SignatureAlgorithm::EdDsa)
            .map_err(|error| bad(format!("this cannot be vouched for: {error}")))?;
        let signature = self
            .sign_with(&agent.signing_kid, unsigned.octets())
            .await?;
        let vouch = unsigned
            .finish(&signature)
            .map_err(|_| CoreError::Defect("a vouch that grew"))?;
        chain.push(link_of(&vouch)?);
        let chain = Value::Array(chain);
        let row = IssuedRow {
            chain: chain.clone(),
            digest: vouch.digest(),
            issuer: agent.did.clone(),
            subject: claims.subject.clone(),
            may: claims.may.clone(),
            audience: claims.audience.clone(),
            uses: claims.uses,
            depth: claims.depth,
            until: claims.valid_until,
            list,
            index,
            by: match &account {
                Account::Operator(by) => by.label().to_owned(),
                Account::Right(_, label) => format!("agent:{label}"),
            },
            created: self.clock.now(),
            revoked: None,
        };
        let (kept, octets) = (row.clone(), vouch.as_str().as_bytes().to_vec());
        let entropy = Arc::clone(&self.entropy);
        self.store
            .write(move |tx| {
                match &account {
                    Account::Operator(by) => {
                        by.acts(tx, &*entropy, "vouch-issue", kept.subject.as_str())?;
                    }
                    Account::Right(agent, _) => use_right(tx, agent, &kept)?,
                }
                // Another may have taken the place meanwhile.
                let taken = tx.places_of_list(&kept.issuer, kept.list)?;
                if taken.iter().any(|(place, _)| *place == kept.index) {
                    return Err(comity_store::StoreError::Conflict.into());
                }
                tx.put_message(&kept.digest, &octets)?;
                tx.put_issued(&kept)?;
                Ok::<_, CoreError>(())
            })
            .await?;
        let sent = issue.deliver && self.send_chain(agent, &row.subject, &chain).await?;
        Ok(Issued {
            sent,
            chain: Some(chain),
            ..issued(&row)
        })
    }

    fn read_vouch(&self, issuer: &Did, issue: &IssueVouch) -> Result<Claims, Problem> {
        let may = Types::parse(&issue.may).map_err(|error| bad(safe(&error.to_string())))?;
        let subject = self.did_of(&issue.subject)?;
        let now = self.clock.now();
        if subject == *issuer {
            return Err(bad("nobody vouches for himself"));
        }
        let audience: Result<Vec<Did>, Problem> = issue
            .audience
            .iter()
            .map(|text| self.audience(text))
            .collect();
        let until = issue.until.unwrap_or((now + LASTS).seconds());
        if until <= now.seconds() {
            return Err(bad("the vouch would be over already"));
        }
        Ok(Claims {
            id: String::new(),
            issuer: issuer.clone(),
            subject,
            may,
            audience: audience?,
            uses: issue.uses,
            depth: issue.depth,
            purpose: issue.purpose.clone(),
            valid_from: now.seconds(),
            valid_until: until,
            status: StatusEntry::new("https://unset.invalid/", 0)
                .ok_or(CoreError::Defect("an address that is none"))?,
        })
    }

    /// An agent, or all agents of a host: `org-c.com` stands for `did:web:org-c.com`.
    fn audience(&self, text: &str) -> Result<Did, Problem> {
        if text.contains('@') || text.starts_with("did:") {
            return self.did_of(text);
        }
        let did = format!("did:web:{}", text.replacen(':', "%3A", 1));
        let read = Did::parse(&did).ok();
        read.filter(|did| comity_did::web::url(did).is_ok())
            .ok_or_else(|| {
                bad(format!("{} is neither an agent nor a host", safe(text)))
                    .next("write carla@agents.org-c.com, or agents.org-c.com for all its agents")
            })
    }

    /// What a vouch of this agent stands on: the chain that it holds itself under `on`, the start of
    /// its last vouch's digest; nothing if there is none to stand on.
    async fn chain_for(&self, agent: &Hosted, on: Option<&str>) -> Result<Vec<Value>, Problem> {
        let Some(on) = on else {
            return Ok(Vec::new());
        };
        let subject = agent.did.clone();
        let held = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.held(Some(&subject))?))
            .await?;
        let mut found = held
            .iter()
            .filter(|row| row.digest.to_string().starts_with(on));
        let row = match (found.next(), found.next()) {
            (Some(row), None) => row,
            (None, _) => {
                return Err(not_found("vouch for this agent", &safe(on)).next("comity vouch"));
            }
            _ => return Err(ambiguous(&safe(on))),
        };
        let links = row.chain.as_array().cloned().unwrap_or_default();
        let last = links.last().and_then(|link| link.get("vouch")?.as_str());
        let last = last.and_then(|text| Vouch::read(text).ok());
        if last.is_none_or(|vouch| vouch.claims().depth == 0) {
            return Err(bad("this vouch may not be passed on")
                .detail("whoever made it allows no further vouches after it"));
        }
        if links.len() >= limits::CHAIN_LINKS {
            return Err(bad("the chain would be too long for anybody"));
        }
        Ok(links)
    }

    /// Sends a chain to whom its last vouch is for, if a grant lives between the two. His node
    /// keeps it, and presents it by itself.
    async fn send_chain(
        &self,
        agent: &Arc<Hosted>,
        subject: &Did,
        chain: &Value,
    ) -> Result<bool, CoreError> {
        let (ours, peer) = (agent.did.clone(), subject.clone());
        let live = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.grant_between(&ours, &peer)?))
            .await?
            .is_some_and(|row| row.state == comity_engine::GrantState::Active);
        if !live {
            return Ok(false);
        }
        let id = MessageId::generate(&*self.entropy);
        let draft = ContactDraft {
            agent: Arc::clone(agent),
            to: subject.clone(),
            type_: ISSUED,
            thid: id.clone(),
            id,
            pthid: None,
            ack: None,
            expires: self.contact_expiry(),
            body: json!({"chain": chain}),
        };
        let row = self.contact_row(&draft).await?;
        self.store.write(move |tx| row.keep(tx)).await?;
        self.signals.outbox.raise();
        Ok(true)
    }

    /// Takes a vouch back. Whoever honours it learns so from its status list.
    ///
    /// # Errors
    /// There is no such vouch of ours, or more than one.
    pub async fn revoke_vouch(&self, by: &Operator, id: &str) -> Result<Issued, Problem> {
        let row = self.issued_row(id).await?;
        by.check(Act::Decide(&self.name_of(&row.issuer)))?;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let digest = row.digest;
        let row = self
            .store
            .write(move |tx| {
                let row = tx.issued(&digest)?;
                let mut row = row.ok_or(CoreError::Defect("a vouch that is gone"))?;
                if row.revoked.is_none() {
                    row.revoked = Some(tx.now());
                    tx.put_issued(&row)?;
                    tx.put_vouch_revoked(&digest)?;
                    by.acts(tx, &*entropy, "vouch-revoke", &digest.to_string())?;
                }
                Ok::<_, CoreError>(row)
            })
            .await?;
        self.statuses.revoked(&row.issuer, row.list);
        Ok(issued(&row))
    }

    /// A vouch of ours with the whole chain that its subject presents.
    ///
    /// # Errors
    /// There is no such vouch of ours, or more than one.
    pub async fn show_vouch(&self, id: &str) -> Result<Issued, Problem> {
        let row = self.issued_row(id).await?;
        Ok(Issued {
            chain: Some(row.chain.clone()),
            ..issued(&row)
        })
    }

    /// Vouches of our agents, oldest first.
    ///
    /// # Errors
    /// Storage.
    pub async fn issued_vouches(&self) -> Result<Vec<Issued>, Problem> {
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.all_issued(None)?))
            .await?;
        Ok(rows.iter().map(issued).collect())
    }

    async fn issued_row(&self, id: &str) -> Result<IssuedRow, Problem> {
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.all_issued(None)?))
            .await?;
        let mut rows = rows
            .into_iter()
            .filter(|row| row.digest.to_string().starts_with(id));
        match (rows.next(), rows.next()) {
            (Some(row), None) => Ok(row),
            (None, _) => Err(not_found("vouch of yours", &safe(id)).next("comity vouch")),
            _ => Err(ambiguous(&safe(id))),
        }
    }
}

/// A vouch as a link of a chain; whoever presents it gets its status.
fn link_of(vouch: &Vouch) -> Result<Value, CoreError> {
    let link = Presented {
        vouch: vouch.as_str().to_owned(),
        status: None,
    };
    serde_json::to_value(link).map_err(|_| CoreError::Defect("a vouch that is no JSON"))
}

fn issued(row: &IssuedRow) -> Issued {
    Issued {
        id: row.digest.to_string(),
        issuer: row.issuer.to_string(),
        subject: row.subject.to_string(),
        may: row.may.to_vec(),
        audience: row.audience.iter().map(ToString::to_string).collect(),
        uses: row.uses,
        depth: row.depth,
        until: row.until,
        by: row.by.clone(),
        created: row.created.seconds(),
        state: if row.revoked.is_some() {
            "revoked"
        } else {
            "active"
        }
        .to_owned(),
        sent: false,
        chain: None,
    }
}
