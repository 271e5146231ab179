//! Globs over the names of errors, as regular expressions that Java and Python read alike.

use super::vtl::Word;

/// A pattern over a whole name, in which `*` means any characters, none included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(String);

impl Glob {
    /// Parses letters, digits and what usual names of errors hold beside them. All that Velocity or a regular expression
    /// could take for something else is left to `*`.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || " ._:/@-*".contains(c);
        if !text.is_empty() && text.len() <= 256 && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("1 to 256 ASCII letters, digits, spaces and `._:/@-` are allowed, with `*` for any other characters")
        }
    }

    /// Each part between two stars is looked for once, behind the one before: an atomic group never tries another place.
    /// So a name of 256 characters costs little whatever the pattern, where `.*a.*b.*c` would try every combination.
    fn pattern(&self) -> String {
        let literal = |part: &str| part.replace('.', "[.]");
        let parts: Vec<&str> = self.0.split('*').collect();
        let [first, middle @ .., last] = parts.as_slice() else { return literal(&self.0) };
        let mut pattern = format!("(?s){}", literal(first));
        for part in middle.iter().filter(|part| !part.is_empty()) {
            pattern.push_str(&format!("(?>.*?{})", literal(part)));
        }
        pattern.push_str(".*");
        pattern.push_str(&literal(last));
        pattern
    }
}

impl Word for Glob {
    fn in_single_quotes(&self) -> String {
        self.pattern()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::whole("States.Timeout", "States[.]Timeout")]
    #[case::beginning("Validation*", "(?s)Validation.*")]
    #[case::end("*Exception", "(?s).*Exception")]
    #[case::all("*", "(?s).*")]
    #[case::parts("a*b.c**d*e", "(?s)a(?>.*?b[.]c)(?>.*?d).*e")]
    fn reads_as(#[case] glob: &str, #[case] pattern: &str) {
        assert_eq!(Glob::parse(glob).unwrap().pattern(), pattern);
    }

    #[rstest]
    fn no_glob(#[values("", "a'b", "$a", "#a", "a\\", "a\"", "(a)", "[a]", "a+", "a?", "é", "a\n")] text: &str) {
        assert!(Glob::parse(text).is_err(), "{text}");
    }
}
