//! ConfigMaps and Secrets of `publish`: what the API server does with them, who else has a hand in them, and what is promised of them.

use std::collections::BTreeMap;

use fastrand::Rng;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;
use sfe::aws::Class;
use sfe::controller::Key;
use sfe_core::api::{PublishedKind, PublishedObject, StepFunctionEndpoint};
use sfe_core::publish::{Data, Found, owner_reference};

use crate::account::Refused;
use crate::life::{Life, NAMES, Step, What, key};
use crate::promises::Kept;
use crate::time::SECOND;

/// Of someone else, in each namespace.
const THEIRS: &str = "theirs";

/// All ConfigMaps and Secrets by namespace.
#[derive(Clone)]
pub struct Shelf {
    objects: BTreeMap<(String, PublishedObject), Found>,
    version: u64,
    /// How often an operator wrote any.
    writes: usize,
}

impl Default for Shelf {
    fn default() -> Self {
        let mut shelf = Self { objects: BTreeMap::new(), version: 0, writes: 0 };
        for kind in [PublishedKind::ConfigMap, PublishedKind::Secret] {
            for namespace in NAMES.map(|name| key(name).namespace) {
                let theirs = PublishedObject { kind, name: THEIRS.to_owned() };
                let data = Data::from([("url".to_owned(), THEIRS.to_owned())]);
                shelf.put((namespace, theirs), Vec::new(), data, "uid-theirs");
            }
        }
        shelf
    }
}

type Place = (String, PublishedObject);

impl Shelf {
    fn put(&mut self, at: Place, owners: Vec<OwnerReference>, data: Data, uid: &str) {
        self.version += 1;
        let resource_version = self.version.to_string();
        self.objects.insert(at, Found { uid: uid.to_owned(), resource_version, owners, data });
    }

    pub fn get(&self, at: &Place) -> Option<Found> {
        self.objects.get(at).cloned()
    }

    /// A write of what was found, or of what was not.
    pub fn write(
        &mut self,
        at: Place,
        owner: &StepFunctionEndpoint,
        found: Option<&Found>,
        data: Data,
    ) -> Result<(), Refused> {
        self.writes += 1;
        match (self.objects.get(&at).cloned(), found) {
            (None, None) => {
                let uid = format!("uid-published-{}", self.version);
                self.put(at, vec![owner_reference(owner)], data, &uid);
                Ok(())
            }
            (Some(now), Some(then)) if now == *then => {
                self.put(at, now.owners, data, &now.uid);
                Ok(())
            }
            (_, _) => Err((Class::Conflict, "it has changed".to_owned())),
        }
    }

    pub fn delete(&mut self, at: &Place, found: &Found) -> Result<(), Refused> {
        self.writes += 1;
        match self.objects.get(at) {
            Some(now) if now != found => Err((Class::Conflict, "it has changed".to_owned())),
            Some(_) | None => {
                self.objects.remove(at);
                Ok(())
            }
        }
    }

    /// The garbage collector, once an owner is gone.
    pub fn collect(&mut self, owner: &StepFunctionEndpoint) {
        let uid = owner.metadata.uid.clone().unwrap_or_default();
        self.objects.retain(|_, found| found.owners.iter().all(|reference| reference.uid != uid));
    }

    pub fn writes(&self) -> usize {
        self.writes
    }

    /// Someone edits a ConfigMap of this endpoint, or deletes it; where that is.
    pub fn tamper(&mut self, owner: &StepFunctionEndpoint, deletes: bool) -> Vec<Key> {
        let uid = owner.metadata.uid.clone().unwrap_or_default();
        let is_its = |place: &Place, found: &Found| {
            place.1.kind == PublishedKind::ConfigMap && found.owners.iter().any(|reference| reference.uid == uid)
        };
        let its = self.objects.iter().filter(|(place, found)| is_its(place, found)).map(|(place, _)| place.clone());
        let its: Vec<Place> = its.collect();
        for place in &its {
            let Some(found) = self.objects.remove(place).filter(|_| !deletes) else { continue };
            let data = Data::from([("url".to_owned(), "edited".to_owned()), ("more".to_owned(), String::new())]);
            self.put(place.clone(), found.owners, data, &found.uid);
        }
        its.into_iter().map(|(namespace, object)| Key { namespace, name: object.name }).collect()
    }

    /// Exactly what the manifests name is there, tells what the status does, and nobody else's was touched.
    pub fn check(&self, all: &[StepFunctionEndpoint]) -> Kept {
        let mut wanted = BTreeMap::new();
        for object in all {
            let Some(publish) = &object.spec.publish else { continue };
            for (kind, to) in
                [(PublishedKind::ConfigMap, &publish.config_map), (PublishedKind::Secret, &publish.secret)]
            {
                let Some(to) = to else { continue };
                wanted.insert((Key::of(object).namespace, PublishedObject { kind, name: to.name.clone() }), object);
            }
        }
        for (place @ (_, object), found) in &self.objects {
            if object.name == THEIRS {
                if found.data.get("url").map(String::as_str) != Some(THEIRS) || !found.owners.is_empty() {
                    return Err(format!("{object} of someone else was written"));
                }
                continue;
            }
            let Some(owner) = wanted.remove(place) else { return Err(format!("{object} is left behind")) };
            check_one(owner, object, found)?;
        }
        let left = [PublishedKind::ConfigMap, PublishedKind::Secret].len() * 2;
        if self.objects.keys().filter(|(_, object)| object.name == THEIRS).count() != left {
            return Err("an object of someone else was deleted".to_owned());
        }
        wanted.keys().next().map_or(Ok(()), |(_, object)| Err(format!("{object} was not published")))
    }
}

fn check_one(owner: &StepFunctionEndpoint, object: &PublishedObject, found: &Found) -> Kept {
    let status = owner.status.clone().unwrap_or_default();
    let uid = owner.metadata.uid.clone().unwrap_or_default();
    if found.owners.iter().all(|reference| reference.uid != uid) {
        return Err(format!("{object} has another owner"));
    }
    let routes: Vec<String> =
        serde_json::from_str::<Vec<serde_json::Value>>(found.data.get("routes").map_or("[]", String::as_str))
            .map_err(|error| error.to_string())?
            .iter()
            .map(|route| route["url"].as_str().unwrap_or_default().to_owned())
            .collect();
    let told: Vec<String> = status.routes.iter().map(|route| route.url.clone()).collect();
    let machine = status.state_machine.map(|machine| machine.arn);
    if found.data.get("url") != status.url.as_ref()
        || routes != told
        || found.data.get("stateMachineArn") != machine.as_ref()
    {
        return Err(format!("{object} tells {:?}, and the status {:?}", found.data, status.url));
    }
    if status.published.contains(object) { Ok(()) } else { Err(format!("the status doesn't record {object}")) }
}

/// Has manifests publish in half of the lives, under names that change, and people edit what was published.
pub fn come_and_go(life: &mut Life) {
    let rng = &mut Rng::with_seed(life.seed ^ 0x9B_115);
    if rng.bool() {
        return;
    }
    for step in &mut life.steps {
        let (What::Apply(name, spec) | What::Recreate(name, spec)) = &mut step.what else { continue };
        let to = |rng: &mut Rng| json!({ "name": format!("{name}-{}", rng.u8(..2)) });
        let publish = match rng.u8(..4) {
            0 => continue,
            1 => json!({ "configMap": to(rng), "secret": to(rng) }),
            _ => json!({ "configMap": to(rng) }),
        };
        spec["publish"] = publish;
    }
    for _ in 0..rng.usize(..3) {
        let what = What::TamperPublished { name: NAMES[rng.usize(..NAMES.len())], deletes: rng.bool() };
        let (at, after) = (rng.usize(..=life.steps.len()), rng.i64(0..90 * SECOND));
        life.steps.insert(at, Step { after, what });
    }
}
