//! What was decided lately, and by whom: decisions about grants and the other acts of operators.

use super::Operator;
use crate::journey::Core;
use crate::journey::trouble::CoreError;
use comity_api::operator::{self as api, Decision, ListQuery};
use comity_api::{Problem, safe};
use comity_engine::Role;
use comity_engine::role::{Act, Scope};
use comity_record::entry::Decided;
use comity_record::{Event, Record};
use comity_store::{EntryRow, Tx};

impl Core {
    /// Who asks.
    ///
    /// # Errors
    /// Storage.
    pub async fn me(&self, by: &Operator) -> Result<api::Operator, Problem> {
        let named = self.operators(false).await?;
        let me = named.into_iter().find(|row| row.name == by.label());
        let agents = match by.role() {
            Role::Approver(Scope::Only(agents)) => Some(agents.iter().cloned().collect()),
            _ => None,
        };
        Ok(me.unwrap_or_else(|| api::Operator {
            name: by.label().to_owned(),
            role: by.role().as_str().to_owned(),
            agents,
            state: "active".to_owned(),
            created: 0,
            last_used: None,
            old_token_until: None,
        }))
    }

    /// The newest decisions and acts, newest first.
    ///
    /// # Errors
    /// Storage.
    pub async fn decisions(&self, query: ListQuery) -> Result<Vec<Decision>, Problem> {
        let limit = query.limit.unwrap_or(20).clamp(1, 200);
        let shown = self
            .store
            .read(move |tx| {
                let rows = tx.decisions(limit)?.into_iter();
                let shown = rows.map(|row| show(tx, &row));
                let shown = shown.collect::<Result<Vec<_>, CoreError>>()?;
                Ok::<_, CoreError>(shown.into_iter().flatten().collect())
            })
            .await?;
        Ok(shown)
    }

    /// Where the operator's door listens on TCP, if it does.
    #[must_use]
    pub fn operator_door(&self) -> Option<std::net::SocketAddr> {
        self.site.operator_door()
    }

    /// Lets an operator end the node.
    ///
    /// # Errors
    /// `by` may not; storage.
    pub async fn stop_by(&self, by: &Operator) -> Result<(), Problem> {
        by.check(Act::Manage)?;
        let host = self.site.authority();
        Ok(self.note_act(by, "node-stop", host).await?)
    }
}

/// `None` for an entry that was erased.
fn show(tx: &dyn Tx, row: &EntryRow) -> Result<Option<Decision>, CoreError> {
    let Some(octets) = &row.record else {
        return Ok(None);
    };
    let record = Record::parse(octets)
        .map_err(|_| CoreError::Defect("a record of ours that does not parse"))?;
    let decision = |by: &str, what: &str, about: &str, agent: Option<String>| Decision {
        seq: row.seq,
        at: record.at,
        by: safe(by),
        what: what.to_owned(),
        about: safe(about),
        agent,
    };
    Ok(match &record.event {
        Event::Act(acted) => Some(decision(&acted.by, &acted.act, &acted.about, None)),
        Event::Decision(decided) => {
            let (agent, peer) = parties(tx, decided)?;
            Some(decision(
                &decided.by,
                decided.outcome.as_str(),
                &peer,
                agent,
            ))
        }
        _ => None,
    })
}

/// Our agent and the peer of a decision; its grant's id where neither grant nor knock was kept.
pub(in crate::journey) fn parties(
    tx: &dyn Tx,
    decided: &Decided,
) -> Result<(Option<String>, String), CoreError> {
    if let Some(message) = &decided.message
        && let Some(knock) = tx.knock(message)?
    {
        return Ok((Some(knock.recipient.to_string()), knock.sender.to_string()));
    }
    for agent in tx.agents()? {
        if let Some(grant) = tx.grant(&decided.grant, &agent.did)? {
            return Ok((Some(grant.ours.to_string()), grant.peer.to_string()));
        }
    }
    Ok((None, decided.grant.to_string()))
}
