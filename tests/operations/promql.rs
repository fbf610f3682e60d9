//! As much of PromQL as is needed to say which series an expression reads, and to fill in what Grafana would.

/// A piece of an expression.
#[derive(Debug, PartialEq)]
enum Token<'e> {
    Word(&'e str),
    /// `{...}`, braces included.
    Matchers(&'e str),
    Open,
    Close,
    Other,
}

/// After these comes a list of labels, if anything in parentheses.
const LABEL_LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: [&str; 8] = ["and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"];

/// Every selector of an expression, as written but for its range: `name{matchers}`.
pub fn selectors(expr: &str) -> Vec<String> {
    let tokens = tokens(expr);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match (&tokens[at], tokens.get(at + 1)) {
            (Token::Word(word), Some(Token::Open)) if LABEL_LISTS.contains(word) => {
                at += tokens[at..].iter().take_while(|token| **token != Token::Close).count();
            }
            (Token::Word(word), _) if LABEL_LISTS.contains(word) => {}
            (Token::Word(word), _) if OPERATORS.contains(&word.to_ascii_lowercase().as_str()) => {}
            (Token::Word(word), Some(Token::Matchers(matchers))) => found.push(format!("{word}{matchers}")),
            // Functions and aggregations, those with their labels first too.
            (Token::Word(_), Some(Token::Open)) => {}
            (Token::Word(_), Some(Token::Word(next))) if LABEL_LISTS[..2].contains(next) => {}
            (Token::Word(word), _) => found.push((*word).to_owned()),
            _ => {}
        }
        at += 1;
    }
    found
}

/// The metric of a selector.
pub fn metric(selector: &str) -> &str {
    selector.split('{').next().unwrap_or(selector)
}

/// The expression with Grafana's variables filled in; longest names first, so that none is taken for the beginning of
/// another.
pub fn filled_in(expr: &str, variables: &[(String, String)]) -> String {
    let mut variables: Vec<_> = variables.iter().collect();
    variables.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    variables.iter().fold(expr.to_owned(), |expr, (name, value)| expr.replace(&format!("${name}"), value))
}

fn tokens(expr: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = expr.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            'a'..='z' | 'A'..='Z' | '_' | ':' => rest.find(|c: char| !is_of_name(c)).unwrap_or(rest.len()),
            // A number, its unit and its exponent included.
            '0'..='9' => rest.find(|c: char| !is_of_name(c) && c != '.').unwrap_or(rest.len()),
            '{' | '[' | '"' => enclosed(rest),
            _ => first.len_utf8(),
        };
        let piece = &rest[..length];
        tokens.push(match first {
            'a'..='z' | 'A'..='Z' | '_' | ':' => Token::Word(piece),
            '{' => Token::Matchers(piece),
            '(' => Token::Open,
            ')' => Token::Close,
            _ => Token::Other,
        });
        rest = rest[length..].trim_start();
    }
    tokens
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The length of what begins with a brace, a bracket or a quote, up to its end; braces in strings do not count.
fn enclosed(text: &str) -> usize {
    let end = match text.as_bytes()[0] {
        b'{' => '}',
        b'[' => ']',
        _ => '"',
    };
    let (mut in_string, mut is_escaped) = (end == '"', false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if in_string => is_escaped = true,
            '"' if end == '"' => return at + 1,
            '"' => in_string = !in_string,
            c if c == end && !in_string => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[test]
fn every_selector_is_found_and_nothing_else() {
    for (expr, expected) in [
        ("up", vec!["up"]),
        ("sum by (le) (rate(a_bucket{x=~\"$y\"}[$__rate_interval]))", vec!["a_bucket{x=~\"$y\"}"]),
        ("sum(a) by (b) / on (job, instance) group_left () c{d=\"}\"}", vec!["a", "c{d=\"}\"}"]),
        ("histogram_quantile(0.99, sum(rate(a[5m])))", vec!["a"]),
        ("level:a:sum > 14.4 * 0.01 and on (job) b == 0", vec!["level:a:sum", "b"]),
        ("(min_over_time(a[10m]) > 0 unless on (job) increase(b[1h]) > 1e9) or c offset 5m", vec!["a", "b", "c"]),
        (
            "time() - max(process_start_time_seconds{instance=~\"$instance\"})",
            vec!["process_start_time_seconds{instance=~\"$instance\"}"],
        ),
        ("label_values(caisson_pool_target, language)", vec!["caisson_pool_target", "language"]),
    ] {
        assert_eq!(selectors(expr), expected, "{expr}");
    }
}

#[test]
fn a_variable_is_not_taken_for_the_beginning_of_another() {
    let variables = [("a".to_owned(), "1".to_owned()), ("ab".to_owned(), "2".to_owned())];
    assert_eq!(filled_in("$ab $a", &variables), "2 1");
}
