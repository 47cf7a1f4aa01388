use crate::{Agent, Ask, Error, Result, Sending};
use comity_api::agent as api;
use serde::Serialize;
use serde_json::Value;

/// A message to send, in the making.
///
/// [`Agent::send`] and [`Agent::ask`] build one in passing. On its own it is for programs that put
/// one together piece by piece, and for what goes with a settlement:
/// [`Reply::also`](crate::Reply::also).
#[derive(Debug)]
pub struct Outgoing {
    send: api::Send,
    unwritable: Option<serde_json::Error>,
}

impl Outgoing {
    /// A message of this type and body. In a reply the last part of the type will do
    /// (`response`); the body must be a JSON object.
    pub fn new(type_: impl Into<String>, body: impl Serialize) -> Self {
        let (body, unwritable) = match object(body) {
            Ok(body) => (body, None),
            Err(why) => (Value::Null, Some(why)),
        };
        let type_ = type_.into();
        Self {
            send: api::Send {
                type_,
                body,
                ..api::Send::default()
            },
            unwritable,
        }
    }

    /// To whom: a DID, or a handle such as `bruno@agents.org-b.com`.
    #[must_use]
    pub fn to(mut self, to: impl Into<String>) -> Self {
        self.send.to = Some(to.into());
        self
    }

    /// Under your own id, 1 to 64 unreserved characters. Sending the same again is no second
    /// message; sending other content under it is an error.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.send.id = Some(id.into());
        self
    }

    /// In this thread.
    #[must_use]
    pub fn thread(mut self, thid: impl Into<String>) -> Self {
        self.send.thid = Some(thid.into());
        self
    }

    /// As a child of this thread.
    #[must_use]
    pub fn parent_thread(mut self, pthid: impl Into<String>) -> Self {
        self.send.pthid = Some(pthid.into());
        self
    }

    /// Names the messages that this one was made from, by [digest](crate::Message::digest): at
    /// most 64. It asserts that they were used, and shows in both records.
    #[must_use]
    pub fn causes<I>(mut self, causes: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let mut all = self.send.causes.take().unwrap_or_default();
        all.extend(causes.into_iter().map(Into::into));
        self.send.causes = (!all.is_empty()).then_some(all);
        self
    }

    /// When it expires, UTC seconds; in three days if you don't say, in 30 at most.
    #[must_use]
    pub const fn expires_time(mut self, at: u64) -> Self {
        self.send.expires_time = Some(at);
        self
    }

    /// Why you want to work with the recipient. Shown to their operator if your node has to knock.
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.send.purpose = Some(purpose.into());
        self
    }

    /// About to be sent by `agent`; await it.
    pub fn send_as(self, agent: &Agent) -> Sending {
        Sending::new(agent.clone(), self)
    }

    /// About to be asked by `agent`; await it.
    pub fn ask_as(self, agent: &Agent) -> Ask {
        Ask::new(agent.clone(), self)
    }

    pub(crate) fn into_send(self) -> Result<api::Send> {
        match self.unwritable {
            None => Ok(self.send),
            Some(source) => Err(Error::Encode {
                type_: self.send.type_,
                source,
            }),
        }
    }
}

/// A body is an object: anything else is a mistake better found here than at the node.
fn object(body: impl Serialize) -> Result<Value, serde_json::Error> {
    match serde_json::to_value(body)? {
        Value::Null => Ok(Value::Object(serde_json::Map::new())),
        body @ Value::Object(_) => Ok(body),
        _ => Err(serde::ser::Error::custom("a body is a JSON object")),
    }
}

/// The setters of [`Outgoing`] for a builder that holds one as `outgoing`.
macro_rules! outgoing_setters {
    () => {
        /// Under your own id, 1 to 64 unreserved characters. Sending the same again is no second
        /// message; sending other content under it is an error.
        pub fn id(mut self, id: impl Into<String>) -> Self {
            self.outgoing = self.outgoing.id(id);
            self
        }

        /// In this thread.
        pub fn thread(mut self, thid: impl Into<String>) -> Self {
            self.outgoing = self.outgoing.thread(thid);
            self
        }

        /// As a child of this thread.
        pub fn parent_thread(mut self, pthid: impl Into<String>) -> Self {
            self.outgoing = self.outgoing.parent_thread(pthid);
            self
        }

        /// Names the messages that this one was made from, by
        /// [digest](crate::Message::digest); at most 64.
        pub fn causes<I>(mut self, causes: I) -> Self
        where
            I: IntoIterator,
            I::Item: Into<String>,
        {
            self.outgoing = self.outgoing.causes(causes);
            self
        }

        /// When it expires, UTC seconds; in three days if you don't say, in 30 at most.
        pub fn expires_time(mut self, at: u64) -> Self {
            self.outgoing = self.outgoing.expires_time(at);
            self
        }

        /// Why you want to work with the recipient; at most 280 characters. Shown to their
        /// operator if your node has to knock.
        pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
            self.outgoing = self.outgoing.purpose(purpose);
            self
        }
    };
}
pub(crate) use outgoing_setters;
