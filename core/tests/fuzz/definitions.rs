//! Definitions: a text becomes a definition that AWS's answer equals, or mistakes that a person can read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use sfe_core::api::StateMachineType;
use sfe_core::definition::Definition;
use sfe_core::mistakes::{FieldPath, Mistakes};

use super::cases;
use super::documents::{change, changed, document, piece, text};

/// The longest definition, in bytes. Source: API reference of CreateStateMachine, `definition`.
const DEFINITION_MAX_BYTES: usize = 1_048_576;
/// The most mistakes of one definition and its substitutions, and the longest, in characters.
const MISTAKES_MAX: usize = 100;
const MISTAKE_CHARACTERS_MAX: usize = 1_500;
/// How long the worst may take, on a machine that does much else.
const SLOW: Duration = Duration::from_secs(20);

const WORDS: &[&str] = &[
    "StartAt",
    "States",
    "Type",
    "Next",
    "End",
    "Default",
    "Choices",
    "Catch",
    "Branches",
    "ItemProcessor",
    "Iterator",
    "ProcessorConfig",
    "Mode",
    "DISTRIBUTED",
    "ExecutionType",
    "EXPRESS",
    "Resource",
    "Task",
    "Pass",
    "Choice",
    "Wait",
    "Succeed",
    "Fail",
    "Parallel",
    "Map",
    "A",
    "B",
    "C",
    "arn:aws:states:::lambda:invoke.waitForTaskToken",
];

fn parse(text: &str, values: &BTreeMap<String, String>, type_: StateMachineType) -> Result<Definition, Vec<String>> {
    let (at, values_at) = (FieldPath::spec().field("definition"), FieldPath::spec().field("definitionSubstitutions"));
    let mut mistakes = Mistakes::none();
    let definition = Definition::parse(text, values, type_, &at, &values_at, &mut mistakes);
    definition.ok_or_else(|| mistakes.iter().map(ToString::to_string).collect())
}

/// What must hold of any text.
fn check(text: &str, values: &BTreeMap<String, String>, type_: StateMachineType) -> Result<(), TestCaseError> {
    match parse(text, values, type_) {
        Ok(definition) => {
            let sent = definition.to_json();
            prop_assert!(sent.len() <= DEFINITION_MAX_BYTES && serde_json::from_str::<Value>(sent).is_ok());
            prop_assert_eq!(&Definition::observed(sent), &definition, "what AWS answers is what was sent");
            // As `${NAME}` by itself: it was a value.
            if !sent.contains("${") {
                prop_assert_eq!(parse(sent, &BTreeMap::new(), type_), Ok(definition), "again: the same");
            }
        }
        Err(mistakes) => {
            prop_assert!((1..=MISTAKES_MAX).contains(&mistakes.len()), "{} mistakes", mistakes.len());
            for mistake in mistakes {
                prop_assert!(mistake.chars().count() <= MISTAKE_CHARACTERS_MAX, "long: {}", mistake);
                prop_assert!(!mistake.contains(char::is_control), "not on one line: {:?}", mistake);
            }
        }
    }
    Ok(())
}

fn any_type() -> impl Strategy<Value = StateMachineType> {
    select(vec![StateMachineType::Standard, StateMachineType::Express])
}

fn values() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[AB]|[a-z]{1,9}", text(), 0..3)
}

/// A definition that is right, of states in a row, some of them with states inside.
fn right() -> impl Strategy<Value = Value> {
    let state = select(vec!["Pass", "Wait", "Task", "Choice", "Parallel", "Map"]);
    vec(state, 1..5).prop_map(|types| {
        let mut states = json!({ "Last": { "Type": "Succeed" } });
        for (at, type_) in types.iter().enumerate() {
            let next = if at + 1 < types.len() { format!("S{}", at + 1) } else { "Last".to_owned() };
            let inner = |name: &str| json!({ "StartAt": name, "States": { name: { "Type": "Pass", "End": true } } });
            let (one, other, each) = (format!("One{at}"), format!("Other{at}"), format!("Each{at}"));
            states[format!("S{at}")] = match *type_ {
                "Wait" => json!({ "Type": "Wait", "Seconds": 1, "Next": next }),
                "Task" => json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": next, "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Last" }] }),
                "Choice" => json!({ "Type": "Choice", "Choices": [{ "Variable": "$.a", "IsNull": true, "Next": next }], "Default": "Last" }),
                "Parallel" => json!({ "Type": "Parallel", "Branches": [inner(&one), inner(&other)], "Next": next }),
                "Map" => json!({ "Type": "Map", "ItemProcessor": inner(&each), "Next": next }),
                _ => json!({ "Type": "Pass", "Result": { "a": [1.5, null, "é"] }, "Next": next }),
            };
        }
        json!({ "Comment": "c", "StartAt": "S0", "States": states })
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_text(text in text(), values in values(), type_ in any_type()) {
        check(&text, &values, type_)?;
    }

    /// The end of any text may be missing, and anything may stand in it.
    #[test]
    fn a_spoiled_text(right in right(), yaml in any::<bool>(), at in any::<prop::sample::Index>(), piece in prop::option::of(piece()), values in values()) {
        let mut whole = if yaml { serde_saphyr::to_string(&right).unwrap() } else { right.to_string() };
        let places: Vec<usize> = whole.char_indices().map(|(at, _)| at).collect();
        let at = places[at.index(places.len())];
        match piece {
            Some(piece) => whole.insert_str(at, &piece),
            None => whole.truncate(at),
        }
        check(&whole, &values, StateMachineType::Standard)?;
    }

    #[test]
    fn any_document(document in document(WORDS), type_ in any_type()) {
        check(&document.to_string(), &BTreeMap::new(), type_)?;
        check(&json!({ "StartAt": "A", "States": document }).to_string(), &BTreeMap::new(), type_)?;
        check(&serde_saphyr::to_string(&document).unwrap(), &BTreeMap::new(), type_)?;
    }

    #[test]
    fn a_right_one_is_taken_and_a_changed_one_told(right in right(), changes in vec(change(WORDS), 0..4), type_ in any_type()) {
        let text = right.to_string();
        let parsed = parse(&text, &BTreeMap::new(), type_);
        prop_assert_eq!(parsed.as_ref().map(Definition::to_json).map_err(Vec::len), Ok(text.as_str()));
        let yaml = parse(&serde_saphyr::to_string(&right).unwrap(), &BTreeMap::new(), type_);
        prop_assert_eq!(yaml, parsed, "YAML says the same");
        check(&changed(right, changes).to_string(), &BTreeMap::new(), type_)?;
    }

    /// Equality is one: of each with itself and both ways, and over white space, order and the form of numbers.
    #[test]
    fn what_is_observed_is_compared_by_meaning(one in document(WORDS), other in document(WORDS)) {
        let (a, b) = (Definition::observed(&one.to_string()), Definition::observed(&other.to_string()));
        let pretty = Definition::observed(&serde_json::to_string_pretty(&one).unwrap());
        prop_assert!(a == pretty);
        prop_assert!(pretty == a);
        prop_assert_eq!(a == b, b == a);
        prop_assert_eq!(a == b, pretty == b);
    }

    #[test]
    fn any_answer_is_observed(text in text()) {
        let (one, other) = (Definition::observed(&text), Definition::observed(&text));
        prop_assert_eq!(one == other, serde_json::from_str::<Value>(&text).is_ok());
        prop_assert_eq!(one.to_json(), text);
    }
}

/// What takes a careless parser for ever, or all memory, or its stack: a stack that overflows ends the process.
#[test]
#[allow(clippy::disallowed_methods, reason = "core has no clock, but how long it takes is what is tested")]
fn the_worst_ends_soon() {
    const LONG: usize = 100_000;
    let laughs =
        (1..30).map(|level| format!("l{level}: &l{level} [{}]\n", vec![format!("*l{}", level - 1); 9].join(",")));
    let laughs = format!("l0: &l0 [ha]\n{}", laughs.collect::<String>());
    let merges =
        (1..30).map(|level| format!("m{level}: &m{level} {{<<: [*m{0}, *m{0}]}}\n", level - 1)).collect::<String>();
    let names = |count: usize| (0..count).map(|at| format!("${{n{at}}}")).collect::<String>();
    let states = (0..20_000).map(|at| format!("\"S{at}\":{{\"Type\":\"X\"}}")).collect::<Vec<_>>().join(",");
    let worst = [
        ("lists", "[".repeat(LONG)),
        ("ended lists", "[".repeat(LONG) + &"]".repeat(LONG)),
        ("objects", "{\"a\":".repeat(LONG)),
        ("YAML objects", "{a: ".repeat(LONG)),
        ("lists in a line", "- ".repeat(LONG)),
        ("keys in a line", "? ".repeat(LONG)),
        ("indented", (0..2000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("laughs", laughs),
        ("merges", format!("m0: &m0 {{a: b}}\n{merges}")),
        ("an alias of itself", "&a [*a, *a]".to_owned()),
        ("anchors", (0..LONG).map(|at| format!("- &a{at} x\n")).collect()),
        ("aliases", format!("- &a {}\n", "x".repeat(1000)) + &"- *a\n".repeat(LONG)),
        ("documents", "--- a\n".repeat(LONG)),
        ("digits", "9".repeat(LONG * 10)),
        ("a power", format!("{{\"a\": 1e{}}}", "9".repeat(LONG))),
        ("a negative power", format!("[1e-{}]", "9".repeat(LONG))),
        ("a point", format!("0.{}", "0".repeat(LONG * 10))),
        ("a key", format!("{{\"{}\": 1}}", "k".repeat(LONG * 10))),
        ("one key twice", format!("{{{0}:1,{0}:2}}", format_args!("\"{}\"", "k".repeat(LONG * 10)))),
        ("blanks", " ".repeat(LONG * 40)),
        ("lines", "\n".repeat(LONG * 40)),
        ("comments", "# x\n".repeat(LONG * 10)),
        ("quotes", "\"".repeat(LONG)),
        ("tags", "!a ".repeat(LONG)),
        ("openings", "${".repeat(LONG * 10)),
        ("unknown names", names(LONG)),
        ("known names", "${A}".repeat(LONG)),
        ("states", format!("{{\"StartAt\":\"S0\",\"States\":{{{states}}}}}")),
        ("too long", "x".repeat(LONG * 50)),
    ];
    let values = BTreeMap::from([("A".to_owned(), "${A}".repeat(20))]);
    for (what, text) in worst {
        let began = Instant::now();
        check(&text, &values, StateMachineType::Express).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(began.elapsed() < SLOW, "{what} took {:?}", began.elapsed());
        let _ = Definition::observed(&text);
        assert!(began.elapsed() < SLOW, "{what} took {:?}", began.elapsed());
    }
}
