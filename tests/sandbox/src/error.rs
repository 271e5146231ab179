use std::fmt;

/// What the sandbox could not do, why, and what to do about it.
///
/// Displayed as `what failed: detail`, followed by a line `hint: ...` where there is something to do.
#[derive(Debug)]
pub struct Error {
    what: String,
    detail: String,
    hint: Option<String>,
}

impl Error {
    /// An error of what is built on the sandbox, in the same words.
    pub fn new(what: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self { what: what.into(), detail: detail.to_string(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether another process took one of the ports between their choice and their use, which a second try mends.
    pub(crate) fn is_port_taken(&self) -> bool {
        self.detail.to_lowercase().contains("address already in use")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.detail)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Names what failed where only the cause is at hand.
pub(crate) trait Failed<T> {
    fn failed(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T, E: fmt::Display> Failed<T> for Result<T, E> {
    fn failed(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| Error::new(what(), error))
    }
}
