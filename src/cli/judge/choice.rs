//! Which submissions are meant: patterns as in the format's own `submissions.yaml`, less the braces.

use anyhow::ensure;

use super::package::Submission;

#[derive(Debug)]
pub struct Choice<'a> {
    patterns: &'a [String],
}

impl<'a> Choice<'a> {
    pub fn new(patterns: &'a [String]) -> Self {
        Self { patterns }
    }

    /// In the package's order. All of them without a pattern; a pattern that none goes with is a typo.
    pub fn of<'b>(&self, submissions: &'b [Submission]) -> anyhow::Result<Vec<&'b Submission>> {
        for pattern in self.patterns {
            let is_met = submissions.iter().any(|submission| is_meant(pattern, &submission.path));
            ensure!(is_met, "no submission goes with {pattern}");
        }
        let is_chosen = |submission: &&Submission| {
            self.patterns.is_empty() || self.patterns.iter().any(|pattern| is_meant(pattern, &submission.path))
        };
        Ok(submissions.iter().filter(is_chosen).collect())
    }
}

/// Whether a pattern goes with a path below `submissions`, with a directory on the way to it, or with its last name.
/// What stands before `submissions/` does not count, so that a path that a shell completed does.
fn is_meant(pattern: &str, path: &str) -> bool {
    let pattern = pattern.rsplit_once("submissions/").map_or(pattern, |(_, below)| below).trim_matches('/');
    let (wanted, given): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    let fits = |given: &[&str]| {
        wanted.len() <= given.len() && wanted.iter().zip(given).all(|(one, name)| goes_with(one, name))
    };
    fits(&given) || fits(&given[given.len() - 1..])
}

/// `*` is any characters of a name, `?` is one. Looks back to the last star only, which is enough.
fn goes_with(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<_>, Vec<_>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut of_name, mut star) = (0, 0, None);
    while of_name < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, of_name));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[of_name] => (at, of_name) = (at + 1, of_name + 1),
            Some(_) | None => match star {
                Some((place, begun)) => {
                    star = Some((place, begun + 1));
                    (at, of_name) = (place + 1, begun + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|left| *left == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_paths_directories_and_names() {
        let path = "accepted/sum_fast.py";
        for pattern in [
            "accepted",
            "accepted/",
            "accepted/*",
            "accepted/sum_fast.py",
            "*.py",
            "sum*",
            "*/*_f?st.py",
            "a*d/*",
            "problem/submissions/accepted/sum_fast.py",
            "submissions/accepted",
        ] {
            assert!(is_meant(pattern, path), "{pattern}");
        }
        for pattern in ["accepted/*.c", "wrong_answer", "sum", "*/*/*", "", "accepted/sum", "?", "fast.py"] {
            assert!(!is_meant(pattern, path), "{pattern}");
        }
    }

    #[test]
    fn stars_take_what_they_must_and_no_more() {
        assert!(goes_with("a*b*c", "aXbXbXc") && goes_with("*", "") && goes_with("**", "x") && goes_with("é?", "éü"));
        assert!(!goes_with("a*b", "abX") && !goes_with("", "x") && !goes_with("a?", "a"));
    }
}
