//! The attacker's toolkit, and the scene of the crime.

pub mod chaos;
pub mod identity;
pub mod lair;
pub mod line;
pub mod scene;

pub use chaos::{Case, Chaos};
pub use identity::{Identity, letter, seal, seal_with};
pub use lair::Lair;
pub use line::{Answer, Line};
pub use scene::{BRENDA, BRUNO, PROTOCOL, REQUEST, Scene, UPDATE};
