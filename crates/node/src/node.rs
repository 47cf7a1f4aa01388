//! The composition root: opens the place, puts the parts together, runs the tasks and the doors.

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, OpenError, Opened};
use crate::custody::{BoxFuture, NodeHeld};
use crate::doors;
use crate::fail;
use crate::journey::{Core, CoreError, Parts};
use crate::resolve::{Http, Resolver};
use comity_api::Problem;
use comity_engine::Timestamp;
use comity_jose::SystemEntropy;
use comity_store::{Store, StoreError};
use comity_store_sqlite::{Options, Sqlite};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A node that runs. End it in good order with [`Node::stop`] or [`Node::run_until`]; dropping it
/// ends its tasks at once, which loses nothing that was acknowledged.
#[derive(Debug)]
pub struct Node {
    core: Arc<Core>,
    stop: CancellationToken,
    tasks: JoinSet<&'static str>,
}

/// A task of the node ended although nobody asked it to: a defect, and reason to start anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node's task `{0}` ended by itself; start the node again and report this")]
pub struct TaskEnded(&'static str);

/// Why a node cannot start. Nothing was changed that a later start would trip over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The home directory, a port or the master key.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database.
    #[error("the database cannot be used")]
    Store(#[from] StoreError),
    /// What the database holds cannot be used with this master key.
    #[error("the node's state cannot be loaded")]
    State(#[from] CoreError),
}

impl StartError {
    /// What happened, what it means, what to type.
    #[must_use]
    pub fn problem(&self) -> Problem {
        match self {
            Self::Open(error) => error.problem(),
            Self::Store(error) => {
                let next = match error {
                    StoreError::Corrupt(_) => "restore comity.db and master.key from a backup",
                    StoreError::Locked => "stop the other process, or give this one another --home",
                    StoreError::Unwritable(_) => "free space, or make the directory writable",
                    _ => "comity doctor",
                };
                Problem::new("e.m.me.res.storage", "the node's database cannot be used")
                    .detail(error.to_string())
                    .next(next)
            }
            Self::State(error) => Problem::new("e.m.me", "the node's state cannot be loaded")
                .detail(error.to_string())
                .next("was master.key replaced? it must be the one this database was made with"),
        }
    }
}

impl Node {
    /// Starts a node.
    ///
    /// # Errors
    /// [`StartError`]; [`StartError::problem`] says what to type.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let Opened {
            site,
            master,
            wire,
            agent_door,
            operator,
            operator_web,
        } = config.open().await?;
        let clock = site
            .seams()
            .clock
            .clone()
            .unwrap_or_else(|| Arc::new(SystemClock));
        let options = {
            let mut options = Options::default();
            options.on_fail_point = fail::point;
            options
        };
        let path = site.database();
        let store_clock = StoreClock(Arc::clone(&clock));
        let opened =
            tokio::task::spawn_blocking(move || Sqlite::open_with(path, store_clock, options));
        let store = Store::new(opened.await.map_err(|_| StoreError::Closed)??);
        let entropy = Arc::new(SystemEntropy);
        let http = Http::new(&site);
        let core = Core::start(Parts {
            store,
            clock: Arc::clone(&clock),
            custody: NodeHeld::new(master, entropy.clone()),
            entropy,
            resolver: Resolver::new(http.clone(), clock),
            http,
            site,
        })
        .await?;
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let mut run = |name: &'static str, task: BoxFuture<'static, ()>| {
            let stop = stop.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = task => {}
                }
                name
            });
        };
        run("sequencer", Box::pin(Arc::clone(&core).sequence_forever()));
        run("delivery", Box::pin(Arc::clone(&core).deliver_forever()));
        run(
            "receipts",
            Box::pin(Arc::clone(&core).give_receipts_forever()),
        );
        run("decisions", Box::pin(Arc::clone(&core).sweep_forever()));
        run("knocks", Box::pin(Arc::clone(&core).knock_forever()));
        run(
            "vouches",
            Box::pin(Arc::clone(&core).watch_vouches_forever()),
        );
        run(
            "webhooks",
            Box::pin(Arc::clone(&core).post_webhooks_forever()),
        );
        run("expiry", Box::pin(Arc::clone(&core).expire_forever()));
        // Doors stop by themselves: they give requests under way a moment.
        let doors: [(&'static str, BoxFuture<'static, ()>); 3] = [
            (
                "wire door",
                Box::pin(doors::wire::serve(wire, Arc::clone(&core), stop.clone())),
            ),
            (
                "agent's door",
                Box::pin(doors::agent::serve(
                    agent_door,
                    Arc::clone(&core),
                    stop.clone(),
                )),
            ),
            (
                "operator's door",
                Box::pin(doors::operator::serve(
                    operator,
                    Arc::clone(&core),
                    stop.clone(),
                )),
            ),
        ];
        let web = operator_web.map(|listener| -> (&'static str, BoxFuture<'static, ()>) {
            let door = doors::operator::serve_web(listener, Arc::clone(&core), stop.clone());
            ("operator's page", Box::pin(door))
        });
        for (name, door) in doors.into_iter().chain(web) {
            tasks.spawn(async move {
                door.await;
                name
            });
        }
        Ok(Self { core, stop, tasks })
    }

    /// What the doors serve.
    #[must_use]
    pub const fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Runs until `stop` resolves, or until somebody asks through the operator's door.
    ///
    /// # Errors
    /// [`TaskEnded`] if a part of the node ended by itself.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), TaskEnded> {
        let ended = tokio::select! {
            () = stop => None,
            () = self.stop.cancelled() => None,
            ended = self.tasks.join_next() => Some(ended),
        };
        let ended = ended.filter(|_| !self.stop.is_cancelled());
        self.stop().await;
        match ended {
            None => Ok(()),
            Some(Some(Ok(name))) => Err(TaskEnded(name)),
            Some(_) => Err(TaskEnded("unknown")),
        }
    }

    /// Stops the doors and tasks and waits for them. What was acknowledged is durable already.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        // Hand-overs that were under way end at their next step; until then they hold the store and
        // the directory's lock. Whoever keeps the core for himself is not waited for.
        for _ in 0..500 {
            if Arc::strong_count(&self.core) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// The node's clock, as the store wants it.
struct StoreClock(Arc<dyn Clock>);

impl comity_store::Clock for StoreClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}
