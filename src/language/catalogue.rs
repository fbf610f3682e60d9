//! All configured languages, found by id, alias and version.

use std::sync::Arc;

use semver::{Version, VersionReq};

use super::Language;
use crate::job::LanguageId;

/// The configured languages, newest version of an id first.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    languages: Vec<Arc<Language>>,
}

/// Why a request's language was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("no language of that name; see GET /v1/languages")]
    Language,
    #[error("no such version; configured: {}", .0.join(", "))]
    Version(Vec<String>),
}

impl Catalogue {
    pub fn new(mut languages: Vec<Language>) -> Self {
        languages.sort_by(|a, b| {
            a.id.cmp(&b.id).then_with(|| padded(&b.version).cmp(&padded(&a.version))).then_with(|| a.key.cmp(&b.key))
        });
        Self { languages: languages.into_iter().map(Arc::new).collect() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Language>> {
        self.languages.iter()
    }

    pub fn get(&self, key: &LanguageId) -> Option<&Arc<Language>> {
        self.languages.iter().find(|language| language.key == *key)
    }

    /// The newest version that fits. `version` is one exactly as configured, or a semver range.
    pub fn find(&self, name: &str, version: Option<&str>) -> Result<&Arc<Language>, Unknown> {
        let by_name: Vec<_> = self
            .languages
            .iter()
            .filter(|language| {
                language.id.eq_ignore_ascii_case(name)
                    || language.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
            })
            .collect();
        let newest = *by_name.first().ok_or(Unknown::Language)?;
        let Some(version) = version else { return Ok(newest) };
        let exact = by_name.iter().find(|language| language.version == version);
        let range = VersionReq::parse(version).ok();
        let fits = |language: &&&Arc<Language>| {
            range.as_ref().zip(padded(&language.version)).is_some_and(|(range, version)| range.matches(&version))
        };
        exact
            .or_else(|| by_name.iter().find(fits))
            .copied()
            .ok_or_else(|| Unknown::Version(by_name.iter().map(|language| language.version.clone()).collect()))
    }
}

/// `3.13` as `3.13.0`: distributions are sparing with components.
fn padded(version: &str) -> Option<Version> {
    let mut parts: Vec<&str> = version.split('.').collect();
    parts.resize(3.max(parts.len()), "0");
    Version::parse(&parts.join(".")).ok()
}
