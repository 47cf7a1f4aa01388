//! The decisions of a Comity node as pure functions: trust, delivery, order, retry.
