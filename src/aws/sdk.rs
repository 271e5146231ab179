//! AWS by its SDK: a set of clients for each Region, and which kind's file makes which call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use jiff::Timestamp;
use sfe_core::action::Action;
use sfe_core::api::{ExecutionStatus, StateMachineType};
use sfe_core::arn::Arn;
use sfe_core::executions::Source;
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::operation::Operation;
use sfe_core::owner::{Owner, Site};

use crate::fence::Fence;

use super::caller::{Caller, Errand, Turn};
use super::clients::{Calls, Clients};
use super::limiter::{Limiter, Place, Rates};
use super::{Aws, Error, executions, kinds};

/// AWS by its SDK.
pub struct SdkAws {
    config: SdkConfig,
    calls: Arc<dyn Calls>,
    fence: Arc<Fence>,
    limiter: Arc<Limiter>,
    by_place: Mutex<BTreeMap<Place, Clients>>,
}

/// How long a connection may take, and how long a call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

impl SdkAws {
    /// The clients of an environment, its credentials and endpoint; `region` is where the credentials are asked for. While the fence is closed
    /// nothing is called but [`identity`](Self::identity). It needs a runtime.
    pub fn new(config: &SdkConfig, region: &str, calls: Arc<dyn Calls>, fence: Arc<Fence>, rates: Rates) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = config.to_builder().region(Region::new(region.to_owned())).timeout_config(timeouts).build();
        let limiter = Limiter::start(rates, Arc::clone(&calls));
        Self { config, calls, fence, limiter, by_place: Mutex::new(BTreeMap::new()) }
    }

    /// Who the credentials belong to: the partition and account of every endpoint.
    pub async fn identity(&self) -> Result<Arn, Error> {
        let (operation, object) = (Operation::GetCallerIdentity, "the operator's credentials");
        let region = self.config.region().map(Region::as_ref).unwrap_or_default();
        let place = Place { account: String::new(), region: region.to_owned() };
        // Whose the credentials are is read before there is a leader.
        let (calls, fence) = (Arc::clone(&self.calls), Arc::new(Fence::open()));
        let clients = Clients::new(&self.config, calls, fence, Arc::clone(&self.limiter), place);
        let answer = clients.call(operation, object, clients.sts.get_caller_identity().send()).await?;
        let arn = answer.arn().and_then(|arn| arn.parse().ok());
        arn.ok_or_else(|| Error::incomplete(operation, object, "ARN"))
    }

    fn clients(&self, site: &Site, caller: &Caller) -> Clients {
        let Site { partition, account, region } = site;
        let place = Place { account: account.clone(), region: region.clone() };
        let mut by_place = self.by_place.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = by_place.entry(place.clone()).or_insert_with(|| {
            let config = self.config.to_builder().region(Region::new(region.clone())).build();
            let (calls, fence) = (Arc::clone(&self.calls), Arc::clone(&self.fence));
            Clients::new(&config, calls, fence, Arc::clone(&self.limiter), place)
        });
        clients.of(caller, partition)
    }
}

impl Aws for SdkAws {
    async fn read(&self, caller: &Caller, site: &Site, owner: &Owner, read: &Read) -> Result<Fact, Error> {
        let clients = &self.clients(site, caller);
        match read {
            Read::Role(purpose, name) => Ok(Fact::Role(*purpose, kinds::role::observe(clients, name).await?)),
            Read::RolePolicies(purpose, name) => {
                Ok(Fact::RolePolicies(*purpose, kinds::role::inline_policies(clients, name).await?))
            }
            Read::LogGroup(purpose, name) => {
                let access_log_group = owner.access_log_group_name();
                let (seen, has_access_log) = kinds::log_group::observe(clients, site, name, &access_log_group).await?;
                Ok(Fact::LogGroup(*purpose, seen, has_access_log))
            }
            Read::StateMachine(type_, arn) => {
                Ok(Fact::StateMachine(*type_, kinds::state_machine::observe(clients, arn).await?))
            }
            Read::RestApis => Ok(Fact::RestApis(kinds::rest_api::observe(clients, owner).await?)),
            Read::RestApisNamed(name) => Ok(Fact::RestApisNamed(kinds::rest_api::named(clients, name).await?)),
            Read::RestApi(id) => Ok(Fact::RestApis(kinds::rest_api::of_id(clients, id).await?)),
            Read::Resources(id) => Ok(Fact::Resources(kinds::resource::observe(clients, id).await?)),
            Read::Authorizers(id) => Ok(Fact::Authorizers(kinds::authorizer::observe(clients, id).await?)),
            Read::RequestValidators(id) => {
                Ok(Fact::RequestValidator(kinds::request_validator::observe(clients, id).await?))
            }
            Read::Models(id) => Ok(Fact::Models(kinds::model::observe(clients, id).await?)),
            Read::GatewayResponses(id) => {
                Ok(Fact::GatewayResponses(kinds::gateway_response::observe(clients, id).await?))
            }
            Read::Deployments(id) => Ok(Fact::Deployments(kinds::deployment::observe(clients, id).await?)),
            Read::Account => Ok(Fact::Account(kinds::account::observe(clients).await?)),
            Read::ApiKeys => Ok(Fact::ApiKeys(kinds::api_key::observe(clients, owner).await?)),
            Read::UsagePlans => Ok(Fact::UsagePlans(kinds::usage_plan::observe(clients, owner).await?)),
            Read::UsagePlanKeys(id) => Ok(Fact::UsagePlanKeys(kinds::usage_plan::keys(clients, id).await?)),
            Read::Stages(id) => Ok(Fact::Stages(kinds::stage::observe(clients, id).await?)),
        }
    }

    async fn apply(&self, caller: &Caller, site: &Site, action: &Action) -> Result<Answer, Error> {
        let clients = &self.clients(site, caller);
        match action {
            Action::Role(_, action) => kinds::role::apply(clients, action).await,
            Action::LogGroup(_, action) => kinds::log_group::apply(clients, action).await,
            Action::StateMachine(_, action) => kinds::state_machine::apply(clients, action).await,
            Action::RestApi(action) => kinds::rest_api::apply(clients, action).await,
            Action::Resource(action) => kinds::resource::apply(clients, action).await,
            Action::Authorizer(action) => kinds::authorizer::apply(clients, action).await,
            Action::RequestValidator(action) => kinds::request_validator::apply(clients, action).await,
            Action::Model(action) => kinds::model::apply(clients, action).await,
            Action::GatewayResponse(action) => kinds::gateway_response::apply(clients, action).await,
            Action::Method(action) => kinds::method::apply(clients, action).await,
            Action::Deployment(action) => kinds::deployment::apply(clients, action).await,
            Action::Stage(action) => kinds::stage::apply(clients, action).await,
            Action::Account(action) => kinds::account::apply(clients, action).await,
            Action::ApiKey(action) => kinds::api_key::apply(clients, action).await,
            Action::UsagePlan(action) => kinds::usage_plan::apply(clients, action).await,
        }
    }

    async fn state_machine_type(&self, caller: &Caller, arn: &Arn) -> Result<Option<StateMachineType>, Error> {
        let owned = str::to_owned;
        let (partition, account, region) = (owned(arn.partition()), owned(arn.account()), owned(arn.region()));
        kinds::state_machine::type_of(&self.clients(&Site { partition, account, region }, caller), arn).await
    }

    async fn executions(&self, caller: &Caller, site: &Site, source: &Source) -> Result<Vec<ExecutionStatus>, Error> {
        executions::newest(&self.clients(site, caller), source).await
    }

    fn turn(&self, caller: &Caller, site: &Site, errand: Errand, now: Timestamp) -> Turn {
        let place = Place { account: site.account.clone(), region: site.region.clone() };
        self.limiter.turn(&place, caller, errand, now)
    }

    fn leave(&self, caller: &Caller) {
        self.limiter.leave(caller);
    }

    fn stop(&self) {
        self.limiter.close();
    }
}
