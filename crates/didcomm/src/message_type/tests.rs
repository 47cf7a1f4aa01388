use super::*;

#[test]
fn refuses_what_is_no_type() {
    for text in [
        "/x/1.0/m",
        "x/1.0/m",
        "1:x/1.0/m",
        "https://a.example/x/1/m",
        "https://a.example/x/1.0.0/m",
        "https://a.example/x/+1.0/m",
        "https://a.example/x/.0/m",
        "https://a.example/x/99999999999.0/m",
        "https://a.example/ x/1.0/m",
        "https://a.example/\u{e9}/x/1.0/m",
    ] {
        assert!(MessageType::parse(text).is_err(), "{text}");
    }
    let long = format!(
        "https://a.example/{}/x/1.0/m",
        "y".repeat(MessageType::MAX_BYTES)
    );
    assert_eq!(MessageType::parse(&long), Err(MessageTypeError::Length));
    let long = format!(
        "https://a.example/x/1.0/{}",
        "m".repeat(MessageType::MAX_BYTES)
    );
    assert_eq!(MessageType::parse(&long), Err(MessageTypeError::Length));
}

#[test]
fn a_protocol_covers_its_messages_of_any_minor_version() {
    let protocol = ProtocolUri::parse("https://didcomm.org/trust-ping/2.0").unwrap();
    let covers = |text: &str| protocol.covers(&MessageType::parse(text).unwrap());
    assert!(covers("https://didcomm.org/trust-ping/2.0/ping"));
    assert!(covers("https://didcomm.org/TrustPing/2.3/ping-response"));
    assert!(!covers("https://didcomm.org/trust-ping/1.0/ping"));
    assert!(!covers("https://other.example/trust-ping/2.0/ping"));
}
