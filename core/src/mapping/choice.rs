//! The state machine that a request chooses, of those that the manifest names.

use std::collections::BTreeMap;

use crate::api::StateMachineChoice;
use crate::arn::Arn;
use crate::mistakes::{FieldPath, Mistakes};

use super::model::Kind;
use super::read;
use super::reads::Reads;
use super::source::{Checked, Name, Reading};
use super::vtl::Template;

/// A choice, checked.
pub(super) struct Choice {
    from: Reading,
    arns: Vec<(Name, Arn)>,
}

impl Choice {
    /// Checks one choice; `at` is its field path. What is no ARN is told by `desired`, which knows more of what is allowed.
    pub(super) fn parse(
        said: &StateMachineChoice,
        reads: &mut Reads,
        at: &FieldPath,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let StateMachineChoice { from, arns } = said;
        let at_from = at.field("from");
        let reading = match reads.read(from, Kind::Text, &at_from, mistakes) {
            Some(Checked::Read(reading)) => Some(reading),
            Some(Checked::Constant(_)) => {
                mistakes.add(at_from.field("constant"), "", "leave it out: a constant chooses nothing");
                None
            }
            None => None,
        };
        if from.optional == Some(true) {
            mistakes.add(at_from.field("optional"), true, "leave it out: without a value there is no state machine");
        }
        let at = at.field("arns");
        if arns.is_empty() {
            mistakes.add(at.clone(), "", "at least one is required");
        }
        let checked = arns.iter().map(|(key, arn)| {
            let name = mistakes.take(at.key(key), key, Name::parse(key));
            Some((name?, arn.parse().ok()?))
        });
        let checked: Vec<Option<(Name, Arn)>> = checked.collect();
        let arns: Option<Vec<(Name, Arn)>> = checked.into_iter().collect();
        reads.may_refuse = true;
        Some(Self { from: reading.filter(|reading| !reading.optional)?, arns: arns.filter(|arns| !arns.is_empty())? })
    }

    /// Reads the ARN into `$stateMachine`. A value that names none, or none at all, is refused.
    pub(super) fn prepare(&self, template: &mut Template) {
        read::text(template, &self.from);
        template.code("#set($stateMachine = '')\n");
        for (key, arn) in &self.arns {
            template.code("#if($value == '").word(key).code("')\n#set($stateMachine = '");
            template.text(arn.as_str()).code("')\n#end\n");
        }
        template.code("#if($stateMachine == '')\n#set($complete = false)\n#end\n");
    }
}

/// The ARNs of a choice with their field paths, as far as they are state machines of the same account and Region as `main`.
pub fn chosen(
    choice: &StateMachineChoice,
    main: &Arn,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> BTreeMap<String, Arn> {
    let mut found = BTreeMap::new();
    for (key, text) in &choice.arns {
        let at = at.field("arns").key(key);
        let Some(arn) = mistakes.take(at.clone(), text, text.parse::<Arn>()) else { continue };
        let is_machine = arn.service() == "states" && arn.resource().starts_with("stateMachine:");
        if !is_machine || arn.account() != main.account() || arn.region() != main.region() {
            let allowed = format!(
                "must be a state machine's ARN in the endpoint's account and Region, `arn:{}:states:{}:{}:stateMachine:<name>`",
                main.partition(),
                main.region(),
                main.account()
            );
            mistakes.add(at, text, allowed);
            continue;
        }
        found.insert(key.clone(), arn);
    }
    found
}
