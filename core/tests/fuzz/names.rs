//! ARNs.

use proptest::prelude::*;
use sfe_core::arn::Arn;

use super::cases;
use super::documents::{piece, text};

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_text(text in text()) {
        check(&text)?;
    }

    /// Parts that are almost those of an ARN.
    #[test]
    fn almost_one(
        parts in (prop_oneof![4 => Just("arn".to_owned()), 1 => piece()], prop_oneof![4 => Just("aws".to_owned()), 1 => piece()]),
        service in "[a-z]{0,3}|é", region in prop_oneof![Just(String::new()), Just("eu-central-1".to_owned()), piece()],
        account in "[0-9]{12}|[0-9]{0,13}|aws|٠{12}", resource in text(),
    ) {
        let (start, partition) = parts;
        check(&format!("{start}:{partition}:{service}:{region}:{account}:{resource}"))?;
    }
}

/// What is taken is put together again by its parts, and can leave no string that it is written into.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Ok(arn) = text.parse::<Arn>() else { return Ok(()) };
    let (partition, service, region, account, resource) =
        (arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource());
    prop_assert_eq!(format!("arn:{partition}:{service}:{region}:{account}:{resource}"), text);
    prop_assert_eq!(arn.to_string(), text);
    prop_assert!(text.is_ascii() && !text.contains(['"', '\'', '\\', ' ']) && !text.contains(char::is_control));
    prop_assert!(!service.is_empty() && !resource.is_empty());
    Ok(())
}
