//! Puts what somebody wrote over the defaults, key by key, and notes everything that does not fit.
//!
//! Deriving the decoder alone would stop at the first fault and could not say where a value came from. The defaults,
//! written out as a table, know every key and its type.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use toml::{Table, Value};

use super::Fault;

/// Where a value was written: a file, a variable, a flag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin(String);

/// A table of defaults with what was written put over them.
#[derive(Debug)]
pub struct Overlay {
    table: Table,
    /// Tables without a single default take any key: the keys are names there.
    free: BTreeSet<String>,
    origins: BTreeMap<String, Origin>,
}

/// How alike two words must be for one to be offered in place of the other; 1 is the same word.
const ALIKE: f64 = 0.75;

impl Overlay {
    pub fn new(defaults: Table) -> Self {
        let mut free = BTreeSet::new();
        find_free(&defaults, "", &mut free);
        Self { table: defaults, free, origins: BTreeMap::new() }
    }

    /// Puts a whole table over it.
    pub fn put(&mut self, written: Table, origin: &Origin, faults: &mut Vec<Fault>) {
        let Self { table, free, origins } = self;
        merge(table, written, "", free, &mut |key, result| match result {
            Ok(()) => _ = origins.insert(key, origin.clone()),
            Err(problem) => faults.push(Fault { key, problem, origin: Some(origin.clone()) }),
        });
    }

    /// Puts one value over it, given as text, as variables and flags have it: TOML where that is what the key's default
    /// is, otherwise the text itself.
    pub fn put_text(&mut self, path: &[&str], text: &str, origin: &Origin, faults: &mut Vec<Fault>) {
        let is_text = matches!(lookup(&self.table, path), Some(Value::String(_)));
        let value = match format!("value = {text}").parse::<Table>() {
            Ok(mut table) if !is_text => table.remove("value").unwrap_or_else(|| text.into()),
            Ok(_) | Err(_) => text.into(),
        };
        let nested = path.iter().rev().fold(value, |value, name| {
            let mut table = Table::new();
            table.insert((*name).to_owned(), value);
            Value::Table(table)
        });
        if let Value::Table(table) = nested {
            self.put(table, origin, faults);
        }
    }

    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Where the value of a key, or of one that holds it or lies below it, was last written.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        let related = |known: &str| {
            known == key
                || known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
                || key.strip_prefix(known).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        self.origins.iter().find(|(known, _)| related(known)).map(|(_, origin)| origin)
    }
}

fn lookup<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (last, above) = path.split_last()?;
    above.iter().try_fold(table, |table, name| table.get(*name)?.as_table())?.get(*last)
}

fn join(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

fn find_free(table: &Table, above: &str, free: &mut BTreeSet<String>) {
    for (name, value) in table {
        let key = join(above, name);
        match value {
            Value::Table(table) if table.is_empty() => _ = free.insert(key),
            Value::Table(table) => find_free(table, &key, free),
            _ => {}
        }
    }
}

fn merge(
    defaults: &mut Table,
    written: Table,
    above: &str,
    free: &BTreeSet<String>,
    tell: &mut dyn FnMut(String, Result<(), String>),
) {
    for (name, value) in written {
        let key = join(above, &name);
        if free.contains(above) {
            defaults.insert(name, value);
            tell(key, Ok(()));
            continue;
        }
        let Some(default) = defaults.get_mut(&name) else {
            tell(key, Err(unknown(&name, defaults)));
            continue;
        };
        let value = match (&*default, value) {
            (Value::Float(_), Value::Integer(value)) => Value::Float(value as f64),
            (_, value) => value,
        };
        match (default, value) {
            (Value::Table(default), Value::Table(value)) => merge(default, value, &key, free, tell),
            (Value::Integer(_), Value::Integer(value)) if value < 0 => {
                tell(key, Err("must not be negative".to_owned()));
            }
            (default, value) if default.same_type(&value) => {
                *default = value;
                tell(key, Ok(()));
            }
            (default, value) => {
                tell(key, Err(format!("must be {}, not {}", noun(default), noun(&value))));
            }
        }
    }
}

fn unknown(name: &str, known: &Table) -> String {
    let alike = |candidate: &&String| strsim::jaro_winkler(name, candidate);
    let nearest = known.keys().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match nearest.filter(|candidate| alike(candidate) >= ALIKE) {
        Some(nearest) => format!("is no known key; did you mean `{nearest}`?"),
        None => {
            let known: Vec<_> = known.keys().map(String::as_str).collect();
            format!("is no known key; known here: {}", known.join(", "))
        }
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

impl Origin {
    pub fn new(place: impl fmt::Display) -> Self {
        Self(place.to_string())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
