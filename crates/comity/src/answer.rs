use crate::link::Frame;
use crate::{Agent, Message, Reply, Result};
use comity_api::agent as api;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

/// The answer to a question: a [`Message`].
///
/// It is settled already, unless you asked for it [`unsettled`](crate::Ask::unsettled).
#[derive(Debug)]
pub struct Answer {
    message: Message,
    settled: AtomicBool,
}

impl Answer {
    pub(crate) fn new(agent: Agent, delivery: api::Delivery) -> Result<Self> {
        // Without a lease it was settled before, perhaps by a process that did not live to use it.
        let settled = AtomicBool::new(delivery.lease.is_empty());
        Ok(Self {
            message: Message::new(agent, delivery)?,
            settled,
        })
    }

    /// Settles it as done; nothing if that was said already.
    ///
    /// # Errors
    /// [`Error::Node`](crate::Error::Node) with `e.m.req.lease-lost` when its lease ran out
    /// meanwhile (a minute): [resume](Agent::resume) to get it again.
    pub async fn done(&self) -> Result<()> {
        self.settle(Reply::done()).await
    }

    /// Settles it with a reply of yours, or a rejection; nothing if it is settled already.
    ///
    /// # Errors
    /// As [`done`](Self::done).
    pub async fn settle(&self, reply: Reply) -> Result<()> {
        if self.settled.load(Ordering::Acquire) {
            return Ok(());
        }
        let delivery = self.message.delivery();
        let mut settlement = reply.into_settlement(&delivery.delivery)?;
        settlement.lease.clone_from(&delivery.lease);
        let frame = Frame::settle(&settlement);
        self.message.agent().link().ask(frame).await?;
        self.settled.store(true, Ordering::Release);
        Ok(())
    }

    /// The message itself.
    pub fn into_message(self) -> Message {
        self.message
    }
}

impl Deref for Answer {
    type Target = Message;

    fn deref(&self) -> &Message {
        &self.message
    }
}
