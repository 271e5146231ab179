//! Reads answers that hold `null` in place of an empty value, for every operation.
//!
//! API Gateway returns an empty mapping template as `null` (github.com/aws/aws-cli/issues/1610). A map of the SDK takes no null, so that one
//! empty template on an API makes the whole answer unreadable. A null member of a structure is absent for the SDK as well.
//!
//! - A null entry of a map in [`EMPTY`] becomes the empty value of its type: the entry exists.
//! - Any other null member of an object is removed. Smithy's protocol tests ask the same of every client
//!   (`RestJsonDeserializesDenseSetMapAndSkipsNull`). No operation in use has a sparse map, whose nulls would have a meaning.
//! - A null in a list stays. The SDK refuses it: an object that is listed, but can't be read, must not count as absent.
//! - The body keeps its length. A body without a null keeps every byte, and an XML body is not JSON.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use aws_sdk_sfn::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_sfn::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sfn::error::BoxError;
use aws_smithy_json::deserialize::{Token, json_token_iter};
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};

/// The maps whose entries exist though AWS returns them as null, each with the empty value of its entries.
const EMPTY: [(&str, [u8; 4]); 6] = [
    ("requestTemplates", *b"\"\"  "),
    ("responseTemplates", *b"\"\"  "),
    ("tags", *b"\"\"  "),
    ("resourceMethods", *b"{}  "),
    ("methodResponses", *b"{}  "),
    ("integrationResponses", *b"{}  "),
];

/// An interceptor that replaces or removes the nulls of each answer before the SDK parses it.
#[derive(Debug)]
pub struct Nulls;

#[dyn_dispatch_hint]
impl Intercept for Nulls {
    fn name(&self) -> &'static str {
        "Nulls"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let body = response.take_body();
        *response.body_mut() =
            SdkBody::from_body_1_x(Rewritten { inner: Box::pin(body), read: Vec::new(), ended: false });
        Ok(())
    }
}

/// A body that reads the whole inner body, then returns it without nulls.
struct Rewritten {
    inner: Pin<Box<SdkBody>>,
    read: Vec<u8>,
    ended: bool,
}

impl Body for Rewritten {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while !self.ended {
            match ready!(self.inner.as_mut().poll_frame(cx)) {
                // A frame without data holds trailers, which no operation in use has.
                Some(Ok(frame)) => self.read.extend(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.ended = true;
                    let mut body = std::mem::take(&mut self.read);
                    rewrite(&mut body);
                    return Poll::Ready(Some(Ok(Frame::data(body.into()))));
                }
            }
        }
        Poll::Ready(None)
    }
}

/// An object or list that has begun and not ended.
struct Open<'a> {
    /// The name of the member whose value it is; empty in a list and at the top.
    name: &'a str,
    is_object: bool,
    /// The member that was read last, and where its name begins.
    member: (&'a str, usize),
}

/// Replaces or removes every null member of a JSON document, in place. Anything else is left unchanged.
fn rewrite(body: &mut [u8]) {
    if !body.windows(4).any(|part| part == b"null") {
        return;
    }
    let original = body.to_vec();
    let mut open: Vec<Open<'_>> = Vec::new();
    for token in json_token_iter(&original) {
        match token {
            Ok(Token::StartObject { .. } | Token::StartArray { .. }) => {
                let name = open.last().map_or("", |open| open.member.0);
                let is_object = matches!(token, Ok(Token::StartObject { .. }));
                open.push(Open { name, is_object, member: ("", 0) });
            }
            Ok(Token::EndObject { .. } | Token::EndArray { .. }) => drop(open.pop()),
            Ok(Token::ObjectKey { offset, key }) => {
                if let Some(open) = open.last_mut() {
                    open.member = (key.as_escaped_str(), offset.0);
                }
            }
            Ok(Token::ValueNull { offset }) => {
                let Some(object) = open.last().filter(|open| open.is_object) else { continue };
                match EMPTY.iter().find(|(map, _)| *map == object.name) {
                    Some((_, value)) => body[offset.0..offset.0 + 4].copy_from_slice(value),
                    None => remove(body, object.member.1, offset.0 + 4),
                }
            }
            Ok(Token::ValueBool { .. } | Token::ValueNumber { .. } | Token::ValueString { .. }) => {}
            Err(_) => return body.copy_from_slice(&original), // the SDK reports it
        }
    }
}

/// Overwrites the member from `start` to `end` with blanks, and one comma beside it.
fn remove(body: &mut [u8], start: usize, end: usize) {
    let is_blank = |byte: &u8| b" \t\r\n".contains(byte);
    body[start..end].fill(b' ');
    let after = body[end..].iter().position(|byte| !is_blank(byte)).map(|at| end + at);
    let before = body[..start].iter().rposition(|byte| !is_blank(byte));
    for at in [after, before].into_iter().flatten() {
        if body[at] == b',' {
            body[at] = b' ';
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use proptest::sample::select;
    use rstest::rstest;
    use serde_json::Value;

    use super::*;

    fn rewritten(text: &str) -> String {
        let mut body = text.as_bytes().to_vec();
        rewrite(&mut body);
        String::from_utf8(body).unwrap()
    }

    #[rstest]
    #[case::an_empty_template(
        r#"{"responseTemplates":{"application/json":null,"a/b":"x"}}"#,
        r#"{"responseTemplates":{"application/json":""  ,"a/b":"x"}}"#
    )]
    #[case::a_response_without_members(
        r#"{"integrationResponses": {"200":null}}"#,
        r#"{"integrationResponses": {"200":{}  }}"#
    )]
    #[case::the_first_member(r#"{"a":null,"b":1}"#, r#"{         "b":1}"#)]
    #[case::the_last_members(r#"{"a":1 , "b":null,"c" : null }"#, r#"{"a":1                       }"#)]
    #[case::the_only_member(r#"[{"a":null},2]"#, "[{        },2]")]
    #[case::no_member(r#"{"a":[null, "null"]}"#, r#"{"a":[null, "null"]}"#)]
    #[case::no_json(r#"{"a":null,"b":"#, r#"{"a":null,"b":"#)]
    #[case::xml("<a>null</a>", "<a>null</a>")]
    fn is_read_as(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(rewritten(text), expected);
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            3 => Just(Value::Null),
            1 => any::<bool>().prop_map(Value::from),
            1 => any::<i64>().prop_map(Value::from),
            1 => ".{0,3}".prop_map(Value::from),
            1 => Just(Value::from("null, \"null\":null")),
        ];
        let name = prop_oneof![select(EMPTY.map(|(name, _)| name.to_owned()).to_vec()), ".{0,2}", Just("a".to_owned())];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                vec(inner.clone(), 0..5).prop_map(Value::from),
                btree_map(name.clone(), inner, 0..5).prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The same by the rules at the top of this file, `name` being the member whose value it is.
    fn expected(document: &Value, name: &str) -> Value {
        match document {
            Value::Object(members) => {
                let value = |member: &Value, name: &str| expected(member, name);
                let members =
                    members.iter().filter_map(|(key, member)| match EMPTY.iter().find(|(map, _)| *map == name) {
                        Some((_, empty)) if member.is_null() => {
                            Some((key.clone(), serde_json::from_slice(empty).unwrap()))
                        }
                        None if member.is_null() => None,
                        Some(_) | None => Some((key.clone(), value(member, key))),
                    });
                Value::Object(members.collect())
            }
            Value::Array(items) => items.iter().map(|item| expected(item, "")).collect(),
            other => other.clone(),
        }
    }

    proptest! {
        #[test]
        fn any_document_is_read_by_the_rules(document in document(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) };
            let text = text.unwrap();
            let read = rewritten(&text);
            prop_assert_eq!(read.len(), text.len());
            prop_assert_eq!(serde_json::from_str::<Value>(&read).unwrap(), expected(&document, ""), "{}", text);
            if expected(&document, "") == document {
                prop_assert_eq!(read, text);
            }
        }

        #[test]
        fn what_is_no_document_is_left_as_it_is(text in ".{0,9}null.{0,9}") {
            let is_json = serde_json::from_str::<Value>(&text).is_ok();
            prop_assert!(is_json || rewritten(&text) == text);
        }
    }
}
