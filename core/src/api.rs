//! The custom resource: what a manifest says (`spec`) and what the operator answers (`status`).

mod crd;
mod route;
mod schema;
mod spec;
mod status;

pub use crd::crd;
pub use route::*;
pub use spec::*;
pub use status::*;
