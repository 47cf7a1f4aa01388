use crate::web::{self, WebUrlError};
use crate::{Did, HandleError};

fn mapped(did: &str) -> Result<String, WebUrlError> {
    web::url(&Did::parse(did).unwrap()).map(|url| url.to_string())
}

#[test]
fn maps_host_port_and_path() {
    let url = web::url(&Did::parse("did:web:EXAMPLE.com%3a3000:user:a%20b").unwrap()).unwrap();
    assert_eq!(
        (url.host(), url.port(), url.path()),
        ("example.com", Some(3000), "/user/a%20b/did.json")
    );
    assert_eq!(
        mapped("did:web:example.com").unwrap(),
        "https://example.com/.well-known/did.json"
    );
}

#[test]
fn decodes_once_and_encodes_what_it_decoded() {
    assert_eq!(
        mapped("did:web:a.example:%25%32e").unwrap(),
        "https://a.example/%252e/did.json"
    );
    assert_eq!(
        mapped("did:web:a.example:%3Fq%23f").unwrap(),
        "https://a.example/%3Fq%23f/did.json"
    );
}

#[test]
fn refuses_ip_addresses_in_any_spelling() {
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0x7F000001",
        "127.1",
        "017700000001",
        "1.2.3.4%3A80",
        "%31%32%37.0.0.1",
        "a.0x",
    ] {
        assert_eq!(
            mapped(&format!("did:web:{host}")),
            Err(WebUrlError::IpAddress),
            "{host}"
        );
    }
    // Full-width digits and dots become ASCII ones by IDNA.
    assert_eq!(
        mapped("did:web:%EF%BC%91%EF%BC%92%EF%BC%97.1"),
        Err(WebUrlError::IpAddress)
    );
}

#[test]
fn refuses_hosts_that_are_no_domain_names() {
    for host in [
        "%5B%3A%3A1%5D",
        "u%40example.com",
        "a..b",
        "example.com.",
        "-a.example",
        "a_b.example",
        "%00",
        "a%2Fb",
        "example.com%20",
    ] {
        let refused = mapped(&format!("did:web:{host}"));
        assert!(
            matches!(refused, Err(WebUrlError::Host | WebUrlError::Port)),
            "{host}: {refused:?}"
        );
    }
}

#[test]
fn refuses_ports_out_of_range_or_oddly_written() {
    for port in ["0", "65536", "99999", "", "%2B80", "080", "80%3A80", "8a"] {
        let did = format!("did:web:example.com%3A{port}:a");
        assert_eq!(mapped(&did), Err(WebUrlError::Port), "{port}");
    }
}

#[test]
fn refuses_segments_that_leave_their_directory() {
    for segment in [
        "", ".", "..", "%2E%2e", "a%2Fb", "a%5Cb", "a%00", "%20a", "a%0A", "%C3",
    ] {
        assert_eq!(
            mapped(&format!("did:web:example.com:{segment}:x")),
            Err(WebUrlError::Segment),
            "{segment}"
        );
    }
}

#[test]
fn refuses_other_methods() {
    assert_eq!(
        mapped("did:key:z6Mk"),
        Err(WebUrlError::Method { expected: "web" })
    );
}

#[test]
fn a_handle_and_its_did_are_two_spellings() {
    for (handle, did) in [
        ("bruno@agents.org-b.com", "did:web:agents.org-b.com:bruno"),
        (
            "a-1@agents.org-b.test:7401",
            "did:web:agents.org-b.test%3A7401:a-1",
        ),
    ] {
        assert_eq!(web::from_handle(handle).unwrap().as_str(), did);
        assert_eq!(
            web::to_handle(&Did::parse(did).unwrap()).as_deref(),
            Some(handle)
        );
    }
    assert_eq!(
        web::from_handle("bruno@Agents.ORG-b.com").unwrap().as_str(),
        "did:web:agents.org-b.com:bruno"
    );
}

#[test]
fn refuses_what_is_not_a_handle() {
    for (handle, why) in [
        ("bruno", HandleError::NoHost),
        ("Bruno@a.example", HandleError::Name),
        ("@a.example", HandleError::Name),
        ("-b@a.example", HandleError::Name),
        ("b.c@a.example", HandleError::Name),
        ("didcomm@a.example", HandleError::Reserved),
        ("comity@a.example", HandleError::Reserved),
        ("v1@a.example", HandleError::Reserved),
        ("b@127.0.0.1", HandleError::Host(WebUrlError::IpAddress)),
        ("b@a.example:0", HandleError::Host(WebUrlError::Port)),
        ("b@", HandleError::Host(WebUrlError::Host)),
        ("b@c@d", HandleError::Host(WebUrlError::Host)),
    ] {
        assert_eq!(web::from_handle(handle), Err(why), "{handle}");
    }
    assert_eq!(
        web::from_handle(&format!("{}@a.example", "b".repeat(64))),
        Err(HandleError::Name)
    );
    assert!(web::from_handle(&format!("{}@a.example", "b".repeat(63))).is_ok());
    assert_eq!(
        web::did_for("a.example", Some(0), "b"),
        Err(HandleError::Host(WebUrlError::Port))
    );
}

#[test]
fn only_a_did_with_one_name_has_a_handle() {
    for did in [
        "did:web:a.example",
        "did:web:a.example:b:c",
        "did:web:a.example:B",
        "did:key:z6Mk",
    ] {
        assert_eq!(web::to_handle(&Did::parse(did).unwrap()), None, "{did}");
    }
}
