//! The reasons of conditions and Events: one per cause.

/// Declares the reasons. The comment of each is its meaning in docs/conditions.md.
macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $name:ident,)+) => {
        /// Why a condition has its status. Of several causes at a time the first in this order is reported.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl Reason {
            /// All reasons in their order.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The reason as conditions and Events spell it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The meaning of the reason, as docs/conditions.md has it.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),+).trim_ascii(),)+ }
            }
        }
    };
}

reasons! {
    /// The manifest is invalid. The operator changes nothing in AWS.
    InvalidManifest,
    /// AWS denies a call to the operator's credentials.
    AccessDenied,
    /// The operator has no AWS credentials, or AWS does not accept them.
    CredentialsInvalid,
    /// The Kubernetes API server denies a call to the operator's ServiceAccount.
    Forbidden,
    /// A quota of the AWS account is used up.
    QuotaExceeded,
    /// An object has the name that this endpoint needs, and this endpoint does not own it.
    OwnershipConflict,
    /// A route is already there on the same API, and this endpoint does not own it.
    RouteConflict,
    /// AWS rejects the definition of the state machine.
    InvalidDefinition,
    /// AWS rejects another request as invalid.
    RequestRejected,
    /// A service can't assume a role of this endpoint, or the role does not allow what the service needs.
    RoleNotAssumable,
    /// An object that the manifest refers to does not exist.
    ReferenceNotFound,
    /// An object that the manifest refers to exists and can't be used, such as an authorizer of another type.
    InvalidReference,
    /// Another API key of the AWS account has the value.
    ApiKeyValueTaken,
    /// API Gateway has no role in this account and Region with which it can write logs.
    LoggingRoleMissing,
    /// An attached endpoint whose methods stay as they are prevents a change of the API.
    AttachedEndpointConflict,
    /// AWS accepted a write several times, and the object is still different.
    WriteWithoutEffect,
    /// AWS differs from the manifest, and `managementPolicy: Observe` forbids to change it.
    DriftDetected,
    /// AWS answers with something that can't be read. After some tries this is Stalled.
    UnreadableResponse,
    /// AWS throttles the operator. It tries again.
    Throttled,
    /// Something else changes the same object, or AWS is still busy with it. The operator tries again.
    Conflict,
    /// AWS can't be reached, does not answer in time or answers with a server error. The operator tries again.
    AwsUnavailable,
    /// The Kubernetes API server can't be reached or answers with an error. The operator tries again.
    ClusterUnavailable,
    /// An object that the manifest refers to does not exist yet, or can't be read yet.
    WaitingForReference,
    /// Another part of this endpoint has to be ready first. The condition of that part says why it is not.
    WaitingForPart,
    /// The operator is at work, or waits for AWS or another StepFunctionEndpoint.
    InProgress,
    /// The StepFunctionEndpoint is being deleted with its AWS objects.
    Deleting,
    /// `spec.suspend` is true.
    Suspended,
    /// `spec.managementPolicy` is Observe.
    Observe,
    /// AWS is as the manifest says.
    UpToDate,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_docs_list_every_reason_with_its_meaning() {
        let docs = include_str!("../../docs/conditions.md");
        let (_, table) = docs.split_once("\n## Reasons\n").unwrap();
        let table = table.split_once("\n## ").map_or(table, |(table, _)| table);
        let rows: Vec<(&str, &str)> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|row| {
                let mut cells = row.split(" | ");
                Some((cells.next()?.trim_end_matches('`'), cells.next()?))
            })
            .collect();
        let reasons: Vec<(&str, &str)> = Reason::ALL.iter().map(|reason| (reason.as_str(), reason.meaning())).collect();
        assert_eq!(rows, reasons, "docs/conditions.md differs from core/src/reason.rs");
    }
}
