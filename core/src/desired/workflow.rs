//! The state machine with its role and log group: an existing one, or ours.

use std::collections::BTreeSet;

use crate::api::{self, LogLevel, StateMachineType, StepFunctionEndpointSpec};
use crate::arn::Arn;
use crate::definition::Definition;
use crate::kinds::{log_group, role, state_machine};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::{Owner, Site};
use crate::policy;

use super::{Calls, References, RouteKey, retention, roles};

/// The workflow that the routes call.
#[derive(Clone, Debug, PartialEq)]
pub struct Workflow {
    /// The state machine's ARN.
    pub arn: Arn,
    /// Its type.
    pub type_: StateMachineType,
    /// The state machine, if it is ours.
    pub state_machine: Option<state_machine::Desired>,
    /// Its role, if it is ours.
    pub role: Option<role::Desired>,
    /// Its log group, if it is ours.
    pub log_group: Option<log_group::Desired>,
}

impl Workflow {
    /// What the routes call, for the status.
    pub fn calls(&self, gateway_role: Arn, spec: &StepFunctionEndpointSpec) -> Calls {
        Calls {
            state_machine: self.arn.clone(),
            type_: self.type_,
            gateway_role,
            log_group: self.log_group.as_ref().map(|group| group.name.clone()),
            routes: spec
                .routes
                .iter()
                .map(|route| RouteKey { path: route.path.clone(), method: route.method })
                .collect(),
        }
    }
}

/// What the routes call, as far as it can be told of a manifest that may be wrong otherwise.
pub fn target(
    spec: &StepFunctionEndpointSpec,
    references: &References,
    owner: &Owner,
    site: &Site,
) -> Option<(Arn, StateMachineType)> {
    match (&spec.state_machine.arn, &references.state_machine_type) {
        (Some(arn), Some(Ok(type_))) => Some((arn.parse().ok()?, *type_)),
        (Some(_), _) => None,
        (None, _) => {
            let type_ = spec.state_machine.type_.unwrap_or(StateMachineType::Standard);
            Some((site.state_machine_arn(&owner.state_machine_name(type_))?, type_))
        }
    }
}

/// The workflow; None after a mistake, or while something that it refers to can't be read, which is added to `waiting`.
pub fn parse(
    spec: &StepFunctionEndpointSpec,
    references: &References,
    owner: &Owner,
    site: &Site,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    waiting: &mut Vec<String>,
) -> Option<Workflow> {
    let machine = &spec.state_machine;
    let said = [machine.arn.is_some(), machine.definition.is_some(), machine.definition_from.is_some()];
    if said.iter().filter(|said| **said).count() != 1 {
        mistakes.add(at.clone(), "", "exactly one of arn, definition and definitionFrom is required");
        return None;
    }
    match &machine.arn {
        Some(arn) => existing(arn, references, site, &at.field("arn"), mistakes, waiting),
        None => ours(machine, references, owner, site, at, mistakes, waiting),
    }
}

fn existing(
    text: &str,
    references: &References,
    site: &Site,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    waiting: &mut Vec<String>,
) -> Option<Workflow> {
    let arn: Arn = mistakes.take(at.clone(), text, text.parse())?;
    if arn.service() != "states" || !arn.resource().starts_with("stateMachine:") {
        mistakes.add(
            at.clone(),
            text,
            "must be a state machine's ARN, `arn:aws:states:<region>:<account>:stateMachine:<name>`",
        );
        return None;
    }
    if arn.account() != site.account {
        mistakes.add(at.clone(), text, format!("must be in the operator's account, {}", site.account));
        return None;
    }
    match &references.state_machine_type {
        Some(Ok(type_)) => Some(Workflow { arn, type_: *type_, state_machine: None, role: None, log_group: None }),
        Some(Err(why)) => {
            waiting.push(why.clone());
            None
        }
        None => None,
    }
}

fn ours(
    machine: &api::StateMachine,
    references: &References,
    owner: &Owner,
    site: &Site,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    waiting: &mut Vec<String>,
) -> Option<Workflow> {
    let type_ = machine.type_.unwrap_or(StateMachineType::Standard);
    let definition = definition(machine, type_, references, at, mistakes, waiting);
    let logging = logging(machine.logging.as_ref(), type_, owner, &at.field("logging"), mistakes);
    let name = owner.state_machine_name(type_);
    let arn = site.state_machine_arn(&name);
    let role = role(
        machine,
        owner,
        site,
        logging.as_ref().is_some_and(Option::is_some),
        arn.as_ref(),
        &at.field("role"),
        mistakes,
    );
    let ((role_arn, role), log_group, arn) = (role?, logging?, arn?);
    let level = machine.logging.as_ref().map_or(default_level(type_), |logging| logging.level);
    let state_machine = state_machine::Desired {
        name,
        arn: arn.clone(),
        type_,
        definition: definition?,
        role_arn,
        logging: state_machine::Logging {
            level,
            include_execution_data: machine
                .logging
                .as_ref()
                .and_then(|logging| logging.include_execution_data)
                .unwrap_or(false),
            log_group_arn: log_group.as_ref().and_then(|group| site.log_group_arn(&group.name)),
        },
        tags: owner.tags(),
    };
    Some(Workflow { arn, type_, state_machine: Some(state_machine), role, log_group })
}

fn definition(
    machine: &api::StateMachine,
    type_: StateMachineType,
    references: &References,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    waiting: &mut Vec<String>,
) -> Option<Definition> {
    let (text, at_text) = match (&machine.definition, &references.definition) {
        (Some(text), _) => (text, at.field("definition")),
        (None, Some(Ok(text))) => (text, at.field("definitionFrom")),
        (None, Some(Err(why))) => {
            waiting.push(why.clone());
            return None;
        }
        (None, None) => return None,
    };
    let at_substitutions = at.field("definitionSubstitutions");
    Definition::parse(text, &machine.definition_substitutions, type_, &at_text, &at_substitutions, mistakes)
}

/// EXPRESS executions are known by their log alone, so that it is on unless it is switched off.
fn default_level(type_: StateMachineType) -> LogLevel {
    match type_ {
        StateMachineType::Standard => LogLevel::Off,
        StateMachineType::Express => LogLevel::All,
    }
}

/// The log group: Some(None) where nothing is logged, None after a mistake.
#[allow(clippy::option_option, reason = "the outer is whether it could be parsed, the inner whether there is one")]
fn logging(
    spec: Option<&api::Logging>,
    type_: StateMachineType,
    owner: &Owner,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<Option<log_group::Desired>> {
    let retention_days = retention::parse(spec.and_then(|spec| spec.retention_days), at, mistakes)?;
    match spec.map_or(default_level(type_), |spec| spec.level) {
        LogLevel::Off => Some(None),
        LogLevel::All | LogLevel::Error | LogLevel::Fatal => {
            Some(Some(log_group::Desired { name: owner.log_group_name(), retention_days, tags: owner.tags() }))
        }
    }
}

/// The workflow's role: its ARN and, if it is ours, what it should be.
fn role(
    machine: &api::StateMachine,
    owner: &Owner,
    site: &Site,
    logs: bool,
    state_machine: Option<&Arn>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<(Arn, Option<role::Desired>)> {
    let spec = machine.role.clone().unwrap_or_default();
    if let Some(arn) = &spec.arn {
        return Some((roles::existing(arn, site, &at.field("arn"), mistakes)?, None));
    }
    let name = owner.workflow_role_name();
    let trusted: BTreeSet<Arn> = state_machine.into_iter().cloned().collect();
    let trust = policy::workflow_trust(&site.account, &trusted);
    let permissions = policy::workflow_permissions(&spec.statements, logs);
    let arn = site.role_arn(&name);
    let desired = roles::ours(&spec, name, trust, permissions, owner, at, mistakes);
    Some((arn?, Some(desired?)))
}
