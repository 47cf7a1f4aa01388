use serde_json::{Value, json};

use crate::{Did, Service, ServiceError, Target, limits};

fn read(service: Value) -> Result<Service, ServiceError> {
    Service::parse(&Did::parse("did:example:a").unwrap(), &service)
}

fn didcomm(endpoint: Value) -> Value {
    json!({"id": "#d", "type": "DIDCommMessaging", "serviceEndpoint": endpoint})
}

#[test]
fn reads_the_endpoint_object_of_didcomm() {
    let endpoint = json!({"uri": "https://a.example", "accept": ["didcomm/v2"],
        "routingKeys": ["did:example:m#k", "#own"], "routing_keys": "ignored"});
    let service = read(didcomm(endpoint)).unwrap();
    assert_eq!(service.id, "did:example:a#d");
    assert!(service.is_didcomm());
    let [endpoint] = service.endpoints.as_slice() else {
        panic!("one endpoint")
    };
    let keys: Vec<_> = endpoint
        .routing_keys
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(keys, ["did:example:m#k", "did:example:a#own"]);
    assert!(endpoint.accepts_didcomm_v2());
    assert_eq!(endpoint.target(), Target::Url("https://a.example"));
}

#[test]
fn keeps_several_endpoints_in_their_order() {
    let service = read(didcomm(
        json!([{"uri": "wss://a.example"}, {"uri": "https://a.example"}]),
    ))
    .unwrap();
    let uris: Vec<_> = service
        .endpoints
        .iter()
        .map(|endpoint| endpoint.uri.as_str())
        .collect();
    assert_eq!(uris, ["wss://a.example", "https://a.example"]);
}

#[test]
fn reads_the_shape_from_before_2023() {
    let service = json!({"id": "#d", "type": "DIDCommMessaging", "serviceEndpoint": "https://a.example",
        "accept": ["didcomm/aip1"], "routingKeys": ["did:example:m#k"]});
    let service = read(service).unwrap();
    assert_eq!(service.endpoints[0].routing_keys.len(), 1);
    assert!(!service.endpoints[0].accepts_didcomm_v2());
}

#[test]
fn tells_mediators_and_queues_from_addresses() {
    let target = |uri: &str| match read(didcomm(json!({"uri": uri}))).unwrap().endpoints[0].target()
    {
        Target::Did(did) => did.to_string(),
        Target::Queue => "queue".to_owned(),
        Target::Url(url) => url.to_owned(),
    };
    assert_eq!(target("did:example:m"), "did:example:m");
    assert_eq!(target("didcomm:transport/queue"), "queue");
    assert_eq!(target("https://a.example"), "https://a.example");
}

#[test]
fn other_types_have_no_endpoints() {
    let service = json!({"id": "did:example:a#l", "type": ["LinkedDomains", "X"], "serviceEndpoint": {"origins": []}});
    let service = read(service).unwrap();
    assert!(service.endpoints.is_empty() && service.has_type("X") && !service.is_didcomm());
}

#[test]
fn refuses_endpoints_that_lead_nowhere() {
    for endpoint in [
        json!({"accept": []}),
        json!({"uri": ""}),
        json!({"uri": 1}),
        json!({"uri": "did:bad"}),
        json!({"uri": "https://a b"}),
        json!([{}]),
    ] {
        assert_eq!(
            read(didcomm(endpoint.clone())),
            Err(ServiceError::EndpointUri),
            "{endpoint}"
        );
    }
    assert_eq!(
        read(didcomm(json!(1))),
        Err(ServiceError::Member {
            member: "serviceEndpoint"
        })
    );
    let raw_key = json!({"uri": "https://a.example", "routingKeys": ["8HH5gYEeNc3z7PYXmd54d4x6qAfCNrqQqEB3nS7Zfu7K"]});
    assert!(matches!(
        read(didcomm(raw_key)),
        Err(ServiceError::RoutingKey(_))
    ));
    let no_array = json!({"uri": "https://a.example", "accept": "didcomm/v2"});
    assert_eq!(
        read(didcomm(no_array)),
        Err(ServiceError::Member { member: "accept" })
    );
}

#[test]
fn bounds_endpoints_and_routing_keys() {
    let endpoints = vec![json!({"uri": "https://a.example"}); limits::ENDPOINTS + 1];
    let many = ServiceError::TooMany {
        member: "serviceEndpoint",
        limit: limits::ENDPOINTS,
    };
    assert_eq!(read(didcomm(json!(endpoints))), Err(many));
    let keys = vec!["did:example:m#k"; limits::ROUTING_KEYS + 1];
    let many = ServiceError::TooMany {
        member: "routingKeys",
        limit: limits::ROUTING_KEYS,
    };
    assert_eq!(
        read(didcomm(
            json!({"uri": "https://a.example", "routingKeys": keys})
        )),
        Err(many)
    );
}
