//! Unpacking: a machine that asks for what it needs and performs nothing.
//!
//! All consistency rules are enforced here (ENV, ADR, JWS, JWE, ROT): a [`Received`] that exists
//! satisfies them, and no caller can forget one.

mod error;
mod from_prior;
mod offline;
mod received;
mod sealed;
mod signed;

pub use error::{AddressingError, Class, FromPriorError, UnpackError};
pub use offline::{unpack_offline, verify_signed};
pub use received::{FromPrior, Layer, Proof, Received, SignedEvidence, Warning};

use std::borrow::Cow;
use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl};
use comity_jose::json::{self, Limits, Tree};
use comity_jose::jws::Jws;
use comity_jose::{PublicKey, SharedSecret};

use crate::protocols::routing::{Forward, Forwarded};
use crate::protocols::{Body as _, BodyError};
use crate::{MessageId, MessageType, Plaintext};
use from_prior::Prior;
use sealed::Sealed;
use signed::Signed;

/// How to unpack.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnpackOptions {
    /// What one layer may cost to read.
    pub limits: Limits,
    /// The time, in UTC seconds. Without it nothing is ever found expired.
    pub now: Option<u64>,
    /// How far clocks may be apart, in seconds (TIM-02).
    pub skew: u64,
    /// Whether a rotation that a message announces is verified, for which the prior DID's document is
    /// asked for. On. Off, the header is not looked at, and the message carries
    /// [`Warning::RotationNotVerified`].
    pub follow_rotations: bool,
    /// Who reads. A message that is not encrypted says itself to nobody, so that only with this one
    /// that names others in `to` is refused as an encrypted one is: somebody may have taken it out
    /// of its envelope and passed it on. `None` to check what others wrote to one another.
    pub reader: Option<Did>,
    /// Whether a message that its envelope's key or [`UnpackOptions::reader`] is not named by in `to`
    /// is taken all the same: it then carries [`Warning::RecipientNotInTo`]. Off: machines must not
    /// act on such a message (ADR-02). Never for what is signed inside an envelope (ENV-08).
    pub accept_unlisted_recipient: bool,
}

impl UnpackOptions {
    /// The defaults, at a time in UTC seconds: expired messages and rotations are found.
    pub fn at(now: u64) -> Self {
        Self {
            now: Some(now),
            ..Self::default()
        }
    }
}

impl Default for UnpackOptions {
    fn default() -> Self {
        Self {
            limits: Limits::MESSAGE,
            now: None,
            skew: CLOCK_SKEW,
            follow_rotations: true,
            reader: None,
            accept_unlisted_recipient: false,
        }
    }
}

/// What the machine needs next.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step<'a> {
    /// Agree on secrets with a key you hold. Answer: [`Unpack::agreed`] with the one of `kids` you
    /// chose and one secret for each key of `with`, in order; [`Unpack::no_key`] if you hold none;
    /// [`Unpack::cannot_agree`] if the agreement fails.
    Agree {
        /// The recipients.
        kids: &'a [DidUrl],
        /// The ephemeral key; for authcrypt then the sender's.
        with: Vec<PublicKey>,
    },
    /// Somebody claims to have sent this. Answer: [`Unpack::proceed`], or drop the machine.
    Claim(&'a Claim),
    /// Find the document of a DID. Answer: [`Unpack::document`] or [`Unpack::unresolved`].
    Resolve(&'a Did),
    /// Nothing more: call [`Unpack::finish`].
    Done,
}

/// What a message says of itself before anything is proved.
///
/// # Security
/// It may deny, never allow.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The claimed sender: `from`, or the DID of `skid` while `from` cannot be read.
    pub from: Did,
    /// The key that is said to have signed, or encrypted.
    pub kid: DidUrl,
    /// The recipients' keys of the outermost envelope still closed, or opened last; empty if the
    /// message is signed only.
    pub recipients: Vec<DidUrl>,
    /// The message's `type`, if it can be read already.
    pub type_: Option<MessageType>,
    /// The message's `id`, if it can be read already.
    pub id: Option<MessageId>,
    /// The message's thread, if it can be read already.
    pub thid: Option<MessageId>,
}

/// Unpacks one message, asking for one thing at a time: for programs that fetch documents while they
/// read, or whose keys live elsewhere.
///
/// ```text
///            ┌────────────── next layer ──────────────┐
///            ▼                                        │
///  octets ─► read ─┬─ encrypted, anonymous ─► Agree ──┤
///                  ├─ encrypted, from skid ─► Claim ─► Resolve ─► Agree ─┘
///                  ├─ signed ─► Claim ─► Resolve ─► verify ─┐
///                  └─ plaintext ────────────────────────────┴─► from_prior? ─► Resolve ─► Done
/// ```
///
/// Everything that can be checked without a key or a document is checked before the machine asks
/// for one, so that refusing costs least. Between [`Step::Claim`] and the proof nothing is known: the
/// claim may be used to refuse, never to allow.
///
/// ```
/// use comity_didcomm::did::{Did, DidDocument, Relationship};
/// use comity_didcomm::{Party, Received, Step, Unpack, UnpackError, UnpackOptions};
/// use std::sync::Arc;
///
/// async fn fetch(did: &Did) -> Option<Arc<DidDocument>> {
///     // Your HTTP client; DIDs that carry their document need none.
///     comity_didcomm::did::resolve_offline(did)?.ok().map(Arc::new)
/// }
///
/// async fn read(octets: &[u8], me: &Party, now: u64) -> Result<Received, UnpackError> {
///     let mut unpack = Unpack::new(octets, &UnpackOptions::at(now))?;
///     loop {
///         match unpack.step()? {
///             // The first key that is ours; it may live in another process.
///             Step::Agree { kids, with } => {
///                 let ours = kids.iter().find_map(|kid| {
///                     let public = me.document().key(kid, Relationship::KeyAgreement)?;
///                     let mut keys = me.agreement_keys().iter();
///                     Some((kid.clone(), keys.find(|key| key.public() == public)?))
///                 });
///                 let agreed = ours.map(|(kid, key)| {
///                     let secrets: Result<Vec<_>, _> = with.iter().map(|it| key.agree(it)).collect();
///                     (kid, secrets)
///                 });
///                 match agreed {
///                     None => unpack.no_key(),
///                     Some((_, Err(_))) => unpack.cannot_agree(),
///                     Some((kid, Ok(secrets))) => unpack.agreed(kid, secrets),
///                 }
///             }
///             // Whoever is blocked, or unknown, need not be looked up: return an error of yours.
///             Step::Claim(claim) => {
///                 println!("{} says to have written it", claim.from);
///                 unpack.proceed();
///             }
///             Step::Resolve(did) => match fetch(did).await {
///                 Some(document) => unpack.document(document),
///                 None => unpack.unresolved(),
///             },
///             Step::Done => return unpack.finish(),
///             _ => return Err(UnpackError::OutOfTurn),
///         }
///     }
/// }
/// # let _ = read;
/// ```
#[derive(Debug)]
pub struct Unpack {
    options: UnpackOptions,
    state: State,
    answer: Option<Answer>,
    so_far: SoFar,
}

impl Unpack {
    /// Starts with octets as they came.
    ///
    /// # Errors
    /// [`UnpackError`] if they are not a message in one of the three formats.
    pub fn new(octets: &[u8], options: &UnpackOptions) -> Result<Self, UnpackError> {
        let mut so_far = SoFar::default();
        let state = read(octets.into(), options, &mut so_far)?;
        Ok(Self {
            options: options.clone(),
            state,
            answer: None,
            so_far,
        })
    }

    /// What is needed next. Calling it again without an answer gives the same step.
    ///
    /// # Errors
    /// [`UnpackError`]; the machine is then of no more use.
    pub fn step(&mut self) -> Result<Step<'_>, UnpackError> {
        if let Some(answer) = self.answer.take() {
            let state = std::mem::replace(&mut self.state, State::Failed);
            self.state = self.advance(state, answer)?;
        }
        Ok(match &self.state {
            State::SealedClaimed(_, claim)
            | State::SignedClaimed(_, claim)
            | State::PriorClaimed(.., claim) => Step::Claim(claim),
            State::SealedResolving(sealed) => Step::Resolve(sealed.sender()?),
            State::Agreeing(sealed) => Step::Agree {
                kids: sealed.kids(),
                with: sealed.keys_to_agree_with(),
            },
            State::SignedResolving(signed) => Step::Resolve(signed.signer()),
            State::PriorResolving(prior, ..) => Step::Resolve(prior.issuer()),
            State::Done(_) => Step::Done,
            State::Failed => return Err(UnpackError::OutOfTurn),
        })
    }

    /// Answers [`Step::Agree`]: the key chosen and what it agreed on, in the order asked.
    pub fn agreed(&mut self, kid: DidUrl, secrets: Vec<SharedSecret>) {
        self.answer = Some(Answer::Agreed(kid, secrets));
    }

    /// Answers [`Step::Agree`]: none of the keys is ours.
    pub fn no_key(&mut self) {
        self.answer = Some(Answer::NoKey);
    }

    /// Answers [`Step::Agree`]: a key is ours, but does not agree with the keys given.
    pub fn cannot_agree(&mut self) {
        self.answer = Some(Answer::CannotAgree);
    }

    /// Answers [`Step::Claim`]: the claim is no reason to refuse.
    pub fn proceed(&mut self) {
        self.answer = Some(Answer::Proceed);
    }

    /// Answers [`Step::Resolve`].
    pub fn document(&mut self, document: Arc<DidDocument>) {
        self.answer = Some(Answer::Document(document));
    }

    /// Answers [`Step::Resolve`]: there is no document now. Never a downgrade (JWE-26).
    pub fn unresolved(&mut self) {
        self.answer = Some(Answer::Unresolved);
    }

    /// The message, after [`Step::Done`].
    ///
    /// # Errors
    /// [`UnpackError::OutOfTurn`] before.
    pub fn finish(self) -> Result<Received, UnpackError> {
        match self.state {
            State::Done(received) if self.answer.is_none() => Ok(*received),
            _ => Err(UnpackError::OutOfTurn),
        }
    }

    fn advance(&mut self, state: State, answer: Answer) -> Result<State, UnpackError> {
        match (state, answer) {
            (State::SealedClaimed(sealed, _), Answer::Proceed) => {
                Ok(State::SealedResolving(sealed))
            }
            (State::SealedResolving(mut sealed), Answer::Document(document)) => {
                sealed.found(document)?;
                Ok(State::Agreeing(sealed))
            }
            (State::Agreeing(sealed), Answer::Agreed(kid, secrets)) => {
                let octets = sealed.open(&kid, &secrets, &mut self.so_far)?;
                read(octets.into(), &self.options, &mut self.so_far)
            }
            (State::Agreeing(_), Answer::NoKey) => Err(UnpackError::NoKey),
            (State::Agreeing(_), Answer::CannotAgree) => Err(UnpackError::Agreement),
            (State::SignedClaimed(signed, _), Answer::Proceed) => {
                match self.so_far.known_document(signed.signer()) {
                    Some(document) => self.verified(*signed, document),
                    None => Ok(State::SignedResolving(signed)),
                }
            }
            (State::SignedResolving(signed), Answer::Document(document)) => {
                self.verified(*signed, document)
            }
            (State::PriorClaimed(prior, message, _), Answer::Proceed) => {
                Ok(State::PriorResolving(prior, message))
            }
            (State::PriorResolving(prior, message), Answer::Document(document)) => {
                let from_prior = prior.verify(&document)?;
                Ok(self.done(*message, Some(from_prior)))
            }
            (State::SealedResolving(sealed), Answer::Unresolved) => Err(UnpackError::Unresolved {
                did: sealed.sender()?.clone(),
            }),
            (State::SignedResolving(signed), Answer::Unresolved) => Err(UnpackError::Unresolved {
                did: signed.signer().clone(),
            }),
            (State::PriorResolving(prior, _), Answer::Unresolved) => Err(UnpackError::Unresolved {
                did: prior.issuer().clone(),
            }),
            _ => Err(UnpackError::OutOfTurn),
        }
    }

    fn verified(
        &mut self,
        signed: Signed,
        document: Arc<DidDocument>,
    ) -> Result<State, UnpackError> {
        let message = signed.verify(document, &mut self.so_far)?;
        with_plaintext(message, &self.options, &mut self.so_far)
    }

    fn done(&mut self, message: Message, from_prior: Option<FromPrior>) -> State {
        let so_far = std::mem::take(&mut self.so_far);
        State::Done(Box::new(so_far.into_received(message, from_prior)))
    }
}

#[derive(Debug)]
enum State {
    SealedClaimed(Box<Sealed>, Claim),
    SealedResolving(Box<Sealed>),
    Agreeing(Box<Sealed>),
    SignedClaimed(Box<Signed>, Claim),
    SignedResolving(Box<Signed>),
    PriorClaimed(Box<Prior>, Box<Message>, Claim),
    PriorResolving(Box<Prior>, Box<Message>),
    Done(Box<Received>),
    Failed,
}

#[derive(Debug)]
enum Answer {
    Agreed(DidUrl, Vec<SharedSecret>),
    CannotAgree,
    Document(Arc<DidDocument>),
    NoKey,
    Proceed,
    Unresolved,
}

/// A plaintext with the octets it was read from.
#[derive(Debug)]
struct Message {
    plaintext: Plaintext,
    octets: Vec<u8>,
}

/// What the layers already taken off have shown.
#[derive(Debug, Default)]
struct SoFar {
    layers: Vec<Layer>,
    /// Our key that opened the innermost envelope.
    recipient: Option<DidUrl>,
    sender: Option<Author>,
    signer: Option<(Author, SignedEvidence)>,
    warnings: Vec<Warning>,
}

/// Somebody whose key was used, and is theirs for that purpose.
#[derive(Clone, Debug)]
struct Author {
    kid: DidUrl,
    key: PublicKey,
    document: Arc<DidDocument>,
}

impl SoFar {
    /// The layers of this hop: those since the last forward.
    fn hop(&self) -> &[Layer] {
        let last = self.layers.iter().rposition(Layer::is_forward);
        last.map_or(&self.layers[..], |last| &self.layers[last + 1..])
    }

    /// The document that proved the sender of an outer layer, if it is the one wanted.
    fn known_document(&self, did: &Did) -> Option<Arc<DidDocument>> {
        let sender = self.sender.as_ref()?;
        sender
            .document
            .id()
            .same_subject(did)
            .then(|| sender.document.clone())
    }

    fn into_received(self, message: Message, from_prior: Option<FromPrior>) -> Received {
        let (proof, sender_document, signed) = match (self.signer, self.sender) {
            (Some((author, evidence)), _) => {
                let Author { kid, key, document } = author;
                (Proof::Anyone { kid, key }, Some(document), Some(evidence))
            }
            (None, Some(Author { kid, key, document })) => {
                (Proof::Us { kid, key }, Some(document), None)
            }
            (None, None) => (Proof::Nobody, None, None),
        };
        Received {
            plaintext: message.plaintext,
            octets: message.octets,
            proof,
            layers: self.layers,
            recipient: self.recipient,
            signed,
            sender_document,
            warnings: self.warnings,
            from_prior,
        }
    }
}

/// Reads the next layer. The format is told by structure, not by what `typ` says (ENV-06).
fn read(
    octets: Cow<'_, [u8]>,
    options: &UnpackOptions,
    so_far: &mut SoFar,
) -> Result<State, UnpackError> {
    let tree = json::tree(&octets, &options.limits).map_err(UnpackError::Json)?;
    if tree.get("ciphertext").is_some() {
        Sealed::read(tree, so_far)
    } else if tree.get("payload").is_some() {
        Signed::check_place(so_far)?;
        let jws = Jws::from_tree(tree)?;
        Signed::read(jws, octets.into_owned(), options, so_far)
    } else {
        let plaintext = read_plaintext(tree)?;
        let octets = octets.into_owned();
        with_plaintext(Message { plaintext, octets }, options, so_far)
    }
}

fn read_plaintext(tree: Tree<'_>) -> Result<Plaintext, UnpackError> {
    Plaintext::from_tree(tree).map_err(UnpackError::Plaintext)
}

/// The rules between the message and the layers around it, once all layers are off.
fn with_plaintext(
    message: Message,
    options: &UnpackOptions,
    so_far: &mut SoFar,
) -> Result<State, UnpackError> {
    let plaintext = &message.plaintext;
    if let Some(sender) = &so_far.sender {
        // MSG-08, ADR-01.
        let from = plaintext.from.as_ref().ok_or(AddressingError::NoFrom)?;
        if !from.same_subject(sender.kid.did()) {
            return Err(AddressingError::FromIsNotSender.into());
        }
    }
    if is_unlisted(plaintext, so_far, options) {
        // ADR-02. For what is signed inside an envelope the rule is ENV-08, enforced before the
        // signature.
        if !options.accept_unlisted_recipient {
            return Err(AddressingError::RecipientNotInTo.into());
        }
        so_far.warnings.push(Warning::RecipientNotInTo);
    }
    // TIM-02: the message is handed out, but marked.
    let expiry = plaintext
        .expires_time
        .map(|time| time.saturating_add(options.skew));
    if expiry
        .zip(options.now)
        .is_some_and(|(expiry, now)| now >= expiry)
    {
        so_far.warnings.push(Warning::Expired);
    }
    if let Some(envelope) = rewrapped(plaintext, so_far)? {
        return read(envelope.into(), options, so_far);
    }
    if let Some(jwt) = &plaintext.from_prior {
        if options.follow_rotations {
            let prior = Prior::read(jwt, plaintext, so_far, options)?;
            let claim = prior.claim(plaintext, so_far);
            let (prior, message) = (Box::new(prior), Box::new(message));
            return Ok(State::PriorClaimed(prior, message, claim));
        }
        so_far.warnings.push(Warning::RotationNotVerified);
    }
    let so_far = std::mem::take(so_far);
    Ok(State::Done(Box::new(so_far.into_received(message, None))))
}

/// The envelope inside a forward to the very DID that opened it: a mediator wrapped the message once
/// more on the last stretch (RTE-05).
///
/// Every other forward is handed out as a message, for mediators.
fn rewrapped(plaintext: &Plaintext, so_far: &mut SoFar) -> Result<Option<Vec<u8>>, UnpackError> {
    let is_anonymous = so_far.signer.is_none() && so_far.sender.is_none();
    let Some(recipient) = so_far.recipient.as_ref().filter(|_| is_anonymous) else {
        return Ok(None);
    };
    if !plaintext.type_.is(Forward::TYPE) {
        return Ok(None);
    }
    let is_ours = |next: &DidUrl| next.did().same_subject(recipient.did());
    if !Forward::read_body(plaintext).is_ok_and(|forward| is_ours(&forward.next)) {
        return Ok(None);
    }
    let Forwarded { next, payloads } = Forwarded::read(plaintext).map_err(UnpackError::Forward)?;
    let mut payloads = payloads.into_iter();
    let (Some(envelope), None) = (payloads.next(), payloads.next()) else {
        return Err(UnpackError::Forward(BodyError::Attachment));
    };
    let forwards = so_far.layers.iter().filter(|layer| layer.is_forward());
    if forwards.count() == MAX_FORWARDS {
        return Err(UnpackError::Nesting);
    }
    so_far.layers.push(Layer::Forward { next });
    // What was remarkable about the wrapping, which anybody can put around an envelope, says nothing
    // of what is in it.
    so_far.warnings.clear();
    Ok(Some(envelope))
}

/// Whether `to` is there and names others than the DID whose key opened the envelope or, without
/// envelope, than the one who reads.
fn is_unlisted(plaintext: &Plaintext, so_far: &SoFar, options: &UnpackOptions) -> bool {
    let recipient = so_far.recipient.as_ref().map(DidUrl::did);
    let reader = recipient.or(options.reader.as_ref());
    reader.is_some_and(|reader| !plaintext.to.is_empty() && !plaintext.is_to(reader))
}

/// How often a message may be wrapped for its own recipient: each mediator on the way may do so, and
/// nobody has more than a few.
const MAX_FORWARDS: usize = 4;

/// Seconds that two honest clocks may be apart (TIM-02).
const CLOCK_SKEW: u64 = 60;

#[cfg(test)]
mod tests;
