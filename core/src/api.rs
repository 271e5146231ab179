//! The custom resource: what a manifest says (`spec`) and what the operator answers (`status`).

mod annotation;
mod answer;
mod auth;
mod crd;
mod input;
mod key;
mod publish;
mod route;
mod schema;
mod sharing;
mod spec;
mod stage;
mod status;

pub use annotation::{ADOPT, REQUESTED_AT};
pub use answer::*;
pub use auth::*;
pub use crd::crd;
pub use input::*;
pub use key::*;
pub use publish::*;
pub use route::*;
pub use sharing::*;
pub use spec::*;
pub use stage::*;
pub use status::*;
