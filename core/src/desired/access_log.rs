//! The line that API Gateway logs of each request: what it tells, and where it goes.

use crate::api;
use crate::arn::Arn;
use crate::kinds::log_group;
use crate::kinds::stage::AccessLog;
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::{Owner, Site};

use super::retention;

/// The line without `format`. Values that a caller writes, such as the path or the user agent, are left out: they are not escaped, and a path
/// may hold a task's token. A number is in quotes, as it is `-` where there is none. Source: API Gateway developer guide, "Variables for
/// access logging".
const FORMAT: &str = concat!(
    r#"{"requestId":"$context.requestId","extendedRequestId":"$context.extendedRequestId","requestTime":"$context.requestTime","#,
    r#""ip":"$context.identity.sourceIp","stage":"$context.stage","httpMethod":"$context.httpMethod","#,
    r#""resourcePath":"$context.resourcePath","protocol":"$context.protocol","status":"$context.status","#,
    r#""responseLength":"$context.responseLength","responseLatency":"$context.responseLatency","#,
    r#""integrationStatus":"$context.integration.status","integrationLatency":"$context.integration.latency","#,
    r#""integrationError":"$context.integration.error","errorType":"$context.error.responseType","#,
    r#""authorizerError":"$context.authorizer.error","apiKeyId":"$context.identity.apiKeyId"}"#,
);
/// API Gateway quotas, "Access log template size": 3 KB.
const FORMAT_BYTES_MAX: usize = 3 * 1024;
/// One of these has to be in a line. Source: API Gateway API reference, AccessLogSettings.
const IDS: [&str; 2] = ["$context.requestId", "$context.extendedRequestId"];
/// How the streams begin to which API Gateway may write. Source: developer guide, "Log API calls to Amazon Data Firehose".
const STREAM: &str = "deliverystream/amazon-apigateway-";

/// Each value that AWS would refuse.
pub fn check(spec: &api::AccessLog, site: &Site, at: &FieldPath, mistakes: &mut Mistakes) {
    retention::parse(spec.retention_days, at, mistakes);
    if let Some(text) = &spec.format {
        mistakes.take(at.field("format"), text, format(text));
    }
    if let Some(text) = &spec.destination_arn {
        mistakes.take(at.field("destinationArn"), text, destination(text, site));
        if let Some(days) = spec.retention_days {
            let allowed = "is of a log group of our own: leave it out with destinationArn";
            mistakes.add(at.field("retentionDays"), days, allowed);
        }
    }
}

/// The line without the end that a block of YAML gives it.
fn format(text: &str) -> Result<String, String> {
    let line = text.trim_end_matches(['\r', '\n']);
    if line.len() > FORMAT_BYTES_MAX {
        return Err(format!("has {} bytes, {FORMAT_BYTES_MAX} are allowed", line.len()));
    }
    if line.contains(char::is_control) {
        return Err("must be one line: in YAML, `>-` folds several into one".to_owned());
    }
    let has = |id: &&str| line.match_indices(*id).any(|(at, _)| ends(line.get(at + id.len()..).unwrap_or_default()));
    if IDS.iter().any(has) { Ok(line.to_owned()) } else { Err(format!("must contain {} or {}", IDS[0], IDS[1])) }
}

/// Whether a variable's name doesn't go on.
fn ends(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Where the line goes, without the `:*` that CloudWatch Logs appends.
fn destination(text: &str, site: &Site) -> Result<Arn, String> {
    let arn: Arn = text.trim_end_matches(":*").parse().map_err(|error: crate::arn::NotAnArn| error.to_string())?;
    let is_group = arn.service() == "logs"
        && arn.resource().strip_prefix("log-group:").is_some_and(|name| !name.is_empty() && !name.contains([':', '*']));
    let is_stream =
        arn.service() == "firehose" && arn.resource().strip_prefix(STREAM).is_some_and(|name| !name.is_empty());
    if !is_group && !is_stream {
        return Err(format!(
            "must be a log group's ARN, `arn:aws:logs:<region>:<account>:log-group:<name>`, or a Firehose stream's, `arn:aws:firehose:<region>:<account>:{STREAM}<name>`"
        ));
    }
    if arn.region() != site.region || arn.account() != site.account {
        return Err(format!("must be in {} and the account {}, as the API is", site.region, site.account));
    }
    Ok(arn)
}

/// The stage's setting; none of what is wrong.
pub fn desired(spec: &api::AccessLog, owner: &Owner, site: &Site) -> Option<AccessLog> {
    let destination = match &spec.destination_arn {
        Some(text) => destination(text, site).ok()?,
        None => site.log_group_arn(&owner.access_log_group_name())?,
    };
    let format = spec.format.as_deref().map_or(Ok(FORMAT.to_owned()), format).ok()?;
    Some(AccessLog { destination_arn: destination.to_string(), format })
}

/// The log group of our own, if any of these lines goes there.
pub fn log_group<'a>(specs: impl Iterator<Item = &'a api::AccessLog>, owner: &Owner) -> Option<log_group::Desired> {
    let said: Vec<Option<i32>> =
        specs.filter(|spec| spec.destination_arn.is_none()).map(|spec| spec.retention_days).collect();
    let retention_days = said.iter().flatten().next().copied().unwrap_or(retention::DAYS);
    let ours = log_group::Desired { name: owner.access_log_group_name(), retention_days, tags: owner.tags() };
    (!said.is_empty()).then_some(ours)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn site() -> Site {
        Site { partition: "aws".to_owned(), account: "000000000000".to_owned(), region: "eu-central-1".to_owned() }
    }

    fn owner() -> Owner {
        Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() }
    }

    fn of(spec: Value) -> (Option<AccessLog>, Option<log_group::Desired>, Vec<String>) {
        let spec: api::AccessLog = serde_json::from_value(spec).unwrap();
        let mut mistakes = Mistakes::none();
        check(&spec, &site(), &FieldPath::spec().field("accessLog"), &mut mistakes);
        let told = mistakes.iter().map(ToString::to_string).collect();
        (desired(&spec, &owner(), &site()), log_group([&spec].into_iter(), &owner()), told)
    }

    #[test]
    fn by_default_it_is_json_in_a_log_group_of_our_own() {
        let (log, group, mistakes) = of(json!({}));
        let (log, group) = (log.unwrap(), group.unwrap());
        assert!(mistakes.is_empty() && group.retention_days == 30);
        assert_eq!(log.destination_arn, site().log_group_arn(&group.name).unwrap().as_str());
        assert_eq!(format(&log.format).as_ref(), Ok(&log.format), "as a manifest may say it");
        let line: Value = serde_json::from_str(&log.format).unwrap();
        assert!(line.as_object().unwrap().values().all(|value| value.as_str().unwrap().starts_with("$context.")));
        for written_by_callers in ["$context.path", "userAgent", "authorizer.claims", "error.message"] {
            assert!(!log.format.contains(written_by_callers), "{written_by_callers}");
        }
    }

    #[test]
    fn a_format_of_choice_loses_the_end_of_its_block_alone() {
        let (log, _, mistakes) =
            of(json!({ "format": "$context.extendedRequestId $context.status\n", "retentionDays": 7 }));
        assert!(mistakes.is_empty());
        assert_eq!(log.unwrap().format, "$context.extendedRequestId $context.status");
    }

    #[rstest]
    #[case::a_group(
        "arn:aws:logs:eu-central-1:000000000000:log-group:/mine",
        "arn:aws:logs:eu-central-1:000000000000:log-group:/mine"
    )]
    #[case::as_cloudwatch_tells_it(
        "arn:aws:logs:eu-central-1:000000000000:log-group:mine:*",
        "arn:aws:logs:eu-central-1:000000000000:log-group:mine"
    )]
    #[case::a_stream(
        "arn:aws:firehose:eu-central-1:000000000000:deliverystream/amazon-apigateway-a",
        "arn:aws:firehose:eu-central-1:000000000000:deliverystream/amazon-apigateway-a"
    )]
    fn an_existing_destination_is_named(#[case] said: &str, #[case] written: &str) {
        let (log, group, mistakes) = of(json!({ "destinationArn": said }));
        assert!(mistakes.is_empty() && group.is_none(), "{mistakes:?}");
        assert_eq!(log.unwrap().destination_arn, written);
    }

    #[rstest]
    #[case::no_id(json!({ "format": "$context.status" }), "accessLog.format: `$context.status`: must contain $context.requestId or $context.extendedRequestId")]
    #[case::a_longer_name(json!({ "format": "$context.requestIdx" }), "accessLog.format: `$context.requestIdx`: must contain")]
    #[case::two_lines(json!({ "format": "$context.requestId\n$context.status" }), "must be one line")]
    #[case::a_long_line(json!({ "format": format!("$context.requestId {}", "ä".repeat(1600)) }), "has 3219 bytes, 3072 are allowed")]
    #[case::retention(json!({ "retentionDays": 2 }), "accessLog.retentionDays: `2`: allowed are 1, 3, 5,")]
    #[case::retention_of_others(
        json!({ "retentionDays": 7, "destinationArn": "arn:aws:logs:eu-central-1:000000000000:log-group:mine" }),
        "accessLog.retentionDays: `7`: is of a log group of our own: leave it out with destinationArn"
    )]
    #[case::no_arn(json!({ "destinationArn": "mine" }), "accessLog.destinationArn: `mine`: ")]
    #[case::another_stream(
        json!({ "destinationArn": "arn:aws:firehose:eu-central-1:000000000000:deliverystream/mine" }), "must be a log group's ARN"
    )]
    #[case::a_log_stream(
        json!({ "destinationArn": "arn:aws:logs:eu-central-1:000000000000:log-group:a:log-stream:b" }), "must be a log group's ARN"
    )]
    #[case::elsewhere(
        json!({ "destinationArn": "arn:aws:logs:eu-west-1:000000000000:log-group:a" }),
        "must be in eu-central-1 and the account 000000000000, as the API is"
    )]
    #[case::of_others(
        json!({ "destinationArn": "arn:aws:logs:eu-central-1:111111111111:log-group:a" }),
        "must be in eu-central-1 and the account 000000000000, as the API is"
    )]
    fn what_aws_would_refuse_is_refused(#[case] spec: Value, #[case] says: &str) {
        let (_, _, mistakes) = of(spec);
        assert!(mistakes.len() == 1 && mistakes[0].contains(says), "{mistakes:?}");
    }
}
