//! The files of a package, by their paths in it. Whoever wrote it may have put anything there: links that lead out of
//! it, devices, names that are no text.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};

/// One file of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub path: String,
    pub content: Vec<u8>,
}

#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: String,
    /// Within the package.
    pub path: String,
    pub is_directory: bool,
}

/// Deeper than any package, and an end for links that lead in a circle.
const MOST_LEVELS: usize = 12;

impl Tree {
    pub fn open(root: &Path) -> anyhow::Result<Self> {
        let root = root.canonicalize().with_context(|| format!("could not read {}", root.display()))?;
        ensure!(root.is_dir(), "{} is no directory", root.display());
        Ok(Self { root })
    }

    /// The directory's own name, which stands in for that of a problem without one.
    pub fn name(&self) -> String {
        self.root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    pub fn holds(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    pub fn read(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let place = self.within(path)?;
        ensure!(place.is_file(), "{path} is no file");
        fs::read(place).with_context(|| format!("could not read {path}"))
    }

    pub fn text(&self, path: &str) -> anyhow::Result<String> {
        String::from_utf8(self.read(path)?).ok().with_context(|| format!("{path} is no UTF-8"))
    }

    /// The text of a file that need not be there.
    pub fn text_if_any(&self, path: &str) -> anyhow::Result<Option<String>> {
        self.holds(path).then(|| self.text(path)).transpose()
    }

    /// What a directory holds, in the order of the names, without hidden files.
    pub fn list(&self, path: &str) -> anyhow::Result<Vec<Entry>> {
        ensure!(path.split('/').count() <= MOST_LEVELS, "{path} lies too deep");
        let place = self.within(path)?;
        ensure!(place.is_dir(), "{path} is no directory");
        let mut entries = Vec::new();
        for entry in fs::read_dir(place).with_context(|| format!("could not read {path}"))? {
            let entry = entry.with_context(|| format!("could not read {path}"))?;
            let Ok(name) = entry.file_name().into_string() else {
                bail!("{path} holds a name that is no UTF-8: {}", entry.file_name().display());
            };
            if !name.starts_with('.') {
                let is_directory = entry.path().is_dir();
                entries.push(Entry { path: format!("{path}/{name}"), name, is_directory });
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// All files of a program: of a directory with their paths below it, or the single file that it is.
    pub fn program(&self, entry: &Entry) -> anyhow::Result<Vec<SourceFile>> {
        let Entry { name, path, is_directory } = entry;
        if !is_directory {
            return Ok(vec![SourceFile { path: name.clone(), content: self.read(path)? }]);
        }
        let mut files = Vec::new();
        self.add_below(path, path.len() + 1, &mut files)?;
        ensure!(!files.is_empty(), "{path} holds no file");
        Ok(files)
    }

    fn add_below(&self, path: &str, prefix: usize, files: &mut Vec<SourceFile>) -> anyhow::Result<()> {
        for entry in self.list(path)? {
            if entry.is_directory {
                self.add_below(&entry.path, prefix, files)?;
            } else {
                files.push(SourceFile { path: entry.path[prefix..].to_owned(), content: self.read(&entry.path)? });
            }
        }
        Ok(())
    }

    /// Where a path leads; the format allows links, but none that leads out.
    fn within(&self, path: &str) -> anyhow::Result<PathBuf> {
        let joined = self.root.join(path);
        ensure!(joined.symlink_metadata().is_ok(), "{path} is not there");
        let place = joined.canonicalize().with_context(|| format!("could not read {path}"))?;
        ensure!(place.starts_with(&self.root), "{path} leads out of the package");
        Ok(place)
    }
}
