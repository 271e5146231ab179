//! Whose an object is, and what becomes of one that nobody owns: refused, or with `sfe.dev/adopt` told in the status and then taken over.

use jiff::Timestamp;

use crate::api::Drift;
use crate::change::Changes;
use crate::desired::Desired;
use crate::drift;
use crate::next::{Adoption, Next, Until};
use crate::observed::Observed;
use crate::owner::{Owner, Site, Tags};
use crate::reason::Reason;

/// Who asks for an object.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose it should be.
    pub owner: &'a Owner,
    /// Where it is.
    pub site: &'a Site,
    /// The tags that it should have.
    pub tags: &'a Tags,
    /// Whether what nobody owns is taken over.
    pub adopts: bool,
    /// What the status has told of that.
    told: &'a [Drift],
}

/// An object of the wanted name that isn't ours.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// `role`, `log group`, ...
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its tags.
    pub tags: &'a Tags,
    /// Why it can't be taken over whatever is said, with what helps.
    pub obstacle: Option<(&'a str, &'a str)>,
}

impl<'a> Claim<'a> {
    /// That of an endpoint.
    pub fn of(desired: &'a Desired, observed: &'a Observed) -> Self {
        Self {
            owner: &desired.owner,
            site: &desired.site,
            tags: &desired.tags,
            adopts: desired.adopts,
            told: &observed.told_adoption,
        }
    }

    /// Whether an object with these tags is ours.
    pub fn owns(&self, tags: &Tags) -> bool {
        self.owner.owns(tags)
    }

    /// What is next for an object that isn't ours: `changes` is what taking it over changes beside its tags, `take` puts ours on.
    pub fn foreign<A>(&self, found: Found<'_>, changes: Changes, take: impl FnOnce(Tags) -> A) -> Next<A> {
        let Found { kind, name, tags, obstacle } = found;
        if let Some(Owner { cluster, namespace, name: other }) = Owner::of(tags) {
            return Next::refuse(
                Reason::OwnershipConflict,
                format!(
                    "{kind} is not ours: {name} belongs to StepFunctionEndpoint {namespace}/{other} of the cluster {cluster}"
                ),
                "delete that one first: with `deletionPolicy: Retain` it lets its objects go, to be adopted".to_owned(),
            );
        }
        if !self.adopts {
            return Next::foreign(kind, name);
        }
        if let Some((why, hint)) = obstacle {
            return Next::refuse(
                Reason::OwnershipConflict,
                format!("{kind} can't be adopted: {name}: {why}"),
                hint.to_owned(),
            );
        }
        let object = format!("{kind} {name}");
        let changes = Changes::none().at("tags", &shown(tags), &shown(self.tags)).chain(changes);
        let mut next = if self.has_told(&object, &changes) {
            Next::act(take(self.tags.clone()))
        } else {
            let why = format!("`sfe.dev/adopt` takes it over once `status.adoption` has told: {changes}");
            Next::wait_until(&object, &why, Until::Told)
        };
        next.adoptions.push(Adoption { object, changes });
        next
    }

    /// Whether the status has told exactly this.
    fn has_told(&self, object: &str, changes: &Changes) -> bool {
        let now = drift::fields(object, changes, Timestamp::UNIX_EPOCH);
        let told = self.told.iter().filter(|row| row.object == object);
        let same = |(told, now): (&Drift, &Drift)| Drift { at: now.at.clone(), ..told.clone() } == *now;
        told.clone().count() == now.len() && told.zip(&now).all(same)
    }
}

/// `a=b c=d`, or none.
fn shown(tags: &Tags) -> String {
    let text: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if text.is_empty() { "none".to_owned() } else { text.join(" ") }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::api::StateMachineType;
    use crate::arn::Arn;
    use crate::definition::Definition;
    use crate::kinds::{log_group, rest_api, role, state_machine};
    use crate::next::Seen;
    use crate::policy::PolicyDocument;

    fn owner(name: &str) -> Owner {
        Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: name.to_owned() }
    }

    fn site() -> Site {
        Site { partition: "aws".to_owned(), account: "000000000000".to_owned(), region: "eu-central-1".to_owned() }
    }

    /// What is next in a line, for one who adopts; and what is next once that was told.
    fn reads<A: std::fmt::Debug>(adopts: bool, next: impl Fn(&Claim<'_>) -> Next<A>) -> String {
        let (owner, site, tags) = (owner("a"), site(), owner("a").tags());
        let said = |told: &[Drift]| {
            let found = next(&Claim { owner: &owner, site: &site, tags: &tags, adopts, told });
            let actions: Vec<String> = found
                .actions
                .iter()
                .map(|action| format!("{action:?}").split([' ', '(']).next().unwrap_or_default().to_owned())
                .collect();
            let waits = found.waiting.iter().map(|wait| wait.why.clone());
            let refused = found.refused.iter().map(|refusal| refusal.why.clone());
            let text = actions.into_iter().chain(waits).chain(refused).collect::<Vec<_>>().join("; ");
            let rows = found
                .adoptions
                .iter()
                .flat_map(|adoption| drift::fields(&adoption.object, &adoption.changes, Timestamp::UNIX_EPOCH));
            (text, rows.collect::<Vec<_>>())
        };
        let (first, rows) = said(&[]);
        if rows.is_empty() { first } else { format!("{first} | {}", said(&rows).0) }
    }

    fn group(tags: Tags) -> Seen<log_group::Observed> {
        Seen::Present(log_group::Observed { retention_days: None, tags })
    }

    fn partly() -> Tags {
        let mut tags = owner("b").tags();
        tags.remove("sfe.dev/cluster");
        tags
    }

    const TAGS: &str = "sfe.dev/cluster=c sfe.dev/name=a sfe.dev/namespace=n";

    #[rstest]
    #[case::nobodys(true, Tags::new(), format!("`sfe.dev/adopt` takes it over once `status.adoption` has told: tags none -> {TAGS}, retentionInDays none -> 14 | TagResource"))]
    #[case::not_asked(false, Tags::new(), "log group is not ours: g exists without this endpoint's tags".to_owned())]
    #[case::anothers(true, owner("b").tags(), "log group is not ours: g belongs to StepFunctionEndpoint n/b of the cluster c".to_owned())]
    #[case::anothers_is_told_unasked(false, owner("b").tags(), "log group is not ours: g belongs to StepFunctionEndpoint n/b of the cluster c".to_owned())]
    fn a_log_group_reads_as(#[case] adopts: bool, #[case] tags: Tags, #[case] expected: String) {
        let want = log_group::Desired { name: "g".to_owned(), retention_days: 14, tags: owner("a").tags() };
        assert_eq!(
            reads(adopts, |claim| log_group::next(
                log_group::Purpose::Workflow,
                claim,
                "g",
                Some(&want),
                &group(tags.clone())
            )),
            expected
        );
    }

    #[test]
    fn tags_in_part_make_no_owner_and_are_replaced() {
        let want = log_group::Desired { name: "g".to_owned(), retention_days: 14, tags: owner("a").tags() };
        let said = reads(true, |claim| {
            log_group::next(log_group::Purpose::Workflow, claim, "g", Some(&want), &group(partly()))
        });
        assert!(said.ends_with("| TagResource") && said.contains("sfe.dev/name=b"), "{said}");
    }

    #[test]
    fn what_has_changed_since_it_was_told_is_told_again() {
        let want = log_group::Desired { name: "g".to_owned(), retention_days: 14, tags: owner("a").tags() };
        let (owner, site, tags) = (owner("a"), site(), owner("a").tags());
        let claim = |told| Claim { owner: &owner, site: &site, tags: &tags, adopts: true, told };
        let first = log_group::next(log_group::Purpose::Workflow, &claim(&[]), "g", Some(&want), &group(Tags::new()));
        let told = drift::fields(&first.adoptions[0].object, &first.adoptions[0].changes, Timestamp::UNIX_EPOCH);
        let edited = Seen::Present(log_group::Observed { retention_days: Some(7), tags: Tags::new() });
        let next = log_group::next(log_group::Purpose::Workflow, &claim(&told), "g", Some(&want), &edited);
        assert!(next.actions.is_empty() && next.waiting.len() == 1, "{next:?}");
    }

    #[rstest]
    #[case::ours("role/sfe/r", " | TagRole")]
    #[case::elsewhere(
        "role/other/r",
        "role can't be adopted: r: its ARN is arn:aws:iam::000000000000:role/other/r, and a role's path can't be changed to /sfe/"
    )]
    fn a_role_reads_as(#[case] resource: &str, #[case] expected: &str) {
        let trust = PolicyDocument::observed("{}");
        let want = role::Desired {
            name: "r".to_owned(),
            trust: trust.clone(),
            permissions: None,
            managed_policy_arns: Default::default(),
            permissions_boundary_arn: None,
            tags: owner("a").tags(),
        };
        let arn: Arn = format!("arn:aws:iam::000000000000:{resource}").parse().unwrap();
        let seen =
            Seen::Present(role::Observed { tags: Tags::new(), ..role::created(&want, arn, Timestamp::UNIX_EPOCH) });
        let said = reads(true, |claim| role::next(role::Purpose::Gateway, claim, "r", Some(&want), &seen));
        assert!(said.ends_with(expected), "{said}");
    }

    #[test]
    fn a_state_machine_of_another_type_is_refused() {
        let want = state_machine::Desired {
            name: "m".to_owned(),
            arn: site().state_machine_arn("m").unwrap(),
            type_: StateMachineType::Standard,
            definition: Definition::observed("{}"),
            role_arn: site().role_arn("r").unwrap(),
            logging: state_machine::Logging {
                level: crate::api::LogLevel::Off,
                include_execution_data: false,
                log_group_arn: None,
            },
            tags: owner("a").tags(),
        };
        let found = state_machine::Observed { tags: Tags::new(), ..state_machine::predicted(&want) };
        let next = |found: state_machine::Observed| {
            reads(true, |claim| state_machine::next(claim, &want.arn, Some(&want), &Seen::Present(found.clone())))
        };
        assert!(next(found.clone()).ends_with("| TagResource"));
        let express = state_machine::Observed { type_: StateMachineType::Express, ..found };
        assert_eq!(
            next(express),
            "state machine can't be adopted: m: it is of type EXPRESS, and a type can't be changed"
        );
    }

    #[rstest]
    #[case::none(&[], "none")]
    #[case::one(&["x"], "| TagResource")]
    #[case::several(&["x", "y"], "REST API can't be adopted: several are named api and nobody's: x, y")]
    fn apis_of_the_name_read_as(#[case] ids: &[&str], #[case] expected: &str) {
        let want = rest_api::Desired::new("api".to_owned(), Tags::new());
        let found = |id: &&str| rest_api::created(&want, (*id).to_owned(), Timestamp::UNIX_EPOCH);
        let namesakes = Seen::Present(ids.iter().map(found).collect());
        let nothing = || Next::refuse(Reason::OwnershipConflict, "none".to_owned(), json!(null).to_string());
        let said = reads(true, |claim| rest_api::adopt(claim, &want, &namesakes).unwrap_or_else(nothing));
        assert!(said.ends_with(expected), "{said}");
    }
}
