//! Which names a door on TCP answers to, and which web pages may call it: none but its own.

use comity_api::{Problem, safe};
use comity_engine::Code;
use http::header::{HOST, HeaderMap, ORIGIN};
use http::uri::Authority;
use std::net::IpAddr;

/// `Host` names this machine or a configured name: a web page that resolves its own name to
/// loopback (DNS rebinding) is refused. Gives the host as it was sent.
pub(super) fn check_host(
    headers: &HeaderMap,
    own: IpAddr,
    configured: impl Fn(&Authority) -> bool,
) -> Result<&str, Problem> {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let authority: Option<Authority> = host.parse().ok();
    let is_ours = authority.as_ref().is_some_and(|authority| {
        !host.contains('@') && (is_local(authority.host(), own) || configured(authority))
    });
    if is_ours {
        Ok(host)
    } else {
        Err(foreign(Code::HOST, "the host", host))
    }
}

/// `Origin`, which only browsers send, is one of `allowed` or absent: other pages are refused.
pub(super) fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    if allowed.iter().any(|allowed| allowed == origin) {
        Ok(())
    } else {
        Err(foreign(Code::ORIGIN, "web pages of", origin))
    }
}

fn is_local(host: &str, own: IpAddr) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address == own,
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn foreign(code: Code, what: &str, text: &str) -> Problem {
    let title = format!("this door is not for {what} {}", safe(text));
    Problem::new(code.as_str(), title)
}
