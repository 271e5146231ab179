//! Cross-origin requests: what a browser is told before it asks, and beside each answer.
//!
//! Headers are set by the response templates, once each, before anything else: a second override of a header is a 5XX. Of several
//! origins the caller's is told back only if it is one of them, exactly.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{self, HttpMethod};
use crate::mistakes::{FieldPath, Mistakes};

use super::header::HeaderName;
use super::vtl::{Template, Word};

/// What a manifest says, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Cors {
    origins: Origins,
    methods: BTreeSet<HttpMethod>,
    headers: Vec<String>,
    exposed_headers: Vec<String>,
    credentials: bool,
    max_age: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
enum Origins {
    Any,
    One(Origin),
    Several(Vec<Origin>),
}

/// `<scheme>://<host>` or with `:<port>`, in lower case and without the port that the scheme has anyway, as browsers send it.
#[derive(Clone, Debug, PartialEq)]
struct Origin(String);

/// What API Gateway's console proposes. Source: API Gateway Developer Guide, "CORS for REST APIs".
const HEADERS: [&str; 5] = ["Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Api-Key"];

impl Origin {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, authority) = text.split_once("://").unwrap_or_default();
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => (host, Some(port)),
            Some(_) | None => (authority, None),
        };
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
        let is_address = |c: char| c.is_ascii_hexdigit() || c == ':';
        let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => !address.is_empty() && address.chars().all(is_address),
            None => !host.is_empty() && host.chars().all(is_name),
        };
        let is_scheme = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-".contains(c);
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
        if scheme.is_empty() || !scheme.chars().all(is_scheme) || !is_host || !is_port {
            return Err(
                "`*` alone, or an origin in lower case without a path or a wildcard is expected, such as `https://example.com`",
            );
        }
        if matches!((scheme, port), ("http", Some("80")) | ("https", Some("443"))) {
            return Err("leave out the port, as browsers do");
        }
        Ok(Self(text.to_owned()))
    }
}

impl Word for Origin {
    fn in_single_quotes(&self) -> String {
        self.0.clone()
    }
}

impl Cors {
    /// Checks what is said; `at` is `spec.cors`.
    pub fn parse(said: &api::Cors, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Self> {
        let before = mistakes.iter().count();
        let api::Cors { origins, methods, headers, exposed_headers, credentials, max_age } = said;
        let credentials = credentials.unwrap_or(false);
        let at_origins = at.field("origins");
        let any = origins.iter().any(|origin| origin == "*");
        if any && credentials {
            mistakes.add(at.field("credentials"), "true", "not allowed with origin `*`: browsers refuse it");
        }
        if any && origins.len() > 1 {
            mistakes.add(at_origins.clone(), "*", "`*` stands for all: leave the others out");
        }
        if origins.is_empty() {
            mistakes.add(at_origins.clone(), "", "at least one is required");
        }
        let named: Vec<Option<Origin>> = origins
            .iter()
            .enumerate()
            .filter(|(_, origin)| *origin != "*")
            .map(|(index, origin)| mistakes.take(at_origins.index(index), origin, Origin::parse(origin)))
            .collect();
        for (field, names) in [("headers", headers), ("exposedHeaders", exposed_headers)] {
            for (index, name) in names.iter().enumerate() {
                mistakes.take(at.field(field).index(index), name, HeaderName::check(name));
            }
        }
        if mistakes.iter().count() > before {
            return None;
        }
        let mut named: Vec<Origin> = named.into_iter().flatten().collect();
        let origins = match (named.len(), named.pop()) {
            (_, None) => Origins::Any,
            (1, Some(one)) => Origins::One(one),
            (_, Some(last)) => {
                named.push(last);
                Origins::Several(named)
            }
        };
        Some(Self {
            origins,
            methods: methods.iter().copied().collect(),
            headers: match headers.as_slice() {
                [] => HEADERS.map(str::to_owned).to_vec(),
                said => said.to_vec(),
            },
            exposed_headers: exposed_headers.clone(),
            credentials,
            max_age: *max_age,
        })
    }

    /// The template of an answer, with the headers set before it.
    pub fn beside(&self, answer: &str) -> String {
        let mut template = Template::new();
        self.origin(&mut template);
        if !self.exposed_headers.is_empty() {
            set(&mut template, "Expose-Headers", &self.exposed_headers.join(","));
        }
        template.finish() + answer
    }

    /// The template that answers a preflight on a path with these methods.
    pub fn preflight(&self, of_path: &BTreeSet<HttpMethod>) -> String {
        let mut template = Template::new();
        self.origin(&mut template);
        let said = if self.methods.is_empty() { of_path } else { &self.methods };
        let is_said = |method: &HttpMethod| said.contains(method) || said.contains(&HttpMethod::Any);
        let methods = HttpMethod::ALL.into_iter().filter(|method| *method != HttpMethod::Any).filter(is_said);
        let methods: Vec<&str> = methods.map(HttpMethod::as_str).collect();
        set(&mut template, "Allow-Methods", &methods.join(","));
        set(&mut template, "Allow-Headers", &self.headers.join(","));
        if let Some(seconds) = self.max_age {
            set(&mut template, "Max-Age", &seconds.to_string());
        }
        template.finish()
    }

    /// Who may read the answer.
    fn origin(&self, template: &mut Template) {
        match &self.origins {
            Origins::Any => set(template, "Allow-Origin", "*"),
            Origins::One(origin) => set(template, "Allow-Origin", &origin.0),
            Origins::Several(origins) => {
                template.code("#set($origin = '')\n#foreach($name in $input.params().header.keySet())\n");
                template.code("#if($name.equalsIgnoreCase('Origin') == true)\n");
                template.code("#set($origin = $input.params().header.get($name))\n#end\n#end\n#if(");
                for (index, origin) in origins.iter().enumerate() {
                    template.code(if index == 0 { "$origin == '" } else { " || $origin == '" }).word(origin).code("'");
                }
                template
                    .code(")\n#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)\n#end\n");
                template.code("#set($context.responseOverride.header.Vary = 'Origin')\n");
            }
        }
        if self.credentials {
            set(template, "Allow-Credentials", "true");
        }
    }

    /// The parameters of each gateway response. They can't choose among origins, and to tell back whatever origin asks would be no choice
    /// either: of several, any may read these words of API Gateway's own, and none where it would read them with credentials.
    pub fn gateway_parameters(&self) -> BTreeMap<String, String> {
        let origin = match &self.origins {
            Origins::Any => "*",
            Origins::One(origin) => origin.0.as_str(),
            Origins::Several(_) if self.credentials => return BTreeMap::new(),
            Origins::Several(_) => "*",
        };
        let parameter =
            |name: &str, value: &str| (format!("gatewayresponse.header.Access-Control-{name}"), format!("'{value}'"));
        let credentials = self.credentials.then(|| parameter("Allow-Credentials", "true"));
        let exposed = self.exposed_headers.join(",");
        let exposed = (!exposed.is_empty()).then(|| parameter("Expose-Headers", &exposed));
        [parameter("Allow-Origin", origin)].into_iter().chain(credentials).chain(exposed).collect()
    }
}

/// Whether an answer has this header from `cors` alone.
pub fn is_of_cors(name: &str) -> bool {
    ["Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Expose-Headers"]
        .iter()
        .any(|of_cors| of_cors.eq_ignore_ascii_case(name))
}

fn set(template: &mut Template, name: &'static str, value: &str) {
    template.code("#set($context.responseOverride.header.Access-Control-").code(name).code(" = ").verbatim(value);
    template.code(")\n");
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// What it is read as, and what is wrong with it.
    fn parse(said: Value) -> (Option<Cors>, Vec<String>) {
        let mut mistakes = Mistakes::none();
        let said = serde_json::from_value(said).unwrap();
        let cors = Cors::parse(&said, &FieldPath::spec().field("cors"), &mut mistakes);
        (cors, mistakes.iter().map(ToString::to_string).collect())
    }

    fn parsed(said: Value) -> Cors {
        parse(said).0.unwrap()
    }

    #[rstest]
    #[case::https("https://example.com", true)]
    #[case::port("http://localhost:3000", true)]
    #[case::address("http://[::1]:8080", true)]
    #[case::no_port("http://[::1]", true)]
    #[case::app("capacitor://localhost", true)]
    #[case::path("https://example.com/", false)]
    #[case::upper_case("https://Example.com", false)]
    #[case::wildcard("https://*.example.com", false)]
    #[case::default_port("https://example.com:443", false)]
    #[case::padded_port("https://example.com:0443", false)]
    #[case::no_number("https://example.com:x", false)]
    #[case::large_port("https://example.com:65536", false)]
    #[case::empty_port("https://example.com:", false)]
    #[case::null("null", false)]
    #[case::no_scheme("example.com", false)]
    #[case::no_host("https://", false)]
    #[case::user("https://me@example.com", false)]
    #[case::apostrophe("https://example.com'", false)]
    #[case::velocity("https://$x", false)]
    #[case::line("https://example.com\nX: y", false)]
    #[case::nothing("", false)]
    fn an_origin_is_allowed(#[case] origin: &str, #[case] allowed: bool) {
        assert_eq!(parse(json!({ "origins": [origin] })).1.is_empty(), allowed, "{origin}");
    }

    #[rstest]
    #[case::nobody(json!({ "origins": [] }), &["spec.cors.origins: at least one is required"])]
    #[case::credentials_for_anyone(json!({ "origins": ["*"], "credentials": true }), &[
        "spec.cors.credentials: `true`: not allowed with origin `*`: browsers refuse it",
    ])]
    #[case::any_and_one(json!({ "origins": ["*", "https://a.example"] }), &[
        "spec.cors.origins: `*`: `*` stands for all: leave the others out",
    ])]
    #[case::everything(json!({ "origins": ["https://a.example", "x"], "headers": ["X-A", "a b"], "exposedHeaders": ["$x"] }), &[
        "spec.cors.origins[1]: `x`: `*` alone, or an origin in lower case without a path or a wildcard is expected, such as `https://example.com`",
        "spec.cors.headers[1]: `a b`: 1 to 64 ASCII letters, digits, `-` and `_` are allowed, a letter first and no `-` last",
        "spec.cors.exposedHeaders[0]: `$x`: 1 to 64 ASCII letters, digits, `-` and `_` are allowed, a letter first and no `-` last",
    ])]
    fn it_is_refused(#[case] said: Value, #[case] expected: &[&str]) {
        assert_eq!(parse(said), (None, expected.iter().map(|text| (*text).to_owned()).collect()));
    }

    #[test]
    fn one_origin_is_told_whoever_asks() {
        let cors = parsed(
            json!({ "origins": ["https://a.example"], "credentials": true, "exposedHeaders": ["X-A", "X-B"], "headers": ["X-C"],
                "methods": ["PUT", "GET"], "maxAge": 600 }),
        );
        assert_eq!(
            cors.beside("{}").lines().collect::<Vec<_>>(),
            [
                "#set($context.responseOverride.header.Access-Control-Allow-Origin = $util.urlDecode('https://a.example'))",
                "#set($context.responseOverride.header.Access-Control-Allow-Credentials = $util.urlDecode('true'))",
                "#set($context.responseOverride.header.Access-Control-Expose-Headers = $util.urlDecode('X-A,X-B'))",
                "{}",
            ]
        );
        assert_eq!(
            cors.preflight(&BTreeSet::from([HttpMethod::Delete])).lines().collect::<Vec<_>>(),
            [
                "#set($context.responseOverride.header.Access-Control-Allow-Origin = $util.urlDecode('https://a.example'))",
                "#set($context.responseOverride.header.Access-Control-Allow-Credentials = $util.urlDecode('true'))",
                "#set($context.responseOverride.header.Access-Control-Allow-Methods = $util.urlDecode('GET,PUT'))",
                "#set($context.responseOverride.header.Access-Control-Allow-Headers = $util.urlDecode('X-C'))",
                "#set($context.responseOverride.header.Access-Control-Max-Age = $util.urlDecode('600'))",
            ]
        );
        let parameter =
            |name: &str, value: &str| (format!("gatewayresponse.header.Access-Control-{name}"), format!("'{value}'"));
        let expected = [
            parameter("Allow-Origin", "https://a.example"),
            parameter("Allow-Credentials", "true"),
            parameter("Expose-Headers", "X-A,X-B"),
        ];
        assert_eq!(cors.gateway_parameters(), BTreeMap::from(expected));
    }

    #[test]
    fn of_several_origins_the_one_that_asks_is_told() {
        let cors = parsed(json!({ "origins": ["https://a.example", "http://b.example:81"] }));
        assert_eq!(
            cors.beside("{}").lines().collect::<Vec<_>>(),
            [
                "#set($origin = '')",
                "#foreach($name in $input.params().header.keySet())",
                "#if($name.equalsIgnoreCase('Origin') == true)",
                "#set($origin = $input.params().header.get($name))",
                "#end",
                "#end",
                "#if($origin == 'https://a.example' || $origin == 'http://b.example:81')",
                "#set($context.responseOverride.header.Access-Control-Allow-Origin = $origin)",
                "#end",
                "#set($context.responseOverride.header.Vary = 'Origin')",
                "{}",
            ]
        );
        let any = BTreeMap::from([("gatewayresponse.header.Access-Control-Allow-Origin".to_owned(), "'*'".to_owned())]);
        assert_eq!(cors.gateway_parameters(), any);
        let with_credentials =
            parsed(json!({ "origins": ["https://a.example", "https://b.example"], "credentials": true }));
        assert_eq!(with_credentials.gateway_parameters(), BTreeMap::new());
    }

    #[rstest]
    #[case::of_the_path(json!([]), &[HttpMethod::Post, HttpMethod::Get], "GET,POST")]
    #[case::any(json!([]), &[HttpMethod::Any], "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT")]
    #[case::said(json!(["GET"]), &[HttpMethod::Any], "GET")]
    #[case::any_said(json!(["ANY"]), &[HttpMethod::Get], "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT")]
    fn a_preflight_allows(#[case] said: Value, #[case] of_path: &[HttpMethod], #[case] expected: &str) {
        let cors = parsed(json!({ "origins": ["*"], "methods": said }));
        let template = cors.preflight(&of_path.iter().copied().collect());
        let expected = [
            "#set($context.responseOverride.header.Access-Control-Allow-Origin = $util.urlDecode('*'))".to_owned(),
            format!(
                "#set($context.responseOverride.header.Access-Control-Allow-Methods = $util.urlDecode('{expected}'))"
            ),
            "#set($context.responseOverride.header.Access-Control-Allow-Headers = \
             $util.urlDecode('Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key'))"
                .to_owned(),
        ];
        assert_eq!(template.lines().collect::<Vec<_>>(), expected);
    }
}
