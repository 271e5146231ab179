//! What an upgrade would write to AWS. Each example's life, from nothing to rest, is a text in this directory: every call, every AWS object with
//! all that is then in it, and the status. An operator that is upgraded derives the same from the same manifest, finds it in AWS, and
//! writes nothing, as long as these texts stay as they are. A change of one of them is a change that the next version makes in AWS, for every
//! endpoint that there is: for a person to decide, with `UPDATE=1 cargo test -p sfe-core --test upgrade`, and to tell in the release notes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "how a test fails")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde_json::Value;
use sfe_core::api::{StateMachineType, StepFunctionEndpoint};
use sfe_core::desired::{Host, Labels, Neighbour, References, Settings, admission, desired};
use sfe_core::endpoint::When;
use sfe_core::kinds::{api_key, resource, rest_api};
use sfe_core::observed::Observed;
use sfe_core::outcome::{Convergence, Outcome};
use sfe_core::owner::Site;
use sfe_core::predict::{self, World};
use sfe_core::status::{is_true, status};

/// A guest and its host need some rounds of each other's status; this is one more than any example takes.
const ROUNDS: usize = 8;
/// Of objects that name none.
const NAMESPACE: &str = "shop";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn settings() -> Settings {
    let site =
        Site { partition: "aws".to_owned(), account: "000000000000".to_owned(), region: "eu-central-1".to_owned() };
    Settings::new("upgrade".to_owned(), site)
}

/// The objects of an example: what has no StepFunctionEndpoint beside it are ConfigMaps.
struct Example {
    endpoints: Vec<(StepFunctionEndpoint, World)>,
    config_maps: BTreeMap<String, Value>,
    namespaces: BTreeMap<String, Labels>,
    calls: String,
}

impl Example {
    fn read(file: &Path, now: Timestamp) -> Self {
        let text = fs::read_to_string(file).unwrap();
        let mut example = Self {
            endpoints: Vec::new(),
            config_maps: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            calls: String::new(),
        };
        for document in text.split("\n---\n") {
            let object: Value = serde_saphyr::from_str(document).unwrap();
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            if object["kind"] == "Namespace" {
                let labels = serde_json::from_value(object["metadata"]["labels"].clone()).unwrap_or_default();
                example.namespaces.insert(name, labels);
                continue;
            }
            if object["kind"] == "Secret" {
                continue;
            }
            if object["kind"] == "ConfigMap" {
                example.config_maps.insert(name, object["data"].clone());
                continue;
            }
            let mut endpoint = StepFunctionEndpoint::deserialize(object).unwrap();
            endpoint.metadata.namespace.get_or_insert(NAMESPACE.to_owned());
            endpoint.metadata.generation = Some(1);
            let mut world = World::empty(settings().site, now);
            world.account.cloudwatch_role_arn = Some("arn:aws:iam::000000000000:role/logs".to_owned());
            if let Some(id) = endpoint.spec.api.as_ref().and_then(|api| api.rest_api_id.clone()) {
                let want = rest_api::Desired::new(id.clone(), BTreeMap::new());
                world.rest_api = Some(rest_api::created(&want, id, now));
                let root = resource::Resource { id: "root".to_owned(), methods: BTreeMap::new() };
                world.resources.insert("/".to_owned(), root);
            }
            example.endpoints.push((endpoint, world));
        }
        example
    }

    fn references(&self, endpoint: &StepFunctionEndpoint) -> References {
        let host_of = |object: &StepFunctionEndpoint| {
            let reference = object.spec.api.as_ref().and_then(|api| api.endpoint_ref.as_ref())?;
            let own = object.metadata.namespace.clone();
            Some((reference.namespace.clone().or(own), Some(reference.name.clone())))
        };
        let key = |object: &StepFunctionEndpoint| (object.metadata.namespace.clone(), object.metadata.name.clone());
        let others = || self.endpoints.iter().map(|(object, _)| object);
        let host = host_of(endpoint).map(|named| {
            let host = others().find(|object| key(object) == named).unwrap();
            let (status, namespace) = (host.status.as_ref(), endpoint.metadata.namespace.as_ref().unwrap());
            let us = Neighbour::of(endpoint, host.metadata.namespace.as_ref().unwrap());
            let is_us = |guest: &&sfe_core::api::GuestStatus| us.is(guest);
            Host {
                name: Neighbour::of(host, namespace),
                exists: true,
                admission: admission(host, namespace, self.namespaces.get(namespace)),
                is_guest: host_of(host).is_some(),
                idle: None,
                url: status.and_then(|status| status.url.clone()),
                guest: status.and_then(|status| status.guests.iter().find(is_us).cloned()),
                binary_media_types: host.spec.api.iter().flat_map(|api| api.binary_media_types.clone()).collect(),
            }
        });
        let definition = endpoint.spec.state_machine.definition_from.as_ref().map(|from| {
            let reference = &from.config_map_key_ref;
            Ok(self.config_maps[&reference.name][&reference.key].as_str().unwrap().to_owned())
        });
        let exists = endpoint.spec.state_machine.arn.is_some();
        let is_guest = |object: &&StepFunctionEndpoint| host_of(object) == Some(key(endpoint));
        References {
            definition,
            state_machine_type: exists.then_some(Ok(StateMachineType::Standard)),
            host,
            guests: others().filter(is_guest).cloned().collect(),
            labels: self.namespaces.clone(),
            on_same_api: Vec::new(),
            api_key_values: endpoint.spec.api_keys.iter().map(|key| (key.name.clone(), value(&key.name))).collect(),
        }
    }

    /// One pass over each endpoint, as the operator makes it. Whether any of them made a call or changed its status.
    fn round(&mut self, now: Timestamp) -> bool {
        let mut changed = false;
        for index in 0..self.endpoints.len() {
            let (endpoint, world) = self.endpoints[index].clone();
            let name = Neighbour::of(&endpoint, NAMESPACE);
            let wanted = desired(&endpoint, &self.references(&endpoint), &settings());
            let convergence = wanted.as_ref().ok().map(|wanted| {
                let when = When { now, settle: SignedDuration::ZERO };
                let observed = Observed::new(endpoint.status.as_ref());
                let plan = predict::plan(wanted, observed, world.clone(), when, |_| 0).unwrap();
                changed |= !plan.actions.is_empty();
                for action in &plan.actions {
                    writeln!(self.calls, "{name}: {} {}", action.name(), action.object()).unwrap();
                }
                self.endpoints[index].1 = plan.world;
                let (failures, drift) = (Vec::new(), Vec::new());
                let (applied, recorded) = (plan.actions.len(), false);
                Convergence { observed: plan.observed, next: plan.left, failures, drift, applied, recorded }
            });
            let outcome = Outcome {
                desired: wanted,
                convergence,
                executions: None,
                publication: None,
                failures: Vec::new(),
                requested_at: None,
            };
            let told = status(endpoint.status.as_ref(), endpoint.metadata.generation, &outcome, now);
            changed |= endpoint.status.as_ref() != Some(&told);
            self.endpoints[index].0.status = Some(told);
        }
        changed
    }

    fn told(&self) -> String {
        let mut text = format!("# Calls\n\n{}", self.calls);
        for (endpoint, world) in &self.endpoints {
            let status = endpoint.status.as_ref().unwrap();
            assert!(is_true(status, "Ready"), "not Ready: {status:?}");
            let status = serde_json::to_string_pretty(status).unwrap();
            let name = Neighbour::of(endpoint, NAMESPACE);
            write!(text, "\n# {name} in AWS\n\n{}\n\n# Its status\n\n{status}\n", shown(world)).unwrap();
        }
        text
    }
}

/// A value as a Secret may hold it.
fn value(key: &str) -> Result<Option<api_key::Value>, String> {
    api_key::Value::parse(format!("the-value-of-{key:0>20}").as_bytes()).map(Some).map_err(str::to_owned)
}

/// With its documents and templates as they are, rather than escaped.
fn shown(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:#?}");
    // What came later says nothing of those that have none of it.
    let later = ["    api_keys: {},", "    usage_plans: {},", "    usage_plan_keys: {},"];
    let lines: Vec<&str> = text.lines().filter(|line| !later.contains(line)).collect();
    lines.join("\n").replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\")
}

#[test]
fn what_is_in_aws_stays_as_it_is() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let (mut files, mut differ) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        files.push(entry.unwrap().path());
    }
    files.sort();
    assert!(files.len() >= 6, "the examples were not found: {files:?}");
    for file in files {
        let mut example = Example::read(&file, now);
        let rounds = (0..ROUNDS).take_while(|_| example.round(now)).count();
        assert!(rounds < ROUNDS, "{} never comes to rest", file.display());
        let golden = root().join("core/tests/upgrade").join(file.file_stem().unwrap()).with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&golden, example.told()).unwrap();
        }
        let (before, now) = (fs::read_to_string(&golden).unwrap_or_default(), example.told());
        if before != now {
            let line = before.lines().zip(now.lines()).position(|(one, other)| one != other);
            let line = line.unwrap_or(before.lines().count().min(now.lines().count()));
            let at = |text: &str| text.lines().nth(line).unwrap_or("(its end)").trim().to_owned();
            let (path, before, now) = (golden.display(), at(&before), at(&now));
            differ.push(format!("{path}, line {}:\n  before: {before}\n  now:    {now}", line + 1));
        }
    }
    assert!(
        differ.is_empty(),
        "an upgrade to this version would write to AWS, or change the status:\n{}\n\
         hint: if it is meant, `UPDATE=1 cargo test -p sfe-core --test upgrade`, and read the difference",
        differ.join("\n")
    );
}
