//! How often we call: our share of what AWS allows, and what a person chose for single operations.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use sfe_core::operation::{APIGATEWAY, Operation, Rate};

use super::bucket::Limit;

/// What has a bucket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// One operation.
    Operation(Operation),
    /// All of API Gateway's together.
    ApiGateway,
    /// The looks for drift, so that they leave room in the passes that run at the same time.
    DriftCheck,
}

/// How often we call.
#[derive(Clone, Debug, PartialEq)]
pub struct Rates {
    /// Our share of what AWS allows.
    pub share: Share,
    /// What a person chose.
    pub chosen: Vec<Chosen>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { share: Share::Of(0.5), chosen: Vec::new() }
    }
}

/// Our share of what AWS allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Share {
    /// More than 0, at most 1.
    Of(f64),
    /// No limit.
    Off,
}

/// Calls a second that a person chose for an operation, or as `apigateway` for all of API Gateway's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    of: Of,
    per_second: f64,
}

/// API Gateway's reads in a look for drift.
const READS_OF_A_CHECK: f64 = 10.0;
/// So many endpoints are looked at at once after a start.
const CHECKS_AT_ONCE: f64 = 16.0;
/// What an operation is taken to allow, of which AWS documents nothing but that it has just throttled it.
const ASSUMED: Rate = Rate { burst: 10, period_ms: 100 };

impl Rates {
    /// How much a bucket allows; none where nothing is limited.
    pub fn limit(&self, of: Of) -> Option<Limit> {
        if let Some(chosen) = self.chosen.iter().find(|chosen| chosen.of == of) {
            return Some(Limit::chosen(chosen.per_second));
        }
        let share = |rate: Rate| match self.share {
            Share::Of(share) => Some(Limit::share(rate, share)),
            Share::Off => None,
        };
        match of {
            Of::Operation(operation) => share(operation.rate()?),
            Of::ApiGateway => share(APIGATEWAY),
            Of::DriftCheck => self.limit(Of::ApiGateway).map(|limit| Limit {
                burst: CHECKS_AT_ONCE,
                per_second: limit.per_second / READS_OF_A_CHECK,
                ..limit
            }),
        }
    }

    /// What an operation without a limit gets for a while, once AWS has throttled it.
    pub fn assumed(&self) -> Option<Limit> {
        match self.share {
            Share::Of(share) => Some(Limit::share(ASSUMED, share)),
            Share::Off => None,
        }
    }
}

impl Of {
    /// As the metrics and the flag call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.name(),
            Self::ApiGateway => "apigateway",
            Self::DriftCheck => "drift check",
        }
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, text.parse()) {
            ("off", _) => Ok(Self::Off),
            (_, Ok(share)) if share > 0.0 && share <= 1.0 => Ok(Self::Of(share)),
            (_, _) => Err("allowed are numbers above 0 up to 1, such as 0.5, and `off`".to_owned()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(share) => share.fmt(f),
            Self::Off => f.write_str("off"),
        }
    }
}

impl FromStr for Chosen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected `<operation>=<calls a second>`, such as `apigateway:CreateDeployment=0.2`".to_owned();
        let (name, per_second) = text.split_once('=').ok_or_else(wrong)?;
        let of = match name.split_once(':') {
            None if name == Of::ApiGateway.name() => Of::ApiGateway,
            None => return Err(wrong()),
            Some((service, action)) => {
                let known = Operation::find(service, action);
                Of::Operation(known.ok_or_else(|| format!("the operator makes no such call: {name}"))?)
            }
        };
        let per_second: f64 = per_second.parse().map_err(|_| wrong())?;
        let allowed = (0.001..=1_000.0).contains(&per_second);
        if allowed { Ok(Self { of, per_second }) } else { Err("allowed are 0.001 to 1000 calls a second".to_owned()) }
    }
}

/// The chosen rates by name, for a line of the log.
impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chosen: BTreeMap<&str, f64> =
            self.chosen.iter().map(|chosen| (chosen.of.name(), chosen.per_second)).collect();
        match self.share {
            Share::Of(share) => write!(f, "{share} of what AWS allows")?,
            Share::Off => f.write_str("off")?,
        }
        chosen.iter().try_for_each(|(name, per_second)| write!(f, ", {name} {per_second} a second"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flag_says_is_read_or_refused() {
        assert_eq!("0.5".parse(), Ok(Share::Of(0.5)));
        assert_eq!("off".parse(), Ok(Share::Off));
        for text in ["0", "1.1", "-1", "NaN", "inf", "half", ""] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for text in ["apigateway=5", "apigateway:CreateDeployment=0.2", "logs:ListTagsForResource=1"] {
            assert!(text.parse::<Chosen>().is_ok(), "{text}");
        }
        for text in ["apigateway", "states=5", "states:StartExecution=1", "apigateway=0", "apigateway=NaN", "=1", ""] {
            assert!(text.parse::<Chosen>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_chosen_rate_is_the_only_one_where_the_share_is_off() {
        let chosen = vec!["apigateway:CreateDeployment=0.2".parse().unwrap()];
        let rates = Rates { share: Share::Off, chosen };
        let create_deployment = Of::Operation(Operation::CreateDeployment);
        assert_eq!(rates.limit(create_deployment).map(|limit| limit.per_second), Some(0.2));
        for of in [Of::Operation(Operation::CreateRestApi), Of::ApiGateway, Of::DriftCheck] {
            assert_eq!(rates.limit(of), None, "{of:?}");
        }
        assert_eq!(rates.to_string(), "off, apigateway:CreateDeployment 0.2 a second");
    }

    #[test]
    fn what_aws_does_not_document_has_no_limit_of_its_own() {
        let rates = Rates::default();
        let per_second = |of| rates.limit(of).map(|limit| limit.per_second);
        assert_eq!(per_second(Of::ApiGateway), Some(5.0));
        assert_eq!(per_second(Of::DriftCheck), Some(0.5));
        assert_eq!(per_second(Of::Operation(Operation::GetStages)), None);
        assert_eq!(per_second(Of::Operation(Operation::DescribeStateMachine)), Some(10.0));
    }
}
