//! Names of executions: what Step Functions allows, and what a caller is told of one that it doesn't.

use super::vtl::Template;

const CHARACTERS_MAX: usize = 80;

/// What is allowed. Source: Step Functions API reference, StartExecution, `name`.
pub(super) const ALLOWED: &str =
    "1 to 80 characters are allowed, none of them a space, a control character or one of <>{}[]?*\"#%\\^|~`$&,;:/";

/// Checks a name that the manifest says.
pub(super) fn check(name: &str) -> Result<(), &'static str> {
    let is_refused = |c: char| c.is_whitespace() || c.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    let count = name.chars().count();
    if (1..=CHARACTERS_MAX).contains(&count) && !name.contains(is_refused) { Ok(()) } else { Err(ALLOWED) }
}

/// A name that is not allowed is sent as `*`, which isn't either: the answer is InvalidName whatever was wrong with it, its length too.
pub(super) const REFUSE_NAME: &str = concat!(
    "#if($executionName.matches('[^\\s<>{}\\[\\]?*\\x22\\x23%\\x5C^|~`\\x24&,;:/\\x00-\\x1F\\x7F-\\x9F]{1,80}') == false)\n",
    "#set($executionName = '*')\n#end\n"
);

/// Answers InvalidName with what is allowed.
pub(super) fn refused(template: &mut Template) {
    template.code(r#"{"error":"InvalidName","message":""#).text("the execution's name: ").text(ALLOWED).code("\"}");
}

/// Reads the name of the execution that exists already into `$taken`, out of AWS's message, which ends in its ARN in quotes; it stays empty
/// where the message is another.
pub(super) fn taken(template: &mut Template) {
    super::read::string(template, &super::source::BodyPath::of("message"));
    template.code("#set($taken = '')\n#if($value.matches('(?s).*:execution:[^:]+:[^:]{1,80}\\x27') == true)\n");
    template.code("#set($taken = $value.replaceAll('(?s).*:', '').replaceAll('\\x27$', ''))\n#end\n");
}

/// Answers ExecutionAlreadyExists with the execution's name, which a status route takes.
pub(super) fn conflict(template: &mut Template) {
    template.code(r#"{"error":""#).escaped("$type").code("\"#if($taken != '')");
    template.code(r#", "name":""#).escaped("$taken").code("\"#end}");
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("order-7_a.b", true)]
    #[case::beyond_ascii("é'()+=@!", true)]
    #[case::longest(&"x".repeat(80), true)]
    #[case::too_long(&"x".repeat(81), false)]
    #[case::empty("", false)]
    #[case::space("a b", false)]
    #[case::slash("a/b", false)]
    #[case::colon("a:b", false)]
    #[case::control("a\u{85}b", false)]
    fn a_name_is_checked(#[case] name: &str, #[case] allowed: bool) {
        assert_eq!(check(name).is_ok(), allowed);
    }
}
