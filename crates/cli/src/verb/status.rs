use crate::args::Listing;
use crate::exit::{Exit, Trouble};
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::{self, words};
use clap::Args;
use comity_api::operator::{self, RecordStatus};
use comity_api::safe;
use std::fmt::Write;

/// One screen: agents, queues, and what waits for you
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    listing: Listing,
}

pub(crate) async fn run(args: Status, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    let fetch = async || operator.get::<operator::Status>("/v1/status").await;
    show::list(args.listing, fetch, screen).await
}

/// The screen.
pub(crate) fn screen(status: &operator::Status) -> String {
    banner(status, false)
}

/// The screen as `up` shows it, who knows whether a host map says where the wire door is.
pub(crate) fn banner(status: &operator::Status, mapped: bool) -> String {
    let mut text = format!(
        "{}  ·  {}\n",
        paint(paint::STRONG, format!("Comity {}", status.version)),
        place(status)
    );
    let mut row = |name: &str, what: String| {
        let _ = writeln!(text, "  {name:<10} {what}");
    };
    row("agents", agents(&status.agents));
    row("operator", operator_line(status));
    if let Some(page) = &status.operator_url {
        row("page", format!("{page}   {}", hint("comity operator")));
    }
    row("record", record(&status.record));
    row("wire", wire(status, mapped));
    row("open to", open_to(status));
    for (name, queue) in [("outbox", &status.outbox), ("inbox", &status.inbox)] {
        if let Some(queue) = counts(queue) {
            row(name, queue);
        }
    }
    if let Some(refused) = counts(&status.refused) {
        row(
            "refused",
            format!("{refused}   (strangers, since the start)"),
        );
    }
    for alarm in &status.alarms {
        row("alarm", paint(paint::BAD, safe(alarm)));
    }
    text
}

fn place(status: &operator::Status) -> String {
    match &status.public_url {
        Some(url) => url.clone(),
        None => format!(
            "{} (development: reachable only from this machine)",
            status.host
        ),
    }
}

fn agents(agents: &[operator::Agent]) -> String {
    let active: Vec<_> = agents
        .iter()
        .filter(|agent| agent.state != "removed")
        .collect();
    if active.is_empty() {
        return format!("none yet        {}", hint("comity agent create NAME"));
    }
    let agents = active.iter().map(|agent| {
        let here = if agent.connected { "" } else { " (off)" };
        let waiting = match agent.inbox {
            0 => String::new(),
            number => format!(", {number} unsettled"),
        };
        format!("{}{here}{waiting}", paint(paint::STRONG, &agent.name))
    });
    agents.collect::<Vec<_>>().join(" · ")
}

fn operator_line(status: &operator::Status) -> String {
    let mut waits = Vec::new();
    if status.knocks_pending > 0 {
        let knocks = words::count(status.knocks_pending, "knock");
        waits.push(paint(
            paint::WAITS,
            format!("{knocks} waiting {}", hint("comity knock")),
        ));
    }
    if status.held_for_operator > 0 {
        let held = words::count(status.held_for_operator, "message");
        waits.push(paint(
            paint::WAITS,
            format!("{held} held {}", hint("comity message --held")),
        ));
    }
    if status.parked > 0 {
        let asked = words::count(status.parked, "question");
        waits.push(paint(
            paint::WAITS,
            format!("{asked} of your agents {}", hint("comity parked")),
        ));
    }
    if waits.is_empty() {
        return format!("nothing waits for you   {}", hint("comity knock"));
    }
    waits.join("   ")
}

fn record(record: &RecordStatus) -> String {
    let entries = match record.size {
        1 => "1 entry".to_owned(),
        size => format!("{size} entries"),
    };
    format!("{entries}, key {}", short_key(&record.vkey))
}

/// The key id of a verifier key, `NAME+KEYID+KEY`.
fn short_key(vkey: &str) -> String {
    // NAME+ID+KEY: a name has no plus sign, the base64 of the key may.
    safe(vkey.split('+').nth(1).unwrap_or(vkey))
}

fn wire(status: &operator::Status, mapped: bool) -> String {
    let from = if mapped { "   (by the host map)" } else { "" };
    format!("{}{from}", status.wire)
}

fn open_to(status: &operator::Status) -> String {
    let door = format!("agents at {}", status.agent_door);
    match status.public_url {
        Some(_) => format!(
            "whoever you let in; knocks by itself: {}; {door}",
            status.outbound
        ),
        // A name that only a host map resolves is somebody's choice: no need to push.
        None if !status.host.starts_with("localhost") => {
            format!("this machine   (--public-url opens it; {door})")
        }
        None => format!(
            "nobody outside   {}   ({door})",
            hint("comity up --public-url https://…")
        ),
    }
}

/// `3 queued, 1 held`; nothing if there is nothing.
fn counts(counts: &[(String, u64)]) -> Option<String> {
    let counts = counts.iter().filter(|(_, number)| *number > 0);
    let counts: Vec<_> = counts
        .map(|(word, number)| format!("{number} {}", safe(word)))
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> operator::Status {
        operator::Status {
            version: "0.1.0".into(),
            host: "agents.org-b.test".into(),
            public_url: None,
            wire: "127.0.0.1:7402".into(),
            agent_door: "http://127.0.0.1:7412".into(),
            operator_url: Some("http://127.0.0.1:7421".into()),
            outbound: "open".into(),
            agents: Vec::new(),
            knocks_pending: 0,
            held_for_operator: 0,
            parked: 0,
            outbox: vec![("queued".into(), 0)],
            inbox: Vec::new(),
            record: RecordStatus {
                origin: "agents.org-b.test/comity/log/5f3c9a1e".into(),
                size: 1,
                vkey: "agents.org-b.test/comity/log/5f3c9a1e+bd3a0747+AQkJ".into(),
                checkpoint: String::new(),
            },
            alarms: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn plain(status: &operator::Status) -> String {
        anstream::adapter::strip_str(&screen(status)).to_string()
    }

    #[test]
    fn a_fresh_node_says_what_to_type_first() {
        insta::assert_snapshot!(plain(&status()));
    }

    #[test]
    fn a_busy_node_says_what_waits_for_its_operator() {
        let mut status = status();
        status.public_url = Some("https://agents.org-b.com".into());
        status.knocks_pending = 1;
        status.held_for_operator = 2;
        status.parked = 1;
        status.outbox = vec![("held".into(), 2), ("queued".into(), 3)];
        status.refused = vec![("e.p.trust.no-grant".into(), 41)];
        status.alarms = vec!["the log x\u{1b}[2J forked".into()];
        status.agents = vec![operator::Agent {
            name: "bruno".into(),
            did: "did:web:agents.org-b.com:bruno".into(),
            state: "active".into(),
            fingerprint: String::new(),
            created: 0,
            inbox: 3,
            connected: false,
        }];
        insta::assert_snapshot!(plain(&status));
    }
}
