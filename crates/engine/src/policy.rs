//! What an operator has decided in advance: rules that let strangers in without asking him again.
//!
//! A rule never acts by itself: it says yes in his place to a knock ([`consider`]), or to the first
//! message of a peer that cannot knock ([`admit`]), and what begins is an
//! ordinary grant between two DIDs, no wider than the rule, which names the rule. So everything
//! that holds for grants (both nodes know it, it is counted, it ends with one command) holds for
//! what a rule let in. A block beats every rule, and so does an operator's revocation: whoever was
//! thrown out asks a person.

mod knock;
mod rule;

pub use knock::{Answer, FirstMessage, Misfit, RuleState, Stranger, Vouched, admit, consider};
pub use rule::{Admits, Rule, RuleError, Who};
