//! A line of those that wait: the more urgent first, and among these one of each namespace in turn.

use std::collections::{BTreeMap, VecDeque};

use super::super::caller::{Caller, Urgency};

/// A line. What waits is `T`.
#[derive(Debug)]
pub struct Line<T>(BTreeMap<Urgency, Rounds<T>>);

/// Namespaces, the next first, each with what waits there.
type Rounds<T> = VecDeque<(String, VecDeque<T>)>;

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Line<T> {
    /// Joins the line.
    pub fn push(&mut self, caller: &Caller, item: T) {
        let rounds = self.0.entry(caller.urgency).or_default();
        match rounds.iter_mut().find(|(namespace, _)| *namespace == caller.namespace) {
            Some((_, waiting)) => waiting.push_back(item),
            None => rounds.push_back((caller.namespace.clone(), VecDeque::from([item]))),
        }
    }

    /// Who is next leaves the line.
    pub fn pop(&mut self) -> Option<T> {
        let mut entry = self.0.first_entry()?;
        let (namespace, mut waiting) = entry.get_mut().pop_front()?;
        let item = waiting.pop_front();
        if !waiting.is_empty() {
            entry.get_mut().push_back((namespace, waiting));
        } else if entry.get().is_empty() {
            entry.remove();
        }
        item
    }

    /// Those that `leaves` tells leave the line.
    pub fn remove(&mut self, mut leaves: impl FnMut(&T) -> bool) {
        for rounds in self.0.values_mut() {
            rounds.iter_mut().for_each(|(_, waiting)| waiting.retain(|item| !leaves(item)));
            rounds.retain(|(_, waiting)| !waiting.is_empty());
        }
        self.0.retain(|_, rounds| !rounds.is_empty());
    }

    /// All in the order in which they are next.
    pub fn in_order(&self) -> Vec<&T> {
        let mut ordered = Vec::new();
        for rounds in self.0.values() {
            let longest = rounds.iter().map(|(_, waiting)| waiting.len()).max().unwrap_or_default();
            ordered.extend(
                (0..longest).flat_map(|round| rounds.iter().filter_map(move |(_, waiting)| waiting.get(round))),
            );
        }
        ordered
    }

    /// The same one by one, to be changed.
    pub fn find(&mut self, is: impl Fn(&T) -> bool) -> Option<&mut T> {
        self.0.values_mut().flatten().flat_map(|(_, waiting)| waiting).find(|item| is(item))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.values().flatten().map(|(_, waiting)| waiting.len()).sum()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(of: &[(&str, Urgency, &'static str)]) -> Line<&'static str> {
        let mut line = Line::default();
        for (namespace, urgency, item) in of {
            let (namespace, name) = ((*namespace).to_owned(), (*item).to_owned());
            line.push(&Caller { namespace, name, urgency: *urgency }, *item);
        }
        line
    }

    #[test]
    fn new_work_comes_first_and_namespaces_take_turns() {
        use Urgency::{Delete, Drift, New};
        let mut line = line(&[
            ("a", Delete, "a-delete"),
            ("a", Drift, "a-drift"),
            ("a", New, "a1"),
            ("a", New, "a2"),
            ("a", New, "a3"),
            ("b", Drift, "b-drift"),
            ("b", New, "b1"),
            ("c", New, "c1"),
            ("c", New, "c2"),
        ]);
        let order = ["a1", "b1", "c1", "a2", "c2", "a3", "a-drift", "b-drift", "a-delete"];
        assert_eq!(line.in_order().into_iter().copied().collect::<Vec<_>>(), order);
        assert_eq!(line.len(), order.len());
        let popped: Vec<&str> = std::iter::from_fn(|| line.pop()).collect();
        assert_eq!(popped, order);
        assert!(line.is_empty());
    }

    #[test]
    fn who_comes_later_from_a_quiet_namespace_is_next_but_one() {
        let mut line = line(&[("a", Urgency::New, "a1"), ("a", Urgency::New, "a2"), ("a", Urgency::New, "a3")]);
        assert_eq!(line.pop(), Some("a1"));
        line.push(&Caller { namespace: "b".to_owned(), name: "b".to_owned(), urgency: Urgency::New }, "b1");
        assert_eq!(line.in_order(), [&"a2", &"b1", &"a3"]);
        line.remove(|item| *item == "a2");
        assert_eq!(line.pop(), Some("a3"));
        assert_eq!(line.pop(), Some("b1"));
    }
}
