//! Making a message of ours: headers completed, octets written once, signed.

use super::Core;
use super::identity::Hosted;
use super::trouble::CoreError;
use crate::custody::Signer;
use comity_did::Did;
use comity_didcomm::{MessageId, MessageType};
use comity_jose::base64url;
use comity_record::Digest;
use serde::Serialize;
use serde_json::Value;

/// Everything of a message that its agent, or the node, decided.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) id: MessageId,
    pub(crate) to: Did,
    pub(crate) type_: MessageType,
    pub(crate) thid: MessageId,
    pub(crate) pthid: Option<MessageId>,
    /// Messages that this one says we have.
    pub(crate) ack: Vec<MessageId>,
    /// UTC seconds.
    pub(crate) created: u64,
    /// UTC seconds.
    pub(crate) expires: u64,
    pub(crate) causes: Vec<Digest>,
    pub(crate) body: Value,
}

/// A signed message, ready to be kept and sent.
#[derive(Clone, Debug)]
pub(crate) struct SignedMessage {
    pub(crate) digest: Digest,
    /// The JWS, general JSON serialisation.
    pub(crate) octets: Vec<u8>,
    /// Octets of the plaintext.
    pub(crate) bytes: u64,
}

/// The headers of formats §1, in one order; absent ones are left out.
#[derive(Serialize)]
struct Wire<'a> {
    id: &'a MessageId,
    typ: &'static str,
    #[serde(rename = "type")]
    type_: &'a MessageType,
    from: &'a Did,
    to: [&'a Did; 1],
    thid: &'a MessageId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pthid: Option<&'a MessageId>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ack: &'a [MessageId],
    created_time: u64,
    expires_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_order: Option<u64>,
    salt: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    causes: &'a [Digest],
    body: &'a Value,
}

impl Core {
    /// Writes the plaintext and has it signed by `agent`'s key. Never called in a transaction:
    /// the key may live elsewhere.
    pub(crate) async fn sign(
        &self,
        agent: &Hosted,
        draft: &Draft,
        order: Option<u64>,
    ) -> Result<SignedMessage, CoreError> {
        let mut salt = [0; 16];
        self.entropy.fill(&mut salt);
        let plaintext = serde_json::to_vec(&Wire {
            id: &draft.id,
            typ: "application/didcomm-plain+json",
            type_: &draft.type_,
            from: &agent.did,
            to: [&draft.to],
            thid: &draft.thid,
            pthid: draft.pthid.as_ref(),
            ack: &draft.ack,
            created_time: draft.created,
            expires_time: draft.expires,
            sender_order: order,
            salt: base64url::encode(&salt),
            causes: &draft.causes,
            body: &draft.body,
        })
        .map_err(|_| CoreError::Defect("a message that is no JSON"))?;
        let input = comity_didcomm::signing_input(&plaintext);
        let signature = self
            .custody
            .sign(&agent.signing_kid, input.octets())
            .await?;
        let digest =
            comity_record::message_digest_signed(input.protected_b64(), input.payload_b64());
        let octets = input
            .into_general(agent.signing_kid.as_str(), &signature)
            .into_bytes();
        Ok(SignedMessage {
            digest,
            octets,
            bytes: plaintext.len() as u64,
        })
    }
}
