//! AWS as one operator sees it: the account, over the wire.

use sfe::aws::{Aws, Class, Error};
use sfe_core::action::Action;
use sfe_core::api::{ExecutionStatus, StateMachineType};
use sfe_core::arn::Arn;
use sfe_core::executions::Source;
use sfe_core::kinds::{deployment, gateway_response, resource, rest_api};
use sfe_core::observed::{Answer, Fact, Read};
use sfe_core::operation::Operation;
use sfe_core::owner::{Owner, Site};

use crate::account::{self, Refused};
use crate::network::{Call, Caller, Network};

pub struct SimulatedAws {
    pub network: Network,
    pub caller: Caller,
}

fn error(operation: &'static str, object: String, (class, detail): Refused) -> Error {
    let operation = operation.split_once(':').and_then(|(service, action)| Operation::find(service, action)).unwrap();
    Error::new(operation, &object, class, detail)
}

/// The operation that a read begins with.
pub fn operation(read: &Read) -> &'static str {
    match read {
        Read::Role(..) => "iam:GetRole",
        Read::RolePolicies(..) => "iam:ListRolePolicies",
        Read::LogGroup(..) => "logs:DescribeLogGroups",
        Read::StateMachine(..) => "states:DescribeStateMachine",
        Read::RestApis | Read::RestApisNamed(_) | Read::RestApi(_) => "apigateway:GetRestApis",
        Read::Resources(_) => "apigateway:GetResources",
        Read::Authorizers(_) => "apigateway:GetAuthorizers",
        Read::RequestValidators(_) => "apigateway:GetRequestValidators",
        Read::Models(_) => "apigateway:GetModels",
        Read::GatewayResponses(_) => "apigateway:GetGatewayResponses",
        Read::Deployments(_) => "apigateway:GetDeployments",
        Read::Stages(_) => "apigateway:GetStages",
        Read::Account => "apigateway:GetAccount",
        Read::ApiKeys => "apigateway:GetApiKeys",
        Read::UsagePlans => "apigateway:GetUsagePlans",
        Read::UsagePlanKeys(_) => "apigateway:GetUsagePlanKeys",
    }
}

/// The REST API that an action writes to.
fn rest_api_id(action: &Action) -> Option<String> {
    let id = match action {
        Action::Role(..) | Action::LogGroup(..) | Action::StateMachine(..) | Action::Account(_) => return None,
        Action::ApiKey(_) | Action::UsagePlan(_) => return None,
        Action::RestApi(action) => match action {
            rest_api::Action::RecordIntent | rest_api::Action::CreateRestApi(_) => return None,
            rest_api::Action::UpdateRestApi { id, .. }
            | rest_api::Action::TagResource { id, .. }
            | rest_api::Action::UntagResource { id, .. }
            | rest_api::Action::DeleteRestApi { id } => id,
        },
        Action::Resource(
            resource::Action::CreateResource { rest_api_id, .. } | resource::Action::DeleteResource { rest_api_id, .. },
        ) => rest_api_id,
        Action::Authorizer(action) => account::api_of_authorizer(action),
        Action::RequestValidator(action) => account::api_of_validator(action),
        Action::Model(action) => account::api_of_model(action),
        Action::GatewayResponse(
            gateway_response::Action::PutGatewayResponse { rest_api_id, .. }
            | gateway_response::Action::DeleteGatewayResponse { rest_api_id, .. },
        ) => rest_api_id,
        Action::Method(action) => &action.at().rest_api_id,
        Action::Deployment(
            deployment::Action::CreateDeployment { rest_api_id, .. }
            | deployment::Action::UpdateDeployment { rest_api_id, .. }
            | deployment::Action::DeleteDeployment { rest_api_id, .. },
        ) => rest_api_id,
        Action::Stage(action) => account::api_of_stage(action),
    };
    Some(id.clone())
}

impl Aws for SimulatedAws {
    async fn read(&self, caller: &sfe::aws::Caller, _: &Site, owner: &Owner, read: &Read) -> Result<Fact, Error> {
        let operation = operation(read);
        let call = Call { operation, writes: false, aws: true, rest_api_id: None };
        let (owner, wanted) = (owner.clone(), read.clone());
        let what = || format!("{read:?}");
        let answer = self.network.call(&self.caller, call, what, move |account| account.read(&owner, &wanted)).await;
        let answer = answer.map_err(|refused| error(operation, format!("{read:?}"), refused));
        self.network.unreadable.count(&self.caller.name(), &caller.name, format!("{read:?}"), &answer);
        answer
    }

    async fn apply(&self, caller: &sfe::aws::Caller, _: &Site, action: &Action) -> Result<Answer, Error> {
        let operation = action.name();
        if !self.caller.is_fenced() {
            self.network.check_quiet(&caller.name, || action.to_string());
        }
        let call = Call { operation, writes: true, aws: true, rest_api_id: rest_api_id(action) };
        let wanted = action.clone();
        let what = || action.to_string();
        let answer = self.network.call(&self.caller, call, what, move |account| account.apply(&wanted)).await;
        let answer = answer.map_err(|refused| error(operation, action.object(), refused));
        let call = format!("{operation} {}", action.object());
        self.network.unreadable.count(&self.caller.name(), &caller.name, call, &answer);
        answer
    }

    async fn state_machine_type(&self, _: &sfe::aws::Caller, arn: &Arn) -> Result<Option<StateMachineType>, Error> {
        let operation = "states:DescribeStateMachine";
        let call = Call { operation, writes: false, aws: true, rest_api_id: None };
        let answer = self.network.call(&self.caller, call, || "the type of a machine".to_owned(), |_| Ok(())).await;
        answer.map_err(|refused| error(operation, arn.to_string(), refused))?;
        Ok(Some(StateMachineType::Standard))
    }

    async fn executions(&self, _: &sfe::aws::Caller, _: &Site, _: &Source) -> Result<Vec<ExecutionStatus>, Error> {
        Err(error("states:ListExecutions", String::new(), (Class::Unclear, "none are kept here".to_owned())))
    }
}
