//! Which cluster this is, and whose AWS account: the flags that every subcommand shares which talks to both.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client};
use sfe_core::arn::Arn;
use sfe_core::desired::Settings;
use sfe_core::limits::Limits;
use sfe_core::owner::Site;

use crate::aws::{CREDENTIALS_HINT, Calls, Class, Error, Rates, SdkAws};
use crate::fence::Fence;

use super::CliError;

/// Which cluster this is, and where in AWS.
#[derive(Debug, Args)]
pub struct Identity {
    /// Names this cluster in the tags of AWS objects; the UID of the kube-system namespace without it. A cluster that is restored from Git
    /// finds its objects again by the same name.
    #[arg(long, env = "SFE_CLUSTER_ID")]
    cluster_id: Option<String>,
    /// The Region of manifests that name none; that of the AWS environment without it.
    #[arg(long, env = "SFE_REGION")]
    region: Option<String>,
    /// The ARN of the managed policy that bounds every role that the operator makes; manifests can't name another.
    #[arg(long, env = "SFE_PERMISSIONS_BOUNDARY", value_parser = policy)]
    permissions_boundary: Option<String>,
    /// The ARN of the role by which API Gateway writes logs. It is set in API Gateway's settings of the account, for all in a Region, where a
    /// manifest asks for a log and the account has none there; another is never replaced.
    #[arg(long, env = "SFE_CLOUDWATCH_ROLE_ARN", value_name = "ARN", value_parser = role)]
    cloudwatch_role_arn: Option<Arn>,
    /// A file with rules of what each namespace may refer to: see docs/install.md. Anything without it.
    #[arg(long, env = "SFE_LIMITS")]
    limits: Option<PathBuf>,
}

fn policy(text: &str) -> Result<String, String> {
    let is_policy = |arn: &Arn| arn.service() == "iam" && arn.resource().starts_with("policy/");
    match text.parse::<Arn>().ok().filter(is_policy) {
        Some(arn) => Ok(arn.to_string()),
        None => Err("must be a managed policy's ARN, `arn:aws:iam::<account>:policy/<name>`".to_owned()),
    }
}

/// A role's ARN.
pub fn role(text: &str) -> Result<Arn, String> {
    let is_role = |arn: &Arn| arn.service() == "iam" && arn.resource().starts_with("role/");
    let arn = text.parse().ok().filter(is_role);
    arn.ok_or_else(|| "must be a role's ARN, `arn:aws:iam::<account>:role/<name>`".to_owned())
}

/// How long is waited between two tries to learn whose credentials these are.
const AGAIN: Duration = Duration::from_secs(5);

impl Identity {
    /// AWS by the environment's credentials, and the Region. Nothing is called while the fence is closed.
    pub async fn aws(
        &self,
        calls: Arc<dyn Calls>,
        fence: Arc<Fence>,
        rates: Rates,
    ) -> Result<(SdkAws, String), CliError> {
        let config = aws_config::load_from_env().await;
        let region = self.region.clone().or_else(|| config.region().map(ToString::to_string));
        let region = region.ok_or_else(|| CliError::new("no AWS Region is set", "set `--region` or `AWS_REGION`"))?;
        Ok((SdkAws::new(&config, &region, calls, fence, rates), region))
    }

    /// Cluster, account and Region. `failed` gets why the account can't be read, and returns Ok to have it tried again: the operator may start
    /// before its network.
    pub async fn settings(
        &self,
        client: &Client,
        aws: &SdkAws,
        region: String,
        failed: impl Fn(CliError) -> Result<(), CliError>,
    ) -> Result<Settings, CliError> {
        let cluster = match &self.cluster_id {
            Some(id) => id.clone(),
            None => cluster_uid(client).await?,
        };
        let identity = loop {
            match aws.identity().await {
                Ok(identity) => break identity,
                Err(error) => {
                    failed(unidentified(&error, &region))?;
                    tokio::time::sleep(AGAIN).await;
                }
            }
        };
        let site = Site { partition: identity.partition().to_owned(), account: identity.account().to_owned(), region };
        let limits = self.limits.as_deref().map(limits).transpose()?;
        let cloudwatch_role = self.cloudwatch_role_arn.clone();
        if let Some(role) = cloudwatch_role.as_ref().filter(|role| role.account() != site.account) {
            return Err(CliError::new(
                format!("--cloudwatch-role-arn failed: {role} is not in the operator's account {}", site.account),
                "name a role of that account: API Gateway takes no other",
            ));
        }
        let permissions_boundary = self.permissions_boundary.clone();
        Ok(Settings { permissions_boundary, cloudwatch_role, limits, ..Settings::new(cluster, site) })
    }
}

/// Why the account of the credentials can't be read, and what to configure.
fn unidentified(error: &Error, region: &str) -> CliError {
    let hint = match error.class {
        Class::NoCredentials | Class::InvalidCredentials | Class::AccessDenied => CREDENTIALS_HINT.to_owned(),
        Class::NotFound
        | Class::RoleNotReady
        | Class::Throttled
        | Class::Conflict
        | Class::ValueTaken
        | Class::Quota
        | Class::InvalidDefinition
        | Class::Refused
        | Class::Unclear
        | Class::Unreadable
        | Class::NotMade => format!("check that the operator reaches AWS STS in {region}: DNS, network policy, proxy"),
    };
    CliError::new(format!("AWS credentials failed: {error}"), hint)
}

fn limits(file: &Path) -> Result<Limits, CliError> {
    let failed = |error: String| {
        let what = format!("--limits failed: {}: {error}", file.display());
        CliError::new(
            what,
            "a list of rules, each with `namespaces`, and `accounts`, `roles`, `stateMachines`, `restApis` and `logDestinations`",
        )
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    Limits::parse(&text).map_err(failed)
}

async fn cluster_uid(client: &Client) -> Result<String, CliError> {
    let hint = "let the operator `get` the namespace kube-system, or set `--cluster-id`";
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get("kube-system").await;
    let found =
        found.map_err(|error| CliError::new(format!("read of the namespace kube-system failed: {error}"), hint))?;
    found.metadata.uid.ok_or_else(|| CliError::new("the namespace kube-system has no UID", hint))
}
