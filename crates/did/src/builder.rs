//! The documents of our own agents.

use comity_jose::PublicKey;
use serde_json::{Value, json};

use crate::key::{MULTIKEY_CONTEXT, multikey_method};
use crate::service::{DIDCOMM_MESSAGING, DIDCOMM_V2};
use crate::{Did, DidDocument, DocumentError};

/// Builds the `did.json` of an agent.
///
/// `#key-1` signs, `#key-2` agrees, `#didcomm` says where to send, `#log` where the node's record
/// is (formats.md §7, §9). Every id is absolute (conformance WEB-02). Each service has one endpoint
/// object, because an array crashes at least one library (interop trap 55).
///
/// ```
/// # use comity_did::{Did, DocumentBuilder};
/// # use comity_jose::{AgreementKey, SigningKey, SystemEntropy};
/// let did: Did = "did:web:agents.org-b.com:bruno".parse()?;
/// let signing = SigningKey::generate(&SystemEntropy);
/// let agreement = AgreementKey::generate(&SystemEntropy);
/// let document = DocumentBuilder::new(did, signing.public(), agreement.public())
///     .didcomm("https://agents.org-b.com/didcomm")
///     .build()?;
/// assert_eq!(document.didcomm_endpoints().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DocumentBuilder {
    did: Did,
    signing: PublicKey,
    agreement: PublicKey,
    services: Vec<Value>,
    also_known_as: Vec<String>,
}

impl DocumentBuilder {
    /// Starts the document of `did` with its signing key and its agreement key.
    pub fn new(did: Did, signing: &PublicKey, agreement: &PublicKey) -> Self {
        Self {
            did,
            signing: signing.clone(),
            agreement: agreement.clone(),
            services: Vec::new(),
            also_known_as: Vec::new(),
        }
    }

    /// Adds the service `#didcomm`: messages go to `uri`.
    #[must_use]
    pub fn didcomm(mut self, uri: &str) -> Self {
        self.services.push(json!({
            "id": format!("{}#didcomm", self.did),
            "type": DIDCOMM_MESSAGING,
            "serviceEndpoint": {"uri": uri, "accept": [DIDCOMM_V2], "routingKeys": []},
        }));
        self
    }

    /// Adds the service `#log`: the record of the agent's node is at `uri`, called `origin`, signed
    /// with the key `vkey`.
    #[must_use]
    pub fn log(mut self, uri: &str, origin: &str, vkey: &str) -> Self {
        self.services.push(json!({
            "id": format!("{}#log", self.did),
            "type": COMITY_LOG,
            "serviceEndpoint": {"uri": uri, "origin": origin, "vkey": vkey},
        }));
        self
    }

    /// Adds another name of the same subject, its did:webvh for example.
    #[must_use]
    pub fn also_known_as(mut self, name: &str) -> Self {
        self.also_known_as.push(name.to_owned());
        self
    }

    /// Writes the document and reads it back, so that what is served is what peers will read.
    ///
    /// # Errors
    /// [`DocumentError`] if the document would exceed a limit.
    pub fn build(self) -> Result<DidDocument, DocumentError> {
        let Self {
            did,
            signing,
            agreement,
            services,
            also_known_as,
        } = self;
        let signing_id = format!("{did}#key-1");
        let agreement_id = format!("{did}#key-2");
        let mut document = json!({
            "@context": MULTIKEY_CONTEXT,
            "id": did,
            "verificationMethod": [
                multikey_method(&did, &signing_id, &signing.to_multikey()),
                multikey_method(&did, &agreement_id, &agreement.to_multikey()),
            ],
            "authentication": [signing_id],
            "assertionMethod": [signing_id],
            "keyAgreement": [agreement_id],
        });
        if !also_known_as.is_empty() {
            document["alsoKnownAs"] = json!(also_known_as);
        }
        if !services.is_empty() {
            document["service"] = Value::Array(services);
        }
        DidDocument::from_value(&did, Vec::new(), &document)
    }
}

/// The service that says where an agent's node publishes its record.
///
/// # Spec
/// formats.md §7.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogService {
    /// Where the log is read; `/checkpoint` and `/consistency` follow.
    pub uri: String,
    /// The log's origin.
    pub origin: String,
    /// The log's verification key, in the form of C2SP signed notes.
    pub vkey: String,
}

impl DidDocument {
    /// Returns the log that the document names. `None` if it names none or several: an agent has
    /// one record.
    pub fn log(&self) -> Option<LogService> {
        let mut logs = self
            .services()
            .iter()
            .filter(|service| service.has_type(COMITY_LOG));
        let (service, None) = (logs.next()?, logs.next()) else {
            return None;
        };
        let text = |member: &str| {
            service
                .raw
                .get("serviceEndpoint")?
                .get(member)?
                .as_str()
                .map(str::to_owned)
        };
        Some(LogService {
            uri: text("uri")?,
            origin: text("origin")?,
            vkey: text("vkey")?,
        })
    }
}

/// The type of the service that names an agent's record.
const COMITY_LOG: &str = "ComityLog";

#[cfg(test)]
mod tests;
