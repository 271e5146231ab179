//! JSON and other text that a manifest gives, and how it is written where Velocity reads along.

use std::fmt::Write;

use serde::de::IgnoredAny;
use serde_json::Value;

/// A JSON document as text, valid, and otherwise as it was given: digits, order and repeated keys included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Json(String);

impl Json {
    /// The document that is this value.
    pub(super) fn of(value: &Value) -> Self {
        Self(value.to_string())
    }

    /// The document that is this text. The error is what is wrong with it, and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // A `Value` would refuse numbers that no double holds; here every document that JSON allows is allowed.
        match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("one JSON document is expected: {error}")),
        }
    }

    /// The text as it was given, which must not be written into a template.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The same document without a character that means something to Velocity. In JSON those stand in strings and keys alone,
    /// where each can be written as an escape.
    pub(super) fn without_velocity(&self) -> String {
        let mut safe = String::with_capacity(self.0.len());
        let mut rest = self.0.chars();
        while let Some(c) = rest.next() {
            match c {
                // A pair of backslashes is one too, since Velocity reads pairs before a directive as one backslash.
                '\\' => match rest.next() {
                    Some('\\') | None => push_escape(&mut safe, '\\'),
                    Some(escaped) => safe.extend(['\\', escaped]),
                },
                // Between the tokens of a document, never within a string.
                '\n' | '\r' | '\t' => safe.push(c),
                c if is_plain(c) || c == '"' => safe.push(c),
                c => push_escape(&mut safe, c),
            }
        }
        safe
    }
}

/// The text as it stands between the quotes of a JSON string, without a character that means something to Velocity.
pub(super) fn in_string(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => safe.push_str("\\\""),
            c if is_plain(c) => safe.push(c),
            c => push_escape(&mut safe, c),
        }
    }
    safe
}

/// The text as `$util.urlDecode` reads it, without a character that means something to Velocity.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_plain(c) && !matches!(c, '%' | '+') => safe.push(c),
            c => {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // Writing to a String can't fail.
                    let _ = write!(safe, "%{byte:02X}");
                }
            }
        }
    }
    safe
}

/// Printable ASCII that neither JSON nor Velocity, inside or outside its quotes, takes for anything else.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && !matches!(c, '$' | '#' | '\'' | '"' | '\\')
}

fn push_escape(safe: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String can't fail.
        let _ = write!(safe, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::kept(r#"{"b":1.10,"a":[null,"x\n"]}"#, r#"{"b":1.10,"a":[null,"x\n"]}"#)]
    #[case::references(r#"{"$a":"$input.body"}"#, r#"{"\u0024a":"\u0024input.body"}"#)]
    #[case::directives(r##""#set($a = 1)""##, r#""\u0023set(\u0024a = 1)""#)]
    #[case::apostrophes(r#""it's""#, r#""it\u0027s""#)]
    #[case::backslashes(r#""a\\""#, r#""a\u005c""#)]
    #[case::escaped_quotes(r#""a\"b""#, r#""a\"b""#)]
    #[case::beyond_ascii("\"\u{2028}é😀\u{7f}\"", r#""\u2028\u00e9\ud83d\ude00\u007f""#)]
    fn a_document_reads_as(#[case] given: &str, #[case] written: &str) {
        assert_eq!(Json::parse(given).unwrap().without_velocity(), written);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::two("1 2")]
    #[case::open(r#"{"a":"#)]
    #[case::word("yes")]
    #[case::single_quotes("{'a':1}")]
    #[case::raw_newline("\"a\nb\"")]
    fn no_document(#[case] given: &str) {
        assert!(Json::parse(given).is_err());
    }

    #[test]
    fn numbers_beyond_a_double_are_kept() {
        assert_eq!(Json::parse("1e400").unwrap().without_velocity(), "1e400");
    }

    proptest! {
        #[test]
        fn text_survives_and_velocity_sees_nothing(text in any::<String>()) {
            let written = in_string(&text);
            prop_assert!(!written.contains(['$', '#', '\'']) && !written.contains("\\\\"));
            prop_assert_eq!(serde_json::from_str::<String>(&format!("\"{written}\"")).unwrap(), text);
        }

        #[test]
        fn any_text_survives_percent_encoded(text in any::<String>()) {
            let written = percent_encoded(&text);
            prop_assert!(written.is_ascii() && !written.contains(['$', '#', '\'', '"', '\\', '+', '\n']));
            let decoded: Vec<u8> = written.split('%').enumerate().flat_map(|(index, part)| {
                let byte = (index > 0).then(|| u8::from_str_radix(&part[..2], 16).unwrap());
                byte.into_iter().chain(part[if index > 0 { 2 } else { 0 }..].bytes()).collect::<Vec<u8>>()
            }).collect();
            prop_assert_eq!(String::from_utf8(decoded).unwrap(), text);
        }

        #[test]
        fn documents_survive_and_velocity_sees_nothing(key in any::<String>(), text in any::<String>(), number in any::<i64>()) {
            let value = serde_json::json!({ key: [text, number] });
            let written = Json::of(&value).without_velocity();
            prop_assert!(written.is_ascii() && !written.contains(['$', '#', '\'']) && !written.contains("\\\\"));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
