//! What is wrong, and where it was written.

use crate::config::{Fault, overlay::Overlay};

/// Notes faults together with where the value was written.
pub(super) struct Notes<'a> {
    pub overlay: &'a Overlay,
    /// Stands before every key.
    pub section: &'a str,
    pub faults: &'a mut Vec<Fault>,
}

impl Notes<'_> {
    pub fn add(&mut self, key: &str, problem: impl Into<String>) {
        let origin = self.overlay.origin(key).cloned();
        let key = if self.section.is_empty() { key.to_owned() } else { format!("{}.{key}", self.section) };
        self.faults.push(Fault { key, problem: problem.into(), origin });
    }

    /// Whether the key stands anywhere, or has its default.
    pub fn written(&self, key: &str) -> bool {
        self.overlay.origin(key).is_some()
    }

    pub fn at_least(&mut self, key: &str, value: u64, least: u64) {
        self.within(key, value, least, u64::MAX);
    }

    pub fn within(&mut self, key: &str, value: u64, least: u64, most: u64) {
        if value < least {
            self.add(key, format!("must be at least {least}, is {value}"));
        } else if value > most {
            self.add(key, format!("must be at most {most}, is {value}"));
        }
    }

    /// The choice that is meant; the first one beside a fault.
    pub fn choice<T: Copy>(&mut self, key: &str, value: &str, of: &[(&str, T)]) -> T {
        let found = of.iter().find(|(name, _)| *name == value);
        if found.is_none() {
            let names: Vec<_> = of.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.add(key, format!("must be {}, not `{value}`", names.join(" or ")));
        }
        found.unwrap_or(&of[0]).1
    }

    pub fn parsed<T, E: std::fmt::Display>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.add(key, fault.to_string())).ok()
    }
}
