//! What a mediator answers.

use comity_did::{Did, DidUrl};

use super::{
    ADD, Paginate, Pagination, REMOVE, Reply, Request, Update, UpdateResult, Updated, Version,
};
use crate::problem::{ProblemCode, ProblemReport};
use crate::protocols::BodyError;
use crate::protocols::routing::{is_same, overlap};
use crate::{MessageId, Plaintext, Proof};

/// What a mediator knows when a request comes in.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What the envelope proves. The account is that of [`account`].
    pub proof: &'a Proof,
    /// What the account has registered, in that order; `None` if it has no grant.
    pub recipients: Option<&'a [DidUrl]>,
    /// What all other accounts have registered. Names of other DIDs than those that a request is
    /// about make no difference, and may be missing.
    pub others: &'a [DidUrl],
    /// How many it may register.
    pub recipients_max: usize,
    /// What policy would have it route by; empty if it is to have no grant. That somebody asks is
    /// no reason to grant (MED-07).
    pub routing_did: &'a [Did],
}

/// What a mediator does about a request: first it keeps the changes, all or none, then it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// What it says.
    pub answer: Answer,
    /// What changes for the account, in this order.
    pub changes: Vec<Change>,
}

/// What a mediator says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// That there is a problem.
    Problem(ProblemCode),
    /// A reply, in the version of the request.
    Reply(Version, Reply),
}

/// What changes for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Messages for this recipient are taken in from now on.
    Add {
        /// The recipient.
        recipient: DidUrl,
        /// What other accounts had registered that overlaps with it, and have registered no longer:
        /// the sender proved that it is the recipient itself.
        from_others: Vec<DidUrl>,
    },
    /// It has a grant.
    Grant,
    /// Messages for this recipient are not taken in any more (MED-05).
    Remove(DidUrl),
}

impl Decision {
    /// The answer as a message; `None` if there is nothing to say, as about a problem report.
    pub fn message(&self, id: MessageId, request: &Plaintext) -> Option<Plaintext> {
        match &self.answer {
            Answer::Problem(code) => ProblemReport::new(code.clone()).about(request, id),
            Answer::Reply(version, reply) => Some(reply.answer(*version, id, request)),
        }
    }
}

/// The DID whose account a request is about: the one that authcrypt proves (MED-01).
///
/// A signature proves nobody here, inside authcrypt or not: what is signed convinces whoever gets to
/// see it, so that it could be handed in again on somebody else's connection.
pub fn account(proof: &Proof) -> Option<&Did> {
    match proof {
        Proof::Us { kid, .. } => Some(kid.did()),
        Proof::Nobody | Proof::Anyone { .. } => None,
    }
}

/// Decides about a request.
///
/// Nobody gets an account without being proved, and nobody a recipient that [overlaps](overlap) with
/// what somebody else has, unless the proved sender *is* that recipient (MED-05): no forward is ever
/// for two accounts. Who registers first what nobody has gets it: the protocol has no proof of it
/// (interop trap 50), so that a host may want to refuse more.
///
/// # Errors
/// [`BodyError`] if the message is no request.
pub fn decide(request: &Plaintext, situation: &Situation<'_>) -> Result<Decision, BodyError> {
    let (version, asked) = Request::read(request)?;
    let Some(sender) = account(situation.proof) else {
        return Ok(problem(UNPROVED));
    };
    let mut changes = Vec::new();
    let reply = match (asked, situation.recipients) {
        (Request::Mediate, _) if situation.routing_did.is_empty() => Reply::Deny,
        (Request::Mediate, account) => {
            if account.is_none() {
                changes.push(Change::Grant);
            }
            Reply::Grant {
                routing_did: situation.routing_did.to_vec(),
            }
        }
        (_, None) => return Ok(problem(NO_GRANT)),
        (Request::Query(paginate), Some(recipients)) => page(recipients, paginate),
        (Request::Update(updates), Some(recipients)) => {
            let mut register = Register {
                sender,
                recipients: recipients.to_vec(),
                max: situation.recipients_max,
                others: situation.others.iter().collect(),
                changes: &mut changes,
            };
            let updated = |update: Update| Updated {
                result: register.update(&update),
                update,
            };
            Reply::Updated(updates.into_iter().map(updated).collect())
        }
    };
    Ok(Decision {
        answer: Answer::Reply(version, reply),
        changes,
    })
}

/// The registered recipients, as the updates of a request change them one after the other.
struct Register<'a> {
    sender: &'a Did,
    recipients: Vec<DidUrl>,
    max: usize,
    /// Of other accounts.
    others: Vec<&'a DidUrl>,
    changes: &'a mut Vec<Change>,
}

impl Register<'_> {
    fn update(&mut self, update: &Update) -> UpdateResult {
        let Ok(recipient) = DidUrl::parse(&update.recipient_did) else {
            return UpdateResult::ClientError;
        };
        match update.action.as_str() {
            ADD => self.add(recipient),
            REMOVE => self.remove(&recipient),
            _ => UpdateResult::ClientError,
        }
    }

    fn add(&mut self, recipient: DidUrl) -> UpdateResult {
        let names_key_or_did = recipient.path().is_empty() && recipient.query().is_none();
        if !names_key_or_did {
            return UpdateResult::ClientError;
        }
        if self
            .recipients
            .iter()
            .any(|known| is_same(known, &recipient))
        {
            return UpdateResult::NoChange;
        }
        let overlaps = |other: &&DidUrl| overlap(other, &recipient);
        let is_sender = recipient.did().same_subject(self.sender);
        if !is_sender && self.others.iter().any(overlaps) {
            return UpdateResult::ClientError;
        }
        if self.recipients.len() >= self.max {
            return UpdateResult::ServerError;
        }
        let (taken, left): (Vec<_>, Vec<_>) = self.others.iter().partition(|it| overlaps(it));
        self.others = left;
        self.recipients.push(recipient.clone());
        self.changes.push(Change::Add {
            recipient,
            from_others: taken.into_iter().cloned().collect(),
        });
        UpdateResult::Success
    }

    fn remove(&mut self, recipient: &DidUrl) -> UpdateResult {
        let mut recipients = self.recipients.iter();
        let Some(index) = recipients.position(|known| is_same(known, recipient)) else {
            return UpdateResult::NoChange;
        };
        let removed = self.recipients.remove(index);
        self.changes.push(Change::Remove(removed));
        UpdateResult::Success
    }
}

fn page(recipients: &[DidUrl], paginate: Option<Paginate>) -> Reply {
    let Some(Paginate { limit, offset }) = paginate else {
        return Reply::Recipients {
            recipients: recipients.to_vec(),
            pagination: None,
        };
    };
    let after = recipients.get(offset..).unwrap_or_default();
    let count = limit.min(after.len());
    Reply::Recipients {
        recipients: after[..count].to_vec(),
        pagination: Some(Pagination {
            count,
            offset,
            remaining: after.len() - count,
        }),
    }
}

fn problem(code: &str) -> Decision {
    let code = ProblemCode::parse(code).expect("our codes are well formed");
    Decision {
        answer: Answer::Problem(code),
        changes: Vec::new(),
    }
}

/// Who asks is not proved.
pub(in crate::protocols) const UNPROVED: &str = "e.p.trust";

/// Who asks has no grant.
pub(in crate::protocols) const NO_GRANT: &str = "e.p.req.mediate-grant";
