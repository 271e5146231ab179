//! The code that reads a part of an execution's output. The output is a JSON text within the answer.
//!
//! - All of it is printed as that text: exact, since Step Functions takes nothing but JSON.
//! - A part is read from what `$util.parseJson` makes of it: an object of that prints as `{a=b}`, so that strings, numbers and booleans
//!   alone are let through. What else is there clears `$complete`, never becomes wrong bytes.
//! - Only a string has a `length()`. By `get`, a member named `class` or `empty` is a member, not a property of the Java object.
//!
//! `$value`, `$given` and `$length` are set from between double quotes, where a reference without a value reads as nothing.

use super::object;
use super::read::{self, Form};
use super::source::BodyPath;
use super::vtl::{Template, Word};

/// A member of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutputPath(Vec<String>);

impl OutputPath {
    /// Parses `$` and its members, as a path of a body.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        BodyPath::parse(text).map(|path| Self(path.members().to_vec())).map_err(|_| NOT_AN_OUTPUT_PATH)
    }
}

const NOT_AN_OUTPUT_PATH: &str = "a path to one member of the output is expected: `$`, then `.name` (ASCII letters, digits and `_`) or \
                                  `['name']` (also with `-`, `.`, `:`, `@`, `/` and spaces) for each member on the way";

/// The calls on the parsed output, each of which answers nothing where there is no such member.
impl Word for OutputPath {
    fn in_single_quotes(&self) -> String {
        self.0.join("').get('")
    }
}

/// Reads all of the output into `$document`, as text; nothing if there is none.
pub(super) fn read(template: &mut Template) {
    read::string(template, &BodyPath::of("output"));
    template.code("#set($document = $value)\n");
}

/// Parses `$document`. A template that parses what is no JSON ends with an error, and Step Functions has no other output.
pub(super) fn parse(template: &mut Template) {
    template.code("#set($parsed = '')\n#if($document != '')\n#set($parsed = $util.parseJson($document))\n#end\n");
}

/// Reads a member: `$length` is empty unless it is a string.
pub(super) fn part(template: &mut Template, path: &OutputPath) {
    template.code("#set($value = \"$!{parsed.get('").word(path).code("')}\")\n");
    template.code("#set($length = \"$!{parsed.get('").word(path).code("').length()}\")\n#set($given = false)\n");
    template.code("#if($length != '')\n#set($given = true)\n");
    template.code("#elseif($value.matches('true|false|-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?') == true)\n");
    template.code("#set($given = true)\n#elseif($value != '')\n#set($complete = false)\n#end\n");
}

/// Appends the part that was just read to an object.
pub(super) fn append(template: &mut Template, key: &str) {
    template.code("#if($length != '')\n");
    object::value(template, key, Form::Raw);
    template.code("#else\n");
    object::value(template, key, Form::Json);
    template.code("#end\n");
}

/// Sets `$body` to the JSON text of the part that was just read.
pub(super) fn as_json(template: &mut Template) {
    template.code("#set($body = $value)\n#if($length != '')\n#set($quote = '\"')\n#set($value = ").escaped("$value");
    template.code(")\n#set($body = \"${quote}${value}${quote}\")\n#end\n");
}

/// Sets `$code` to the number that was just read, if it is a status of a final answer; else `$complete` is cleared.
pub(super) fn as_status(template: &mut Template, path: &OutputPath) {
    template.code("#set($isStatus = false)\n#if($length == '')\n#if($value.matches('[2-5][0-9][0-9]') == true)\n");
    template.code("#set($isStatus = true)\n#set($code = $parsed.get('").word(path).code("'))\n#end\n#end\n");
    template.code("#if($isStatus == false)\n#set($complete = false)\n#end\n");
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::one("$.a", "a")]
    #[case::nested("$.a['b-c'].class", "a').get('b-c').get('class")]
    fn a_path_reads_as(#[case] given: &str, #[case] written: &str) {
        assert_eq!(OutputPath::parse(given).unwrap().in_single_quotes(), written);
    }

    #[rstest]
    fn no_path(#[values("", "$", "a", "$.a[0]", "$..a", "$['a'b']", "$.a')#set($x='")] given: &str) {
        assert_eq!(OutputPath::parse(given), Err(NOT_AN_OUTPUT_PATH));
    }
}
