//! Bounds on JSON that comes from outside, as the strict parser takes them.

use comity_engine::defaults;
use comity_jose::json::Limits;

/// A plaintext message.
pub(crate) const PLAINTEXT: Limits = Limits {
    bytes: defaults::PLAINTEXT_BYTES_MAX,
    depth: defaults::JSON_DEPTH_MAX,
    members: defaults::JSON_NODES_MAX,
};

/// An envelope on the wire.
pub(crate) const ENVELOPE: Limits = Limits {
    bytes: defaults::ENVELOPE_BYTES_MAX,
    depth: defaults::JSON_DEPTH_MAX,
    members: defaults::JSON_NODES_MAX,
};
