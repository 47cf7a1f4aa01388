//! Comity's storage contract by aggregate, its memory backend and its conformance suite.
