//! A scenario from a file: what came when, as a log of the past tells it.
//!
//! One arrival a line, as CSV with a head that names the columns, or as JSON objects with these names:
//!
//! ```text
//! at_ms,language,cpu_ms[,patience_ms]
//! {"at_ms": 1250, "language": "python", "cpu_ms": 40}
//! ```

use serde_json::Value;

use super::scenario::{Arrival, Language, Scenario};

/// Where a trace could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TraceError {
    pub line: usize,
    pub problem: String,
}

const DEFAULT_PATIENCE_MS: f64 = 60_000.0;

/// The policy looks every second of it.
const LONGEST_DAYS: f64 = 31.0;
const DAY: f64 = 86_400.0;

/// One line of it.
struct Entry {
    at_ms: f64,
    language: String,
    cpu_ms: f64,
    patience_ms: Option<f64>,
}

impl Scenario {
    /// `size`: ready sandboxes to keep of each language at all times.
    ///
    /// # Errors
    /// With the first line that is not understood; a trace of no arrival is one, too.
    pub fn of_trace(name: &str, text: &str, size: usize) -> Result<Self, TraceError> {
        let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let mut lines = lines.by_ref().filter(|(_, line)| !line.is_empty()).peekable();
        let columns = match lines.peek().copied() {
            Some((_, line)) if line.starts_with('{') => None,
            Some((number, line)) => {
                lines.next();
                Some(Columns::of(line).map_err(|problem| TraceError { line: number, problem })?)
            }
            None => return Err(TraceError { line: 1, problem: "the trace is empty".to_owned() }),
        };
        let mut languages: Vec<Language> = Vec::new();
        let mut arrivals = Vec::new();
        for (number, line) in lines {
            let entry = match &columns {
                Some(columns) => columns.entry(line),
                None => entry_of_json(line),
            };
            let entry = entry.and_then(Entry::check).map_err(|problem| TraceError { line: number, problem })?;
            let Entry { at_ms, language, cpu_ms, patience_ms } = entry;
            let known = languages.iter().position(|known| known.name == language);
            let index = known.unwrap_or_else(|| {
                languages.push(Language { name: language, size });
                languages.len() - 1
            });
            arrivals.push(Arrival {
                at: at_ms / 1e3,
                language: index,
                cpu: cpu_ms / 1e3,
                patience: patience_ms.unwrap_or(DEFAULT_PATIENCE_MS) / 1e3,
            });
        }
        arrivals.sort_by(|one, other| one.at.total_cmp(&other.at));
        // A log begins when it begins, years after the epoch maybe.
        let first = arrivals.first().map_or(0.0, |arrival| arrival.at);
        arrivals.iter_mut().for_each(|arrival| arrival.at -= first);
        if arrivals.last().is_some_and(|arrival| arrival.at > LONGEST_DAYS * DAY) {
            let problem = format!("the trace is longer than {LONGEST_DAYS} days; cut out a part");
            return Err(TraceError { line: 1, problem });
        }
        Ok(Self { name: name.to_owned(), languages, arrivals })
    }
}

/// At which place of a line each column stands.
struct Columns {
    at_ms: usize,
    language: usize,
    cpu_ms: usize,
    patience_ms: Option<usize>,
}

impl Columns {
    fn of(head: &str) -> Result<Self, String> {
        let place = |wanted: &str| head.split(',').position(|name| name.trim() == wanted);
        let required = |wanted: &str| place(wanted).ok_or(format!("the head of the table names no column `{wanted}`"));
        Ok(Self {
            at_ms: required("at_ms")?,
            language: required("language")?,
            cpu_ms: required("cpu_ms")?,
            patience_ms: place("patience_ms"),
        })
    }

    fn entry(&self, line: &str) -> Result<Entry, String> {
        let cells = Vec::from_iter(line.split(',').map(str::trim));
        let cell = |place: usize| cells.get(place).copied().ok_or("there are too few columns".to_owned());
        let number = |place| cell(place)?.parse().map_err(|_| format!("`{}` is no number", cell(place).unwrap_or("")));
        Ok(Entry {
            at_ms: number(self.at_ms)?,
            language: cell(self.language)?.to_owned(),
            cpu_ms: number(self.cpu_ms)?,
            patience_ms: self.patience_ms.map(number).transpose()?,
        })
    }
}

fn entry_of_json(line: &str) -> Result<Entry, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("is no JSON: {error}"))?;
    let number = |name: &str| value[name].as_f64().ok_or(format!("`{name}` must be a number"));
    Ok(Entry {
        at_ms: number("at_ms")?,
        language: value["language"].as_str().ok_or("`language` must be a string")?.to_owned(),
        cpu_ms: number("cpu_ms")?,
        patience_ms: value.get("patience_ms").map(|_| number("patience_ms")).transpose()?,
    })
}

impl Entry {
    fn check(self) -> Result<Self, String> {
        // Milliseconds since the epoch will do, and a job of more than a day will not.
        let (at, day) = (0.0..=1e14, 0.0..=DAY * 1e3);
        if !at.contains(&self.at_ms) || !day.contains(&self.cpu_ms) || !day.contains(&self.patience_ms.unwrap_or(0.0)) {
            return Err("times must not be negative, and those of a job at most a day".to_owned());
        }
        if self.language.is_empty() {
            return Err("there is no language".to_owned());
        }
        // Of a program that takes no time there is nothing to tell.
        Ok(Self { cpu_ms: self.cpu_ms.max(0.001), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_lines_of_json_say_the_same() {
        let table = "language,at_ms,cpu_ms\npython,5000,40\nc,4000,20\n";
        let json = "{\"at_ms\":5000,\"language\":\"python\",\"cpu_ms\":40}\n\n{\"at_ms\":4000,\"language\":\"c\",\"cpu_ms\":20}";
        let scenario = Scenario::of_trace("log", table, 4).unwrap();
        assert_eq!(scenario, Scenario::of_trace("log", json, 4).unwrap());
        assert_eq!(scenario.arrivals.iter().map(|arrival| arrival.at).collect::<Vec<_>>(), [0.0, 1.0]);
        assert_eq!(scenario.arrivals[0], Arrival { at: 0.0, language: 1, cpu: 0.02, patience: 60.0 });
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_line() {
        let fault = |text| Scenario::of_trace("log", text, 4).unwrap_err().to_string();
        assert_eq!(fault(""), "line 1: the trace is empty");
        assert_eq!(fault("at_ms,cpu_ms\n1,2"), "line 1: the head of the table names no column `language`");
        assert_eq!(fault("at_ms,language,cpu_ms\n1,c,2\nx,c,2"), "line 3: `x` is no number");
        assert_eq!(fault("at_ms,language,cpu_ms\n1"), "line 2: there are too few columns");
        assert_eq!(fault("{\"at_ms\":1,\"language\":\"c\"}"), "line 1: `cpu_ms` must be a number");
        assert!(fault("at_ms,language,cpu_ms\n-1,c,2").contains("must not be negative"));
    }
}
