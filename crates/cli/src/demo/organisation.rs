//! An organisation: its node, a process of its own, and its operator.

use super::ledger::Side;
use super::surprise::{Look, Surprise, eventually, expect};
use super::wire;
use crate::operator::{Operator, part};
use comity_api::operator::{Agent, Export, Grant, Knock, MessageRow, Status};
use comity_did::{Did, DidDocument};
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// An organisation of the demo.
#[derive(Debug)]
pub(super) struct Organisation {
    pub(super) side: Side,
    pub(super) host: &'static str,
    pub(super) agent: &'static str,
    pub(super) home: PathBuf,
    /// Where its node's wire door really is.
    pub(super) wire: SocketAddr,
    agent_door: SocketAddr,
    /// The other's host, and where the wire to it begins.
    peer: Option<(&'static str, SocketAddr)>,
    log: PathBuf,
    node: Option<Child>,
    operator: Operator,
}

/// How a node's process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Killed {
    pub(super) pid: u32,
    pub(super) signal: Option<i32>,
}

impl Organisation {
    /// An organisation in `dir`; nothing runs yet.
    pub(super) fn new(
        side: Side,
        host: &'static str,
        agent: &'static str,
        dir: &Path,
    ) -> io::Result<Self> {
        let name = host.trim_end_matches(".test");
        let home = dir.join(name);
        Ok(Self {
            side,
            host,
            agent,
            wire: free_port()?,
            agent_door: free_port()?,
            peer: None,
            log: dir.join(format!("node-{name}.log")),
            node: None,
            operator: Operator::new(&home),
            home,
        })
    }

    /// Where this node finds the other.
    pub(super) const fn finds(&mut self, host: &'static str, at: SocketAddr) {
        self.peer = Some((host, at));
    }

    /// Starts the node, and waits until it answers. How long that took.
    pub(super) async fn start(&mut self) -> Result<Duration, Surprise> {
        let begun = Instant::now();
        let child = self.command().and_then(|mut command| command.spawn());
        self.node = Some(child.map_err(Surprise::instead_of("a process for the node"))?);
        let log = self.log.clone();
        let (operator, node) = (self.operator.clone(), &mut self.node);
        eventually("a node that answers", START, async || {
            if let Some(ended) = node.as_mut().and_then(|node| node.try_wait().ok()?) {
                let last = std::fs::read_to_string(&log).unwrap_or_default();
                let last = last.lines().last().unwrap_or_default().to_owned();
                return Err(Surprise::new(
                    "a node that runs",
                    format!("{ended}: {last}"),
                ));
            }
            Ok(match operator.get::<Status>("/v1/status").await {
                Ok(_) => Ok(()),
                Err(why) => Err(why.words()),
            })
        })
        .await?;
        Ok(begun.elapsed())
    }

    /// SIGKILL: no warning, nothing flushed.
    pub(super) async fn kill(&mut self) -> Result<Killed, Surprise> {
        let expected = "a node to kill";
        let mut node = self
            .node
            .take()
            .ok_or_else(|| Surprise::new(expected, "none runs"))?;
        let pid = node.id().unwrap_or_default();
        node.start_kill().map_err(Surprise::instead_of(expected))?;
        let ended = node.wait().await.map_err(Surprise::instead_of(expected))?;
        let signal = ended.signal();
        expect(signal == Some(9), "a node ended by SIGKILL", ended)?;
        Ok(Killed { pid, signal })
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.node.as_ref()?.id()
    }

    pub(super) const fn operator(&self) -> &Operator {
        &self.operator
    }

    pub(super) fn database(&self) -> PathBuf {
        self.home.join("comity.db")
    }

    pub(super) fn did(&self) -> String {
        format!("did:web:{}:{}", self.host, self.agent)
    }

    pub(super) async fn status(&self) -> Result<Status, Surprise> {
        Ok(self.operator.get("/v1/status").await?)
    }

    /// The agent, as its operator sees it: with the fingerprint to read out to others.
    pub(super) async fn agent(&self) -> Result<Agent, Surprise> {
        let path = format!("/v1/agents/{}", part(self.agent));
        Ok(self.operator.get(&path).await?)
    }

    pub(super) async fn knocks(&self) -> Result<Vec<Knock>, Surprise> {
        Ok(self.operator.get("/v1/knocks").await?)
    }

    /// The newest grant, whatever its state.
    pub(super) async fn grant(&self) -> Result<Option<Grant>, Surprise> {
        let grants: Vec<Grant> = self.operator.get("/v1/grants?all=true").await?;
        Ok(grants.into_iter().next())
    }

    /// Every message of both directions, oldest first.
    pub(super) async fn messages(&self) -> Result<Vec<MessageRow>, Surprise> {
        let mut all: Vec<MessageRow> = Vec::new();
        let mut after = 0;
        loop {
            let path = format!("/v1/messages?limit={PAGE}&all=true&after={after}");
            let page: Vec<MessageRow> = self.operator.get(&path).await?;
            // Each direction counts for itself; one that gave less than a page is at its end.
            let ends = ["in", "out"].map(|direction| {
                let rows = page.iter().filter(|row| row.direction == direction);
                let (many, last) = rows.fold((0, 0), |(n, last), row| (n + 1, last.max(row.seq)));
                (many >= PAGE).then_some(last)
            });
            let known: HashSet<_> = all
                .iter()
                .map(|row| (row.direction.clone(), row.seq))
                .collect();
            let new = |row: &MessageRow| !known.contains(&(row.direction.clone(), row.seq));
            all.extend(page.into_iter().filter(new));
            match ends.into_iter().flatten().min() {
                Some(last) => after = last,
                None => break,
            }
        }
        all.sort_by_key(|row| (row.at, row.seq));
        Ok(all)
    }

    /// One message with its plaintext.
    pub(super) async fn message(&self, digest: &str) -> Result<MessageRow, Surprise> {
        let path = format!("/v1/messages/{}", part(digest));
        Ok(self.operator.get(&path).await?)
    }

    /// Waits for a message that is as `wanted`.
    pub(super) async fn awaits(
        &self,
        expected: &str,
        within: Duration,
        wanted: impl Fn(&MessageRow) -> bool,
    ) -> Result<MessageRow, Surprise> {
        eventually(expected, within, async || -> Look<MessageRow> {
            let rows = self.messages().await?;
            let here = || {
                let shown = rows.iter().map(|row| {
                    format!(
                        "{} {} {} ({})",
                        row.direction,
                        name(&row.type_),
                        row.id,
                        row.state
                    )
                });
                shown.collect::<Vec<_>>().join(", ")
            };
            Ok(rows
                .iter()
                .find(|row| wanted(row))
                .cloned()
                .ok_or_else(here))
        })
        .await
    }

    /// The evidence of a thread, as the node gives it.
    pub(super) async fn export(&self, thread: &str) -> Result<Vec<u8>, Surprise> {
        let thread = thread.to_owned();
        let export = Export { thread };
        let octets = self.operator.post_for_octets("/v1/record/export", &export);
        Ok(octets.await?.to_vec())
    }

    /// The agent's DID document, fetched at the node's wire door as any peer would.
    pub(super) async fn document(&self) -> Result<DidDocument, Surprise> {
        let expected = "a DID document";
        let did = Did::parse(&self.did()).map_err(Surprise::instead_of(expected))?;
        let path = format!("/{}/did.json", self.agent);
        let octets = wire::get(self.wire, &path).await;
        let octets = octets.map_err(Surprise::instead_of(expected))?;
        DidDocument::parse(&did, &octets).map_err(Surprise::instead_of(expected))
    }

    fn command(&self) -> io::Result<Command> {
        let mut command = program(&std::env::current_exe()?, &self.home);
        command.args(["up", "--quiet", "--log", "info", "--host", self.host]);
        command.args(["--agent-door", &self.agent_door.to_string()]);
        let own = [(self.host, self.wire)];
        for (host, address) in own.into_iter().chain(self.peer) {
            command.args(["--host-map", &format!("{host}={address}")]);
        }
        let log = append(&self.log)?;
        command.stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }
}

/// A program that belongs to the node in `home`, ends with this process, and isn't reached by a
/// Ctrl-C that is meant for this one.
pub(super) fn program(path: &Path, home: &Path) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("COMITY_"))
        {
            command.env_remove(name);
        }
    }
    command.env("COMITY_HOME", home).stdin(Stdio::null());
    command.kill_on_drop(true).process_group(0);
    command
}

/// A file that logs are added to.
pub(super) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// The name of a message type: `request`.
pub(super) fn name(type_: &str) -> &str {
    type_.rsplit('/').next().unwrap_or(type_)
}

/// A port that nobody has now. Somebody could take it before the node does; then it says so.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

/// Rows that a list gives at most.
const PAGE: usize = 1_000;
/// A node is there in well under a second; a busy machine may need longer.
const START: Duration = Duration::from_secs(20);
