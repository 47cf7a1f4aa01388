//! The memory backend, for tests.
