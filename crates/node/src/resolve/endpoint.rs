//! Where a document says that messages are to be sent.

use comity_did::{DidDocument, Target};

/// Where to post a peer's envelopes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address, as the document has it.
    pub uri: String,
}

/// The first endpoint of a document that we can use: by HTTP, without mediator.
#[must_use]
pub fn endpoint(document: &DidDocument) -> Option<Endpoint> {
    document
        .didcomm_endpoints()
        .find_map(|endpoint| match endpoint.target() {
            Target::Url(uri) if endpoint.routing_keys.is_empty() && is_http(uri) => {
                Some(Endpoint {
                    uri: uri.to_owned(),
                })
            }
            _ => None,
        })
}

fn is_http(uri: &str) -> bool {
    let has = |scheme: &str| {
        uri.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    has("https://") || has("http://")
}
