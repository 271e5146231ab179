use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde::Serialize;

use crate::error::{Error, Failed};

const SUPERVISOR: &str = include_str!("../supervisor.py");
const END_TIMEOUT: Duration = Duration::from_secs(10);
const LOG_LINES_SHOWN: usize = 15;

/// What to run: the environment is the whole one, nothing is inherited.
#[derive(Serialize)]
pub(crate) struct Process {
    pub name: &'static str,
    pub argv: Vec<String>,
    pub env: std::collections::BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Task<'a> {
    scratch: &'a Path,
    keep: bool,
    processes: &'a [Process],
}

/// A scratch directory, and the processes that live in it, under a process of their own that ends them when this one is
/// gone.
///
/// Not by a signal from the kernel to each child: that comes when the thread that started it ends, which in a test is
/// long before the process does.
pub(crate) struct Supervisor {
    child: Child,
    /// Never written to again: that it is open is what keeps the processes alive.
    input: Option<ChildStdin>,
    scratch: PathBuf,
    keep: bool,
}

/// A new empty directory that only this user can read.
pub(crate) fn scratch_directory() -> Result<PathBuf, Error> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("sfe-sandbox-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = env::temp_dir().join(name);
    let failed = || format!("making the directory {}", path.display());
    if path.exists() {
        // Of an earlier process with the same id, which was killed together with its supervisor.
        fs::remove_dir_all(&path).failed(failed)?;
    }
    fs::create_dir(&path).failed(failed)?;
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700)).failed(failed)?;
    path.canonicalize().failed(failed)
}

impl Supervisor {
    pub fn start(python: &Path, scratch: PathBuf, processes: &[Process]) -> Result<Self, Error> {
        let failed = || "starting the supervisor".to_owned();
        let script = scratch.join("supervisor.py");
        fs::write(&script, SUPERVISOR).failed(failed)?;
        let log = fs::File::create(scratch.join("supervisor.log")).failed(failed)?;
        let mut child = Command::new(python)
            .arg("-I")
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .failed(failed)?;
        let input = child.stdin.take();
        let keep = env::var_os("SFE_SANDBOX_KEEP").is_some();
        let mut supervisor = Self { child, input, scratch, keep };
        let task = Task { scratch: &supervisor.scratch, keep, processes };
        let mut line = serde_json::to_vec(&task).failed(failed)?;
        line.push(b'\n');
        if let Some(input) = &mut supervisor.input {
            input.write_all(&line).failed(failed)?;
        }
        Ok(supervisor)
    }

    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// An error with the end of its log if the process has ended, which none does by itself.
    pub fn check(&self, name: &str) -> Result<(), Error> {
        let Ok(code) = fs::read_to_string(self.scratch.join(format!("{name}.exited"))) else {
            return Ok(());
        };
        Err(Error::new(format!("{name} ended with code {code}"), self.log_end(name)))
    }

    pub fn log_end(&self, name: &str) -> String {
        let log = fs::read(self.scratch.join(format!("{name}.log"))).unwrap_or_default();
        last_lines(&String::from_utf8_lossy(&log), LOG_LINES_SHOWN)
    }
}

pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

impl Drop for Supervisor {
    /// Waits until the processes are gone, so that what comes next finds their ports and memory free.
    fn drop(&mut self) {
        drop(self.input.take());
        let until = Instant::now() + END_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() > until {
                let _ = self.child.kill();
                let _ = self.child.wait();
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        if !self.keep {
            // There is something left only where the supervisor was killed.
            let _ = fs::remove_dir_all(&self.scratch);
        }
    }
}
