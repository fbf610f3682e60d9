//! What a job could do in this sandbox, found out by trying, as one: it is started like every program of a job, before there
//! is any. One fact a line, `name value`; what the facts should be is the server's to know.

use std::{
    fs::{self, File, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Beside every mount.
const DIRECTORIES: [&str; 14] = [
    "/",
    "/box",
    "/caisson",
    "/dev",
    "/dev/mqueue",
    "/etc",
    "/home",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/usr",
    "/var",
    "/var/tmp",
];

/// Not to be written to, in any directory.
const FILES: [&str; 5] = [
    "/proc/self/oom_score_adj",
    "/proc/1/oom_score_adj",
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/caisson/agent",
];

/// The kinds of socket that lead out, or into seldom used parts of the kernel, by their numbers.
const FAMILIES: [(libc::c_int, &str); 8] = [
    (libc::AF_INET, "inet"),
    (libc::AF_INET6, "inet6"),
    (libc::AF_NETLINK, "netlink"),
    (libc::AF_PACKET, "packet"),
    (libc::AF_VSOCK, "vsock"),
    (libc::AF_ALG, "alg"),
    (libc::AF_BLUETOOTH, "bluetooth"),
    (libc::AF_KEY, "key"),
];

pub fn run(masked: &[&str]) {
    // First of all, and without the directory itself.
    let descriptors = fs::read_dir("/proc/self/fd").map(|all| all.count()).unwrap_or(0);
    println!("descriptors {}", descriptors.saturating_sub(1));
    println!("kernel {}", rustix::system::uname().release().to_string_lossy());
    status();
    println!("netns {}", link("/proc/self/ns/net"));
    interfaces();
    for directory in writable_directories() {
        println!("writes {directory}");
    }
    for file in FILES {
        if OpenOptions::new().write(true).open(file).is_ok() {
            println!("writes {file}");
        }
    }
    for path in masked {
        if shows(Path::new(path)) {
            println!("shows {path}");
        }
    }
    for (family, name) in FAMILIES {
        // SAFETY: numbers only.
        if unsafe { libc::socket(family, libc::SOCK_RAW, 0) } >= 0
            || unsafe { libc::socket(family, libc::SOCK_STREAM, 0) } >= 0
        {
            println!("socket {name}");
        }
    }
    calls();
    let mut core = libc::rlimit { rlim_cur: 1, rlim_max: 1 };
    // SAFETY: `core` is a valid place for the answer.
    unsafe { libc::getrlimit(libc::RLIMIT_CORE, &mut core) };
    println!("core {}", core.rlim_max);
}

/// The lines of `/proc/self/status` that say who we are and what we may.
fn status() {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        if matches!(name, "Uid" | "Gid" | "Groups" | "NoNewPrivs" | "Seccomp" | "Seccomp_filters")
            || name.starts_with("Cap")
        {
            println!("{name} {}", value.split_ascii_whitespace().collect::<Vec<_>>().join(","));
        }
    }
}

fn interfaces() {
    let text = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    for name in text.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()) {
        println!("interface {name}");
    }
    // A title comes first.
    let routes = fs::read_to_string("/proc/self/net/route").unwrap_or_default();
    println!("routes {}", routes.lines().skip(1).count());
}

fn writable_directories() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| line.split_ascii_whitespace().nth(4)).map(str::to_owned);
    let mut all: Vec<String> = DIRECTORIES.iter().map(|path| (*path).to_owned()).chain(mounts).collect();
    all.sort();
    all.dedup();
    all.retain(|directory| {
        let file = Path::new(directory).join(".caisson-inspection");
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).is_ok();
        if made {
            let _ = fs::remove_file(&file);
        }
        made
    });
    all
}

/// Whether there is anything to be read.
fn shows(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => File::open(path).is_ok_and(|mut file| matches!(file.read(&mut [0]), Ok(1))),
    }
}

/// System calls that must fail. None does harm where it does not.
fn calls() {
    let report = |name: &str, result: libc::c_long| {
        if result >= 0 {
            println!("allows {name}");
        }
    };
    let null = std::ptr::null::<u8>();
    let mut parameters = [0_u8; 256];
    // SAFETY: numbers and null pointers, which every one of these calls refuses if nothing else does; the signal is 0, which
    // is none.
    unsafe {
        report("unshare", libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER));
        report("kill-init", libc::syscall(libc::SYS_kill, 1, 0));
        report("own-init", libc::syscall(libc::SYS_fcntl, 0, libc::F_SETOWN, 1));
        report("affinity-init", libc::syscall(libc::SYS_sched_setaffinity, 1, 8, &raw const ALL_PROCESSORS));
        report("prlimit-init", libc::syscall(libc::SYS_prlimit64, 1, libc::RLIMIT_CPU, null, null));
        report("ptrace", libc::syscall(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0));
        report("keyctl", libc::syscall(libc::SYS_keyctl, 0, 0, 0, 0, 0));
        report("io_uring", libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut parameters));
        report("userfaultfd", libc::syscall(libc::SYS_userfaultfd, 1));
        report("setns", libc::syscall(libc::SYS_setns, 0, 0));
        report("chroot", libc::syscall(libc::SYS_chroot, c"/".as_ptr()));
        report("setuid", libc::syscall(libc::SYS_setuid, 0));
    }
}

static ALL_PROCESSORS: u64 = u64::MAX;

fn link(path: &str) -> String {
    fs::read_link(path).map(|target| target.display().to_string()).unwrap_or_default()
}
