//! Programs started by fork and execve in an image's own root: the least that running them can cost.

use std::{
    ffi::CString,
    fs,
    io::Read,
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::engine::DockerHost;

/// The files of an image, unpacked.
pub struct Root {
    directory: tempfile::TempDir,
}

/// Commands to run one after the other, in the work directory of a root.
pub type Commands<'a> = &'a [&'a [&'a str]];

/// Where programs and their files lie; outside of it nothing is written.
const WORK: &str = "work";

impl Root {
    pub fn of(image: &str) -> Self {
        let docker = DockerHost::usual();
        // In memory, as a sandbox's files are: a bare run shall not lose for its disk.
        let directory = tempfile::Builder::new().prefix("caisson-bench-").tempdir_in("/dev/shm").unwrap();
        let container = docker.docker(&["create", image]);
        let mut export = Command::new("docker").args(["export", &container]).stdout(Stdio::piped()).spawn().unwrap();
        let mut tar = Command::new("tar");
        tar.arg("--extract").arg("--directory").arg(directory.path()).stdin(export.stdout.take().unwrap());
        let unpacked = tar.status().unwrap().success() && export.wait().unwrap().success();
        docker.docker(&["rm", &container]);
        assert!(unpacked, "{image} could not be unpacked");
        Self { directory }
    }

    pub fn put(&self, name: &str, from: &Path) {
        fs::copy(from, self.work().join(name)).unwrap();
    }

    fn work(&self) -> PathBuf {
        self.directory.path().join(WORK)
    }

    /// From the first fork to the last end of file.
    pub fn time(&self, commands: Commands<'_>) -> Duration {
        let since = Instant::now();
        for command in commands {
            self.run(command);
        }
        since.elapsed()
    }

    fn run(&self, argv: &[&str]) {
        let root = CString::new(self.directory.path().as_os_str().as_bytes()).unwrap();
        let work = CString::new(format!("/{WORK}")).unwrap();
        let argv: Vec<CString> = argv.iter().map(|word| CString::new(*word).unwrap()).collect();
        let env = c"PATH=/usr/local/bin:/usr/bin:/bin";
        let argv: Vec<_> = argv.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect();
        let env = [env.as_ptr(), std::ptr::null()];
        let (mut ours, theirs) = std::io::pipe().unwrap();
        let null = fs::File::open("/dev/null").unwrap();
        // SAFETY: only system calls between fork and execve; all they point to lives in both processes.
        let child = unsafe {
            let child = libc::fork();
            if child == 0 {
                libc::dup2(null.as_raw_fd(), 0);
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
        // SAFETY: `status` lives through the call.
        let ended = unsafe { libc::waitpid(child, &mut status, 0) };
        assert!(
            ended == child && status == 0,
            "a bare run failed (it needs root for chroot): {}",
            String::from_utf8_lossy(&said)
        );
    }
}
