//! Where dependencies come from and under which licence, as far as Cargo's own metadata tells. `make audit` looks for advisories too.

#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All packages of Cargo.lock. `--locked`: this fails where the lock file is not there, or not in step with a manifest.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--offline", "--format-version", "1", "--all-features"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let Value::Array(packages) = metadata["packages"].take() else { panic!("no packages: {metadata}") };
    assert!(packages.len() > 100, "only {} packages", packages.len());
    packages
}

/// The licences of `allow` in deny.toml: one list for both.
fn allowed() -> Vec<String> {
    let text = fs::read_to_string(root().join("deny.toml")).unwrap();
    let (_, list) = text.split_once("allow = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with these licences. A slash is an old way to write OR.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.trim();
    // The last operator outside of all parentheses: OR binds less than AND.
    for operator in [" OR ", "/", " AND "] {
        let outside = |at: &usize| {
            let before = &expression[..*at];
            before.matches('(').count() == before.matches(')').count()
        };
        if let Some(at) = expression.rmatch_indices(operator).map(|(at, _)| at).find(outside) {
            let (one, other) = (&expression[..at], &expression[at + operator.len()..]);
            let (one, other) = (is_allowed(one, allowed), is_allowed(other, allowed));
            return if operator == " AND " { one && other } else { one || other };
        }
    }
    match expression.strip_prefix('(').and_then(|inside| inside.strip_suffix(')')) {
        Some(inside) => is_allowed(inside, allowed),
        None => allowed.iter().any(|licence| licence == expression),
    }
}

#[test]
fn every_dependency_has_an_allowed_licence_and_comes_from_the_registry() {
    let allowed = allowed();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = format!("{} {}", package["name"], package["version"]);
        match package["source"].as_str() {
            // Ours.
            None => assert!(package["manifest_path"].as_str().unwrap().starts_with(root().to_str().unwrap()), "{name}"),
            Some("registry+https://github.com/rust-lang/crates.io-index") => {}
            Some(source) => wrong.push(format!("{name} comes from {source}")),
        }
        match package["license"].as_str() {
            Some(licence) if is_allowed(licence, &allowed) => {}
            licence => wrong.push(format!("{name} has the licence {licence:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn licences_are_read_as_spdx_has_them() {
    let allowed = ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for (expression, is) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("MIT OR GPL-3.0", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("ISC AND (GPL-3.0 OR MIT)", true),
        ("(MIT OR ISC) AND GPL-3.0", false),
        ("GPL-3.0 AND ISC OR MIT", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
        ("", false),
    ] {
        assert_eq!(is_allowed(expression, &allowed), is, "{expression}");
    }
}

#[test]
fn the_lock_file_is_committed() {
    let ignored =
        Command::new("git").args(["check-ignore", "--quiet", "Cargo.lock"]).current_dir(root()).status().unwrap();
    assert!(!ignored.success() && root().join("Cargo.lock").is_file());
}
