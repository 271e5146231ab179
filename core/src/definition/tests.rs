use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;

const STANDARD: StateMachineType = StateMachineType::Standard;
const EXPRESS: StateMachineType = StateMachineType::Express;

fn parse(text: &str, values: &[(&str, &str)], type_: StateMachineType) -> Result<Definition, String> {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let machine = FieldPath::spec().field("stateMachine");
    let (at, values_at) = (machine.field("definition"), machine.field("definitionSubstitutions"));
    let mut mistakes = Mistakes::none();
    let definition = Definition::parse(text, &values, type_, &at, &values_at, &mut mistakes);
    assert_eq!(definition.is_some(), mistakes.is_empty(), "a definition or mistakes: {mistakes:?}");
    let lines = mistakes.iter().map(|mistake| mistake.to_string().replace("spec.stateMachine.", ""));
    definition.ok_or_else(|| lines.collect::<Vec<_>>().join("\n"))
}

/// `expected` is the JSON that is sent, or the mistakes, one a line.
fn check(text: &str, values: &[(&str, &str)], type_: StateMachineType, expected: &str) {
    let said = match parse(text, values, type_) {
        Ok(definition) => definition.to_json().to_owned(),
        Err(lines) => lines,
    };
    assert_eq!(said, expected, "{text}");
}

const BOTH: &str = "{StartAt: A, States: {A: {Type: Pass, Next: B}, B: {Type: Succeed}}}";

#[rstest]
#[case::yaml_becomes_json(BOTH, r#"{"StartAt":"A","States":{"A":{"Next":"B","Type":"Pass"},"B":{"Type":"Succeed"}}}"#)]
#[case::json_becomes_compact(
    r#" {"StartAt": "A", "States": {"A": {"Type": "Succeed", "OutputPath": null}}} "#,
    r#"{"StartAt":"A","States":{"A":{"OutputPath":null,"Type":"Succeed"}}}"#
)]
#[case::yaml_1_1_words_stay_text(
    "StartAt: on\nStates:\n  on: {Type: Pass, Result: [on, yes, no, true, ~, 012345678901, 1_000, 2024-01-01, 1.5, -3], End: true}",
    r#"{"StartAt":"on","States":{"on":{"End":true,"Result":["on","yes","no",true,null,"012345678901","1_000","2024-01-01",1.5,-3],"Type":"Pass"}}}"#
)]
#[case::anchors_are_filled(
    "x: &r [{MaxAttempts: 2}]\nStartAt: A\nStates:\n  A: {Type: Succeed, Comment: *r}",
    r#"{"StartAt":"A","States":{"A":{"Comment":[{"MaxAttempts":2}],"Type":"Succeed"}},"x":[{"MaxAttempts":2}]}"#
)]
#[case::numbers_keep_every_digit(
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"End\":true,\"Result\":8.676731761089702e+164,\"Type\":\"Pass\"}}}",
    "{\"StartAt\":\"A\",\"States\":{\"A\":{\"End\":true,\"Result\":8.676731761089702e+164,\"Type\":\"Pass\"}}}"
)]
#[case::unknown_fields_pass(
    "{QueryLanguage: JSONata, StartAt: A, States: {A: {Type: Task, Resource: 'arn:aws:states:::aws-sdk:x:y', Arguments: '{% $x %}', Assign: {a: 1}, End: true}}}",
    r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Arguments":"{% $x %}","Assign":{"a":1},"End":true,"Resource":"arn:aws:states:::aws-sdk:x:y","Type":"Task"}}}"#
)]
#[case::end_false_beside_next_passes(
    "{StartAt: A, States: {A: {Type: Wait, Seconds: 1, End: false, Next: B}, B: {Type: Fail}}}",
    r#"{"StartAt":"A","States":{"A":{"End":false,"Next":"B","Seconds":1,"Type":"Wait"},"B":{"Type":"Fail"}}}"#
)]
#[case::a_distributed_child_has_its_own_type(
    "{StartAt: M, States: {M: {Type: Map, End: true, ItemProcessor: {ProcessorConfig: {Mode: DISTRIBUTED, ExecutionType: EXPRESS}, StartAt: T, States: {T: {Type: Task, Resource: 'arn:aws:states:::x:y.sync', End: true}}}}}}",
    "definition: `arn:aws:states:::x:y.sync`: States.M.ItemProcessor.States.T.Resource must not be an activity nor end in .sync or .waitForTaskToken in an EXPRESS workflow"
)]
fn reads_as(#[case] text: &str, #[case] expected: &str) {
    check(text, &[], STANDARD, expected);
}

#[rstest]
#[case::not_json("{\"a\": 1,\n \"b\" 2}", "definition: must be YAML or JSON: expected `:` at line 2 column 6")]
#[case::not_yaml(
    "a: [1\nb: 2",
    "definition: must be YAML or JSON: illegal placement of ':' indicator at line 2, column 2"
)]
#[case::a_tag("StartAt: !Sub A", "definition: must be YAML or JSON: unsupported tag `!Sub` at line 1, column 15")]
#[case::a_long_tag(
    "a: !Fn::Sub-------------------------------------------------------------------------- A",
    "definition: must be YAML or JSON: unsupported tag `!Fn::Sub------------------------------------------------------- at line 1, column 87"
)]
#[case::two_documents(
    "a: 1\n---\nb: 2",
    "definition: must be YAML or JSON: more than one document at line 2, column 1"
)]
#[case::nothing("", "definition: `null`: the definition must be an object")]
#[case::a_list("[1]", "definition: `[...]`: the definition must be an object")]
#[case::no_states("{StartAt: A}", "definition: States must be an object")]
#[case::empty_states("{StartAt: A, States: {}}", "definition: States must have at least one state")]
#[case::no_start("{States: {A: {Type: Succeed}}}", "definition: StartAt must be a state of the same States: A")]
#[case::a_wrong_start(
    "{StartAt: B, States: {A: {Type: Succeed}}}",
    "definition: `B`: StartAt must be a state of the same States: A"
)]
#[case::a_twice_in_json(
    r#"{"StartAt": "A", "StartAt": "B"}"#,
    "definition: must be YAML or JSON: the key `StartAt` is there twice at line 1 column 26"
)]
#[case::a_twice_in_yaml(
    "StartAt: A\nStartAt: B",
    "definition: must be YAML or JSON: the key `StartAt` is there twice at line 2, column 1"
)]
#[case::an_unknown_type(
    "{StartAt: A, States: {A: {Type: Tusk}}}",
    "definition: `Tusk`: States.A.Type must be one of Task, Pass, Choice, Wait, Succeed, Fail, Parallel, Map"
)]
#[case::no_way_on("{StartAt: A, States: {A: {Type: Pass}}}", "definition: States.A must have `Next` or `End: true`")]
#[case::two_ways_on(
    "{StartAt: A, States: {A: {Type: Pass, Next: A, End: true}}}",
    "definition: `A`: States.A must have only one of `Next` and `End: true`"
)]
#[case::a_way_on_from_the_end(
    "{StartAt: A, States: {A: {Type: Succeed, End: true}}}",
    "definition: `Succeed`: States.A must have neither `Next` nor `End`: its type says what comes next"
)]
#[case::ways_to_nowhere(
    "{StartAt: A, States: {A: {Type: Choice, Choices: [{Next: A}, {Next: x}, {}], Default: y}, 'b c': {Type: Task, Resource: 'arn:a', Catch: [{Next: z}], End: true}}}",
    "definition: `y`: States.A.Default must be a state of the same States: A, b c\n\
     definition: `x`: States.A.Choices[1].Next must be a state of the same States: A, b c\n\
     definition: States.A.Choices[2].Next must be a state of the same States: A, b c\n\
     definition: `z`: States['b c'].Catch[0].Next must be a state of the same States: A, b c\n\
     definition: States must all be reachable from StartAt, unlike: b c"
)]
#[case::no_choices(
    "{StartAt: A, States: {A: {Type: Choice, Choices: []}}}",
    "definition: `[...]`: States.A.Choices must be a list of at least one"
)]
#[case::a_task_without_resource(
    "{StartAt: A, States: {A: {Type: Task, End: true}}}",
    "definition: States.A.Resource must be an ARN"
)]
#[case::a_ring(
    "{StartAt: A, States: {A: {Type: Pass, Next: A}}}",
    "definition: States must have a state that ends: `End: true`, Succeed or Fail"
)]
#[case::the_lost(
    "{StartAt: A, States: {A: {Type: Succeed}, B: {Type: Pass, Next: C}, C: {Type: Pass, Next: B}}}",
    "definition: States must all be reachable from StartAt, unlike: B, C"
)]
#[case::branches_are_scopes(
    "{StartAt: P, States: {P: {Type: Parallel, End: true, Branches: [{StartAt: A, States: {A: {Type: Pass, Next: P}}}, {}]}}}",
    "definition: `P`: States.P.Branches[0].States.A.Next must be a state of the same States: A\n\
     definition: States.P.Branches[1].States must be an object"
)]
#[case::iterators_are_scopes(
    "{StartAt: M, States: {M: {Type: Map, End: true, Iterator: {StartAt: M, States: {A: {Type: Pass, End: true}}}}}}",
    "definition: `M`: States.M.Iterator.StartAt must be a state of the same States: A"
)]
#[case::a_map_of_nothing(
    "{StartAt: M, States: {M: {Type: Map, End: true}}}",
    "definition: States.M.ItemProcessor must be an object: the states that run for each item"
)]
#[case::one_name_twice(
    "{StartAt: A, States: {A: {Type: Map, End: true, ItemProcessor: {StartAt: A, States: {A: {Type: Succeed}}}}}}",
    "definition: `A`: States.A.ItemProcessor.States must have names that no other state has, nested ones included"
)]
fn refused(#[case] text: &str, #[case] expected: &str) {
    check(text, &[], STANDARD, expected);
}

#[rstest]
#[case::a_callback("arn:aws:states:::sqs:sendMessage.waitForTaskToken")]
#[case::a_job("arn:aws-cn:states:::glue:startJobRun.sync")]
#[case::a_nested_execution("arn:aws:states:::states:startExecution.sync:2")]
#[case::an_activity("arn:aws:states:eu-central-1:000000000000:activity:a")]
fn express_waits_for_nothing(#[case] resource: &str) {
    let text = format!("{{StartAt: A, States: {{A: {{Type: Task, Resource: '{resource}', End: true}}}}}}");
    assert!(parse(&text, &[], STANDARD).is_ok(), "{text}");
    let lines = parse(&text, &[], EXPRESS).unwrap_err();
    assert!(lines.contains("States.A.Resource must not be an activity"), "{lines}");
}

#[test]
fn express_has_no_distributed_map() {
    let text = "{StartAt: M, States: {M: {Type: Map, End: true, ItemProcessor: {ProcessorConfig: {Mode: DISTRIBUTED}, StartAt: A, States: {A: {Type: Succeed}}}}}}";
    let expected =
        "definition: `DISTRIBUTED`: States.M.ItemProcessor.ProcessorConfig.Mode must be INLINE in an EXPRESS workflow";
    check(text, &[], EXPRESS, expected);
}

#[rstest]
#[case::filled(
    "{StartAt: A, States: {A: {Type: Succeed, Comment: '${X}-${a.b-c_1}$ ${} ${X Y} $${X}'}}}",
    &[("X", "${Y}"), ("a.b-c_1", "2")],
    r#"{"StartAt":"A","States":{"A":{"Comment":"${Y}-2$ ${} ${X Y} $${Y}","Type":"Succeed"}}}"#
)]
#[case::kept_by_itself(
    "{StartAt: A, States: {A: {Type: Succeed, Comment: '${X}'}}}",
    &[("X", "${X}")],
    r#"{"StartAt":"A","States":{"A":{"Comment":"${X}","Type":"Succeed"}}}"#
)]
#[case::any_text(
    "{StartAt: A, States: {A: ${STATE}}}",
    &[("STATE", "{Type: Succeed}")],
    r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#
)]
#[case::unknown_and_unused(
    "{StartAt: A, States: {A: {Type: Succeed, Comment: '${Z}${Z}${Y}'}}}",
    &[("X", "1")],
    "definition: `${Y}`: must be one of the substitutions: X; to keep the text as it is, substitute it by itself\n\
     definition: `${Z}`: must be one of the substitutions: X; to keep the text as it is, substitute it by itself\n\
     definitionSubstitutions[X]: must be used: the definition has no `${X}`"
)]
#[case::unknown_hides_no_other_mistake(
    "{StartAt: '${Z}', States: {A: {Type: Pass}}}",
    &[],
    "definition: `${Z}`: must be one of the substitutions: none; to keep the text as it is, substitute it by itself\n\
     definition: States.A must have `Next` or `End: true`\n\
     definition: `${Z}`: StartAt must be a state of the same States: A"
)]
#[case::unknown_is_not_reported_as_syntax(
    r#"{"StartAt": ${Z}, "States": {}}"#,
    &[],
    "definition: `${Z}`: must be one of the substitutions: none; to keep the text as it is, substitute it by itself"
)]
fn substituted(#[case] text: &str, #[case] values: &[(&str, &str)], #[case] expected: &str) {
    check(text, values, STANDARD, expected);
}

fn one_state(comment: &str) -> String {
    json!({ "StartAt": "A", "States": { "A": { "Type": "Succeed", "Comment": comment } } }).to_string()
}

#[test]
fn size_is_bounded() {
    let frame = one_state("").len();
    assert!(parse(&one_state(&"x".repeat(DEFINITION_MAX_BYTES - frame)), &[], STANDARD).is_ok());
    let lines = parse(&one_state(&"x".repeat(DEFINITION_MAX_BYTES - frame + 1)), &[], STANDARD).unwrap_err();
    assert_eq!(lines, "definition: `1048577`: must be at most 1048576 bytes as JSON");
    let lines = parse(&"${X}".repeat(2000), &[("X", &"y".repeat(4096))], STANDARD).unwrap_err();
    assert_eq!(lines, "definition: must be at most 4194304 bytes with the substitutions filled in");
}

#[test]
fn names_are_bounded() {
    let named = |length: usize| {
        let name = "ä".repeat(length);
        json!({ "StartAt": name, "States": { name: { "Type": "Succeed" } } }).to_string()
    };
    assert!(parse(&named(80), &[], STANDARD).is_ok());
    let lines = parse(&named(81), &[], STANDARD).unwrap_err();
    assert!(lines.ends_with("States must have names of 1 to 80 characters, not 81"), "{lines}");
}

/// A thread of a test has 2 MiB of stack, as one of tokio's: the deepest document that is read must fit.
#[rstest]
#[case::json(r#"{"a":"#, "}", 127)]
#[case::json_list("[", "]", 127)]
#[case::yaml("- ", "", 48)]
#[case::yaml_in_braces("{a: ", "}", 48)]
#[case::yaml_keys("? ", "", 1)]
fn depth_is_bounded(#[case] open: &str, #[case] close: &str, #[case] deepest: usize) {
    for depth in [deepest, deepest + 1, 20_000] {
        let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
        let lines = parse(&text, &[], STANDARD).unwrap_err();
        assert_eq!(lines.starts_with("definition: must be YAML or JSON: "), depth > deepest, "{lines}");
        assert!(lines.len() < 300, "{lines}");
    }
}

#[test]
fn aliases_are_bounded() {
    let mut bomb = format!("a0: &a0 {}\n", "x".repeat(1000));
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{items}]\n");
    }
    let lines = parse(&bomb, &[], STANDARD).unwrap_err();
    assert!(lines.contains("more than is read, with aliases filled in at line "), "{lines}");
}

#[test]
fn mistakes_are_bounded() {
    let states: BTreeMap<String, Value> = (0..1000).map(|n| (n.to_string(), json!({ "Type": "Pass" }))).collect();
    let lines = parse(&json!({ "StartAt": "0", "States": states }).to_string(), &[], STANDARD).unwrap_err();
    assert_eq!(lines.lines().count(), 21, "{lines}");
    assert!(lines.ends_with("definition: has 981 more mistakes"), "{lines}");
}

#[test]
fn mistakes_in_names_are_bounded() {
    let text: String = (0..1000).map(|n| format!("${{n{n}}}")).collect();
    let lines = parse(&text, &[], STANDARD).unwrap_err();
    assert_eq!(lines.lines().filter(|line| line.contains("must be one of the substitutions")).count(), 20, "{lines}");
    assert!(lines.contains("definition: has 980 more names that are no substitutions"), "{lines}");
    let names: Vec<String> = (0..100).map(|n| format!("n\n{n}")).collect();
    let values: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let lines = parse(BOTH, &values, STANDARD).unwrap_err();
    assert_eq!(lines.lines().count(), 21, "{lines}");
    assert!(lines.ends_with("definitionSubstitutions: has 80 more that are not used"), "{lines}");
}

#[rstest]
#[case::order_and_space(r#"{"a":1,"b":[2]}"#, "{ \"b\": [2], \"a\": 1 }", true)]
#[case::numbers_by_value("[1, -2, 0, 1e3]", "[1.0, -2.0, -0.0, 1000]", true)]
#[case::escapes(r#""é/""#, r#""\u00e9\/""#, true)]
#[case::lists_are_ordered("[1,2]", "[2,1]", false)]
#[case::null_is_not_absence(r#"{"a":null}"#, "{}", false)]
#[case::large_numbers_differ("9007199254740993", "9007199254740992", false)]
#[case::text_is_not_a_number(r#""1""#, "1", false)]
#[case::no_json_equals_nothing("StartAt: A", "StartAt: A", false)]
fn compares(#[case] one: &str, #[case] another: &str, #[case] equal: bool) {
    let (one, another) = (Definition::observed(one), Definition::observed(another));
    assert_eq!((one == another, another == one), (equal, equal), "{one:?} {another:?}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        let members = prop::collection::btree_map(any::<String>(), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A document of the states 0, 1, ...: a state with no way on succeeds, one with one passes, one with more chooses or
/// catches.
fn graph(ways: &[Vec<usize>]) -> String {
    let states: BTreeMap<String, Value> = ways
        .iter()
        .enumerate()
        .map(|(name, ways)| {
            let nexts: Vec<Value> = ways.iter().skip(1).map(|to| json!({ "Next": to.to_string() })).collect();
            let first = ways.first().map(usize::to_string);
            let state = match ways.len() {
                0 => json!({ "Type": "Succeed" }),
                1 => json!({ "Type": "Pass", "Next": first }),
                2 => json!({ "Type": "Task", "Resource": "arn:x", "Next": first, "Catch": nexts }),
                _ => json!({ "Type": "Choice", "Default": first, "Choices": nexts }),
            };
            (name.to_string(), state)
        })
        .collect();
    json!({ "StartAt": "0", "States": states }).to_string()
}

fn any_graph() -> impl Strategy<Value = Vec<Vec<usize>>> {
    (1..10_usize).prop_flat_map(|states| prop::collection::vec(prop::collection::vec(0..states, 0..4), states))
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>(), almost in "[-{}\\[\\],:&*!|>'\"#%@?<~$ \n\tAx1.]{0,120}") {
        for text in [text, almost] {
            let _ = parse(&text, &[("A", "${A}")], EXPRESS);
        }
    }

    #[test]
    fn any_document_is_checked(document in any_json(), state in any_json()) {
        for document in [document, json!({ "StartAt": "A", "States": { "A": state } })] {
            let _ = parse(&document.to_string(), &[], EXPRESS);
        }
    }

    #[test]
    fn what_was_sent_equals_what_is_answered(result in any_json()) {
        let text = json!({ "StartAt": "A", "States": { "A": { "Type": "Pass", "Result": result, "End": true } } }).to_string();
        let text = text.replace("${", "$ {");
        let definition = parse(&text, &[], STANDARD).unwrap();
        prop_assert_eq!(&Definition::observed(definition.to_json()), &definition);
    }

    #[test]
    fn reachability_is_the_closure(ways in any_graph()) {
        let mut reached = vec![false; ways.len()];
        reached[0] = true;
        for _ in 0..ways.len() { // once a state at least: the longest path is as long as there are states
            for (from, to) in ways.iter().enumerate().flat_map(|(from, to)| to.iter().map(move |to| (from, *to))) {
                reached[to] |= reached[from];
            }
        }
        let lost: Vec<String> = (0..ways.len()).filter(|state| !reached[*state]).map(|state| state.to_string()).collect();
        let lines = parse(&graph(&ways), &[], STANDARD).err().unwrap_or_default();
        let said = lines.lines().find_map(|line| line.split_once("unlike: ")).map(|(_, names)| names.to_owned());
        prop_assert_eq!(said.unwrap_or_default(), lost.join(", "));
    }
}
