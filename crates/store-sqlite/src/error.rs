//! What SQLite's errors mean to the operator.

use comity_store::StoreError;
use rusqlite::{ErrorCode, ffi};
use std::fmt;
use std::sync::Arc;

pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Names the case of an error of SQLite.
pub(crate) fn failed(error: rusqlite::Error) -> StoreError {
    Failure::from(error).report()
}

/// A value in the database that this program could not have written.
pub(crate) fn damaged(what: &str, error: impl fmt::Display) -> StoreError {
    StoreError::Corrupt(format!("{what}: {error}"))
}

/// An error that several units share: all that were in a commit which failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure(Arc<rusqlite::Error>);

impl Failure {
    pub(crate) fn report(&self) -> StoreError {
        let text = self.to_string();
        let Some(error) = self.0.sqlite_error() else {
            return StoreError::Backend(Box::new(self.clone()));
        };
        match error.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => StoreError::Corrupt(text),
            _ if error.extended_code == ffi::SQLITE_IOERR_CORRUPTFS => StoreError::Corrupt(text),
            ErrorCode::DiskFull
            | ErrorCode::ReadOnly
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied => StoreError::Unwritable(text),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Locked,
            _ => StoreError::Backend(Box::new(self.clone())),
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}
