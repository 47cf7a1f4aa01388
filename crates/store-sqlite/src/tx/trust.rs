use super::{
    GRANTS_KEPT, Result, SqliteTx, after, column, int, json, limit_of, millis, parsed, text,
    timestamp, to_json, uint,
};
use crate::error::damaged;
use comity_did::Did;
use comity_didcomm::MessageId;
use comity_engine::contact::Knock;
use comity_engine::grant::Pin;
use comity_engine::{Code, Grant, GrantState, Timestamp};
use comity_record::Digest;
use comity_store::{GrantRow, KnockRow, KnockState, PeerRow, Standing, StoreError, Taken, Trust};
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

/// What of a grant nobody looks up.
#[derive(Serialize, Deserialize)]
struct GrantData {
    pin: Option<Pin>,
    decided_by: String,
    let_in_by: String,
    approval: Option<Digest>,
    knock: Option<MessageId>,
    code: Option<Code>,
    sent: u64,
    paid_in: Timestamp,
    paid_out: Timestamp,
    vouched: Option<Standing>,
    note: String,
}

/// What of a knock nobody looks up.
#[derive(Serialize, Deserialize)]
struct KnockData {
    invitation: Option<String>,
    vouched: Vec<Standing>,
    not_vouched: Vec<String>,
}

impl SqliteTx<'_> {
    /// Reads the columns of [`GRANT`].
    pub(super) fn grant_of(&self, row: &Row<'_>) -> Result<GrantRow> {
        let state = text(row, 4)?;
        let state =
            GrantState::from_word(state).ok_or_else(|| damaged("the state of a grant", state))?;
        let data: GrantData = json(row, 9)?;
        Ok(GrantRow {
            grant: self.terms(&parsed(row, 0)?, text(row, 1)?)?,
            ours: parsed(row, 2)?,
            peer: parsed(row, 3)?,
            state,
            pin: data.pin,
            decided_by: data.decided_by,
            let_in_by: data.let_in_by,
            approval: data.approval,
            knock: data.knock,
            version: uint(column(row, 5)?),
            uses: uint(column(row, 6)?),
            sent: data.sent,
            paid_in: data.paid_in,
            paid_out: data.paid_out,
            vouched: data.vouched,
            note: data.note,
            created: timestamp(column(row, 7)?),
            ended: column::<Option<i64>>(row, 8)?.map(timestamp),
            code: data.code,
        })
    }

    /// Parses a grant, or finds it parsed: every message asks for its grant.
    fn terms(&self, id: &Digest, text: &str) -> Result<Grant> {
        if let Some(grant) = self.cache.borrow().grants.get(id) {
            return Ok(grant.clone());
        }
        let value = serde_json::from_str(text).map_err(|error| damaged("a grant", error))?;
        let grant = Grant::from_json(value).map_err(|error| damaged("a grant", error))?;
        if grant.id() != *id {
            return Err(damaged("a grant", "its terms are not those of its id"));
        }
        let grants = &mut self.cache.borrow_mut().grants;
        if grants.len() >= GRANTS_KEPT {
            grants.clear();
        }
        grants.insert(*id, grant.clone());
        Ok(grant)
    }

    /// A grant came to be active, or ceased to be: its deliveries are offered, or not any more.
    fn offer_under(&self, grant: i64, ours: i64, peer: i64, active: bool) -> Result<()> {
        let sql = if active { OFFER_UNDER } else { WITHDRAW_UNDER };
        self.run(sql, (grant, ours, peer))?;
        Ok(())
    }
}

impl Trust for SqliteTx<'_> {
    fn grant(&self, id: &Digest, ours: &Did) -> Result<Option<GrantRow>> {
        let (Some(id), Some(ours)) = (self.digest(id)?, self.party(ours)?) else {
            return Ok(None);
        };
        self.one(GRANT, (id, ours), |row| self.grant_of(row))
    }

    fn grant_between(&self, ours: &Did, peer: &Did) -> Result<Option<GrantRow>> {
        let (Some(ours), Some(peer)) = (self.party(ours)?, self.party(peer)?) else {
            return Ok(None);
        };
        let found = self.one(
            "SELECT id FROM grants WHERE ours = ?1 AND peer = ?2
             ORDER BY weight DESC, ended DESC, seq DESC LIMIT 1",
            (ours, peer),
            |row| column::<i64>(row, 0),
        )?;
        let Some(id) = found else { return Ok(None) };
        self.one(GRANT, (id, ours), |row| self.grant_of(row))
    }

    fn grants_of_pair(&self, ours: &Did, peer: &Did) -> Result<Vec<GrantRow>> {
        let (Some(ours), Some(peer)) = (self.party(ours)?, self.party(peer)?) else {
            return Ok(Vec::new());
        };
        let ids = self.all(
            "SELECT id FROM grants WHERE ours = ?1 AND peer = ?2
             ORDER BY weight DESC, ended DESC, seq DESC",
            (ours, peer),
            |row| column::<i64>(row, 0),
        )?;
        let rows = ids
            .into_iter()
            .map(|id| self.one(GRANT, (id, ours), |row| self.grant_of(row)));
        rows.filter_map(Result::transpose).collect()
    }

    fn put_grant(&mut self, row: &GrantRow) -> Result<()> {
        let id = self.intern_digest(&row.grant.id())?;
        let (ours, peer) = (self.intern_party(&row.ours)?, self.intern_party(&row.peer)?);
        let state = row.state.as_str();
        let ended = row.ended.map(millis);
        let data = to_json(&GrantData {
            pin: row.pin.clone(),
            decided_by: row.decided_by.clone(),
            let_in_by: row.let_in_by.clone(),
            approval: row.approval,
            knock: row.knock.clone(),
            code: row.code.clone(),
            sent: row.sent,
            paid_in: row.paid_in,
            paid_out: row.paid_out,
            vouched: row.vouched.clone(),
            note: row.note.clone(),
        })?;
        let (version, uses) = (int(row.version), int(row.uses));
        // Every message counts as a use: that changes no index.
        let only_counted = self.run(
            "UPDATE grants SET version = ?1, uses = ?2, created = ?3, data = ?4
             WHERE id = ?5 AND ours = ?6 AND peer = ?7 AND state = ?8 AND ended IS ?9",
            params![
                version,
                uses,
                millis(row.created),
                data,
                id,
                ours,
                peer,
                state,
                ended
            ],
        )?;
        if only_counted > 0 {
            return Ok(());
        }
        let until = int(row.grant.until());
        let can_lapse = matches!(row.state, GrantState::Active | GrantState::Offered);
        self.run(
            "INSERT INTO grants (id, ours, peer, state, weight, until, lapses, version, uses,
                created, ended, terms, data, vouched)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (id, ours) DO UPDATE SET peer = excluded.peer, state = excluded.state,
                weight = excluded.weight, lapses = excluded.lapses, version = excluded.version,
                uses = excluded.uses, created = excluded.created, ended = excluded.ended,
                data = excluded.data, vouched = excluded.vouched",
            params![
                id,
                ours,
                peer,
                state,
                row.weight(),
                until,
                can_lapse.then_some(until),
                version,
                uses,
                millis(row.created),
                ended,
                row.grant.json().to_string(),
                data,
                row.vouched.is_some().then_some(1)
            ],
        )?;
        self.offer_under(id, ours, peer, row.state == GrantState::Active)
    }

    fn grants(&self, limit: usize) -> Result<Vec<GrantRow>> {
        self.all(NEWEST_GRANTS, [limit_of(limit)], |row| self.grant_of(row))
    }

    fn live_grants(&self) -> Result<Vec<GrantRow>> {
        self.all(LIVE_GRANTS, [], |row| self.grant_of(row))
    }

    fn live_grants_with(&self, peer: &Did) -> Result<Vec<GrantRow>> {
        let Some(peer) = self.party(peer)? else {
            return Ok(Vec::new());
        };
        self.all(LIVE_GRANTS_WITH, [peer], |row| self.grant_of(row))
    }

    fn find_live_grants(&self, prefix: &str) -> Result<Vec<GrantRow>> {
        self.all(FIND_LIVE_GRANTS, (prefix, after(prefix)), |row| {
            self.grant_of(row)
        })
    }

    fn offered_grants(&self) -> Result<Vec<GrantRow>> {
        self.all(OFFERED_GRANTS, [], |row| self.grant_of(row))
    }

    fn expired_grants(&self, now: u64, limit: usize) -> Result<Vec<GrantRow>> {
        self.all(LAPSED_GRANTS, (int(now), limit_of(limit)), |row| {
            self.grant_of(row)
        })
    }

    fn knock(&self, digest: &Digest) -> Result<Option<KnockRow>> {
        self.one(&knocks("WHERE digest = ?1"), [digest.to_string()], knock)
    }

    fn knock_between(&self, sender: &Did, recipient: &Did) -> Result<Option<KnockRow>> {
        let sql = knocks(
            "WHERE sender = ?1 AND recipient = ?2 AND state = 'pending' ORDER BY seq DESC LIMIT 1",
        );
        self.one(&sql, (sender.as_str(), recipient.as_str()), knock)
    }

    fn put_knock(&mut self, row: &KnockRow) -> Result<()> {
        self.run(
            "INSERT INTO knock (digest, id, sender, recipient, body, document, kid, pin, received,
                expires, state, taken, data)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (digest) DO UPDATE SET id = excluded.id, sender = excluded.sender,
                recipient = excluded.recipient, body = excluded.body,
                document = excluded.document, kid = excluded.kid, pin = excluded.pin,
                received = excluded.received, expires = excluded.expires, state = excluded.state,
                taken = excluded.taken, data = excluded.data",
            params![
                row.digest.to_string(),
                row.id.as_str(),
                row.sender.as_str(),
                row.recipient.as_str(),
                row.knock.to_body().to_string(),
                row.document.to_string(),
                row.kid,
                to_json(&row.pin)?,
                millis(row.received),
                int(row.expires),
                row.state.as_str(),
                to_json(&row.taken)?,
                to_json(&KnockData {
                    invitation: row.invitation.clone(),
                    vouched: row.vouched.clone(),
                    not_vouched: row.not_vouched.clone(),
                })?
            ],
        )?;
        Ok(())
    }

    fn knocks(&self, pending: bool, limit: usize) -> Result<Vec<KnockRow>> {
        let which = if pending {
            "WHERE state = 'pending'"
        } else {
            ""
        };
        let sql = knocks(&format!("{which} ORDER BY seq DESC LIMIT ?1"));
        self.all(&sql, [limit_of(limit)], knock)
    }

    fn expired_knocks(&self, now: u64, limit: usize) -> Result<Vec<KnockRow>> {
        let sql =
            knocks("WHERE state = 'pending' AND expires <= ?1 ORDER BY expires, seq LIMIT ?2");
        self.all(&sql, (int(now), limit_of(limit)), knock)
    }

    fn knock_room(&self) -> Result<Vec<(Digest, Did, Taken)>> {
        self.all(
            "SELECT digest, sender, taken FROM knock WHERE state = 'pending' ORDER BY seq",
            [],
            |row| Ok((parsed(row, 0)?, parsed(row, 1)?, json(row, 2)?)),
        )
    }

    fn peer(&self, did: &Did) -> Result<Option<PeerRow>> {
        self.one(
            "SELECT data FROM peer WHERE did = ?1",
            [did.as_str()],
            |row| json(row, 0),
        )
    }

    fn put_peer(&mut self, row: &PeerRow) -> Result<()> {
        self.run(
            "INSERT OR REPLACE INTO peer (did, data) VALUES (?1, ?2)",
            (row.did.as_str(), to_json(row)?),
        )?;
        Ok(())
    }

    fn peers(&self, limit: usize) -> Result<Vec<PeerRow>> {
        self.all(
            "SELECT data FROM peer ORDER BY did LIMIT ?1",
            [limit_of(limit)],
            |row| json(row, 0),
        )
    }
}

/// Selects the columns that [`SqliteTx::grant_of`] reads.
macro_rules! select_grants {
    ($rest:literal) => {
        select_grants!("", $rest)
    };
    ($index:literal, $rest:literal) => {
        concat!(
            "SELECT d.text, g.terms, a.did, b.did, g.state, g.version, g.uses, g.created, g.ended,
                g.data
             FROM grants g ",
            $index,
            "
             JOIN digest d ON d.id = g.id
             JOIN party a ON a.id = g.ours JOIN party b ON b.id = g.peer ",
            $rest
        )
    };
}

pub(super) const VOUCHED_GRANTS: &str = select_grants!("WHERE g.vouched = 1 ORDER BY g.seq");
const GRANT: &str = select_grants!("WHERE g.id = ?1 AND g.ours = ?2");
const NEWEST_GRANTS: &str = select_grants!("ORDER BY g.seq DESC LIMIT ?1");
// There are few live grants among many that ended, which SQLite, without statistics, cannot know.
pub(super) const LIVE_GRANTS: &str = select_grants!(
    "INDEXED BY grants_live",
    "WHERE g.state <> 'ended' ORDER BY g.seq DESC"
);
pub(super) const LIVE_GRANTS_WITH: &str = select_grants!(
    "INDEXED BY grants_live",
    "WHERE g.peer = ?1 AND g.state <> 'ended' ORDER BY g.seq DESC"
);
pub(super) const FIND_LIVE_GRANTS: &str = select_grants!(
    "INDEXED BY grants_key",
    "WHERE d.text >= ?1 AND d.text < ?2 AND g.state <> 'ended' ORDER BY g.seq DESC LIMIT 2"
);
pub(super) const OFFERED_GRANTS: &str = select_grants!(
    "INDEXED BY grants_offered",
    "WHERE g.state = 'offered' ORDER BY g.seq"
);
const LAPSED_GRANTS: &str =
    select_grants!("WHERE g.lapses <= ?1 ORDER BY g.lapses, g.seq LIMIT ?2");
const OFFER_UNDER: &str = "UPDATE inbox SET due = due_from
     WHERE recipient = ?2 AND sender = ?3 AND unsettled = 1 AND grant_id = ?1 AND blocks = 1
        AND NOT EXISTS (SELECT 1 FROM inbox b
            WHERE b.stream = inbox.stream AND b.blocks = 1 AND b.seq < inbox.seq)";
const WITHDRAW_UNDER: &str = "UPDATE inbox SET due = NULL
     WHERE recipient = ?2 AND sender = ?3 AND unsettled = 1 AND grant_id = ?1 AND due IS NOT NULL";

fn knocks(rest: &str) -> String {
    format!(
        "SELECT digest, id, sender, recipient, body, document, kid, pin, received, expires, state,
            taken, data
         FROM knock {rest}"
    )
}

fn knock(row: &Row<'_>) -> Result<KnockRow> {
    let data: KnockData = json(row, 12)?;
    Ok(KnockRow {
        digest: parsed(row, 0)?,
        id: parsed(row, 1)?,
        sender: parsed(row, 2)?,
        recipient: parsed(row, 3)?,
        knock: Knock::from_body(&json(row, 4)?).map_err(|error| damaged("a knock", error))?,
        document: parsed(row, 5)?,
        kid: column(row, 6)?,
        pin: json(row, 7)?,
        received: timestamp(column(row, 8)?),
        expires: uint(column(row, 9)?),
        state: knock_state(text(row, 10)?)?,
        taken: json(row, 11)?,
        invitation: data.invitation,
        vouched: data.vouched,
        not_vouched: data.not_vouched,
    })
}

fn knock_state(word: &str) -> Result<KnockState, StoreError> {
    use KnockState::{Approved, Denied, Displaced, Pending, Replaced, Timeout};
    [Pending, Approved, Denied, Timeout, Replaced, Displaced]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| damaged("the state of a knock", word))
}
