use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Generation, then each condition as `Type=state of generation, since`.
fn reads(status: &StepFunctionEndpointStatus) -> String {
    let conditions = status.conditions.iter().map(|condition| {
        let Time(since) = &condition.last_transition_time;
        let generation = condition.observed_generation.unwrap_or_default();
        format!("{}={} of {generation}, {}", condition.type_, condition.status, since.as_second())
    });
    let head = format!("generation {}", status.observed_generation.unwrap_or(-1));
    [head].into_iter().chain(conditions).collect::<Vec<_>>().join("; ")
}

/// A status of generation 1 with these conditions, all true since second 1.
fn told(conditions: &[&str]) -> StepFunctionEndpointStatus {
    let mut status = StepFunctionEndpointStatus { observed_generation: Some(1), ..Default::default() };
    for name in conditions {
        set(&mut status, name, true, Reason::UpToDate, "because", Some(1), at(1));
    }
    status
}

#[test]
fn a_suspended_object_says_what_it_said_of_the_generation_that_it_said_it_of() {
    let before = told(&["Ready", "Live"]);
    let now = suspended(Some(&before), Some(2), at(5));
    assert_eq!(reads(&now), "generation 1; Ready=True of 1, 1; Suspended=True of 2, 5; Live=True of 1, 1");
    let again = suspended(Some(&now), Some(2), at(9));
    assert_eq!(again, now, "again: nothing");
}

#[test]
fn nothing_is_in_progress_while_suspended_and_a_person_is_still_needed() {
    let now = suspended(Some(&told(&["Reconciling"])), Some(2), at(5));
    assert_eq!(reads(&now), "generation 1; Suspended=True of 2, 5");
    let now = suspended(Some(&told(&["Stalled"])), Some(2), at(5));
    assert_eq!(reads(&now), "generation 1; Stalled=True of 1, 1; Suspended=True of 2, 5");
    let never_seen = suspended(None, Some(1), at(5));
    assert_eq!(reads(&never_seen), "generation -1; Suspended=True of 1, 5");
}
