//! The code that reads one place of a request, or one member of an answer, into `$value`, and says in `$given` whether it
//! is there where it can be absent.
//!
//! Both are set first, since Velocity leaves a variable as it is where the value is null: the value of the field before
//! would be read again. Conditions are nested, not joined, because LocalStack's engine evaluates both sides of `&&`.

use crate::api::{ContextVariable, Decoding, RawBody};

use super::source::{BodyPath, Name, Parameter, Place, Reading, is_written_by_a_client, may_lack};
use super::vtl::Template;

/// U+FFFD is what API Gateway, and `urlDecode`, put in place of bytes that are not UTF-8: refused, rather than altered.
const REFUSE_NOT_UTF_8: &str = "#if($value.matches('(?s).*\\uFFFD.*') == true)\n#set($complete = false)\n#end\n";

const NOTHING: &str = "#set($value = '')\n#set($given = false)\n";

const GIVEN_UNLESS_EMPTY: &str = "#if($value != '')\n#set($given = true)\n#end\n";

/// Quiet: what is not there prints nothing.
const TEXT_OF_FOUND: &str = "#set($value = \"$!found\")\n#if($value != '')\n#set($given = true)\n#end\n";

/// What `$value` holds after a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON text, as it stands in a document.
    Json,
    /// A string's characters, which must be escaped.
    Raw,
}

/// Reads a value of any JSON type from the body, or the text of any other place.
pub(super) fn value(template: &mut Template, reading: &Reading) -> Form {
    match (&reading.place, reading.decode) {
        (Place::Body(path), None) => {
            json(template, path);
            Form::Json
        }
        (Place::WholeBody, _) => {
            whole(template);
            Form::Json
        }
        (
            Place::Body(_)
            | Place::RawBody(_)
            | Place::BinaryBody
            | Place::Form(_)
            | Place::Parameter(_)
            | Place::Context(_)
            | Place::Claim(_)
            | Place::Authorizer(_)
            | Place::StageVariable(_),
            _,
        ) => {
            text(template, reading);
            Form::Raw
        }
    }
}

/// Reads a text of a request into a template that has `$complete` wherever the text can be unreadable.
pub(super) fn text(template: &mut Template, reading: &Reading) {
    found(template, &reading.place);
    match reading.decode {
        None => {}
        Some(Decoding::Base64) => decoded(template),
    }
}

/// Reads a string as it is there. From the body nothing but a string is given.
fn found(template: &mut Template, place: &Place) {
    match place {
        Place::Body(path) => string(template, path),
        Place::WholeBody => whole(template),
        Place::RawBody(raw) => raw_body(template, *raw),
        Place::BinaryBody => binary_body(template),
        Place::Form(name) => form(template, name),
        Place::Parameter(named) => {
            parameter(template, named);
            template.code(REFUSE_NOT_UTF_8);
        }
        Place::Context(variable) => of_context(template, *variable),
        Place::Claim(key) => {
            template.code(NOTHING).code("#set($found = '')\n#set($found = $context.authorizer.claims.get('");
            template.word(key).code("'))\n").code(TEXT_OF_FOUND);
        }
        Place::Authorizer(key) => {
            template.code(NOTHING).code("#set($found = '')\n#set($found = $context.authorizer.get('");
            template.word(key).code("'))\n").code(TEXT_OF_FOUND);
        }
        Place::StageVariable(name) => {
            template.code(NOTHING).code("#set($found = '')\n#set($found = $stageVariables['");
            template.word(name).code("'])\n").code(TEXT_OF_FOUND);
        }
    }
}

/// Reads a parameter. That one of the path is there is not said, as it always is.
fn parameter(template: &mut Template, named: &Parameter) {
    match named {
        Parameter::Path(name) => {
            template.code("#set($value = '')\n#set($value = $input.params().path.get('").word(name).code("'))\n");
            // It comes as the client wrote it, percent-encoded. A `+` is one there, unlike in the forms that urlDecode is for.
            template.code("#if($value.matches('.*%(?![0-9A-Fa-f]{2}).*') == false)\n");
            template.code("#set($value = $util.urlDecode($value.replace('+', '%2B')))\n#end\n");
        }
        Parameter::Query(name) => {
            template
                .code(NOTHING)
                .code("#if($input.params().querystring.containsKey('")
                .word(name)
                .code("') == true)\n#set($given = true)\n");
            template.code("#set($value = $input.params().querystring.get('").word(name).code("'))\n#end\n");
        }
        // The name arrives in the case that the client's HTTP version gave it.
        Parameter::Header(name) => {
            template
                .code(NOTHING)
                .code("#foreach($name in $input.params().header.keySet())\n#if($name.equalsIgnoreCase('");
            template.word(name).code(
                "') == true)\n#set($given = true)\n#set($value = $input.params().header.get($name))\n#end\n#end\n",
            );
        }
    }
}

/// Reads a parameter of the request that is answered. It is too late to refuse it: what is not UTF-8 is as good as missing.
pub(super) fn of_answered_request(template: &mut Template, named: &Parameter) {
    parameter(template, named);
    if matches!(named, Parameter::Path(_)) {
        template.code("#set($given = true)\n");
    }
    template.code("#if($value.matches('(?s).*\\uFFFD.*') == true)\n#set($value = '')\n#set($given = false)\n#end\n");
}

/// Between quotes it is text, of whatever class the value is.
pub(super) fn of_context(template: &mut Template, variable: ContextVariable) {
    let may_be_absent = may_lack(variable);
    if may_be_absent {
        template.code(NOTHING);
    }
    template.code("#set($value = \"").code(context(variable)).code("\")\n");
    if may_be_absent {
        template.code(GIVEN_UNLESS_EMPTY);
    }
    if is_written_by_a_client(variable) {
        template.code(REFUSE_NOT_UTF_8);
    }
}

/// Reads the body's text. API Gateway reads no body as `{}`, and passes no Content-Length on that would tell: neither is given.
fn raw_body(template: &mut Template, raw: RawBody) {
    template.code(NOTHING).code("#set($value = $input.body)\n#if($value != '{}')\n#set($given = true)\n#end\n");
    match raw {
        RawBody::Text => {}
        RawBody::Base64 => {
            template.code("#set($decoded = $value)\n#set($value = ").code(ENCODED).code(")\n");
            template.code("#if($util.base64Decode($value) != $decoded)\n#set($complete = false)\n#end\n");
            template.code(REFUSE_OTHER_CHARSETS);
        }
    }
}

/// Reads the base64 of a body that is bytes, which API Gateway made of it. Where it is none the API has not converted it: refused.
fn binary_body(template: &mut Template) {
    template
        .code(NOTHING)
        .code("#set($value = $input.body)\n#if($value != '')\n#if($value != '{}')\n#set($given = true)\n#if(");
    template.code("$value.matches('").code(BASE64).code("') == false)\n#set($complete = false)\n#end\n#end\n#end\n");
}

/// Base64 with padding, in one line.
const BASE64: &str = "(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?";

/// The base64 of `$decoded`, in one line whatever the encoder's lines are.
const ENCODED: &str = "$util.base64Encode($decoded).replaceAll('[^A-Za-z0-9+/=]', '')";

/// That API Gateway's base64 is that of UTF-8 isn't documented. Where a text is not ASCII it is looked at: these four characters are one.
const REFUSE_OTHER_CHARSETS: &str = concat!(
    "#if($decoded.matches('[\\x00-\\x7F]*') == false)\n#if($util.base64Decode('w6k=').length() != 1)\n",
    "#set($complete = false)\n#end\n#end\n"
);

/// What is no base64 never reaches the decoder; what is none of UTF-8 is not the same when it is encoded again.
fn decoded(template: &mut Template) {
    template.code("#if($value.matches('").code(BASE64).code("') == true)\n");
    template.code("#set($decoded = $util.base64Decode($value))\n#if(").code(ENCODED).code(" != $value)\n");
    template.code("#set($complete = false)\n#end\n").code(REFUSE_OTHER_CHARSETS);
    template.code("#set($value = $decoded)\n#else\n#set($complete = false)\n#end\n");
}

/// Reads a field of a form: names and values are percent-encoded, a `+` is a space.
fn form(template: &mut Template, name: &Name) {
    const PAIRS: &str = concat!(
        "#set($word = '')\n#set($raw = '')\n#set($at = 0)\n#foreach($pair in $input.body.split('&'))\n#set($word = $pair)\n",
        "#set($raw = '')\n#set($at = $pair.indexOf('='))\n#if($at >= 0)\n#set($word = $pair.substring(0, $at))\n",
        "#set($at = $at + 1)\n#set($raw = $pair.substring($at))\n#end\n",
        "#if($word.matches('(?s).*%(?![0-9A-Fa-f]{2}).*') == false)\n#set($word = $util.urlDecode($word))\n#end\n#if($word == '",
    );
    const VALUE: &str = concat!(
        "')\n#if($given == true)\n#set($complete = false)\n#end\n#set($given = true)\n",
        "#if($raw.matches('(?s).*%(?![0-9A-Fa-f]{2}).*') == true)\n#set($complete = false)\n#else\n",
        "#set($value = $util.urlDecode($raw))\n#end\n#end\n#end\n",
    );
    template.code(NOTHING).code(PAIRS).word(name).code(VALUE).code(REFUSE_NOT_UTF_8);
}

/// Reads the JSON text of the whole body. What is no JSON is read as a string, and no body as `""` or `{}`.
fn whole(template: &mut Template) {
    template
        .code(NOTHING)
        .code("#set($value = $input.json('$'))\n#set($given = true)\n#if($value.startsWith('\"') == true)\n");
    template
        .code("#if($input.body.matches('(?s)\\s*\".*') == false)\n#set($given = false)\n#if($input.body != '{}')\n");
    template.code("#set($complete = false)\n#end\n#end\n#end\n");
}

/// Reads the JSON text of a member. A missing one reads as the text `""`, as an empty string does; but that has a length of 0.
pub(super) fn json(template: &mut Template, path: &BodyPath) {
    template.code(NOTHING);
    template.code("#set($value = $input.json('").word(path).code("'))\n#if($value != '')\n#set($given = true)\n#end\n");
    template
        .code("#if($value == '\"\"')\n#if($input.path('")
        .word(path)
        .code("').length() != 0)\n#set($given = false)\n#end\n#end\n");
}

/// Reads a member that is a string. Any other is as good as missing: printed,
/// an object would be no JSON.
pub(super) fn string(template: &mut Template, path: &BodyPath) {
    template.code(NOTHING).code("#set($json = '')\n#set($json = $input.json('").word(path).code("'))\n");
    template.code("#if($json.startsWith('\"') == true)\n#set($given = true)\n#end\n");
    template
        .code("#if($json == '\"\"')\n#if($input.path('")
        .word(path)
        .code("').length() != 0)\n#set($given = false)\n#end\n#end\n");
    template.code("#if($given == true)\n#set($value = $input.path('").word(path).code("'))\n#end\n");
}

/// The reference to a variable, quiet: one without a value prints nothing.
fn context(variable: ContextVariable) -> &'static str {
    match variable {
        ContextVariable::RequestId => "$context.requestId",
        ContextVariable::ExtendedRequestId => "$!context.extendedRequestId",
        ContextVariable::RequestTime => "$!context.requestTime",
        ContextVariable::RequestTimeEpoch => "$context.requestTimeEpoch",
        ContextVariable::HttpMethod => "$context.httpMethod",
        ContextVariable::ResourceId => "$!context.resourceId",
        ContextVariable::ResourcePath => "$context.resourcePath",
        ContextVariable::Path => "$!context.path",
        ContextVariable::Protocol => "$!context.protocol",
        ContextVariable::DomainName => "$!context.domainName",
        ContextVariable::DomainPrefix => "$!context.domainPrefix",
        ContextVariable::Stage => "$context.stage",
        ContextVariable::ApiId => "$!context.apiId",
        ContextVariable::AccountId => "$!context.accountId",
        ContextVariable::SourceIp => "$context.identity.sourceIp",
        ContextVariable::UserAgent => "$!context.identity.userAgent",
        ContextVariable::CallerAccountId => "$!context.identity.accountId",
        ContextVariable::Caller => "$!context.identity.caller",
        ContextVariable::User => "$!context.identity.user",
        ContextVariable::UserArn => "$!context.identity.userArn",
        ContextVariable::AccessKey => "$!context.identity.accessKey",
        ContextVariable::PrincipalOrgId => "$!context.identity.principalOrgId",
        ContextVariable::CognitoIdentityId => "$!context.identity.cognitoIdentityId",
        ContextVariable::CognitoIdentityPoolId => "$!context.identity.cognitoIdentityPoolId",
        ContextVariable::CognitoAuthenticationType => "$!context.identity.cognitoAuthenticationType",
        ContextVariable::CognitoAuthenticationProvider => "$!context.identity.cognitoAuthenticationProvider",
    }
}
