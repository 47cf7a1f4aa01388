//! The description of the agent's door is checked in, so that its changes are seen.

use std::path::Path;

#[test]
fn openapi_json_is_what_the_node_serves() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    let served = comity_node::doors::openapi();
    if std::env::var_os("COMITY_WRITE_OPENAPI").is_some() {
        std::fs::write(&path, served).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == served,
        "the agent's door changed: COMITY_WRITE_OPENAPI=1 cargo test -p comity-node --test doors openapi"
    );
}

#[test]
fn the_description_names_every_route_and_how_to_get_in() {
    let document: serde_json::Value = serde_json::from_str(comity_node::doors::openapi()).unwrap();
    let paths: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for path in [
        "/v1/agent",
        "/v1/messages",
        "/v1/messages/{id}",
        "/v1/messages/{id}/cancel",
        "/v1/lease",
        "/v1/settle",
        "/v1/extend",
        "/v1/events",
        "/v1/socket",
    ] {
        assert!(paths.contains(&path), "{path}");
    }
    assert_eq!(
        document["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(!schema.is_null(), "{name}");
    }
}
