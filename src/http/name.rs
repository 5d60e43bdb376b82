//! The name of a request: `GET /report`.

use std::fmt::Write;

use http::{Method, Uri};

use crate::in_flight::Name;

/// The most characters of a name.
const LONGEST: usize = 80;

/// Names a request by its method and its path, without the query.
pub(super) fn name(method: &Method, uri: &Uri) -> Name {
    let Some(path) = uri.path_and_query() else {
        // A CONNECT request has an authority in place of a path. It is rare: its text is made now.
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        return Name::Text(text(method, authority).into());
    };
    Name::Request(method.clone(), path.clone())
}

/// Returns the text of a name. Method and path come from the client: control characters are escaped,
/// and a long name is cut.
pub(crate) fn text(method: &Method, path: &str) -> String {
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
