//! What a step left in the work directory, kept for the steps to come: a compiled program that many cases run. It lies in
//! the memory of PID 1, which no process of the job can read or write, so that no case can change it for the next.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Component, Path},
};

use serde::{Deserialize, Serialize};

use crate::tree::{self, WORK};

/// A directory (without content) comes before what lies in it.
pub struct Kept(Vec<Entry>);

struct Entry {
    head: Head,
    content: Vec<u8>,
}

/// What is known of an entry before its content; when it travels, its length (`u32`, little end first) comes before it.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Below the work directory; any bytes.
    path: Vec<u8>,
    mode: u32,
    /// Of the content; a directory has none.
    length: Option<u64>,
}

/// It is memory of the sandbox for as long as the sandbox lives. Less than the smallest compiler's output would be too
/// little; much more takes what the program may use.
const MOST_BYTES: u64 = 48 << 20;
const MOST_ENTRIES: usize = 4096;
/// A path and two numbers.
const MOST_HEAD_BYTES: u32 = 8192;

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
        for Entry { head: Head { path, mode, length }, content } in &self.0 {
            let target = Path::new(WORK).join(OsStr::from_bytes(path));
            match length {
                None => DirBuilder::new().mode(*mode).create(target)?,
                Some(_) => {
                    OpenOptions::new().write(true).create_new(true).mode(*mode).open(target)?.write_all(content)?
                }
            }
        }
        Ok(())
    }

    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|entry| (entry.head.path.len() + entry.content.len()) as u64).sum()
    }

    pub fn export(&self, mut to: impl Write) -> io::Result<()> {
        for Entry { head, content } in &self.0 {
            let head = postcard::to_stdvec(head).map_err(io::Error::other)?;
            let length = u32::try_from(head.len()).ok().filter(|length| *length <= MOST_HEAD_BYTES);
            to.write_all(&length.ok_or(io::ErrorKind::InvalidFilename)?.to_le_bytes())?;
            to.write_all(&head)?;
            to.write_all(content)?;
        }
        Ok(())
    }

    /// What another sandbox exported. It is the work of a PID 1, but a server was in between.
    pub fn import(from: impl Read) -> io::Result<Self> {
        let mut from = BufReader::new(from);
        let mut entries = Vec::new();
        let mut left = MOST_BYTES;
        while !from.fill_buf()?.is_empty() {
            let mut length = [0; 4];
            from.read_exact(&mut length)?;
            let length = u32::from_le_bytes(length);
            if length > MOST_HEAD_BYTES || entries.len() == MOST_ENTRIES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let mut head = vec![0; length as usize];
            from.read_exact(&mut head)?;
            let head: Head = postcard::from_bytes(&head).map_err(io::Error::other)?;
            let is_below =
                Path::new(OsStr::from_bytes(&head.path)).components().all(|part| matches!(part, Component::Normal(_)));
            let length = head.length.unwrap_or(0);
            left = left
                .checked_sub(length)
                .and_then(|left| left.checked_sub(head.path.len() as u64))
                .filter(|_| is_below)
                .ok_or(io::ErrorKind::InvalidData)?;
            let mut content = Vec::new();
            if from.by_ref().take(length).read_to_end(&mut content)? as u64 != length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            entries.push(Entry { head, content });
        }
        Ok(Self(entries))
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
        let name = path.as_os_str().as_bytes().to_vec();
        *left = left.checked_sub(name.len() as u64).ok_or(io::ErrorKind::StorageFull)?;
        if kind.is_dir() {
            entries.push(Entry { head: Head { path: name, mode, length: None }, content: Vec::new() });
            gather(&path, entries, left)?;
        } else {
            let mut content = Vec::new();
            let read = File::open(entry.path())?.take(*left + 1).read_to_end(&mut content)? as u64;
            *left = left.checked_sub(read).ok_or(io::ErrorKind::StorageFull)?;
            entries.push(Entry { head: Head { path: name, mode, length: Some(read) }, content });
        }
    }
    Ok(())
}
