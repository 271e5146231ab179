//! The routes that are called with hostile requests: one for each kind of source, each action that a client's values enter, and mixtures.
//! The manifest is made from the same table that says what a request means.

use serde_json::{Value, json};

use Place::{Body, Constant, Context, Decoded, Form, Header, Path, Query, RawBase64, RawText, WholeBody};

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Where a value comes from.
#[derive(Clone, Copy)]
pub enum Place {
    /// A member of the body by the names on the way.
    Body(&'static [&'static str]),
    /// The JSON body.
    WholeBody,
    /// The body's text.
    RawText,
    /// The body's bytes in base64.
    RawBase64,
    /// A field of a form.
    Form(&'static str),
    Path(&'static str),
    Query(&'static str),
    /// What a parameter of the query is in base64.
    Decoded(&'static str),
    Header(&'static str),
    Context(&'static str),
    /// JSON text.
    Constant(&'static str),
}

/// One value.
#[derive(Clone, Copy)]
pub struct Source {
    pub from: Place,
    pub optional: bool,
}

/// A JSON document that is sent as text.
#[derive(Clone, Copy)]
pub enum Document {
    Whole,
    /// JSON text, sent as it is.
    Said(&'static str),
    Fields(&'static [(&'static str, Source)]),
}

/// One member of the call beside the state machine.
#[derive(Clone, Copy)]
pub enum Part {
    Document(&'static str, Document),
    /// The field of the route, and the member of the call.
    Text(&'static str, &'static str, Source),
}

pub struct Route {
    pub method: &'static str,
    /// A parameter is its last part.
    pub path: &'static str,
    pub action: &'static str,
    pub parts: &'static [Part],
}

const fn required(from: Place) -> Source {
    Source { from, optional: false }
}

const fn optional(from: Place) -> Source {
    Source { from, optional: true }
}

const fn input(fields: &'static [(&'static str, Source)]) -> Part {
    Part::Document("input", Document::Fields(fields))
}

/// What Velocity and JSON could take for something else, with digits that no double has.
const SAID: &str = "{\"$input\": \"it's #set($x = 1) \\\\' \\u2028 é\", \"n\": [1.10, 1e400], \"n\": \"${x}\"}";

pub const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        path: "/whole",
        action: "StartExecution",
        parts: &[Part::Document("input", Document::Whole)],
    },
    Route {
        method: "POST",
        path: "/said",
        action: "StartExecution",
        parts: &[Part::Document("input", Document::Said(SAID))],
    },
    Route {
        method: "GET",
        path: "/path/{value}",
        action: "StartExecution",
        parts: &[input(&[("value", required(Path("value")))])],
    },
    Route {
        method: "GET",
        path: "/rest/{rest+}",
        action: "StartExecution",
        parts: &[input(&[("a.rest", required(Path("rest")))])],
    },
    Route {
        method: "GET",
        path: "/query",
        action: "StartExecution",
        parts: &[input(&[("value", required(Query("value")))])],
    },
    Route {
        method: "GET",
        path: "/header",
        action: "StartExecution",
        parts: &[input(&[("value", required(Header("X-Value")))])],
    },
    Route {
        method: "POST",
        path: "/body",
        action: "StartExecution",
        parts: &[input(&[("value", required(Body(&["value"])))])],
    },
    Route {
        method: "PATCH",
        path: "/deep",
        action: "StartExecution",
        parts: &[input(&[("value", required(Body(&["user", "first-name", "value"])))])],
    },
    Route {
        method: "POST",
        path: "/optional",
        action: "StartExecution",
        parts: &[input(&[
            ("a", optional(Body(&["value"]))),
            ("b", optional(Query("value"))),
            ("c", optional(Header("X-Value"))),
            ("d", required(Constant("{\"$input\":\"it's\",\"list\":[1,false,\"\"]}"))),
            ("e.f", optional(Body(&["nested", "value"]))),
            ("e.g", required(Context("httpMethod"))),
        ])],
    },
    Route {
        method: "PUT",
        path: "/all/{id}",
        action: "StartExecution",
        parts: &[input(&[
            ("id", required(Path("id"))),
            ("user.name", required(Body(&["name"]))),
            ("user.tags", optional(Body(&["tags"]))),
            ("user.from.agent", required(Header("X-Value"))),
            ("user.from.page", required(Query("page"))),
            ("route", required(Context("resourcePath"))),
            ("stage", required(Context("stage"))),
            ("it's $x", required(Constant("\"#set($x = 1)\""))),
        ])],
    },
    Route {
        method: "DELETE",
        path: "/context",
        action: "StartExecution",
        parts: &[input(&[
            ("request", required(Context("requestId"))),
            ("from", required(Context("identity.sourceIp"))),
            ("method", required(Context("httpMethod"))),
            ("page", optional(Query("page"))),
        ])],
    },
    Route {
        method: "POST",
        path: "/value",
        action: "StartExecution",
        parts: &[input(&[("all", required(WholeBody)), ("page", optional(Query("page")))])],
    },
    Route {
        method: "POST",
        path: "/raw",
        action: "StartExecution",
        parts: &[input(&[("text", required(RawText)), ("base64", required(RawBase64))])],
    },
    Route {
        method: "POST",
        path: "/form",
        action: "StartExecution",
        parts: &[input(&[
            ("value", required(Form("value"))),
            ("page", optional(Form("page"))),
            ("raw", required(RawText)),
        ])],
    },
    Route {
        method: "GET",
        path: "/decoded",
        action: "StartExecution",
        parts: &[input(&[("value", required(Decoded("value")))])],
    },
    Route {
        method: "POST",
        path: "/named",
        action: "StartExecution",
        parts: &[
            Part::Document("input", Document::Said("{}")),
            Part::Text("executionName", "name", required(Query("name"))),
        ],
    },
    Route {
        method: "POST",
        path: "/success/{token}",
        action: "SendTaskSuccess",
        parts: &[
            Part::Text("taskToken", "taskToken", required(Path("token"))),
            Part::Document(
                "output",
                Document::Fields(&[("value", optional(Body(&["value"]))), ("page", optional(Query("page")))]),
            ),
        ],
    },
    Route {
        method: "POST",
        path: "/failure",
        action: "SendTaskFailure",
        parts: &[
            Part::Text("taskToken", "taskToken", required(Body(&["token"]))),
            Part::Text("error", "error", optional(Header("X-Value"))),
            Part::Text("cause", "cause", optional(Body(&["value"]))),
        ],
    },
    Route {
        method: "GET",
        path: "/execution/{name}",
        action: "DescribeExecution",
        parts: &[Part::Text("execution", "executionArn", required(Path("name")))],
    },
];

/// The StepFunctionEndpoint of these routes.
pub fn manifest(name: &str) -> Value {
    json!({
        "apiVersion": "sfe.dev/v1alpha1",
        "kind": "StepFunctionEndpoint",
        "metadata": { "name": name },
        "spec": {
            "stateMachine": { "definition": "{StartAt: Done, States: {Done: {Type: Pass, End: true}}}" },
            "routes": ROUTES.iter().map(Route::manifest).collect::<Vec<_>>(),
        }
    })
}

impl Route {
    /// The name of the path's parameter.
    pub fn parameter(&self) -> Option<&'static str> {
        let (_, name) = self.path.split_once('{')?;
        name.strip_suffix('}').map(|name| name.strip_suffix('+').unwrap_or(name))
    }

    /// Every value that it is made of.
    pub fn sources(&self) -> Vec<Source> {
        self.parts
            .iter()
            .flat_map(|part| match part {
                Part::Text(_, _, source) => vec![*source],
                Part::Document(_, Document::Fields(fields)) => fields.iter().map(|(_, source)| *source).collect(),
                Part::Document(_, Document::Whole | Document::Said(_)) => Vec::new(),
            })
            .collect()
    }

    /// The one content type that it takes.
    pub fn content_type(&self) -> &'static str {
        if self.sources().iter().any(|source| matches!(source.from, Form(_))) { FORM } else { JSON }
    }

    fn manifest(&self) -> Value {
        let mut route =
            json!({ "path": self.path, "method": self.method, "auth": { "type": "NONE" }, "action": self.action });
        for part in self.parts {
            match part {
                Part::Text(field, _, source) => route[field] = source.manifest(),
                Part::Document(_, Document::Whole) => {}
                Part::Document(field, Document::Said(text)) => route[field] = json!({ "constantJson": text }),
                Part::Document(field, Document::Fields(fields)) => {
                    let fields: serde_json::Map<String, Value> =
                        fields.iter().map(|(key, source)| ((*key).to_owned(), source.manifest())).collect();
                    let document = json!({ "fields": fields });
                    match self.content_type() {
                        JSON => route[field] = document,
                        other => route["contentTypes"] = json!({ other: document }),
                    }
                }
            }
        }
        route
    }
}

impl Source {
    fn manifest(&self) -> Value {
        let mut source = match self.from {
            Body(names) => {
                let path: String = names.iter().map(|name| format!("['{name}']")).collect();
                json!({ "body": format!("${path}") })
            }
            WholeBody => json!({ "body": "$" }),
            RawText => json!({ "rawBody": "TEXT" }),
            RawBase64 => json!({ "rawBody": "BASE64" }),
            Form(name) => json!({ "form": name }),
            Decoded(name) => json!({ "query": name, "decode": "BASE64" }),
            Path(name) => json!({ "path": name }),
            Query(name) => json!({ "query": name }),
            Header(name) => json!({ "header": name }),
            Context(name) => json!({ "context": name }),
            Constant(text) => json!({ "constant": serde_json::from_str::<Value>(text).unwrap() }),
        };
        if self.optional {
            source["optional"] = json!(true);
        }
        source
    }
}
