//! What our agents may vouch for by themselves, as far as an operator let them.

use super::Operator;
use crate::journey::Core;
use crate::journey::trouble::{CoreError, bad, not_found};
use comity_api::vouch::VouchRight;
use comity_api::{Problem, safe};
use comity_did::Did;
use comity_engine::Code;
use comity_engine::role::Act;
use comity_engine::scope::Types;
use comity_store::{IssuedRow, RightRow, Tx};
use std::sync::Arc;

impl Core {
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
}

/// Counts a vouch against its agent's right.
pub(super) fn use_right(tx: &mut dyn Tx, agent: &Did, vouch: &IssuedRow) -> Result<(), CoreError> {
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
