//! The agents of this node: who they are, which tokens speak for them, who is connected.

use super::Core;
use super::sessions::Session;
use super::trouble::{CoreError, bad};
use super::trust::Operator;
use comity_api::Problem;
use comity_did::{Did, DidDocument, DidUrl, DocumentBuilder};
use comity_jose::{PublicKey, base64url, sha256};
use comity_record::entry::AgentChanged;
use comity_record::{Digest, Event};
use comity_store::{AgentRow, AgentState, TokenRow};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

/// An agent that this node hosts.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) name: String,
    pub(crate) did: Did,
    pub(crate) document: Arc<DidDocument>,
    pub(crate) signing_kid: DidUrl,
    pub(crate) agreement_kid: DidUrl,
}

/// Whom a token speaks for.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) hosted: Arc<Hosted>,
    /// What people call the token; the record's `by`.
    pub(crate) label: String,
    /// Who passes deliveries on, if they are passed on.
    pub(super) session: Session,
}

impl Caller {
    /// The agent's name at this node.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.hosted.name
    }

    /// The agent's DID.
    #[must_use]
    pub fn did(&self) -> &Did {
        &self.hosted.did
    }

    /// The same caller in a session of its own, apart from others with its token.
    #[must_use]
    pub fn in_own_session(&self) -> Self {
        Self {
            session: Session::new(),
            ..self.clone()
        }
    }
}

/// While it lives, its agent counts as connected.
#[derive(Debug)]
pub struct Connected {
    core: Arc<Core>,
    agent: Did,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut connected = self
            .core
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = connected.get_mut(&self.agent) {
            *count = count.saturating_sub(1);
        }
    }
}

impl Core {
    /// The caller that this token speaks for; `None` if it is unknown or its agent is gone.
    pub async fn authenticate(&self, token: &str) -> Option<Caller> {
        let hash = sha256(&[token.as_bytes()]);
        if let Some(caller) = self
            .callers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&hash)
        {
            return Some(caller.clone());
        }
        let row = self
            .store
            .read(move |tx| Ok::<_, CoreError>(tx.token(&hash)?))
            .await
            .ok()??;
        let caller = Caller {
            hosted: self.agent_named(&row.agent)?,
            label: row.label,
            session: Session::Token(hash),
        };
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.insert(hash, caller.clone());
        Some(caller)
    }

    /// Counts something as connected for the caller's agent.
    pub fn connect(self: &Arc<Self>, caller: &Caller) -> Connected {
        let agent = caller.did().clone();
        let mut connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *connected.entry(agent.clone()).or_default() += 1;
        Connected {
            core: Arc::clone(self),
            agent,
        }
    }

    pub(crate) fn is_connected(&self, agent: &Did) -> bool {
        let connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connected.get(agent).is_some_and(|count| *count > 0)
    }

    pub(crate) fn agent_named(&self, name: &str) -> Option<Arc<Hosted>> {
        let agents = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        agents.values().find(|agent| agent.name == name).cloned()
    }

    pub(crate) fn agent_of(&self, did: &Did) -> Option<Arc<Hosted>> {
        self.agents
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(did)
            .cloned()
    }

    /// The name of an agent of ours, also of one that is hosted no more; for others their DID.
    pub(crate) fn name_of(&self, did: &Did) -> String {
        match self.agent_of(did) {
            Some(hosted) => hosted.name.clone(),
            None => did.to_string(),
        }
    }

    /// The document of an agent, as served at `/NAME/did.json`.
    #[must_use]
    pub fn did_document(&self, name: &str) -> Option<Arc<DidDocument>> {
        Some(Arc::clone(&self.agent_named(name)?.document))
    }

    /// Creates an agent: keys, DID document, token. The token's text is returned once.
    pub(crate) async fn new_agent(
        &self,
        by: &Operator,
        name: &str,
    ) -> Result<(Arc<Hosted>, String), Problem> {
        comity_did::check_name(name).map_err(|_| {
            bad(format!("{} is no name for an agent", comity_api::safe(name)))
                .detail("a name has 1 to 63 of a-z, 0-9 and hyphens, and starts with a letter or digit; didcomm, comity and v1 are taken")
        })?;
        let (host, port) = (self.site.host(), self.site.port());
        let did = comity_did::web::did_for(host, port, name)
            .map_err(|_| bad(format!("{host} cannot be the host of a DID")))?;
        let minted = self.custody.mint(&did).map_err(CoreError::from)?;
        let document = self
            .document_of(&did, &minted.signing, &minted.agreement)
            .await?;
        let token = self.new_token();
        let now = self.clock.now();
        let row = AgentRow {
            name: name.to_owned(),
            did: did.clone(),
            state: AgentState::Active,
            document: document.octets().to_vec(),
            sealed_keys: minted.sealed,
            created: now,
        };
        let token_row = TokenRow {
            hash: sha256(&[token.as_bytes()]),
            agent: name.to_owned(),
            label: name.to_owned(),
            created: now,
        };
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let sealed = row.sealed_keys.clone();
        let hash = Digest::new(document.hash());
        let octets = document.octets().to_vec();
        self.store
            .write(move |tx| {
                if tx.agent(&row.name)?.is_some() {
                    return Err(CoreError::from(
                        bad(format!("the name {} is taken", row.name))
                            .detail("names of removed agents are never given out again"),
                    ));
                }
                tx.put_agent(&row)?;
                tx.put_token(&token_row)?;
                tx.put_document(&hash, &row.did, &octets, now.seconds())?;
                let changed = AgentChanged {
                    did: row.did.clone(),
                    document: Some(hash),
                    did_version: None,
                };
                super::note::note(tx, &*entropy, Event::Agent(changed), None)?;
                by.acts(tx, &*entropy, "agent-create", row.did.as_str())
            })
            .await?;
        self.signals.recorded.raise();
        self.custody
            .unseal(&did, &sealed)
            .map_err(CoreError::from)?;
        let hosted = self.host(name.to_owned(), document)?;
        self.write_token_file(&hosted.name, &token)?;
        Ok((hosted, token))
    }

    /// Loads all agents at the start.
    pub(crate) async fn load_agents(&self) -> Result<(), CoreError> {
        let rows = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.agents()?))
            .await?;
        for row in rows
            .into_iter()
            .filter(|row| row.state == AgentState::Active)
        {
            let document = DidDocument::parse(&row.did, &row.document)
                .map_err(|_| CoreError::Defect("a stored DID document that does not parse"))?;
            self.custody.unseal(&row.did, &row.sealed_keys)?;
            let hosted = self.host(row.name.clone(), document)?;
            self.renew_document(row, &hosted).await?;
        }
        Ok(())
    }

    /// Publishes a new document if the address or the log of this node changed since the last
    /// start. The keys stay, and with them what peers pinned.
    async fn renew_document(&self, row: AgentRow, hosted: &Hosted) -> Result<(), CoreError> {
        use comity_did::Relationship::{Authentication, KeyAgreement};
        let signing = hosted.document.key(&hosted.signing_kid, Authentication);
        let agreement = hosted.document.key(&hosted.agreement_kid, KeyAgreement);
        let (Some(signing), Some(agreement)) = (signing, agreement) else {
            return Err(CoreError::Defect("an agent without its keys"));
        };
        let document = self.document_of(&hosted.did, signing, agreement).await?;
        if document.octets() == hosted.document.octets() {
            return Ok(());
        }
        let hash = Digest::new(document.hash());
        let row = AgentRow {
            document: document.octets().to_vec(),
            ..row
        };
        let (entropy, name) = (Arc::clone(&self.entropy), row.name.clone());
        self.store
            .write(move |tx| {
                tx.put_agent(&row)?;
                tx.put_document(&hash, &row.did, &row.document, tx.now().seconds())?;
                let changed = AgentChanged {
                    did: row.did.clone(),
                    document: Some(hash),
                    did_version: None,
                };
                super::note::note(tx, &*entropy, Event::Agent(changed), None)?;
                Ok::<_, CoreError>(())
            })
            .await?;
        self.host(name, document)?;
        Ok(())
    }

    async fn document_of(
        &self,
        did: &Did,
        signing: &PublicKey,
        agreement: &PublicKey,
    ) -> Result<DidDocument, CoreError> {
        let (base, log) = (self.site.base_url(), self.log_identity().await?);
        DocumentBuilder::new(did.clone(), signing, agreement)
            .didcomm(&format!("{base}/didcomm"))
            .log(&format!("{base}/comity/log"), &log.origin, &log.vkey)
            .build()
            .map_err(|_| CoreError::Defect("a DID document of ours that does not parse"))
    }

    /// Stops hosting an agent. Its name stays taken, its document is no longer served.
    pub(crate) async fn retire_agent(&self, by: &Operator, name: &str) -> Result<(), Problem> {
        let hosted = self
            .agent_named(name)
            .ok_or_else(|| super::trouble::not_found("agent", name))?;
        let (entropy, by) = (Arc::clone(&self.entropy), by.clone());
        let name = name.to_owned();
        self.store
            .write(move |tx| {
                if let Some(mut row) = tx.agent(&name)? {
                    row.state = AgentState::Removed;
                    tx.put_agent(&row)?;
                    by.acts(tx, &*entropy, "agent-remove", row.did.as_str())?;
                    let changed = AgentChanged {
                        did: row.did,
                        document: None,
                        did_version: None,
                    };
                    super::note::note(tx, &*entropy, Event::Agent(changed), None)?;
                }
                Ok::<_, CoreError>(())
            })
            .await?;
        self.signals.recorded.raise();
        self.agents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&hosted.did);
        self.callers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.custody.forget(&hosted.did);
        self.resolver.unhost(&hosted.did);
        Ok(())
    }

    fn host(&self, name: String, document: DidDocument) -> Result<Arc<Hosted>, CoreError> {
        let did = document.id().clone();
        let kid = |fragment| {
            did.with_fragment(fragment)
                .map_err(|_| CoreError::Defect("a fragment of ours"))
        };
        let hosted = Arc::new(Hosted {
            name,
            signing_kid: kid("key-1")?,
            agreement_kid: kid("key-2")?,
            document: Arc::new(document),
            did: did.clone(),
        });
        let mut agents = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        self.resolver.host(Arc::clone(&hosted.document));
        agents.insert(did, Arc::clone(&hosted));
        Ok(hosted)
    }

    fn new_token(&self) -> String {
        let mut octets = [0; 32];
        self.entropy.fill(&mut octets);
        format!("ct_{}", base64url::encode(&octets))
    }

    /// `agents/NAME.json`: what an agent on this machine needs to open its door.
    fn write_token_file(&self, name: &str, token: &str) -> Result<(), Problem> {
        let file = self.site.token_file(name);
        let content = serde_json::json!({"url": self.site.agent_url(), "token": token});
        crate::config::write_private(&file, format!("{content}\n").as_bytes()).map_err(|error| {
            Problem::new(
                "e.m.me.res.storage",
                format!("cannot write {}", file.display()),
            )
            .detail(error.to_string())
        })
    }
}

/// Tokens that were looked up already; only known tokens get in, so it is bounded by them.
pub(crate) type Callers = HashMap<[u8; 32], Caller>;
