//! The default integration response: all that Step Functions answers but 2xx. Most of its errors share the status 400;
//! they are told apart by name.

use crate::api::{FailureResponse, Responses, Source};
use crate::mistakes::{FieldPath, Mistakes};

use super::member::Scope;
use super::part::Known;
use super::reply::{self, Reply, Said};
use super::source::BodyPath;
use super::success::failure_status;
use super::vtl::Template;
use super::{Call, Response, bounded, name, names_execution, read};

const INTERNAL_SERVER_ERROR: u16 = 500;
const TOO_MANY_REQUESTS: u16 = 429;

/// What a caller can mend. Source: the errors of each action in the Step Functions API reference.
const BAD_REQUEST: &str = "$type == 'InvalidExecutionInput' || $type == 'InvalidName' || $type == 'InvalidOutput' || \
                           $type == 'InvalidToken' || $type == 'ValidationException'";

/// Where the caller names the execution, the name is what makes its ARN invalid; anywhere else the ARN is ours.
const BAD_ARN: &str = " || $type == 'InvalidArn'";

const NOT_FOUND: &str = "$type == 'ExecutionDoesNotExist' || $type == 'TaskDoesNotExist'";

const CONFLICT: &str =
    "$type == 'ExecutionAlreadyExists' || $type == 'TaskTimedOut' || $type == 'ExecutionNotRedrivable'";

/// What passes by itself. Source: "Common errors" and the actions' errors in the Step Functions API reference, and the codes that
/// AWS's own clients retry as throttling.
const THROTTLING: &str = "$type == 'ThrottlingException' || $type == 'TooManyRequestsException' || \
                          $type == 'ExecutionLimitExceeded' || $type == 'Throttling' || $type == 'ThrottledException' || \
                          $type == 'RequestLimitExceeded' || $type == 'RequestThrottled' || \
                          $type == 'RequestThrottledException' || $type == 'KmsThrottlingException'";

/// What `responses` say of errors of the call; `at` is their field path, such as `spec.routes[2].responses`.
/// Where the caller names the execution that is started, its name is answered, and what is wrong with it.
pub(super) fn failure(
    said: &Responses,
    call: &Call,
    execution_name: Option<&Source>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Response> {
    let client = class(said.client_error.as_ref(), &at.field("clientError"), mistakes);
    let server = class(said.server_error.as_ref(), &at.field("serverError"), mistakes);
    let throttling = match &said.throttling {
        None => Some(None),
        Some(said) => class(Some(said), &at.field("throttling"), mistakes).map(Some),
    };
    let (client, server, throttling) = (client?, server?, throttling?);
    let default = server.status.unwrap_or(INTERNAL_SERVER_ERROR);
    let mut template = Template::new();
    error_type(&mut template);
    let is_named = execution_name.is_some() && !client.reply.says_body();
    if is_named {
        name::taken(&mut template);
    }
    template.code("#set($code = ").number(default).code(")\n#if(");
    if is_named {
        template.code("$type == 'InvalidName')\n#set($code = ").number(client.status.unwrap_or(400)).code(")\n");
        client.reply.write(name::refused, &mut template);
        template.code("#elseif($type == 'ExecutionAlreadyExists')\n#set($code = ");
        template.number(client.status.unwrap_or(409)).code(")\n");
        client.reply.write(name::conflict, &mut template);
        template.code("#elseif(");
    }
    template.code(BAD_REQUEST);
    if names_execution(call.action) {
        template.code(BAD_ARN);
    }
    template.code(")\n");
    client.answer(400, &mut template);
    template.code("#elseif(").code(NOT_FOUND).code(")\n");
    client.answer(404, &mut template);
    template.code("#elseif(").code(CONFLICT).code(")\n");
    client.answer(409, &mut template);
    template.code("#elseif(").code(THROTTLING).code(")\n");
    throttling.as_ref().unwrap_or(&server).answer(TOO_MANY_REQUESTS, &mut template);
    template.code("#else\n");
    let body = |template: &mut Template| {
        template.code(r#"{"error":"InternalServerError"}"#);
    };
    server.reply.write(body, &mut template);
    // Once, at the end: a second time within one rendering is a 5XX.
    template.code("#end\n#set($context.responseOverride.status = $code)\n");
    // What a success is answered with may be a redirect too: two responses of a method can't have one status.
    let status = if default < 400 { INTERNAL_SERVER_ERROR } else { default };
    Some(Response { status, template: bounded(template.finish(), at, mistakes)? })
}

/// One kind of failure: what is said replaces what each of its errors has by itself.
#[derive(Default)]
struct Class {
    status: Option<u16>,
    reply: Reply,
}

fn class(said: Option<&FailureResponse>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Class> {
    let Some(said) = said else { return Some(Class::default()) };
    let reply = reply::parse(&Said::from(said), Known { scope: Scope::Refusal, path: "" }, at, mistakes); // of which nothing is told here
    let status = match said.status {
        None => Some(None),
        Some(said) => failure_status(said, reply.as_ref(), at, mistakes).map(Some),
    };
    Some(Class { status: status?, reply: reply? })
}

impl Class {
    /// By default a caller learns the error's name, never AWS's message, which holds ARNs.
    fn answer(&self, status: u16, template: &mut Template) {
        template.code("#set($code = ").number(self.status.unwrap_or(status)).code(")\n");
        let body = |template: &mut Template| {
            template.code(r#"{"error":""#).escaped("$type").code(r#""}"#);
        };
        self.reply.write(body, template);
    }
}

/// Reads the error's name into `$type`: `__type`, or what is behind its `#` if there is one. It stays empty if the answer has none.
fn error_type(template: &mut Template) {
    read::string(template, &BodyPath::of("__type"));
    template.code("#set($type = $value)\n#if($value.contains('#') == true)\n#set($start = $value.indexOf('#') + 1)\n");
    template.code("#set($type = $value.substring($start))\n#end\n");
}
