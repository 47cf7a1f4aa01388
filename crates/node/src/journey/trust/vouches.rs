//! Vouches that our agents make (ADR 8): issued by an operator or by an agent's right, sent to whom
//! they are for, revoked, and the status lists that say so.

use super::Operator;
use super::holding::presented;
use crate::journey::Core;
use crate::journey::identity::{Caller, Hosted};
use crate::journey::own::ContactDraft;
use crate::journey::trouble::{CoreError, ambiguous, bad, not_found};
use comity_api::vouch::{IssueVouch, Issued, VouchRight};
use comity_api::{Problem, safe};
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::role::Act;
use comity_engine::scope::Types;
use comity_engine::{Code, defaults};
use comity_jose::SignatureAlgorithm;
use comity_record::Digest;
use comity_store::{HeldRow, IssuedRow, RightRow, Tx};
use comity_vouch::{Claims, Presented, StatusBits, StatusEntry, StatusListDraft, Vouch, limits};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::str;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Carries a chain of vouches to the subject of its last.
pub(in crate::journey) const ISSUED: &str = "https://w3id.org/comity/vouch/1.0/issued";
/// How long a vouch lasts when nobody says.
const LASTS: Duration = Duration::from_secs(30 * 86_400);

/// Status lists of our agents as last signed, by agent and number; and how many vouches were revoked
/// meanwhile, so that a list from before a revocation is not remembered after it.
#[derive(Debug, Default)]
pub(crate) struct StatusLists(Mutex<HashMap<(Did, u32), Signed>>, AtomicU64);

/// When a list was signed, UTC seconds, and the list.
type Signed = (u64, Arc<str>);

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
        let on = match &issue.on {
            Some(id) => Some(self.rests_on(&agent.did, id).await?.digest),
            None => None,
        };
        let owner = agent.did.clone();
        let (list, index) = self
            .store
            .read(move |tx| Ok::<_, CoreError>(next_list(&tx.all_issued(Some(&owner))?)))
            .await
            .map(|(list, taken)| (list, self.free_index(&taken)))?;
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
        let row = IssuedRow {
            digest: vouch.digest(),
            issuer: agent.did.clone(),
            subject: claims.subject.clone(),
            may: claims.may.clone(),
            audience: claims.audience.clone(),
            uses: claims.uses,
            depth: claims.depth,
            until: claims.valid_until,
            on,
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
                let taken = tx.all_issued(Some(&kept.issuer))?;
                if taken
                    .iter()
                    .any(|row| (row.list, row.index) == (kept.list, kept.index))
                {
                    return Err(comity_store::StoreError::Conflict.into());
                }
                tx.put_message(&kept.digest, &octets)?;
                tx.put_issued(&kept)?;
                Ok::<_, CoreError>(())
            })
            .await?;
        let chain = self.chain_with(&agent.did, on, &vouch).await?;
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
            return Err(bad("nobody vouches for himself").next("comity vouch issue AGENT PEER"));
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

    /// The vouch for our agent on which it lets another rest.
    async fn rests_on(&self, agent: &Did, id: &str) -> Result<HeldRow, Problem> {
        let subject = agent.clone();
        let held = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.held(Some(&subject))?))
            .await?;
        let mut wanted = held
            .into_iter()
            .filter(|row| row.digest.to_string().starts_with(id));
        let row = match (wanted.next(), wanted.next()) {
            (Some(row), None) => row,
            (None, _) => {
                let none = not_found("vouch for this agent", &safe(id));
                return Err(none.next("comity vouch"));
            }
            _ => return Err(ambiguous(&safe(id))),
        };
        let links = presented(&row.chain).unwrap_or_default();
        if links.len() >= limits::CHAIN_LINKS {
            return Err(bad("the chain would be too long for anybody"));
        }
        // Those who made the links said how many may follow theirs.
        let ends = links.iter().rev().zip(1..).any(|(link, follow)| {
            Vouch::read(&link.vouch).map_or(true, |vouch| vouch.claims().depth < follow)
        });
        if ends {
            return Err(bad("this vouch may not be passed on")
                .detail("whoever made it did not allow it, and nobody would honour yours")
                .next("ask them for one with --depth 1"));
        }
        Ok(row)
    }

    /// The links on which a vouch of ours rests; none if we hold them no more.
    async fn base_of(&self, agent: &Did, on: Digest) -> Result<Vec<Value>, CoreError> {
        let subject = agent.clone();
        let held = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.held(Some(&subject))?))
            .await?;
        let row = held.into_iter().find(|row| row.digest == on);
        let links = row.and_then(|row| row.chain.as_array().cloned());
        Ok(links.unwrap_or_default())
    }

    /// The chain that the subject presents: what ours rests on, and ours.
    async fn chain_with(
        &self,
        issuer: &Did,
        on: Option<Digest>,
        vouch: &Vouch,
    ) -> Result<Value, CoreError> {
        let ours = Presented {
            vouch: vouch.as_str().to_owned(),
            status: None,
        };
        let ours =
            serde_json::to_value(ours).map_err(|_| CoreError::Defect("a vouch that is no JSON"))?;
        let mut chain = match on {
            Some(on) => self.base_of(issuer, on).await?,
            None => Vec::new(),
        };
        chain.push(ours);
        Ok(Value::Array(chain))
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
        let mut lists = self
            .statuses
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.statuses.1.fetch_add(1, Ordering::SeqCst);
        lists.remove(&(row.issuer.clone(), row.list));
        drop(lists);
        Ok(issued(&row))
    }

    /// A vouch of ours as it is presented.
    ///
    /// # Errors
    /// There is no such vouch of ours, or more than one.
    pub async fn show_vouch(&self, id: &str) -> Result<Issued, Problem> {
        let row = self.issued_row(id).await?;
        let digest = row.digest;
        let octets = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.message(&digest)?))
            .await?;
        let read = octets.and_then(|octets| Vouch::read(str::from_utf8(&octets).ok()?).ok());
        let chain = match read {
            Some(vouch) => Some(self.chain_with(&row.issuer, row.on, &vouch).await?),
            None => None,
        };
        Ok(Issued {
            chain,
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

    /// Lets an agent vouch by itself.
    ///
    /// # Errors
    /// There is no such agent; the right would be over.
    pub async fn give_vouch_right(
        &self,
        by: &Operator,
        right: VouchRight,
    ) -> Result<VouchRight, Problem> {
        let agent = self
            .agent_named(&right.agent)
            .ok_or_else(|| not_found("agent", &safe(&right.agent)).next("comity agent"))?;
        by.check(Act::Decide(&agent.name))?;
        let may = Types::parse(&right.may).map_err(|error| bad(safe(&error.to_string())))?;
        let now = self.clock.now();
        if right.until <= now.seconds() || may.is_empty() || right.count == 0 {
            return Err(bad("this right would allow nothing"));
        }
        let row = RightRow {
            agent: agent.did.clone(),
            may,
            count: right.count,
            made: 0,
            uses: right.uses,
            depth: right.depth.min(3),
            until: right.until,
            by: by.label().to_owned(),
            created: now,
        };
        let shown = self.right(&row);
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        self.store
            .write(move |tx| {
                tx.put_vouch_right(&row)?;
                by.acts(tx, &*entropy, "vouch-right-give", row.agent.as_str())
            })
            .await?;
        self.signals.recorded.raise();
        Ok(shown)
    }

    /// Takes the right away; what was vouched for stays.
    ///
    /// # Errors
    /// There is no such agent, or it has no right.
    pub async fn take_vouch_right(&self, by: &Operator, agent: &str) -> Result<(), Problem> {
        let agent = self
            .agent_named(agent)
            .ok_or_else(|| not_found("agent", &safe(agent)).next("comity agent"))?;
        by.check(Act::Decide(&agent.name))?;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let did = agent.did.clone();
        self.store
            .write(move |tx| {
                tx.remove_vouch_right(&did)?;
                by.acts(tx, &*entropy, "vouch-right-take", did.as_str())
            })
            .await?;
        self.signals.recorded.raise();
        Ok(())
    }

    /// What our agents may vouch for by themselves.
    ///
    /// # Errors
    /// Storage.
    pub async fn vouch_rights(&self) -> Result<Vec<VouchRight>, Problem> {
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.vouch_rights()?))
            .await?;
        Ok(rows.iter().map(|row| self.right(row)).collect())
    }

    fn right(&self, row: &RightRow) -> VouchRight {
        let name = self.agent_of(&row.agent).map(|agent| agent.name.clone());
        VouchRight {
            agent: name.unwrap_or_else(|| row.agent.to_string()),
            may: row.may.to_vec(),
            count: row.count,
            made: row.made,
            uses: row.uses,
            depth: row.depth,
            until: row.until,
            by: row.by.clone(),
        }
    }

    /// The status list of an agent, signed not long ago; `None` if there is none of that number.
    pub(crate) async fn status_list(
        &self,
        agent: &str,
        number: u32,
    ) -> Result<Option<Arc<str>>, CoreError> {
        let Some(agent) = self.agent_named(agent) else {
            return Ok(None);
        };
        let now = self.clock.now().seconds();
        let key = (agent.did.clone(), number);
        let fresh = |signed_at: u64| now < signed_at + defaults::STATUS_FRESH.as_secs();
        let known = {
            let lists = self
                .statuses
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            lists.get(&key).cloned()
        };
        if let Some((signed_at, text)) = known
            && signed_at <= now
            && fresh(signed_at)
        {
            return Ok(Some(text));
        }
        let (owner, revoked) = (agent.did.clone(), self.statuses.1.load(Ordering::SeqCst));
        let rows = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.all_issued(Some(&owner))?))
            .await?;
        let rows: Vec<IssuedRow> = rows.into_iter().filter(|row| row.list == number).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        let mut bits = StatusBits::new();
        for row in rows.iter().filter(|row| row.revoked.is_some()) {
            let set = bits.set(row.index);
            set.map_err(|_| CoreError::Defect("an index beyond its list"))?;
        }
        let draft = StatusListDraft {
            issuer: agent.did.clone(),
            url: self.list_url(&agent.name, number),
            signed_at: now,
            valid_until: now + defaults::STATUS_LIFETIME.as_secs(),
            bits,
        };
        let unsigned = draft
            .prepare(&agent.signing_kid, SignatureAlgorithm::EdDsa)
            .map_err(|_| CoreError::Defect("a status list that cannot be made"))?;
        let signature = self
            .sign_with(&agent.signing_kid, unsigned.octets())
            .await?;
        let list = unsigned
            .finish(&signature)
            .map_err(|_| CoreError::Defect("a status list that grew"))?;
        let text: Arc<str> = Arc::from(list.as_str());
        let mut lists = self
            .statuses
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.statuses.1.load(Ordering::SeqCst) == revoked {
            lists.insert(key, (now, Arc::clone(&text)));
        }
        Ok(Some(text))
    }

    async fn sign_with(
        &self,
        kid: &comity_did::DidUrl,
        octets: &[u8],
    ) -> Result<Vec<u8>, CoreError> {
        use crate::custody::Signer;
        Ok(self.custody.sign(kid, octets).await?)
    }

    fn list_url(&self, agent: &str, number: u32) -> String {
        format!("{}/{agent}/status/{number}", self.site.base_url())
    }

    /// A place that tells nothing of how many there are, and in which order.
    fn free_index(&self, taken: &[u32]) -> u32 {
        let bits = u64::try_from(limits::LIST_BITS_MIN).unwrap_or(u64::MAX);
        loop {
            let index = u32::try_from(self.random() % bits).unwrap_or_default();
            if !taken.contains(&index) {
                return index;
            }
        }
    }
}

/// The list that has room, and what is taken of it.
fn next_list(issued: &[IssuedRow]) -> (u32, Vec<u32>) {
    let list = issued.iter().map(|row| row.list).max().unwrap_or(1);
    let of = |list: u32| issued.iter().filter(move |row| row.list == list);
    let taken: Vec<u32> = of(list).map(|row| row.index).collect();
    if taken.len() >= limits::LIST_ENTRIES {
        return (list + 1, Vec::new());
    }
    (list, taken)
}

/// Counts a vouch against its agent's right.
fn use_right(tx: &mut dyn Tx, agent: &Did, vouch: &IssuedRow) -> Result<(), CoreError> {
    let denied = |why: &str| {
        let title = "this agent may not vouch for that";
        let next = "ask your operator: comity vouch allow AGENT";
        CoreError::from(
            Problem::new(Code::DENIED.as_str(), title)
                .detail(why)
                .next(next),
        )
    };
    let right = tx.vouch_right(agent)?;
    let mut right = right.ok_or_else(|| denied("it has no right to vouch"))?;
    let uses = match (vouch.uses, right.uses) {
        (_, None) => true,
        (Some(asked), Some(most)) => asked <= most,
        (None, Some(_)) => false,
    };
    let why = if tx.now().seconds() >= right.until {
        Some("its right is over")
    } else if right.made >= right.count {
        Some("it has made all the vouches that it may")
    } else if !vouch.may.is_within(&right.may) {
        Some("its right does not cover these types")
    } else if vouch.until > right.until {
        Some("its right ends before this vouch would")
    } else if vouch.depth > right.depth {
        Some("its right does not let others pass its vouches on so far")
    } else if !uses {
        Some("its right is for fewer messages")
    } else {
        None
    };
    if let Some(why) = why {
        return Err(denied(why));
    }
    right.made += 1;
    tx.put_vouch_right(&right)?;
    Ok(())
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
