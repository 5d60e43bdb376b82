//! Words that the documentation does without.

/// What to write in their place depends on the sentence: name the thing, or say `if` or `when`.
const REFUSED: [&str; 10] = [
    "whoever",
    "whatever",
    "for ever",
    "in vain",
    "all the same",
    "be it",
    "foreign code",
    "somebody else",
    "against the rules",
    "comes to its end",
];

/// The refused words in this text, each with what stands around it.
pub(crate) fn refused(text: &str) -> Vec<String> {
    let text = joined(text);
    let lower = text.to_ascii_lowercase();
    let words = REFUSED.iter().flat_map(|word| lower.match_indices(word));
    let words = words.filter(|(at, word)| is_whole(&lower, *at, word.len()));
    let starts = text.match_indices("Who ").filter(|(at, _)| starts_sentence(&text[..*at]));
    words.chain(starts).map(|(at, _)| around(&text, at)).collect()
}

/// One line, without the marks of comments and tables: a refused word may stand on two lines.
fn joined(text: &str) -> String {
    let marks: &[char] = &['/', '!', ' ', '\t', '*', '-', '#', '>'];
    let lines = text.lines().map(|line| line.trim_start_matches(marks).trim_end());
    lines.map(|line| if line.is_empty() { "." } else { line }).collect::<Vec<_>>().join(" ")
}

fn is_whole(text: &str, at: usize, length: usize) -> bool {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !is_letter(text[..at].chars().last()) && !is_letter(text[at + length..].chars().next())
}

fn starts_sentence(before: &str) -> bool {
    before.trim_end().chars().last().is_none_or(|c| ".!?:|(".contains(c))
}

fn around(text: &str, at: usize) -> String {
    let before: Vec<_> = text[..at].chars().rev().take(20).collect();
    let after = text[at..].chars().take(40);
    before.into_iter().rev().chain(after).collect()
}

#[test]
fn words_are_found_on_two_lines_and_not_in_others() {
    let count = |text: &str| refused(text).len();
    assert_eq!(count("/// It waits for\n/// ever, whatever comes."), 2);
    assert_eq!(count("It waits. Who waits is woken.\n\nWho waits not is not.\n| Who |"), 3);
    assert_eq!(count("for every, maybe it, be items, Whose, the WHO says, ask Who does"), 0);
}
