use crate::credentials::Credentials;
use crate::link::{Frame, Link};
use crate::serve::{Handler, Handlers, serve};
use crate::status::Status;
use crate::{Ask, Error, Failure, Message, Outgoing, Reply, Result, Sending};
use comity_api::agent as api;
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// An agent: who you are, towards your node.
///
/// Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    did: String,
    link: Link,
    handlers: RwLock<Handlers>,
    concurrency: AtomicUsize,
    running: AtomicBool,
}

impl Agent {
    /// Opens the agent `name`: with `COMITY_URL` and `COMITY_TOKEN` if they are set, else with the
    /// token file that the local node wrote ([`home`](crate::home)`/agents/NAME.json`).
    ///
    /// # Errors
    /// [`Error::NoToken`], [`Error::Unreachable`], [`Error::Unauthorized`], or
    /// [`Error::OtherAgent`] when the token is not of `name`. Later the connection heals itself.
    pub async fn open(name: &str) -> Result<Self> {
        Self::start(Some(name), Credentials::find(name)?).await
    }

    /// Opens the agent `name` of the local node with this home.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_in(home: &Path, name: &str) -> Result<Self> {
        Self::start(Some(name), Credentials::read(home, name)?).await
    }

    /// Opens the agent that this token is for, at the door `url`.
    ///
    /// # Errors
    /// As [`open`](Self::open), except that the token decides the name.
    pub async fn connect(url: &str, token: &str) -> Result<Self> {
        let credentials = Credentials {
            url: url.to_owned(),
            token: token.to_owned(),
        };
        Self::start(None, credentials).await
    }

    async fn start(wanted: Option<&str>, credentials: Credentials) -> Result<Self> {
        let link = Link::open(credentials).await?;
        let whoami = link.ask_within(PATIENCE, Frame::whoami()).await?;
        let whoami: api::Whoami = serde_json::from_value(whoami).map_err(|source| Error::Body {
            type_: "the node's answer".to_owned(),
            source,
        })?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != whoami.name) {
            return Err(Error::OtherAgent {
                wanted: wanted.to_owned(),
                actual: whoami.name,
            });
        }
        Ok(Self {
            inner: Arc::new(Inner {
                name: whoami.name,
                did: whoami.did,
                link,
                handlers: RwLock::default(),
                concurrency: AtomicUsize::new(CONCURRENCY),
                running: AtomicBool::new(false),
            }),
        })
    }

    /// Its name at its node.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Its DID.
    pub fn did(&self) -> &str {
        &self.inner.did
    }

    /// Handles messages of a type, of any minor version of its protocol. A later handler for the
    /// same type takes the earlier one's place.
    ///
    /// The handler's future runs on a task of its own. What it shares with others it owns: clone
    /// an `Arc` into it, as in
    /// `move |msg| { let db = db.clone(); async move { … } }`.
    pub fn on<F, Fut>(&self, type_: impl Into<String>, handler: F)
    where
        F: Fn(Message) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Failure>> + Send + 'static,
    {
        self.write_handlers(|handlers| {
            handlers.by_type.insert(type_.into(), Handler::new(handler));
        });
    }

    /// Handles messages of every type that has no handler of its own. Without one they are
    /// rejected with `e.p.msg.unsupported-type`.
    pub fn on_any<F, Fut>(&self, handler: F)
    where
        F: Fn(Message) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Failure>> + Send + 'static,
    {
        self.write_handlers(|handlers| handlers.any = Some(Handler::new(handler)));
    }

    /// How many messages are handled at once: 16 unless you say otherwise. The node never hands
    /// out more. Takes effect with the next [`run`](Self::run).
    pub fn concurrency(&self, handlers: usize) {
        let handlers = handlers.clamp(1, MOST_CONCURRENCY);
        self.inner.concurrency.store(handlers, Ordering::Relaxed);
    }

    /// Takes and handles messages, for as long as the node knows this agent.
    ///
    /// Leases are extended while handlers run; a node that goes away and comes back is waited for.
    ///
    /// # Errors
    /// [`Error::Unauthorized`] when the agent was removed.
    pub async fn run(&self) -> Result<()> {
        self.run_until(std::future::pending()).await
    }

    /// [`run`](Self::run)s until `stop` is ready; then takes nothing new, and returns when the
    /// handlers that run have finished and settled.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    /// Dropping it abandons the running handlers; the node offers their messages again.
    pub async fn run_until(&self, stop: impl Future<Output = ()>) -> Result<()> {
        if self.inner.running.swap(true, Ordering::AcqRel) {
            return Err(Error::AlreadyRunning);
        }
        let running = Running(self);
        let room = self.inner.concurrency.load(Ordering::Relaxed);
        let served = serve(self, room, stop).await;
        drop(running);
        served
    }

    /// Sends one message. Await it, after saying more if you want:
    /// `bruno.send(aria, ".../update", &found).causes([digest]).await?`
    pub fn send(
        &self,
        to: impl Into<String>,
        type_: impl Into<String>,
        body: impl Serialize,
    ) -> Sending {
        Outgoing::new(type_, body).to(to).send_as(self)
    }

    /// Sends a message and waits for the answer: the first reply of its recipient in its thread.
    /// Await it, after saying more if you want.
    pub fn ask(
        &self,
        to: impl Into<String>,
        type_: impl Into<String>,
        body: impl Serialize,
    ) -> Ask {
        Outgoing::new(type_, body).to(to).ask_as(self)
    }

    /// Waits again for the answer to what was asked before under this id: by this process, by
    /// another, or before a restart.
    pub fn resume(&self, id: impl Into<String>) -> Ask {
        Ask::resume(self.clone(), id.into())
    }

    /// Where a message of yours is.
    ///
    /// # Errors
    /// [`Error::Node`] with `e.m.req.not-found` if you never sent one under this id.
    pub async fn status(&self, id: &str) -> Result<Status> {
        let frame = Frame::show(id, &api::Wait::default());
        Status::read(self.link().ask_within(PATIENCE, frame).await?)
    }

    /// Cancels a message of yours that isn't done yet.
    ///
    /// # Errors
    /// [`Error::Node`] if it can't be cancelled any more.
    pub async fn cancel(&self, id: &str) -> Result<Status> {
        Status::read(self.link().ask_within(PATIENCE, Frame::cancel(id)).await?)
    }

    /// Follows the changes of your messages from now on.
    pub fn changes(&self) -> Changes {
        Changes(self.link().changes())
    }

    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    pub(crate) fn read_handlers<T>(&self, read: impl FnOnce(&Handlers) -> T) -> T {
        let handlers = self.inner.handlers.read();
        read(&handlers.unwrap_or_else(PoisonError::into_inner))
    }

    fn write_handlers(&self, write: impl FnOnce(&mut Handlers)) {
        let handlers = self.inner.handlers.write();
        write(&mut handlers.unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.inner.name)
            .field("did", &self.inner.did)
            .finish_non_exhaustive()
    }
}

/// Changes of an agent's messages, as they happen.
///
/// A convenience for people who watch: a change while the node is away, or one that you are too
/// slow for, is skipped. [`Agent::status`] tells how things stand.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<api::Event>);

impl Changes {
    /// The next change; `None` when the connection is gone for good.
    pub async fn next(&mut self) -> Option<Status> {
        loop {
            match self.0.recv().await {
                Ok(event) => {
                    if let Ok(status) = Status::try_from(event.message) {
                        return Some(status);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// Clears the mark when a run ends, however it ends.
struct Running<'a>(&'a Agent);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.inner.running.store(false, Ordering::Release);
    }
}

/// Enough for handlers that wait for something else most of the time.
const CONCURRENCY: usize = 16;
/// What the node leases at most.
const MOST_CONCURRENCY: usize = 256;
/// For an operation that the node answers at once, while it may just be coming back.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
