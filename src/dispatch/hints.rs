//! What is asked of the pools in advance, handed down to them.

use super::Dispatch;
use crate::{
    job::LanguageId,
    pool::{HintError, Wish},
};

impl Dispatch {
    /// # Errors
    /// When it cannot be, or is one too many.
    pub fn hint(&self, language: &LanguageId, wish: Wish) -> Result<(), HintError> {
        self.fleet.hint(language, wish)
    }

    /// Takes back all hints of a language but those of the configuration.
    pub fn forget_hints(&self, language: &LanguageId) {
        self.fleet.forget_hints(language);
    }
}
