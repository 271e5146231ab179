//! Reads a Dockerfile as far as ours needs it. What it doesn't know fails, so that no instruction is passed over.

use serde_json::Value;

/// What the Dockerfile calls the Rust target of the platform that is built.
const TRIPLE: &str = "$(cat /triple)";

/// The instructions from one FROM to the next.
#[derive(Debug, Default)]
pub struct Stage {
    /// The name after AS.
    pub name: Option<String>,
    instructions: Vec<(String, String)>,
}

/// One COPY from the build context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    pub sources: Vec<String>,
    pub destination: String,
}

/// The Cargo command of the build stage.
#[derive(Debug, PartialEq, Eq)]
pub struct Build {
    /// Cargo's arguments without those of the profile and the platform.
    pub arguments: Vec<String>,
    /// The name of the binary in the profile's directory.
    pub binary: String,
    /// The path to which the stage copies the binary.
    pub path: String,
}

/// Returns the stages in their order.
pub fn stages(dockerfile: &str) -> Vec<Stage> {
    let mut stages = Vec::new();
    for (keyword, arguments) in instructions(dockerfile) {
        if keyword == "FROM" {
            let words: Vec<&str> = arguments.split_whitespace().collect();
            let name = words.iter().position(|word| word.eq_ignore_ascii_case("as"));
            let name = name.and_then(|at| words.get(at + 1)).map(|name| (*name).to_owned());
            stages.push(Stage { name, ..Stage::default() });
        } else if let Some(stage) = stages.last_mut() {
            stage.instructions.push((keyword, arguments));
        } else {
            assert_eq!(keyword, "ARG", "only ARG may come before the first FROM");
        }
    }
    stages
}

/// Joins continued lines, and leaves out comments and the text of here-documents.
fn instructions(dockerfile: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = dockerfile.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    while let Some(first) = lines.next() {
        let mut whole = first.to_owned();
        while let Some(continued) = whole.strip_suffix('\\').map(str::to_owned) {
            whole = continued + lines.next().unwrap();
        }
        if let Some((_, delimiter)) = whole.split_once("<<") {
            let delimiter = delimiter.trim_matches('"').to_owned();
            assert!(lines.any(|line| line == delimiter), "the here-document {delimiter} has no end");
        }
        let (keyword, arguments) = whole.split_once(' ').unwrap_or((&whole, ""));
        found.push((keyword.to_owned(), arguments.trim().to_owned()));
    }
    found
}

impl Stage {
    fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        self.instructions.iter().filter(move |(found, _)| found == keyword).map(|(_, arguments)| arguments.as_str())
    }

    /// Returns what the stage copies from the build context.
    pub fn copies(&self) -> Vec<Copy> {
        let copies = self.all("COPY").filter(|arguments| !arguments.starts_with("--from="));
        copies
            .map(|arguments| {
                let mut words: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
                let is_plain = |word: &String| !word.starts_with(['-', '[', '/']) && !word.contains(['*', '$', '"']);
                assert!(words.len() > 1 && words.iter().all(is_plain), "COPY {arguments}: not known here");
                let destination = words.pop().unwrap();
                Copy { sources: words, destination }
            })
            .collect()
    }

    /// Returns the path from which the stage copies out of another stage, and the path to which it does.
    pub fn copied_from(&self, stage: &str) -> (String, String) {
        let from = format!("--from={stage} ");
        let found: Vec<&str> = self.all("COPY").filter_map(|arguments| arguments.strip_prefix(&from)).collect();
        let [one] = found.as_slice() else { panic!("not one COPY --from={stage}: {found:?}") };
        let (source, destination) = one.split_once(' ').unwrap();
        (source.to_owned(), destination.to_owned())
    }

    /// Returns the words of the last ENTRYPOINT or CMD in its JSON form.
    pub fn words(&self, keyword: &str) -> Vec<String> {
        let last = self.all(keyword).last().unwrap_or_else(|| panic!("no {keyword}"));
        let words: Value = serde_json::from_str(last).unwrap_or_else(|error| panic!("{keyword} {last}: {error}"));
        words.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    }

    /// Returns the one Cargo command of the stage, and where its binary is put.
    pub fn build(&self) -> Build {
        let runs: Vec<String> = self.all("RUN").map(|run| run.replace(TRIPLE, "TRIPLE").replace('"', "")).collect();
        let commands = runs.iter().flat_map(|run| run.split("&&")).map(str::trim);
        let words: Vec<Vec<&str>> = commands.map(|command| command.split_whitespace().collect()).collect();
        let starting = |with: &[&str]| {
            let found: Vec<&Vec<&str>> = words.iter().filter(|words| words.starts_with(with)).collect();
            let [one] = found.as_slice() else { panic!("not one command {with:?} in {words:?}") };
            (*one).clone()
        };
        let mut arguments: Vec<String> = starting(&["cargo"]).into_iter().skip(1).map(str::to_owned).collect();
        let release = arguments.iter().position(|argument| argument == "--release").unwrap();
        arguments.remove(release);
        let target = arguments.iter().position(|argument| argument == "--target").unwrap();
        assert_eq!(arguments.drain(target..target + 2).next_back().as_deref(), Some("TRIPLE"));
        let copied = starting(&["cp"]);
        let [_, source, path] = copied.as_slice() else { panic!("{copied:?}") };
        let binary = source.strip_prefix("target/TRIPLE/release/").unwrap();
        Build { arguments, binary: binary.to_owned(), path: (*path).to_owned() }
    }
}
