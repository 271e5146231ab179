//! Drift as the status tells it: rows of object, field, expected and found, from the actions that would put it back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::action::Action;
use crate::api::{Drift, moment};
use crate::change::{Change, Changes, where_they_differ};
use crate::desired::Desired;
use crate::endpoint::{self, When};
use crate::kinds::{deployment, rest_api};
use crate::next::Next;
use crate::observed::{Answer, Observed};
use crate::operation::Operation;
use crate::predict::{World, plan};

/// The most rows of a repair, which is done when it is told.
const REPAIRED_MAX: usize = 10;
/// The most rows of what is observed only.
const OBSERVED_MAX: usize = 20;

/// The rows of these actions, in the order of their objects: a row for each field that one puts back, and one for each object that needs
/// something else, such as to be created. What follows on that in the same object is part of it.
fn rows<'a>(actions: impl IntoIterator<Item = &'a Action>, at: Timestamp, max: usize) -> Vec<Drift> {
    let (mut order, mut fields, mut needs) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let actions: Vec<&Action> = actions.into_iter().collect();
    let is_create = |action: &&Action| matches!(action, Action::RestApi(rest_api::Action::CreateRestApi(_)));
    let creates = actions.iter().any(is_create);
    for action in actions {
        let is_intent = *action == Action::RestApi(rest_api::Action::RecordIntent);
        if is_intent && creates {
            continue; // told by what it is the intent of
        }
        let object = action.object();
        if !order.contains(&object) {
            order.push(object.clone());
        }
        let changes = action.changes().filter(|changes| !changes.is_empty() && !needs.contains_key(&object));
        match changes {
            Some(changes) => fields.entry(object).or_insert_with(Vec::new).extend(changes.iter().cloned()),
            None => drop(
                needs
                    .entry(object)
                    .or_insert_with(BTreeSet::new)
                    .insert(action.slow_call().map_or(action.name(), Operation::name)),
            ),
        }
    }
    let mut rows = Vec::new();
    for object in order {
        let row = |field: &str, expected: String, found: String| Drift {
            object: object.clone(),
            field: field.to_owned(),
            expected,
            found,
            at: moment(at),
        };
        for Change { field, found, wanted } in fields.get(&object).into_iter().flatten() {
            let (found, wanted) = where_they_differ(found, wanted, 100);
            rows.push(row(field, wanted, found));
        }
        if let Some(operations) = needs.get(&object) {
            let operations: Vec<&str> = operations.iter().copied().collect();
            rows.push(row("", "as declared".to_owned(), format!("needs {}", operations.join(", "))));
        }
    }
    rows.truncate(max);
    rows
}

/// The rows of the fields of one object.
pub fn fields(object: &str, changes: &Changes, at: Timestamp) -> Vec<Drift> {
    let row = |Change { field, found, wanted }: &Change| {
        let (found, expected) = where_they_differ(found, wanted, 100);
        Drift { object: object.to_owned(), field: (*field).to_owned(), expected, found, at: moment(at) }
    };
    changes.iter().map(row).collect()
}

/// What someone else has changed, from what is next in a pass that should have nothing to do. That a deployment is relied on no more says
/// nothing of it: what is put back after that does.
pub fn repaired(desired: &Desired, observed: &Observed, next: &Next<Action>, when: When) -> Vec<Drift> {
    let (distrusts, others): (Vec<&Action>, Vec<&Action>) = next.actions.iter().partition(|action| distrusts(action));
    if distrusts.is_empty() {
        return rows(others, when.now, REPAIRED_MAX);
    }
    let mut after = observed.clone();
    distrusts.into_iter().for_each(|action| after.fold_answer(action, Answer::Done));
    rows(&endpoint::next(desired, &after, when).actions, when.now, REPAIRED_MAX)
}

fn distrusts(action: &Action) -> bool {
    matches!(action, Action::Deployment(deployment::Action::UpdateDeployment { .. }))
}

/// All that would be written to bring AWS to what is desired, as a plan finds it. All that is needed must have been read.
pub fn differences(desired: &Desired, observed: &Observed, when: When) -> Vec<Drift> {
    let world = World::observed(desired.site.clone(), when.now, observed);
    let plan = plan(desired, observed.clone(), world, when, |_| 0);
    let actions = plan.iter().flat_map(|plan| &plan.actions).filter(|action| !distrusts(action));
    rows(actions, when.now, OBSERVED_MAX)
}

/// The same rows, each with the time at which it was first found.
pub fn since(rows: Vec<Drift>, before: &[Drift]) -> Vec<Drift> {
    let first = |row: Drift| {
        let same = |known: &&Drift| Drift { at: row.at.clone(), ..(*known).clone() } == row;
        let at = before.iter().find(same).map(|known| known.at.clone());
        Drift { at: at.unwrap_or_else(|| row.at.clone()), ..row }
    };
    rows.into_iter().map(first).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::kinds::{log_group, role, role::Purpose};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn attach(policy: &str) -> Action {
        let (name, policy_arn) = ("r".to_owned(), policy.to_owned());
        Action::Role(Purpose::Gateway, role::Action::AttachRolePolicy { name, policy_arn })
    }

    fn bound(found: &str, wanted: &str) -> Action {
        let changes = Changes::none().at("permissionsBoundary", &found.to_owned(), &wanted.to_owned());
        let (name, boundary_arn) = ("r".to_owned(), wanted.to_owned());
        Action::Role(Purpose::Gateway, role::Action::PutRolePermissionsBoundary { name, boundary_arn, changes })
    }

    fn unlog() -> Action {
        Action::LogGroup(log_group::Purpose::Workflow, log_group::Action::DeleteLogGroup { name: "g".to_owned() })
    }

    fn reads(rows: &[Drift]) -> String {
        let line = |row: &Drift| {
            format!("{} {}: {} for {} since {}", row.object, row.field, row.found, row.expected, row.at.0.as_second())
        };
        rows.iter().map(line).collect::<Vec<_>>().join("; ")
    }

    #[rstest]
    #[case::a_field(vec![bound("a", "b")], "role r permissionsBoundary: a for b since 1")]
    #[case::an_object(vec![unlog()], "log group g : needs logs:DeleteLogGroup for as declared since 1")]
    #[case::the_same_twice(vec![attach("a"), attach("b")], "role r : needs iam:AttachRolePolicy for as declared since 1")]
    #[case::by_object(
        vec![bound("a", "b"), unlog(), attach("a")],
        "role r permissionsBoundary: a for b since 1; role r : needs iam:AttachRolePolicy for as declared since 1; \
         log group g : needs logs:DeleteLogGroup for as declared since 1"
    )]
    #[case::part_of_making_it(
        vec![attach("a"), bound("a", "b")],
        "role r : needs iam:AttachRolePolicy, iam:PutRolePermissionsBoundary for as declared since 1"
    )]
    #[case::an_intent(
        vec![Action::RestApi(rest_api::Action::RecordIntent)],
        "REST API : needs apigateway:CreateRestApi for as declared since 1"
    )]
    fn actions_read_as(#[case] actions: Vec<Action>, #[case] expected: &str) {
        assert_eq!(reads(&rows(&actions, at(1), OBSERVED_MAX)), expected);
    }

    #[test]
    fn what_still_differs_has_done_so_since_it_was_first_found() {
        let first = rows(&[bound("a", "b"), unlog()], at(1), OBSERVED_MAX);
        let later = since(rows(&[bound("c", "b"), unlog()], at(9), OBSERVED_MAX), &first);
        let expected = "role r permissionsBoundary: c for b since 9; log group g : needs logs:DeleteLogGroup for as declared since 1";
        assert_eq!(reads(&later), expected);
    }
}
