//! The root that all sandboxes of one nursery see: the image's, read-only, with devices and nothing of the host. What a
//! sandbox has for itself is mounted upon it by each, in a namespace of its own.

use std::{ffi::CString, fs, io, os::unix::fs::symlink, path::Path};

use caisson_protocol::{Groups, Make, Place, Store};
use rustix::{
    fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Uid, chownat, makedev, mkdirat, mknodat, open},
    io::Errno,
    mount::{
        MountFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags, mount, mount_bind, mount_change,
        mount_remount, move_mount, unmount,
    },
    process::{chdir, pivot_root},
    thread::{UnshareFlags, unshare_unsafe},
};

use crate::tree::DEVICES;

/// Major and minor of [`DEVICES`], by the kernel's list of devices.
const NUMBERS: [(u32, u32); DEVICES.len()] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9)];

const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

const GROUPS: &str = "/sys/fs/cgroup";

/// Leaves the host's file systems for good. `root`: absolute.
pub fn enter(root: &Path, groups: &Groups) -> io::Result<()> {
    // SAFETY: no thread shares our file system's state.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change("/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    mount_bind(root, root)?;
    chdir(root)?;
    // The old root lies upon the new one and is taken off.
    pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    chdir("/")?;
    let masks = rustix::process::umask(Mode::empty());
    devices()?;
    mount_points(groups)?;
    rustix::process::umask(masks);
    seal("/", MountFlags::NOSUID | MountFlags::NODEV)
}

/// Read-only, and so without dates that one sandbox could change and another read.
fn devices() -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("tmpfs", "/dev", "tmpfs", flags, c"mode=0755,size=64k")?;
    for (device, (major, minor)) in DEVICES.into_iter().zip(NUMBERS) {
        let mode = Mode::from_raw_mode(0o666);
        mknodat(CWD, device, FileType::CharacterDevice, mode, makedev(major, minor))?;
    }
    for (target, link) in LINKS {
        symlink(target, link)?;
    }
    fs::create_dir("/dev/shm")?;
    seal("/dev", flags | MountFlags::NOATIME)
}

fn mount_points(groups: &Groups) -> io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    mount("tmpfs", "/sys", "tmpfs", flags, c"mode=0755,size=64k")?;
    fs::create_dir_all(GROUPS)?;
    for place in group_places(groups) {
        fs::create_dir_all(place)?;
    }
    seal("/sys", flags)
}

fn group_places(groups: &Groups) -> Vec<String> {
    match groups {
        Groups::Split(controllers) => controllers.iter().map(|name| format!("{GROUPS}/{name}")).collect(),
        Groups::Unified => vec![GROUPS.to_owned()],
    }
}

fn seal(path: &str, flags: MountFlags) -> io::Result<()> {
    Ok(mount_remount(path, MountFlags::BIND | MountFlags::RDONLY | flags, "")?)
}

/// One file system. Seen at several places, it lies at the first of them while they are made, and below that one then, where nobody
/// comes to it.
fn stock(store: &Store) -> rustix::io::Result<()> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    let make = |options: String, at: &str| {
        let options = CString::new(options).map_err(|_| Errno::INVAL)?;
        mount("tmpfs", at, "tmpfs", flags, options.as_c_str())
    };
    let (first, others) = match store.places.as_slice() {
        [] => return Ok(()),
        [Place { path, mode, uid, exec: true }] => {
            return make(format!("{},mode={mode:o},uid={uid},gid={uid}", store.bounds), path);
        }
        [first, others @ ..] => (first, others),
    };
    make(store.bounds.clone(), &first.path)?;
    let base = open(&*first.path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    for place in others.iter().chain([first]) {
        let name = place.path.trim_start_matches('/').replace('/', "-");
        mkdirat(&base, &*name, Mode::from_raw_mode(place.mode))?;
        let (user, group) = (Uid::from_raw(place.uid), Gid::from_raw(place.uid));
        chownat(&base, &*name, Some(user), Some(group), AtFlags::empty())?;
        mount_bind(format!("{}/{name}", first.path), &*place.path)?;
        if !place.exec {
            mount_remount(&*place.path, MountFlags::BIND | MountFlags::NOEXEC | flags, "")?;
        }
    }
    Ok(())
}

/// What one sandbox has for itself. By its PID 1, in namespaces of its own.
pub fn furnish(make: &Make, groups: &Groups, group_mounts: &[std::os::fd::OwnedFd]) -> io::Result<()> {
    let told = |what: &str, error: rustix::io::Errno| io::Error::other(format!("{what}: {}", io::Error::from(error)));
    let bare = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    // Processes alone: whatever else is below /proc tells of the host.
    mount("proc", "/proc", "proc", bare, c"subset=pid").map_err(|error| told("/proc could not be mounted", error))?;
    for store in &make.stores {
        stock(store).map_err(|error| {
            let paths = store.places.iter().map(|place| &*place.path).collect::<Vec<_>>().join(", ");
            told(&format!("{paths} could not be mounted"), error)
        })?;
    }
    for (place, mount) in group_places(groups).iter().zip(group_mounts) {
        move_mount(mount, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
            .map_err(|error| told(&format!("{place} could not be mounted"), error))?;
    }
    Ok(())
}
