//! An API that several StepFunctionEndpoints share: who may put routes on it, and what a guest is told of its host.
//!
//! A host's own namespace always may. Of another, the host's manifest decides, in Gateway API's manner: `from: Same` takes its routes off.
//! Labels that don't match any more, or can't be read, take nothing off: what is served stays as it is, and nothing new is served.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::api::{self, FromNamespaces, StepFunctionEndpoint, StepFunctionEndpointSpec};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;

use super::{References, Routes, Settings};

/// The labels of a namespace.
pub type Labels = BTreeMap<String, String>;

/// A StepFunctionEndpoint as another one knows it. Those of the same namespace come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Its namespace, if it is another than the other one's.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Neighbour {
    /// An object of this namespace and name, as one in `of` knows it.
    pub fn new(namespace: &str, name: &str, of: &str) -> Self {
        Self { namespace: (namespace != of).then(|| namespace.to_owned()), name: name.to_owned() }
    }

    /// This object, as one in `of` knows it.
    pub fn of(object: &StepFunctionEndpoint, of: &str) -> Self {
        let metadata = &object.metadata;
        let (namespace, name) = (metadata.namespace.as_deref(), metadata.name.as_deref());
        Self::new(namespace.unwrap_or_default(), name.unwrap_or_default(), of)
    }

    /// Whether a status tells of it.
    pub fn is(&self, status: &api::GuestStatus) -> bool {
        status.namespace == self.namespace && status.name == self.name
    }
}

impl fmt::Display for Neighbour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            None => write!(f, "{}", self.name),
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// The StepFunctionEndpoint whose API serves our routes.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// Who it is.
    pub name: Neighbour,
    /// Whether there is one.
    pub exists: bool,
    /// Whether it lets our namespace.
    pub admission: Admission,
    /// Whether it refers to another itself.
    pub is_guest: bool,
    /// Why it writes nothing, if that is so.
    pub idle: Option<&'static str>,
    /// The URL of its stage.
    pub url: Option<String>,
    /// What it says of us.
    pub guest: Option<api::GuestStatus>,
    /// The content types whose bodies are bytes on its API.
    pub binary_media_types: BTreeSet<String>,
}

/// The StepFunctionEndpoint that serves our routes.
#[derive(Clone, Debug, PartialEq)]
pub struct Hosted {
    /// Who serves.
    pub host: Host,
    /// The hash of our routes; none when they shall be dropped.
    pub routes_hash: Option<String>,
    /// The generation of the manifest that has them.
    pub generation: Option<i64>,
}

impl Hosted {
    /// Whether the host serves our routes. One that speaks of an earlier manifest may be about to serve what that one said, even where the
    /// routes are the same again.
    pub fn is_served(&self) -> bool {
        let Some(guest) = &self.host.guest else { return false };
        let is_of_now = guest.generation.is_none() || guest.generation == self.generation;
        is_of_now && self.routes_hash.is_some() && guest.routes_hash == self.routes_hash
    }
}

/// Whether a host lets the objects of a namespace put routes on its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Allowed,
    /// It selects by labels, and those of the namespace don't match.
    Unselected,
    /// It selects by labels, and those of the namespace could not be read.
    Unknown,
    /// It doesn't.
    Forbidden,
}

/// Whether `host` lets the objects of this namespace.
pub fn admission(host: &StepFunctionEndpoint, namespace: &str, labels: Option<&Labels>) -> Admission {
    if host.metadata.namespace.as_deref() == Some(namespace) {
        return Admission::Allowed;
    }
    let allowed = host.spec.api.as_ref().and_then(|api| api.allowed_routes.as_ref()).map(|routes| &routes.namespaces);
    let selector = allowed.and_then(|namespaces| namespaces.selector.as_ref());
    match (allowed.and_then(|namespaces| namespaces.from).unwrap_or_default(), selector, labels) {
        (FromNamespaces::All, _, _) => Admission::Allowed,
        (FromNamespaces::Same, _, _) | (FromNamespaces::Selector, None, _) => Admission::Forbidden,
        (FromNamespaces::Selector, Some(_), None) => Admission::Unknown,
        (FromNamespaces::Selector, Some(selector), Some(labels)) if selector.selects(labels) => Admission::Allowed,
        (FromNamespaces::Selector, Some(_), Some(_)) => Admission::Unselected,
    }
}

/// Whether who may put routes on the API is told by labels.
pub fn selects_by_labels(host: &StepFunctionEndpoint) -> bool {
    let allowed = host.spec.api.as_ref().and_then(|api| api.allowed_routes.as_ref());
    allowed.is_some_and(|routes| routes.namespaces.from == Some(FromNamespaces::Selector))
}

/// The guests that count: those that are let, and those that are not selected any more but whose routes `host` still tells of. Any other
/// must not hold its deletion, nor fill its status.
pub fn admitted(
    host: &StepFunctionEndpoint,
    guests: Vec<StepFunctionEndpoint>,
    labels: &BTreeMap<String, Labels>,
) -> Vec<StepFunctionEndpoint> {
    let own = host.metadata.namespace.as_deref().unwrap_or_default();
    let told = |guest: &Neighbour| host.status.iter().flat_map(|status| &status.guests).any(|told| guest.is(told));
    let counts = |guest: &StepFunctionEndpoint| {
        let namespace = guest.metadata.namespace.as_deref().unwrap_or_default();
        match admission(host, namespace, labels.get(namespace)) {
            Admission::Allowed => true,
            Admission::Unselected | Admission::Unknown => told(&Neighbour::of(guest, own)),
            Admission::Forbidden => false,
        }
    };
    guests.into_iter().filter(counts).collect()
}

/// What is wrong with who may put routes on the API.
pub fn check_allowed_routes(
    spec: &StepFunctionEndpointSpec,
    settings: &Settings,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) {
    let Some(api) = &spec.api else { return };
    let at = at.field("api").field("allowedRoutes");
    let Some(allowed) = &api.allowed_routes else { return };
    if api.endpoint_ref.is_some() {
        mistakes.add(at.clone(), "", "not allowed with api.endpointRef: whose API it is says it");
    }
    let (from, selector) = (allowed.namespaces.from.unwrap_or_default(), &allowed.namespaces.selector);
    let at = at.field("namespaces");
    match (from, selector) {
        (FromNamespaces::Selector, None) => mistakes.add(at.field("selector"), "", "required with from: Selector"),
        (FromNamespaces::Same | FromNamespaces::All, Some(_)) => {
            mistakes.add(at.field("selector"), "", "allowed with from: Selector alone");
        }
        (FromNamespaces::Selector, Some(_)) if !settings.reads_namespaces => {
            let allowed = "the operator does not read Namespaces: the cluster's admin sets the chart's `namespaceSelectors: true`";
            mistakes.add(at.field("from"), "Selector", allowed);
        }
        (FromNamespaces::Selector, Some(_)) | (FromNamespaces::Same | FromNamespaces::All, None) => {}
    }
    for (index, wanted) in selector.iter().flat_map(|selector| &selector.match_expressions).enumerate() {
        let needs = matches!(wanted.operator, api::LabelOperator::In | api::LabelOperator::NotIn);
        if needs == wanted.values.is_empty() {
            let at = at.field("selector").field("matchExpressions").index(index).field("values");
            mistakes.add(at, "", "required with In and NotIn, and not allowed otherwise");
        }
    }
}

/// Another's API: it must exist, let us, and not be a guest itself.
pub fn parse(
    object: &StepFunctionEndpoint,
    references: &References,
    (owner, settings): (&Owner, &Settings),
    routes: Option<&Routes>,
    at: &FieldPath,
    (mistakes, waiting): (&mut Mistakes, &mut Vec<String>),
) -> Option<Hosted> {
    let (spec, generation) = (&object.spec, object.metadata.generation);
    let reference = spec.api.as_ref()?.endpoint_ref.as_ref()?;
    let namespace = reference.namespace.as_deref().unwrap_or(&owner.namespace);
    let name = Neighbour::new(namespace, &reference.name, &owner.namespace);
    let at_reference = at.field("api").field("endpointRef");
    let (at_name, at_namespace) = (at_reference.field("name"), at_reference.field("namespace"));
    if spec.stage.is_some() {
        mistakes.add(at.field("stage"), "", format!("not allowed with api.endpointRef: {name} has the stage"));
    }
    if !references.guests.is_empty() {
        let guests = references.guests.iter().map(|guest| Neighbour::of(guest, &owner.namespace).to_string());
        let guests = guests.collect::<Vec<_>>().join(", ");
        mistakes.add(at_name.clone(), &name, format!("not allowed while others use this endpoint's API: {guests}"));
    }
    if let Some(watched) = settings.namespace.as_ref().filter(|watched| *watched != namespace) {
        mistakes.add(at_namespace, namespace, format!("the operator works on the namespace {watched} alone"));
        return None;
    }
    if name.namespace.is_none() && name.name == owner.name {
        mistakes.add(at_name, &name, "must name another StepFunctionEndpoint");
        return None;
    }
    let Some(host) = references.host.as_ref().filter(|host| host.exists) else {
        waiting.push(format!("StepFunctionEndpoint {name} of api.endpointRef does not exist yet"));
        return None;
    };
    match host.admission {
        Admission::Allowed if host.is_guest => {
            mistakes.add(at_name, &name, "must name a StepFunctionEndpoint with an API of its own");
            None
        }
        Admission::Allowed => {
            routes.map(|routes| Hosted { host: host.clone(), routes_hash: Some(routes.hash()), generation })
        }
        Admission::Unknown => {
            waiting.push(format!(
                "the labels of namespace {} can't be read, by which StepFunctionEndpoint {name} selects",
                owner.namespace
            ));
            None
        }
        Admission::Forbidden | Admission::Unselected => {
            let allowed = format!(
                "{name} does not allow routes of the namespace {}: whoever owns it allows them by `api.allowedRoutes`",
                owner.namespace
            );
            mistakes.add(at_namespace, namespace, allowed);
            None
        }
    }
}

#[cfg(test)]
mod tests;
