//! empty/1.0: a message that says nothing but its headers (EMP-01).

use serde::{Deserialize, Serialize};

use super::Body;

/// A message without content, for example an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Empty {}

impl Body for Empty {
    const TYPE: &'static str = "https://didcomm.org/empty/1.0/empty";
}
