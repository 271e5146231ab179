//! AWS as it would be, the engine above it, and what must hold after each step.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::test_runner::TestCaseError;
use sfe_core::action::Action;
use sfe_core::api::{Drift, StateMachineType};
use sfe_core::desired::Desired;
use sfe_core::drift::{differences, fields};
use sfe_core::endpoint::{When, next};
use sfe_core::kinds::{deployment, log_group, method, role, stage, state_machine, usage_plan};
use sfe_core::next::Next;
use sfe_core::observed::{Answer, Observed, reads};
use sfe_core::owner::{Owner, Tags};
use sfe_core::predict::World;

use crate::allowed;
use crate::manifests::{Manifest, settings};

/// The most steps of one convergence: eight routes take about 90.
const STEPS_MAX: usize = 250;

#[derive(Clone)]
pub struct Run {
    pub world: World,
    /// The actions of the last convergence.
    pub actions: Vec<Action>,
    /// What the status then tells of adoption.
    pub told: Vec<Drift>,
    /// How many reads it made.
    pub reads: usize,
    /// The resources of which the status tells that we made them.
    pub made: BTreeSet<String>,
    left: Next<Action>,
    random: u64,
    /// What each deployment holds: role and templates of its methods.
    snapshots: BTreeMap<String, Vec<method::Integration>>,
    checks_service: bool,
}

type Checked<T> = Result<T, TestCaseError>;

impl Run {
    pub fn new(random: u64) -> Self {
        let mut world = World::empty(settings().site, now());
        // In every other account the operator sets one.
        world.account.cloudwatch_role_arn =
            random.is_multiple_of(2).then(|| "arn:aws:iam::000000000000:role/theirs".to_owned());
        Self {
            world,
            actions: Vec::new(),
            told: Vec::new(),
            reads: 0,
            made: BTreeSet::new(),
            left: Next::nothing(),
            random,
            snapshots: BTreeMap::new(),
            checks_service: true,
        }
    }

    pub fn without_service_checks(&mut self) -> &mut Self {
        self.checks_service = false;
        self
    }

    pub fn to(&mut self, desired: &Desired) -> Checked<&mut Self> {
        let done = self.steps(desired, STEPS_MAX)?;
        if done {
            Ok(self)
        } else {
            Err(TestCaseError::fail(format!("no end after {STEPS_MAX} steps: {}", self.story())))
        }
    }

    pub fn some_steps_to(&mut self, desired: &Desired, steps: usize) -> Checked<()> {
        self.steps(desired, steps).map(drop)
    }

    /// Whether nothing was left to do within `steps`. Any of the actions that are ready may come first, as they run side by side.
    fn steps(&mut self, desired: &Desired, steps: usize) -> Checked<bool> {
        let known = Observed { made_resources: self.made.clone(), ..Observed::new(None) };
        let mut observed = Observed { told_adoption: self.told.clone(), ..known };
        self.actions.clear();
        self.reads = 0;
        loop {
            let unread = reads(desired, &observed);
            if !unread.is_empty() {
                self.reads += unread.len();
                for read in &unread {
                    allowed::check_read(read).map_err(|denied| self.broken(&denied))?;
                    observed.fold(self.world.read(read));
                }
                continue;
            }
            let next = next(desired, &observed, when());
            if next.actions.is_empty() || self.actions.len() >= steps {
                let done = next.actions.is_empty();
                let rows =
                    next.adoptions.iter().flat_map(|adoption| fields(&adoption.object, &adoption.changes, now()));
                self.told = rows.collect();
                self.made = observed.made_resources;
                self.left = next;
                return Ok(done);
            }
            let action = self.pick(&next.actions);
            allowed::check(&action, &self.world).map_err(|denied| self.broken(&denied))?;
            let answer = self.world.apply(&action);
            self.actions.push(action.clone());
            self.check(&action, &answer)?;
            observed.fold_answer(&action, answer);
        }
    }

    /// What an operator that only observes tells.
    pub fn differences(&self, desired: &Desired) -> Vec<Drift> {
        let mut observed = Observed::new(None);
        loop {
            let unread = reads(desired, &observed);
            if unread.is_empty() {
                return differences(desired, &observed, when());
            }
            unread.iter().for_each(|read| observed.fold(self.world.read(read)));
        }
    }

    /// One at a time on the REST API, and there the first; any of the others.
    fn pick(&mut self, actions: &[Action]) -> Action {
        let first_on_api = actions.iter().position(Action::is_on_rest_api);
        let ready: Vec<&Action> = actions
            .iter()
            .enumerate()
            .filter(|(index, action)| !action.is_on_rest_api() || Some(*index) == first_on_api)
            .map(|(_, action)| action)
            .collect();
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from(self.random >> 33).unwrap() % ready.len();
        ready[index].clone()
    }

    /// What must hold after each step.
    fn check(&mut self, action: &Action, answer: &Answer) -> Checked<()> {
        if let (Action::Deployment(deployment::Action::CreateDeployment { .. }), Answer::Created(id)) = (action, answer)
        {
            let mut snapshot = Vec::new();
            for (path, found) in self
                .world
                .resources
                .iter()
                .flat_map(|(path, resource)| resource.methods.values().map(move |m| (path, m)))
            {
                match &found.integration {
                    Some(integration)
                        if integration.responses.keys().copied().collect::<BTreeSet<u16>>() == found.responses
                            && !found.responses.is_empty() =>
                    {
                        snapshot.push(integration.clone());
                    }
                    Some(_) | None => {
                        return Err(self.broken(&format!("a deployment was made while {path} was unfinished")));
                    }
                }
            }
            self.snapshots.insert(id.clone(), snapshot);
        }
        if let Action::LogGroup(log_group::Purpose::Access, log_group::Action::DeleteLogGroup { name }) = action
            && self.world.stages.values().any(|stage| logs_to(stage, name))
        {
            return Err(self.broken("a log group was deleted to which a stage logs"));
        }
        if let Action::Stage(stage::Action::DeleteStage { rest_api_id, name }) = action {
            let stage = usage_plan::stage(rest_api_id, name);
            let ours = self.world.usage_plans.values().filter(|plan| Owner::of(&plan.tags).is_some());
            if ours.map(|plan| &plan.settings).any(|plan| plan.stages.contains(&stage)) {
                return Err(self.broken(&format!("stage {name} was deleted, which a usage plan names")));
            }
        }
        if self.checks_service { self.check_service() } else { Ok(()) }
    }

    /// All that a stage serves is there: the role with its permission, and the state machine.
    fn check_service(&self) -> Checked<()> {
        for stage in self.world.stages.values() {
            for integration in self.snapshots.get(&stage.deployment_id).into_iter().flatten() {
                self.check_integration(integration)?;
            }
        }
        Ok(())
    }

    fn check_integration(&self, integration: &method::Integration) -> Checked<()> {
        let template: String = integration.request_templates.values().cloned().collect();
        let machines = [("-standard-", &self.world.standard), ("-express-", &self.world.express)];
        for (mark, machine) in machines {
            if template.contains(mark) && machine.is_none() {
                return Err(self.broken(&format!("a route is served whose state machine is gone: sfe..{mark}")));
            }
        }
        if !integration.credentials.contains("/sfe/") {
            return Ok(());
        }
        let action = integration.uri.rsplit('/').next().unwrap_or_default();
        let permissions =
            self.world.gateway_role.as_ref().and_then(|role| role.permissions.as_ref()).map(|found| found.to_json());
        let allowed = permissions.is_some_and(|text| text.contains(&format!("states:{action}")));
        if allowed {
            Ok(())
        } else {
            Err(self.broken(&format!("a route is served whose role does not allow states:{action}")))
        }
    }

    fn broken(&self, what: &str) -> TestCaseError {
        TestCaseError::fail(format!("{what}\n{}", self.story()))
    }

    fn story(&self) -> String {
        let lines = self.actions.iter().map(|action| format!("  {action}"));
        lines
            .chain(self.left.waiting.iter().map(|wait| format!("  waiting: {}: {}", wait.object, wait.why)))
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub fn is_at_rest(&self) -> bool {
        self.left.is_empty()
    }

    pub fn expect_rest(&self) -> Checked<()> {
        if self.left.is_empty() {
            Ok(())
        } else {
            Err(TestCaseError::fail(format!("not at rest: {:?}\n{}", self.left, self.story())))
        }
    }

    pub fn expect_no_action(&self) -> Checked<()> {
        self.expect_rest()?;
        if self.actions.is_empty() {
            Ok(())
        } else {
            Err(TestCaseError::fail(format!("expected nothing:\n{}", self.story())))
        }
    }

    /// The same as if nothing had been there before, but for ids.
    pub fn expect_same_as_from_nothing(&self, desired: &Desired) -> Checked<()> {
        let mut fresh = Self::new(0);
        fresh.to(desired)?.expect_rest()?;
        let (found, wanted) = (shape(&self.world), shape(&fresh.world));
        if found == wanted {
            Ok(())
        } else {
            Err(TestCaseError::fail(format!("differs from a fresh start:\n{found:#?}\n{wanted:#?}")))
        }
    }

    /// Someone deletes or edits something by hand.
    pub fn vandalize(&mut self, pick: u8) {
        let api = self.world.rest_api.as_ref().map(|api| api.id.clone()).unwrap_or_default();
        match pick % 15 {
            0 => self.world.gateway_role = None,
            1 => self.world.workflow_role = None,
            2 => self.world.log_group = None,
            3 => (self.world.standard, self.world.express) = (None, None),
            4 => {
                let name = self.world.stages.keys().next().cloned().unwrap_or_default();
                self.world.apply(&Action::Stage(stage::Action::DeleteStage { rest_api_id: api, name }));
            }
            5 => self.world.resources.values_mut().for_each(|resource| resource.methods.clear()),
            6 => {
                for found in self.world.resources.values_mut().flat_map(|resource| resource.methods.values_mut()) {
                    found
                        .integration
                        .iter_mut()
                        .for_each(|found| found.credentials = "arn:aws:iam::000000000000:role/evil".to_owned());
                }
            }
            7 => {
                for role in [&mut self.world.gateway_role, &mut self.world.workflow_role].into_iter().flatten() {
                    role.managed_policy_arns.insert("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
                }
            }
            8 => self.world.access_log_group = None,
            9 => {
                let elsewhere = stage::AccessLog { destination_arn: "arn:else".to_owned(), format: "x".to_owned() };
                let stages = self.world.stages.values_mut();
                stages.for_each(|stage| stage.settings.access_log = Some(elsewhere.clone()));
            }
            10 => self.world.api_keys.values_mut().for_each(|key| key.enabled = false),
            11 => {
                self.world.api_keys.clear();
                self.world.usage_plan_keys.clear();
            }
            12 => {
                for plan in self.world.usage_plans.values_mut() {
                    plan.settings.limits = usage_plan::Limits::default();
                    plan.settings.stages.insert("other:prod".to_owned());
                }
            }
            _ => self.world.deployments.clear(),
        }
    }

    /// Something loses our tags; answers what.
    pub fn disown(&mut self, pick: u8) -> Option<String> {
        let (name, tags) = match pick {
            0 => ("gateway role", &mut self.world.gateway_role.as_mut()?.tags),
            1 => ("workflow role", &mut self.world.workflow_role.as_mut()?.tags),
            2 => ("log group", &mut self.world.log_group.as_mut()?.tags),
            _ => ("access log group", &mut self.world.access_log_group.as_mut()?.tags),
        };
        tags.remove("sfe.dev/name");
        Some(name.to_owned())
    }
}

fn logs_to(stage: &stage::Stage, log_group: &str) -> bool {
    stage.settings.access_log.as_ref().is_some_and(|log| log.destination_arn.ends_with(log_group))
}

fn when() -> When {
    When { now: now(), settle: SignedDuration::from_secs(10) }
}

pub fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// Every object's name and tags.
fn tagged(world: &mut World) -> Vec<(String, &mut Tags)> {
    let owner = Manifest::nothing().owner;
    let mut found = Vec::new();
    for (name, role) in
        [(owner.gateway_role_name(), &mut world.gateway_role), (owner.workflow_role_name(), &mut world.workflow_role)]
    {
        found.extend(role.iter_mut().map(|role| (format!("role {name}"), &mut role.tags)));
    }
    for (purpose, group) in [
        (log_group::Purpose::Workflow, &mut world.log_group),
        (log_group::Purpose::Access, &mut world.access_log_group),
    ] {
        let name = format!("{} {}", purpose.object(), owner.log_group_name_for(purpose));
        found.extend(group.iter_mut().map(|found| (name.clone(), &mut found.tags)));
    }
    for (type_, machine) in
        [(StateMachineType::Standard, &mut world.standard), (StateMachineType::Express, &mut world.express)]
    {
        let name = format!("state machine {}", owner.state_machine_name(type_));
        found.extend(machine.iter_mut().map(|machine| (name.clone(), &mut machine.tags)));
    }
    found.extend(world.rest_api.iter_mut().map(|api| (format!("REST API {}", api.id), &mut api.tags)));
    found.extend(world.api_keys.iter_mut().map(|(id, key)| (format!("API key {id}"), &mut key.tags)));
    found.extend(world.usage_plans.iter_mut().map(|(id, plan)| (format!("usage plan {id}"), &mut plan.tags)));
    found.extend(world.stages.iter_mut().map(|(name, stage)| (format!("stage {name}"), &mut stage.tags)));
    found
}

/// The objects that have no tags of ours.
pub fn let_go(world: &World) -> Vec<String> {
    tagged(&mut world.clone())
        .into_iter()
        .filter(|(_, tags)| !tags.keys().any(|key| is_ours(key)))
        .map(|(name, _)| name)
        .collect()
}

/// How many objects have any tag of ours.
pub fn owned(world: &World) -> usize {
    tagged(&mut world.clone()).into_iter().filter(|(_, tags)| tags.keys().any(|key| is_ours(key))).count()
}

/// Whether a tag says whose an object is, or which of the others are the manifest's.
pub fn is_ours(key: &str) -> bool {
    key.starts_with("sfe.dev/")
}

/// The same without any tag of ours.
pub fn untagged(world: &World) -> World {
    let mut world = world.clone();
    tagged(&mut world).into_iter().for_each(|(_, tags)| tags.retain(|key, _| !is_ours(key)));
    world
}

/// What is there, without ids.
#[derive(Debug, PartialEq)]
struct Shape {
    roles: Vec<Option<role::Observed>>,
    machines: Vec<(StateMachineType, Option<state_machine::Observed>)>,
    log_retention: [Option<Option<i32>>; 2],
    api: Option<(String, bool)>,
    methods: Vec<String>,
    shared: Vec<String>,
    stages: Vec<(String, stage::Settings)>,
    deployments: usize,
    keys: Vec<(String, bool, Tags)>,
    plans: Vec<(usage_plan::Limits, usize)>,
}

fn shape(world: &World) -> Shape {
    let methods = world.resources.iter().flat_map(|(path, resource)| {
        resource.methods.iter().map(move |(verb, found)| {
            format!("{verb} {path} {:?} {:?}", found.integration, found.settings.authorization_type)
        })
    });
    let shared = world.authorizers.keys().chain(world.models.keys()).chain(world.resources.keys()).cloned();
    let role =
        |role: &Option<role::Observed>| role.clone().map(|role| role::Observed { inline_policies: None, ..role });
    let keys = world.api_keys.values().map(|key| (key.name.clone(), key.enabled, key.tags.clone()));
    let plans = world.usage_plans.iter().map(|(id, plan)| {
        let bound = world.usage_plan_keys.get(id).map_or(0, BTreeSet::len);
        (plan.settings.limits.clone(), bound)
    });
    Shape {
        roles: vec![role(&world.gateway_role), role(&world.workflow_role)],
        machines: vec![
            (StateMachineType::Standard, world.standard.clone()),
            (StateMachineType::Express, world.express.clone()),
        ],
        log_retention: [&world.log_group, &world.access_log_group]
            .map(|group| group.as_ref().map(|group| group.retention_days)),
        api: world.rest_api.as_ref().map(|api| (api.name.clone(), api.disable_execute_api_endpoint)),
        methods: methods.collect(),
        shared: shared.chain(world.request_validator.iter().map(|_| "validator".to_owned())).collect(),
        stages: world.stages.iter().map(|(name, stage)| (name.clone(), stage.settings.clone())).collect(),
        deployments: world.deployments.len(),
        keys: keys.collect::<BTreeSet<_>>().into_iter().collect(),
        plans: plans.collect(),
    }
}
