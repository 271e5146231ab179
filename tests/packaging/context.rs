//! The build context, as Docker takes it from .dockerignore and the COPY instructions.
//!
//! Source: Docker, "Build context", ".dockerignore files": patterns match from the root of the context, `*` within one part of a path, `**` any
//! number of parts; what a pattern matches holds for all beneath it; the last pattern that matches decides, and `!` includes again.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::dockerfile::Copy;

/// The patterns of a .dockerignore.
pub struct Ignore(Vec<Pattern>);

struct Pattern {
    includes: bool,
    parts: Vec<String>,
}

impl Ignore {
    pub fn parse(dockerignore: &str) -> Self {
        let lines = dockerignore.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(Pattern::parse).collect())
    }

    /// Returns true if the path, relative to the context's root, is not part of the context.
    pub fn excludes(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        let matching = |pattern: &&Pattern| (1..=parts.len()).any(|length| pattern.matches(&parts[..length]));
        self.0.iter().rev().find(matching).is_some_and(|pattern| !pattern.includes)
    }
}

impl Pattern {
    fn parse(line: &str) -> Self {
        assert!(!line.contains(['[', '\\']), "{line}: not known here");
        let included = line.strip_prefix('!');
        let parts = included.unwrap_or(line).trim_matches('/').split('/').map(str::to_owned).collect();
        Self { includes: included.is_some(), parts }
    }

    fn matches(&self, path: &[&str]) -> bool {
        matches_path(&self.parts, path)
    }
}

fn matches_path(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((part, rest)), _) if part == "**" => (0..=path.len()).any(|skipped| matches_path(rest, &path[skipped..])),
        (Some((part, rest)), Some((name, deeper))) => {
            matches_name(part.as_bytes(), name.as_bytes()) && matches_path(rest, deeper)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn matches_name(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=name.len()).any(|skipped| matches_name(rest, &name[skipped..])),
        (Some((expected, rest)), Some((found, deeper))) => {
            (*expected == b'?' || expected == found) && matches_name(rest, deeper)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// Copies what the instructions copy out of the context of `root`. Each file keeps its time of change, by which Cargo knows what is new.
///
/// # Errors
///
/// A source is not in the context: Docker fails then too.
pub fn lay_out(root: &Path, ignore: &Ignore, copies: &[Copy], into: &Path) -> io::Result<()> {
    for Copy { sources, destination } in copies {
        let is_directory = destination.ends_with('/') || sources.len() > 1;
        for source in sources {
            let from = root.join(source);
            let to = match from.file_name() {
                Some(name) if is_directory && from.is_file() => into.join(destination).join(name),
                _ => into.join(destination),
            };
            if copy(root, source, ignore, &to)? == 0 {
                return Err(io::Error::new(io::ErrorKind::NotFound, format!("COPY {source}: not in the context")));
            }
        }
    }
    Ok(())
}

/// Returns how many files were copied.
fn copy(root: &Path, path: &str, ignore: &Ignore, to: &Path) -> io::Result<usize> {
    let from = root.join(path);
    if from.is_dir() {
        let mut copied = 0;
        for entry in fs::read_dir(&from)? {
            let name = entry?.file_name();
            let name = name.to_str().unwrap();
            copied += copy(root, &format!("{path}/{name}"), ignore, &to.join(name))?;
        }
        return Ok(copied);
    }
    if ignore.excludes(path) {
        return Ok(0);
    }
    fs::create_dir_all(to.parent().unwrap())?;
    fs::copy(&from, to)?;
    File::options().write(true).open(to)?.set_modified(fs::metadata(&from)?.modified()?)?;
    Ok(1)
}

#[test]
fn the_last_pattern_that_matches_a_path_or_its_parent_decides() {
    let ignore = Ignore::parse("# a comment\n*\n\n!core\n!/src/\n**/target\n**/*.md\n!core/kept.md\nsrc/?.rs\n");
    for (path, excluded) in [
        ("docs/a.rs", true),
        ("core/src/lib.rs", false),
        ("core/target/debug/x", true),
        ("target", true),
        ("core/deep/README.md", true),
        ("core/kept.md", false),
        ("src/main.rs", false),
        ("src/a.rs", true),
        ("score/lib.rs", true),
    ] {
        assert_eq!(ignore.excludes(path), excluded, "{path}");
    }
}
