//! Opening an envelope: decrypt, look at what is claimed, and only then spend anything on proof
//! (design §3, inbound 1 to 3).

use super::Core;
use super::identity::Hosted;
use super::receipts::RECEIPTS;
use super::trouble::CoreError;
use super::trust::rules::might_admit;
use crate::custody::KeyAgreement;
use crate::resolve::{Lane, ResolveError};
use comity_did::{Did, DidDocument, DidUrl, Relationship};
use comity_didcomm::{
    Claim, MessageId, MessageType, Received, Step, Unpack, UnpackError, UnpackOptions,
};
use comity_engine::GrantState;
use comity_engine::domain::is_self_certifying;
use comity_jose::PublicKey;
use comity_jose::jws::JwsError;
use comity_record::{Digest, Fingerprint};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// Why an envelope goes no further. The reason is counted, never told.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The uniform refusal.
    Quiet(&'static str),
    /// No room now.
    Busy(&'static str),
    /// The grant's rate is used up for this long.
    Later(Duration),
    /// Our own trouble; the sender tries again.
    Failed(CoreError),
}

impl From<CoreError> for Stop {
    fn from(error: CoreError) -> Self {
        Self::Failed(error)
    }
}

/// A message whose author is proved, or a carrier of receipts that prove themselves.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) agent: Arc<Hosted>,
    pub(crate) received: Received,
    pub(crate) sender: Did,
    /// The sender's document, against which the proof was made.
    pub(crate) document: Arc<DidDocument>,
    pub(crate) kid: DidUrl,
    key: PublicKey,
    pub(crate) proof_anyone: bool,
    pub(crate) id: MessageId,
    pub(crate) thid: MessageId,
    pub(crate) digest: Digest,
    /// What is kept: the JWS as received, or the innermost plaintext.
    pub(crate) octets: Vec<u8>,
    /// Octets of the plaintext.
    pub(crate) bytes: u64,
    /// The address prefix that it came from; `None` for this machine itself.
    pub(crate) prefix: Option<String>,
}

impl Arrival {
    pub(crate) fn type_(&self) -> &MessageType {
        &self.received.plaintext.type_
    }

    pub(crate) fn body(&self) -> Value {
        Value::Object(self.received.plaintext.body.clone())
    }

    pub(crate) fn times(&self) -> (Option<u64>, Option<u64>) {
        (
            self.received.plaintext.created_time,
            self.received.plaintext.expires_time,
        )
    }

    pub(crate) fn recipients(&self) -> usize {
        self.received.plaintext.to.len()
    }

    pub(crate) fn pthid(&self) -> Option<MessageId> {
        self.received
            .plaintext
            .pthid
            .as_ref()
            .map(MessageId::to_lower_case)
    }

    pub(crate) fn order(&self) -> Option<u64> {
        self.header("sender_order")?
            .as_u64()
            .filter(|order| (1..1 << 53).contains(order))
    }

    /// Digests in `causes`; what does not read as one is left out, as unknown causes dangle anyway.
    pub(crate) fn causes(&self) -> Vec<Digest> {
        let list = self.header("causes").and_then(Value::as_array);
        let read = list
            .into_iter()
            .flatten()
            .filter_map(|value| value.as_str()?.parse().ok());
        read.take(comity_engine::defaults::CAUSES_MAX).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&Value> {
        self.received.plaintext.extra.get(name)
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.key)
    }
}

impl Core {
    /// Opens an envelope as far as its claims deserve.
    pub(crate) async fn open<T: Send>(&self, octets: &[u8], turn: T) -> Result<Arrival, Stop> {
        let mut turn = Some(turn);
        let mut options = UnpackOptions::at(self.clock.now().seconds());
        options.limits = crate::limits::ENVELOPE;
        // A new DID is let in as any other (docs/adr/0006): nothing is fetched for a token.
        options.follow_rotations = false;
        let mut unpack = Unpack::new(octets, &options).map_err(unreadable)?;
        let mut agent: Option<Arc<Hosted>> = None;
        let mut lane = Lane::Stranger;
        let mut claimed: Option<DidUrl> = None;
        loop {
            match unpack.step().map_err(unreadable)? {
                Step::Agree { kids, with } => {
                    let (kid, hosted) = self.ours(kids).ok_or(Stop::Quiet("not-for-us"))?;
                    let secrets = self.custody.agree(&kid, &with).await;
                    let secrets = secrets.map_err(|_| Stop::Quiet("malformed"))?;
                    agent = Some(hosted);
                    unpack.agreed(kid, secrets);
                }
                Step::Claim(claim) => {
                    // An authcrypted message claims its sender before it is opened.
                    let closed = || self.ours(&claim.recipients).map(|(_, hosted)| hosted);
                    let agent = agent
                        .clone()
                        .or_else(closed)
                        .ok_or(Stop::Quiet("not-encrypted"))?;
                    lane = self.gate(&agent, claim).await?;
                    claimed = Some(claim.kid.clone());
                    unpack.proceed();
                }
                Step::Resolve(did) => {
                    let did = did.clone();
                    if !is_self_certifying(&did) {
                        // Its host may take its time; others go on meanwhile.
                        turn = None;
                    }
                    let document = self.document_for(&did, claimed.as_ref(), lane).await?;
                    unpack.document(document);
                }
                Step::Done => break,
                _ => return Err(Stop::Quiet("malformed")),
            }
        }
        let received = unpack.finish().map_err(unreadable)?;
        drop(turn);
        let agent = agent.ok_or(Stop::Quiet("not-encrypted"))?;
        arrival(agent, received)
    }

    /// The first key among `kids` that is ours, with its agent.
    fn ours(&self, kids: &[DidUrl]) -> Option<(DidUrl, Arc<Hosted>)> {
        kids.iter().find_map(|kid| {
            let hosted = self.agent_of(kid.did())?;
            (hosted.agreement_kid == *kid).then(|| (kid.clone(), hosted))
        })
    }

    /// The sender's document; fetched again only for a key that the one we hold does not contain.
    async fn document_for(
        &self,
        did: &Did,
        kid: Option<&DidUrl>,
        lane: Lane,
    ) -> Result<Arc<DidDocument>, Stop> {
        let stop = |error| match error {
            ResolveError::Busy => Stop::Busy("stranger-lane-full"),
            _ => Stop::Quiet("unresolved"),
        };
        let document = self.resolver.resolve(did, lane).await.map_err(stop)?;
        let known = kid.is_none_or(|kid| kid.did() != did || document.method_id(kid).is_some());
        if known || lane == Lane::Stranger {
            return Ok(document);
        }
        self.resolver.refetch(did).await.map_err(stop)
    }

    /// The claimed-sender gate: stops where nothing but refusal is possible for this claim. A
    /// claim may only deny, never allow.
    async fn gate(&self, agent: &Arc<Hosted>, claim: &Claim) -> Result<Lane, Stop> {
        let type_ = claim.type_.as_ref().map(MessageType::as_str);
        let (ours, peer) = (agent.did.clone(), claim.from.clone());
        let is_knock = type_ == Some(comity_engine::contact::KNOCK);
        let (grant, blocked, admitted) = self
            .store
            .read(move |tx| {
                let blocked = tx.is_blocked(&peer)?;
                let grant = tx.grant_between(&ours, &peer)?;
                // A knock is let through anyway.
                let admitted = grant.is_none() && !is_knock && might_admit(tx, &ours, &peer)?;
                Ok::<_, CoreError>((grant.map(|grant| grant.state), blocked, admitted))
            })
            .await?;
        match (grant, type_) {
            _ if blocked => Err(Stop::Quiet("blocked")),
            (Some(GrantState::Active | GrantState::Suspended | GrantState::Offered), _) => {
                Ok(Lane::Known)
            }
            // Who had a grant is told that it ended; not worth more than the stranger's lane.
            (Some(GrantState::Ended), _) => Ok(Lane::Stranger),
            (None, Some(comity_engine::contact::KNOCK)) => Ok(Lane::Stranger),
            // A rule lets some in who cannot knock.
            (None, _) if admitted => Ok(Lane::Stranger),
            // An authcrypted claim has no type before it is opened, and strangers may only knock
            // with a signed message.
            (None, _) => Err(Stop::Quiet("no-grant")),
        }
    }
}

/// Counts forgeries and altered envelopes apart from what no sender of ours would write: an
/// operator wants to know the difference. To the peer all are the same.
fn unreadable(error: UnpackError) -> Stop {
    Stop::Quiet(match error {
        UnpackError::Jws(JwsError::Signature(_)) => "forged-signature",
        UnpackError::Open => "altered",
        UnpackError::Unauthorized { .. } => "key-not-authorised",
        _ => "malformed",
    })
}

fn arrival(agent: Arc<Hosted>, received: Received) -> Result<Arrival, Stop> {
    let (proof_anyone, proved) = match &received.proof {
        comity_didcomm::Proof::Anyone { kid, key } => (true, Some((kid.clone(), key.clone()))),
        comity_didcomm::Proof::Us { kid, key } => (false, Some((kid.clone(), key.clone()))),
        _ => (false, None),
    };
    let plaintext = &received.plaintext;
    let bytes = received.octets.len() as u64;
    let (digest, octets) = match &received.signed {
        Some(signed) => {
            let digest =
                comity_record::message_digest_signed(&signed.protected_b64, &signed.payload_b64);
            (digest, signed.jws.clone())
        }
        None => (
            comity_record::message_digest_plain(&received.octets),
            received.octets.clone(),
        ),
    };
    let id = plaintext.id.to_lower_case();
    let thid = plaintext
        .thid
        .as_ref()
        .map_or_else(|| id.clone(), MessageId::to_lower_case);
    let (sender, document, kid, key) = match (proved, &plaintext.from, &received.sender_document) {
        (Some((kid, key)), Some(from), Some(document)) => {
            (from.clone(), Arc::clone(document), kid, key)
        }
        (None, _, _) if plaintext.type_.as_str() == RECEIPTS => {
            // A carrier of receipts: nothing of it is used but the body.
            let document = Arc::clone(&agent.document);
            let kid = agent.signing_kid.clone();
            let key = document.key(&kid, Relationship::Authentication).cloned();
            let key = key.ok_or(CoreError::Defect("an agent without its signing key"))?;
            (agent.did.clone(), document, kid, key)
        }
        _ => return Err(Stop::Quiet("unproved")),
    };
    Ok(Arrival {
        agent,
        sender,
        document,
        kid,
        key,
        proof_anyone,
        id,
        thid,
        digest,
        octets,
        bytes,
        prefix: None,
        received,
    })
}
