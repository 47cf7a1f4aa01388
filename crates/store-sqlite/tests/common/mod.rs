//! What the tests of SQLite share.

#![allow(dead_code, reason = "each test program uses a part")]

pub(crate) use comity_store::conformance::{block_on, samples};

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

const CHILD: &str = "COMITY_TEST_CHILD";

/// This program again, running the one test `name` as a child on a database.
pub(crate) fn child(name: &str, path: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, path);
    command
}

/// The database, if this process is a child.
pub(crate) fn child_path() -> Option<OsString> {
    std::env::var_os(CHILD)
}

/// Units that are known by a number.
pub(crate) mod numbered {
    use super::samples::{self, did, id};
    use comity_store::{EntryRow, Incoming, Outgoing, StoreError, Tx};

    pub(crate) fn outgoing(n: u64) -> Outgoing {
        samples::outgoing("bruno", &format!("t{n}"), 1)
    }

    pub(crate) fn incoming(n: u64) -> Incoming {
        samples::incoming("carla", &format!("u{n}"), 1)
    }

    pub(crate) fn body(n: u64) -> Vec<u8> {
        format!("{n} ").repeat(500).into_bytes()
    }

    /// Writes to every kind of table, and changes a row that all units share.
    pub(crate) fn write(tx: &mut dyn Tx, n: u64) -> Result<(), StoreError> {
        let (out, inn) = (outgoing(n), incoming(n));
        tx.put_message(&out.digest, &body(n))?;
        tx.put_outgoing(&out)?;
        tx.put_incoming(&inn)?;
        tx.put_event(&did("aria"), &id(&format!("t{n}-1")))?;
        let sum = tx
            .meta("sum")?
            .map_or(0, |octets| octets.try_into().map_or(0, u64::from_be_bytes));
        tx.set_meta("sum", &(sum + n).to_be_bytes())?;
        let record = Some(n.to_string().into_bytes());
        tx.append_entry(&EntryRow {
            record,
            ..samples::entry(1, None)
        })?;
        Ok(())
    }
}
