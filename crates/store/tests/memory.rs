//! The memory backend passes the suite, and thereby shows that the suite can be passed.

use comity_store::{ManualClock, Memory, Store};

fn make(clock: ManualClock) -> (Store, ()) {
    (Store::new(Memory::new(clock)), ())
}

comity_store::conformance!(make);
