//! The composition root: opens the place, puts the parts together, runs the tasks and the doors.

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, OpenError, Opened};
use crate::custody::NodeHeld;
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
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A node that runs. Stop it with [`Node::stop`]; dropping it leaves its tasks running.
#[derive(Debug)]
pub struct Node {
    core: Arc<Core>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

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
        let Opened { site, master, wire, agent_door, operator } = config.open().await?;
        let clock = site.seams().clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let options = {
            let mut options = Options::default();
            options.on_fail_point = fail::point;
            options
        };
        let path = site.database();
        let store_clock = StoreClock(Arc::clone(&clock));
        let opened = tokio::task::spawn_blocking(move || {
            Sqlite::open_with(path, store_clock, options)
        });
        let store = Store::new(opened.await.map_err(|_| StoreError::Closed)??);
        let entropy = Arc::new(SystemEntropy);
        let http = Http::new(&site);
        let core = Core::start(Parts {
            store,
            clock,
            custody: NodeHeld::new(master, entropy.clone()),
            entropy,
            resolver: Resolver::new(http.clone()),
            http,
            site,
        })
        .await?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let run = |task: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let stop = stop.clone();
            tasks.spawn(async move { tokio::select! { () = stop.cancelled() => {}, () = task => {} } });
        };
        run(Box::pin(Arc::clone(&core).sequence_forever()));
        run(Box::pin(Arc::clone(&core).deliver_forever()));
        run(Box::pin(Arc::clone(&core).give_receipts_forever()));
        run(Box::pin(Arc::clone(&core).knock_forever()));
        run(Box::pin(Arc::clone(&core).expire_forever()));
        tasks.spawn(doors::wire::serve(wire, Arc::clone(&core), stop.clone()));
        tasks.spawn(doors::agent::serve(agent_door, Arc::clone(&core), stop.clone()));
        tasks.spawn(doors::operator::serve(operator, Arc::clone(&core), stop.clone()));
        Ok(Self { core, stop, tasks })
    }

    /// What the doors serve.
    #[must_use]
    pub const fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Resolves when somebody asked the node to stop through a door.
    pub async fn asked_to_stop(&self) {
        self.stop.cancelled().await;
    }

    /// Stops the doors and tasks and waits for them. What was acknowledged is durable already.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The node's clock, as the store wants it.
struct StoreClock(Arc<dyn Clock>);

impl comity_store::Clock for StoreClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}
