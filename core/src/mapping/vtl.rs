//! The one way to write a template. Code is `&'static str`, so it is ours; everything else enters through a method that leaves
//! nothing in it for Velocity, or that prints a variable escaped; but for a template of the manifest, which stays in its place.

use super::json::{Json, in_string, percent_encoded};
use super::raw::Raw;

/// A template that renders to nothing.
const NOTHING: &str = "#set($body = '')";

/// A template in the Velocity Template Language of API Gateway.
#[derive(Debug, Default)]
pub(super) struct Template(String);

impl Template {
    /// An empty template.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Appends code of ours.
    pub(super) fn code(&mut self, code: &'static str) -> &mut Self {
        self.0.push_str(code);
        self
    }

    /// Appends the value of `reference`, a reference of ours to text, as it stands between the quotes of a JSON string.
    ///
    /// `escapeJavaScript` writes an apostrophe as `\'`, which JSON refuses: without the replacement every request with an
    /// apostrophe fails. A backslash before it is itself written as two, so no other `\'` can occur.
    pub(super) fn escaped(&mut self, reference: &'static str) -> &mut Self {
        self.code("$util.escapeJavaScript(").code(reference).code(r#").replaceAll("\\'","'")"#)
    }

    /// Appends a text of the manifest, as it stands between the quotes of a JSON string.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&in_string(text));
        self
    }

    /// Appends a reference whose value is this text of the manifest, to the last character.
    pub(super) fn verbatim(&mut self, text: &str) -> &mut Self {
        self.code("$util.urlDecode('");
        self.0.push_str(&percent_encoded(text));
        self.code("')")
    }

    /// Appends a document of the manifest. It may stand between Velocity's single quotes.
    pub(super) fn document(&mut self, document: &Json) -> &mut Self {
        self.0.push_str(&document.without_velocity());
        self
    }

    /// Appends a template of the manifest.
    pub(super) fn raw(&mut self, template: &Raw) -> &mut Self {
        self.0.push_str(template.as_str());
        self
    }

    /// Appends a whole number.
    pub(super) fn number(&mut self, number: u16) -> &mut Self {
        self.0.push_str(&number.to_string());
        self
    }

    /// Appends a word of the manifest that the type says to be harmless between Velocity's single quotes.
    pub(super) fn word(&mut self, word: &impl Word) -> &mut Self {
        self.0.push_str(&word.in_single_quotes());
        self
    }

    /// Returns the text, which is never empty: API Gateway treats an empty template as none, and passes the whole answer of Step Functions to
    /// the caller.
    pub(super) fn finish(self) -> String {
        if self.0.is_empty() { NOTHING.to_owned() } else { self.0 }
    }
}

/// Text that was checked when it was parsed: no apostrophe, backslash or control character is in it. Between single quotes Velocity
/// evaluates nothing, so the `$` of a JSON path is allowed.
pub(super) trait Word {
    /// The text between the quotes.
    fn in_single_quotes(&self) -> String;
}
