//! Services: where a subject can be reached.
//!
//! One malformed service says nothing about the others or about the keys, so that a document
//! leaves out what can't be read instead of failing. [`Service::parse`] says what was wrong.

use serde_json::{Map, Value};

use crate::limits;
use crate::{Did, DidSyntaxError, DidUrl};

/// A service of a DID document.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Service {
    /// The id, absolute. Usually a DID URL, but any URI is allowed.
    pub id: String,
    /// The types, at least one.
    pub types: Vec<String>,
    /// The endpoints of a `DIDCommMessaging` service in its owner's order of preference; empty for
    /// services of other types.
    pub endpoints: Vec<Endpoint>,
    /// The service as it stands in the document.
    pub raw: Value,
}

/// One way to reach a subject by DIDComm.
///
/// # Spec
/// DIDComm v2.1 §"Service Endpoint"; conformance SVC-01.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Where to send: an address, or the DID of a mediator.
    pub uri: String,
    /// The profiles that are understood there; empty if the document doesn't say.
    pub accept: Vec<String>,
    /// The keys to wrap a message for, from the outside in.
    pub routing_keys: Vec<DidUrl>,
}

/// What the `uri` of an [`Endpoint`] points to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target<'a> {
    /// A mediator, whose own document says where to send (conformance RTE-03).
    Did(Did),
    /// Nowhere: hold the message until it is picked up (conformance SVC-04).
    Queue,
    /// An address, not examined further.
    Url(&'a str),
}

/// Why a service can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The endpoint has no `uri`, or one that is too long, or a DID that isn't one.
    #[error("the service endpoint has no usable uri")]
    EndpointUri,
    /// A member is missing or of another JSON type than it must be.
    #[error("{member} of the service is missing or malformed")]
    Member {
        /// The member's name.
        member: &'static str,
    },
    /// A routing key is not a DID URL.
    #[error("a routing key of the service is not a DID URL")]
    RoutingKey(#[source] DidSyntaxError),
    /// More entries than are read.
    #[error("the service has more than {limit} {member}")]
    TooMany {
        /// The member's name.
        member: &'static str,
        /// How many are read.
        limit: usize,
    },
}

impl Service {
    /// Reads a service of the document of `did`, resolving relative ids against it.
    ///
    /// The shape in use before late 2023 (the endpoint a string, `accept` and `routingKeys` beside
    /// it) is read too. Unknown members are ignored.
    ///
    /// # Errors
    /// [`ServiceError`] if it isn't one, or a DIDComm service that can't be used.
    ///
    /// # Spec
    /// DIDComm v2.1 §"Service Endpoint"; conformance SVC-01 to SVC-03.
    pub fn parse(did: &Did, value: &Value) -> Result<Self, ServiceError> {
        let object = value
            .as_object()
            .ok_or(ServiceError::Member { member: "service" })?;
        let id = match object.get("id").and_then(Value::as_str) {
            Some(id) if id.starts_with('#') => format!("{did}{id}"),
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => return Err(ServiceError::Member { member: "id" }),
        };
        let types = read_types(object)?;
        let endpoint = object.get("serviceEndpoint");
        let endpoint = endpoint.ok_or(ServiceError::Member {
            member: "serviceEndpoint",
        })?;
        let endpoints = if types.iter().any(|t| t == DIDCOMM_MESSAGING) {
            read_endpoints(did, object, endpoint)?
        } else {
            Vec::new()
        };
        Ok(Self {
            id,
            types,
            endpoints,
            raw: value.clone(),
        })
    }

    /// Whether the service is of type `DIDCommMessaging`.
    pub fn is_didcomm(&self) -> bool {
        self.has_type(DIDCOMM_MESSAGING)
    }

    /// Whether `name` is one of the service's types.
    pub fn has_type(&self, name: &str) -> bool {
        self.types.iter().any(|t| t == name)
    }
}

impl Endpoint {
    /// Whether DIDComm v2 may be spoken there: `accept` names `didcomm/v2`, or nothing at all.
    ///
    /// # Spec
    /// DIDComm v2.1 §"Negotiating Compatibility"; conformance PRO-04.
    pub fn accepts_didcomm_v2(&self) -> bool {
        self.accept.is_empty() || self.accept.iter().any(|profile| profile == DIDCOMM_V2)
    }

    /// Returns what the `uri` points to.
    pub fn target(&self) -> Target<'_> {
        match Did::parse(&self.uri) {
            Ok(did) => Target::Did(did),
            Err(_) if self.uri == QUEUE => Target::Queue,
            Err(_) => Target::Url(&self.uri),
        }
    }
}

fn read_types(service: &Map<String, Value>) -> Result<Vec<String>, ServiceError> {
    match service.get("type") {
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(_)) => read_strings(service, "type", limits::SERVICE_TYPES),
        _ => Err(ServiceError::Member { member: "type" }),
    }
}

fn read_endpoints(
    did: &Did,
    service: &Map<String, Value>,
    endpoint: &Value,
) -> Result<Vec<Endpoint>, ServiceError> {
    let one = std::slice::from_ref(endpoint);
    let endpoints = endpoint.as_array().map_or(one, Vec::as_slice);
    if endpoints.len() > limits::ENDPOINTS {
        let member = "serviceEndpoint";
        return Err(ServiceError::TooMany {
            member,
            limit: limits::ENDPOINTS,
        });
    }
    endpoints
        .iter()
        .map(|endpoint| match endpoint {
            Value::Object(object) => read_endpoint(did, object.get("uri"), object),
            Value::String(_) => read_endpoint(did, Some(endpoint), service),
            _ => Err(ServiceError::Member {
                member: "serviceEndpoint",
            }),
        })
        .collect()
}

/// Reads one endpoint; `accept` and `routingKeys` are members of `siblings`.
fn read_endpoint(
    did: &Did,
    uri: Option<&Value>,
    siblings: &Map<String, Value>,
) -> Result<Endpoint, ServiceError> {
    let uri = uri
        .and_then(Value::as_str)
        .ok_or(ServiceError::EndpointUri)?;
    let is_broken_did = uri.starts_with("did:") && Did::parse(uri).is_err();
    let has_blanks = uri.contains(|c: char| c.is_whitespace() || c.is_control());
    if uri.is_empty() || uri.len() > limits::DID_BYTES || is_broken_did || has_blanks {
        return Err(ServiceError::EndpointUri);
    }
    let routing_keys = read_strings(siblings, "routingKeys", limits::ROUTING_KEYS)?
        .iter()
        .map(|key| DidUrl::join(did, key).map_err(ServiceError::RoutingKey))
        .collect::<Result<_, _>>()?;
    let accept = read_strings(siblings, "accept", limits::ACCEPT_PROFILES)?;
    Ok(Endpoint {
        uri: uri.to_owned(),
        accept,
        routing_keys,
    })
}

/// Reads an array of strings; absent and `null` are an empty one.
fn read_strings(
    object: &Map<String, Value>,
    member: &'static str,
    limit: usize,
) -> Result<Vec<String>, ServiceError> {
    let array = match object.get(member) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(array)) if array.len() > limit => {
            return Err(ServiceError::TooMany { member, limit });
        }
        Some(Value::Array(array)) => array,
        Some(_) => return Err(ServiceError::Member { member }),
    };
    array
        .iter()
        .map(|entry| {
            entry
                .as_str()
                .map(str::to_owned)
                .ok_or(ServiceError::Member { member })
        })
        .collect()
}

/// The type of DIDComm services.
pub(crate) const DIDCOMM_MESSAGING: &str = "DIDCommMessaging";

/// The one profile that is spoken here.
pub(crate) const DIDCOMM_V2: &str = "didcomm/v2";

/// The endpoint of whoever only picks messages up.
const QUEUE: &str = "didcomm:transport/queue";

#[cfg(test)]
mod tests;
