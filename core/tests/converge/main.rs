//! For any manifest and any state of AWS: what is next leads to what is desired, in a bounded number of steps, without ever breaking what
//! is served, and is then empty. No call on the way is one that the operator's own IAM policy denies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

mod allowed;
mod choices;
mod contents;
mod manifests;
mod others;
mod world;

use proptest::prelude::*;
use serde_json::json;
use sfe_core::action::Action;
use sfe_core::desired::Desired;
use sfe_core::kinds::role;

use manifests::{Manifest, manifest};
use world::{Run, let_go, owned, untagged};

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    /// From nothing, and again: nothing.
    #[test]
    fn a_manifest_is_reached_and_then_left_alone(manifest in manifest(), order in any::<u64>()) {
        let mut run = Run::new(order);
        run.to(&manifest.desired())?.expect_rest()?;
        run.to(&manifest.desired())?.expect_no_action()?;
    }

    /// From the middle of any change, wherever it was broken off, to any other manifest.
    #[test]
    fn any_state_leads_to_any_manifest(
        first in manifest(), second in manifest(), third in manifest(), steps in 0_usize..60, order in any::<u64>(),
    ) {
        let mut run = Run::new(order);
        run.to(&first.desired())?.expect_rest()?;
        run.some_steps_to(&second.desired(), steps)?;
        run.to(&third.desired())?.expect_rest()?;
        run.to(&third.desired())?.expect_no_action()?;
        run.expect_same_as_from_nothing(&third.desired())?;
    }

    /// What someone deletes or edits by hand is put back, and nothing else is written.
    #[test]
    fn what_is_broken_by_hand_is_repaired(manifest in manifest(), order in any::<u64>(), picks in proptest::collection::vec(any::<u8>(), 1..4)) {
        let mut run = Run::new(order);
        run.to(&manifest.desired())?.expect_rest()?;
        for pick in picks {
            run.vandalize(pick);
        }
        run.without_service_checks().to(&manifest.desired())?.expect_rest()?;
        run.to(&manifest.desired())?.expect_no_action()?;
        run.expect_same_as_from_nothing(&manifest.desired())?;
    }

    /// A name changes sides: what was a further stage is the first one, and back. Its stage is moved, never taken for a former one.
    #[test]
    fn a_stage_that_becomes_another_stays(manifest in manifest(), order in any::<u64>()) {
        let (first, further) = (json!({ "name": "a", "accessLog": {} }), json!([{ "name": "b" }]));
        let one = manifest.clone().with("stage", first.clone()).with("stages", further.clone());
        let other = manifest.with("stage", json!({ "name": "b" })).with("stages", json!([{ "name": "a", "tracingEnabled": true }]));
        let mut run = Run::new(order);
        for manifest in [&one, &other, &one] {
            run.to(&manifest.desired())?.expect_rest()?;
            prop_assert_eq!(run.world.stages.keys().collect::<Vec<_>>(), ["a", "b"]);
            let touched = run.actions.iter().find(|action| action.name() == "apigateway:DeleteStage");
            prop_assert!(touched.is_none(), "{:?}", touched);
            run.to(&manifest.desired())?.expect_no_action()?;
        }
    }

    /// Deletion leaves nothing, also in the middle of creating or changing.
    #[test]
    fn deletion_leaves_nothing(first in manifest(), second in manifest(), steps in 0_usize..60, order in any::<u64>()) {
        let mut run = Run::new(order);
        run.some_steps_to(&first.desired(), steps)?;
        run.some_steps_to(&second.desired(), steps / 2)?;
        run.without_service_checks().to(&Manifest::nothing())?.expect_rest()?;
        prop_assert!(run.world.is_empty(), "left behind: {:?}", run.world);
    }

    /// What is observed only tells of a difference exactly if there is something to write, and a deletion of it reads and writes nothing.
    #[test]
    fn what_is_observed_only_is_told_and_left(
        first in manifest(), second in manifest(), steps in 0_usize..60, order in any::<u64>(),
    ) {
        let mut run = Run::new(order);
        run.some_steps_to(&first.desired(), steps)?;
        let told = run.differences(&second.desired());
        run.without_service_checks().to(&second.desired())?.expect_rest()?;
        prop_assert_eq!(told.is_empty(), run.actions.is_empty(), "told: {:?}", told);
        prop_assert!(run.differences(&second.desired()).is_empty());
        let left = Manifest::deleted(&json!({ "managementPolicy": "Observe" }));
        let before = run.world.clone();
        run.to(&left)?.expect_no_action()?;
        prop_assert!(run.world == before && run.reads == 0, "{} reads", run.reads);
    }

    /// A deletion that retains changes nothing but tags, wherever it is broken off; an object of the same name that is made anew in the
    /// middle touches nothing that was let go, and makes no second API.
    #[test]
    fn what_is_retained_stays_as_it_is_and_is_nobodys(
        first in manifest(), second in manifest(), steps in 0_usize..60, broken_off in 0_usize..8, order in any::<u64>(),
    ) {
        let retain = Manifest::deleted(&json!({ "deletionPolicy": "Retain" }));
        let mut run = Run::new(order);
        run.to(&first.desired())?.expect_rest()?;
        run.some_steps_to(&second.desired(), steps)?;
        let before = untagged(&run.world);
        run.some_steps_to(&retain, broken_off)?;
        if run.world.rest_api.as_ref().is_some_and(|api| api.tags.contains_key("sfe.dev/name")) {
            let (mut anew, let_go) = (run.clone(), let_go(&run.world));
            anew.without_service_checks().to(&first.desired())?;
            for action in &anew.actions {
                prop_assert!(!let_go.contains(&action.object()), "touched: {}", action);
                prop_assert!(action.name() != "apigateway:CreateRestApi", "a second API");
            }
        }
        run.to(&retain)?.expect_rest()?;
        prop_assert!(run.actions.iter().all(|action| action.name().contains(":Untag")), "{:?}", run.actions);
        prop_assert!(untagged(&run.world) == before && owned(&run.world) == 0, "{:?}", run.world);
        run.to(&retain)?.expect_no_action()?;
    }

    /// What nobody owns any more is taken over where that is asked for, and never before it was told; it then is as declared.
    #[test]
    fn what_is_nobodys_is_adopted_once_that_is_told(
        first in manifest(), second in manifest(), steps in 0_usize..60, picks in proptest::collection::vec(any::<u8>(), 0..3), order in any::<u64>(),
    ) {
        // Of keys the value is known to nobody: they are not taken over.
        let [first, second] = [first, second].map(|manifest| manifest.without("apiKeys").without("usagePlan"));
        let mut run = Run::new(order);
        run.to(&first.desired())?.expect_rest()?;
        run.some_steps_to(&second.desired(), steps)?;
        run.to(&second.desired())?.expect_rest()?;
        picks.into_iter().for_each(|pick| run.vandalize(pick));
        run.without_service_checks().to(&Manifest::deleted(&json!({ "deletionPolicy": "Retain" })))?.expect_rest()?;
        let api = run.world.rest_api.as_ref().map(|api| api.id.clone());
        let adopt = Desired { adopts: true, ..second.desired() };
        for pass in 0.. {
            prop_assert!(pass < 8, "not adopted after 8 passes: {:?}", run.told);
            let (told, nobodys) = (run.told.clone(), let_go(&run.world));
            run.to(&adopt)?;
            for object in nobodys {
                let written = run.actions.iter().find(|action| action.object() == object);
                let is_told = told.iter().any(|row| row.object == object);
                prop_assert!(written.is_none_or(|action| is_told && action.name().contains(":Tag")), "{:?}", written);
            }
            if run.is_at_rest() {
                break;
            }
        }
        prop_assert!(run.told.is_empty());
        prop_assert_eq!(run.world.rest_api.as_ref().map(|api| api.id.clone()), api);
        run.to(&adopt)?.expect_no_action()?;
        run.expect_same_as_from_nothing(&second.desired())?;
    }

    /// Objects of the same names without our tags are never written: the rest waits for a person.
    #[test]
    fn what_is_not_ours_is_not_touched(manifest in manifest(), order in any::<u64>(), pick in 0_u8..4) {
        let desired = manifest.desired();
        let mut run = Run::new(order);
        run.to(&desired)?.expect_rest()?;
        let Some(foreign) = run.disown(pick) else { return Ok(()) };
        run.without_service_checks();
        for desired in [desired, Manifest::nothing()] {
            run.to(&desired)?;
            let touched = run.actions.iter().find(|action| is_of(action, &foreign));
            prop_assert!(touched.is_none(), "touched: {}", touched.map(ToString::to_string).unwrap_or_default());
        }
    }
}

/// How many cases of each property: `SFE_CASES`, else 60.
fn cases() -> u32 {
    std::env::var("SFE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(60)
}

/// Whether the action writes to one of the objects that were disowned.
fn is_of(action: &Action, foreign: &str) -> bool {
    match action {
        Action::Role(role::Purpose::Gateway, _) => foreign == "gateway role",
        Action::Role(role::Purpose::Workflow, _) => foreign == "workflow role",
        Action::LogGroup(purpose, _) => foreign == purpose.object(),
        _ => false,
    }
}
