use crate::{Agent, Error, Result};
use comity_api::agent as api;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// What your node proved about a message, why it let it in, and what became of a question about it.
pub use comity_api::agent::{Answered, Context};

/// A message that was handed to you. Its author was proved and a grant covers it.
///
/// Cheap to clone. Handling it doesn't settle it: what your handler returns does.
#[derive(Clone, Debug)]
pub struct Message {
    agent: Agent,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    delivery: api::Delivery,
    id: String,
    type_: String,
    from: String,
    thid: String,
}

impl Message {
    pub(crate) fn new(agent: Agent, delivery: api::Delivery) -> Result<Self> {
        let text = |name: &'static str| {
            let member = delivery.message.get(name);
            member.and_then(Value::as_str).map(str::to_owned)
        };
        let must = |name: &'static str| {
            text(name).ok_or_else(|| Error::Unsupported {
                what: name,
                value: delivery.message[name].to_string(),
            })
        };
        let id = must("id")?;
        let inner = Inner {
            type_: must("type")?,
            from: must("from")?,
            thid: text("thid").unwrap_or_else(|| id.clone()),
            id,
            delivery,
        };
        Ok(Self {
            agent,
            inner: Arc::new(inner),
        })
    }

    /// The body as a `T`.
    ///
    /// # Errors
    /// [`Error::Body`]; returned from a handler with `?`, the sender gets it as a rejection that
    /// says what was wrong with its message.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(self.body_value()).map_err(|source| Error::Body {
            type_: self.inner.type_.clone(),
            source,
        })
    }

    /// The body as it came.
    pub fn body_value(&self) -> &Value {
        &self.inner.delivery.message["body"]
    }

    /// The sender's DID, proved.
    pub fn sender(&self) -> &str {
        &self.inner.from
    }

    /// Its type URI.
    pub fn message_type(&self) -> &str {
        &self.inner.type_
    }

    /// Its id, chosen by the sender.
    pub fn id(&self) -> &str {
        &self.inner.id
    }

    /// Its thread.
    pub fn thid(&self) -> &str {
        &self.inner.thid
    }

    /// Its digest: what to name it by in [causes](crate::Outgoing::causes).
    pub fn digest(&self) -> &str {
        &self.inner.delivery.context.digest
    }

    /// Digests of the messages that the sender says it was made from.
    pub fn causes(&self) -> impl Iterator<Item = &str> {
        let causes = self.inner.delivery.message["causes"].as_array();
        causes.into_iter().flatten().filter_map(Value::as_str)
    }

    /// 1 the first time it is offered to you. More means that an earlier handling may have
    /// happened, in whole or in part, and didn't settle.
    pub fn attempt(&self) -> u32 {
        self.inner.delivery.attempt
    }

    /// What became of your question, if you [parked](crate::Reply::park) this message before.
    pub fn answer(&self) -> Option<&Answered> {
        self.inner.delivery.context.answer.as_ref()
    }

    /// Who, how proved, why allowed.
    pub fn context(&self) -> &Context {
        &self.inner.delivery.context
    }

    /// Every member of the plaintext.
    pub fn plaintext(&self) -> &Value {
        &self.inner.delivery.message
    }

    /// The agent it was handed to: to send something else from within a handler. (Such a message
    /// goes out even if the handler then fails; one in [`Reply::also`](crate::Reply::also) commits
    /// with the settlement.)
    pub const fn agent(&self) -> &Agent {
        &self.agent
    }

    pub(crate) fn delivery(&self) -> &api::Delivery {
        &self.inner.delivery
    }
}
