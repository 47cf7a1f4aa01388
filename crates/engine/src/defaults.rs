//! Every limit of the node, with its unit and the reason for its value.

use std::time::Duration;

/// How long a message lives when its agent does not say: three days, a long weekend.
pub const EXPIRY: Duration = Duration::from_secs(259_200);
/// The longest a message may live. Bounds the memory of deduplication (design §3.3).
pub const EXPIRY_MAX: Duration = Duration::from_secs(30 * 86_400);
/// How long after its expiry a message that may have been handed over still waits for the
/// recipient's node to say what became of it.
pub const WITHDRAWAL_GRACE: Duration = Duration::from_secs(3_600);
/// How far ahead of our clock a `created_time` may be.
pub const CLOCK_SKEW: Duration = Duration::from_secs(60);
/// How long an agent may work on a delivery before it is offered again.
pub const LEASE: Duration = Duration::from_secs(60);
/// Longest extension of a lease at once.
pub const LEASE_MAX: Duration = Duration::from_secs(3_600);
/// Offers of one delivery before it is dead: since it came, or since a person answered about it.
pub const ATTEMPTS_MAX: u32 = 10;
/// First pause of a delivery that nobody else is there to take after one passed it on.
pub const PASS_FIRST: Duration = Duration::from_secs(1);
/// Longest such pause.
pub const PASS_LONGEST: Duration = Duration::from_secs(60);
/// Longest question of a parked delivery, in characters: what one reads on a phone.
pub const QUESTION_CHARS_MAX: usize = 280;
/// Longest answer of a person, in characters if it is a text, else in octets of its JSON.
pub const ANSWER_MAX: usize = 2_000;
/// Levels of JSON in such an answer: what a person types, and well within what the record holds.
pub const ANSWER_DEPTH_MAX: usize = 8;
/// How often one delivery may be parked. Each answer renews its attempts, so this bounds them.
pub const PARKS_MAX: u32 = 10;
/// Longest time that a delivery stays parked.
pub const PARK_MAX: Duration = Duration::from_secs(30 * 86_400);
/// How long before the message's expiry a person's time ends at the latest: the agent decides last.
pub const PARK_MARGIN: Duration = LEASE;
/// Deliveries for each agent of which it is remembered who passed them on.
pub const PASSES_MAX: usize = 1_024;
/// How long whoever passed a delivery on is spared it while others are there.
pub const PASS_SPARES: Duration = Duration::from_secs(600);
/// Deliveries that one lease call may take.
pub const LEASE_BATCH_MAX: usize = 256;
/// Longest wait of a long poll. Below the idle limits of common proxies.
pub const WAIT_MAX: Duration = Duration::from_secs(55);
/// Largest envelope the wire door reads: a body of 1 MiB, twice base64, and room.
pub const ENVELOPE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest plaintext accepted from a peer or an agent.
pub const PLAINTEXT_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;
/// Nesting of JSON anywhere (formats §0).
pub const JSON_DEPTH_MAX: usize = 32;
/// Values in one JSON text; bounds memory before it is allocated.
pub const JSON_NODES_MAX: usize = 200_000;
/// Largest body of a `contact/1.0` message (formats §3).
pub const CONTACT_BYTES_MAX: usize = 16 * 1024;
/// Longest purpose of a knock, in characters (formats §3).
pub const PURPOSE_CHARS_MAX: usize = 280;
/// Types one direction of a grant may list.
pub const GRANT_TYPES_MAX: usize = 64;
/// Digests that `causes` may name (formats §1).
pub const CAUSES_MAX: usize = 64;
/// Unsettled deliveries in an agent's inbox before the node refuses new mail with `e.p.me.res.full`.
pub const INBOX_MAX: u64 = 100_000;
/// Unfinished messages in an agent's outbox.
pub const OUTBOX_MAX: u64 = 100_000;
/// First pause after a failed hand-over.
pub const RETRY_FIRST: Duration = Duration::from_millis(250);
/// Longest pause between hand-overs to a peer that is down.
pub const RETRY_LONGEST: Duration = Duration::from_secs(300);
/// How long a grant lasts when nobody says: thirty days.
pub const GRANT_LIFETIME: Duration = Duration::from_secs(30 * 86_400);
/// Longest note on a grant or rule, in characters.
pub const NOTE_CHARS_MAX: usize = 280;
/// Rules a node keeps: each is asked about every knock.
pub const RULES_MAX: usize = 1_000;
/// Grants that a list goes through.
pub const GRANTS_LISTED_MAX: usize = 1_000;
/// How old the status of a vouch may be before what stands on it fails closed: a day.
pub const VOUCH_STATUS_AGE_MAX: Duration = Duration::from_secs(86_400);
/// Largest plaintext of a knock that carries vouches; one without has to keep to
/// [`CONTACT_BYTES_MAX`].
pub const VOUCHED_KNOCK_BYTES_MAX: usize = 64 * 1024;
/// Chains of vouches that a knock may carry.
pub const VOUCH_CHAINS_MAX: usize = 2;
/// Links of a chain of vouches.
pub const VOUCH_LINKS_MAX: usize = 4;
/// How often the status of what grants stand on is looked at. A revoked vouch ends its grants
/// within this and the time of a look-up, while its issuer's node can be reached.
pub const VOUCH_LOOK: Duration = Duration::from_secs(300);
/// How old a status list may be that is served, or stapled without asking for a newer one.
pub const STATUS_FRESH: Duration = Duration::from_secs(300);
/// How long a status list says that it is valid: what nobody would accept any more need not be kept.
pub const STATUS_LIFETIME: Duration = VOUCH_STATUS_AGE_MAX;
/// Chains that an agent of ours holds for itself.
pub const VOUCHES_HELD_MAX: usize = 64;
/// Knocks that a list goes through.
pub const KNOCKS_LISTED_MAX: usize = 10_000;
