//! Handling deliveries: at most so many at once, each settled once.
//!
//! While a handler runs, its lease is extended. When the node was away meanwhile it may offer the
//! same delivery again under another lease: the handler that runs goes on and settles under the
//! newest lease, and no second one starts. What is offered again because it was given back may come
//! before the worker that gave it back has ended: then it is handled after that.

mod work;

use crate::{Agent, Failure, Message, Reply, Result};
use comity_api::agent as api;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What handles which type.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(crate) by_type: BTreeMap<String, Handler>,
    pub(crate) any: Option<Handler>,
}

/// One handler, its types erased.
#[derive(Clone)]
pub(crate) struct Handler(Arc<dyn Fn(Message) -> Handling + Send + Sync>);

type Handling = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

impl Handler {
    pub(crate) fn new<F, Fut>(handler: F) -> Self
    where
        F: Fn(Message) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply, Failure>> + Send + 'static,
    {
        Self(Arc::new(move |message| Box::pin(handler(message))))
    }

    fn handle(&self, message: Message) -> Handling {
        (self.0)(message)
    }
}

/// Serves until `stop`, then lets what runs finish.
pub(crate) async fn serve(
    agent: &Agent,
    room: usize,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    let mut deliveries = agent.link().serve(room).await?;
    let mut desk = Desk::new(agent, room);
    let mut stop = pin!(stop);
    let mut stopping = false;
    while !(stopping && desk.is_idle()) {
        tokio::select! {
            () = &mut stop, if !stopping => {
                agent.link().rest().await;
                desk.clear();
                stopping = true;
            }
            Some(finished) = desk.tasks.join_next(), if !desk.tasks.is_empty() => {
                // A worker catches its handler's panics; it doesn't panic itself.
                if let Ok(worked) = finished {
                    desk.finish(&worked, stopping);
                }
            }
            delivery = deliveries.recv(), if !stopping || !desk.tasks.is_empty() => match delivery {
                Some(delivery) => desk.take(delivery, stopping),
                // We rest, or the node won't have us back.
                None if stopping => desk.drain().await,
                None => return Err(agent.link().closed()),
            },
        }
    }
    Ok(())
}

/// What is being handled, and what waits to be.
struct Desk<'a> {
    agent: &'a Agent,
    room: usize,
    tasks: JoinSet<work::Worked>,
    running: HashMap<String, Running>,
    waiting: VecDeque<api::Delivery>,
}

/// A delivery that is being handled.
struct Running {
    /// Its newest lease.
    lease: watch::Sender<work::Lease>,
    /// How it was offered last, if that was again.
    again: Option<api::Delivery>,
}

impl<'a> Desk<'a> {
    fn new(agent: &'a Agent, room: usize) -> Self {
        Self {
            agent,
            room,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    fn take(&mut self, delivery: api::Delivery, stopping: bool) {
        if let Some(running) = self.running.get_mut(&delivery.delivery) {
            running.lease.send_replace(work::Lease::of(&delivery));
            running.again = Some(delivery);
        } else if stopping {
            // Not begun: the node offers it again.
        } else if self.tasks.len() < self.room {
            self.start(delivery);
        } else if self.waiting.len() < self.room {
            // After a reconnect the node may not count what still runs.
            self.waiting
                .retain(|other| other.delivery != delivery.delivery);
            self.waiting.push_back(delivery);
        }
    }

    fn start(&mut self, delivery: api::Delivery) {
        let (lease, leased) = watch::channel(work::Lease::of(&delivery));
        let running = Running { lease, again: None };
        self.running.insert(delivery.delivery.clone(), running);
        self.tasks
            .spawn(work::work(self.agent.clone(), delivery, leased));
    }

    fn finish(&mut self, worked: &work::Worked, stopping: bool) {
        let again = self.running.remove(&worked.delivery);
        if let Some(again) = again.and_then(|running| running.again)
            && again.lease != worked.lease
        {
            // It ended without having seen this lease.
            self.take(again, stopping);
        } else if let Some(next) = self.waiting.pop_front() {
            self.start(next);
        }
    }

    fn clear(&mut self) {
        self.waiting.clear();
    }

    async fn drain(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
