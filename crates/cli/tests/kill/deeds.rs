//! What the load consists of: which kinds of messages there are, and what an agent does with each.

use comity_testkit::PROTOCOL;

/// A kind of message, named by the last part of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Asked for by somebody who waits; answered in its settlement.
    Ask,
    /// Settled done.
    Note,
    /// Given back for another attempt once, then settled done.
    Again,
    /// Settled together with a reply, and with a message in another thread.
    Request,
    /// The reply.
    Response,
    /// The message in another thread.
    Aside,
}

/// Kinds that the streams of a sender consist of.
pub(crate) const STREAMS: [Kind; 4] = [Kind::Note, Kind::Request, Kind::Again, Kind::Request];

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Note => "note",
            Self::Again => "again",
            Self::Request => "request",
            Self::Response => "response",
            Self::Aside => "aside",
        }
    }

    pub(crate) fn uri(self) -> String {
        format!("{PROTOCOL}/{}", self.name())
    }

    pub(crate) fn of(uri: &str) -> Self {
        let kinds = [
            Self::Ask,
            Self::Note,
            Self::Again,
            Self::Request,
            Self::Response,
            Self::Aside,
        ];
        kinds.into_iter().find(|kind| kind.uri() == uri).unwrap()
    }
}

/// What an agent does with a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Done,
    Retry,
    /// Done, with the messages (kind, label) that it causes.
    DoneWith(Vec<(Kind, String)>),
}

/// The same for every agent and every attempt.
pub(crate) fn deed(kind: Kind, label: &str, attempt: u32) -> Deed {
    match kind {
        Kind::Note | Kind::Response | Kind::Aside => Deed::Done,
        Kind::Again if attempt == 1 => Deed::Retry,
        Kind::Again => Deed::Done,
        Kind::Ask => Deed::DoneWith(vec![(Kind::Response, response(label))]),
        Kind::Request => Deed::DoneWith(vec![
            (Kind::Response, response(label)),
            (Kind::Aside, aside(label)),
        ]),
    }
}

/// What else comes of a message with this label, once it is settled.
pub(crate) fn consequences(kind: Kind, label: &str) -> Vec<String> {
    match kind {
        Kind::Ask => vec![response(label)],
        Kind::Request => vec![response(label), aside(label)],
        _ => Vec::new(),
    }
}

fn response(label: &str) -> String {
    format!("re:{label}")
}

fn aside(label: &str) -> String {
    format!("aside:{label}")
}
