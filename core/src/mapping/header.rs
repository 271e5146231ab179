//! Names and values of headers, and media types, checked.

use std::collections::BTreeSet;

use super::vtl::Word;

/// A header that an answer may set, by `$context.responseOverride.header.<name>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderName(String);

/// What HTTP, API Gateway or a field of ours sets by itself, in lower case. Source: "Amazon API Gateway important notes", headers that REST
/// APIs drop or rename to `x-amzn-Remapped-`.
const RESERVED: [&str; 21] = [
    "age",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-md5",
    "date",
    "expect",
    "host",
    "keep-alive",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "warn",
    "www-authenticate",
];

impl HeaderName {
    /// Parses a name that is a property in Velocity too; `taken` are those before it, in lower case.
    pub fn parse(text: &str, taken: &mut BTreeSet<String>) -> Result<Self, &'static str> {
        let lower = text.to_ascii_lowercase();
        Self::check(text)?;
        if lower == "content-type" {
            return Err("leave it out: `contentType` says it");
        }
        if RESERVED.contains(&lower.as_str()) || lower.starts_with("x-amzn-") {
            return Err("leave it out: API Gateway drops, renames or sets it itself");
        }
        if !taken.insert(lower) {
            return Err("is there twice: the case of a header's name means nothing");
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether a text may be a header's name at all.
    pub(super) fn check(text: &str) -> Result<(), &'static str> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !text.starts_with(|c: char| c.is_ascii_alphabetic())
            || text.len() > 64
            || text.ends_with('-')
            || !text.chars().all(is_name)
        {
            return Err("1 to 64 ASCII letters, digits, `-` and `_` are allowed, a letter first and no `-` last");
        }
        Ok(())
    }

    /// Whether it tells where a redirect leads.
    pub(super) fn is_location(&self) -> bool {
        self.0.eq_ignore_ascii_case("Location")
    }
}

impl Word for HeaderName {
    fn in_single_quotes(&self) -> String {
        self.0.clone()
    }
}

/// Whether a text may be a header's value as it is: no line break, nothing that is not ASCII.
pub(super) fn is_value(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| matches!(c, ' '..='~'))
}

/// A media type, such as `text/html; charset=utf-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType(String);

impl MediaType {
    /// What a text is unless something else is said.
    pub(super) fn text() -> Self {
        Self("text/plain; charset=utf-8".to_owned())
    }

    /// Parses a type with or without parameters.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (essence, parameters) = text.split_once(';').unwrap_or((text, "charset=utf-8"));
        let is_token = |token: &str| {
            !token.is_empty() && token.chars().all(|c| c.is_ascii_alphanumeric() || "!#&^_.+-".contains(c))
        };
        let is_type = essence.split_once('/').is_some_and(|(type_, subtype)| is_token(type_) && is_token(subtype));
        let are_parameters = parameters.split(';').all(|parameter| {
            parameter.trim_matches(' ').split_once('=').is_some_and(|(name, value)| is_token(name) && is_token(value))
        });
        if is_type && are_parameters {
            Ok(Self(text.to_owned()))
        } else {
            Err("a media type is expected, such as `text/html; charset=utf-8`")
        }
    }

    /// The type as it was said.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a body of this type is JSON.
    pub fn is_json(&self) -> bool {
        let essence = self.0.split(';').next().unwrap_or_default().trim_end().to_ascii_lowercase();
        essence.ends_with("/json") || essence.ends_with("+json")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::fixed("Cache-Control", true)]
    #[case::own("X-Request-Id", true)]
    #[case::redirect("location", true)]
    #[case::body("content-type", false)]
    #[case::length("Content-Length", false)]
    #[case::hop_by_hop("Transfer-Encoding", false)]
    #[case::renamed("Server", false)]
    #[case::gateway("X-Amzn-RequestId", false)]
    #[case::injection("X\r\nSet-Cookie", false)]
    #[case::velocity("X)#set($x", false)]
    #[case::digit("1-A", false)]
    #[case::open_end("X-", false)]
    #[case::nothing("", false)]
    fn a_name_is_allowed(#[case] name: &str, #[case] allowed: bool) {
        assert_eq!(HeaderName::parse(name, &mut BTreeSet::new()).is_ok(), allowed);
    }

    #[test]
    fn a_name_is_there_once() {
        let mut taken = BTreeSet::new();
        assert!(HeaderName::parse("X-A", &mut taken).is_ok() && HeaderName::parse("x-a", &mut taken).is_err());
    }

    #[rstest]
    #[case::json("application/json", Some(true))]
    #[case::problem("application/problem+json; charset=utf-8", Some(true))]
    #[case::html("text/html; charset=utf-8", Some(false))]
    #[case::csv("text/csv", Some(false))]
    #[case::none("text", None)]
    #[case::parameters("text/html; charset", None)]
    #[case::injection("text/html\r\nX: y", None)]
    fn a_media_type_reads_as(#[case] text: &str, #[case] is_json: Option<bool>) {
        assert_eq!(MediaType::parse(text).ok().map(|type_| type_.is_json()), is_json);
    }
}
