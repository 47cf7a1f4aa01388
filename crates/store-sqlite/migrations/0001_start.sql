-- The first form of the database.
--
-- Long texts that many rows name (DIDs, ids of messages and threads, digests) are kept once and
-- named by number. The numbers ascend, so what is inserted together lies together: a commit
-- dirties few pages, whereas an index over random text dirties a page for each row.
--
-- Columns hold what is looked up or computed with; `data` holds the row as JSON. Columns that
-- only serve an index over the few rows that matter now are null, or 0, in all others.
-- Times are milliseconds since 1970 UTC unless the comment says seconds.

CREATE TABLE party (id INTEGER PRIMARY KEY, did TEXT NOT NULL UNIQUE) STRICT;
-- Ids of messages and threads, in lower case.
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE digest (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

-- Agents of this node and the tokens of their door ------------------------------------------------

CREATE TABLE agent (
    name        TEXT PRIMARY KEY,
    did         TEXT NOT NULL,
    state       TEXT NOT NULL,
    document    BLOB NOT NULL,
    sealed_keys BLOB NOT NULL,
    created     INTEGER NOT NULL
) STRICT;

CREATE TABLE token (
    hash    BLOB PRIMARY KEY,
    agent   TEXT NOT NULL,      -- its name
    label   TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- Operators and webhooks -------------------------------------------------------------------------

CREATE TABLE operator (
    name      TEXT PRIMARY KEY,
    token     BLOB UNIQUE,      -- hash; null once removed
    old_token BLOB UNIQUE,      -- hash of the one before, while it has not ended
    data      TEXT NOT NULL
) STRICT;

CREATE TABLE webhook (id TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;

CREATE TABLE webhook_event (
    seq     INTEGER PRIMARY KEY,
    webhook TEXT NOT NULL,
    due     INTEGER NOT NULL,
    data    TEXT NOT NULL
) STRICT;
CREATE INDEX webhook_event_due ON webhook_event (due);
CREATE INDEX webhook_event_webhook ON webhook_event (webhook);

CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;

-- Octets by hash ---------------------------------------------------------------------------------

CREATE TABLE message (digest INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT;

CREATE TABLE document (
    hash       INTEGER PRIMARY KEY,
    did        TEXT NOT NULL,
    octets     BLOB NOT NULL,
    first_seen INTEGER NOT NULL -- seconds
) STRICT;
CREATE INDEX document_of ON document (did, first_seen);

-- Order and deduplication ------------------------------------------------------------------------

CREATE TABLE stream (
    id        INTEGER PRIMARY KEY,
    thread    INTEGER NOT NULL,
    way       TEXT NOT NULL,    -- in, out
    sender    INTEGER NOT NULL,
    recipient INTEGER NOT NULL,
    last      INTEGER           -- the last number given out or accepted
) STRICT;
CREATE UNIQUE INDEX stream_key ON stream (thread, way, sender, recipient);

CREATE TABLE seen (
    name        INTEGER NOT NULL,
    recipient   INTEGER NOT NULL,
    sender      INTEGER NOT NULL,
    digest      INTEGER NOT NULL,
    fresh_until INTEGER NOT NULL, -- seconds
    PRIMARY KEY (name, recipient, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_fresh_until ON seen (fresh_until);

-- Messages of our agents -------------------------------------------------------------------------

CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY,
    agent    INTEGER NOT NULL,
    name     INTEGER NOT NULL,
    digest   INTEGER NOT NULL,
    peer     INTEGER NOT NULL,
    stream   INTEGER NOT NULL,
    place    INTEGER,           -- the signed number in the stream
    state    TEXT NOT NULL,
    open     INTEGER NOT NULL,  -- 1 until it ends
    blocks   INTEGER NOT NULL,  -- 1 while later ones of its stream wait for it
    due_from INTEGER,           -- from when on it could be handed over, if it stood first
    due      INTEGER,           -- the same, if it does stand first
    lapses   INTEGER,           -- when expiry may end it, seconds
    asks     INTEGER,           -- 1 while a reply would be its answer
    data     TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX outbox_key ON outbox (name, agent);
CREATE INDEX outbox_digest ON outbox (digest);
CREATE INDEX outbox_stream ON outbox (stream);
CREATE INDEX outbox_line ON outbox (stream, blocks, place) WHERE open = 1;
CREATE INDEX outbox_open ON outbox (agent, peer) WHERE open = 1;
CREATE INDEX outbox_due ON outbox (peer, due) WHERE due IS NOT NULL;
CREATE INDEX outbox_held ON outbox (state) WHERE state = 'held';
CREATE INDEX outbox_lapses ON outbox (lapses) WHERE lapses IS NOT NULL;
CREATE INDEX outbox_asks ON outbox (stream) WHERE asks = 1;

CREATE TABLE event (
    seq   INTEGER PRIMARY KEY,
    agent INTEGER NOT NULL,
    id    TEXT NOT NULL
) STRICT;
CREATE INDEX event_agent ON event (agent);

-- Deliveries to our agents -----------------------------------------------------------------------

CREATE TABLE inbox (
    seq       INTEGER PRIMARY KEY,
    delivery  TEXT NOT NULL,
    recipient INTEGER NOT NULL,
    sender    INTEGER NOT NULL,
    name      INTEGER NOT NULL,
    digest    INTEGER NOT NULL,
    stream    INTEGER NOT NULL,
    grant_id  INTEGER NOT NULL,
    state     TEXT NOT NULL,
    unsettled INTEGER NOT NULL, -- 1 until it is settled or dead
    blocks    INTEGER NOT NULL, -- 1 while later ones of its stream wait for it
    due_from  INTEGER,          -- from when on it could be leased, if it stood first
    due       INTEGER,          -- the same, if it does stand first, under an active grant
    lapses    INTEGER,          -- when time moves it: its expiry, or its question's end, seconds
    data      TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX inbox_delivery ON inbox (delivery);
CREATE INDEX inbox_name ON inbox (name);
CREATE INDEX inbox_digest ON inbox (digest, recipient);
CREATE INDEX inbox_stream ON inbox (stream);
CREATE INDEX inbox_line ON inbox (stream) WHERE blocks = 1;
CREATE INDEX inbox_unsettled ON inbox (recipient, sender) WHERE unsettled = 1;
CREATE INDEX inbox_due ON inbox (recipient, due) WHERE due IS NOT NULL;
CREATE INDEX inbox_lapses ON inbox (lapses) WHERE lapses IS NOT NULL;
CREATE INDEX inbox_parked ON inbox (seq) WHERE state = 'parked';

-- Who ever got something accepted by whom.
CREATE TABLE contact (
    recipient INTEGER NOT NULL,
    sender    INTEGER NOT NULL,
    PRIMARY KEY (recipient, sender)
) STRICT, WITHOUT ROWID;

-- How many rows of `box` (in, out) each of our agents has in each state.
CREATE TABLE tally (
    box   TEXT NOT NULL,
    agent INTEGER NOT NULL,
    state TEXT NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (box, agent, state)
) STRICT, WITHOUT ROWID;

-- Grants, knocks and peers -----------------------------------------------------------------------

CREATE TABLE grants (
    seq        INTEGER PRIMARY KEY,
    id         INTEGER NOT NULL,   -- digest
    ours       INTEGER NOT NULL,
    peer       INTEGER NOT NULL,
    state      TEXT NOT NULL,
    weight     INTEGER NOT NULL,   -- which state counts among the grants of a pair
    until      INTEGER NOT NULL,   -- seconds
    lapses     INTEGER,            -- the same while it can end by it
    version    INTEGER NOT NULL,
    uses       INTEGER NOT NULL,
    created    INTEGER NOT NULL,
    ended      INTEGER,
    vouched    INTEGER,            -- 1 if it stands on vouches
    terms      TEXT NOT NULL,      -- the grant, JSON
    data       TEXT NOT NULL       -- all that nobody looks up
) STRICT;
CREATE UNIQUE INDEX grants_key ON grants (id, ours);
CREATE INDEX grants_pair ON grants (ours, peer, weight, ended);
CREATE INDEX grants_live ON grants (peer) WHERE state <> 'ended';
CREATE INDEX grants_offered ON grants (seq) WHERE state = 'offered';
CREATE INDEX grants_vouched ON grants (vouched) WHERE vouched = 1;
CREATE INDEX grants_lapses ON grants (lapses) WHERE lapses IS NOT NULL;

CREATE TABLE knock (
    seq       INTEGER PRIMARY KEY,
    digest    TEXT NOT NULL UNIQUE,
    id        TEXT NOT NULL,
    sender    TEXT NOT NULL,
    recipient TEXT NOT NULL,
    body      TEXT NOT NULL,       -- what it says, JSON
    document  TEXT NOT NULL,
    kid       TEXT NOT NULL,
    pin       TEXT NOT NULL,       -- JSON
    received  INTEGER NOT NULL,
    expires   INTEGER NOT NULL,    -- seconds
    state     TEXT NOT NULL,
    taken     TEXT NOT NULL,       -- what it takes of the room, JSON
    data      TEXT NOT NULL        -- invitation, vouched
) STRICT;
CREATE INDEX knock_pending ON knock (sender, recipient) WHERE state = 'pending';
CREATE INDEX knock_expires ON knock (expires) WHERE state = 'pending';

CREATE TABLE peer (did TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;

CREATE TABLE rule (seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, data TEXT NOT NULL) STRICT;
-- Vouches: ours, those for us, rights to make them, and whatever was ever seen revoked.
CREATE TABLE issued (
    seq     INTEGER PRIMARY KEY,
    digest  TEXT NOT NULL UNIQUE,
    issuer  TEXT NOT NULL,
    list    INTEGER NOT NULL,      -- the number of its status list
    place   INTEGER NOT NULL,      -- in that list
    revoked INTEGER NOT NULL,      -- 1 once it is
    data    TEXT NOT NULL
) STRICT;
CREATE INDEX issued_list ON issued (issuer, list, place, revoked);
CREATE TABLE held (seq INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, data TEXT NOT NULL) STRICT;
CREATE INDEX held_subject ON held (subject);
CREATE TABLE vouch_right (agent TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;
CREATE TABLE vouch_revoked (digest TEXT PRIMARY KEY) STRICT;
CREATE TABLE vouch_use (digest TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
CREATE TABLE block (domain TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;

-- The record -------------------------------------------------------------------------------------

CREATE TABLE origin (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE entry (
    seq        INTEGER PRIMARY KEY,
    origin     INTEGER,
    place      INTEGER,            -- index in the tree of `origin`
    kind       TEXT NOT NULL,
    r          BLOB,
    record     BLOB,
    commitment BLOB NOT NULL,
    subject    INTEGER             -- digest
) STRICT;
CREATE INDEX entry_fresh ON entry (place) WHERE place IS NULL;
CREATE UNIQUE INDEX entry_place ON entry (origin, place) WHERE place IS NOT NULL;
CREATE INDEX entry_decided ON entry (seq) WHERE kind IN ('decision', 'act');
CREATE INDEX entry_subject ON entry (subject) WHERE subject IS NOT NULL;

CREATE TABLE node (
    origin INTEGER NOT NULL,
    level  INTEGER NOT NULL,
    place  INTEGER NOT NULL,
    hash   BLOB NOT NULL,
    PRIMARY KEY (origin, level, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL) STRICT;

CREATE TABLE peer_log (origin TEXT PRIMARY KEY, data TEXT NOT NULL) STRICT;

-- Receipts ---------------------------------------------------------------------------------------

CREATE TABLE receipt (
    seq          INTEGER PRIMARY KEY,
    message      INTEGER NOT NULL, -- digest
    id           TEXT NOT NULL,
    recipient    INTEGER NOT NULL,
    sender       INTEGER NOT NULL,
    state        TEXT NOT NULL,
    code         TEXT,
    at           INTEGER NOT NULL, -- seconds
    by           TEXT NOT NULL,
    sender_kid   TEXT NOT NULL,
    sender_key   TEXT NOT NULL,
    entry        INTEGER NOT NULL,
    deniable     INTEGER NOT NULL,
    receipt      BLOB,
    delivered    INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    due          INTEGER           -- `next_attempt` while it is signed and not delivered
) STRICT;
CREATE UNIQUE INDEX receipt_key ON receipt (message, recipient, state);
CREATE INDEX receipt_unsigned ON receipt (entry) WHERE receipt IS NULL;
CREATE INDEX receipt_due ON receipt (sender, due) WHERE due IS NOT NULL;

CREATE TABLE peer_receipt (
    seq     INTEGER PRIMARY KEY,
    message INTEGER NOT NULL,      -- digest
    state   TEXT NOT NULL,
    receipt BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX peer_receipt_key ON peer_receipt (message, state);

-- For people who look into the file --------------------------------------------------------------

CREATE VIEW streams AS
    SELECT s.id, s.way, a.did AS sender, b.did AS recipient, n.text AS thread, s.last
    FROM stream s
    JOIN party a ON a.id = s.sender JOIN party b ON b.id = s.recipient
    JOIN name n ON n.id = s.thread;
CREATE VIEW events AS
    SELECT e.seq, p.did AS agent, e.id FROM event e JOIN party p ON p.id = e.agent;
CREATE VIEW entries AS
    SELECT e.seq, o.text AS origin, e.place, e.kind, e.record, d.text AS subject
    FROM entry e LEFT JOIN origin o ON o.id = e.origin LEFT JOIN digest d ON d.id = e.subject;
CREATE VIEW receipts AS
    SELECT r.*, d.text AS message_digest, a.did AS recipient_did, b.did AS sender_did
    FROM receipt r
    JOIN digest d ON d.id = r.message
    JOIN party a ON a.id = r.recipient JOIN party b ON b.id = r.sender;
CREATE VIEW tallies AS
    SELECT t.box, p.did AS agent, t.state, t.n FROM tally t JOIN party p ON p.id = t.agent;
