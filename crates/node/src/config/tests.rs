use super::{Config, Host, HostError, OpenError, Outbound, parse_map_entry, write_private};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

fn config(home: &tempfile::TempDir) -> Config {
    let mut config = Config::new(home.path().join("node"));
    config.wire = Some("127.0.0.1:0".parse().unwrap());
    config.agent_door = Some("127.0.0.1:0".parse().unwrap());
    config
}

#[tokio::test]
async fn without_configuration_a_node_is_localhost_with_its_port_and_reaches_itself() {
    let home = tempfile::tempdir().unwrap();
    let opened = config(&home).open().await.unwrap();
    let site = &opened.site;
    assert_eq!(site.host(), "localhost");
    assert_eq!(site.port(), Some(site.wire().port()));
    assert_eq!(
        site.base_url(),
        format!("https://localhost:{}", site.wire().port())
    );
    let own = site.authority().parse().unwrap();
    assert_eq!(site.host_map().address(&own), Some(site.wire()));
    assert!(site.is_development());
    assert_eq!(site.public_url(), None);
    assert_eq!(site.outbound(), Outbound::Open);
}

#[tokio::test]
async fn a_node_with_agents_keeps_its_host_until_another_is_named() {
    let home = tempfile::tempdir().unwrap();
    let mut named = config(&home);
    named.host = Some("agents.org-a.test".parse().unwrap());
    drop(named.open().await.unwrap());
    assert_eq!(
        config(&home).open().await.unwrap().site.host(),
        "localhost",
        "no agent was ever known there"
    );
    let mut named = config(&home);
    named.host = Some("agents.org-a.test".parse().unwrap());
    drop(named.open().await.unwrap());
    let agent = config(&home).home.join("agents/aria.json");
    fs::write(agent, r#"{"url":"http://127.0.0.1:1","token":"t"}"#).unwrap();
    for _ in 0..2 {
        let site = config(&home).open().await.unwrap().site;
        assert_eq!(site.host(), "agents.org-a.test");
    }
    let mut other = config(&home);
    other.host = Some("agents.org-b.test".parse().unwrap());
    assert_eq!(other.open().await.unwrap().site.host(), "agents.org-b.test");
}

#[tokio::test]
async fn nodes_without_configuration_know_each_other_and_no_other_local_port() {
    let home = tempfile::tempdir().unwrap();
    let site = config(&home).open().await.unwrap().site;
    let at = |text: &str| site.host_map().address(&text.parse().unwrap());
    assert_eq!(
        at("localhost:7403"),
        Some("127.0.0.1:7403".parse().unwrap())
    );
    for other in [
        "localhost:7410",
        "localhost:7411",
        "localhost:22",
        "localhost",
        "x.test:7400",
    ] {
        assert_eq!(at(other), None, "{other}");
    }
}

#[tokio::test]
async fn a_node_with_a_host_knows_only_what_its_map_says() {
    let home = tempfile::tempdir().unwrap();
    let mut config = config(&home);
    config.host = Some("agents.org-a.test".parse().unwrap());
    config.host_map = vec![parse_map_entry("agents.org-b.test=127.0.0.1:7402").unwrap()];
    let site = config.open().await.unwrap().site;
    let at = |text: &str| site.host_map().address(&text.parse().unwrap());
    assert_eq!(at("agents.org-a.test"), Some(site.wire()));
    assert_eq!(
        at("agents.org-b.test"),
        Some("127.0.0.1:7402".parse().unwrap())
    );
    assert_eq!(at("agents.org-b.test:8443"), None);
    assert_eq!(at("sub.agents.org-b.test"), None);
    assert_eq!(at("localhost:7400"), None);
}

#[tokio::test]
async fn a_public_node_asks_before_it_knocks_and_is_called_by_its_url() {
    let home = tempfile::tempdir().unwrap();
    let mut config = config(&home);
    config.public_url = Some("https://Agents.Org-B.com/".to_owned());
    let site = config.open().await.unwrap().site;
    assert_eq!((site.host(), site.port()), ("agents.org-b.com", None));
    assert_eq!(
        site.public_url().as_deref(),
        Some("https://agents.org-b.com")
    );
    assert_eq!(site.outbound(), Outbound::Ask);
}

#[tokio::test]
async fn what_others_can_reach_has_a_public_url_and_no_host_map() {
    let home = tempfile::tempdir().unwrap();
    let error = async |change: fn(&mut Config)| {
        let mut config = config(&home);
        change(&mut config);
        config.open().await.map(drop).unwrap_err()
    };
    let open = error(|config| config.wire = Some("0.0.0.0:0".parse().unwrap())).await;
    assert!(matches!(open, OpenError::NotPublic { .. }));
    assert!(open.problem().next.unwrap().contains("--public-url"));
    let mapped = error(|config| {
        config.public_url = Some("https://agents.org-b.com".to_owned());
        config.host_map = vec![parse_map_entry("agents.org-a.test=127.0.0.1:1").unwrap()];
    });
    assert!(matches!(
        mapped.await,
        OpenError::Host(HostError::MapInPublic)
    ));
    let differs = error(|config| {
        config.public_url = Some("https://agents.org-b.com".to_owned());
        config.host = Some("agents.org-c.com".parse().unwrap());
    });
    assert!(matches!(differs.await, OpenError::Host(HostError::Differs)));
    let mut both = config(&home);
    both.public_url = Some("https://agents.org-b.com".to_owned());
    both.host = Some("agents.org-b.com".parse().unwrap());
    both.wire = Some("0.0.0.0:0".parse().unwrap());
    assert!(!both.open().await.unwrap().site.is_development());
}

#[tokio::test]
async fn the_host_map_also_says_where_our_own_host_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut config = config(&home);
    config.wire = None;
    config.host = Some("agents.org-a.test".parse().unwrap());
    config.host_map = vec![("agents.org-a.test".parse().unwrap(), free)];
    assert_eq!(config.open().await.unwrap().site.wire(), free);
}

#[tokio::test]
async fn a_second_node_on_the_same_directory_is_refused_until_the_first_ends() {
    let home = tempfile::tempdir().unwrap();
    let first = config(&home).open().await.unwrap();
    let error = config(&home).open().await.unwrap_err();
    assert!(
        matches!(error, OpenError::HomeInUse { pid: Some(pid), .. } if pid == std::process::id())
    );
    assert!(error.problem().next.unwrap().contains("--home"));
    drop(first);
    config(&home).open().await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_the_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let home = tempfile::tempdir().unwrap();
    let with = |wire: Option<SocketAddr>, agent: Option<SocketAddr>| {
        let mut config = config(&home);
        config.wire = wire.or(config.wire);
        config.agent_door = agent.or(config.agent_door);
        config
    };
    let wire = with(Some(address), None).open().await.unwrap_err();
    assert!(matches!(
        wire,
        OpenError::AddressTaken { flag: "--wire", .. }
    ));
    assert!(wire.problem().next.unwrap().contains("--wire 127.0.0.1:"));
    let agent = with(None, Some(address)).open().await.unwrap_err();
    assert!(matches!(
        agent,
        OpenError::AddressTaken {
            flag: "--agent-door",
            ..
        }
    ));
}

#[tokio::test]
async fn a_restarted_node_is_found_where_its_agents_are_known() {
    let home = tempfile::tempdir().unwrap();
    let first = config(&home).open().await.unwrap().site;
    let (wire, agent_url) = (first.wire(), first.agent_url());
    let token_file = first.token_file("bruno");
    let token = format!(r#"{{"url":"{agent_url}","token":"ct_x"}}"#);
    write_private(&token_file, token.as_bytes()).unwrap();
    drop(first);

    let open = || Config::new(home.path().join("node")).open();
    let again = open().await.unwrap().site;
    assert_eq!((again.wire(), again.agent_url()), (wire, agent_url));
    drop(again);

    let thief = std::net::TcpListener::bind(wire).unwrap();
    let error = open().await.unwrap_err();
    assert!(matches!(error, OpenError::RememberedAddressTaken { address } if address == wire));
    drop(thief);
}

#[tokio::test]
async fn token_files_follow_the_agents_door() {
    let home = tempfile::tempdir().unwrap();
    let first = config(&home).open().await.unwrap().site;
    let token_file = first.token_file("bruno");
    write_private(
        &token_file,
        br#"{"url":"http://127.0.0.1:1","token":"ct_x"}"#,
    )
    .unwrap();
    drop(first);
    let site = config(&home).open().await.unwrap().site;
    let text = fs::read_to_string(&token_file).unwrap();
    assert_eq!(
        text.trim_end(),
        format!(r#"{{"url":"{}","token":"ct_x"}}"#, site.agent_url())
    );
    assert_eq!(
        fs::metadata(&token_file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_home_that_cannot_be_made_or_is_too_long_for_a_socket_is_explained() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), "").unwrap();
    let mut in_file = config(&home);
    in_file.home = home.path().join("file/node");
    assert!(matches!(in_file.open().await, Err(OpenError::Home { .. })));

    let mut long = config(&home);
    long.home = home.path().join("x".repeat(120));
    let error = long.open().await.unwrap_err();
    assert!(matches!(error, OpenError::Socket { .. }));
    assert!(error.problem().detail.unwrap().contains("107 octets"));
}

#[tokio::test]
async fn what_a_node_keeps_only_its_owner_reads() {
    let home = tempfile::tempdir().unwrap();
    let opened = config(&home).open().await.unwrap();
    let mode = |name: &str| {
        let path = opened.site.home().join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("agents"), 0o700);
    for file in ["lock", "master.key", "operator.sock"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_socket_left_by_a_crash_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    drop(config(&home).open().await.unwrap());
    assert!(home.path().join("node/operator.sock").exists());
    config(&home).open().await.unwrap();
}

#[test]
fn hosts_are_domain_names_with_an_optional_port() {
    let read = |text: &str| text.parse::<Host>().map(|host| host.to_string());
    assert_eq!(
        read("Agents.Org-A.test").as_deref(),
        Ok("agents.org-a.test")
    );
    assert_eq!(read("localhost:7400").as_deref(), Ok("localhost:7400"));
    assert_eq!(read("localhost%3A7400").as_deref(), Ok("localhost:7400"));
    assert_eq!(
        read("agents.org-a.com:443").as_deref(),
        Ok("agents.org-a.com")
    );
    for bad in [
        "",
        "127.0.0.1",
        "[::1]:80",
        "host:0",
        "host:99999",
        "a/b",
        "user@host",
        "a b",
    ] {
        assert_eq!(read(bad), Err(HostError::Name), "{bad}");
    }
    for bad in ["x.test", "x.test=", "x.test=host:1", "=127.0.0.1:1"] {
        assert!(parse_map_entry(bad).is_err(), "{bad}");
    }
    for bad in [
        "http://x.test",
        "https://",
        "https://x.test/path",
        "x.test",
        "https://1.2.3.4",
    ] {
        assert_eq!(
            super::host::read_public_url(bad),
            Err(HostError::PublicUrl),
            "{bad}"
        );
    }
}
