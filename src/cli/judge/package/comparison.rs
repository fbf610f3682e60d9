//! The default validator's flags.

use anyhow::{Context, bail, ensure};

use super::{
    data::{Case, Flags},
    metadata,
};

/// How words are compared. Without a flag: by words, and upper case is as good as lower.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Comparison {
    pub case_sensitive: bool,
    pub space_change_sensitive: bool,
    pub absolute: Option<f64>,
    pub relative: Option<f64>,
}

impl Comparison {
    /// One for all cases: that is how a server takes it.
    pub fn of(flags: &[String], cases: &[Case]) -> anyhow::Result<Self> {
        let parse = |more: &Flags| {
            let origin = if more.origin.is_empty() { metadata::FILE } else { &more.origin };
            let words: Vec<_> = flags.iter().chain(&more.words).map(String::as_str).collect();
            Self::parse(&words).with_context(|| format!("{origin}: flags of the default validator"))
        };
        let first = cases.first().map(|case| parse(&case.flags)).transpose()?.unwrap_or_default();
        for case in cases {
            ensure!(
                parse(&case.flags)? == first,
                "data/{}.in is to be compared another way than data/{}.in ({}); there can be only one for all",
                case.id,
                cases[0].id,
                if case.flags.origin.is_empty() { &cases[0].flags.origin } else { &case.flags.origin }
            );
        }
        Ok(first)
    }

    fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut found = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "case_sensitive" => found.case_sensitive = true,
                "space_change_sensitive" => found.space_change_sensitive = true,
                "float_tolerance" | "float_absolute_tolerance" | "float_relative_tolerance" => {
                    let value = words.next().with_context(|| format!("{word} needs a number behind it"))?;
                    let tolerance: Option<f64> = value.parse().ok().filter(|value| (0.0..=1e9).contains(value));
                    let tolerance = tolerance.with_context(|| format!("{word}: `{value}` is no tolerance"))?;
                    if *word != "float_relative_tolerance" {
                        found.absolute = Some(tolerance);
                    }
                    if *word != "float_absolute_tolerance" {
                        found.relative = Some(tolerance);
                    }
                }
                _ => bail!("`{word}` is none"),
            }
        }
        let has_tolerance = found.absolute.is_some() || found.relative.is_some();
        ensure!(
            !(has_tolerance && found.space_change_sensitive),
            "space_change_sensitive does not go with a tolerance on a server"
        );
        Ok(found)
    }
}
