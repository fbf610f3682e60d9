//! What must hold after every fault.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{
    load::Answer,
    server::{Server, until},
    settled::container_of,
};

/// Control groups of containers seen so far: those of sandboxes that are gone must be gone as well.
#[derive(Default)]
pub struct Traces(BTreeSet<String>);

/// Where control groups of containers lie, below `/sys/fs/cgroup`: `<controller>/docker/<id>` is the deepest.
const DEPTH: usize = 3;

impl Traces {
    /// Adds those in which processes of this server's sandboxes are now.
    pub fn look(&mut self, server: &Server) {
        self.0.extend(server.pids().into_iter().filter_map(container_of));
    }

    fn left(&self, server: &Server) -> Vec<String> {
        if server.docker.is_native() {
            // Its groups are the next sandbox's.
            return Vec::new();
        }
        let filter = format!("label=caisson.owner={}", server.owner);
        let alive = server.docker.docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter]);
        let gone: Vec<_> = self.0.iter().filter(|id| !alive.contains(id.as_str())).collect();
        let mut groups = Vec::new();
        directories(Path::new("/sys/fs/cgroup"), DEPTH, &mut groups);
        groups.retain(|group| gone.iter().any(|id| group.contains(id.as_str())));
        groups
    }
}

fn directories(below: &Path, depth: usize, found: &mut Vec<String>) {
    let entries = fs::read_dir(below).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        found.push(entry.path().display().to_string());
        if depth > 1 {
            directories(&entry.path(), depth - 1, found);
        }
    }
}

/// Each request had one answer, of a kind that this fault may cause; a normal job succeeds again, without help; the service
/// says that it is ready; and nothing is left of any sandbox that is gone.
pub fn assert_kept(server: &Server, traces: &Traces, answers: &[Answer], allowed: &[&str]) {
    let is_allowed = |answer: &&Answer| answer.word() == "served" || allowed.contains(&answer.word());
    let broken: Vec<_> = answers.iter().filter(|answer| !is_allowed(answer)).collect();
    assert!(broken.is_empty(), "{} of {} answers: {broken:#?}", broken.len(), answers.len());
    recovered(server);
    until("no control group is left", || traces.left(server).is_empty());
}

/// A normal job succeeds again, the service says so, and nothing is on the host but idle sandboxes.
pub fn recovered(server: &Server) {
    let request = r#"{"language": "bash", "source": "echo back", "deadline_ms": 5000}"#;
    until("a normal job succeeds again", || server.post("/v1/execute", request).body["run"]["stdout"] == "back\n");
    server.nothing_is_left();
    until("the service is ready again", || server.get("/readyz").status == 200);
    let log = server.log();
    let panics: Vec<_> = log.iter().filter(|line| line.contains("panicked")).collect();
    assert!(panics.is_empty(), "{panics:#?}");
}
