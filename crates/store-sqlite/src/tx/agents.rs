use super::{Result, SqliteTx, column, millis, parsed, text, timestamp};
use crate::error::damaged;
use comity_store::{AgentRow, AgentState, Agents, TokenRow};
use rusqlite::Row;

impl Agents for SqliteTx<'_> {
    fn agent(&self, name: &str) -> Result<Option<AgentRow>> {
        self.one(
            "SELECT name, did, state, document, sealed_keys, created FROM agent WHERE name = ?1",
            [name],
            agent,
        )
    }

    fn agents(&self) -> Result<Vec<AgentRow>> {
        self.all(
            "SELECT name, did, state, document, sealed_keys, created FROM agent ORDER BY name",
            [],
            agent,
        )
    }

    fn put_agent(&mut self, row: &AgentRow) -> Result<()> {
        let state = match row.state {
            AgentState::Active => ACTIVE,
            AgentState::Removed => REMOVED,
        };
        self.run(
            "INSERT OR REPLACE INTO agent (name, did, state, document, sealed_keys, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                &row.name,
                row.did.as_str(),
                state,
                &row.document,
                &row.sealed_keys,
                millis(row.created),
            ),
        )?;
        Ok(())
    }

    fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRow>> {
        self.one(
            "SELECT agent, label, created FROM token WHERE hash = ?1",
            [hash.as_slice()],
            |row| {
                Ok(TokenRow {
                    hash: *hash,
                    agent: column(row, 0)?,
                    label: column(row, 1)?,
                    created: timestamp(column(row, 2)?),
                })
            },
        )
    }

    fn put_token(&mut self, row: &TokenRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO token (hash, agent, label, created) VALUES (?1, ?2, ?3, ?4)",
            (
                row.hash.as_slice(),
                &row.agent,
                &row.label,
                millis(row.created),
            ),
        )?;
        Ok(())
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.one("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            column(row, 0)
        })
    }

    fn set_meta(&mut self, name: &str, value: &[u8]) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)",
            (name, value),
        )?;
        Ok(())
    }
}

const ACTIVE: &str = "active";
const REMOVED: &str = "removed";

fn agent(row: &Row<'_>) -> Result<AgentRow> {
    Ok(AgentRow {
        name: column(row, 0)?,
        did: parsed(row, 1)?,
        state: match text(row, 2)? {
            ACTIVE => AgentState::Active,
            REMOVED => AgentState::Removed,
            other => return Err(damaged("the state of an agent", other)),
        },
        document: column(row, 3)?,
        sealed_keys: column(row, 4)?,
        created: timestamp(column(row, 5)?),
    })
}
