//! The custom resource: what a manifest says (`spec`) and what the operator answers (`status`).

mod annotation;
mod auth;
mod crd;
mod route;
mod schema;
mod spec;
mod stage;
mod status;

pub use annotation::{ADOPT, REQUESTED_AT};
pub use auth::*;
pub use crd::crd;
pub use route::*;
pub use spec::*;
pub use stage::*;
pub use status::*;
