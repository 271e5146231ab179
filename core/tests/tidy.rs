//! What a machine can keep of the house style: sizes, names, and the wall between deciding and doing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The longest file that a reader holds, in lines.
const LINES_MAX: usize = 500;
/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 7] = ["mod", "utils", "util", "helpers", "common", "manager", "types"];
/// What core must never depend on: a runtime, a client, an SDK.
const BEHIND_THE_WALL: [&str; 7] =
    ["tokio", "kube", "kube-client", "kube-runtime", "hyper", "aws-config", "aws-sdk-sfn"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for part in ["core", "src", "tests", "benches"] {
        sources(&root().join(part), &mut found);
    }
    found.sort();
    assert!(found.len() > 50, "the sources were not found: {found:?}");
    found
}

#[test]
fn files_are_short_and_their_names_say_something() {
    let mut wrong = Vec::new();
    for path in all_sources() {
        let (lines, name) =
            (fs::read_to_string(&path).unwrap().lines().count(), path.file_stem().unwrap().to_string_lossy());
        if lines > LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {LINES_MAX}", path.display()));
        }
        if EMPTY_NAMES.contains(&name.as_ref()) {
            wrong.push(format!("{}: the name says nothing", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_test_is_left_out_and_no_work_undone() {
    let marks =
        [["#[ig", "nore"].concat(), ["to", "do!("].concat(), ["unimple", "mented!("].concat(), ["TO", "DO"].concat()];
    for path in all_sources() {
        let text = fs::read_to_string(&path).unwrap();
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} holds {mark}", path.display());
        }
    }
}

#[test]
fn every_kind_has_a_file_on_each_side_of_the_wall() {
    let names = |part: &str| {
        let mut found = Vec::new();
        sources(&root().join(part), &mut found);
        let mut names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names("core/src/kinds"), names("src/aws/kinds"));
}

#[test]
fn core_depends_on_nothing_that_does() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "sfe-core", "--edges", "normal", "--prefix", "none", "--offline", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    assert!(tree.contains("kube-core"), "cargo tree told nothing: {tree}");
    for name in BEHIND_THE_WALL {
        let found = tree.lines().any(|line| line.split(' ').next() == Some(name));
        assert!(!found, "core depends on {name}");
    }
}
