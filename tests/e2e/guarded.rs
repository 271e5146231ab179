//! A process that ends with the tests, in whatever way they end.

use std::process::{Child, Command, ExitStatus, Stdio};

/// A running process. Dropping it kills it.
pub struct Guarded {
    process: Child,
    guard: Child,
}

impl Guarded {
    /// Starts one.
    pub fn spawn(command: &mut Command) -> Self {
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // What is shared by all tests is never dropped: the guard reads our end of a pipe, which ends with us.
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -9 \"$0\"", &process.id().to_string()])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, guard }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Kills it as a machine that fails does. The guard first, so that it doesn't kill whoever gets the number next.
    pub fn end(&mut self) {
        for process in [&mut self.guard, &mut self.process] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end();
    }
}
