//! Keys that the node holds for its agents and its log.

use super::{BoxFuture, CustodyError, KeyAgreement, MasterKey, Signer};
use comity_did::{Did, DidUrl};
use comity_jose::{AgreementKey, Curve, Entropy, PublicKey, SharedSecret, SigningKey};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// Keys in memory, sealed under the master key at rest.
///
/// Making keys and using them are two steps, so that a key is used only after the row with its
/// sealed form was committed: [`NodeHeld::mint`], commit, [`NodeHeld::unseal`].
pub struct NodeHeld {
    master: MasterKey,
    entropy: Arc<dyn Entropy>,
    agents: RwLock<HashMap<Did, Arc<AgentKeys>>>,
    log: RwLock<Option<SigningKey>>,
}

/// New keys of an agent: what to publish, and what to keep.
#[derive(Clone, Debug)]
pub struct Minted {
    /// `#key-1`, Ed25519.
    pub signing: PublicKey,
    /// `#key-2`, X25519.
    pub agreement: PublicKey,
    /// Both private keys, sealed for this DID.
    pub sealed: Vec<u8>,
}

struct AgentKeys {
    signing: SigningKey,
    agreement: AgreementKey,
}

impl NodeHeld {
    /// Holds no keys yet.
    #[must_use]
    pub fn new(master: MasterKey, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            master,
            entropy,
            agents: RwLock::default(),
            log: RwLock::default(),
        }
    }

    /// Makes the keys of a new agent; they can't be used before [`NodeHeld::unseal`].
    ///
    /// # Errors
    /// [`CustodyError`] if they could not be sealed.
    pub fn mint(&self, did: &Did) -> Result<Minted, CustodyError> {
        let signing = SigningKey::generate(&*self.entropy);
        let agreement = AgreementKey::generate(&*self.entropy);
        let mut secret = Zeroizing::new(Vec::with_capacity(2 * SEED));
        secret.extend_from_slice(&signing.secret());
        secret.extend_from_slice(&agreement.secret());
        let sealed = self
            .master
            .seal(&agent_purpose(did), &secret, &*self.entropy)?;
        let (signing, agreement) = (signing.public().clone(), agreement.public().clone());
        Ok(Minted {
            signing,
            agreement,
            sealed,
        })
    }

    /// Holds an agent's keys from now on.
    ///
    /// # Errors
    /// [`CustodyError::Unseal`] if they were not sealed here for this DID.
    pub fn unseal(&self, did: &Did, sealed: &[u8]) -> Result<(), CustodyError> {
        let secret = self.master.unseal(&agent_purpose(did), sealed)?;
        let (signing, agreement) = secret.split_at_checked(SEED).ok_or(CustodyError::Unseal)?;
        let keys = AgentKeys {
            signing: signing_key(signing)?,
            agreement: AgreementKey::from_secret(Curve::X25519, agreement)
                .map_err(|_| CustodyError::Unseal)?,
        };
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        agents.insert(did.clone(), Arc::new(keys));
        Ok(())
    }

    /// Stops holding an agent's keys.
    pub fn forget(&self, did: &Did) {
        self.agents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(did);
    }

    /// Makes the key of a new log; it can't be used before [`NodeHeld::unseal_log`]. Returns its
    /// public part and its sealed form.
    ///
    /// # Errors
    /// [`CustodyError`] if it could not be sealed.
    pub fn mint_log(&self) -> Result<(PublicKey, Vec<u8>), CustodyError> {
        let key = SigningKey::generate(&*self.entropy);
        let sealed = self
            .master
            .seal(LOG_PURPOSE, &key.secret(), &*self.entropy)?;
        Ok((key.public().clone(), sealed))
    }

    /// Holds this log key from now on, and no other: the node never signs an old log again.
    /// Returns its public part.
    ///
    /// # Errors
    /// [`CustodyError::Unseal`] if it was not sealed here as a log's key.
    pub fn unseal_log(&self, sealed: &[u8]) -> Result<PublicKey, CustodyError> {
        let key = signing_key(&self.master.unseal(LOG_PURPOSE, sealed)?)?;
        let public = key.public().clone();
        *self.log.write().unwrap_or_else(PoisonError::into_inner) = Some(key);
        Ok(public)
    }

    /// Seals a secret of the node that is no key: what it is and whose says `purpose`.
    ///
    /// # Errors
    /// [`CustodyError`] if it could not be sealed.
    pub(crate) fn seal(&self, purpose: &str, secret: &[u8]) -> Result<Vec<u8>, CustodyError> {
        self.master.seal(purpose, secret, &*self.entropy)
    }

    /// Opens what [`NodeHeld::seal`] sealed for `purpose`.
    ///
    /// # Errors
    /// [`CustodyError`] if it was altered, or sealed for another purpose.
    pub(crate) fn open(
        &self,
        purpose: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CustodyError> {
        self.master.unseal(purpose, sealed)
    }

    fn keys(&self, did: &Did) -> Option<Arc<AgentKeys>> {
        self.agents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(did)
            .cloned()
    }
}

impl Signer for NodeHeld {
    fn sign<'a>(
        &'a self,
        kid: &'a DidUrl,
        octets: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<u8>, CustodyError>> {
        Box::pin(async move {
            let keys = self
                .keys(kid.did())
                .filter(|_| kid.fragment() == Some(SIGNING));
            Ok(keys.ok_or(CustodyError::Unknown)?.signing.sign(octets))
        })
    }

    fn sign_log<'a>(&'a self, octets: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, CustodyError>> {
        Box::pin(async move {
            let log = self.log.read().unwrap_or_else(PoisonError::into_inner);
            Ok(log.as_ref().ok_or(CustodyError::Unknown)?.sign(octets))
        })
    }
}

impl KeyAgreement for NodeHeld {
    fn holds(&self, kid: &DidUrl) -> bool {
        kid.fragment() == Some(AGREEMENT) && self.keys(kid.did()).is_some()
    }

    fn agree<'a>(
        &'a self,
        kid: &'a DidUrl,
        with: &'a [PublicKey],
    ) -> BoxFuture<'a, Result<Vec<SharedSecret>, CustodyError>> {
        Box::pin(async move {
            let keys = self
                .keys(kid.did())
                .filter(|_| kid.fragment() == Some(AGREEMENT));
            let key = &keys.ok_or(CustodyError::Unknown)?.agreement;
            let agree = |peer| key.agree(peer).map_err(|_| CustodyError::Agreement);
            with.iter().map(agree).collect()
        })
    }
}

impl fmt::Debug for NodeHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeHeld(..)")
    }
}

fn signing_key(seed: &[u8]) -> Result<SigningKey, CustodyError> {
    SigningKey::from_secret(Curve::Ed25519, seed).map_err(|_| CustodyError::Unseal)
}

fn agent_purpose(did: &Did) -> String {
    format!("agent {did}")
}

/// Fragment of the key that signs, in our documents.
const SIGNING: &str = "key-1";
/// Fragment of the key that agrees, in our documents.
const AGREEMENT: &str = "key-2";
/// Octets of each private key.
const SEED: usize = 32;
/// What a log's key is sealed for.
const LOG_PURPOSE: &str = "log";
