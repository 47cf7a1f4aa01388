//! What `send` and `ask` take alike.

use super::body;
use crate::exit::Trouble;
use crate::show::{time, words};
use clap::Args;
use comity::Outgoing;

/// As whom.
#[derive(Debug, Args)]
pub(crate) struct Who {
    /// As which agent [default: the only one]
    #[arg(long = "as", value_name = "AGENT")]
    pub(crate) agent: Option<String>,
}

/// The message.
#[derive(Debug, Args)]
pub(crate) struct What {
    /// The peer: a handle (bruno@agents.org-b.com) or a DID
    to: String,
    /// The message type URI; DIDComm's own in short, such as basicmessage/2.0/message
    #[arg(value_name = "TYPE")]
    type_: String,
    /// The body, a JSON object: as it stands, @FILE, or - for standard input. For a
    /// basicmessage/2.0/message plain words will do
    #[arg(value_name = "BODY")]
    body: Option<String>,
    /// An id of your own: saying the same again under it is no second message
    #[arg(long)]
    id: Option<String>,
    /// In this thread
    #[arg(long, value_name = "THID")]
    thread: Option<String>,
    /// Why you want to work with the peer, for its operator; at most 280 characters
    #[arg(long, value_name = "WORDS")]
    purpose: Option<String>,
    /// Digest of a message that this one was made from; may be repeated
    #[arg(long = "cause", value_name = "DIGEST")]
    causes: Vec<String>,
    /// When it expires: 12h, 30d, 2026-12-24 [default: in three days]
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
}

impl What {
    /// The message, its body read, and the id that it gets.
    pub(crate) fn message(&self) -> Result<(Outgoing, String), Trouble> {
        let type_ = words::full_type(&self.type_);
        let body = body::read(self.body.as_deref(), &type_)?;
        let mut message = Outgoing::new(type_, body).to(&self.to).causes(&self.causes);
        let id = self.id.clone();
        let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        message = message.id(&id);
        if let Some(thread) = &self.thread {
            message = message.thread(thread);
        }
        if let Some(purpose) = &self.purpose {
            message = message.purpose(purpose);
        }
        if let Some(expires) = &self.expires {
            message = message.expires_time(time::until(expires)?);
        }
        Ok((message, id))
    }
}
