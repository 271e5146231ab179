//! The code that builds one JSON object in `$text`, whatever of its members is there.
//!
//! `$comma` is what stands before the next member: nothing for the first, whichever that is.

use super::json::Json;
use super::read::Form;
use super::vtl::Template;

/// Begins an object.
pub(super) fn begin(template: &mut Template) {
    template.code("#set($quote = '\"')\n#set($text = '{')\n#set($comma = '')\n");
}

/// Begins an object within it.
pub(super) fn begin_member(template: &mut Template, key: &str) {
    part(template, key, |template| {
        template.code("{");
    });
    template.code("#set($text = \"${text}${comma}${part}\")\n#set($comma = '')\n");
}

/// Appends a member with a value that is known now.
pub(super) fn constant(template: &mut Template, key: &str, value: &Json) {
    part(template, key, |template| {
        template.document(value);
    });
    template.code("#set($text = \"${text}${comma}${part}\")\n#set($comma = ',')\n");
}

/// Appends a member with the value that was just read into `$value`.
pub(super) fn value(template: &mut Template, key: &str, form: Form) {
    part(template, key, |_| {});
    match form {
        Form::Json => {
            template.code("#set($text = \"${text}${comma}${part}${value}\")\n");
        }
        Form::Raw => {
            template.code("#set($value = ").escaped("$value").code(")\n");
            template.code("#set($text = \"${text}${comma}${part}${quote}${value}${quote}\")\n");
        }
    }
    template.code("#set($comma = ',')\n");
}

/// Appends a member for each parameter of the query string, whatever its name is.
pub(super) fn all_of_the_query(template: &mut Template) {
    template.code("#foreach($name in $input.params().querystring.keySet())\n#set($value = '')\n");
    template.code("#set($value = $input.params().querystring.get($name))\n").code(REFUSE_NOT_UTF_8);
    template.code("#set($word = ").escaped("$name").code(")\n#set($value = ").escaped("$value").code(")\n");
    template.code("#set($text = \"${text}${comma}${quote}${word}${quote}:${quote}${value}${quote}\")\n");
    template.code("#set($comma = ',')\n#end\n");
}

/// As in `read`, of the name as well.
const REFUSE_NOT_UTF_8: &str = concat!(
    "#if($name.matches('(?s).*\\uFFFD.*') == true)\n#set($complete = false)\n#end\n",
    "#if($value.matches('(?s).*\\uFFFD.*') == true)\n#set($complete = false)\n#end\n"
);

/// Ends an object within it.
pub(super) fn end_member(template: &mut Template) {
    template.code("#set($text = \"${text}}\")\n#set($comma = ',')\n");
}

/// Ends the object.
pub(super) fn end(template: &mut Template) {
    template.code("#set($text = \"${text}}\")\n");
}

/// Sets `$part` to the key and what is known of its value. Single quotes, because between them nothing is evaluated.
fn part(template: &mut Template, key: &str, value: impl FnOnce(&mut Template)) {
    template.code("#set($part = '\"").text(key).code("\":");
    value(template);
    template.code("')\n");
}
