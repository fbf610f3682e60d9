//! Where a job may write, enforced by Landlock: its three directories and the harmless devices. Above all nowhere below
//! `/proc`, or a process would lower the score by which the kernel prefers it to the agent when memory runs out. From
//! kernel 6.12 on it can also signal, and talk over abstract sockets to, nobody but itself.
//!
//! A second wall: uids, capabilities and read-only mounts stand without it. Constants and structures are those of the
//! kernel's `include/uapi/linux/landlock.h`.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

use rustix::fs::{Mode, OFlags};

use crate::tree::{DEVICES, WRITABLE};

/// A set of rules, made once; every program of a job is put under it.
pub struct Confinement(OwnedFd);

#[repr(C)]
struct RulesetAttr {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// Packed, as the kernel has it.
#[repr(C, packed)]
struct PathBeneathAttr {
    allowed_access: u64,
    parent_fd: i32,
}

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;

const WRITE_FILE: u64 = 1 << 1;
/// Removing (two kinds) and making (seven kinds).
const CHANGE_DIRECTORIES: u64 = 0b1_1111_1111 << 4;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_BLOCK: u64 = 1 << 11;
/// Moving and linking between directories.
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;

/// Abstract unix sockets and signals of processes outside.
const SCOPES: u64 = 0b11;

/// The first version that can allow a move between directories; before, every one would fail.
const LEAST_ABI: i64 = 2;
const ABI_WITH_TRUNCATE: i64 = 3;
const ABI_WITH_NETWORK: i64 = 4;
const ABI_WITH_SCOPES: i64 = 6;

impl Confinement {
    /// `None` on a kernel without Landlock, or with one that is too old.
    pub fn new() -> io::Result<Option<Self>> {
        // SAFETY: with this flag the kernel reads no structure.
        let abi = unsafe {
            libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0usize, CREATE_RULESET_VERSION)
        };
        if abi < LEAST_ABI {
            return Ok(None);
        }
        let mut handled = WRITE_FILE | CHANGE_DIRECTORIES | REFER;
        if abi >= ABI_WITH_TRUNCATE {
            handled |= TRUNCATE;
        }
        let attr = RulesetAttr { handled_access_fs: handled, handled_access_net: 0, scoped: SCOPES };
        // A kernel takes no structure that is longer than the one it knows.
        let length = match abi {
            ABI_WITH_SCOPES.. => size_of::<RulesetAttr>(),
            ABI_WITH_NETWORK.. => 2 * size_of::<u64>(),
            _ => size_of::<u64>(),
        };
        // SAFETY: reads `length` bytes of `attr`, which has at least as many.
        let fd = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attr, length, 0) };
        let fd = i32::try_from(checked(fd)?).map_err(io::Error::other)?;
        // SAFETY: the kernel just made it for us.
        let ruleset = Self(unsafe { OwnedFd::from_raw_fd(fd) });
        for directory in WRITABLE {
            ruleset.allow(directory, handled & !(MAKE_CHAR | MAKE_BLOCK))?;
        }
        for device in DEVICES {
            ruleset.allow(device, handled & (WRITE_FILE | TRUNCATE))?;
        }
        Ok(Some(ruleset))
    }

    fn allow(&self, path: &str, allowed_access: u64) -> io::Result<()> {
        let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let attr = PathBeneathAttr { allowed_access, parent_fd: file.as_raw_fd() };
        // SAFETY: reads `attr` only.
        checked(unsafe {
            libc::syscall(libc::SYS_landlock_add_rule, self.0.as_raw_fd(), RULE_PATH_BENEATH, &raw const attr, 0u32)
        })?;
        Ok(())
    }

    /// Puts the calling process and all that come of it under the rules. It must have given up gaining privileges.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: numbers only.
        checked(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.0.as_raw_fd(), 0u32) })?;
        Ok(())
    }
}

fn checked(result: libc::c_long) -> io::Result<libc::c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
