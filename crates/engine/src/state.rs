//! The states of a message at its sender, and of a delivery at its recipient (formats §11).

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// The word used in JSON, in the database and on the command line.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Reads the word; `None` if it is not one of them.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where a message of ours is. Forward only; skipping is allowed, going back never.
    OutState {
        /// Durable here and waiting on somebody ([`WaitingOn`]).
        Held = "held",
        /// Durable here, to be handed over.
        Queued = "queued",
        /// The peer's transport took it. Nothing is signed.
        Sent = "sent",
        /// The recipient's node has it durably and says so.
        Received = "received",
        /// An agent has it. A hint, never signed.
        Delivered = "delivered",
        /// The agent reported it done.
        Done = "done",
        /// The agent, or its node for it, gave it up.
        Rejected = "rejected",
        /// Policy refused it.
        Refused = "refused",
        /// It was not taken in time.
        Expired = "expired",
        /// Its sender, or a revocation, withdrew it.
        Cancelled = "cancelled",
        /// It cannot be delivered.
        Failed = "failed",
    }
}

impl OutState {
    /// True for the ends: nothing is applied after them.
    #[must_use]
    pub const fn is_end(self) -> bool {
        !matches!(
            self,
            Self::Held | Self::Queued | Self::Sent | Self::Received | Self::Delivered
        )
    }

    /// True if `next` may follow `self`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        !self.is_end() && next > self
    }
}

words! {
    /// What a held message waits on.
    WaitingOn {
        /// Our operator must let us knock.
        Operator = "operator",
        /// The peer has not answered our knock.
        Grant = "grant",
        /// The agent has not signed yet.
        Signature = "signature",
    }
}

words! {
    /// Where a delivery is.
    InState {
        /// To be offered to the agent.
        Ready = "ready",
        /// With the agent until its lease ends.
        Leased = "leased",
        /// Waits for a person to answer the agent's question.
        Parked = "parked",
        /// Settled; nothing follows.
        Settled = "settled",
        /// Given up after its attempts.
        Dead = "dead",
    }
}

words! {
    /// What a state of a message rests on, as shown to its sender.
    Proved {
        /// A receipt signed by a key of the recipient's DID.
        Receipt = "receipt",
        /// Nobody's signature.
        None = "none",
    }
}

/// What became of an accepted message at its recipient, as a receipt states it.
pub use comity_record::ReceiptState;

impl From<ReceiptState> for OutState {
    fn from(state: ReceiptState) -> Self {
        match state {
            ReceiptState::Received => Self::Received,
            ReceiptState::Done => Self::Done,
            ReceiptState::Rejected => Self::Rejected,
            ReceiptState::Refused => Self::Refused,
            ReceiptState::Expired => Self::Expired,
            // Whatever a later version states, the recipient's node had the message.
            _ => Self::Received,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [OutState; 11] = [
        OutState::Held,
        OutState::Queued,
        OutState::Sent,
        OutState::Received,
        OutState::Delivered,
        OutState::Done,
        OutState::Rejected,
        OutState::Refused,
        OutState::Expired,
        OutState::Cancelled,
        OutState::Failed,
    ];

    #[test]
    fn states_only_move_forward_and_never_leave_an_end() {
        for from in ALL {
            for to in ALL {
                if from.may_become(to) {
                    assert!(to > from && !from.is_end(), "{from} -> {to}");
                    assert!(!to.may_become(from), "{to} -> {from}");
                }
            }
        }
        assert!(
            OutState::Queued.may_become(OutState::Done),
            "skipping forward is allowed"
        );
    }

    #[test]
    fn words_read_back() {
        for state in ALL {
            assert_eq!(OutState::from_word(state.as_str()), Some(state));
        }
    }
}
