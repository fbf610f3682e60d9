//! What a job could do in a sandbox, tried out there before there is a job, against what we promise that it cannot. A
//! sandbox in which a promise does not hold is not used, whatever it is that the engine, its runtime or the host lacks.

use std::{fmt, time::Duration};

use caisson_protocol::INSPECTION;

use super::{RehearsalError, Session, rehearsal::rehearse};
use crate::{
    engine::{MASKED, SandboxSpec},
    job::{Arm, Limits, Output, Overflow, Step},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// By name, which may have several.
    facts: Vec<(String, String)>,
    /// The sandbox is on the host that this server is on.
    is_here: bool,
}

/// One of the things that a sandbox promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    pub name: &'static str,
    /// What it is, or what is wrong.
    pub found: Result<String, String>,
    pub remedy: &'static str,
    /// A second wall: without it the others still stand, so that its lack is told and nothing more.
    pub is_advice: bool,
}

/// Promises that do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken(Vec<Promise>);

const ENGINE: &str = "see that the engine and its runtime are what README names, and that nothing changes the create body \
    on its way; docker.seccomp_profile must be the profile that comes with Caisson, or a narrower one";

/// Numbers that the network namespace has which a host begins with: as of Linux 6.18, and in many before.
const FIRST_NAMESPACES: [&str; 2] = ["net:[4026531833]", "net:[4026531840]"];

const WRITABLE: [&str; 3] = ["/work", "/tmp", "/dev/shm"];

/// By which a process tells the kernel what to end first.
const SCORES: [&str; 2] = ["/proc/self/oom_score_adj", "/proc/1/oom_score_adj"];

pub(super) async fn inspect(session: &mut Session) -> Result<Inspection, RehearsalError> {
    let stage = rehearse(session, &step()).await?;
    Ok(Inspection::parse(&String::from_utf8_lossy(&stage.stdout.bytes), session.is_here()))
}

impl Inspection {
    fn parse(text: &str, is_here: bool) -> Self {
        let facts = text.lines().map(|line| line.split_once(' ').unwrap_or((line, "")));
        Self { facts: facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), is_here }
    }

    /// # Errors
    /// When the sandbox must not be used.
    pub fn check(&self, spec: &SandboxSpec) -> Result<(), Broken> {
        let mut broken = self.promises(spec.job_uid);
        broken.retain(|promise| promise.found.is_err() && !promise.is_advice);
        if broken.is_empty() { Ok(()) } else { Err(Broken(broken)) }
    }

    /// Every promise, and what was found.
    pub fn promises(&self, job_uid: u32) -> Vec<Promise> {
        let promise = |name, found| Promise { name, found, remedy: ENGINE, is_advice: false };
        // Of the host's kernel, which stands behind another where there is one: what that one offers is between it and the
        // job.
        let of_kernel = |name, found| Promise { is_advice: self.has_own_kernel(), ..promise(name, found) };
        let landlock = "use Linux 5.19 or later with Landlock (lsm=landlock,... on the kernel's command line), or accept that \
            a job that runs out of memory may take its agent along, which is still told as a memory limit";
        vec![
            promise("user", self.user(job_uid)),
            promise("capabilities", self.capabilities()),
            of_kernel("no new privileges", self.is("NoNewPrivs", "1", "set")),
            promise("system call filters", self.filters()),
            promise("network", self.network()),
            of_kernel("sockets", self.none("socket", "unix only")),
            of_kernel("system calls", self.none("allows", "none of those that lead out")),
            of_kernel("masked paths", self.none("shows", "empty")),
            of_kernel("writable paths", self.writable()),
            promise("core dumps", self.is("core", "0", "none")),
            promise("descriptors", self.is("descriptors", "3", "the three standard streams")),
            Promise { remedy: landlock, is_advice: true, ..promise("landlock", self.landlock()) },
        ]
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.facts.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn one(&self, name: &str) -> &str {
        self.facts.iter().find(|(known, _)| known == name).map_or("unknown", |(_, value)| value)
    }

    /// gVisor, or a virtual machine: it is on this host, and its kernel is not this host's.
    fn has_own_kernel(&self) -> bool {
        if !self.is_here {
            return false;
        }
        let ours = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        self.all("kernel").any(|theirs| !theirs.is_empty() && !ours.is_empty() && theirs != ours.trim())
    }

    fn is(&self, name: &str, wanted: &str, words: &str) -> Result<String, String> {
        let found = self.one(name);
        if found == wanted { Ok(words.to_owned()) } else { Err(format!("{name} is {found}, not {wanted}")) }
    }

    fn none(&self, name: &str, words: &str) -> Result<String, String> {
        let found: Vec<_> = self.all(name).collect();
        if found.is_empty() { Ok(words.to_owned()) } else { Err(format!("{name} {}", found.join(", "))) }
    }

    fn user(&self, job_uid: u32) -> Result<String, String> {
        let all = [job_uid; 4].map(|uid| uid.to_string()).join(",");
        let (uid, gid, groups) = (self.one("Uid"), self.one("Gid"), self.one("Groups"));
        if uid == all && gid == all && (groups.is_empty() || groups == job_uid.to_string()) {
            return Ok("one of its own, and no group beside".to_owned());
        }
        Err(format!("uids {uid}, gids {gid}, groups {groups} where all should be {job_uid}"))
    }

    fn capabilities(&self) -> Result<String, String> {
        let sets = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];
        // A kernel of before 4.3 has no ambient ones, and gVisor does not tell.
        let told = sets.iter().filter(|set| **set != "CapAmb" || self.all(set).next().is_some());
        let held = told.copied().find(|set| !self.one(set).trim_start_matches('0').is_empty());
        held.map_or(Ok("none, in any set".to_owned()), |set| Err(format!("{set} is {}", self.one(set))))
    }

    /// The engine's and the agent's. Kernels before 5.9 do not tell how many there are.
    fn filters(&self) -> Result<String, String> {
        let (mode, count) = (self.one("Seccomp"), self.all("Seccomp_filters").next());
        match count.map(str::parse::<u32>) {
            _ if mode != "2" => Err(format!("seccomp mode is {mode}, not 2")),
            Some(Ok(count)) if count < 2 => Err(format!("{count} in force, not two")),
            _ => Ok("in force".to_owned()),
        }
    }

    fn network(&self) -> Result<String, String> {
        let namespace = self.one("netns");
        let ours = std::fs::read_link("/proc/self/ns/net").map(|ours| ours.display().to_string()).unwrap_or_default();
        if FIRST_NAMESPACES.contains(&namespace) || [&ours, "unknown", ""].contains(&namespace) {
            return Err(format!("its network namespace is {namespace}, which is the host's"));
        }
        let interfaces: Vec<_> = self.all("interface").collect();
        if interfaces.iter().any(|name| *name != "lo") || self.one("routes") != "0" {
            return Err(format!("interfaces {}, {} routes", interfaces.join(", "), self.one("routes")));
        }
        Ok("a namespace of its own with nothing in it".to_owned())
    }

    fn writable(&self) -> Result<String, String> {
        let others: Vec<_> =
            self.all("writes").filter(|path| !WRITABLE.contains(path) && !SCORES.contains(path)).collect();
        let missing: Vec<_> = WRITABLE.iter().filter(|path| !self.all("writes").any(|found| found == **path)).collect();
        match (others.is_empty(), missing.is_empty()) {
            (true, true) => Ok(format!("{} and no other", WRITABLE.join(", "))),
            (false, _) => Err(format!("also {}", others.join(", "))),
            (true, false) => Err(format!("not {missing:?}")),
        }
    }

    fn landlock(&self) -> Result<String, String> {
        let written: Vec<_> = self.all("writes").filter(|path| SCORES.contains(path)).collect();
        if written.is_empty() { Ok("in force".to_owned()) } else { Err("not in force".to_owned()) }
    }
}

impl Broken {
    pub fn promises(&self) -> &[Promise] {
        &self.0
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(promises) = self;
        for (number, Promise { name, found, .. }) in promises.iter().enumerate() {
            let comma = if number > 0 { "; " } else { "" };
            write!(f, "{comma}{name}: {}", found.as_ref().map_or_else(String::as_str, String::as_str))?;
        }
        Ok(())
    }
}

/// The agent's own program, which is in every image.
fn step() -> Step {
    Step {
        argv: INSPECTION.iter().chain(&MASKED).map(|word| (*word).to_owned()).collect(),
        env: [].into(),
        stdin: Vec::new(),
        limits: Limits {
            cpu_time: Duration::from_secs(5),
            wall_time: Duration::from_secs(10),
            memory_bytes: 16 << 20,
            output_bytes: 64 << 10,
            processes: 4,
            file_size_bytes: 4096,
            open_files: 64,
            stack_bytes: 1 << 20,
        },
        overflow: Overflow::Cut,
        output: Output::Apart,
        arm: Arm::Off,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(change: impl FnOnce(&mut String)) -> Vec<&'static str> {
        let mut facts = crate::engine::fake::good_facts(7);
        change(&mut facts);
        let promises = Inspection::parse(&facts, true).promises(7);
        promises.iter().filter(|promise| promise.found.is_err()).map(|promise| promise.name).collect()
    }

    #[test]
    fn a_good_sandbox_keeps_every_promise() {
        assert_eq!(broken(|_| ()), Vec::<&str>::new());
    }

    #[test]
    fn each_promise_is_broken_by_its_own_fact() {
        for (from, to, name) in [
            ("Uid 7,7,7,7", "Uid 0,0,0,0", "user"),
            ("Gid 7,7,7,7", "Gid 7,0,7,7", "user"),
            ("Groups ", "Groups 0", "user"),
            ("CapBnd 0000000000000000", "CapBnd 0000000000000400", "capabilities"),
            ("NoNewPrivs 1", "NoNewPrivs 0", "no new privileges"),
            ("Seccomp 2", "Seccomp 0", "system call filters"),
            ("Seccomp_filters 2", "Seccomp_filters 1", "system call filters"),
            ("netns net:[1]", "netns net:[4026531840]", "network"),
            ("interface lo", "interface eth0", "network"),
            ("routes 0", "routes 2", "network"),
            ("writes /tmp", "writes /tmp\nwrites /", "writable paths"),
            ("writes /dev/shm\n", "", "writable paths"),
            ("writes /tmp", "writes /tmp\nwrites /proc/self/oom_score_adj", "landlock"),
            ("core 0", "core 1\nsocket inet", "core dumps"),
            ("descriptors 3", "descriptors 4", "descriptors"),
            ("descriptors 3", "descriptors 3\nallows unshare", "system calls"),
            ("descriptors 3", "descriptors 3\nshows /proc/keys", "masked paths"),
            ("descriptors 3", "descriptors 3\nsocket inet", "sockets"),
        ] {
            let found = broken(|facts| {
                assert!(facts.contains(from), "{from}");
                *facts = facts.replace(from, to);
            });
            assert!(found.contains(&name), "{from} -> {to}: {found:?}");
        }
    }

    #[test]
    fn what_another_kernel_offers_is_told_and_no_more() {
        let facts = crate::engine::fake::good_facts(7);
        let spec = |facts: &str, is_here| {
            let all = Inspection::parse(&format!("kernel 4.4.0-other\nsocket inet\n{facts}"), is_here).promises(7);
            all.into_iter()
                .filter(|promise| promise.found.is_err())
                .map(|promise| (promise.name, promise.is_advice))
                .collect::<Vec<_>>()
        };
        assert_eq!(spec(&facts, true), [("sockets", true)]);
        // Of an engine elsewhere nobody knows which kernel is its host's.
        assert_eq!(spec(&facts, false), [("sockets", false)]);
        assert_eq!(spec(&facts.replace("core 0", "core 9"), true), [("sockets", true), ("core dumps", false)]);
    }

    #[test]
    fn nothing_said_is_nothing_promised() {
        let promises = Inspection::parse("", true).promises(7);
        let kept: Vec<_> =
            promises.iter().filter(|promise| promise.found.is_ok()).map(|promise| promise.name).collect();
        // Those that consist in saying nothing.
        assert_eq!(kept, ["sockets", "system calls", "masked paths", "landlock"]);
    }
}
