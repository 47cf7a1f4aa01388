//! A node as a process of its own.

use crate::{Door, Operator, PROTOCOL, free_address};
use anyhow::{Context, Result, bail};
use comity_api::agent::{Message, Send};
use comity_api::operator::{Approve, Decided};
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// An organisation: a home directory, addresses that it keeps, and the node while one runs.
#[derive(Debug)]
pub struct Organisation {
    /// Host of its DIDs.
    pub host: &'static str,
    /// Its node's home.
    pub home: PathBuf,
    /// Its node's wire door.
    pub wire: SocketAddr,
    /// Its agents' door.
    pub agent_door: SocketAddr,
    binary: PathBuf,
    map: Vec<(&'static str, SocketAddr)>,
    node: Option<Child>,
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By this signal.
    Signal(i32),
    /// By itself, with this exit code.
    Exit(i32),
}

impl Organisation {
    /// Two organisations below `dir` that find each other; nothing runs yet.
    ///
    /// # Errors
    /// No free ports, or `dir` cannot be written.
    pub fn pair(binary: &Path, dir: &Path) -> Result<[Self; 2]> {
        let map = [
            ("agents.org-a.test", free_address()?),
            ("agents.org-b.test", free_address()?),
        ];
        let one = |name: &str, (host, wire)| Self::new(binary, dir.join(name), host, wire, &map);
        Ok([one("a", map[0])?, one("b", map[1])?])
    }

    /// One organisation with its home in `home`, at `agents.org-a.test`, and others that it reaches
    /// by plain http; nothing runs yet.
    ///
    /// # Errors
    /// No free ports, or `home` cannot be made.
    pub fn among(
        binary: &Path,
        home: &Path,
        others: &[(&'static str, SocketAddr)],
    ) -> Result<Self> {
        let wire = free_address()?;
        Self::new(binary, home.to_owned(), "agents.org-a.test", wire, others)
    }

    /// One organisation at `host`, in a world of hosts at these addresses; nothing runs yet.
    ///
    /// # Errors
    /// No free ports, or `home` cannot be made.
    pub fn new(
        binary: &Path,
        home: PathBuf,
        host: &'static str,
        wire: SocketAddr,
        map: &[(&'static str, SocketAddr)],
    ) -> Result<Self> {
        std::fs::create_dir_all(&home)?;
        Ok(Self {
            host,
            home,
            wire,
            agent_door: free_address()?,
            binary: binary.to_owned(),
            map: map.to_vec(),
            node: None,
        })
    }

    /// The same, reaching a further host by plain http.
    #[must_use]
    pub fn reaching(mut self, host: &'static str, address: SocketAddr) -> Self {
        self.map.push((host, address));
        self
    }

    /// Starts the node, armed to die at `fail_point` (`NAME:N`) if there is one.
    ///
    /// # Errors
    /// No process could be started.
    pub fn spawn(&mut self, fail_point: Option<&str>) -> Result<()> {
        let mut command = Command::new(&self.binary);
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("COMITY_"))
            {
                command.env_remove(name);
            }
        }
        command.args(["up", "--quiet", "--host", self.host, "--outbound", "open"]);
        command.args(["--wire", &self.wire.to_string()]);
        command.args(["--agent-door", &self.agent_door.to_string()]);
        for (host, address) in &self.map {
            command.args(["--host-map", &format!("{host}={address}")]);
        }
        command
            .env("COMITY_HOME", &self.home)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        if let Some(fail_point) = fail_point {
            command.env("COMITY_FAIL_POINT", fail_point);
        }
        let log = self.log()?;
        command.stdout(log.try_clone()?).stderr(log);
        self.node = Some(
            command
                .spawn()
                .with_context(|| self.binary.display().to_string())?,
        );
        Ok(())
    }

    /// Waits until the node answers its operator.
    ///
    /// # Errors
    /// It ended instead, or took too long.
    pub async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            if self.operator().status().await.is_ok() {
                return Ok(());
            }
            if let Some(ended) = self.ended()? {
                bail!(
                    "the node of {} ended: {ended:?}; {}",
                    self.host,
                    self.last_words()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "the node of {} does not answer; {}",
                    self.host,
                    self.last_words()
                );
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the node and waits until it answers.
    ///
    /// # Errors
    /// As [`spawn`](Self::spawn) and [`ready`](Self::ready).
    pub async fn start(&mut self) -> Result<()> {
        self.spawn(None)?;
        self.ready().await
    }

    /// SIGKILL: no warning, nothing flushed.
    ///
    /// # Errors
    /// No node runs.
    pub async fn kill(&mut self) -> Result<Ended> {
        let mut node = self.node.take().context("no node to kill")?;
        node.start_kill()?;
        Ok(ended(node.wait().await?))
    }

    /// Waits for the node to end by itself; `None` if it did not within this time.
    ///
    /// # Errors
    /// No node runs.
    pub async fn ends_within(&mut self, longest: Duration) -> Result<Option<Ended>> {
        let node = self.node.as_mut().context("no node to wait for")?;
        match timeout(longest, node.wait()).await {
            Ok(status) => {
                self.node = None;
                Ok(Some(ended(status?)))
            }
            Err(_) => Ok(None),
        }
    }

    /// The node's process.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.node.as_ref()?.id()
    }

    /// Its operator.
    #[must_use]
    pub fn operator(&self) -> Operator {
        Operator::new(&self.home)
    }

    /// The DID of an agent of this name.
    #[must_use]
    pub fn did(&self, agent: &str) -> String {
        format!("did:web:{}:{agent}", self.host)
    }

    /// Creates an agent; its door, by plain HTTP.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn agent(&self, name: &str) -> Result<Door> {
        let created = self.operator().create_agent(name).await?;
        Ok(Door::new(self.agent_door, created.token))
    }

    /// The end of what the node logged.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.home.join("node.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    fn ended(&mut self) -> Result<Option<Ended>> {
        let node = self.node.as_mut().context("no node runs")?;
        Ok(node.try_wait()?.map(ended))
    }

    fn log(&self) -> Result<File> {
        let path = self.home.join("node.log");
        Ok(OpenOptions::new().create(true).append(true).open(path)?)
    }
}

/// Makes two agents known to each other, as people do: a first message knocks, the operator of the
/// other side approves, the message goes in and is settled.
///
/// # Errors
/// Whatever goes wrong on the way.
pub async fn acquaint(
    (a, aria, aria_door): (&Organisation, &str, &mut Door),
    (b, bruno, bruno_door): (&Organisation, &str, &mut Door),
) -> Result<()> {
    let send = Send {
        to: Some(b.did(bruno)),
        type_: format!("{PROTOCOL}/hello"),
        purpose: Some("a load".to_owned()),
        ..Send::default()
    };
    let (status, first): (_, serde_json::Value) = aria_door.post("/v1/messages", &send).await?;
    if status != 201 {
        bail!("the first message was not taken: {first}");
    }
    let first: Message = serde_json::from_value(first)?;
    let (from, operator) = (a.did(aria), b.operator());
    let deadline = Instant::now() + START;
    let knock = loop {
        let knocks = operator.knocks().await?;
        if let Some(knock) = knocks.into_iter().find(|knock| knock.from == from) {
            break knock;
        }
        if Instant::now() > deadline {
            bail!("{from} did not knock");
        }
        sleep(Duration::from_millis(20)).await;
    };
    let approve = Approve {
        approval: knock.approval,
        they_may_send: None,
        you_may_send: None,
        until: None,
        ..Default::default()
    };
    let path = format!("/v1/knocks/{}/approve", knock.id);
    let _: Decided = operator.post(&path, &approve).await?;
    settle_first(bruno_door).await?;
    let path = format!("/v1/messages/{}?wait=done&wait_s=30", first.id);
    let (_, message): (_, Message) = aria_door.get(&path).await?;
    if message.state != "done" {
        bail!(
            "the first message is {} ({:?})",
            message.state,
            message.reason
        );
    }
    Ok(())
}

async fn settle_first(door: &mut Door) -> Result<()> {
    use comity_api::agent::{LeaseRequest, Leased, SettleRequest, Settled, Settlement};
    let (_, leased): (_, Leased) = door
        .post("/v1/lease", &LeaseRequest { max: 1, wait_s: 30 })
        .await?;
    let delivery = leased
        .deliveries
        .first()
        .context("the first message did not come")?;
    let settlement = Settlement {
        delivery: delivery.delivery.clone(),
        lease: delivery.lease.clone(),
        outcome: "done".to_owned(),
        ..Settlement::default()
    };
    let request = SettleRequest {
        settlements: vec![settlement],
    };
    let (_, _): (_, Settled) = door.post("/v1/settle", &request).await?;
    Ok(())
}

fn ended(status: ExitStatus) -> Ended {
    match (status.signal(), status.code()) {
        (Some(signal), _) => Ended::Signal(signal),
        (None, code) => Ended::Exit(code.unwrap_or_default()),
    }
}

/// A node is there in well under a second; a busy machine may need longer.
const START: Duration = Duration::from_secs(30);
