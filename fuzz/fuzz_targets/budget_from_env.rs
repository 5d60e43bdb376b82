//! The budget from an environment variable, against a second parser that is written differently.
#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use signoff::fuzzing::budget;

fuzz_target!(|value: &[u8]| {
    let parsed = budget(OsStr::from_bytes(value));
    if let Err(error) = &parsed {
        assert!(!error.contains(char::is_control), "{error:?}");
    }
    let expected = std::str::from_utf8(value).ok().and_then(expected);
    assert_eq!(parsed.ok(), expected, "{:?}", String::from_utf8_lossy(value));

    if let Some(duration) = expected {
        let plain = format!("{}s{}ms", duration.as_secs(), duration.subsec_millis());
        assert_eq!(budget(OsStr::new(&plain)), Ok(duration), "{plain}");
    }
});

/// Adds up milliseconds, one character after the other.
fn expected(text: &str) -> Option<Duration> {
    let mut rest = text.trim().chars().peekable();
    let (mut total, mut parts) = (0_u128, 0);
    while rest.peek().is_some() {
        while rest.next_if(|c| parts > 0 && c.is_whitespace()).is_some() {}
        let (mut number, mut digits) = (0_u128, 0);
        while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
            number = number.checked_mul(10)?.checked_add(u128::from(digit))?;
            digits += 1;
            rest.next();
        }
        let mut unit = String::new();
        while let Some(letter) = rest.next_if(char::is_ascii_alphabetic) {
            unit.push(letter);
        }
        let milliseconds = match unit.as_str() {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        // A number is 64 bits wide, and so are the seconds of a duration.
        u64::try_from(number).ok().filter(|_| digits > 0)?;
        let part = number * milliseconds;
        u64::try_from(part / 1_000).ok()?;
        total += part;
        parts += 1;
    }
    let seconds = u64::try_from(total / 1_000).ok().filter(|_| parts > 0)?;
    let milliseconds = u32::try_from(total % 1_000).ok()?;
    Some(Duration::new(seconds, milliseconds * 1_000_000))
}
