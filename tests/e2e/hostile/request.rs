//! Requests made of what breaks a careless mapping, generated from a seed.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::TEXTS;
use super::meant::base64;
use super::routes::{FORM, JSON, Place, ROUTES, Route};

/// One request, part by part as it is written on the connection.
#[derive(Clone)]
pub struct Request {
    pub route: usize,
    /// What stands for the path's parameter, percent-encoded or not.
    pub parameter: String,
    /// Behind the question mark; none without one.
    pub query: Option<String>,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Whether the body comes in chunks of unknown number.
    pub chunked: bool,
}

impl Request {
    pub fn route(&self) -> &'static Route {
        &ROUTES[self.route]
    }

    /// The whole request in HTTP/1.1; `prefix` is the path of the stage.
    pub fn bytes(&self, prefix: &str) -> Vec<u8> {
        let route = self.route();
        let path = match route.path.split_once('{') {
            Some((before, _)) => format!("{before}{}", self.parameter),
            None => route.path.to_owned(),
        };
        let query = self.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        let mut bytes =
            format!("{} {prefix}{path}{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", route.method)
                .into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if self.chunked {
            bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
            for chunk in self.body.chunks(7) {
                bytes.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
            }
            bytes.extend(b"0\r\n\r\n");
        } else if self.body.is_empty() && route.method == "GET" {
            bytes.extend(b"\r\n");
        } else {
            bytes.extend(format!("Content-Length: {}\r\n\r\n", self.body.len()).as_bytes());
            bytes.extend(&self.body);
        }
        bytes
    }
}

/// The bytes, those that can't be printed as escapes.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.bytes("").escape_ascii())
    }
}

/// Any request of any route.
pub fn any_request() -> impl Strategy<Value = Request> {
    (0..ROUTES.len()).prop_flat_map(|route| {
        let of = &ROUTES[route];
        (Just(route), parameter(of), query(of), headers(of), body(of), prop::bool::weighted(0.1)).prop_map(
            |(route, parameter, query, headers, body, chunked)| {
                let chunked = chunked && !body.is_empty();
                Request { route, parameter, query, headers, body, chunked }
            },
        )
    })
}

/// A piece of text that something could take for more than text.
fn piece() -> impl Strategy<Value = String> {
    const PIECES: [&str; 36] = [
        "\"",
        "'",
        "\\",
        "\\\\",
        "\\'",
        "\\\"",
        "$",
        "#",
        "#set($x = 1)",
        "${x}",
        "$!x",
        "$util",
        "$input.body",
        "$context.stage",
        "#end",
        "#if(true)",
        "##",
        "#*",
        "]]#",
        "\u{2028}",
        "\u{2029}",
        "\\u0027",
        "\\ud800",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\",\"name\":\"x",
        "%27",
        "%",
        "+",
        "&",
        "=",
        "/",
    ];
    prop_oneof![
        8 => select(PIECES.as_slice()).prop_map(str::to_owned),
        3 => "[a-zA-Z0-9._~-]{1,8}",
        2 => any::<char>().prop_map(String::from),
        1 => select(TEXTS.as_slice()).prop_map(|(_, text)| text.to_owned()),
        1 => select(["\0", "\u{7f}", "\u{fffd}", "\u{feff}", "\r\n", "\t", " ", "😀", "é"].as_slice()).prop_map(str::to_owned),
    ]
}

fn text() -> impl Strategy<Value = String> {
    vec(piece(), 0..6).prop_map(|pieces| pieces.concat())
}

/// Text as a client may write it into a path or a query: with all of it encoded, or what must be, or what is not UTF-8.
fn encoded(raw: &'static str) -> impl Strategy<Value = String> {
    /// What a URL must not hold as itself, but clients write.
    const NOT_ALLOWED: &str = "\"{}|^`<>\\[]";
    let every = |text: String| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let needed = move |(text, careless): (String, bool)| {
        let write = |byte: u8| match byte {
            b if careless && NOT_ALLOWED.as_bytes().contains(&b) => char::from(b).to_string(),
            b if b.is_ascii_alphanumeric() || raw.as_bytes().contains(&b) => char::from(b).to_string(),
            b => format!("%{b:02x}"),
        };
        text.bytes().map(write).collect::<String>()
    };
    let odd = [
        "%",
        "%%",
        "%4",
        "%zz",
        "%u0041",
        "%2",
        "%ff",
        "%c3%28",
        "%c0%af",
        "%ed%a0%80",
        "%00",
        "%0d%0a",
        "%2F",
        "%2f",
        "%25",
        "%2527",
        "+",
        "%2B",
        "%3F",
        "%23",
    ];
    let part = prop_oneof![12 => text().prop_map(every), 12 => (text(), prop::bool::weighted(0.1)).prop_map(needed), 2 => select(odd.to_vec()).prop_map(str::to_owned)];
    vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// What stands for itself in a path. All that RFC 3986 allows but `;`, where LocalStack cuts the path off.
const RAW_IN_PATH: &str = "._~-!$&'()*,=:@";

fn parameter(route: &Route) -> BoxedStrategy<String> {
    match route.parameter() {
        None => Just(String::new()).boxed(),
        // Two slashes in a row are one to LocalStack's own router, in front of its API Gateway.
        Some(_) if route.path.ends_with("+}") => vec(encoded(RAW_IN_PATH), 1..4)
            .prop_map(|parts| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/"))
            .boxed(),
        Some(_) => (encoded(RAW_IN_PATH), encoded(RAW_IN_PATH)).prop_map(|(one, other)| one + &other).boxed(),
    }
}

fn query(route: &Route) -> impl Strategy<Value = Option<String>> + use<> {
    let wanted: Vec<&'static str> = route
        .sources()
        .iter()
        .filter_map(|source| match source.from {
            Place::Query(name) | Place::Decoded(name) => Some(name),
            _ => None,
        })
        .collect();
    let is_encoded = route.sources().iter().any(|source| matches!(source.from, Place::Decoded(_)));
    let other = select(vec![
        "value",
        "Value",
        "page",
        "x",
        "value%20",
        "val%75e",
        "",
        "name",
        "input",
        "stateMachineArn",
        "Action",
        "a[]",
    ]);
    let name = match wanted.is_empty() {
        true => other.boxed(),
        false => prop_oneof![14 => select(wanted), 1 => other].boxed(),
    };
    let value = encoded("._~-!$'()*,;=:@/?");
    let value = match is_encoded {
        true => {
            let of = |text: String| base64(text.as_bytes()).replace('+', "%2B").replace('=', "%3D");
            prop_oneof![6 => text().prop_map(of), 1 => "[A-Za-z0-9/]{0,9}(%3D){0,2}", 1 => value].boxed()
        }
        false => value.boxed(),
    };
    let pair = prop_oneof![
        12 => (name.clone(), value).prop_map(|(name, value)| format!("{name}={value}")),
        1 => name.prop_map(str::to_owned),
    ];
    prop::option::weighted(0.94, vec(pair, 1..3).prop_map(|pairs| pairs.join("&")))
}

fn headers(route: &Route) -> impl Strategy<Value = Vec<(String, Vec<u8>)>> + use<> {
    let name = match route.sources().iter().any(|source| matches!(source.from, Place::Header(_))) {
        true => prop_oneof![14 => Just("X-Value"), 1 => Just("X-Valu"), 1 => Just("Value")].boxed(),
        false => select(
            ["X-Value", "X-Amz-Target", "X-HTTP-Method-Override", "Accept", "X-Amzn-Trace-Id", "Cookie"].as_slice(),
        )
        .boxed(),
    };
    let cased = (name, any::<u32>()).prop_map(|(name, bits)| {
        let case = |(at, c): (usize, char)| {
            if bits >> (at % 32) & 1 == 0 { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
        };
        name.chars().enumerate().map(case).collect::<String>()
    });
    // HTTP has no way to write characters beyond ASCII into a header.
    let plain =
        text().prop_map(|text| text.chars().filter(|c| matches!(c, ' '..='~' | '\t')).collect::<String>().into_bytes());
    let control = (text(), 1..0x20u8).prop_map(|(text, control)| {
        let mut value: Vec<u8> = text.bytes().filter(|byte| matches!(byte, b' '..=b'~')).collect();
        value.insert(value.len() / 2, control);
        // What ends a line begins another header.
        value.retain(|byte| !matches!(byte, b'\r' | b'\n'));
        value
    });
    let one = (cased, prop_oneof![30 => plain, 1 => control]).boxed();
    let many = vec(("[a-z]{1,12}", "[ -~]{0,20}"), 0..30)
        .prop_map(|many| many.into_iter().map(|(name, value)| (format!("x-{name}-"), value.into_bytes())));
    let content_type = prop_oneof![
        40 => Just(Some(route.content_type())),
        4 => Just(None),
        4 => select([
            JSON, "application/json; charset=utf-8", "Application/JSON", "application/json;charset=utf-16", "text/plain", "text/json", "",
            FORM, "application/xml", "application/json-patch+json", "*/*", "application/jsonx", "$default",
        ].as_slice()).prop_map(Some),
    ];
    let ones = prop_oneof![1 => vec(one.clone(), 0), 12 => vec(one.clone(), 1), 2 => vec(one, 2)];
    (content_type, ones, prop_oneof![9 => Just(Vec::new()), 1 => many.prop_map(Iterator::collect)]).prop_map(
        |(content_type, mut headers, many)| {
            headers.extend(content_type.map(|type_| ("Content-Type".to_owned(), type_.as_bytes().to_vec())));
            headers.extend(many);
            headers
        },
    )
}

/// A string as JSON text, each character as itself or as an escape.
fn string() -> impl Strategy<Value = String> {
    let written = |c: char, way: u8| match (c, way % 8) {
        ('"', 0..4) => "\\\"".to_owned(),
        ('\\', 0..4) => "\\\\".to_owned(),
        ('/', 0) => "\\/".to_owned(),
        ('\n', 0..4) => "\\n".to_owned(),
        ('"' | '\\' | '\0'..='\u{1f}', _) | (_, 7) => {
            c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect()
        }
        _ => c.to_string(),
    };
    let lone = prop_oneof![20 => Just(""), 1 => select(["\\ud800", "\\uDFFF", "\\uD83D", "\\ude00x"].as_slice())];
    (text(), vec(any::<u8>(), 8), lone).prop_map(move |(text, ways, lone)| {
        let text: String = text.chars().enumerate().map(|(at, c)| written(c, ways[at % ways.len()])).collect();
        format!("\"{text}{lone}\"")
    })
}

fn number() -> impl Strategy<Value = String> {
    const NUMBERS: [&str; 24] = [
        "0",
        "-0",
        "-0.0",
        "1.10",
        "1E+2",
        "1e-400",
        "1e400",
        "-1e400",
        "1e308",
        "1.8e308",
        "9007199254740993",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "0.1234567890123456789012345678901234567890",
        "123456789012345678901234567890.5",
        "5e-324",
        "2.2250738585072011e-308",
        "1e00000000000000000001",
        "0e999999999",
        "12345e305",
        "0.00001e310",
        "1e-9999999999",
    ];
    let long = (1..400usize, select(["", ".5", "e1", ".0e5", "e-380"].as_slice()))
        .prop_map(|(digits, end)| "9".repeat(digits) + end);
    prop_oneof![
        6 => select(NUMBERS.as_slice()).prop_map(str::to_owned),
        3 => any::<i64>().prop_map(|number| number.to_string()),
        3 => "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
        1 => long,
    ]
}

fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 2 => Just(" "), 1 => Just("\r\n\t")]
}

/// Any JSON text.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => string(),
        4 => number(),
        2 => select(["null", "true", "false", "[]", "{}", "\"\"", "\"\\\"\\\"\""].as_slice()).prop_map(str::to_owned),
    ];
    let deep = (leaf.clone(), 1..90usize, any::<bool>()).prop_map(|(leaf, depth, list)| match list {
        true => "[".repeat(depth) + &leaf + &"]".repeat(depth),
        false => "{\"a\":".repeat(depth) + &leaf + &"}".repeat(depth),
    });
    let tree = leaf.clone().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec((blank(), inner.clone(), blank()), 0..4).prop_map(|items| {
                let items: Vec<String> =
                    items.into_iter().map(|(before, item, behind)| format!("{before}{item}{behind}")).collect();
                format!("[{}]", items.join(","))
            }),
            vec((string(), inner), 0..4).prop_map(object),
        ]
    });
    prop_oneof![8 => leaf, 6 => tree, 1 => deep]
}

fn object(members: Vec<(String, String)>) -> String {
    let members: Vec<String> = members.into_iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

const NO_OBJECTS: [&[u8]; 8] =
    [b"", b" ", b"x", b"value=1&token=x", b"\"", b"{\"value\":1} {}", b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0"];

/// A body, which is mostly an object with the members that the route reads.
fn body(route: &'static Route) -> BoxedStrategy<Vec<u8>> {
    if route.method == "GET" {
        return Just(Vec::new()).boxed();
    }
    let reads = |place: fn(&Place) -> bool| route.sources().iter().any(|source| place(&source.from));
    if reads(|place| matches!(place, Place::Form(_))) {
        return form();
    }
    if reads(|place| matches!(place, Place::RawText)) {
        return prop_oneof![6 => text().prop_map(String::into_bytes), 2 => json().prop_map(String::into_bytes), 1 => vec(any::<u8>(), 0..20)].boxed();
    }
    if reads(|place| matches!(place, Place::WholeBody)) {
        let value = (blank(), json(), blank())
            .prop_map(|(before, value, behind)| format!("{before}{value}{behind}").into_bytes());
        return prop_oneof![9 => value, 1 => select(NO_OBJECTS.as_slice()).prop_map(<[u8]>::to_vec)].boxed();
    }
    let mut members = vec![vec((string(), json()), 0..3).boxed()];
    let strings = if route.action == "SendTaskFailure" { 30 } else { 3 };
    for source in route.sources() {
        let Place::Body(names) = source.from else { continue };
        let within = prop_oneof![strings => string(), 3 => json()].prop_map(move |value| {
            let whole = names[1..].iter().rev().fold(value, |value, name| object(vec![(format!("\"{name}\""), value)]));
            vec![(format!("\"{}\"", names[0]), whole)]
        });
        let wrong = json().prop_map(move |value| vec![(format!("\"{}\"", names[0]), value)]);
        members.push(prop_oneof![12 => within, 1 => wrong, 1 => Just(Vec::new())].boxed());
    }
    let meant = members.prop_shuffle().prop_map(|members| object(members.concat()));
    let text = prop_oneof![16 => (blank(), meant, blank()).prop_map(|(before, text, behind)| format!("{before}{text}{behind}")), 2 => json()];
    prop_oneof![
        20 => text.clone().prop_map(String::into_bytes),
        6 => (text, any::<prop::sample::Index>(), spoiler()).prop_map(|(text, at, spoiler)| spoiled(text.into_bytes(), at, spoiler)),
        1 => select(NO_OBJECTS.as_slice()).prop_map(<[u8]>::to_vec),
    ]
    .boxed()
}

/// A form, which mostly has the field that is read.
fn form() -> BoxedStrategy<Vec<u8>> {
    let name = prop_oneof![6 => Just("value".to_owned()), 2 => Just("page".to_owned()), 1 => Just("val%75e".to_owned()), 2 => encoded("._-")];
    let pair = prop_oneof![
        9 => (name.clone(), encoded("._~-!$'()*,;:@/?{}\"\\")).prop_map(|(name, value)| format!("{name}={value}")),
        1 => name,
        1 => text(),
    ];
    prop_oneof![
        9 => vec(pair, 1..4).prop_map(|pairs| pairs.join("&").into_bytes()),
        1 => select(NO_OBJECTS.as_slice()).prop_map(<[u8]>::to_vec),
    ]
    .boxed()
}

/// What is put into a body, or none if the body ends there.
fn spoiler() -> impl Strategy<Value = Option<Vec<u8>>> {
    let bytes: [&[u8]; 22] = [
        b"\xff",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xf5\x80\x80\x80",
        b"\xef\xbf\xbd",
        b"\xef\xbb\xbf",
        b"\0",
        b"\x01",
        b"\x7f",
        b"'",
        b"\"",
        b"\\",
        b",",
        b"}",
        b"0",
        b"-",
        b"/*x*/",
        b"//",
        b"$",
        b"\xe2\x80\xa8",
        b"\n",
    ];
    prop_oneof![1 => Just(None), 9 => select(bytes.to_vec()).prop_map(|bytes| Some(bytes.to_vec()))]
}

fn spoiled(mut body: Vec<u8>, at: prop::sample::Index, spoiler: Option<Vec<u8>>) -> Vec<u8> {
    // Behind the end too.
    let at = at.index(body.len() + 1);
    let end = body.split_off(at);
    if let Some(bytes) = spoiler {
        body.extend(bytes);
        body.extend(end);
    }
    body
}
