//! The permission that AWS says is lacking.

/// The action and the resource of a message such as `User: arn:... is not authorized to perform: apigateway:POST on resource: arn:... because
/// no identity-based policy allows it`, as a hint names them. None if the message names no action.
/// Source: IAM user guide, "Troubleshoot access denied error messages".
pub fn lacks(message: &str) -> Option<String> {
    let action = word_after(message, "to perform: ").filter(|word| is_action(word))?;
    let resource = word_after(message, "on resource: ").filter(|word| word.starts_with("arn:"));
    Some(match resource {
        Some(resource) => format!("`{action}` on `{resource}`"),
        None => format!("`{action}`"),
    })
}

fn word_after<'a>(message: &'a str, words: &str) -> Option<&'a str> {
    let (_, rest) = message.split_once(words)?;
    let word = rest.split_whitespace().next()?.trim_end_matches([',', '.']);
    (word.len() <= 300 && word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'`')).then_some(word)
}

fn is_action(word: &str) -> bool {
    let is_name =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    word.split_once(':').is_some_and(|(service, action)| is_name(service) && is_name(action))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "User: arn:aws:sts::0:assumed-role/r/s is not authorized to perform: apigateway:POST on resource: \
         arn:aws:apigateway:eu-central-1::/restapis because no identity-based policy allows the apigateway:POST action",
        Some("`apigateway:POST` on `arn:aws:apigateway:eu-central-1::/restapis`")
    )]
    #[case(
        "User: x is not authorized to perform: iam:PassRole on resource: arn:aws:iam::0:role/sfe/a, with an explicit deny",
        Some("`iam:PassRole` on `arn:aws:iam::0:role/sfe/a`")
    )]
    #[case("User: x is not authorized to perform: logs:CreateLogGroup", Some("`logs:CreateLogGroup`"))]
    #[case("User: the operator is not authorized to perform this action", None)]
    #[case("is not authorized to perform: no action", None)]
    #[case("User is not authorized to access this resource", None)]
    fn what_is_lacking_is_named(#[case] message: &str, #[case] expected: Option<&str>) {
        assert_eq!(lacks(message).as_deref(), expected);
    }
}
