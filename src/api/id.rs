//! Names for requests and jobs.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    iter,
};

/// 32 hexadecimal digits that nobody else has and nobody can guess: the standard library's keyed hash under keys that
/// the operating system drew.
pub fn fresh() -> String {
    iter::repeat_with(fresh_half).take(2).collect()
}

/// 16 of them.
pub fn fresh_half() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// Whether a client may name its request so: short, and harmless in any log.
pub fn is_acceptable(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_ids_are_the_same_and_each_is_acceptable() {
        let ids: HashSet<_> = iter::repeat_with(fresh).take(1000).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32 && is_acceptable(id)));
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_acceptable() {
        for id in ["", "a b", "a\nb", "ä", "a=b", &"x".repeat(65)] {
            assert!(!is_acceptable(id), "{id:?}");
        }
    }
}
