//! The whole thing: our binary, a real API server, a local AWS, and HTTP calls through the stage.
//!
//! - One sandbox for all tests, each in a namespace of its own. It ends with this process.
//! - Whatever is waited for has a deadline, and a wait that ends says what was there instead.
//! - What a test says of AWS, it reads from AWS; what it says of an execution's input, from what left the gateway.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows it in tests, but not in what tests call"
)]

mod access;
mod answers;
mod credentials;
mod examples;
mod guarded;
mod hostile;
mod http;
mod installed;
mod inventory;
mod keys;
mod leader;
mod lifecycle;
mod limits;
mod namespaces;
mod nulls;
mod operator;
mod publishing;
mod rendered;
mod requests;
mod secrets;
mod serving;
mod settings;
mod sharing;
mod stages;
mod templates;
mod typed;
mod whole;
mod world;
