//! Trust (design §5): who knocks, who is let in, what follows from a grant's beginning and end.

pub(super) mod answers;
pub(super) mod decisions;
pub(super) mod follow;
pub(super) mod knocks;
pub(super) mod peers;
pub(super) mod who;

pub use who::Operator;
