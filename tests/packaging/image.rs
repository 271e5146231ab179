//! The image builds, and its binary starts. Docker doesn't run here: the test lays out the build context as Docker does, and runs the Dockerfile's
//! own Cargo command in it, without optimization and for this machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::context::{Ignore, lay_out};
use crate::dockerfile::{Build, Copy, Stage, stages};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What is compiled stays here between runs, apart from the workspace's own, whose files would hide that one is missing.
const TARGET: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/image");

/// A directory that is deleted at the end. It is outside of the workspace, in whose directories Cargo would find the workspace's own manifest.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sfe-image-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

fn dockerfile() -> (Stage, Stage) {
    let mut stages = stages(&read("Dockerfile"));
    let (last, build) = (stages.pop().unwrap(), stages.pop().unwrap());
    assert_eq!((stages.len(), build.name.as_deref()), (0, Some("build")), "the stages are not those known here");
    (build, last)
}

/// Runs the Dockerfile's Cargo command in a context, without what only the release build and the other platform need. The workspace's build has
/// fetched all crates already.
fn cargo(build: &Build, context: &Path) -> Output {
    Command::new(env!("CARGO"))
        .args(&build.arguments)
        .args(["--offline", "--target-dir", TARGET])
        .args(["--config", "profile.dev.debug=false", "--config", "profile.dev.package.sfe-core.opt-level=0"])
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(context)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Starts the binary with no environment but an empty home, where it would look for a kubeconfig.
fn start(binary: &Path, arguments: &[&str], home: &Path) -> (bool, String, String) {
    let output = Command::new(binary).args(arguments).env_clear().env("HOME", home).current_dir("/").output().unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_image_builds_and_its_binary_starts() {
    let (build_stage, last) = dockerfile();
    let build = build_stage.build();
    let scratch = Scratch::new("whole");
    lay_out(Path::new(ROOT), &Ignore::parse(&read(".dockerignore")), &build_stage.copies(), &scratch.0).unwrap();
    let built = cargo(&build, &scratch.0);
    assert!(built.status.success(), "cargo {}: {}", build.arguments.join(" "), text(&built.stderr));

    // The binary that was built is the one that the image starts.
    let (from, to) = last.copied_from("build");
    assert_eq!((from, vec![to]), (build.path, last.words("ENTRYPOINT")));
    let binary = Path::new(TARGET).join("debug").join(&build.binary);
    let home = Scratch::new("home");
    let version = start(&binary, &["--version"], &home.0);
    assert_eq!(version, (true, format!("sfe {}\n", env!("CARGO_PKG_VERSION")), String::new()));
    let crd = start(&binary, &["crd"], &home.0);
    assert_eq!(crd, (true, read("crds/stepfunctionendpoints.yaml"), String::new()));
    let command = last.words("CMD");
    let run: Vec<&str> = command.iter().map(String::as_str).chain(["--listen", "127.0.0.1:0"]).collect();
    let (succeeded, _, said) = start(&binary, &run, &home.0);
    let is_true =
        said.contains("sfe: Kubernetes failed: ") && said.contains("hint: run in a cluster, or set `KUBECONFIG`");
    assert!(!succeeded && is_true, "outside of a cluster: {said}");
}

/// So the test above fails when a file is missing that a manifest names, or that is compiled.
#[test]
fn the_image_needs_every_path_that_its_context_holds() {
    let (build_stage, _) = dockerfile();
    let (build, copies, dockerignore) = (build_stage.build(), build_stage.copies(), read(".dockerignore"));
    let sources = copies.iter().flat_map(|copy| &copy.sources).cloned().collect::<Vec<_>>();
    let included: Vec<&str> = dockerignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(sources.iter().any(|source| source == "benches") && sources.len() == included.len(), "{sources:?}");
    for missing in &sources {
        // Not in the context: COPY fails.
        let scratch = Scratch::new("excluded");
        let without = dockerignore.replace(&format!("!{missing}\n"), "");
        let error = lay_out(Path::new(ROOT), &Ignore::parse(&without), &copies, &scratch.0).unwrap_err();
        assert_eq!(error.to_string(), format!("COPY {missing}: not in the context"));

        // Not copied: Cargo fails.
        let scratch = Scratch::new("not-copied");
        let rest: Vec<Copy> = copies.iter().map(|copy| without_source(copy, missing)).collect();
        lay_out(Path::new(ROOT), &Ignore::parse(&dockerignore), &rest, &scratch.0).unwrap();
        let built = cargo(&build, &scratch.0);
        assert!(!built.status.success(), "cargo builds without {missing}");
        if missing == "benches" {
            assert!(text(&built.stderr).contains("can't find `operator` bench"), "{}", text(&built.stderr));
        }
    }
}

fn without_source(copy: &Copy, missing: &str) -> Copy {
    let sources = copy.sources.iter().filter(|source| *source != missing).cloned().collect();
    Copy { sources, destination: copy.destination.clone() }
}
