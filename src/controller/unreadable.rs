//! Answers of AWS that can't be read, counted for each call across passes. A restart counts anew.

use std::collections::BTreeMap;

use sfe_core::outcome::Remedy;

use crate::aws::{Class, Error, UNREADABLE_HINT};

/// After so many passes in a row in which the answer of a call can't be read, the endpoint is Stalled.
const PASSES_MAX: u32 = 5;

/// How many passes in a row could not read the answer of each call. An answer that can be read ends the row.
#[derive(Clone, Debug, Default)]
pub struct Unreadable(BTreeMap<String, u32>);

impl Unreadable {
    /// Counts a failed call, and returns what helps. `call` names it in every pass alike.
    pub fn remedy(&mut self, call: String, error: &Error) -> Remedy {
        if error.class != Class::Unreadable {
            return error.remedy();
        }
        let passes = self.0.entry(call).or_default();
        *passes = passes.saturating_add(1);
        if *passes < PASSES_MAX { Remedy::Retry } else { Remedy::Person { hint: UNREADABLE_HINT.to_owned() } }
    }

    /// Ends the row of a call whose answer was read.
    pub fn read(&mut self, call: &str) {
        self.0.remove(call);
    }

    /// Ends all rows.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use sfe_core::operation::Operation;

    use super::*;

    #[test]
    fn a_row_of_unreadable_answers_needs_a_person_until_one_is_read() {
        let mut unreadable = Unreadable::default();
        let error = |class| Error::new(Operation::GetStages, "REST API a", class, "x");
        let mut tried = |times: u32, class| {
            let needs =
                |unreadable: &mut Unreadable| unreadable.remedy("stages".to_owned(), &error(class)) != Remedy::Retry;
            (0..times).filter(|_| needs(&mut unreadable)).count()
        };
        assert_eq!(tried(4, Class::Unreadable), 0);
        assert_eq!(tried(3, Class::Unclear), 0, "another failure neither counts nor ends the row");
        assert_eq!(tried(2, Class::Unreadable), 2);
        unreadable.read("stages");
        assert_eq!(unreadable.remedy("stages".to_owned(), &error(Class::Unreadable)), Remedy::Retry);
    }
}
