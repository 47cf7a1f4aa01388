//! Operators by name: made, listed, rotated, removed, and let in by their token.

use super::Operator;
use super::who::TAKEN;
use crate::journey::Core;
use crate::journey::trouble::{CoreError, bad, not_found};
use comity_api::operator::{self as api, CreateOperator, OperatorToken, RotateOperator};
use comity_api::{Problem, safe};
use comity_engine::role::{Act, Scope};
use comity_engine::{Role, Timestamp};
use comity_jose::{base64url, sha256};
use comity_store::OperatorRow;
use std::sync::Arc;
use std::time::Duration;

impl Core {
    /// The operator whose token this is, with the token's hash: whoever keeps that may ask again
    /// ([`Core::operator_of_hash`]) without keeping the token.
    pub async fn operator_of_token(&self, token: &str) -> Option<(Operator, [u8; 32])> {
        let hash = sha256(&[token.as_bytes()]);
        Some((self.operator_of_hash(hash).await?, hash))
    }

    /// The operator whose token has this hash, as he is now; `None` once it was rotated or he
    /// was removed.
    pub async fn operator_of_hash(&self, hash: [u8; 32]) -> Option<Operator> {
        let row = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.operator_of_token(&hash)?))
            .await
            .ok()??;
        let now = self.clock.now();
        if !row.lets_in(&hash, now) {
            return None;
        }
        if row.last_used.is_none_or(|at| now >= at + NOTED_EVERY) {
            self.note_use(row.name.clone()).await;
        }
        Some(Operator::named(&row))
    }

    /// Operators by name; with `all` removed ones, too.
    ///
    /// # Errors
    /// Storage.
    pub async fn operators(&self, all: bool) -> Result<Vec<api::Operator>, Problem> {
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.operators()?))
            .await?;
        let shown = rows.iter().filter(|row| all || row.token.is_some());
        Ok(shown.map(show).collect())
    }

    /// Makes an operator. His token is shown only now.
    ///
    /// # Errors
    /// `by` may not; the name is none or taken; no such role or agent.
    pub async fn create_operator(
        &self,
        by: &Operator,
        create: CreateOperator,
    ) -> Result<OperatorToken, Problem> {
        by.check(Act::Manage)?;
        let name = create.name.clone();
        if comity_did::check_name(&name).is_err() || TAKEN.contains(&name.as_str()) {
            return Err(bad(format!("{} is no name for an operator", safe(&name))).detail(
                "a name has 1 to 63 of a-z, 0-9 and hyphens, and starts with a letter or digit; \
                 agent, node, operator, peer and rule mean others in the record",
            ));
        }
        let role = self.role_of(&create)?;
        let token = self.new_operator_token();
        let row = OperatorRow {
            name,
            role,
            token: Some(sha256(&[token.as_bytes()])),
            old_token: None,
            old_until: None,
            created: self.clock.now(),
            last_used: None,
        };
        let (operator, entropy, by) = (show(&row), Arc::clone(&self.entropy), by.clone());
        self.store
            .write(move |tx| {
                if tx.operator(&row.name)?.is_some() {
                    return Err(CoreError::from(
                        bad(format!("the name {} is taken", row.name))
                            .detail("names of removed operators are never given out again: the record says who did what by them"),
                    ));
                }
                tx.put_operator(&row)?;
                by.acts(tx, &*entropy, "operator-create", &row.name)
            })
            .await?;
        self.signals.recorded.raise();
        Ok(OperatorToken { operator, token })
    }

    /// Gives an operator another token. The one before ends at once, or after `grace_s`.
    ///
    /// # Errors
    /// `by` may not; there is no such operator; longer than a week.
    pub async fn rotate_operator(
        &self,
        by: &Operator,
        name: &str,
        rotate: RotateOperator,
    ) -> Result<OperatorToken, Problem> {
        by.check(Act::Manage)?;
        let grace = Duration::from_secs(rotate.grace_s);
        if grace > GRACE_MAX {
            return Err(bad("a token that was replaced lives a week at most"));
        }
        let token = self.new_operator_token();
        let hash = sha256(&[token.as_bytes()]);
        let change = move |row: &mut OperatorRow, now: Timestamp| {
            row.old_token = row.token.filter(|_| !grace.is_zero());
            row.old_until = row.old_token.map(|_| now + grace);
            row.token = Some(hash);
        };
        let operator = self.change_operator(by, name, "operator-rotate", change);
        let operator = operator.await?;
        Ok(OperatorToken { operator, token })
    }

    /// Removes an operator: his tokens and sessions end at once, his name stays taken.
    ///
    /// # Errors
    /// `by` may not; there is no such operator.
    pub async fn remove_operator(&self, by: &Operator, name: &str) -> Result<(), Problem> {
        by.check(Act::Manage)?;
        let change = |row: &mut OperatorRow, _: Timestamp| {
            row.token = None;
            row.old_token = None;
            row.old_until = None;
        };
        self.change_operator(by, name, "operator-remove", change)
            .await?;
        Ok(())
    }

    async fn change_operator(
        &self,
        by: &Operator,
        name: &str,
        act: &'static str,
        change: impl Fn(&mut OperatorRow, Timestamp) + Send + 'static,
    ) -> Result<api::Operator, Problem> {
        let (entropy, by, name) = (Arc::clone(&self.entropy), by.clone(), name.to_owned());
        let row = self
            .store
            .write(move |tx| {
                let row = tx.operator(&name)?.filter(|row| row.token.is_some());
                let Some(mut row) = row else {
                    let problem = not_found("operator", &safe(&name));
                    return Err(CoreError::from(problem.next("comity operator")));
                };
                change(&mut row, tx.now());
                tx.put_operator(&row)?;
                by.acts(tx, &*entropy, act, &name)?;
                Ok(row)
            })
            .await?;
        self.signals.recorded.raise();
        Ok(show(&row))
    }

    fn role_of(&self, create: &CreateOperator) -> Result<Role, Problem> {
        let agents = &create.agents;
        match create.role.as_str() {
            "approver" if agents.is_empty() => Ok(Role::Approver(Scope::All)),
            "approver" => {
                for name in agents {
                    self.agent_named(name)
                        .ok_or_else(|| not_found("agent", &safe(name)).next("comity agent"))?;
                }
                Ok(Role::Approver(Scope::Only(
                    agents.iter().cloned().collect(),
                )))
            }
            "admin" | "viewer" if !agents.is_empty() => {
                Err(bad("only an approver is for given agents"))
            }
            "admin" => Ok(Role::Admin),
            "viewer" => Ok(Role::Viewer),
            other => Err(bad(format!("{} is no role", safe(other)))
                .detail("a role is viewer, approver or admin")),
        }
    }

    /// That a token was used; the store is told once a minute at most.
    async fn note_use(&self, name: String) {
        let noted = self.store.write(move |tx| {
            let now = tx.now();
            if let Some(mut row) = tx.operator(&name)?
                && row.last_used.is_none_or(|at| now >= at + NOTED_EVERY)
            {
                row.last_used = Some(now);
                tx.put_operator(&row)?;
            }
            Ok::<_, CoreError>(())
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, "the use of an operator's token could not be noted");
        }
    }

    fn new_operator_token(&self) -> String {
        let mut octets = [0; 32];
        self.entropy.fill(&mut octets);
        format!("co_{}", base64url::encode(&octets))
    }
}

fn show(row: &OperatorRow) -> api::Operator {
    let agents = match &row.role {
        Role::Approver(Scope::Only(agents)) => Some(agents.iter().cloned().collect()),
        _ => None,
    };
    api::Operator {
        name: row.name.clone(),
        role: row.role.as_str().to_owned(),
        agents,
        state: if row.token.is_some() {
            "active".to_owned()
        } else {
            "removed".to_owned()
        },
        created: row.created.seconds(),
        last_used: row.last_used.map(Timestamp::seconds),
        old_token_until: row.old_until.map(Timestamp::seconds),
    }
}

const NOTED_EVERY: Duration = Duration::from_secs(60);
const GRACE_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);
