//! `make demo` and `make sandbox` build with tests/sandbox/build.sh: nobody waits without knowing that it still runs, or for what can't succeed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Runs the script with a Cargo that builds the sandbox, and for the rest does what the script is told.
fn build(name: &str, with_arguments: &str) -> Output {
    let cargo = std::env::temp_dir().join(format!("sfe-cargo-{}-{name}", std::process::id()));
    let real = env!("CARGO");
    let fake = format!("#!/usr/bin/env bash\ncase $1 in build) exec '{real}' \"$@\" ;; *) exec \"$@\" ;; esac\n");
    fs::write(&cargo, fake).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sandbox/build.sh");
    let output = Command::new(script).arg(with_arguments).env("CARGO", &cargo).output().unwrap();
    fs::remove_file(&cargo).unwrap();
    output
}

#[test]
fn a_build_says_every_ten_seconds_that_it_still_runs() {
    let output = build("long", "sleep 21");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.matches("build: still running after ").count() >= 2, "{said}");
    assert!(said.contains("build: done after "), "{said}");
}

#[test]
fn a_build_fails_as_soon_as_cargo_does() {
    let begin = Instant::now();
    let output = build("failing", "false");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && !said.contains("done"), "{said}");
    assert!(begin.elapsed() < Duration::from_secs(60), "{:?}: {said}", begin.elapsed());
}
