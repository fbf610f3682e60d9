//! Programs come before the engine's own work, by the weight of their control group.

use std::{fs, path::Path, thread::available_parallelism};

use serde_json::Value;

use crate::server::{Arrange, Server};

fn one_sandbox(server: &Server) -> Value {
    server.docker.inspect(&server.docker.sandboxes(&server.owner)[0])
}

/// Of its first process, in the tree of the processors.
fn group_of(container: &Value) -> String {
    let lines = fs::read_to_string(format!("/proc/{}/cgroup", container["State"]["Pid"])).unwrap();
    let in_tree = |line: &&str| {
        let controllers = line.split(':').nth(1).unwrap();
        controllers.is_empty() || controllers.split(',').any(|name| name == "cpu")
    };
    lines.lines().find(in_tree).unwrap().splitn(3, ':').nth(2).unwrap().to_owned()
}

#[test]
fn programs_weigh_more_than_what_the_engine_does_beside_them() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let container = one_sandbox(&server);
    assert_eq!(container["HostConfig"]["CpuShares"], 8192);
    // Under the systemd driver that is all.
    if server.docker.docker(&["info", "--format", "{{.CgroupDriver}}"]) == "cgroupfs" {
        assert!(group_of(&container).starts_with("/caisson/"), "{}", group_of(&container));
        // Its neighbours are processes, or systemd's slices.
        let slices = ["cpu/system.slice", "system.slice"].map(|slice| Path::new("/sys/fs/cgroup").join(slice));
        let has_slices = slices.iter().any(|slice| slice.exists());
        let processors = if has_slices { 1 } else { available_parallelism().unwrap().get() };
        let split = Path::new("/sys/fs/cgroup/cpu/caisson/cpu.shares");
        let (file, all) = if split.exists() {
            (split, (8192 * processors).min(262_144))
        } else {
            (Path::new("/sys/fs/cgroup/caisson/cpu.weight"), (800 * processors).min(10_000))
        };
        assert_eq!(fs::read_to_string(file).unwrap().trim(), all.to_string());
    }
    assert_eq!(server.output("bash", "echo in order"), "in order\n");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn the_weight_may_be_left_to_the_engine() {
    let server = Arrange::new(&[("bash", 1)]).set("docker.cpu_shares=0").warm();
    let container = one_sandbox(&server);
    assert_eq!(container["HostConfig"]["CpuShares"], 0);
    assert!(!group_of(&container).starts_with("/caisson/"), "{}", group_of(&container));
    assert_eq!(server.output("bash", "echo in order"), "in order\n");
    server.stop();
}
