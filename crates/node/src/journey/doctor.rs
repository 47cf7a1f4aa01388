//! What is wrong, here or on the way to a DID, and what to type next.

use super::Core;
use super::trouble::CoreError;
use crate::config::Host;
use crate::resolve::Lane;
use comity_api::Problem;
use comity_api::operator::Finding;
use comity_did::{Did, DidDocument, Relationship};
use comity_engine::{GrantState, InState, OutState, defaults};
use comity_store::GrantRow;
use std::time::Duration;

impl Core {
    /// Looks at this node, and at the way to `did` if there is one.
    ///
    /// # Errors
    /// The name is no DID. Everything else that is wrong is a finding.
    pub async fn doctor(&self, did: Option<&str>) -> Result<Vec<Finding>, Problem> {
        let did = did.map(|did| self.did_of(did)).transpose()?;
        let mut findings = vec![self.examine_storage().await, self.examine_record().await];
        findings.extend(self.examine_agents().await);
        findings.extend(self.examine_queues().await);
        findings.extend(self.examine_public());
        if let Some(did) = did {
            findings.extend(self.examine_way(&did).await);
        }
        Ok(findings)
    }

    async fn examine_storage(&self) -> Finding {
        let written = self
            .store
            .write(|tx| {
                let now = tx.now().millis().to_be_bytes();
                Ok::<_, CoreError>(tx.set_meta("doctor", &now)?)
            })
            .await;
        match written {
            Ok(()) => ok("storage", "the database can be written"),
            Err(error) => bad("storage", error.to_string())
                .then("free space or repair the disk; what was acknowledged is safe"),
        }
    }

    async fn examine_record(&self) -> Finding {
        let waiting = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.unintegrated(10_000)?.len()))
            .await;
        let logs = self
            .store
            .read(|tx| Ok::<_, CoreError>(tx.peer_logs()?))
            .await;
        let alarms = logs.unwrap_or_default();
        let alarm = alarms
            .iter()
            .find_map(|log| Some((log, log.alarm.as_ref()?)));
        match (self.head().await, waiting, alarm) {
            (_, _, Some((log, alarm))) => bad(
                "record",
                format!("the log {} of {}: {alarm}", log.origin, log.peer),
            )
            .then("ask their operator; comity record show keeps the evidence"),
            (Ok(Some(head)), Ok(waiting), None) if waiting < 10_000 => ok(
                "record",
                format!(
                    "{} entries under {}, {waiting} on their way",
                    head.size, head.origin
                ),
            ),
            _ => bad("record", "entries are not integrated").then("look at the node's log"),
        }
    }

    async fn examine_agents(&self) -> Vec<Finding> {
        let agents = match self.list_agents().await {
            Ok(agents) => agents,
            Err(problem) => return vec![bad("agents", problem.title)],
        };
        if agents.iter().all(|agent| agent.state != "active") {
            return vec![warn("agents", "none yet").then("comity agent create NAME")];
        }
        let active = agents.into_iter().filter(|agent| agent.state == "active");
        active
            .map(|agent| {
                let file = self.site.token_file(&agent.name);
                let check = format!("agent {}", agent.name);
                if !file.exists() {
                    warn(check, format!("its token file {} is gone", file.display()))
                        .then("create another agent; the token cannot be read back")
                } else if agent.connected || agent.inbox == 0 {
                    ok(check, format!("{} deliveries wait", agent.inbox))
                } else {
                    warn(
                        check,
                        format!("{} deliveries wait and nothing is connected", agent.inbox),
                    )
                    .then(format!(
                        "comity listen {}, or start the agent's program",
                        agent.name
                    ))
                }
            })
            .collect()
    }

    async fn examine_queues(&self) -> Vec<Finding> {
        let counts = self
            .store
            .read(|tx| {
                let knocks = tx.knock_room()?.len() as u64;
                Ok::<_, CoreError>((tx.count_outgoing()?, tx.count_incoming()?, knocks))
            })
            .await;
        let Ok((outgoing, incoming, knocks)) = counts else {
            return Vec::new();
        };
        let of = |counts: &[(String, u64)], word: &str| {
            counts
                .iter()
                .find(|(state, _)| state == word)
                .map_or(0, |(_, count)| *count)
        };
        let held = of(&outgoing, OutState::Held.as_str());
        let dead = of(&incoming, InState::Dead.as_str());
        let queued = of(&outgoing, OutState::Queued.as_str());
        let mut findings = Vec::new();
        if knocks > 0 {
            findings.push(warn("knocks", format!("{knocks} wait for you")).then("comity knock"));
        }
        if held > 0 {
            findings.push(
                warn("outbox", format!("{held} messages are held"))
                    .then("comity message, then comity message allow ID or wait for the peer"),
            );
        }
        if dead > 0 {
            findings.push(
                warn(
                    "inbox",
                    format!("{dead} deliveries were given up after their attempts"),
                )
                .then("comity message"),
            );
        }
        for (peer, why) in self.lanes.troubles() {
            findings.push(
                warn(
                    "peer",
                    format!("{peer} cannot be reached: {why}; {queued} messages queued"),
                )
                .then(format!("comity doctor {peer}")),
            );
        }
        findings
    }

    /// With a public URL: whether our own documents can be fetched from where others fetch them.
    fn examine_public(&self) -> Option<Finding> {
        let url = self.site.public_url()?;
        Some(ok(
            "public",
            format!("served as {url}; try it from outside with comity doctor of a peer"),
        ))
    }

    async fn examine_way(&self, did: &Did) -> Vec<Finding> {
        let document = match self.resolver.refetch(did).await {
            Ok(document) => document,
            Err(error) => {
                // What a stranger's lane says is more telling than a cache.
                let _ = self.resolver.resolve(did, Lane::Known).await;
                return vec![
                    bad("resolve", error.to_string())
                        .then("check the name, and that their node is up"),
                ];
            }
        };
        let mut findings = vec![ok("resolve", format!("{did} resolves"))];
        let signs = document.keys(Relationship::Authentication).count();
        let agrees = comity_didcomm::agreement_targets(&document).len();
        findings.push(if signs > 0 && agrees > 0 {
            ok(
                "keys",
                format!("{signs} to verify with, {agrees} to encrypt to"),
            )
        } else {
            bad("keys", "no key to verify with, or none to encrypt to")
        });
        findings.push(self.examine_route(&document).await);
        findings.extend(self.examine_grants(did).await);
        findings
    }

    async fn examine_route(&self, document: &DidDocument) -> Finding {
        let route = match self.resolver.route(document).await {
            Ok(route) => route,
            Err(error) => return bad("endpoint", error.to_string()),
        };
        let uri = &route.uri;
        let through = match route.hops.len() {
            0 => String::new(),
            1 => ", a mediator".to_owned(),
            hops => format!(", the first of {hops} mediators"),
        };
        let looked = self.http.look_at(uri);
        match tokio::time::timeout(Duration::from_secs(10), looked).await {
            Ok(Ok(())) => ok(
                "endpoint",
                format!("{uri} answers{}{through}", self.by_map(uri)),
            ),
            Ok(Err(error)) => bad("endpoint", error.to_string()),
            Err(_) => bad("endpoint", format!("{uri} does not answer in time")),
        }
    }

    /// How an address is really reached, if a host map says so.
    fn by_map(&self, uri: &str) -> String {
        let host = uri.parse().ok().and_then(|uri| Host::of_uri(&uri));
        let address = host.and_then(|host| self.site.host_map().address(&host));
        address
            .map(|address| format!(" (by the host map: plain http at {address})"))
            .unwrap_or_default()
    }

    async fn examine_grants(&self, did: &Did) -> Vec<Finding> {
        let peer = did.clone();
        let rows = self
            .store
            .read(move |tx| {
                let mut rows = tx.live_grants_with(&peer)?;
                let lately = tx.grants(defaults::GRANTS_LISTED_MAX)?.into_iter();
                let ended = |row: &GrantRow| row.peer == peer && row.state == GrantState::Ended;
                rows.extend(lately.filter(ended));
                Ok::<_, CoreError>(rows)
            })
            .await
            .unwrap_or_default();
        if rows.is_empty() {
            return vec![
                warn("grant", "none: neither side may send yet").then(format!(
                    "comity send {did} TYPE knocks, or comity grant create"
                )),
            ];
        }
        rows.iter()
            .map(|row| match row.state {
                GrantState::Active => ok("grant", format!("active with {}", row.ours)),
                GrantState::Offered => warn(
                    "grant",
                    format!("{} knocked; their operator has not decided", row.ours),
                ),
                GrantState::Suspended => bad(
                    "grant",
                    format!("suspended with {}: their keys changed", row.ours),
                )
                .then("comity peer show; ask them, then revoke and let them knock again"),
                GrantState::Ended => warn("grant", format!("ended with {}", row.ours)),
            })
            .collect()
    }
}

fn finding(check: impl Into<String>, level: &str, found: impl Into<String>) -> Finding {
    Finding {
        check: check.into(),
        level: level.to_owned(),
        found: found.into(),
        next: None,
    }
}

fn ok(check: impl Into<String>, found: impl Into<String>) -> Finding {
    finding(check, "ok", found)
}

fn warn(check: impl Into<String>, found: impl Into<String>) -> Finding {
    finding(check, "warning", found)
}

fn bad(check: impl Into<String>, found: impl Into<String>) -> Finding {
    finding(check, "error", found)
}

/// Adds what to type next.
trait Then {
    fn then(self, next: impl Into<String>) -> Self;
}

impl Then for Finding {
    fn then(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}
