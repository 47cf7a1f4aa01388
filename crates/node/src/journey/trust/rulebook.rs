//! Making, listing, trying and ending the rules.

use super::Operator;
use super::rules::{answer, live_rules, misfits};
use crate::journey::Core;
use crate::journey::trouble::{CoreError, bad, not_found};
use comity_api::policy::{KeptRule, Rule as Asked, Tried, TriedKnock};
use comity_api::{Problem, safe};
use comity_did::Did;
use comity_engine::grant::Restrictions;
use comity_engine::policy::{Admits, Answer, Rule, Who};
use comity_engine::role::Act;
use comity_engine::scope::Types;
use comity_engine::{Code, defaults};
use comity_store::{GrantRow, KnockRow, KnockState, RuleRow};
use std::collections::HashMap;
use std::sync::Arc;

impl Core {
    /// Makes a rule.
    ///
    /// # Errors
    /// `by` may not; its form; its name is taken; there are too many.
    pub async fn add_rule(&self, by: &Operator, asked: Asked) -> Result<KeptRule, Problem> {
        let rule = self.read_rule(asked)?;
        self.check_rule(by, &rule)?;
        let (entropy, who) = (Arc::clone(&self.entropy), by.clone());
        let row = RuleRow {
            rule,
            by: by.label().to_owned(),
            created: self.clock.now(),
            made: 0,
            ended: None,
        };
        let kept = row.clone();
        self.store
            .write(move |tx| {
                if kept.rule.until <= tx.now().seconds() {
                    return Err(CoreError::from(bad("the rule would be over already")));
                }
                if tx.rule(&kept.rule.name)?.is_some() {
                    let name = &kept.rule.name;
                    let taken = bad(format!("there is, or was, a rule {name}"));
                    let why = "names of rules stay theirs: the record names them";
                    return Err(taken.detail(why).next("comity policy --all").into());
                }
                if live_rules(tx)?.len() >= defaults::RULES_MAX {
                    let full = bad("there are too many rules");
                    return Err(full.next("comity policy remove RULE").into());
                }
                tx.put_rule(&kept)?;
                who.acts(tx, &*entropy, "rule-create", &kept.rule.label())
            })
            .await?;
        self.signals.recorded.raise();
        self.signals.held.raise();
        Ok(self.kept_rule(&row, 0))
    }

    /// What a new rule would have done with the knocks that came so far, newest first. Changes
    /// nothing.
    ///
    /// # Errors
    /// Its form.
    pub async fn try_rule(&self, asked: Asked) -> Result<Tried, Problem> {
        let rule = self.read_rule(asked)?;
        let knocks = self
            .store
            .read(move |tx| {
                let now = tx.now();
                let rules = [RuleRow {
                    rule: rule.clone(),
                    by: String::new(),
                    created: now,
                    made: 0,
                    ended: None,
                }];
                let mut tried = Vec::new();
                for row in tx.knocks(false, TRIED)? {
                    let (answer, _) = answer(tx, &row, &rules)?;
                    tried.push(shown(&row, answer));
                }
                Ok::<_, CoreError>(tried)
            })
            .await?;
        Ok(Tried { knocks })
    }

    /// The rules, oldest first; with `all` those that ended or are over, too.
    ///
    /// # Errors
    /// Storage.
    pub async fn rules(&self, all: bool) -> Result<Vec<KeptRule>, Problem> {
        let (rules, grants) = self
            .store
            .read(|tx| Ok::<_, CoreError>((tx.rules()?, tx.live_grants()?)))
            .await?;
        let mut live: HashMap<&str, u64> = HashMap::new();
        for row in &grants {
            *live.entry(row.let_in_by.as_str()).or_default() += 1;
        }
        let count = |row: &RuleRow| live.get(row.rule.label().as_str()).copied().unwrap_or(0);
        let shown = rules.iter().map(|row| self.kept_rule(row, count(row)));
        Ok(shown.filter(|rule| all || rule.state == "active").collect())
    }

    /// Ends a rule; with `grants` also the grants that it made. Returns it with those that live on.
    ///
    /// # Errors
    /// `by` may not; there is no such rule, or it has ended.
    pub async fn end_rule(
        &self,
        by: &Operator,
        name: &str,
        grants: bool,
    ) -> Result<KeptRule, Problem> {
        let (wanted, unknown) = (name.to_owned(), not_found("rule", &safe(name)));
        let known = name.to_owned();
        let known = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.rule(&known)?));
        if let Some(row) = known.await? {
            self.check_rule(by, &row.rule)?;
        }
        let (entropy, who) = (Arc::clone(&self.entropy), by.clone());
        let row = self
            .store
            .write(move |tx| {
                let row = tx.rule(&wanted)?.filter(|row| row.ended.is_none());
                let Some(mut row) = row else { return Ok(None) };
                row.ended = Some(tx.now());
                tx.put_rule(&row)?;
                who.acts(tx, &*entropy, "rule-end", &row.rule.label())?;
                Ok::<_, CoreError>(Some(row))
            })
            .await?
            .ok_or_else(|| unknown.next("comity policy"))?;
        self.signals.recorded.raise();
        let mut live = self.made_by(&row.rule.label()).await?;
        if grants {
            for grant in std::mem::take(&mut live) {
                self.end(&grant, &Code::REVOKED, by.label()).await?;
            }
        }
        Ok(self.kept_rule(&row, live.len() as u64))
    }

    /// A rule decides for its agent in somebody's place, or for all.
    fn check_rule(&self, by: &Operator, rule: &Rule) -> Result<(), Problem> {
        match &rule.ours {
            Some(agent) => by.check(Act::Decide(&self.name_of(agent))),
            None => by.check(Act::DecideForAll),
        }
    }

    /// Grants that live and that this decided.
    async fn made_by(&self, label: &str) -> Result<Vec<GrantRow>, CoreError> {
        let label = label.to_owned();
        self.store
            .read(move |tx| {
                let live = tx.live_grants()?.into_iter();
                Ok(live.filter(|row| row.let_in_by == label).collect())
            })
            .await
    }

    fn read_rule(&self, asked: Asked) -> Result<Rule, Problem> {
        let types =
            |list: &[String]| Types::parse(list).map_err(|error| bad(safe(&error.to_string())));
        let ours = match &asked.agent {
            None => None,
            Some(name) => {
                let agent = self.agent_named(name);
                let agent = agent.ok_or_else(|| not_found("agent", &safe(name)))?;
                Some(agent.did.clone())
            }
        };
        let who = match (&asked.peer, &asked.domain, &asked.vouched_by) {
            (Some(peer), None, None) => Who::Peer(self.did_of(peer)?),
            (None, Some(domain), None) => Who::Domain(
                domain
                    .parse()
                    .map_err(|error| bad(format!("{}: {error}", safe(domain))))?,
            ),
            (None, None, Some(issuer)) => Who::VouchedBy(self.did_of(issuer)?),
            _ => {
                return Err(
                    bad("a rule is about one peer, one domain, or one who vouches")
                        .next("give exactly one of peer, domain, vouched_by"),
                );
            }
        };
        let rule = Rule {
            name: asked.name,
            ours,
            who,
            depth: asked.depth.min(3),
            admits: if asked.messages {
                Admits::Message
            } else {
                Admits::Knock
            },
            they_may: types(&asked.they_may_send)?,
            you_may: types(&asked.you_may_send)?,
            limits: Restrictions {
                deniable: asked.deniable,
                untimed: asked.untimed,
                uses: asked.uses,
                rate: asked.rate.map(super::grants::rate),
                max_bytes: asked.max_bytes,
            },
            lasts_s: asked.lasts_s,
            until: asked.until,
            open_until: None,
            grants: asked.grants,
            note: asked.note,
        };
        rule.check().map_err(|error| bad(error.to_string()))?;
        Ok(rule)
    }

    fn kept_rule(&self, row: &RuleRow, live: u64) -> KeptRule {
        let rule = &row.rule;
        let (mut peer, mut domain, mut vouched_by) = (None, None, None);
        match &rule.who {
            Who::Peer(did) => peer = Some(did.to_string()),
            Who::Domain(name) => domain = Some(name.to_string()),
            Who::VouchedBy(did) => vouched_by = Some(did.to_string()),
            Who::Invited(_) => {}
        }
        let name_of = |did: &Did| match self.agent_of(did) {
            Some(agent) => agent.name.clone(),
            None => did.to_string(),
        };
        let over = !rule.is_open(self.clock.now().seconds());
        KeptRule {
            who: rule.who.to_string(),
            state: match (row.ended, over) {
                (Some(_), _) => "ended",
                (None, true) => "over",
                (None, false) => "active",
            }
            .to_owned(),
            by: row.by.clone(),
            created: row.created.seconds(),
            made: row.made,
            live,
            rule: Asked {
                name: rule.name.clone(),
                agent: rule.ours.as_ref().map(name_of),
                peer,
                domain,
                vouched_by,
                depth: rule.depth,
                messages: rule.admits == Admits::Message,
                they_may_send: rule.they_may.to_vec(),
                you_may_send: rule.you_may.to_vec(),
                uses: rule.limits.uses,
                rate: rule.limits.rate.map(|rate| comity_api::operator::Rate {
                    messages: rate.messages,
                    seconds: rate.seconds,
                }),
                max_bytes: rule.limits.max_bytes,
                deniable: rule.limits.deniable,
                untimed: rule.limits.untimed,
                lasts_s: rule.lasts_s,
                until: rule.until,
                grants: rule.grants,
                note: safe(&rule.note),
            },
        }
    }
}

fn shown(row: &KnockRow, answer: Answer<'_>) -> TriedKnock {
    let mut tried = TriedKnock {
        id: row.id.to_string(),
        from: row.sender.to_string(),
        to: row.recipient.to_string(),
        received: row.received.seconds(),
        was: row.state.as_str().to_owned(),
        would: "ask".to_owned(),
        because: None,
        they_may_send: Vec::new(),
        until: None,
    };
    match answer {
        Answer::Approve { grant, .. } => {
            tried.would = "approve".to_owned();
            tried.they_may_send = grant.types_from(&row.sender).iter().map(safe).collect();
            tried.until = Some(grant.until());
        }
        Answer::Ask(list) => {
            tried.because = misfits(list).into_iter().next().map(|(_, why)| why);
        }
        Answer::Blocked => tried.because = Some("they are blocked".to_owned()),
    }
    // What an operator decided himself before is not what a rule is asked about.
    if row.state == KnockState::Replaced {
        tried.because = Some("they knocked again".to_owned());
    }
    tried
}

/// Past knocks that a rule is tried on.
const TRIED: usize = 1_000;
