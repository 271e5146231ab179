//! `sfe policy`: the IAM policy that the operator needs, from the list of its AWS calls.

use std::io::Write as _;

use clap::Args;
use sfe_core::arn::Arn;
use sfe_core::operation::{Operation, Scope, policy};

use super::CliError;
use super::identity::role;

/// Where the operator works.
#[derive(Debug, Args)]
pub struct Flags {
    /// The AWS account's twelve digits.
    #[arg(long, value_parser = account)]
    account: String,
    /// Names the cluster in the tags of AWS objects, as with `sfe run`.
    #[arg(long, env = "SFE_CLUSTER_ID")]
    cluster_id: String,
    /// A Region in which it works, once for each; all without it.
    #[arg(long, default_value = "*")]
    region: Vec<String>,
    /// The partition: aws, aws-cn, aws-us-gov, ...
    #[arg(long, default_value = "aws")]
    partition: String,
    /// The ARN of an existing role that a manifest names in `gatewayRole.arn` or `stateMachine.role.arn`, once for each.
    #[arg(long, value_name = "ARN")]
    pass_role: Vec<String>,
    /// The id of someone else's REST API that a manifest names in `api.restApiId`, once for each. What is on it may then be written, and the
    /// API itself not.
    #[arg(long, value_name = "ID", value_parser = rest_api)]
    rest_api_id: Vec<String>,
    /// The role of `sfe run --cloudwatch-role-arn`: API Gateway's settings of the account may then be written, and this role be passed to it.
    #[arg(long, value_name = "ARN", value_parser = role)]
    cloudwatch_role_arn: Option<Arn>,
}

fn rest_api(text: &str) -> Result<String, String> {
    let is_id = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if is_id { Ok(text.to_owned()) } else { Err("an id is of small letters and digits".to_owned()) }
}

fn account(text: &str) -> Result<String, String> {
    let is_one = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(text.to_owned()) } else { Err("an account has twelve digits".to_owned()) }
}

/// Prints the policy.
pub fn run(flags: Flags) -> Result<(), CliError> {
    let text = text(flags)?;
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| CliError::new(format!("write to standard output failed: {error}"), "check where it goes"))
}

fn text(flags: Flags) -> Result<String, CliError> {
    let Flags {
        account,
        cluster_id: cluster,
        region: regions,
        partition,
        pass_role: passed_roles,
        rest_api_id: rest_apis,
        cloudwatch_role_arn,
    } = flags;
    if let Some(role) = passed_roles.iter().find(|role| role.parse::<Arn>().is_err()) {
        return Err(CliError::new(
            format!("--pass-role failed: not an ARN: {role}"),
            "copy the ARN from `aws iam get-role`",
        ));
    }
    let cloudwatch_role = cloudwatch_role_arn.map(|role| role.to_string());
    let scope = Scope { partition, account, regions, cluster, passed_roles, rest_apis, cloudwatch_role };
    let text = serde_json::to_string_pretty(&policy(Operation::ALL, &scope));
    text.map(|text| text + "\n").map_err(|error| CliError::new(format!("policy failed: {error}"), "report it"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        flags: Flags,
    }

    fn printed(arguments: &str) -> Result<String, String> {
        let line = Line::try_parse_from(format!("policy {arguments}").split(' ')).map_err(|error| error.to_string())?;
        text(line.flags).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_documented_is_what_is_printed() {
        let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/install.md")).unwrap();
        let (_, rest) = docs.split_once("    sfe policy ").unwrap();
        let (arguments, rest) = rest.split_once('\n').unwrap();
        let (_, rest) = rest.split_once("```json\n").unwrap();
        let (documented, _) = rest.split_once("```").unwrap();
        let printed = printed(arguments).unwrap();
        assert!(
            printed == documented,
            "docs/install.md differs from `sfe policy {arguments}`, which prints:\n{printed}"
        );
    }

    #[test]
    fn it_is_as_narrow_as_it_is_told() {
        let text = printed("--account 000000000000 --cluster-id c --region eu-central-1 --region eu-west-1 --partition aws-cn --pass-role arn:aws-cn:iam::000000000000:role/x").unwrap();
        for part in [
            "arn:aws-cn:states:eu-west-1:000000000000:stateMachine:sfe-*",
            "arn:aws-cn:apigateway:eu-central-1::/restapis/*",
            "\"arn:aws-cn:iam::000000000000:role/x\"",
        ] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
        assert!(!text.contains("arn:aws:") && !text.contains(":*:"), "too wide: {text}");
    }

    #[test]
    fn what_is_on_others_apis_is_allowed_by_their_ids_alone() {
        let text = printed("--account 000000000000 --cluster-id c --region eu-central-1 --rest-api-id a1b2c3").unwrap();
        let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        let ours: Vec<_> =
            statements.iter().filter(|one| one["Sid"].as_str().unwrap().starts_with("OthersRestApis")).collect();
        assert!(!ours.is_empty() && ours.iter().all(|one| one["Condition"].is_null()), "{text}");
        for arn in ours.iter().flat_map(|one| one["Resource"].as_array().unwrap()) {
            let arn = arn.as_str().unwrap();
            assert!(arn.starts_with("arn:aws:apigateway:eu-central-1::/restapis/a1b2c3/"), "{arn}");
            assert!(
                !arn.ends_with("/a1b2c3/*") && !arn.ends_with("/stages/*"),
                "the API's own settings, or another's stage: {arn}"
            );
        }
        assert!(!printed("--account 000000000000 --cluster-id c").unwrap().contains("Others"));
        assert!(
            printed("--account 000000000000 --cluster-id c --rest-api-id *").unwrap_err().contains("small letters")
        );
    }

    #[test]
    fn the_account_is_written_for_a_role_alone() {
        let role = "arn:aws:iam::000000000000:role/logs";
        let text = printed(&format!("--account 000000000000 --cluster-id c --cloudwatch-role-arn {role}")).unwrap();
        let policy: serde_json::Value = serde_json::from_str(&text).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        let of = |sid: &str| statements.iter().find(|one| one["Sid"] == sid).unwrap_or_else(|| panic!("{sid}: {text}"));
        assert_eq!(of("AccountSettings")["Action"], serde_json::json!(["apigateway:PATCH"]));
        assert_eq!(of("AccountSettings")["Resource"], serde_json::json!(["arn:aws:apigateway:*::/account"]));
        assert!(of("PassRoles")["Resource"].as_array().unwrap().contains(&role.into()), "{text}");
        assert!(!printed("--account 000000000000 --cluster-id c").unwrap().contains("AccountSettings"));
        let wrong = printed("--account 000000000000 --cluster-id c --cloudwatch-role-arn x").unwrap_err();
        assert!(wrong.contains("must be a role's ARN"), "{wrong}");
    }

    #[test]
    fn what_is_wrong_is_told() {
        assert!(printed("--account 1 --cluster-id c").unwrap_err().contains("twelve digits"));
        assert!(printed("--account 000000000000 --cluster-id c --pass-role x").unwrap_err().contains("not an ARN: x"));
    }
}
