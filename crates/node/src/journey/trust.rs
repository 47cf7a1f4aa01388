//! Trust (design §5): who knocks, who is let in, what follows from a grant's beginning and end.

pub(super) mod answers;
pub(super) mod decided;
pub(super) mod decisions;
pub(super) mod explain;
pub(super) mod follow;
pub(super) mod grants;
pub(super) mod holding;
pub(super) mod invite;
pub(super) mod knocks;
pub(super) mod offers;
pub(super) mod operators;
pub(super) mod peers;
pub(super) mod rights;
pub(super) mod rulebook;
pub(super) mod rules;
pub(super) mod statuses;
pub(super) mod vouched;
pub(super) mod vouches;
pub(super) mod who;

pub use who::Operator;
