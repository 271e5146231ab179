//! Which manifests an event of the watch makes worth a look: the one that changed, where more than its status did, and those that share an API
//! with it.

use std::collections::BTreeMap;

use kube::runtime::reflector::Store;
use kube::runtime::watcher::Event;
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::owner::hash;
use sfe_core::status::is_true;

use super::cluster::Key;

/// What is known of every manifest, to tell what of it changed.
#[derive(Default)]
pub struct Touched {
    seen: BTreeMap<Key, Traits>,
    /// The same, of a list that is still being told.
    initial: BTreeMap<Key, Traits>,
}

impl Touched {
    /// The manifests to look at after this event; `store` has taken it in already.
    pub fn by(&mut self, event: &Event<StepFunctionEndpoint>, store: &Store<StepFunctionEndpoint>) -> Vec<Key> {
        match event {
            Event::Init => {
                self.initial.clear();
                Vec::new()
            }
            Event::InitDone => {
                let before = std::mem::replace(&mut self.seen, std::mem::take(&mut self.initial));
                let gone = before.into_iter().filter(|(key, _)| !self.seen.contains_key(key));
                gone.flat_map(|(key, traits)| {
                    guests(&key, store).iter().map(Key::of).chain(traits.host).collect::<Vec<_>>()
                })
                .collect()
            }
            Event::InitApply(object) => {
                let now = Traits::of(object);
                let touched = now.touched_since(self.seen.get(&Key::of(object)), object, store);
                self.initial.insert(Key::of(object), now);
                touched
            }
            Event::Apply(object) => {
                let now = Traits::of(object);
                let touched = now.touched_since(self.seen.get(&Key::of(object)), object, store);
                self.seen.insert(Key::of(object), now);
                touched
            }
            Event::Delete(object) => {
                self.seen.remove(&Key::of(object));
                related(object, store)
            }
        }
    }
}

/// What of an object makes it or others be looked at. The generation alone would hide a change of finalizers.
#[derive(Clone, PartialEq)]
struct Traits {
    own: String,
    shared: String,
    host: Option<Key>,
}

impl Traits {
    fn of(object: &StepFunctionEndpoint) -> Self {
        let metadata = &object.metadata;
        let (generation, deleted) = (metadata.generation, metadata.deletion_timestamp.is_some());
        let own =
            format!("{:?} {generation:?} {deleted} {:?} {:?}", metadata.uid, metadata.finalizers, metadata.annotations);
        let status = object.status.clone().unwrap_or_default();
        let ready = ["RolesReady", "StateMachineReady"].map(|name| is_true(&status, name));
        let shared = format!(
            "{generation:?} {deleted} {ready:?} {:?} {:?} {:?} {:?} {:?}",
            status.observed_generation, status.state_machine, status.gateway_role_arn, status.guests, status.url
        );
        Self { own: hash([own.as_str()]), shared: hash([shared.as_str()]), host: host(object) }
    }

    fn touched_since(
        &self,
        before: Option<&Self>,
        object: &StepFunctionEndpoint,
        store: &Store<StepFunctionEndpoint>,
    ) -> Vec<Key> {
        let mut touched = Vec::new();
        if before.is_none_or(|before| before.own != self.own) {
            touched.push(Key::of(object));
        }
        if before.is_none_or(|before| before.shared != self.shared) {
            touched.extend(related(object, store));
        }
        let former = before.and_then(|before| before.host.clone());
        touched.extend(former.filter(|former| self.host.as_ref() != Some(former)));
        touched
    }
}

/// The object whose API this one's routes are on.
pub fn host(object: &StepFunctionEndpoint) -> Option<Key> {
    let reference = object.spec.api.as_ref()?.endpoint_ref.as_ref()?;
    let namespace = reference.namespace.clone().unwrap_or_else(|| Key::of(object).namespace);
    Some(Key { namespace, name: reference.name.clone() })
}

/// The objects whose routes are on this one's API, oldest first.
pub fn guests(key: &Key, store: &Store<StepFunctionEndpoint>) -> Vec<StepFunctionEndpoint> {
    let found = store.state_filter(|object| host(object).as_ref() == Some(key));
    let mut guests: Vec<StepFunctionEndpoint> = found.iter().map(|object| object.as_ref().clone()).collect();
    guests.sort_by_key(|guest| {
        let (metadata, other) = (&guest.metadata, guest.metadata.namespace.as_ref() != Some(&key.namespace));
        (metadata.creation_timestamp.clone(), other, metadata.namespace.clone(), metadata.name.clone())
    });
    guests
}

/// The objects that a change of a namespace's labels may let on another namespace's API, or not any more, and those whose API that is.
pub fn selected(namespace: &str, store: &Store<StepFunctionEndpoint>) -> Vec<Key> {
    let abroad = |object: &StepFunctionEndpoint| {
        let key = Key::of(object);
        key.namespace == namespace && host(object).is_some_and(|host| host.namespace != key.namespace)
    };
    let found = store.state_filter(abroad);
    found.iter().flat_map(|object| host(object).into_iter().chain([Key::of(object)])).collect()
}

/// The objects that read this ConfigMap, or publish in it.
pub fn users_of_config_map(config_map: &Key, store: &Store<StepFunctionEndpoint>) -> Vec<Key> {
    let is_used = |object: &StepFunctionEndpoint| {
        let source = object.spec.state_machine.definition_from.as_ref().map(|from| &from.config_map_key_ref.name);
        let published = object.spec.publish.as_ref().and_then(|publish| publish.config_map.as_ref()).map(|to| &to.name);
        Key::of(object).namespace == config_map.namespace
            && [source, published].into_iter().flatten().any(|name| *name == config_map.name)
    };
    store.state_filter(is_used).iter().map(|object| Key::of(object)).collect()
}

/// The other objects that name the same `api.restApiId`.
pub fn on_same_api(object: &StepFunctionEndpoint, store: &Store<StepFunctionEndpoint>) -> Vec<StepFunctionEndpoint> {
    fn named(object: &StepFunctionEndpoint) -> Option<&String> {
        object.spec.api.as_ref()?.rest_api_id.as_ref()
    }
    let Some(id) = named(object) else { return Vec::new() };
    let found = store.state_filter(|other| named(other) == Some(id) && Key::of(other) != Key::of(object));
    found.iter().map(|other| other.as_ref().clone()).collect()
}

/// The object whose API this one's routes are on, those whose routes are on its API, and those that name the same API.
fn related(object: &StepFunctionEndpoint, store: &Store<StepFunctionEndpoint>) -> Vec<Key> {
    let others = on_same_api(object, store).into_iter().map(|other| Key::of(&other));
    guests(&Key::of(object), store).iter().map(Key::of).chain(host(object)).chain(others).collect()
}
