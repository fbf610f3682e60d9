//! A program's bytes as JSON text.

use std::borrow::Cow;

use crate::job::Captured;

/// What a program wrote, and whether bytes had to be replaced to make text of it. A character that our own cut went
/// through is dropped without a word: it was not the program that wrote half of it.
pub fn lossy(captured: &Captured) -> (Cow<'_, str>, bool) {
    let bytes = match std::str::from_utf8(&captured.bytes) {
        Ok(text) => return (Cow::Borrowed(text), false),
        Err(error) if captured.truncated => whole_characters(&captured.bytes, error.valid_up_to()),
        Err(_) => &captured.bytes,
    };
    let text = String::from_utf8_lossy(bytes);
    let replaced = matches!(text, Cow::Owned(_));
    (text, replaced)
}

/// The bytes less an unfinished character at their end.
fn whole_characters(bytes: &[u8], valid: usize) -> &[u8] {
    // The unfinished character is at the end or nowhere, but other faults may stand before it: look at each.
    let mut valid = valid;
    while let Some(Err(error)) = bytes.get(valid..).map(std::str::from_utf8) {
        match error.error_len() {
            None => return &bytes[..valid + error.valid_up_to()],
            Some(length) => valid += error.valid_up_to() + length,
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], truncated: bool) -> (String, bool) {
        let captured = Captured { bytes: bytes.to_vec(), truncated };
        let (text, replaced) = lossy(&captured);
        (text.into_owned(), replaced)
    }

    #[test]
    fn invalid_bytes_are_replaced_and_that_is_told() {
        assert_eq!(text("grün".as_bytes(), false), ("grün".into(), false));
        assert_eq!(text(b"a\xffb", false), ("a\u{fffd}b".into(), true));
        assert_eq!(text(b"a\xc3", false), ("a\u{fffd}".into(), true));
    }

    #[test]
    fn half_a_character_at_our_own_cut_is_dropped() {
        assert_eq!(text(b"a\xc3", true), ("a".into(), false));
        assert_eq!(text(b"\xffa\xe2\x82", true), ("\u{fffd}a".into(), true));
        assert_eq!(text(b"a\xff", true), ("a\u{fffd}".into(), true));
    }
}
