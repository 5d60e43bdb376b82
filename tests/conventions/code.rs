//! Rust source without its comments and literals, and where its function bodies are.

/// The lines, counted from 1, that choose features inside a function body.
pub(crate) fn features_in_bodies(source: &str) -> Vec<usize> {
    let code = without_literals(source);
    let (mut bodies, mut header, mut found) = (Vec::new(), String::new(), Vec::new());
    for (number, line) in code.lines().enumerate() {
        for character in line.chars() {
            match character {
                '{' => bodies.push(bodies.last() == Some(&true) || opens_body(&header)),
                '}' => drop(bodies.pop()),
                ';' => {}
                _ => {
                    header.push(character);
                    if bodies.last() == Some(&true) && header.ends_with("feature = ") {
                        found.push(number + 1);
                    }
                    continue;
                }
            }
            header.clear();
        }
        header.push(' ');
    }
    found
}

/// Whether a brace after this text begins the body of a function.
fn opens_body(header: &str) -> bool {
    header.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "fn")
}

/// The same lines with neither comments nor strings nor characters in them.
fn without_literals(source: &str) -> String {
    let (mut rest, mut code) = (source, String::new());
    while let Some(character) = rest.chars().next() {
        let skipped = literal(rest, code.chars().last()).unwrap_or(0);
        if skipped == 0 {
            code.push(character);
            rest = &rest[character.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().filter(|&c| c == '\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of the comment or literal that this text begins with.
fn literal(text: &str, before: Option<char>) -> Option<usize> {
    let until = |from: usize, end: &str| {
        text[from..].find(end).map_or(text.len(), |at| from + at + end.len())
    };
    let is_raw = text.starts_with("r\"") || text.starts_with("r#");
    match text.as_bytes() {
        [b'/', b'/', ..] => Some(text.find('\n').unwrap_or(text.len())),
        [b'/', b'*', ..] => Some(until(2, "*/")),
        [b'"', ..] => Some(1 + quoted(&text[1..])),
        [b'r', ..] if is_raw && before.is_none_or(|c| !c.is_alphanumeric() && c != '_') => {
            let hashes = text[1..].chars().take_while(|&c| c == '#').count();
            let end = format!("\"{}", "#".repeat(hashes));
            text[1 + hashes..].starts_with('"').then(|| until(2 + hashes, &end))
        }
        [b'\'', b'\\', ..] => Some(until(3, "'")),
        [b'\'', ..] => {
            let mut characters = text[1..].chars();
            let length = characters.next()?.len_utf8();
            (characters.next() == Some('\'')).then_some(length + 2) // else it is a lifetime
        }
        _ => None,
    }
}

/// The length of a string after its first quote.
fn quoted(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.find(|character| {
        let ends = character == '"' && !is_escaped;
        is_escaped = character == '\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |at| at + 1)
}

#[test]
fn only_function_bodies_are_refused() {
    let choice = concat!("#[cfg(feature", " = \"x\")]");
    let allowed = [
        format!(
            "{choice} mod a;\nstruct A {{ {choice} field: fn() }}\nimpl A {{ {choice} fn f() {{}} }}"
        ),
        format!(
            "fn f() {{ \"{{\"; '{{'; }} // {{\n{choice} fn g<'a>() {{ r#\"\"{{\"# }}\n{choice} mod b;"
        ),
        format!("fn f() {{ // {choice}\n}}"),
    ];
    for code in allowed {
        assert_eq!(features_in_bodies(&code), [0; 0], "{code}");
    }
    let refused = format!("impl A {{\n fn f() {{\n if true {{ '\\''; {choice} g(); }}\n }}\n}}");
    assert_eq!(features_in_bodies(&refused), [3]);
}
