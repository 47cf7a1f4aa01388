//! One exchange, in either direction: what was written is read, and proves what it should.

use comity_did::Did;
use comity_didcomm::protocols::routing::{Forwarded, Route};
use comity_didcomm::{
    Layer, Packing, Party, Plaintext, Proof, Received, UnpackError, UnpackOptions,
};
use comity_jose::SystemEntropy;
use comity_jose::jwe::Enc;
use comity_peers::{Expect, Peer, PeerError};
use serde_json::Value;

use crate::combination::{Combination, Keys, Protection, With};
use crate::world::{NOW, Side, Somebody, World};

/// A message from one side to the other.
pub(crate) struct Exchange<'a> {
    world: &'a World,
    combination: &'a Combination,
    writer: Side,
    /// Without `from_prior`, which is packed with it.
    message: Plaintext,
}

/// Why we did not read what was meant.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It says something else.
    Misread(String),
    /// We refuse it.
    Refused(UnpackError),
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(world: &'a World, combination: &'a Combination, writer: Side) -> Self {
        Self {
            world,
            combination,
            writer,
            message: world.message(writer, combination),
        }
    }

    /// What we send them.
    pub(crate) fn we_write(&self) -> String {
        let (sender, recipient) = (self.sender(), self.recipient());
        let mut message = self.message.clone();
        if self.combination.with == With::Rotation {
            let prior = self
                .world
                .prior(Side::Ours)
                .as_party(self.combination.signature);
            let token = prior.hand_over(Some(sender.did()), NOW - 10);
            message.from_prior = Some(token.unwrap());
        }
        let Some(protection) = ours(self.combination.protection) else {
            return String::from_utf8(message.to_octets()).unwrap();
        };
        let enc = self.combination.enc.unwrap_or(Enc::A256CbcHs512);
        let packing = Packing::from(protection).with_enc(enc);
        let party = sender.as_party(self.combination.signature);
        let packed = party.pack(&message, &recipient.document, packing).unwrap();
        let Some(endpoint) = recipient.document.didcomm_endpoints().next() else {
            return packed;
        };
        let route = Route::find(endpoint, &|did: &Did| self.world.document(did)).unwrap();
        route
            .wrap(&SystemEntropy, recipient.did(), packed, enc, None)
            .unwrap()
    }

    /// What they send us.
    pub(crate) fn they_write<P: Peer>(&self, peer: &P) -> Result<String, PeerError> {
        let Combination {
            protection,
            signature,
            enc,
            with,
            ..
        } = *self.combination;
        let message = P::message(&json(&self.message))?;
        let recipient = self.recipient().did().to_string();
        let own = self.sender().agreement(1);
        let signer = signature.map(|curve| self.sender().signature(curve));
        let prior = signature.map(|curve| self.world.prior(self.writer).signature(curve));
        let mut packing = match enc {
            _ if protection.is_authcrypted() => comity_peers::Packing::authcrypt(&own, &recipient),
            Some(enc) => comity_peers::Packing::anoncrypt(enc, &recipient),
            None => comity_peers::Packing::plaintext(),
        };
        if let (true, Some(enc)) = (protection.is_authcrypted(), enc) {
            packing = packing.protect_sender(enc);
        }
        if let (true, Some(signer)) = (protection.is_signed(), &signer) {
            packing = packing.sign_by(signer);
        }
        if let (With::Rotation, Some(prior)) = (with, &prior) {
            packing = packing.hand_over(prior, NOW - 10);
        }
        if matches!(with, With::Mediator | With::TwoMediators) {
            packing = packing.forward();
        }
        peer.pack(&message, &packing)
    }

    /// Reads what they sent us.
    pub(crate) fn we_read(&self, envelope: &str) -> Result<(), Fault> {
        let mut envelope = envelope.as_bytes().to_vec();
        for (mediator, next) in self.world.hops(Side::Ours, self.combination) {
            let forward = self.open(&mediator.as_party(None), &envelope)?;
            let forward = Forwarded::read(&forward.plaintext).map_err(|error| told(&error))?;
            same("next", forward.next.as_str(), &*next)?;
            envelope = forward.payloads.into_iter().next().unwrap_or_default();
        }
        let received = self.open(&self.recipient().as_party(None), &envelope)?;
        let wanted = self.combination.protection.layers();
        same("layers", &*layers(&received.layers), wanted)?;

        let mut read = received.plaintext.clone();
        read.from_prior = None;
        same("message", &json(&read), &json(&self.message))?;

        let (sender, signer) = self.authors();
        let proved = match &received.proof {
            Proof::Anyone { kid, .. } => (None, Some(kid.to_string())),
            Proof::Us { kid, .. } => (Some(kid.to_string()), None),
            _ => (None, None),
        };
        // A signature is the better proof.
        let sender = sender.filter(|_| signer.is_none());
        same("proof", &proved, &(sender, signer))?;

        let rotated = received
            .from_prior
            .as_ref()
            .map(|prior| prior.kid.to_string());
        same("from_prior", &rotated, &self.prior())?;
        for attachment in &received.plaintext.attachments {
            let content = attachment.octets().unwrap_or_default();
            let signer =
                attachment.verify_signature(&content, &|did: &Did| self.world.document(did));
            let kid = signer
                .map_err(|error| told(&error))?
                .map(|signer| signer.kid.to_string());
            let curve = self.combination.signature;
            let wanted = curve.filter(|_| self.combination.with == With::SignedAttachment);
            let wanted = wanted.map(|curve| self.sender().signature(curve));
            same("signer of the attachment", &kid, &wanted)?;
        }
        Ok(())
    }

    /// Has them read what we sent, and says what is wrong with it.
    pub(crate) fn they_read<P: Peer>(&self, peer: &P, envelope: &str) -> Result<(), String> {
        let mut envelope = envelope.to_owned();
        for (mediator, next) in self.world.hops(Side::Theirs, self.combination) {
            let forward = peer.open_forward(&envelope, &mediator.agreement(1));
            let forward = forward.map_err(|error| told(&error))?;
            same("next", &forward.next, &next)?;
            envelope = forward.envelope;
        }
        let recipient = self.recipient().last_agreement();
        let (sender, signer) = self.authors();
        let expect = Expect {
            recipient: self.combination.keys.map(|_: Keys| &*recipient),
            sender: sender.as_deref(),
            signer: signer.as_deref(),
        };
        let opened = peer
            .unpack(&envelope, &expect)
            .map_err(|error| told(&error))?;
        let mut read = P::plaintext(&opened.message).map_err(|error| told(&error))?;
        if let Some(members) = read.as_object_mut() {
            members.shift_remove("from_prior");
        }
        same("message", &read, &json(&self.message))?;
        let is_encrypted = self.combination.protection.is_encrypted();
        same("encrypted", &opened.encrypted, &is_encrypted)?;
        same("sender", &opened.sender, &sender)?;
        same("signer", &opened.signer, &signer)?;
        same("from_prior", &opened.prior, &self.prior())
    }

    fn sender(&self) -> &'a Somebody {
        self.world.sender(self.writer, self.combination)
    }

    fn recipient(&self) -> &'a Somebody {
        self.world.recipient(self.writer.other(), self.combination)
    }

    /// Opens an envelope with the keys of one of ours.
    fn open(&self, party: &Party, envelope: &[u8]) -> Result<Received, Fault> {
        let documents = |did: &Did| self.world.document(did);
        let opened = party.unpack_with(envelope, &UnpackOptions::at(NOW), &documents);
        opened.map_err(Fault::Refused)
    }

    /// The keys that are proved to be the sender's and the signer's.
    fn authors(&self) -> (Option<String>, Option<String>) {
        let protection = self.combination.protection;
        let sender = protection
            .is_authcrypted()
            .then(|| self.sender().agreement(1));
        let signer = self
            .combination
            .signature
            .filter(|_| protection.is_signed());
        (sender, signer.map(|curve| self.sender().signature(curve)))
    }

    /// The key that signs `from_prior`.
    fn prior(&self) -> Option<String> {
        let is_rotation = self.combination.with == With::Rotation;
        let curve = self.combination.signature.filter(|_| is_rotation);
        curve.map(|curve| self.world.prior(self.writer).signature(curve))
    }
}

impl From<String> for Fault {
    fn from(words: String) -> Self {
        Self::Misread(words)
    }
}

/// The envelope with one member at a time changed, with the name of that member.
pub(crate) fn alterations(envelope: &str) -> Vec<(&'static str, String)> {
    const MEMBERS: [&str; 9] = [
        "/protected",
        "/iv",
        "/ciphertext",
        "/tag",
        "/recipients/0/encrypted_key",
        "/recipients/1/encrypted_key",
        "/payload",
        "/signatures/0/protected",
        "/signatures/0/signature",
    ];
    let envelope: Value = serde_json::from_str(envelope).unwrap();
    // Nobody looks at the key of another recipient.
    let is_anothers = |member: &str| {
        member.starts_with("/recipients/0") && envelope.pointer("/recipients/1").is_some()
    };
    let altered = |member| {
        let mut altered = envelope.clone();
        let Value::String(text) = altered.pointer_mut(member)? else {
            return None;
        };
        // In the middle, all bits of a character count.
        let middle = text.len() / 2;
        let other = if text[middle..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        text.replace_range(middle..=middle, other);
        Some((member, altered.to_string()))
    };
    MEMBERS
        .into_iter()
        .filter(|member| !is_anothers(member))
        .filter_map(altered)
        .collect()
}

fn ours(protection: Protection) -> Option<comity_didcomm::Protection> {
    Some(match protection {
        Protection::Sign => comity_didcomm::Protection::Signed,
        Protection::Anoncrypt => comity_didcomm::Protection::Anoncrypted,
        Protection::Authcrypt => comity_didcomm::Protection::Authcrypted,
        Protection::AnoncryptSign => comity_didcomm::Protection::SignedAnoncrypted,
        Protection::AnoncryptAuthcrypt => comity_didcomm::Protection::HiddenAuthcrypted,
        _ => return None,
    })
}

fn layers(layers: &[Layer]) -> Vec<&'static str> {
    let name = |layer: &Layer| match layer {
        Layer::Anoncrypt { .. } => "anoncrypt",
        Layer::Authcrypt { .. } => "authcrypt",
        Layer::Forward { .. } => "forward",
        Layer::Signed { .. } => "sign",
        _ => "unknown",
    };
    layers.iter().map(name).collect()
}

fn json(message: &Plaintext) -> Value {
    serde_json::from_slice(&message.to_octets()).unwrap()
}

fn same<T: PartialEq + std::fmt::Debug + ?Sized>(
    what: &str,
    is: &T,
    wanted: &T,
) -> Result<(), String> {
    if is == wanted {
        Ok(())
    } else {
        Err(format!("{what} is {is:?} and not {wanted:?}"))
    }
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told
}
