//! Programs started by fork and execve in an image's own root: the least that running them can cost.
//!
//! C and C++ are compiled as a distribution does it: our images put a quicker linker and prepared headers before the compiler,
//! and what these gain is not to be hidden by giving it to both sides.

use std::{
    ffi::CString,
    fs::{self, File},
    io::Read,
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{engine::DockerHost, server};

/// An image's root, read-only, with what a sandbox has there too: its work in memory, /tmp, /proc and /dev. Mounted in a mount
/// namespace of ours, so that nothing of it outlives the bench.
pub struct Root {
    directory: PathBuf,
    input: File,
}

/// Commands to run one after the other, in the work directory of a root.
pub type Commands = &'static [&'static [&'static str]];

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// From the first fork to the last end of file.
    pub took: Duration,
    /// Of all its processes.
    pub cpu: Duration,
}

/// Where programs and their files lie; outside of it nothing is written.
const WORK: &str = "work";

/// Before any other thread is there. What is mounted from now on is seen by us and by what we start.
pub fn keep_mounts_to_ourselves() {
    // SAFETY: takes no memory of ours.
    let apart = unsafe { libc::unshare(libc::CLONE_NEWNS) };
    assert_eq!(apart, 0, "a mount namespace could not be had (it needs root)");
    mount(&["--make-rprivate", "/"]);
}

fn mount(arguments: &[&str]) {
    let mounted = Command::new("mount").args(arguments).status().unwrap();
    assert!(mounted.success(), "mount {arguments:?} failed");
}

impl Root {
    /// Of `caisson/<image>`, with these files to run, the standard input of all commands among them.
    pub fn of(image: &str, files: &Path, input: &str) -> Self {
        let directory = server::root().join("target/bench").join(image);
        fs::create_dir_all(&directory).unwrap();
        let at = |below: &str| directory.join(below).display().to_string();
        let root = DockerHost::roots().join("caisson").join(image).display().to_string();
        mount(&["--bind", &root, &at("")]);
        mount(&["--options", "remount,bind,ro", &at("")]);
        for below in [WORK, "tmp"] {
            mount(&["--types", "tmpfs", "tmpfs", &at(below)]);
        }
        mount(&["--bind", "/dev", &at("dev")]);
        mount(&["--bind", "/proc", &at("proc")]);
        for file in fs::read_dir(files).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), directory.join(WORK).join(file.file_name())).unwrap();
        }
        let input = File::open(directory.join(WORK).join(input)).unwrap();
        Self { directory, input }
    }

    pub fn time(&self, commands: Commands) -> Run {
        let since = Instant::now();
        let cpu = commands.iter().map(|command| self.run(command)).sum();
        Run { took: since.elapsed(), cpu }
    }

    /// How many of them so many threads run in a while, and how long that was in seconds.
    pub fn sustained(&self, commands: Commands, threads: usize, how_long: Duration) -> (u64, f64) {
        let (runs, since) = (AtomicU64::new(0), Instant::now());
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while since.elapsed() < how_long {
                        self.time(commands);
                        runs.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        (runs.into_inner(), since.elapsed().as_secs_f64())
    }

    /// Its processor time.
    fn run(&self, argv: &[&str]) -> Duration {
        let root = CString::new(self.directory.as_os_str().as_bytes()).unwrap();
        let work = CString::new(format!("/{WORK}")).unwrap();
        let argv: Vec<CString> = argv.iter().map(|word| CString::new(*word).unwrap()).collect();
        // Without /usr/local/bin, where our linker is.
        let env = c"PATH=/usr/bin:/bin";
        let argv: Vec<_> = argv.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
        let env = [env.as_ptr(), std::ptr::null()];
        let (mut ours, theirs) = std::io::pipe().unwrap();
        // SAFETY: only system calls between fork and execve; all they point to lives in both processes.
        let child = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::dup2(self.input.as_raw_fd(), 0);
                libc::lseek(0, 0, libc::SEEK_SET);
                libc::dup2(theirs.as_raw_fd(), 1);
                libc::dup2(theirs.as_raw_fd(), 2);
                if libc::chroot(root.as_ptr()) == 0 && libc::chdir(work.as_ptr()) == 0 {
                    libc::execve(argv[0], argv.as_ptr(), env.as_ptr());
                }
                libc::_exit(127);
            }
            child
        };
        drop(theirs);
        let mut said = Vec::new();
        ours.read_to_end(&mut said).unwrap();
        let mut status = 0;
        // SAFETY: all zero is a value of this type, and both live through the call.
        let (ended, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(child, &mut status, 0, &mut usage), usage)
        };
        assert!(
            ended == child && status == 0,
            "a bare run failed (it needs root for chroot): {}",
            String::from_utf8_lossy(&said)
        );
        spent(usage.ru_utime) + spent(usage.ru_stime)
    }
}

fn spent(time: libc::timeval) -> Duration {
    Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
}
