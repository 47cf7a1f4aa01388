use comity_api::Problem;
use std::fmt;
use std::path::PathBuf;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between an agent and its node.
///
/// `Debug` prints the same as `Display`, with the causes and what to do next, so that
/// `async fn main() -> comity::Result<()>` ends in words for a person.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// [`Agent::run`](crate::Agent::run) is running already.
    #[error("this agent is being run already")]
    AlreadyRunning,
    /// The body of a message is not what you asked for.
    #[error("the body of {type_} is not what was expected")]
    Body {
        /// The message's type.
        type_: String,
        /// What was found instead.
        source: serde_json::Error,
    },
    /// A body of yours can't be written as JSON.
    #[error("the body of {type_} can't be written as JSON")]
    Encode {
        /// The message's type.
        type_: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Only one of `COMITY_URL` and `COMITY_TOKEN` is set.
    #[error("{set} is set, but {missing} is not")]
    HalfSet {
        /// The one that is set.
        set: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// The node refused; its words.
    #[error("{0}")]
    Node(Box<Problem>),
    /// No token file for this agent.
    #[error("no agent {name:?} here: {} is missing", path.display())]
    NoToken {
        /// The agent.
        name: String,
        /// Where its token should be.
        path: PathBuf,
    },
    /// The token speaks for somebody else.
    #[error("this token speaks for {actual:?}, not for {wanted:?}")]
    OtherAgent {
        /// Who was to be opened.
        wanted: String,
        /// Whose token it is.
        actual: String,
    },
    /// A token file that can't be read.
    #[error("can't read {}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The node doesn't know the token.
    #[error("the node at {url} doesn't know this token")]
    Unauthorized {
        /// The node's agent door.
        url: String,
    },
    /// No node answers, or not in time.
    #[error("no node answers at {url}")]
    Unreachable {
        /// The node's agent door.
        url: String,
        /// What the network said, if it said something.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The node says something that this version doesn't know.
    #[error("the node's {what} {value:?} is newer than this program")]
    Unsupported {
        /// Which member.
        what: &'static str,
        /// Its value.
        value: String,
    },
    /// Not a URL of an agent's door.
    #[error("{url:?} is not the address of an agent's door")]
    Url {
        /// What was given.
        url: String,
    },
}

impl Error {
    /// What to do next, if that is known here; often a command to type.
    pub fn next(&self) -> Option<String> {
        match self {
            Self::HalfSet { missing, .. } => Some(format!(
                "set {missing} too, or unset both to use the local node"
            )),
            Self::Node(problem) => problem.next.clone(),
            Self::NoToken { name, .. } => Some(format!("comity agent create {name}")),
            Self::OtherAgent { .. } | Self::Unauthorized { .. } => Some(
                "comity agent   (COMITY_URL and COMITY_TOKEN go before the token file)".to_owned(),
            ),
            Self::Unreachable { .. } => Some("comity up".to_owned()),
            Self::Unsupported { .. } => Some("update this program".to_owned()),
            Self::Url { .. } => Some("http://HOST:PORT, as in agents/NAME.json".to_owned()),
            Self::AlreadyRunning
            | Self::Body { .. }
            | Self::Encode { .. }
            | Self::TokenFile { .. } => None,
        }
    }

    /// The problem code, if the node gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Node(problem) => Some(&problem.code),
            _ => None,
        }
    }

    /// How long the node wants to be left alone, if trying again can help.
    pub(crate) fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Node(problem) => problem.retry_after_s.map(std::time::Duration::from_secs),
            _ => None,
        }
    }

    pub(crate) fn is_lease_lost(&self) -> bool {
        self.code() == Some("e.m.req.lease-lost")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            write!(f, "\n  because: {cause}")?;
            source = cause.source();
        }
        match self {
            Self::Node(_) => Ok(()), // a problem prints its own next step
            _ => self.next().map_or(Ok(()), |next| write!(f, "\n  → {next}")),
        }
    }
}
