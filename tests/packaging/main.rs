//! What users install: the image, the chart and the files of a release.

#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy.toml allows it in tests, but not in what tests call")]

mod context;
mod dockerfile;
mod image;
mod progress;
mod release;
