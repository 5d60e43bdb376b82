//! The name of a request: `GET /report`.

use std::fmt::Write;

use http::{Method, Uri};

/// The most characters of a name.
const LONGEST: usize = 80;

/// Returns the method and the path, without the query. Both come from the client: control characters
/// are escaped, and a long name is cut.
pub(crate) fn name(method: &Method, uri: &Uri) -> String {
    // A CONNECT request has an authority in place of a path.
    let path = if uri.path().is_empty() {
        uri.authority().map_or("", |authority| authority.as_str())
    } else {
        uri.path()
    };
    let all = method.as_str().chars().chain([' ']).chain(path.chars());
    let mut name = String::new();
    for (count, character) in all.flat_map(escaped).enumerate() {
        if count == LONGEST {
            name.pop();
            name.push('…');
            break;
        }
        _ = name.write_char(character); // a string never fails
    }
    name
}

/// Quotes stay, as nothing is quoted here.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = match character {
        '\'' | '"' | '\\' => (Some(character), None),
        _ => (None, Some(character.escape_debug())),
    };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(method: &str, uri: &str) -> String {
        name(&method.parse().unwrap(), &uri.parse().unwrap())
    }

    #[test]
    fn it_is_the_method_and_the_path() {
        assert_eq!(named("GET", "/report?secret=1"), "GET /report");
        assert_eq!(named("POST", "http://here/a/b"), "POST /a/b");
        assert_eq!(named("CONNECT", "here:443"), "CONNECT here:443");
        assert_eq!(named("GET", "/it's"), "GET /it's");
    }

    #[test]
    fn it_is_escaped_and_cut() {
        assert_eq!(named("GET", "/\u{9b}31m\u{202e}"), "GET /\\u{9b}31m\\u{202e}");
        let long = named("GET", &format!("/{}", "x".repeat(60_000)));
        assert_eq!(long, format!("GET /{}…", "x".repeat(74)));
        assert_eq!(named("GET", &format!("/{}", "x".repeat(75))).chars().count(), 80);
    }
}
