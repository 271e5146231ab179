use std::collections::BTreeSet;

use rstest::rstest;

use super::*;

#[rstest]
#[case::text("hello, $input.path('$.name')!.", Purpose::Body)]
#[case::a_choice("#if($a == 1)one#{else}other#end.", Purpose::Body)]
#[case::no_directive("<a href=\"#top\" style=\"color: #fff\">costs 5 $</a>", Purpose::Body)]
#[case::directives_in_quotes("$util.urlEncode('#end')$a.get(\"#fff\")", Purpose::Body)]
#[case::a_block("#* #end *#\n## #end\nx", Purpose::Body)]
#[case::a_loop("#foreach ($item in $list)#if($item == 'x')#break#end$item.get(0)[1]#end", Purpose::Body)]
#[case::a_document("#set($document = '{}')", Purpose::Document)]
#[case::a_chosen_document(
    "#if($a)\n  #set( $document = $b )\n#else ## it's c\n#{set}(${document}='{}')\n#end\n",
    Purpose::Document
)]
#[case::a_bracket_in_quotes("#set($document = \")('}\")", Purpose::Document)]
fn is_kept(#[case] text: &str, #[case] purpose: Purpose) {
    assert_eq!(Raw::parse(text, purpose).map(|raw| raw.as_str().to_owned()), Ok(text.to_owned()));
}

#[rstest]
#[case::an_end_too_many("a\n#end", "line 2, column 1: #end without an #if or #foreach")]
#[case::an_end_too_few("#if($a)", "line 1, column 8: an #end is missing")]
#[case::an_else_too_many("#if($a)#else#else#end", "line 1, column 13: #else without an #if")]
#[case::else_of_ours("#else", "line 1, column 1: #else without an #if")]
#[case::elseif_of_ours("#elseif(true)", "line 1, column 1: #elseif without an #if")]
#[case::stop("#stop", "line 1, column 1: #stop is not allowed")]
#[case::formal_stop("#{stop}", "line 1, column 1: #stop is not allowed")]
#[case::a_break_of_ours("#break", "line 1, column 1: #break without a #foreach around it")]
#[case::ours("#set($code = 0)", "line 1, column 1: `$code` is taken: choose another name")]
#[case::ours_by_another_spelling("#set( $!{code} = 0)", "line 1, column 1: `$code` is taken: choose another name")]
#[case::ours_in_a_loop(
    "#foreach($status in ['SUCCEEDED'])#end",
    "line 1, column 1: `$status` is taken: choose another name"
)]
#[case::a_member("#set($context.x = 0)", "line 1, column 1: `$context` is taken: choose another name")]
#[case::a_header("#set($header12 = 0)", "line 1, column 1: `$header12` is taken: choose another name")]
#[case::the_output("#set($document = 0)", "line 1, column 1: `$document` is taken: choose another name")]
#[case::an_override(
    "$context.responseOverride.status",
    "no override is allowed: `status`, `headers` and the action say it"
)]
#[case::escaped("\\#end", "line 1, column 1: no `\\` is allowed before `#` and `$`: set a variable to the character")]
#[case::half_a_comment("a#", "line 1, column 3: nothing of `#`, `$` and `\\` is allowed at the end")]
#[case::half_an_escape("a\\", "line 1, column 3: nothing of `#`, `$` and `\\` is allowed at the end")]
#[case::longer("#endless", "line 1, column 1: #endless is no directive: write `#{end}` in front of other text")]
#[case::verbatim("#[[#end]]#", "line 1, column 1: `#[[` and `#@` are not allowed")]
#[case::an_open_quote("#set($x = ')", "line 1, column 12: a `'` is missing")]
#[case::an_open_comment("#* x", "line 1, column 3: a `*#` is missing")]
#[case::an_open_reference("${a", "line 1, column 4: a `}` is missing")]
#[case::nothing_set("#set(1)", "line 1, column 6: a variable is required behind the `(`")]
#[case::literal("#literal()x", "line 1, column 1: #literal is not allowed")]
#[case::a_set_in_double_quotes(
    "#set($x = \"#set($code = 0)\")",
    "line 1, column 11: in double quotes: `$code` is taken: choose another name"
)]
#[case::a_carriage_return_that_ends_a_comment("## x\r#end", "line 1, column 6: #end without an #if or #foreach")]
#[case::a_directive_behind_a_dollar(
    "$#{foreach}",
    "line 1, column 1: no `#` is allowed behind `$`: set a variable to the character"
)]
#[case::no_operator("#if($a)\n  #if($a $b)#end#end", "line 2, column 10: an operator or `)` is required")]
#[case::no_condition("#if $a", "line 1, column 5: `(` is required behind #if")]
fn a_body_that_leaves_its_place_is_refused(#[case] text: &str, #[case] why: &str) {
    assert_eq!(Raw::parse(text, Purpose::Body).map(|raw| raw.as_str().to_owned()), Err(why.to_owned()));
}

#[rstest]
#[case::text("{\"stateMachineArn\": \"$x\"}")]
#[case::a_reference("#set($document = '{}')$document")]
#[case::a_call("#set($document = '{}')$list.add(1)")]
#[case::a_number("#set($document = '{}') 1")]
#[case::no_directive("#set($document = '{}') #x")]
fn a_document_prints_nothing(#[case] text: &str) {
    let refused = Raw::parse(text, Purpose::Document).map(|raw| raw.as_str().to_owned()).unwrap_err();
    assert!(refused.contains(": nothing may be printed"), "{refused}");
}

#[rstest]
#[case::nothing("")]
#[case::a_member("#set($document.x = 1)")]
#[case::another("#set($documents = 1)")]
fn a_document_is_set(#[case] text: &str) {
    let refused = Raw::parse(text, Purpose::Document).map(|raw| raw.as_str().to_owned()).unwrap_err();
    assert!(refused.contains("`#set($document = ...)` is required"), "{refused}");
}

#[test]
fn a_comment_at_the_end_hides_nothing_of_ours() {
    let raw = Raw::parse("a ## b", Purpose::Body).unwrap();
    assert_eq!(raw.as_str(), "a ## b\n");
}

/// The variables that the sources of our templates set.
fn ours() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mapping")).unwrap() {
        let path = file.unwrap().path();
        let is_of_tests =
            ["raw", "tests", "readings", "replies", "refused"].map(|name| path.ends_with(format!("{name}.rs")));
        if path.is_dir() || is_of_tests.contains(&true) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for opening in ["#set($", "#foreach($"] {
            found.extend(
                code.split(opening)
                    .skip(1)
                    .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned()),
            );
        }
    }
    found
}

#[test]
fn every_variable_of_ours_is_taken() {
    let ours = ours();
    assert!(ours.len() > 30, "{ours:?}");
    let free = ours.iter().filter(|name| !TAKEN.contains(&name.as_str()) && *name != "document");
    assert_eq!(free.collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Reads a file of verdicts: a line holds whether Velocity accepts a template and whether this parser does, then the template as a JSON string.
fn verdicts(text: &str) -> impl Iterator<Item = (bool, bool, String)> {
    text.lines().filter(|line| !line.starts_with("//")).map(|line| {
        let [velocity, ours, template] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (velocity == "yes", ours == "yes", serde_json::from_str(template).unwrap())
    })
}

/// What Velocity refuses must be refused; what it accepts is accepted, unless it is refused on purpose.
#[test]
fn templates_are_accepted_as_velocity_accepts_them() {
    let text = match std::env::var("SFE_VERDICTS") {
        Ok(path) => std::fs::read_to_string(path).unwrap(),
        Err(_) => include_str!("verdicts.txt").to_owned(),
    };
    let (mut count, mut wrong) = (0, Vec::new());
    for (velocity, ours, template) in verdicts(&text) {
        count += 1;
        let parsed = Raw::parse(&template, Purpose::Body);
        if parsed.is_ok() != ours || parsed.is_ok() && !velocity {
            wrong.push(format!("{velocity} {template:?}: {parsed:?}"));
        }
    }
    assert!(count > 100, "{count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
