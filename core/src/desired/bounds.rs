//! What a cluster's admin forbids a manifest: other accounts, roles, state machines and log destinations than those of its namespace, and roles
//! without the permissions boundary.

use crate::api::{Role, StepFunctionEndpoint, StepFunctionEndpointSpec};
use crate::arn::Arn;
use crate::kinds::role;
use crate::limits::Allowed;
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;

use super::{Settings, owner, stage};

/// Each reference that the namespace may not make, and each other boundary.
pub fn check(
    spec: &StepFunctionEndpointSpec,
    owner: &Owner,
    settings: &Settings,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) {
    let machine = &spec.state_machine;
    let roles = [
        (spec.gateway_role.as_ref(), at.field("gatewayRole")),
        (machine.role.as_ref(), at.field("stateMachine").field("role")),
    ];
    for (role, at) in &roles {
        check_boundary(*role, settings, at, mistakes);
    }
    let Some(allowed) = settings.limits.as_ref().map(|limits| limits.of(&owner.namespace)) else { return };
    if let Err(allowed) = allowed.account(&settings.site.account) {
        mistakes.add(at.clone(), &settings.site.account, allowed);
    }
    for (role, at) in roles {
        check_arn(role.and_then(|role| role.arn.as_ref()), &at.field("arn"), mistakes, |arn| allowed.role(arn));
    }
    let at_arn = at.field("stateMachine").field("arn");
    check_arn(machine.arn.as_ref(), &at_arn, mistakes, |arn| allowed.state_machine(arn));
    for (stage, at) in stage::said(spec, at) {
        let destination = stage.access_log.and_then(|log| log.destination_arn);
        let destination = destination.map(|arn| arn.trim_end_matches(":*").to_owned());
        let at = at.field("accessLog").field("destinationArn");
        check_arn(destination.as_ref(), &at, mistakes, |arn| allowed.log_destination(arn));
    }
    for (index, route) in spec.routes.iter().enumerate() {
        let at = at.field("routes").index(index).field("stateMachines").field("arns");
        for (key, arn) in route.state_machines.iter().flat_map(|choice| &choice.arns) {
            check_arn(Some(arn), &at.key(key), mistakes, |arn| allowed.state_machine(arn));
        }
    }
}

/// What is no ARN is told elsewhere.
fn check_arn(
    text: Option<&String>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    check: impl FnOnce(&Arn) -> Result<(), String>,
) {
    if let Some(Err(allowed)) = text.and_then(|text| text.parse().ok()).map(|arn: Arn| check(&arn)) {
        mistakes.add(at.clone(), text.map_or("", String::as_str), allowed);
    }
}

fn check_boundary(role: Option<&Role>, settings: &Settings, at: &FieldPath, mistakes: &mut Mistakes) {
    let said = role.and_then(|role| role.permissions_boundary_arn.as_ref());
    if let (Some(boundary), Some(said)) = (&settings.permissions_boundary, said)
        && boundary != said
    {
        let allowed = format!("the cluster's admin bounds all roles by {boundary}: leave it out");
        mistakes.add(at.field("permissionsBoundaryArn"), said, allowed);
    }
}

/// The role within the boundary of the cluster's admin.
pub fn bounded(role: role::Desired, settings: &Settings) -> role::Desired {
    let permissions_boundary_arn = settings.permissions_boundary.clone().or(role.permissions_boundary_arn);
    role::Desired { permissions_boundary_arn, ..role }
}

/// The existing state machine that a manifest names, if it may: one that it may not name is not even looked at.
pub fn referenced_state_machine(object: &StepFunctionEndpoint, settings: &Settings) -> Option<Arn> {
    let arn: Arn = object.spec.state_machine.arn.as_ref()?.parse().ok()?;
    let namespace = owner(object, settings).namespace;
    let allowed = settings.limits.as_ref().is_none_or(|limits| limits.of(&namespace).state_machine(&arn).is_ok());
    (arn.service() == "states" && arn.account() == settings.site.account && allowed).then_some(arn)
}

/// Whether what a status tells of a guest is its own or may be named by its namespace: who can write a status must not get further by it.
pub fn may_call(guest: &Owner, state_machine: &Arn, role: &Arn, settings: &Settings) -> bool {
    let Some(allowed) = settings.limits.as_ref().map(|limits| limits.of(&guest.namespace)) else { return true };
    let name = state_machine.resource().trim_start_matches("stateMachine:");
    let machines = [crate::api::StateMachineType::Standard, crate::api::StateMachineType::Express];
    let own_machine = machines.into_iter().any(|type_| guest.state_machine_name(type_) == name);
    let own_role = settings.site.role_arn(&guest.gateway_role_name()).as_ref() == Some(role);
    may(own_machine, &allowed, |allowed| allowed.state_machine(state_machine))
        && may(own_role, &allowed, |allowed| allowed.role(role))
}

/// Whether a guest's namespace may name every state machine that its routes choose from.
pub fn may_choose(spec: &StepFunctionEndpointSpec, guest: &Owner, settings: &Settings) -> bool {
    let mut mistakes = Mistakes::none();
    check(spec, guest, settings, &FieldPath::spec(), &mut mistakes);
    mistakes.is_empty()
}

fn may(own: bool, allowed: &Allowed<'_>, check: impl FnOnce(&Allowed<'_>) -> Result<(), String>) -> bool {
    own || check(allowed).is_ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::StateMachineType;
    use crate::desired::{References, Undesired, desired};
    use crate::limits::Limits;
    use crate::owner::Site;

    const BOUNDARY: &str = "arn:aws:iam::000000000000:policy/bound";
    const LIMITS: &str = r#"
- namespaces: [shop]
  accounts: ["000000000000"]
  roles: ["arn:aws:iam::000000000000:role/shop/*"]
  stateMachines: ["arn:aws:states:*:000000000000:stateMachine:shop-*"]
  logDestinations: ["arn:aws:logs:*:000000000000:log-group:shop-*"]
- {namespaces: [abroad], accounts: ["111111111111"]}
"#;

    fn settings() -> Settings {
        let site = Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() };
        let limits = Some(Limits::parse(LIMITS).unwrap());
        Settings { permissions_boundary: Some(BOUNDARY.to_owned()), limits, ..Settings::new("c".into(), site) }
    }

    fn object(namespace: &str, gateway_role: &Value, machine: &Value) -> StepFunctionEndpoint {
        serde_json::from_value(json!({
            "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint",
            "metadata": { "name": "a", "namespace": namespace },
            "spec": {
                "stateMachine": machine,
                "gatewayRole": gateway_role,
                "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
            },
        }))
        .unwrap()
    }

    fn ours(role: &Value) -> Value {
        json!({ "definition": "{StartAt: A, States: {A: {Type: Succeed}}}", "role": role })
    }

    /// The paths of the mistakes; of a manifest without one, the boundaries of its roles.
    fn check(object: &StepFunctionEndpoint) -> String {
        let references =
            References { state_machine_type: Some(Ok(StateMachineType::Standard)), ..References::default() };
        match desired(object, &references, &settings()) {
            Ok(desired) => [desired.gateway_role, desired.workflow_role]
                .into_iter()
                .flatten()
                .map(|role| role.permissions_boundary_arn.unwrap_or_default())
                .collect::<Vec<_>>()
                .join(", "),
            Err(Undesired::Invalid(mistakes)) => {
                mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
            Err(Undesired::Waiting(waits)) => waits.join(", "),
        }
    }

    fn both() -> String {
        format!("{BOUNDARY}, {BOUNDARY}")
    }

    #[rstest]
    #[case::made_anywhere("other", json!({}), ours(&json!({})), both())]
    #[case::the_same_boundary("shop", json!({ "permissionsBoundaryArn": BOUNDARY }), ours(&json!({})), both())]
    #[case::another_boundary(
        "shop", json!({ "permissionsBoundaryArn": "arn:aws:iam::aws:policy/A" }), ours(&json!({ "permissionsBoundaryArn": "arn:aws:iam::aws:policy/B" })),
        format!("spec.gatewayRole.permissionsBoundaryArn: `arn:aws:iam::aws:policy/A`: the cluster's admin bounds all roles by {BOUNDARY}: leave it out, \
                 spec.stateMachine.role.permissionsBoundaryArn: `arn:aws:iam::aws:policy/B`: the cluster's admin bounds all roles by {BOUNDARY}: leave it out")
    )]
    #[case::allowed_role("shop", json!({ "arn": "arn:aws:iam::000000000000:role/shop/g" }), ours(&json!({ "arn": "arn:aws:iam::000000000000:role/shop/w" })), String::new())]
    #[case::anothers_roles(
        "other", json!({ "arn": "arn:aws:iam::000000000000:role/shop/g" }), ours(&json!({ "arn": "arn:aws:iam::000000000000:role/shop/w" })),
        "spec.gatewayRole.arn: `arn:aws:iam::000000000000:role/shop/g`: the cluster's admin limits the roles of this namespace: allowed are none, \
         spec.stateMachine.role.arn: `arn:aws:iam::000000000000:role/shop/w`: the cluster's admin limits the roles of this namespace: allowed are none".to_owned()
    )]
    #[case::allowed_machine("shop", json!({}), json!({ "arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:shop-x" }), BOUNDARY.to_owned())]
    #[case::anothers_machine(
        "other", json!({}), json!({ "arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:shop-x" }),
        "spec.stateMachine.arn: `arn:aws:states:eu-central-1:000000000000:stateMachine:shop-x`: \
         the cluster's admin limits the state machines of this namespace: allowed are none".to_owned()
    )]
    #[case::another_account(
        "abroad", json!({}), ours(&json!({})),
        "spec: `000000000000`: the cluster's admin limits the accounts of this namespace: allowed are 111111111111".to_owned()
    )]
    fn a_manifest_reads_as(
        #[case] namespace: &str,
        #[case] gateway: Value,
        #[case] machine: Value,
        #[case] expected: String,
    ) {
        assert_eq!(check(&object(namespace, &gateway, &machine)), expected);
    }

    #[test]
    fn the_logs_of_others_are_not_written_to() {
        let logs = |namespace: &str, name: &str| {
            let arn = format!("arn:aws:logs:eu-central-1:000000000000:log-group:{name}:*");
            let mut object = object(namespace, &json!({}), &ours(&json!({})));
            object.spec.stage = serde_json::from_value(json!({ "accessLog": { "destinationArn": arn } })).unwrap();
            object.spec.stages =
                serde_json::from_value(json!([{ "name": "a", "accessLog": { "destinationArn": arn } }])).unwrap();
            check(&object)
        };
        assert_eq!(logs("shop", "shop-a"), both());
        for (namespace, allowed) in [("shop", "arn:aws:logs:*:000000000000:log-group:shop-*"), ("other", "none")] {
            let told = logs(namespace, "audit");
            let says =
                format!(": the cluster's admin limits the log destinations of this namespace: allowed are {allowed}");
            for at in ["spec.stage.accessLog.destinationArn", "spec.stages[0].accessLog.destinationArn"] {
                assert!(told.contains(at) && told.matches(&says).count() == 2, "{told}");
            }
        }
    }

    #[test]
    fn what_may_not_be_named_is_not_looked_at() {
        let machine = json!({ "arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:shop-x" });
        let looked_at =
            |namespace: &str| referenced_state_machine(&object(namespace, &json!({}), &machine), &settings());
        assert!(looked_at("shop").is_some() && looked_at("other").is_none());
    }

    #[test]
    fn a_guests_status_leads_no_further_than_its_manifest() {
        let guest = |namespace: &str| Owner { cluster: "c".into(), namespace: namespace.into(), name: "a".into() };
        let site = settings().site;
        let machine = |name: &str| site.state_machine_arn(name).unwrap();
        let may = |namespace: &str, machine: &Arn| {
            let role = site.role_arn(&guest(namespace).gateway_role_name()).unwrap();
            may_call(&guest(namespace), machine, &role, &settings())
        };
        let own = guest("other").state_machine_name(StateMachineType::Express);
        assert!(may("other", &machine(&own)) && may("shop", &machine("shop-x")));
        assert!(!may("other", &machine("shop-x")) && !may("shop", &machine(&own)));
        let role = site.role_arn(&guest("shop").gateway_role_name()).unwrap();
        assert!(!may_call(&guest("other"), &machine(&own), &role, &settings()), "another's role");
    }
}
