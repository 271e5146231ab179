//! AWS by its SDK: a set of clients for each Region, and which kind's file makes which call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use sfe_core::action::Action;
use sfe_core::api::{ExecutionStatus, StateMachineType};
use sfe_core::arn::Arn;
use sfe_core::executions::Source;
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::owner::{Owner, Site};

use crate::fence::Fence;

use super::clients::{Calls, Clients};
use super::{Aws, Error, executions, kinds};

/// AWS by its SDK.
pub struct SdkAws {
    config: SdkConfig,
    calls: Arc<dyn Calls>,
    fence: Arc<Fence>,
    by_region: Mutex<BTreeMap<String, Arc<Clients>>>,
}

/// How long a connection may take, and how long a call.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);

impl SdkAws {
    /// The clients of an environment, its credentials and endpoint; `region` is where the credentials are asked for. While the fence is closed
    /// nothing is called but [`identity`](Self::identity).
    pub fn new(config: &SdkConfig, region: &str, calls: Arc<dyn Calls>, fence: Arc<Fence>) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .build();
        let config = config.to_builder().region(Region::new(region.to_owned())).timeout_config(timeouts).build();
        Self { config, calls, fence, by_region: Mutex::new(BTreeMap::new()) }
    }

    /// Who the credentials belong to: the partition and account of every endpoint.
    pub async fn identity(&self) -> Result<Arn, Error> {
        let (operation, object) = ("sts:GetCallerIdentity", "the operator's credentials");
        let client = aws_sdk_sts::Client::new(&self.config);
        let answer =
            client.get_caller_identity().send().await.map_err(|error| Error::from_sdk(operation, object, &error))?;
        let arn = answer.arn().and_then(|arn| arn.parse().ok());
        arn.ok_or_else(|| Error::incomplete(operation, object, "ARN"))
    }

    fn clients(&self, region: &str) -> Arc<Clients> {
        let mut by_region = self.by_region.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = by_region.entry(region.to_owned()).or_insert_with(|| {
            let config = self.config.to_builder().region(Region::new(region.to_owned())).build();
            Arc::new(Clients::new(&config, Arc::clone(&self.calls), Arc::clone(&self.fence)))
        });
        Arc::clone(clients)
    }
}

impl Aws for SdkAws {
    async fn read(&self, site: &Site, owner: &Owner, read: &Read) -> Result<Fact, Error> {
        let clients = self.clients(&site.region);
        let clients = clients.as_ref();
        match read {
            Read::Role(purpose, name) => Ok(Fact::Role(*purpose, kinds::role::observe(clients, name).await?)),
            Read::RolePolicies(purpose, name) => {
                Ok(Fact::RolePolicies(*purpose, kinds::role::inline_policies(clients, name).await?))
            }
            Read::LogGroup(name) => Ok(Fact::LogGroup(kinds::log_group::observe(clients, site, name).await?)),
            Read::StateMachine(type_, arn) => {
                Ok(Fact::StateMachine(*type_, kinds::state_machine::observe(clients, arn).await?))
            }
            Read::RestApis => Ok(Fact::RestApis(kinds::rest_api::observe(clients, owner).await?)),
            Read::RestApisNamed(name) => Ok(Fact::RestApisNamed(kinds::rest_api::named(clients, name).await?)),
            Read::Resources(id) => Ok(Fact::Resources(kinds::resource::observe(clients, id).await?)),
            Read::Authorizers(id) => Ok(Fact::Authorizers(kinds::authorizer::observe(clients, id).await?)),
            Read::RequestValidators(id) => {
                Ok(Fact::RequestValidator(kinds::request_validator::observe(clients, id).await?))
            }
            Read::Models(id) => Ok(Fact::Models(kinds::model::observe(clients, id).await?)),
            Read::Deployments(id) => Ok(Fact::Deployments(kinds::deployment::observe(clients, id).await?)),
            Read::Stages(id) => Ok(Fact::Stages(kinds::stage::observe(clients, id).await?)),
        }
    }

    async fn apply(&self, site: &Site, action: &Action) -> Result<Answer, Error> {
        let clients = self.clients(&site.region);
        let clients = clients.as_ref();
        match action {
            Action::Role(_, action) => kinds::role::apply(clients, action).await,
            Action::LogGroup(action) => kinds::log_group::apply(clients, action).await,
            Action::StateMachine(_, action) => kinds::state_machine::apply(clients, action).await,
            Action::RestApi(action) => kinds::rest_api::apply(clients, action).await,
            Action::Resource(action) => kinds::resource::apply(clients, action).await,
            Action::Authorizer(action) => kinds::authorizer::apply(clients, action).await,
            Action::RequestValidator(action) => kinds::request_validator::apply(clients, action).await,
            Action::Model(action) => kinds::model::apply(clients, action).await,
            Action::Method(action) => kinds::method::apply(clients, action).await,
            Action::Deployment(action) => kinds::deployment::apply(clients, action).await,
            Action::Stage(action) => kinds::stage::apply(clients, action).await,
        }
    }

    async fn state_machine_type(&self, arn: &Arn) -> Result<Option<StateMachineType>, Error> {
        kinds::state_machine::type_of(&self.clients(arn.region()), arn).await
    }

    async fn executions(&self, site: &Site, source: &Source) -> Result<Vec<ExecutionStatus>, Error> {
        executions::newest(&self.clients(&site.region), source).await
    }
}
