//! Both sides: for every curve a sender and all kinds of recipients, and their mediators.

use std::collections::HashMap;
use std::sync::Arc;

use comity_did::{Did, DidDocument, DidUrl};
use comity_didcomm::{Attachment, Party, Plaintext};
use comity_jose::{AgreementKey, Curve, SigningKey, SystemEntropy};
use serde_json::{Value, json};

use crate::combination::{AGREEMENT, Combination, Keys, Protection, SIGNATURE, With};

/// When everything happens, in UTC seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

/// Who writes or reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

/// Everybody's keys and documents.
pub(crate) struct World {
    ours: HashMap<String, Somebody>,
    theirs: HashMap<String, Somebody>,
}

/// A DID with what its owner holds.
pub(crate) struct Somebody {
    pub(crate) document: Arc<DidDocument>,
    pub(crate) party: comity_peers::Party,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            ours: everybody("ours"),
            theirs: everybody("theirs"),
        }
    }

    /// All parties of a side.
    pub(crate) fn parties(&self, side: Side) -> impl Iterator<Item = &comity_peers::Party> {
        self.side(side).values().map(|somebody| &somebody.party)
    }

    pub(crate) fn document(&self, did: &Did) -> Option<Arc<DidDocument>> {
        let found = self
            .ours
            .get(did.as_str())
            .or_else(|| self.theirs.get(did.as_str()));
        found.map(|somebody| somebody.document.clone())
    }

    pub(crate) fn sender(&self, side: Side, combination: &Combination) -> &Somebody {
        self.somebody(side, combination.agreement, "one")
    }

    pub(crate) fn recipient(&self, side: Side, combination: &Combination) -> &Somebody {
        let who = match (combination.with, combination.keys) {
            (With::Mediator, _) => "mediated",
            (With::TwoMediators, _) => "far",
            (_, Some(Keys::Two)) => "two",
            (_, Some(Keys::TwoCurves)) => "curves",
            _ => "one",
        };
        self.somebody(side, combination.agreement, who)
    }

    /// Whose DID hands over to the sender's.
    pub(crate) fn prior(&self, side: Side) -> &Somebody {
        self.somebody(side, None, "prior")
    }

    /// The mediators on the way to the recipient, each with what its forward names next.
    pub(crate) fn hops(&self, side: Side, combination: &Combination) -> Vec<(&Somebody, String)> {
        let mediator = |name| self.somebody(side, combination.agreement, name);
        let recipient = self.recipient(side, combination).did().to_string();
        match combination.with {
            With::Mediator => vec![(mediator("mediator"), recipient)],
            With::TwoMediators => {
                let second = mediator("mediator");
                vec![(mediator("gate"), second.agreement(1)), (second, recipient)]
            }
            _ => Vec::new(),
        }
    }

    /// The message that `writer` sends, without `from_prior`.
    pub(crate) fn message(&self, writer: Side, combination: &Combination) -> Plaintext {
        let (from, to) = (
            self.sender(writer, combination),
            self.recipient(writer.other(), combination),
        );
        let mut message = json!({"id": "9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0001",
            "typ": "application/didcomm-plain+json",
            "type": "https://didcomm.org/basicmessage/2.0/message", "to": [to.did()],
            "thid": "9c1e7d52-8f7e-4c07-9d0b-2b1f7a3e0000", "pthid": "2b1f7a3e",
            "created_time": NOW - 10, "expires_time": NOW + 10, "sender_order": 1,
            "salt": "AAECAwQFBgcICQoLDA0ODw", "causes": ["uEi"], "body": {"content": "grüezi"}});
        if combination.protection != Protection::Anoncrypt || combination.with == With::Rotation {
            message["from"] = json!(from.did());
        }
        let mut message = Plaintext::from_value(message).unwrap();
        message.attachments = match combination.with {
            With::Attachments => attachments(),
            With::SignedAttachment => {
                let curve = combination.signature.unwrap();
                let content = b"\x00three rows\xff";
                let attachment = Attachment::of_octets(content.to_vec());
                let kid = DidUrl::parse(&from.signature(curve)).unwrap();
                vec![named(attachment.signed(
                    &from.signing(curve),
                    &kid,
                    content,
                ))]
            }
            _ => Vec::new(),
        };
        message
    }

    fn somebody(&self, side: Side, agreement: Option<Curve>, who: &str) -> &Somebody {
        let curve = agreement.unwrap_or(Curve::X25519);
        &self.side(side)[&did(side.name(), curve, who)]
    }

    fn side(&self, side: Side) -> &HashMap<String, Somebody> {
        match side {
            Side::Ours => &self.ours,
            Side::Theirs => &self.theirs,
        }
    }
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Ours => Self::Theirs,
            Self::Theirs => Self::Ours,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
        }
    }
}

impl Somebody {
    fn new(party: comity_peers::Party) -> Self {
        let did = Did::parse(&party.did).unwrap();
        let octets = party.document().to_string();
        let document = DidDocument::parse(&did, octets.as_bytes()).unwrap();
        let document = Arc::new(document);
        Self { document, party }
    }

    pub(crate) fn did(&self) -> &Did {
        self.document.id()
    }

    /// Them as we would be: holding the keys that they hold, and signing on `curve`.
    pub(crate) fn as_party(&self, curve: Option<Curve>) -> Party {
        let held = self
            .party
            .agreement
            .iter()
            .filter(|key| key.jwk.get("d").is_some());
        let agreement = held.map(|key| AgreementKey::from_jwk(&key.jwk).unwrap());
        let signing = curve.map(|curve| self.signing(curve));
        let document = (*self.document).clone();
        Party::new(document, Vec::from_iter(signing), agreement.collect()).unwrap()
    }

    /// The id of the nth agreement key, from 1.
    pub(crate) fn agreement(&self, n: usize) -> String {
        format!("{}#agree-{n}", self.party.did)
    }

    /// The id of the last agreement key: one that is held.
    pub(crate) fn last_agreement(&self) -> String {
        self.agreement(self.party.agreement.len())
    }

    /// The id of the key that signs on `curve`.
    pub(crate) fn signature(&self, curve: Curve) -> String {
        format!("{}#{}", self.party.did, curve.name())
    }

    fn signing(&self, curve: Curve) -> SigningKey {
        let kid = self.signature(curve);
        let mut keys = self.party.authentication.iter();
        SigningKey::from_jwk(&keys.find(|key| key.kid == kid).unwrap().jwk).unwrap()
    }
}

fn everybody(side: &str) -> HashMap<String, Somebody> {
    let mut all = vec![signing(comity_peers::Party::new(did(
        side,
        Curve::X25519,
        "prior",
    )))];
    for curve in AGREEMENT {
        let other = if curve == Curve::X25519 {
            Curve::P256
        } else {
            Curve::X25519
        };
        let named = |who| signing(comity_peers::Party::new(did(side, curve, who)));
        let with_key = |who| agreeing(named(who), curve, true);
        let routing_key = format!("{}#agree-1", did(side, curve, "mediator"));
        let address = "https://mediator.example/didcomm";
        all.extend([
            with_key("one"),
            agreeing(agreeing(named("two"), curve, false), curve, true),
            agreeing(agreeing(named("curves"), other, true), curve, true),
            with_key("mediator"),
            with_key("gate").endpoint(address, Vec::new()),
            with_key("mediated").endpoint(address, vec![routing_key.clone()]),
            with_key("far").endpoint(did(side, curve, "gate"), vec![routing_key]),
        ]);
    }
    let somebody = |party: comity_peers::Party| (party.did.clone(), Somebody::new(party));
    all.into_iter().map(somebody).collect()
}

fn did(side: &str, curve: Curve, who: &str) -> String {
    format!("did:example:{side}:{}:{who}", curve.name().to_lowercase())
}

/// With one more agreement key, whose private part is held or not.
fn agreeing(party: comity_peers::Party, curve: Curve, is_held: bool) -> comity_peers::Party {
    let key = AgreementKey::generate_on(curve, &SystemEntropy).unwrap();
    let kid = format!("{}#agree-{}", party.did, party.agreement.len() + 1);
    let jwk = match is_held {
        true => serde_json::from_str(&key.to_secret_jwk()).unwrap(),
        false => key.public().to_jwk(),
    };
    party.agreement(kid, jwk)
}

/// With a signing key on every curve.
fn signing(party: comity_peers::Party) -> comity_peers::Party {
    SIGNATURE.into_iter().fold(party, |party, curve| {
        let key = SigningKey::generate_on(curve, &SystemEntropy).unwrap();
        let kid = format!("{}#{}", party.did, curve.name());
        party.authentication(kid, serde_json::from_str(&key.to_secret_jwk()).unwrap())
    })
}

fn attachments() -> Vec<Attachment> {
    let links = vec!["https://files.example/rows.csv".to_owned()];
    let json: Value = json!({"rows": [1, 2, {"three": null}]});
    let octets = (0..=255).collect();
    [
        Attachment::of_json(json),
        Attachment::of_octets(octets),
        Attachment::of_links(links, b"1;2;3"),
    ]
    .map(named)
    .into()
}

/// With every member that describes content.
fn named(mut attachment: Attachment) -> Attachment {
    attachment.id = Some("rows-1".to_owned());
    attachment.description = Some("drei Zeilen".to_owned());
    attachment.filename = Some("rows.csv".to_owned());
    attachment.media_type = Some("text/csv".to_owned());
    attachment.format = Some("https://example.org/rows".to_owned());
    attachment.lastmod_time = Some(NOW - 20);
    attachment.byte_count = Some(5);
    attachment
}
