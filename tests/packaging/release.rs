//! What a release publishes: one version everywhere, and workflows that GitHub accepts.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

fn workflows() -> Vec<String> {
    let files = fs::read_dir(Path::new(ROOT).join(".github/workflows")).unwrap().map(Result::unwrap);
    files.map(|file| file.path().display().to_string()).collect()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn actionlint_accepts_the_workflows() {
    let actionlint = sfe_sandbox::actionlint().await.unwrap_or_else(|error| panic!("{error}"));
    let workflows = workflows();
    assert_eq!(workflows.len(), 2, "{workflows:?}");
    let output = Command::new(&actionlint).args(&workflows).current_dir(ROOT).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    // It sees an error: no such job.
    let broken = read(".github/workflows/release.yaml").replace("needs: check", "needs: checked");
    let path = std::env::temp_dir().join(format!("sfe-workflow-{}.yaml", std::process::id()));
    fs::write(&path, broken).unwrap();
    let output = Command::new(&actionlint).arg(&path).current_dir(ROOT).output().unwrap();
    fs::remove_file(&path).unwrap();
    assert!(!output.status.success() && text(&output).contains("checked"), "{}", text(&output));
}

/// A version tag can be moved to other code; a commit can't.
#[test]
fn each_action_is_pinned_by_commit_and_each_job_has_its_own_permissions() {
    for path in workflows() {
        let workflow = fs::read_to_string(&path).unwrap();
        for used in workflow.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("uses: ")) {
            let is_pinned = used.split_once('@').is_some_and(|(_, pin)| {
                let (commit, version) = pin.split_once(" # v").unwrap_or_default();
                commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) && !version.is_empty()
            });
            assert!(is_pinned || used.starts_with("./"), "{path}: {used}");
        }
        assert!(
            workflow.contains("\npermissions: {}\n"),
            "{path}: a job without permissions of its own gets more than none"
        );
        let jobs = workflow.matches("\n    runs-on: ").count() + workflow.matches("\n    uses: ./").count();
        assert_eq!(
            workflow.matches("\n    permissions:\n").count(),
            jobs,
            "{path}: a job without permissions of its own"
        );
    }
}

#[test]
fn cargo_chart_and_documentation_name_one_version() {
    let chart = read("charts/stepfunction-endpoint/Chart.yaml");
    for field in ["version", "appVersion"] {
        assert!(chart.contains(&format!("\n{field}: {VERSION}\n")), "Chart.yaml: {field} is not {VERSION}");
    }
    for page in ["README.md", "docs/install.md"] {
        let text = read(page);
        let named: Vec<&str> =
            text.split("--version ").skip(1).filter_map(|rest| rest.split_whitespace().next()).collect();
        assert!(
            !named.is_empty() && named.iter().all(|version| *version == VERSION),
            "{page}: {named:?}, not {VERSION}"
        );
    }
}

#[test]
fn a_release_needs_its_version_and_its_section_of_the_changelog() {
    let notes =
        |root: &Path, tag: &str| Command::new(root.join(".github/scripts/release-notes.sh")).arg(tag).output().unwrap();
    let root = std::env::temp_dir().join(format!("sfe-release-{}", std::process::id()));
    for file in ["Cargo.toml", "charts/stepfunction-endpoint/Chart.yaml", ".github/scripts/release-notes.sh"] {
        fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        fs::copy(Path::new(ROOT).join(file), root.join(file)).unwrap();
    }
    let tag = format!("v{VERSION}");
    fs::write(root.join("CHANGELOG.md"), "# Changelog\n\n## Unreleased\n\n- Next.\n").unwrap();
    let unreleased = notes(&root, &tag);
    let changelog = format!(
        "# Changelog\n\n## Unreleased\n\n- Next.\n\n## {VERSION} - 2026-12-01\n\n- First.\n\n## 0.0.1 - 2026-11-01\n\n- Former.\n"
    );
    fs::write(root.join("CHANGELOG.md"), changelog).unwrap();
    let (released, other) = (notes(&root, &tag), notes(&root, "v99.0.0"));
    fs::remove_dir_all(&root).unwrap();
    assert!(!unreleased.status.success() && text(&unreleased).contains("has no section"), "{}", text(&unreleased));
    assert!(!other.status.success() && text(&other).contains("Cargo.toml lacks"), "{}", text(&other));
    assert!(released.status.success(), "{}", text(&released));
    assert_eq!(text(&released).trim(), "- First.");
    assert!(read("CHANGELOG.md").contains("\n## Unreleased\n"), "CHANGELOG.md has no section for what comes next");
}
