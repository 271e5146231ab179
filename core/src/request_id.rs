//! Request ids in messages. Each attempt of a call has another one: a status that differs in them alone says the same.

/// What precedes the request id of AWS in the message of a failed call.
const BEFORE: &str = ", request ";

/// Returns true if two messages differ in the request ids of AWS at most.
pub fn is_same(one: &str, other: &str) -> bool {
    one == other || without(one).eq(without(other))
}

/// The parts of a message between its request ids.
fn without(message: &str) -> impl Iterator<Item = &str> {
    let is_of_id = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let parts = message.split(BEFORE).enumerate();
    parts.map(move |(index, part)| if index == 0 { part } else { part.trim_start_matches(is_of_id) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_alone_makes_no_other_message() {
        let message = |id: &str| format!("a failed: b (c, HTTP 403, request {id})\nhint: d, request");
        assert!(is_same(&message("1-a"), &message("22f0")));
        assert!(!is_same(&message("1"), &message("1 2")));
        assert!(!is_same(&message("1"), "a failed: b (c, HTTP 403)\nhint: d, request"));
        assert!(!is_same("a, request 1 b", "a 1 b"));
    }
}
