//! Stages: what callers reach. A stage serves the snapshot of its deployment.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::HttpMethod;
use crate::change::{Changes, Shown};
use crate::claim::{Claim, Found};
use crate::next::Next;
use crate::owner::{Owner, Site, Tags};
use crate::tags;

/// A stage as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name, the first part of the URL's path.
    pub name: String,
    /// What it does beside serving a deployment.
    pub settings: Settings,
    /// Its tags, the owner's among them.
    pub tags: Tags,
}

/// What a stage does beside serving a deployment. The same type is desired and observed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Whether requests are traced with X-Ray.
    pub tracing_enabled: bool,
    /// The stage variables.
    pub variables: BTreeMap<String, String>,
    /// The line that is logged of each request.
    pub access_log: Option<AccessLog>,
    /// Of all methods, or of one, which then has nothing from those of all.
    pub methods: BTreeMap<Methods, MethodSettings>,
}

/// A line of each request, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// The ARN of a log group, without the `:*` that some answers append, or of a Firehose stream.
    pub destination_arn: String,
    /// The line.
    pub format: String,
}

impl AccessLog {
    /// Whether it goes to CloudWatch Logs, for which API Gateway needs a role. To Firehose it writes by its service-linked role.
    fn needs_role(&self) -> bool {
        !self.destination_arn.contains(":firehose:")
    }
}

/// Which methods a setting is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Methods {
    /// All that have none of their own.
    All,
    /// One: its path and its HTTP method.
    One(String, String),
}

/// What API Gateway does with each request of a method.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodSettings {
    /// Requests a second; [`UNLIMITED`] for as many as the account allows.
    pub rate_limit: f64,
    /// The most at once; [`UNLIMITED`] for as many as the account allows.
    pub burst_limit: i32,
    /// Whether CloudWatch gets metrics.
    pub metrics_enabled: bool,
    /// OFF, ERROR or INFO.
    pub logging_level: String,
    /// Whether requests and responses are logged in full.
    pub data_trace_enabled: bool,
}

/// How API Gateway spells that a method has no limit of its own. Every setting is always written, as what AWS fills in for the others
/// differs by account.
pub const UNLIMITED: i32 = -1;
/// The logging level of a method that logs nothing.
pub const OFF: &str = "OFF";

impl Default for MethodSettings {
    fn default() -> Self {
        Self {
            rate_limit: f64::from(UNLIMITED),
            burst_limit: UNLIMITED,
            metrics_enabled: false,
            logging_level: OFF.to_owned(),
            data_trace_enabled: false,
        }
    }
}

impl Settings {
    /// Whether API Gateway writes to CloudWatch Logs.
    pub fn logs(&self) -> bool {
        self.methods.values().any(|settings| settings.logging_level != OFF)
            || self.access_log.as_ref().is_some_and(AccessLog::needs_role)
    }

    /// The same with no other log than what is found: where it isn't known that a stage can log, or known that it can't. What is to be logged
    /// no more is taken off all the same.
    #[must_use]
    pub fn with_logs_of(&self, found: &Self) -> Self {
        let as_found = |(methods, settings): (&Methods, &MethodSettings)| {
            if settings.logging_level == OFF {
                return (methods.clone(), settings.clone());
            }
            let found = found.methods.get(methods).cloned().unwrap_or_default();
            let MethodSettings { logging_level, data_trace_enabled, .. } = found;
            (methods.clone(), MethodSettings { logging_level, data_trace_enabled, ..settings.clone() })
        };
        let access_log = match &self.access_log {
            Some(want) if want.needs_role() => found.access_log.clone(),
            want => want.clone(),
        };
        let methods = self.methods.iter().map(as_found);
        let says_nothing = |(methods, settings): &(Methods, MethodSettings)| {
            *methods == Methods::All && *settings == MethodSettings::default()
        };
        Self { methods: methods.filter(|one| !says_nothing(one)).collect(), access_log, ..self.clone() }
    }
}

impl Methods {
    /// One method.
    pub fn one(path: &str, method: HttpMethod) -> Self {
        Self::One(path.to_owned(), method.as_str().to_owned())
    }

    /// As API Gateway names it in `methodSettings` and in paths of a patch: `*/*`, or `~1orders~1{id}/GET`.
    pub fn key(&self) -> String {
        match self {
            Self::All => ALL.to_owned(),
            Self::One(path, method) => format!("{}/{method}", path.replace('~', "~0").replace('/', "~1")),
        }
    }

    /// What an answer names so; some leave the first slash out.
    pub fn of_key(key: &str) -> Self {
        match key.rsplit_once('/') {
            Some((path, method)) if key != ALL => {
                let path = path.replace("~1", "/").replace("~0", "~");
                Self::One(format!("/{}", path.trim_start_matches('/')), method.to_owned())
            }
            Some(_) | None => Self::All,
        }
    }
}

/// `methodSettings` of all methods.
const ALL: &str = "*/*";

/// All stages of an API by name.
pub type Observed = BTreeMap<String, Stage>;

/// One stage as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The deployment that it serves.
    pub deployment_id: String,
    /// What it does beside that.
    pub settings: Settings,
    /// Its tags.
    pub tags: Tags,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the stage on a deployment.
    CreateStage { rest_api_id: String, want: Desired, deployment_id: String },
    /// Moves the stage to a deployment, and puts back what else differs.
    UpdateStage {
        rest_api_id: String,
        name: String,
        deployment_id: String,
        to: Box<Settings>,
        from: Box<Settings>,
        changes: Changes,
    },
    /// Puts tags on: it is taken over, or what differs is put back.
    TagResource { rest_api_id: String, name: String, arn: String, tags: Tags },
    /// Takes tags off: those that left the manifest, or with the owner's it is let go, and goes on serving.
    UntagResource { rest_api_id: String, name: String, arn: String, keys: BTreeSet<String> },
    /// Deletes the stage: it stops serving.
    DeleteStage { rest_api_id: String, name: String },
}

impl Action {
    /// The stage's name.
    pub fn name(&self) -> &str {
        match self {
            Self::CreateStage { want: Desired { name, .. }, .. } => name,
            Self::UpdateStage { name, .. }
            | Self::TagResource { name, .. }
            | Self::UntagResource { name, .. }
            | Self::DeleteStage { name, .. } => name,
        }
    }
}

/// What is next for the wanted stage; `deployment_id` is the snapshot that it shall serve.
pub fn next(
    rest_api_id: &str,
    claim: &Claim<'_>,
    want: &Desired,
    deployment_id: &str,
    found: &Observed,
) -> Next<Action> {
    let rest_api_id = rest_api_id.to_owned();
    match found.get(&want.name) {
        None => {
            Next::act(Action::CreateStage { rest_api_id, want: want.clone(), deployment_id: deployment_id.to_owned() })
        }
        Some(found) if !claim.owns(&found.tags) => {
            let (name, changes) = (want.name.clone(), diff(deployment_id, &want.settings, found));
            let arn = claim.site.stage_arn(&rest_api_id, &name);
            let found = Found { kind: "stage", name: &want.name, tags: &found.tags, obstacle: None };
            claim.foreign(found, changes, |tags| Action::TagResource { rest_api_id, name, arn, tags })
        }
        Some(found) => {
            let mut next = Next::update(diff(deployment_id, &want.settings, found), |changes| Action::UpdateStage {
                rest_api_id: rest_api_id.clone(),
                name: want.name.clone(),
                deployment_id: deployment_id.to_owned(),
                to: Box::new(want.settings.clone()),
                from: Box::new(found.settings.clone()),
                changes,
            });
            let (name, arn) = (want.name.clone(), claim.site.stage_arn(&rest_api_id, &want.name));
            let at = || (rest_api_id.clone(), name.clone(), arn.clone());
            let put = |tags| {
                let (rest_api_id, name, arn) = at();
                Action::TagResource { rest_api_id, name, arn, tags }
            };
            let take = |keys| {
                let (rest_api_id, name, arn) = at();
                Action::UntagResource { rest_api_id, name, arn, keys }
            };
            next.and(tags::next(claim.owner, &want.tags, &found.tags, put, take));
            next
        }
    }
}

/// Our stages but for those that stay: the wanted ones, which are live by then, and those of a usage plan.
pub fn prune(rest_api_id: &str, owner: &Owner, stays: &BTreeSet<String>, found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for (name, stage) in found {
        if !stays.contains(name) && owner.owns(&stage.tags) {
            next.and(Next::act(Action::DeleteStage { rest_api_id: rest_api_id.to_owned(), name: name.clone() }));
        }
    }
    next
}

/// What lets our stages go.
pub fn release(rest_api_id: &str, owner: &Owner, site: &Site, found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for (name, stage) in found.iter().filter(|(_, stage)| owner.owns(&stage.tags)) {
        next.and(Next::act(Action::UntagResource {
            rest_api_id: rest_api_id.to_owned(),
            name: name.clone(),
            arn: site.stage_arn(rest_api_id, name),
            keys: tags::of_ours(&stage.tags),
        }));
    }
    next
}

fn diff(deployment_id: &str, want: &Settings, found: &Stage) -> Changes {
    let Settings { tracing_enabled, variables, access_log, methods } = want;
    Changes::none()
        .at("deploymentId", &found.deployment_id, &deployment_id.to_owned())
        .at("tracingEnabled", &found.settings.tracing_enabled, tracing_enabled)
        .at("variables", &found.settings.variables, variables)
        .at("accessLogSettings", &found.settings.access_log, access_log)
        .at("methodSettings", &found.settings.methods, methods)
}

/// What a new stage has of its settings; the rest follows, as CreateStage doesn't take it.
fn created(settings: &Settings) -> Settings {
    Settings { methods: BTreeMap::new(), access_log: None, ..settings.clone() }
}

/// Folds an action that AWS confirmed.
pub fn fold(found: &mut Observed, action: &Action) {
    match action {
        Action::CreateStage { want: Desired { name, settings, tags }, deployment_id, .. } => {
            let (deployment_id, settings, tags) = (deployment_id.clone(), created(settings), tags.clone());
            found.insert(name.clone(), Stage { deployment_id, settings, tags });
        }
        Action::UpdateStage { name, deployment_id, to, .. } => {
            if let Some(stage) = found.get_mut(name) {
                stage.deployment_id = deployment_id.clone();
                stage.settings = (**to).clone();
            }
        }
        Action::TagResource { name, tags, .. } => {
            if let Some(stage) = found.get_mut(name) {
                stage.tags.extend(tags.clone());
            }
        }
        Action::UntagResource { name, keys, .. } => {
            if let Some(stage) = found.get_mut(name) {
                stage.tags.retain(|key, _| !keys.contains(key));
            }
        }
        Action::DeleteStage { name, .. } => {
            found.remove(name);
        }
    }
}

impl Shown for AccessLog {
    fn shown(&self) -> String {
        format!("{} to {}", self.format, self.destination_arn)
    }
}

impl Shown for BTreeMap<Methods, MethodSettings> {
    fn shown(&self) -> String {
        let one = |(methods, settings): (&Methods, &MethodSettings)| {
            let MethodSettings { rate_limit, burst_limit, metrics_enabled, logging_level, data_trace_enabled } =
                settings;
            let limits = match *burst_limit {
                UNLIMITED => "unlimited".to_owned(),
                burst_limit => format!("rate {rate_limit} burst {burst_limit}"),
            };
            let flags = [(*metrics_enabled, " metrics"), (*data_trace_enabled, " data trace")];
            let flags: String = flags.iter().filter(|(is_on, _)| *is_on).map(|(_, name)| *name).collect();
            let name = match methods {
                Methods::All => "all".to_owned(),
                Methods::One(path, method) => format!("{method} {path}"),
            };
            format!("{name}: {limits} log {logging_level}{flags}")
        };
        if self.is_empty() { "none".to_owned() } else { self.iter().map(one).collect::<Vec<_>>().join("; ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_named_as_aws_names_it() {
        let one = |path: &str| Methods::one(path, HttpMethod::Get);
        for (methods, key) in [
            (Methods::All, "*/*"),
            (one("/"), "~1/GET"),
            (one("/orders/{id}"), "~1orders~1{id}/GET"),
            (one("/a~b"), "~1a~0b/GET"),
        ] {
            assert_eq!((methods.key().as_str(), Methods::of_key(key)), (key, methods));
        }
        for key in ["orders/GET", "/orders/GET"] {
            assert_eq!(Methods::of_key(key), one("/orders"));
        }
    }
}
