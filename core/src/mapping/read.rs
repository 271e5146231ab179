//! The code that reads one place of a request, or one member of an answer, into `$value`, and says in `$given` whether it
//! is there where it can be absent.
//!
//! Both are set first, since Velocity leaves a variable as it is where the value is null: the value of the field before
//! would be read again. Conditions are nested, not joined, because LocalStack's engine evaluates both sides of `&&`.

use crate::api::ContextVariable;

use super::source::{BodyPath, Place};
use super::vtl::Template;

/// U+FFFD is what API Gateway, and `urlDecode`, put in place of bytes that are not UTF-8: refused, rather than altered.
const REFUSE_NOT_UTF_8: &str = "#if($value.matches('(?s).*\\uFFFD.*') == true)\n#set($complete = false)\n#end\n";

const NOTHING: &str = "#set($value = '')\n#set($given = false)\n";

/// What `$value` holds after a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON text, as it stands in a document.
    Json,
    /// A string's characters, which must be escaped.
    Raw,
}

/// Reads a value of any JSON type from the body, or the text of any other place.
pub(super) fn value(template: &mut Template, place: &Place) -> Form {
    match place {
        Place::Body(path) => {
            json(template, path);
            Form::Json
        }
        Place::Path(_) | Place::Query(_) | Place::Header(_) | Place::Context(_) => {
            text(template, place);
            Form::Raw
        }
    }
}

/// Reads a string of a request into a template that has `$complete`. From the body nothing but a string is given.
pub(super) fn text(template: &mut Template, place: &Place) {
    match place {
        Place::Body(path) => string(template, path),
        Place::Path(name) => {
            template.code("#set($value = '')\n#set($value = $input.params().path.get('").word(name).code("'))\n");
            // It comes as the client wrote it, percent-encoded. A `+` is one there, unlike in the forms that urlDecode is for.
            template.code("#if($value.matches('.*%(?![0-9A-Fa-f]{2}).*') == false)\n");
            template.code("#set($value = $util.urlDecode($value.replace('+', '%2B')))\n#end\n").code(REFUSE_NOT_UTF_8);
        }
        Place::Query(name) => {
            template
                .code(NOTHING)
                .code("#if($input.params().querystring.containsKey('")
                .word(name)
                .code("') == true)\n#set($given = true)\n");
            template.code("#set($value = $input.params().querystring.get('").word(name).code("'))\n#end\n");
            template.code(REFUSE_NOT_UTF_8);
        }
        // The name arrives in the case that the client's HTTP version gave it.
        Place::Header(name) => {
            template
                .code(NOTHING)
                .code("#foreach($name in $input.params().header.keySet())\n#if($name.equalsIgnoreCase('");
            template.word(name).code(
                "') == true)\n#set($given = true)\n#set($value = $input.params().header.get($name))\n#end\n#end\n",
            );
            template.code(REFUSE_NOT_UTF_8);
        }
        // Between quotes it is text, of whatever class the value is.
        Place::Context(variable) => {
            template.code("#set($value = \"").code(context(*variable)).code("\")\n");
        }
    }
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

fn context(variable: ContextVariable) -> &'static str {
    match variable {
        ContextVariable::RequestId => "$context.requestId",
        ContextVariable::RequestTimeEpoch => "$context.requestTimeEpoch",
        ContextVariable::HttpMethod => "$context.httpMethod",
        ContextVariable::ResourcePath => "$context.resourcePath",
        ContextVariable::SourceIp => "$context.identity.sourceIp",
        ContextVariable::Stage => "$context.stage",
    }
}
