//! The custom resource: what a manifest says (`spec`) and what the operator answers (`status`).

mod annotation;
mod crd;
mod route;
mod schema;
mod sharing;
mod spec;
mod status;

pub use annotation::{ADOPT, REQUESTED_AT};
pub use crd::crd;
pub use route::*;
pub use sharing::*;
pub use spec::*;
pub use status::*;
