//! What a step left in the work directory, kept for the steps to come: a compiled program that many cases run. It lies in
//! the memory of PID 1, which no process of the job can read or write, so that no case can change it for the next.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::tree::{self, WORK};

/// A directory (without content) comes before what lies in it.
pub struct Kept(Vec<Entry>);

struct Entry {
    /// Below the work directory.
    path: PathBuf,
    mode: u32,
    content: Option<Vec<u8>>,
}

/// It is memory of the sandbox for as long as the sandbox lives. Less than the smallest compiler's output would be too
/// little; much more takes what the program may use.
const MOST_BYTES: u64 = 48 << 20;
const MOST_ENTRIES: usize = 4096;

impl Kept {
    /// Regular files and directories only. No process of the job may be alive.
    pub fn take() -> io::Result<Self> {
        let mut entries = Vec::new();
        let mut left = MOST_BYTES;
        gather(Path::new(""), &mut entries, &mut left)?;
        Ok(Self(entries))
    }

    /// Makes the work directory what it was when it was kept, and clears the others.
    pub fn restore(&self) -> io::Result<()> {
        tree::clear_all()?;
        for Entry { path, mode, content } in &self.0 {
            let target = Path::new(WORK).join(path);
            match content {
                None => DirBuilder::new().mode(*mode).create(target)?,
                Some(content) => {
                    OpenOptions::new().write(true).create_new(true).mode(*mode).open(target)?.write_all(content)?
                }
            }
        }
        Ok(())
    }
}

fn gather(below: &Path, entries: &mut Vec<Entry>, left: &mut u64) -> io::Result<()> {
    let directory = Path::new(WORK).join(below);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if !kind.is_dir() && !kind.is_file() {
            continue;
        }
        if entries.len() == MOST_ENTRIES {
            return Err(io::ErrorKind::StorageFull.into());
        }
        // Its owner may have closed it to itself.
        let mode = entry.metadata()?.permissions().mode() & 0o777 | if kind.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode))?;
        let path = below.join(entry.file_name());
        if kind.is_dir() {
            entries.push(Entry { path: path.clone(), mode, content: None });
            gather(&path, entries, left)?;
        } else {
            let mut content = Vec::new();
            let read = File::open(entry.path())?.take(*left + 1).read_to_end(&mut content)? as u64;
            *left = left.checked_sub(read).ok_or(io::ErrorKind::StorageFull)?;
            entries.push(Entry { path, mode, content: Some(content) });
        }
    }
    Ok(())
}
