//! The response of the Runtime API to a registration, in pieces of any size.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use signoff::fuzzing::response;

/// No more than this is read of any response, and one buffer.
const LIMIT: usize = 16 * 1024;
const BUFFER: usize = 1024;

fuzz_target!(|input: &[u8]| -> Corpus {
    // The first byte is the size of the pieces, so that seeds are plain responses below one line.
    let Some((&piece, bytes)) = input.split_first() else { return Corpus::Reject };
    let (pieced, read) = response(bytes, usize::from(piece).max(1));
    assert!(read <= LIMIT + BUFFER, "{read} bytes are read");
    match &pieced {
        // It goes into a header of the next request.
        Ok(identifier) => assert!(!identifier.contains(['\r', '\n', '\0']), "{identifier:?}"),
        Err(error) => {
            assert!(!error.is_empty() && error.len() < 4096, "{} bytes of error", error.len());
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
    // At the limit it matters how much a read returns.
    if bytes.len() < LIMIT {
        let (whole, _) = response(bytes, BUFFER);
        assert_eq!(whole.ok(), pieced.ok(), "the pieces matter");
    }
    Corpus::Keep
});
