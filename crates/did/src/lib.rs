//! DIDs, DID documents and the methods Comity reads and makes, without I/O.

mod did;
mod did_url;
mod handle;
pub mod limits;
mod syntax;
pub mod web;
pub mod webvh;

pub use did::Did;
pub use did_url::DidUrl;
pub use handle::{HandleError, check_name};
pub use syntax::DidSyntaxError;
