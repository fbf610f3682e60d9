//! The files of a job: originals in `/box`, which the job can read and not change, and the copy it works in.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    },
    path::Path,
};

use rustix::{
    buffer::spare_capacity,
    fs::{CWD, FileType, Mode, OFlags, RenameFlags, ResolveFlags, fstat, mkdirat, openat, openat2, renameat_with},
    io::Errno,
};

const ORIGINALS: &str = "/box";
pub const WORK: &str = "/work";
/// Every place a job can write to.
pub const WRITABLE: [&str; 3] = [WORK, "/tmp", "/dev/shm"];

/// The harmless devices, which every job may write to.
pub const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Never out of the directory, never through a link, never onto another file system.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// All files may be executed: an uploaded program is one, and to the others it does no harm.
const MODE: u32 = 0o755;

/// Begins an original. Its directories are made as needed.
pub fn create_original(path: &str) -> io::Result<File> {
    let root = open_directory(ORIGINALS)?;
    for (at, _) in path.match_indices('/') {
        match mkdirat(&root, &path[..at], Mode::from_raw_mode(MODE)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(File::from(open_beneath(&root, path, flags, Mode::from_raw_mode(MODE))?))
}

/// Takes away the originals, so that others can be sent.
pub fn clear_originals() -> io::Result<()> {
    clear(Path::new(ORIGINALS))
}

/// Makes the work directory what it was before the job first ran. No process of the job may be alive.
pub fn restore() -> io::Result<()> {
    clear_all()?;
    copy(Path::new(ORIGINALS), Path::new(WORK))
}

/// Leaves nothing, in any place that a job can write to, by which one program could tell the next anything.
pub fn clear_all() -> io::Result<()> {
    WRITABLE.into_iter().try_for_each(clear_root)
}

/// Clears all but the work directory: what a compile leaves for the run lies there and nowhere else.
pub fn clear_scratch() -> io::Result<()> {
    for directory in WRITABLE.into_iter().filter(|directory| *directory != WORK) {
        clear_root(directory)?;
    }
    Ok(())
}

/// Gives what every job can read or write to, and nobody can remove, one and the same history: the devices their dates, and
/// the places that are marked by being looked at a look.
pub fn settle_dates() -> io::Result<()> {
    for device in DEVICES {
        match touch(device) {
            // Where devices cannot be marked, they have no history.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {}
            other => other?,
        }
    }
    for entry in fs::read_dir("/dev")? {
        let _ = fs::read_link(entry?.path());
    }
    Ok(())
}

fn touch(path: &str) -> io::Result<()> {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    let dates = rustix::fs::Timestamps { last_access: now, last_modification: now };
    Ok(rustix::fs::utimensat(CWD, path, &dates, rustix::fs::AtFlags::empty())?)
}

/// Bytes of memory that files hold in the places a job can write to.
pub fn held_bytes() -> io::Result<u64> {
    let mut held = 0;
    let mut counted = Vec::with_capacity(WRITABLE.len());
    for directory in WRITABLE {
        // They may share one file system.
        let device = rustix::fs::stat(directory)?.st_dev;
        if counted.contains(&device) {
            continue;
        }
        counted.push(device);
        let stat = rustix::fs::statvfs(directory)?;
        held += (stat.f_blocks - stat.f_bfree) * stat.f_frsize;
    }
    Ok(held)
}

/// Opens what the job left, if it is a regular file; otherwise says why not, in public words.
pub fn open_regular(path: &str) -> Result<OwnedFd, String> {
    let said = |error: Errno| match error {
        Errno::NOENT | Errno::NOTDIR => "does not exist",
        Errno::LOOP | Errno::XDEV => "is or lies behind a link",
        _ => "cannot be opened",
    };
    let refuse = |words: &str| Err(words.to_owned());
    let Ok(root) = open_directory(WORK) else { return refuse("cannot be opened") };
    // NONBLOCK: a FIFO without a writer must not hold us.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open_beneath(&root, path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(error) => return refuse(said(error)),
    };
    match fstat(&file) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_file() => Ok(file),
        _ => refuse("is not a regular file"),
    }
}

fn open_beneath(root: &OwnedFd, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    match openat2(root, path, flags, mode, BENEATH) {
        Err(Errno::NOSYS) => walk_beneath(root, path, flags, mode),
        result => result,
    }
}

/// What [`BENEATH`] says, component by component, for a kernel that knows no `openat2`. Not against a race, but there is
/// nobody to race with: the originals are the agent's own, and what a job left is opened when no process of it is alive.
fn walk_beneath(root: &OwnedFd, path: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let device = fstat(root)?.st_dev;
    let enter = |directory: &OwnedFd, name: &str, flags: OFlags| match name {
        "" | "." | ".." => Err(Errno::XDEV),
        _ => {
            let file = openat(directory, name, flags | OFlags::NOFOLLOW | OFlags::CLOEXEC, mode)?;
            if fstat(&file)?.st_dev == device { Ok(file) } else { Err(Errno::XDEV) }
        }
    };
    let mut directory = root.try_clone().map_err(|_| Errno::MFILE)?;
    let mut rest = path;
    while let Some((name, behind)) = rest.split_once('/') {
        directory = enter(&directory, name, OFlags::PATH)?;
        match FileType::from_raw_mode(fstat(&directory)?.st_mode) {
            FileType::Directory => {}
            FileType::Symlink => return Err(Errno::LOOP),
            _ => return Err(Errno::NOTDIR),
        }
        rest = behind;
    }
    enter(&directory, rest, flags)
}

fn open_directory(path: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// One of the job's own directories, which it may have closed to everybody and given any date.
fn clear_root(directory: &str) -> io::Result<()> {
    open_up(Path::new(directory))?;
    clear(Path::new(directory))?;
    touch(directory)
}

/// However deep it is: what lies two deep is moved up, so that no path gets longer and few descriptors are open.
fn clear(directory: &Path) -> io::Result<()> {
    let mut moved = 0_u64;
    loop {
        let mut is_empty = true;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                fs::remove_file(entry.path())?;
                continue;
            }
            is_empty = false;
            clear_flat(&entry.path(), directory, &mut moved)?;
        }
        if is_empty {
            return Ok(());
        }
    }
}

/// Removes a directory; those in it are moved to `above`.
fn clear_flat(directory: &Path, above: &Path, moved: &mut u64) -> io::Result<()> {
    open_up(directory)?;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            fs::remove_file(entry.path())?;
            continue;
        }
        // A directory that moves has to be writable itself.
        open_up(&entry.path())?;
        loop {
            *moved += 1;
            let target = above.join(format!("{moved}"));
            match renameat_with(CWD, entry.path(), CWD, target, RenameFlags::NOREPLACE) {
                Err(rustix::io::Errno::EXIST) => {}
                other => break other?,
            }
        }
    }
    match fs::remove_dir(directory) {
        // Something was missed while the directory changed: the next look finds it.
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
        result => result,
    }
}

/// A directory that its owner may have closed to itself.
fn open_up(directory: &Path) -> io::Result<()> {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut buffer = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            DirBuilder::new().mode(MODE).create(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            buffer.reserve(64 * 1024);
            copy_file(&entry.path(), &target, &mut buffer)?;
        }
    }
    Ok(())
}

/// By read and write: the sandbox's system call filter refuses the splice family. As much at once as the buffer has room for,
/// of which only what a file needs is ever touched.
fn copy_file(from: &Path, to: &Path, buffer: &mut Vec<u8>) -> io::Result<()> {
    let source = File::open(from)?;
    let mut target = File::options().write(true).create_new(true).mode(MODE).open(to)?;
    loop {
        buffer.clear();
        match rustix::io::read(&source, spare_capacity(buffer)) {
            Ok(0) => return Ok(()),
            Ok(_) => target.write_all(buffer)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways to open must agree.
    #[test]
    fn a_walk_goes_where_openat2_goes() {
        let place = std::env::temp_dir().join(format!("caisson-tree-{}", std::process::id()));
        fs::create_dir_all(place.join("in/deep")).unwrap();
        fs::write(place.join("in/deep/file"), "x").unwrap();
        std::os::unix::fs::symlink("in", place.join("link")).unwrap();
        std::os::unix::fs::symlink("file", place.join("in/deep/link")).unwrap();
        std::os::unix::fs::symlink("/proc", place.join("in/proc")).unwrap();
        let root = open_directory(place.to_str().unwrap()).unwrap();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW;
        let both = |path: &str| {
            let by_kernel = openat2(&root, path, flags, Mode::empty(), BENEATH).map(drop);
            (by_kernel, walk_beneath(&root, path, flags, Mode::empty()).map(drop))
        };
        for path in
            ["in/deep/file", "in/deep", "in/none", "none/file", "link/deep/file", "in/deep/link", "in/deep/file/x"]
        {
            let (by_kernel, by_walk) = both(path);
            assert_eq!(by_kernel, by_walk, "{path}");
        }
        for path in ["../x", "in/../../x", "/proc/self", "in/proc/self"] {
            let (by_kernel, by_walk) = both(path);
            assert!(by_kernel.is_err() && by_walk.is_err(), "{path}");
        }
        fs::remove_dir_all(place).unwrap();
    }
}
