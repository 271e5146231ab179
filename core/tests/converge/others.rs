//! Our routes on someone else's API: whatever happens, what is theirs stays as it is to the last field, and when ours go all is as before.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use sfe_core::api::HttpMethod;
use sfe_core::desired::{self, Desired};
use sfe_core::kinds::{authorizer, method, model, resource, rest_api, stage};
use sfe_core::owner::{MARKER, Owner, Tags};
use sfe_core::predict::World;

use crate::manifests::{Manifest, manifest, settings};
use crate::world::{Run, owned, untagged};

/// The API's id.
pub const API: &str = "theirs";

/// What is theirs: two resources with methods, one without, an authorizer, and a stage.
pub fn place(world: &mut World, created_at: jiff::Timestamp) {
    let want = rest_api::Desired::new(API.into(), Tags::new());
    world.rest_api = Some(rest_api::created(&want, API.to_owned(), created_at));
    let finished = |id: &str, method: HttpMethod| resource::Resource {
        id: id.to_owned(),
        methods: BTreeMap::from([(method, theirs())]),
    };
    let empty = |id: &str| resource::Resource { id: id.to_owned(), methods: BTreeMap::new() };
    world.resources = BTreeMap::from([
        ("/".to_owned(), finished("r", HttpMethod::Put)),
        ("/a".to_owned(), empty("a")),
        ("/empty".to_owned(), empty("empty")),
        ("/theirs".to_owned(), finished("t", HttpMethod::Patch)),
    ]);
    let pools = BTreeSet::from(["arn:theirs".to_owned()]);
    let settings = authorizer::Settings::cognito(pools, None);
    world.authorizers =
        BTreeMap::from([("theirs".to_owned(), authorizer::Authorizer { id: "au".to_owned(), settings })]);
    world.deployments =
        BTreeMap::from([("d".to_owned(), "by hand".to_owned()), ("e".to_owned(), "sfe sfe-0123456789 x".to_owned())]);
    world.stages = BTreeMap::from([(
        "live".to_owned(),
        stage::Stage { deployment_id: "d".to_owned(), settings: stage::Settings::default(), tags: Tags::new() },
    )]);
}

fn theirs() -> method::Observed {
    let integration = method::Integration {
        kind: method::IntegrationKind::Aws,
        uri: "arn:aws:apigateway:eu-central-1:lambda:path/theirs".to_owned(),
        credentials: String::new(),
        passthrough_behavior: "WHEN_NO_MATCH".to_owned(),
        request_templates: BTreeMap::new(),
        other_settings: BTreeMap::from([("timeoutInMillis".to_owned(), "5000".to_owned())]),
        responses: BTreeMap::from([(
            200,
            method::IntegrationResponse { selection_pattern: None, content_handling: None, templates: BTreeMap::new() },
        )]),
    };
    let settings = method::Settings { operation_name: Some("theirs".to_owned()), ..method::Settings::default() };
    method::Observed { settings, responses: BTreeSet::from([200]), integration: Some(integration) }
}

/// The same without all that bears a mark of ours, but for resources, which bear none.
fn without_ours(world: &World, resources: &BTreeSet<String>) -> World {
    let mut world = world.clone();
    let ours = |name: &str| name.starts_with(MARKER);
    for resource in world.resources.values_mut() {
        resource.methods.retain(|_, found| !found.settings.operation_name.as_deref().is_some_and(ours));
    }
    world.resources.retain(|_, resource| resources.contains(&resource.id));
    world.authorizers.retain(|name, _| !ours(name));
    world.models.retain(|name, _| !model::is_ours(name));
    world.request_validator = None;
    let marker = Manifest::nothing().owner.marker();
    world.deployments.retain(|_, text| !text.contains(&marker));
    world.stages.retain(|_, stage| Owner::of(&stage.tags).is_none());
    world
}

/// What an API holds.
fn held(world: &World) -> String {
    let World { rest_api, resources, authorizers, request_validator, models, gateway_responses, .. } = world;
    let World { deployments, stages, .. } = world;
    let on_api = (authorizers, request_validator, models, gateway_responses);
    format!("{:#?}", (rest_api, resources, on_api, deployments, stages))
}

fn is_untouched(run: &Run, before: &World) -> Result<(), TestCaseError> {
    let ids = before.resources.values().map(|resource| resource.id.clone()).collect();
    let (found, wanted) = (held(&without_ours(&run.world, &ids)), held(before));
    prop_assert!(found == wanted, "what is theirs was touched:\n{}\nand was:\n{}", found, wanted);
    Ok(())
}

/// A manifest whose routes are on their API.
fn on_theirs() -> impl Strategy<Value = Manifest> {
    let below = prop_oneof![
        Just(Value::Null),
        Just(json!("/")),
        Just(json!("/theirs")),
        Just(json!("/empty/deep")),
        Just(json!("/new/{tenant}"))
    ];
    let stage = prop_oneof![Just("ours"), Just("ours-too")];
    (manifest(), below, stage).prop_map(|(manifest, below, stage)| {
        let mut api = json!({ "restApiId": API });
        if !below.is_null() {
            api["parentPath"] = below;
        }
        manifest
            .without("gatewayResponses")
            .with("api", api)
            .with("stage", json!({ "name": stage, "deploy": "Always" }))
    })
}

fn leaving() -> Desired {
    leaving_with("Delete")
}

fn leaving_with(policy: &str) -> Desired {
    let mut spec = json!({ "stateMachine": {}, "routes": [], "deletionPolicy": policy });
    spec["api"] = json!({ "restApiId": API });
    desired::deleted(&Manifest::object(&spec), &settings(), None)
}

fn begin(order: u64) -> (Run, World) {
    let mut run = Run::new(order);
    place(&mut run.world, crate::world::now());
    let before = run.world.clone();
    (run, before)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(), ..ProptestConfig::default() })]

    /// From the middle of any change to any other manifest, and away again: theirs is untouched at each moment, and at last all is as before.
    #[test]
    fn what_is_theirs_is_never_touched(
        first in on_theirs(), second in on_theirs(), third in on_theirs(), steps in 0_usize..60, left in 0_usize..40, order in any::<u64>(),
    ) {
        let (mut run, before) = begin(order);
        run.to(&first.desired())?.expect_rest()?;
        is_untouched(&run, &before)?;
        run.some_steps_to(&second.desired(), steps)?;
        is_untouched(&run, &before)?;
        run.to(&third.desired())?.expect_rest()?;
        is_untouched(&run, &before)?;
        run.to(&third.desired())?.expect_no_action()?;
        run.some_steps_to(&leaving(), left)?;
        is_untouched(&run, &before)?;
        run.without_service_checks().to(&leaving())?.expect_rest()?;
        prop_assert_eq!(held(&run.world), held(&before));
        let World { gateway_role, workflow_role, log_group, standard, express, .. } = &run.world;
        prop_assert!(gateway_role.is_none() && workflow_role.is_none() && log_group.is_none() && standard.is_none() && express.is_none());
        run.to(&leaving())?.expect_no_action()?;
    }

    /// A status that is lost before it told of new resources leaves these behind, empty, and nothing else; theirs is never taken for ours.
    #[test]
    fn a_lost_status_leaves_empty_resources_at_most(first in on_theirs(), second in on_theirs(), steps in 0_usize..60, order in any::<u64>()) {
        let (mut run, before) = begin(order);
        run.some_steps_to(&first.desired(), steps)?;
        run.made.clear();
        run.to(&second.desired())?.expect_rest()?;
        run.without_service_checks().to(&leaving())?.expect_rest()?;
        is_untouched(&run, &before)?;
        let mut found = run.world.clone();
        let known: BTreeSet<&String> = before.resources.keys().collect();
        for (path, left) in found.resources.iter().filter(|(path, _)| !known.contains(path)) {
            prop_assert!(left.methods.is_empty(), "{} was left with methods", path);
        }
        found.resources.retain(|path, _| known.contains(path));
        prop_assert_eq!(held(&found), held(&before));
    }

    /// Retain is refused beforehand. Said all the same when the object is deleted, it leaves everything as it is, and no tag of theirs changes.
    #[test]
    fn what_is_retained_stays_on_their_api(manifest in on_theirs(), order in any::<u64>()) {
        let (mut run, _) = begin(order);
        run.to(&manifest.desired())?.expect_rest()?;
        let before = untagged(&run.world);
        run.to(&leaving_with("Retain"))?.expect_rest()?;
        prop_assert!(run.actions.iter().all(|action| action.name().contains(":Untag")), "{:?}", run.actions);
        prop_assert!(run.actions.iter().all(|action| !action.object().contains(API)), "{:?}", run.actions);
        prop_assert!(untagged(&run.world) == before && owned(&run.world) == 0);
    }

    /// A route of theirs in the place of one of ours, a stage of theirs of the name of ours, another endpoint's routes or API, or no API:
    /// nothing is written on it.
    #[test]
    fn where_ours_has_no_place_nothing_is_written(manifest in manifest(), pick in 0_u8..5, order in any::<u64>()) {
        let manifest = manifest.without("gatewayResponses").with("api", json!({ "restApiId": API })).with("stage", json!({ "name": "ours", "deploy": "Always" }));
        let desired = manifest.desired();
        let (mut run, _) = begin(order);
        let (key, wanted) = desired.api.as_ref().unwrap().methods.iter().next().unwrap();
        match pick {
            0 => {
                let resource = run.world.resources.entry(key.path.clone()).or_default();
                resource.methods.insert(key.method, theirs());
            }
            1 => drop(run.world.stages.insert("ours".to_owned(), run.world.stages["live"].clone())),
            2 => {
                let mut strange = theirs();
                strange.settings.operation_name = Some("sfe-0123456789".to_owned());
                run.world.resources.get_mut("/theirs").unwrap().methods.insert(HttpMethod::Get, strange);
            }
            3 => run.world.rest_api = None,
            _ => {
                let tags = Owner { name: "another".into(), ..Manifest::nothing().owner }.tags();
                run.world.rest_api.as_mut().unwrap().tags = tags;
            }
        }
        prop_assert!(wanted.operation_name.starts_with(MARKER));
        let before = held(&run.world);
        run.to(&desired)?;
        prop_assert!(!run.is_at_rest() && held(&run.world) == before, "{:?}", run.actions);
    }
}
