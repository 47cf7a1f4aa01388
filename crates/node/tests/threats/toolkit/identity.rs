//! Who attacks: identities of every kind that a stranger can make for himself, and what they can
//! make with their keys. Nothing here asks the node for anything.

use super::chaos::Chaos;
use comity_did::{
    Did, DidDocument, DidUrl, DocumentBuilder, make_key, make_peer2, resolve_offline,
};
use comity_didcomm::{Received, UnpackOptions, agreement_targets, anoncrypt, authcrypt};
use comity_didcomm::{media_type, sign, unpack_offline};
use comity_jose::jwe::Enc;
use comity_jose::jws::SigningInput;
use comity_jose::kdf::{OtherInfo, concat_kdf};
use comity_jose::{AgreementKey, Curve, Entropy, SigningKey, SystemEntropy, base64url, key_wrap};
use serde_json::{Value, json};
use std::sync::Arc;

/// An identity with its private keys.
#[derive(Clone)]
pub struct Identity {
    pub did: Did,
    pub kid: DidUrl,
    pub agreement_kid: DidUrl,
    pub signing: Arc<SigningKey>,
    pub agreement: Arc<AgreementKey>,
    pub document: Arc<DidDocument>,
}

fn keys(seed: u64) -> (Arc<SigningKey>, Arc<AgreementKey>) {
    let chaos = Chaos::new(seed);
    let signing = SigningKey::from_secret(Curve::Ed25519, &chaos.octets(32)).unwrap();
    let agreement = AgreementKey::from_secret(Curve::X25519, &chaos.octets(32)).unwrap();
    (Arc::new(signing), Arc::new(agreement))
}

impl Identity {
    /// A did:key: one key for both, no endpoint.
    pub fn key(seed: u64) -> Self {
        let (signing, _) = keys(seed);
        let agreement = Arc::new(signing.to_agreement().unwrap());
        let did = make_key(signing.public());
        let kid = did.with_fragment(did.method_specific_id()).unwrap();
        let document = Arc::new(resolve_offline(&did).unwrap().unwrap());
        let agreement_kid = agreement_targets(&document).remove(0).0;
        Self {
            did,
            kid,
            agreement_kid,
            signing,
            agreement,
            document,
        }
    }

    /// A did:peer:2, reachable at `uri` if there is one.
    pub fn peer(seed: u64, uri: Option<&str>) -> Self {
        let (signing, agreement) = keys(seed);
        let service = |uri| {
            json!({"type": "DIDCommMessaging",
                   "serviceEndpoint": {"uri": uri, "accept": ["didcomm/v2"]}})
        };
        let services: Vec<Value> = uri.into_iter().map(service).collect();
        let did = make_peer2(signing.public(), agreement.public(), &services);
        let document = Arc::new(resolve_offline(&did).unwrap().unwrap());
        let kid = did.with_fragment("key-1").unwrap();
        let agreement_kid = did.with_fragment("key-2").unwrap();
        Self {
            did,
            kid,
            agreement_kid,
            signing,
            agreement,
            document,
        }
    }

    /// A did:web on a host of his own. Its document still has to be served.
    pub fn web(host: &str, name: &str, seed: u64) -> Self {
        Self::web_with_log(host, name, seed, None)
    }

    /// The same, naming a log: `(origin, vkey)`.
    pub fn web_with_log(host: &str, name: &str, seed: u64, log: Option<(&str, &str)>) -> Self {
        let (signing, agreement) = keys(seed);
        let did: Did = format!("did:web:{host}:{name}").parse().unwrap();
        let mut builder = DocumentBuilder::new(did.clone(), signing.public(), agreement.public())
            .didcomm(&format!("https://{host}/didcomm"));
        if let Some((origin, vkey)) = log {
            builder = builder.log(&format!("https://{host}/comity/log"), origin, vkey);
        }
        let document = Arc::new(builder.build().unwrap());
        let kid = did.with_fragment("key-1").unwrap();
        let agreement_kid = did.with_fragment("key-2").unwrap();
        Self {
            did,
            kid,
            agreement_kid,
            signing,
            agreement,
            document,
        }
    }

    /// Signs a plaintext as DIDComm messages are signed.
    pub fn sign(&self, plaintext: &Value) -> String {
        self.sign_octets(plaintext.to_string().as_bytes())
    }

    pub fn sign_octets(&self, plaintext: &[u8]) -> String {
        sign(&self.signing, &self.kid, plaintext)
    }

    /// Signs with a protected header of one's own making; the signature is good.
    pub fn sign_with(&self, protected: &str, plaintext: &[u8]) -> String {
        let input = SigningInput::new(protected.as_bytes(), plaintext);
        let signature = self.signing.sign(input.octets());
        input.into_general(self.kid.as_str(), &signature)
    }

    /// Signs, and encrypts to whoever it is for.
    pub fn send(&self, to: &DidDocument, plaintext: &Value) -> Vec<u8> {
        seal(to, self.sign(plaintext).as_bytes())
    }

    /// Opens what was sent to this identity.
    pub fn open(&self, envelope: &[u8], from: &Arc<DidDocument>) -> Option<Received> {
        let keys = |kid: &DidUrl| (*kid == self.agreement_kid).then_some(&*self.agreement);
        let documents = |did: &Did| (did == from.id()).then(|| Arc::clone(from));
        unpack_offline(envelope, &keys, &documents, &UnpackOptions::default()).ok()
    }

    /// Authcrypt: proves the sender to the recipient alone.
    pub fn authcrypt(&self, to: &DidDocument, plaintext: &[u8]) -> Vec<u8> {
        let targets = agreement_targets(to);
        let agree = |key| self.agreement.agree(key).unwrap();
        let zs: Vec<_> = targets.iter().map(|(_, key)| agree(key)).collect();
        let typ = media_type::ENCRYPTED;
        authcrypt(
            &SystemEntropy,
            &self.agreement_kid,
            &zs,
            &targets,
            plaintext,
            typ,
        )
        .unwrap()
        .into_bytes()
    }
}

/// Anoncrypt, as everybody can do it.
pub fn seal(to: &DidDocument, octets: &[u8]) -> Vec<u8> {
    let typ = media_type::ENCRYPTED;
    anoncrypt(&SystemEntropy, to, Enc::A256CbcHs512, octets, typ)
        .unwrap()
        .into_bytes()
}

/// Anoncrypt with a protected header, and members of the envelope, that `spoil` may change before
/// anything is computed over them: an envelope that decrypts if its reader overlooks the change.
pub fn seal_with(
    to: &DidDocument,
    octets: &[u8],
    spoil: impl Fn(&mut Value, &mut Value),
) -> Vec<u8> {
    let (kid, key) = agreement_targets(to).remove(0);
    let ephemeral = AgreementKey::generate(&SystemEntropy);
    let apv = comity_jose::sha256(&[kid.as_str().as_bytes()]);
    let mut protected = json!({
        "typ": media_type::ENCRYPTED, "alg": "ECDH-ES+A256KW", "enc": "A256CBC-HS512",
        "apv": base64url::encode(&apv), "epk": ephemeral.public().to_jwk(),
    });
    let mut envelope = json!({"recipients": [{"header": {"kid": kid}}]});
    spoil(&mut protected, &mut envelope);
    let protected = base64url::encode(protected.to_string().as_bytes());
    let enc = Enc::A256CbcHs512;
    let (mut cek, mut iv) = (vec![0; enc.key_len()], vec![0; enc.iv_len()]);
    SystemEntropy.fill(&mut cek);
    SystemEntropy.fill(&mut iv);
    let mut content = octets.to_vec();
    let tag = enc
        .seal(&cek, &iv, protected.as_bytes(), &mut content)
        .unwrap();
    let ze = ephemeral.agree(&key).unwrap();
    let info = OtherInfo {
        algorithm_id: "ECDH-ES+A256KW",
        apu: &[],
        apv: &apv,
        key_bits: 256,
        cc_tag: None,
    };
    let kek = concat_kdf(&[ze.octets()], &info);
    if let Some(recipient) = envelope.pointer_mut("/recipients/0") {
        recipient["encrypted_key"] = base64url::encode(&key_wrap::wrap(&kek, &cek)).into();
    }
    envelope["protected"] = protected.into();
    envelope["iv"] = base64url::encode(&iv).into();
    envelope["ciphertext"] = base64url::encode(&content).into();
    envelope["tag"] = base64url::encode(&tag).into();
    envelope.to_string().into_bytes()
}

/// A complete message as a Comity node would write it.
pub fn letter(from: &Did, to: &Did, type_: &str, now: u64, body: Value) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    let mut salt = [0; 16];
    SystemEntropy.fill(&mut salt);
    json!({
        "id": id, "thid": id, "typ": "application/didcomm-plain+json", "type": type_,
        "from": from, "to": [to], "created_time": now, "expires_time": now + 3_600,
        "salt": base64url::encode(&salt), "sender_order": 1, "body": body,
    })
}
