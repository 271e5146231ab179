//! Amazon Resource Names: parsed once, compared as text.

use std::fmt;
use std::str::FromStr;

/// `arn:partition:service:region:account:resource`; region and account may be empty (IAM has no Region).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arn {
    text: String,
    /// Where each of the first five parts ends.
    ends: [usize; 5],
}

impl Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`, ...
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// `states`, `iam`, ...
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// `eu-central-1`, ..., or nothing.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The twelve digits of an account, or nothing.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// All behind the fifth colon, such as `stateMachine:orders`.
    pub fn resource(&self) -> &str {
        self.text.get(self.ends[4] + 1..).unwrap_or_default()
    }

    /// The whole ARN.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn part(&self, index: usize) -> &str {
        self.text.get(self.ends[index - 1] + 1..self.ends[index]).unwrap_or_default()
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let mut colons = text.match_indices(':').map(|(at, _)| at);
        let mut ends = [0; 5];
        for end in &mut ends {
            *end = colons.next().ok_or(NotAnArn)?;
        }
        let arn = Self { text: text.to_owned(), ends };
        let printable = text.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\' && c != '\'');
        let account_is_one = arn.account().is_empty()
            || arn.account() == "aws"
            || (arn.account().len() == 12 && arn.account().bytes().all(|b| b.is_ascii_digit()));
        let whole = text.starts_with("arn:") && !arn.service().is_empty() && !arn.resource().is_empty();
        if whole && printable && account_is_one && arn.partition().starts_with("aws") { Ok(arn) } else { Err(NotAnArn) }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// The text is not an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ARN: expected `arn:<partition>:<service>:<region>:<account>:<resource>`")]
pub struct NotAnArn;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read() {
        let arn: Arn = "arn:aws:states:eu-central-1:000000000000:stateMachine:a".parse().unwrap();
        assert_eq!((arn.partition(), arn.service(), arn.region()), ("aws", "states", "eu-central-1"));
        assert_eq!((arn.account(), arn.resource()), ("000000000000", "stateMachine:a"));
    }

    #[test]
    fn managed_policies_belong_to_aws() {
        assert!("arn:aws:iam::aws:policy/ReadOnlyAccess".parse::<Arn>().is_ok());
    }

    #[test]
    fn what_could_leave_a_template_is_refused() {
        for text in [
            "",
            "arn:aws:states",
            "arn:aws:states:r:000000000000:",
            "arn:aws:states:r:1:x",
            "arn:aws:states:r::a\"b",
            "arn:aws:states:r::a b",
        ] {
            assert_eq!(text.parse::<Arn>(), Err(NotAnArn), "{text}");
        }
    }
}
