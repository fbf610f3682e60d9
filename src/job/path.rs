//! A path below the work directory.

use std::fmt;

/// A relative path that names something below the work directory: no empty, `.` or `..` component, no NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkPath(String);

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    #[error("must not be empty")]
    Empty,
    #[error("must be relative to the work directory")]
    Absolute,
    #[error("must not hold a NUL")]
    Nul,
    #[error("must not hold an empty, `.` or `..` component")]
    Leaves,
    #[error("must be at most {PATH_MAX} bytes, each component at most {NAME_MAX}, and {DEPTH_MAX} deep")]
    TooLong,
}

/// Linux's own bounds, less the room for the directory before it.
const PATH_MAX: usize = 4000;
const NAME_MAX: usize = 255;
/// Deeper trees are nobody's program; a bound keeps clearing one cheap.
const DEPTH_MAX: usize = 32;

impl WorkPath {
    pub fn parse(path: &str) -> Result<Self, PathFault> {
        if path.is_empty() {
            return Err(PathFault::Empty);
        }
        if path.starts_with('/') {
            return Err(PathFault::Absolute);
        }
        if path.contains('\0') {
            return Err(PathFault::Nul);
        }
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(PathFault::Leaves);
        }
        let long = path.len() > PATH_MAX || path.split('/').any(|part| part.len() > NAME_MAX);
        if long || path.split('/').count() > DEPTH_MAX {
            return Err(PathFault::TooLong);
        }
        Ok(Self(path.to_owned()))
    }

    /// One of our own names, a single component.
    pub fn known(name: &'static str) -> Self {
        Self(name.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component without its extension: `Main` of `src/Main.java`.
    pub fn stem(&self) -> &str {
        let name = self.0.rsplit('/').next().unwrap_or(&self.0);
        match name.rsplit_once('.') {
            Some((stem, _)) if !stem.is_empty() => stem,
            _ => name,
        }
    }

    /// What stands behind the last dot of the last component, if anything does.
    pub fn extension(&self) -> Option<&str> {
        let name = self.0.rsplit('/').next().unwrap_or(&self.0);
        name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, extension)| extension)
    }

    /// Every directory that must exist for this path: `a`, `a/b` for `a/b/c`.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').map(|(at, _)| &self.0[..at])
    }
}

impl fmt::Display for WorkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_work_directory_is_refused() {
        let cases = [
            ("", PathFault::Empty),
            ("/etc/passwd", PathFault::Absolute),
            ("../x", PathFault::Leaves),
            ("a/../../x", PathFault::Leaves),
            ("a//b", PathFault::Leaves),
            ("a/", PathFault::Leaves),
            (".", PathFault::Leaves),
            ("a\0b", PathFault::Nul),
        ];
        for (path, fault) in cases {
            assert_eq!(WorkPath::parse(path), Err(fault), "{path:?}");
        }
        assert_eq!(WorkPath::parse(&"x".repeat(256)), Err(PathFault::TooLong));
        assert_eq!(WorkPath::parse("d/".repeat(40).trim_end_matches('/')), Err(PathFault::TooLong));
    }

    #[test]
    fn the_parts_of_a_path_are_found() {
        let path = WorkPath::parse("src/deep/Main.java").unwrap();
        assert_eq!((path.stem(), path.extension()), ("Main", Some("java")));
        assert_eq!(path.parents().collect::<Vec<_>>(), ["src", "src/deep"]);
        let hidden = WorkPath::parse(".profile").unwrap();
        assert_eq!((hidden.stem(), hidden.extension()), (".profile", None));
    }
}
