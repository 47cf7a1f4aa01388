//! What the guard lets through, and what it refuses.

use super::world::{
    Authority, Behaviour, Server, World, answer, did, document, documents, everywhere,
};
use crate::resolve::guard::AddressClass;
use crate::resolve::http::Limits;
use crate::resolve::{ConnectError, FetchError, Lane, ResolveError};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(5),
    bytes: 64 * 1024,
};

/// One TLS server called `good.test` that behaves as told, reachable through the exemption.
async fn good(behaviour: Behaviour) -> (World, Server) {
    let authority = Authority::new();
    let server = Server::tls(&authority, &["good.test"], behaviour).await;
    let zone = everywhere(&["127.0.0.1"]);
    let world = World::new(zone, Some(&authority), &[server.address], &[]).await;
    (world, server)
}

async fn get(world: &World, url: &str) -> Result<Vec<u8>, FetchError> {
    world
        .http
        .get(url, Lane::Known, LIMITS)
        .await
        .map(Into::into)
}

fn refused(result: &Result<Vec<u8>, FetchError>) -> Option<AddressClass> {
    match result {
        Err(FetchError::Connect {
            source: ConnectError::Refused(class),
            ..
        }) => Some(*class),
        _ => None,
    }
}

#[tokio::test]
async fn a_good_document_is_fetched_over_https_under_its_own_name() {
    let port = Arc::new(Mutex::new(0));
    let (world, server) = good(documents("good.test", Arc::clone(&port))).await;
    *port.lock().unwrap() = server.port();
    let bruno = did("good.test", server.port(), "bruno");
    let found = world.resolver.resolve(&bruno, Lane::Known).await.unwrap();
    assert_eq!(*found.id(), bruno);
    assert_eq!(
        server.seen(),
        ["good.test /bruno/did.json"],
        "SNI is the host's name"
    );
}

#[tokio::test]
async fn names_with_addresses_that_are_not_public_are_never_connected_to() {
    for (address, class) in [
        ("10.0.0.1", AddressClass::Private),
        ("127.0.0.1", AddressClass::Loopback),
        ("169.254.169.254", AddressClass::LinkLocal),
        ("100.64.0.1", AddressClass::CarrierNat),
        ("::1", AddressClass::Loopback),
        ("::ffff:127.0.0.1", AddressClass::Embedded),
        ("64:ff9b::7f00:1", AddressClass::Nat64),
        ("fd00:ec2::254", AddressClass::Private),
    ] {
        let world = World::new(everywhere(&[address]), None, &[], &[]).await;
        let result = get(&world, "https://evil.test/did.json").await;
        assert_eq!(refused(&result), Some(class), "{address}: {result:?}");
    }
}

#[tokio::test]
async fn a_private_address_beside_a_public_one_is_left_out() {
    let authority = Authority::new();
    let server = Server::tls(
        &authority,
        &["good.test"],
        Arc::new(|_| answer(200, "", "x")),
    )
    .await;
    let zone = everywhere(&["10.0.0.1", "127.0.0.2", "127.0.0.1"]);
    let world = World::new(zone, Some(&authority), &[server.address], &[]).await;
    let url = format!("https://good.test:{}/", server.port());
    assert_eq!(get(&world, &url).await.unwrap(), b"x");
}

#[tokio::test]
async fn a_name_that_moves_to_a_private_address_afterwards_is_refused() {
    let authority = Authority::new();
    let close = "Connection: close\r\n";
    let server = Server::tls(
        &authority,
        &["good.test"],
        Arc::new(move |_| answer(200, close, "x")),
    )
    .await;
    let asked = Arc::new(AtomicUsize::new(0));
    let zone_asked = Arc::clone(&asked);
    // A and AAAA are asked for each time: the first two answers are of the first lookup.
    let world = World::new(
        Arc::new(move |_| {
            let first = zone_asked.fetch_add(1, Ordering::SeqCst) < 2;
            vec![
                if first { "127.0.0.1" } else { "127.0.0.2" }
                    .parse()
                    .unwrap(),
            ]
        }),
        Some(&authority),
        &[server.address],
        &[],
    )
    .await;
    let url = format!("https://good.test:{}/", server.port());
    assert_eq!(get(&world, &url).await.unwrap(), b"x");
    let second = get(&world, &url).await;
    assert_eq!(refused(&second), Some(AddressClass::Loopback), "{second:?}");
    assert_eq!(server.connections(), 1);
    assert!(
        asked.load(Ordering::SeqCst) >= 3,
        "the name was resolved for the second connection"
    );
}

#[tokio::test]
async fn addresses_in_place_of_names_are_refused_in_every_spelling() {
    let world = World::new(everywhere(&[]), None, &[], &[]).await;
    for url in [
        "https://127.0.0.1/",
        "https://127.0.0.1:7400/x",
        "https://10.1.2.3/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1]/",
        "https://169.254.169.254/latest/",
        "https://0.0.0.0/",
        "https://100.100.100.200/",
    ] {
        let result = get(&world, url).await;
        assert!(refused(&result).is_some(), "{url}: {result:?}");
    }
    // Spellings that only some parsers take for an address are taken by none of ours.
    for url in [
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
    ] {
        let result = get(&world, url).await;
        assert!(matches!(result, Err(FetchError::Url)), "{url}: {result:?}");
    }
    for url in ["https://localhost/", "https://printer/"] {
        let result = get(&world, url).await;
        assert!(
            matches!(result, Err(FetchError::Connect { .. })),
            "{url}: {result:?}"
        );
    }
}

#[tokio::test]
async fn only_https_addresses_without_user_and_password_are_taken() {
    let world = World::new(everywhere(&["127.0.0.1"]), None, &[], &[]).await;
    let plain = get(&world, "http://good.test/").await;
    assert!(
        matches!(
            plain,
            Err(FetchError::Connect {
                source: ConnectError::Plain,
                ..
            })
        ),
        "{plain:?}"
    );
    for url in [
        "ftp://good.test/",
        "file:///etc/passwd",
        "https://user:pw@good.test/",
        "good.test",
        "/etc/passwd",
        "",
        "https://",
        "https:///x",
        "gopher://127.0.0.1:6379/_x",
        "https://a b/",
    ] {
        let result = get(&world, url).await;
        assert!(matches!(result, Err(FetchError::Url)), "{url}: {result:?}");
    }
}

#[tokio::test]
async fn redirects_are_refused_and_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (world, server) = good(Arc::new(move |path| match path {
            "/start" => answer(status, "Location: /secret\r\n", ""),
            _ => answer(200, "", "followed"),
        }))
        .await;
        let url = format!("https://good.test:{}/start", server.port());
        let result = get(&world, &url).await;
        assert!(matches!(result, Err(FetchError::Redirect { status: s, .. }) if s == status));
        assert_eq!(server.seen(), ["good.test /start"]);
    }
}

#[tokio::test]
async fn answers_larger_than_the_limit_are_refused_declared_or_not() {
    let (world, server) = good(Arc::new(|path| match path {
        "/declared" => answer(200, "", &"x".repeat(64 * 1024 + 1)),
        "/endless" => {
            let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000)).repeat(4);
            let head = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";
            Some(format!("{head}{chunk}").into_bytes())
        }
        "/headers" => {
            let headers = format!("X-Long: {}\r\n", "x".repeat(200 * 1024));
            answer(200, &headers, "")
        }
        _ => answer(200, &"X-Many: x\r\n".repeat(100), ""),
    }))
    .await;
    let at = |path: &str| format!("https://good.test:{}{path}", server.port());
    for path in ["/declared", "/endless"] {
        let result = get(&world, &at(path)).await;
        assert!(
            matches!(result, Err(FetchError::TooLarge { limit: 65536, .. })),
            "{result:?}"
        );
    }
    for path in ["/headers", "/many"] {
        let result = get(&world, &at(path)).await;
        assert!(
            matches!(result, Err(FetchError::Broken { .. })),
            "{path}: {result:?}"
        );
    }
}

#[tokio::test]
async fn servers_that_dawdle_are_given_up_on_in_time() {
    let (world, server) = good(Arc::new(|path| match path {
        "/silent" => None,
        "/head" => Some(b"HTTP/1.1 200 X\r\nContent-Le".to_vec()),
        _ => Some(b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nhalf".to_vec()),
    }))
    .await;
    let limits = Limits {
        time: Duration::from_millis(300),
        ..LIMITS
    };
    for path in ["/silent", "/head", "/body"] {
        let url = format!("https://good.test:{}{path}", server.port());
        let result = world.http.get(&url, Lane::Known, limits).await;
        assert!(
            matches!(result, Err(FetchError::Timeout { .. })),
            "{path}: {result:?}"
        );
    }
}

#[tokio::test]
async fn certificates_for_other_names_or_of_unknown_authorities_are_refused() {
    let (trusted, unknown) = (Authority::new(), Authority::new());
    for (authority, name) in [(&trusted, "other.test"), (&unknown, "good.test")] {
        let server = Server::tls(authority, &[name], Arc::new(|_| answer(200, "", "x"))).await;
        let zone = everywhere(&["127.0.0.1"]);
        let world = World::new(zone, Some(&trusted), &[server.address], &[]).await;
        let url = format!("https://good.test:{}/", server.port());
        let result = get(&world, &url).await;
        assert!(
            matches!(result, Err(FetchError::Certificate { .. })),
            "{name}: {result:?}"
        );
        assert!(server.seen().is_empty(), "nothing was asked of it");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_peer() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = b"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\nx";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    let world = World::new(everywhere(&["127.0.0.1"]), None, &[address], &[]).await;
    let result = get(&world, &format!("https://good.test:{}/", address.port())).await;
    assert!(
        matches!(result, Err(FetchError::Certificate { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn hosts_of_the_map_are_reached_by_plain_http_at_that_address_only() {
    let server = Server::plain(Arc::new(|_| answer(200, "", "x"))).await;
    let mapped = [("agents.org-a.test", server.address)];
    let world = World::new(everywhere(&["127.0.0.1"]), None, &[], &mapped).await;
    assert_eq!(
        get(&world, "https://agents.org-a.test/aria/did.json")
            .await
            .unwrap(),
        b"x"
    );
    assert_eq!(
        get(&world, "http://Agents.Org-A.test/x").await.unwrap(),
        b"x"
    );
    for url in [
        format!("https://agents.org-a.test:{}/", server.port()),
        format!("https://localhost:{}/", server.port()),
        format!("http://127.0.0.1:{}/", server.port()),
        "https://sub.agents.org-a.test/".to_owned(),
    ] {
        let result = get(&world, &url).await;
        assert!(
            matches!(result, Err(FetchError::Connect { .. })),
            "{url}: {result:?}"
        );
    }
    assert_eq!(server.seen(), ["/aria/did.json", "/x"]);
}

#[tokio::test]
async fn the_document_of_somebody_else_is_not_taken() {
    let (world, server) = good(Arc::new(|path| match path {
        "/eve/did.json" => answer(200, "", &document(&did("good.test", 1, "bruno"))),
        "/html/did.json" => answer(200, "", "<html>"),
        _ => answer(404, "", ""),
    }))
    .await;
    let resolve = async |name| {
        world
            .resolver
            .resolve(&did("good.test", server.port(), name), Lane::Known)
            .await
    };
    assert!(matches!(
        resolve("eve").await,
        Err(ResolveError::Document { .. })
    ));
    assert!(matches!(
        resolve("html").await,
        Err(ResolveError::Document { .. })
    ));
    let missing = resolve("nobody").await.unwrap_err();
    assert!(matches!(&missing, ResolveError::Fetch { source, .. }
        if matches!(**source, FetchError::Status { status: 404, .. })));
    assert!(missing.is_temporary());
}
