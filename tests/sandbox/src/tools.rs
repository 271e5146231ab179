use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::error::{Error, Failed};
use crate::progress::step;
use crate::supervisor::last_lines;

const KUBERNETES: GoModule = GoModule {
    name: "kubernetes",
    go_mod: include_str!("../kubernetes/go.mod"),
    go_sum: include_str!("../kubernetes/go.sum"),
    // Without the version in them, kubectl and Helm can't read which Kubernetes they talk to.
    ldflags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4 \
              -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34",
};
const HELM: GoModule = GoModule {
    name: "helm",
    go_mod: include_str!("../helm/go.mod"),
    go_sum: include_str!("../helm/go.sum"),
    ldflags: "-s -w",
};
const ACTIONLINT: GoModule = GoModule {
    name: "actionlint",
    go_mod: include_str!("../actionlint/go.mod"),
    go_sum: include_str!("../actionlint/go.sum"),
    ldflags: "-s -w",
};
const REQUIREMENTS: &str = include_str!("../requirements.txt");
const CERTIFICATES: &str = include_str!("../certificates.py");
const OUTPUT_LINES_SHOWN: usize = 20;
const PYTHON_HINT: &str = "install Python 3.13 with its venv module: `apt-get install python3.13-venv`, \
                           `brew install python@3.13` or `pyenv install 3.13`";

/// The programs a sandbox is made of, built or found.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub kube_apiserver: PathBuf,
    pub etcd: PathBuf,
    pub kubectl: PathBuf,
    pub python: PathBuf,
    pub certificates: PathBuf,
}

/// Helm and kubeconform, which a sandbox doesn't need itself.
#[derive(Clone, Debug)]
pub struct HelmTools {
    /// The `helm` program, version 4.
    pub helm: PathBuf,
    /// The `kubeconform` program.
    pub kubeconform: PathBuf,
}

struct GoModule {
    name: &'static str,
    go_mod: &'static str,
    go_sum: &'static str,
    ldflags: &'static str,
}

/// Builds what is missing. The first time this takes minutes, and says on standard error what it does; later it only
/// looks whether all is there.
///
/// # Errors
///
/// No Go or no Python 3.13, with a hint what to install, or a build that fails, with the end of its output.
pub(crate) async fn prepare() -> Result<Tools, Error> {
    let (kubernetes, python) = tokio::try_join!(kubernetes(), python())?;
    Ok(Tools {
        kube_apiserver: kubernetes.join("kube-apiserver"),
        etcd: kubernetes.join("etcd"),
        kubectl: kubernetes.join("kubectl"),
        python: python.join("venv/bin/python"),
        certificates: python.join("certificates"),
    })
}

/// Builds Helm and kubeconform if they aren't built yet, which takes two minutes on two processors, and says where they
/// are.
///
/// # Errors
///
/// As [`prepare`](crate::prepare).
pub async fn helm_tools() -> Result<HelmTools, Error> {
    let bin = HELM.build().await?;
    Ok(HelmTools { helm: bin.join("helm"), kubeconform: bin.join("kubeconform") })
}

/// Builds actionlint, which checks GitHub Actions workflows, if it isn't built yet, and returns its path. The build takes half a minute.
///
/// # Errors
///
/// As [`prepare`](crate::prepare).
pub async fn actionlint() -> Result<PathBuf, Error> {
    Ok(ACTIONLINT.build().await?.join("actionlint"))
}

/// The directory with kube-apiserver, etcd and kubectl.
async fn kubernetes() -> Result<PathBuf, Error> {
    let has_all =
        |directory: &Path| ["kube-apiserver", "etcd", "kubectl"].iter().all(|name| directory.join(name).is_file());
    if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from) {
        if has_all(&assets) {
            return Ok(assets);
        }
        return Err(Error::new(
            "looking for Kubernetes",
            format!("KUBEBUILDER_ASSETS lacks kube-apiserver, etcd or kubectl: {}", assets.display()),
        )
        .hint("unset it to have them built, or fill it with `setup-envtest use 1.34`"));
    }
    match path_directories().into_iter().find(|directory| has_all(directory)) {
        Some(directory) => Ok(directory),
        None => KUBERNETES.build().await,
    }
}

impl GoModule {
    /// The directory with the module's tools.
    async fn build(&self) -> Result<PathBuf, Error> {
        let directory = component(self.name, &[self.go_mod, self.go_sum, self.ldflags])?;
        once(&directory, &format!("building the tools of {} with Go (minutes, the first time)", self.name), async {
            let module = directory.join("module");
            let bin = directory.join("bin");
            write(&module, "go.mod", self.go_mod)?;
            write(&module, "go.sum", self.go_sum)?;
            let go = self.go(&module).await?;
            run(Command::new(go)
                .args(["install", "-ldflags", self.ldflags, "tool"])
                .env("GOBIN", &bin)
                .env_remove("GOFLAGS")
                .current_dir(&module))
            .await?;
            // The package that is etcd's server is called just that.
            if bin.join("server").exists() {
                fs::rename(bin.join("server"), bin.join("etcd")).failed(|| "naming etcd".to_owned())?;
            }
            Ok(())
        })
        .await?;
        Ok(directory.join("bin"))
    }

    /// A Go that the module can be built with; asked in the module's directory, where Go may exchange itself for a
    /// newer one.
    async fn go(&self, module: &Path) -> Result<PathBuf, Error> {
        let wanted = self.go_mod.lines().find_map(|line| line.strip_prefix("go ")).unwrap_or_default();
        let mut candidates = on_path("go");
        candidates.push(PathBuf::from("/usr/local/go/bin/go"));
        let mut found = String::from("not found");
        for candidate in candidates {
            let Ok(version) = run(Command::new(&candidate).args(["env", "GOVERSION"]).current_dir(module)).await else {
                continue;
            };
            if version_numbers(&version) >= version_numbers(wanted) {
                return Ok(candidate);
            }
            found = format!("too old: {}", version.trim());
        }
        Err(Error::new("looking for Go", found).hint(format!(
            "install Go {wanted} or newer, or set KUBEBUILDER_ASSETS to a directory with kube-apiserver, etcd and kubectl"
        )))
    }
}

/// The directory with LocalStack's Python and the keys.
async fn python() -> Result<PathBuf, Error> {
    let directory = component("python", &[REQUIREMENTS, CERTIFICATES])?;
    once(&directory, "installing LocalStack into a Python environment (a minute, the first time)", async {
        let python = find_python().await?;
        let venv = directory.join("venv");
        run(Command::new(python).args(["-m", "venv"]).arg(&venv)).await?;
        write(&directory, "requirements.txt", REQUIREMENTS)?;
        write(&directory, "certificates.py", CERTIFICATES)?;
        let python = venv.join("bin/python");
        run(Command::new(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--disable-pip-version-check",
                "-r",
                "requirements.txt",
            ])
            .current_dir(&directory))
        .await?;
        run(Command::new(&python).args(["-I", "certificates.py", "certificates"]).current_dir(&directory)).await?;
        Ok(())
    })
    .await?;
    Ok(directory)
}

/// Each candidate is run, since a `python3.13` on the PATH may be a shim that only says that no such version was
/// chosen.
async fn find_python() -> Result<PathBuf, Error> {
    let mut candidates = on_path("python3.13");
    let versions = env::home_dir().map(|home| home.join(".pyenv/versions"));
    for version in versions.and_then(|directory| fs::read_dir(directory).ok()).into_iter().flatten().flatten() {
        if version.file_name().to_string_lossy().starts_with("3.13") {
            candidates.push(version.path().join("bin/python3.13"));
        }
    }
    candidates.extend(["/usr/bin/python3.13", "/opt/homebrew/bin/python3.13"].map(PathBuf::from));
    candidates.extend(on_path("python3"));
    for candidate in candidates {
        // The venv module is of no use without ensurepip, which Debian packages apart.
        let asked = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))";
        if run(Command::new(&candidate).args(["-c", asked])).await.is_ok() {
            return Ok(candidate);
        }
    }
    Err(Error::new("looking for Python 3.13", "none that runs and can make environments").hint(PYTHON_HINT))
}

/// Does the work once for all processes: whoever holds the lock works, the others wait and find it done. What was left
/// half done is begun anew.
async fn once(directory: &Path, name: &str, work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let complete = directory.join("complete");
    if complete.exists() {
        return Ok(());
    }
    step(name, async {
        let _lock = lock(&directory.with_extension("lock")).await?;
        if complete.exists() {
            return Ok(());
        }
        let failed = || format!("preparing {}", directory.display());
        if directory.exists() {
            fs::remove_dir_all(directory).failed(failed)?;
        }
        fs::create_dir_all(directory).failed(failed)?;
        work.await?;
        fs::write(&complete, "").failed(failed)
    })
    .await
}

/// Waits for the lock on another thread. It ends with the file, so with the process at the latest.
async fn lock(path: &Path) -> Result<File, Error> {
    let failed = || format!("locking {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).failed(failed)?;
    }
    let file = File::create(path).failed(failed)?;
    tokio::task::spawn_blocking(move || file.lock().map(|()| file)).await.failed(failed)?.failed(failed)
}

/// Where the component that these pins describe is, or will be: another pin is another directory.
fn component(name: &str, pins: &[&str]) -> Result<PathBuf, Error> {
    let mut hash = Sha256::new();
    for pin in pins {
        hash.update(pin.as_bytes());
        hash.update([0]);
    }
    let hash: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let base = match env::var_os("SFE_SANDBOX_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/sandbox"),
    };
    fs::create_dir_all(&base)
        .and_then(|()| base.canonicalize())
        .map(|base| base.join(format!("{name}-{hash}")))
        .failed(|| format!("making the directory {}", base.display()))
}

/// The standard output of a command that succeeds; otherwise an error with the end of what it said.
pub(crate) async fn run(command: &mut Command) -> Result<String, Error> {
    let std = command.as_std();
    let what =
        [std.get_program()].into_iter().chain(std.get_args()).map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.failed(|| what.clone())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Error::new(what, format!("{}\n{}", output.status, last_lines(&said, OUTPUT_LINES_SHOWN))))
}

fn write(directory: &Path, name: &str, content: &str) -> Result<(), Error> {
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(directory.join(name), content))
        .failed(|| format!("writing {name} into {}", directory.display()))
}

fn path_directories() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn on_path(name: &str) -> Vec<PathBuf> {
    path_directories().into_iter().map(|directory| directory.join(name)).filter(|program| program.is_file()).collect()
}

/// The numbers of a version, to be compared: `go1.26.8` as 1, 26, 8.
fn version_numbers(version: &str) -> Vec<u32> {
    version.split(|character: char| !character.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
}
