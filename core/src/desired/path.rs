//! Paths of routes, and which of them can stand on one API.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::HttpMethod;
use crate::kinds::resource::with_parents;
use crate::mapping::path_parameter;

/// A route's path and method.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct RouteKey {
    /// The path, such as `/orders/{id}`.
    pub path: String,
    /// The HTTP method.
    pub method: HttpMethod,
}

/// Checks a path by API Gateway's rules: parts of letters, digits and `. _ - :`, or `{name}`, or `{name+}` at the end.
pub fn check(path: &str) -> Result<(), String> {
    if path == "/" {
        return Ok(());
    }
    let Some(rest) = path.strip_prefix('/') else { return Err("must start with /".to_owned()) };
    let parts: Vec<&str> = rest.split('/').collect();
    let mut names = BTreeSet::new();
    for (index, part) in parts.iter().enumerate() {
        let greedy = part.ends_with("+}");
        match path_parameter(part) {
            Some(_) if greedy && index + 1 < parts.len() => {
                return Err(format!("{part} takes the rest of the path and must be its last part"));
            }
            Some(name) if !is_name(name) => {
                return Err(format!("{part}: allowed in a name are letters, digits and . _ -"));
            }
            Some(name) if !names.insert(name) => return Err(format!("{part} stands twice in the path")),
            Some(_) => {}
            None if part.is_empty() => return Err("has an empty part: one / at the start, none at the end".to_owned()),
            None if part.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c)) => {}
            None => return Err(format!("{part}: allowed are letters, digits, . _ - : and {{name}}")),
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Two parts of one API that can't stand beside each other: API Gateway allows one `{name}` below each resource.
pub fn collision<'a>(paths: impl IntoIterator<Item = &'a str>) -> Option<(String, String)> {
    let mut variables: BTreeMap<&str, &str> = BTreeMap::new();
    for resource in paths.into_iter().flat_map(with_parents) {
        let Some((parent, part)) = resource.rsplit_once('/') else { continue };
        if part.starts_with('{')
            && let Some(other) = variables.insert(parent, resource)
            && other != resource
        {
            return Some((other.to_owned(), resource.to_owned()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/", "")]
    #[case("/orders/{id}/move", "")]
    #[case("/files/{path+}", "")]
    #[case("orders", "must start with /")]
    #[case("/orders/", "has an empty part: one / at the start, none at the end")]
    #[case("/{a+}/b", "{a+} takes the rest of the path and must be its last part")]
    #[case("/{a}/{a}", "{a} stands twice in the path")]
    #[case("/{}", "{}: allowed in a name are letters, digits and . _ -")]
    #[case("/a b", "a b: allowed are letters, digits, . _ - : and {name}")]
    #[case("/a{b}", "a{b}: allowed are letters, digits, . _ - : and {name}")]
    fn a_path_reads(#[case] path: &str, #[case] mistake: &str) {
        assert_eq!(check(path).err().unwrap_or_default(), mistake);
    }

    #[test]
    fn two_variables_below_one_resource_collide() {
        assert_eq!(collision(["/a/{b}", "/a/{c}/d"]), Some(("/a/{b}".to_owned(), "/a/{c}".to_owned())));
        assert_eq!(collision(["/a/{b}", "/a/{b}/d", "/{a}", "/a/x"]), None);
    }
}
