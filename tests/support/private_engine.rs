//! A Docker engine of the test's own, to be stopped and started in mid-load without disturbing the host's.

use std::{
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::{engine::DockerHost, server::until};

pub struct PrivateEngine {
    pub host: DockerHost,
    directory: tempfile::TempDir,
    daemon: Option<Child>,
    /// Beside the daemon's own.
    runtime: Option<(String, String)>,
}

impl PrivateEngine {
    /// Running, with these images of the host's engine, and with one more runtime if it is given one: its name and path.
    pub fn with(images: &[&str], runtime: Option<(&str, &str)>) -> Self {
        let runtime = runtime.map(|(name, path)| (name.to_owned(), path.to_owned()));
        let mut engine = Self::unborn(runtime);
        engine.start();
        engine.load(images);
        engine
    }

    /// Running, its images and sandboxes on a disk of so many MiB, which is memory.
    pub fn on_a_disk_of(mib: u32, images: &[&str]) -> Self {
        let mut engine = Self::unborn(None);
        let data = engine.data();
        std::fs::create_dir(&data).unwrap();
        let size = format!("size={mib}m");
        let mounted = as_root("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&data).status();
        assert!(mounted.unwrap().success(), "a disk of memory could not be mounted");
        engine.start();
        engine.load(images);
        engine
    }

    /// To the last byte.
    pub fn fill_disk(&self) {
        let filled = as_root("dd")
            .args(["if=/dev/zero", "bs=64K", "status=none"])
            .arg(format!("of={}", self.filling().display()))
            .stderr(Stdio::null())
            .status();
        assert_eq!(filled.unwrap().code(), Some(1), "the disk has no end");
    }

    pub fn clear_disk(&self) {
        assert!(as_root("rm").arg(self.filling()).status().unwrap().success());
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn filling(&self) -> PathBuf {
        self.data().join("filling")
    }

    fn unborn(runtime: Option<(String, String)>) -> Self {
        // On a disk: image layers on a tmpfs would be memory.
        let directory = tempfile::Builder::new().prefix("caisson-engine-").tempdir_in("/var/tmp").unwrap();
        let host = DockerHost(format!("unix://{}/docker.sock", directory.path().display()));
        Self { host, directory, daemon: None, runtime }
    }

    fn load(&self, images: &[&str]) {
        let mut save = Command::new("docker")
            .env("DOCKER_HOST", DockerHost::usual().0)
            .arg("save")
            .args(images)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let load = Command::new("docker")
            .env("DOCKER_HOST", &self.host.0)
            .args(["load", "--quiet"])
            .stdin(save.stdout.take().unwrap())
            .stdout(Stdio::null())
            .status();
        assert!(save.wait().unwrap().success() && load.unwrap().success(), "the images could not be copied");
    }

    pub fn start(&mut self) {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let log = File::options().create(true).append(true).open(path("dockerd.log")).unwrap();
        // In a network of its own: a daemon without a bridge removes the one it finds, and that is the host's engine's.
        // crun refuses a host with both versions of control groups, so its daemon is shown the first only.
        let before: &[&str] = match self.runtime {
            Some(_) => &["--mount", "sh", "-c", "umount /sys/fs/cgroup/unified; exec dockerd \"$@\"", "sh"],
            None => &["dockerd"],
        };
        let runtime = self.runtime.iter().map(|(name, path)| format!("--add-runtime={name}={path}"));
        let daemon = as_root("unshare")
            .arg("--net")
            .args(before)
            .args(runtime)
            .args(["--host", &self.host.0, "--data-root", &path("data"), "--exec-root", &path("exec")])
            .args(["--pidfile", &path("dockerd.pid"), "--bridge", "none", "--iptables=false", "--ip6tables=false"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.daemon = Some(daemon.expect("dockerd is needed: apt-get install docker.io"));
        until("the private engine answers", || self.host.try_docker(&["version"]).is_ok());
    }

    /// The next start is without the runtime of its own.
    pub fn forget_runtime(&mut self) {
        self.runtime = None;
    }

    /// Ends the daemon, and with it every container, as a restart of the service does.
    pub fn stop(&mut self) {
        self.signal("TERM");
    }

    /// Ends the daemon alone and at once: what it started goes on.
    pub fn kill(&mut self) {
        self.signal("KILL");
        // Its containerd ends with it. Until PID 1 has reaped that one, the next daemon would take it to be alive.
        let _ = as_root("rm").arg(self.directory.path().join("exec/containerd/containerd.pid")).status();
    }

    fn signal(&mut self, name: &str) {
        let Some(mut daemon) = self.daemon.take() else { return };
        let pid = std::fs::read_to_string(self.directory.path().join("dockerd.pid")).unwrap_or_default();
        let _ = as_root("kill").args([&format!("-{name}"), pid.trim()]).status();
        until("the private engine ends", || daemon.try_wait().unwrap().is_some());
    }
}

impl Drop for PrivateEngine {
    fn drop(&mut self) {
        self.stop();
        // Its files belong to root, and its last mounts may still be there.
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let below = self.directory.path().display().to_string();
        for mount in mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|at| at.starts_with(&below)) {
            let _ = as_root("umount").arg(mount).status();
        }
        let _ = as_root("rm").args(["-rf", &below]).status();
    }
}

/// A daemon needs root; who is not may have been granted it without a password.
fn as_root(program: &str) -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if is_root {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["--non-interactive", program]);
    command
}
