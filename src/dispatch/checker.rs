//! Whether an answer is right. Pure, and total over any bytes.

use crate::job::{Checker, Verdict};

/// What a comparison found: the verdict, and where the first difference is.
pub type Found = (Verdict, Option<String>);

/// How much of a token is quoted.
const QUOTED: usize = 40;

pub fn check(checker: Checker, expected: &[u8], answer: &[u8]) -> Found {
    match checker {
        Checker::Exact if expected == answer => (Verdict::Accepted, None),
        Checker::Lines if lines(expected).eq(lines(answer)) => (Verdict::Accepted, None),
        Checker::Exact | Checker::Lines => match tokens(expected, answer, |wanted, given| wanted == given) {
            None => (Verdict::PresentationError, Some("the words are right, the layout is not".to_owned())),
            Some(difference) => (Verdict::WrongAnswer, Some(difference)),
        },
        Checker::Tokens { case_sensitive: true } => by_tokens(expected, answer, |wanted, given| wanted == given),
        Checker::Tokens { case_sensitive: false } => by_tokens(expected, answer, <[u8]>::eq_ignore_ascii_case),
        Checker::Float { abs, rel, case_sensitive } => {
            by_tokens(expected, answer, |wanted, given| match number(wanted) {
                Some(wanted) => number(given).is_some_and(|given| is_near(wanted, given, abs, rel)),
                None if case_sensitive => wanted == given,
                None => wanted.eq_ignore_ascii_case(given),
            })
        }
    }
}

fn by_tokens(expected: &[u8], answer: &[u8], is_same: impl Fn(&[u8], &[u8]) -> bool) -> Found {
    match tokens(expected, answer, is_same) {
        None => (Verdict::Accepted, None),
        Some(difference) => (Verdict::WrongAnswer, Some(difference)),
    }
}

/// The first difference.
fn tokens(expected: &[u8], answer: &[u8], is_same: impl Fn(&[u8], &[u8]) -> bool) -> Option<String> {
    let (mut wanted, mut given) = (words(expected), words(answer));
    for number in 1.. {
        match (wanted.next(), given.next()) {
            (None, None) => return None,
            (Some(wanted), Some(given)) if is_same(wanted, given) => {}
            (Some(wanted), Some(given)) => {
                return Some(format!("token {number}: expected `{}`, got `{}`", quote(wanted), quote(given)));
            }
            (Some(wanted), None) => {
                return Some(format!("token {number}: expected `{}`, got the end of the output", quote(wanted)));
            }
            (None, Some(given)) => {
                return Some(format!("token {number}: expected the end of the output, got `{}`", quote(given)));
            }
        }
    }
    None
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| is_blank(*byte)).filter(|word| !word.is_empty())
}

/// Without blanks at their ends, and without empty ones at the end of the text.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = text.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
    text[..end].split(|byte| *byte == b'\n').map(|line| {
        let end = line.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
        &line[..end]
    })
}

/// What C's `isspace` takes for one.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Decimal only: no `nan`, which is near everything or nothing, and no `inf`.
fn number(token: &[u8]) -> Option<f64> {
    let is_decimal = token.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let text = std::str::from_utf8(token).ok().filter(|_| is_decimal)?;
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn is_near(wanted: f64, given: f64, abs: f64, rel: f64) -> bool {
    let difference = (wanted - given).abs();
    difference <= abs || (difference.is_finite() && difference <= rel * wanted.abs())
}

fn quote(token: &[u8]) -> String {
    let shown = String::from_utf8_lossy(&token[..token.len().min(QUOTED)]).replace(char::is_control, "\u{fffd}");
    if token.len() > QUOTED { format!("{shown}…") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(checker: Checker, expected: &str, answer: &str) -> Verdict {
        check(checker, expected.as_bytes(), answer.as_bytes()).0
    }

    const TOKENS: Checker = Checker::Tokens { case_sensitive: true };
    const FLOAT: Checker = Checker::Float { abs: 1e-6, rel: 1e-6, case_sensitive: true };

    #[test]
    fn exact_means_every_byte() {
        assert_eq!(verdict(Checker::Exact, "1 2\n", "1 2\n"), Verdict::Accepted);
        assert_eq!(verdict(Checker::Exact, "1 2\n", "1 2"), Verdict::PresentationError);
        assert_eq!(verdict(Checker::Exact, "1 2\n", "1 3\n"), Verdict::WrongAnswer);
    }

    #[test]
    fn lines_forgive_what_nobody_sees() {
        assert_eq!(verdict(Checker::Lines, "1 2\n3\n", "1 2  \r\n3\n\n\n"), Verdict::Accepted);
        assert_eq!(verdict(Checker::Lines, "1 2\n3\n", "1 2\n3"), Verdict::Accepted);
        assert_eq!(verdict(Checker::Lines, "", "\n \n"), Verdict::Accepted);
        // Blanks within a line, and lines between others, are seen.
        assert_eq!(verdict(Checker::Lines, "1 2\n3\n", "1  2\n3\n"), Verdict::PresentationError);
        assert_eq!(verdict(Checker::Lines, "1\n2\n", "1\n\n2\n"), Verdict::PresentationError);
        assert_eq!(verdict(Checker::Lines, "1\n", " 1\n"), Verdict::PresentationError);
        assert_eq!(verdict(Checker::Lines, "1\n2\n", "1\n"), Verdict::WrongAnswer);
    }

    #[test]
    fn tokens_are_words_however_they_are_spaced() {
        assert_eq!(verdict(TOKENS, "1 2\n3\n", "  1\t2\x0b3 "), Verdict::Accepted);
        assert_eq!(verdict(TOKENS, "", " \n"), Verdict::Accepted);
        assert_eq!(verdict(TOKENS, "12\n", "1 2\n"), Verdict::WrongAnswer);
        assert_eq!(verdict(TOKENS, "1 2", "1"), Verdict::WrongAnswer);
        assert_eq!(verdict(TOKENS, "1", "1 2"), Verdict::WrongAnswer);
        assert_eq!(verdict(TOKENS, "YES", "yes"), Verdict::WrongAnswer);
        assert_eq!(verdict(Checker::Tokens { case_sensitive: false }, "YES", "yes"), Verdict::Accepted);
        // A NUL is part of a word.
        assert_eq!(verdict(TOKENS, "1", "1\0"), Verdict::WrongAnswer);
    }

    #[test]
    fn numbers_may_be_near_and_words_may_not() {
        assert_eq!(verdict(FLOAT, "0.5 ok", "5.0000001e-1 ok"), Verdict::Accepted);
        assert_eq!(verdict(FLOAT, "1000000", "1000000.9"), Verdict::Accepted);
        assert_eq!(verdict(FLOAT, "1000000", "1000001.1"), Verdict::WrongAnswer);
        assert_eq!(verdict(FLOAT, "0", "-0.0000005"), Verdict::Accepted);
        assert_eq!(verdict(FLOAT, "0", "0.000002"), Verdict::WrongAnswer);
        assert_eq!(verdict(FLOAT, "ok", "OK"), Verdict::WrongAnswer);
        let folding = Checker::Float { abs: 0.0, rel: 0.0, case_sensitive: false };
        assert_eq!(verdict(folding, "Case 1.50", "CASE 1.5"), Verdict::Accepted);
        // Whatever the tolerance, they are worlds apart.
        let generous = Checker::Float { abs: 0.0, rel: 1e9, case_sensitive: true };
        assert_eq!(verdict(generous, "1e308", "-1e308"), Verdict::WrongAnswer);
        for no_number in ["nan", "inf", "-inf", "1e999", "0x1", "1,0", "", "--1", "1e", "."] {
            assert_eq!(verdict(FLOAT, "1", no_number), Verdict::WrongAnswer, "{no_number}");
        }
        // One tolerance alone does not bring the other with it.
        assert_eq!(
            verdict(Checker::Float { abs: 0.0, rel: 0.1, case_sensitive: true }, "0", "0.05"),
            Verdict::WrongAnswer
        );
        assert_eq!(
            verdict(Checker::Float { abs: 0.1, rel: 0.0, case_sensitive: true }, "100", "100.05"),
            Verdict::Accepted
        );
    }

    #[test]
    fn the_first_difference_is_told_and_long_words_in_part() {
        let (_, message) = check(TOKENS, b"1 2 3", b"1 5 3");
        assert_eq!(message.unwrap(), "token 2: expected `2`, got `5`");
        let (_, message) = check(TOKENS, b"1", &[b'\x07'; 1000]);
        assert!(message.unwrap().chars().count() < 100);
    }
}
