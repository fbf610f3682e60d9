//! The create body: a pure function, so that every promise of isolation can be read, and tested, in one place.

use std::collections::HashMap;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, ResourcesUlimits,
};

use super::{
    super::{
        MASKED, SandboxSpec,
        group::{AGENT_MEMORY, AGENT_PROCESSES},
        places::{PLACES, Place},
    },
    DockerConfig, Handoff,
};

pub(super) const AGENT: &str = "/caisson/agent";
pub(super) const OWNER_LABEL: &str = "caisson.owner";
/// Containers that bear the same name here have one shim, which containerd's own runs beside the runtime, in place of one each. By
/// `runc-shim` of containerd 1.3 and later; Docker hands it on from API 1.43 on, and does not know of it before.
const SHIM_GROUP: &str = "io.containerd.runc.v2.group";
const BOOT_LABEL: &str = "caisson.boot";
const LANGUAGE_LABEL: &str = "caisson.language";

/// What it takes to become two users and to leave all of root behind.
const TO_PART: [&str; 3] = ["SETGID", "SETPCAP", "SETUID"];

/// With less, the runtime's helper, which has a dozen threads, cannot bring the agent in.
const LEAST_PROCESSES: u64 = 32;

const READ_ONLY: [&str; 2] = ["/proc/sys", "/proc/sysrq-trigger"];

pub(super) fn create_body(spec: &SandboxSpec, config: &DockerConfig, parent: Option<String>) -> ContainerCreateBody {
    let memory = (spec.memory_bytes + AGENT_MEMORY) as i64;
    let ulimit = |name: &str, value: u64| {
        let value = Some(value as i64);
        ResourcesUlimits { name: Some(name.to_owned()), soft: value, hard: value }
    };
    let host = HostConfig {
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: (config.handoff == Handoff::Attach).then(|| owned(&TO_PART)),
        security_opt: Some(vec!["no-new-privileges".to_owned(), format!("seccomp={}", config.seccomp)]),
        readonly_rootfs: Some(true),
        ipc_mode: Some("none".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        memory: Some(memory),
        // The same number: no swap at all.
        memory_swap: Some(memory),
        // The agent reads it, and leaves the bound to it where both are the same.
        pids_limit: Some((spec.processes + AGENT_PROCESSES).max(LEAST_PROCESSES) as i64),
        nano_cpus: Some((spec.cpus * 1e9) as i64),
        cpu_shares: (config.cpu_shares > 0).then_some(config.cpu_shares as i64),
        cgroup_parent: parent,
        ulimits: Some(vec![
            ulimit("core", 0),
            ulimit("nofile", spec.open_files),
            ulimit("fsize", spec.file_size_bytes),
        ]),
        tmpfs: Some(tmpfs(spec)),
        annotations: Some(HashMap::from([(SHIM_GROUP.to_owned(), format!("{}-{}", config.owner, config.boot))])),
        masked_paths: Some(owned(&MASKED)),
        readonly_paths: Some(owned(&READ_ONLY)),
        runtime: spec.runtime.as_ref().or(config.runtime.as_ref()).cloned(),
        auto_remove: Some(false),
        init: Some(false),
        privileged: Some(false),
        ..HostConfig::default()
    };
    let is_attached = config.handoff == Handoff::Attach;
    let (agent, job) = (spec.agent_uid.to_string(), spec.job_uid.to_string());
    let (user, words) = match config.handoff {
        Handoff::Exec => (format!("{job}:{job}"), vec![AGENT, "init", &agent]),
        Handoff::Attach => ("0:0".to_owned(), vec![AGENT, "both", &agent, &job]),
    };
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        user: Some(user),
        cmd: Some(owned(&words)),
        entrypoint: Some(Vec::new()),
        env: Some(Vec::new()),
        working_dir: Some("/".to_owned()),
        hostname: Some("box".to_owned()),
        // An empty network namespace of its own, and none of the daemon's network code on the way.
        network_disabled: Some(true),
        attach_stdin: Some(is_attached),
        open_stdin: Some(is_attached),
        // When we hang up the agent sees its input's end, and leaves.
        stdin_once: Some(is_attached),
        tty: Some(false),
        labels: Some(HashMap::from([
            (OWNER_LABEL.to_owned(), config.owner.clone()),
            (BOOT_LABEL.to_owned(), config.boot.clone()),
            (LANGUAGE_LABEL.to_owned(), spec.language.as_str().to_owned()),
        ])),
        host_config: Some(host),
        ..ContainerCreateBody::default()
    }
}

fn tmpfs(spec: &SandboxSpec) -> HashMap<String, String> {
    let mount = |place: &Place| {
        let exec = if place.exec { "exec" } else { "noexec" };
        (place.path.to_owned(), format!("rw,{exec},nosuid,nodev,{}", place.options(spec)))
    };
    PLACES.iter().map(mount).collect()
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{engine::SandboxId, job::LanguageId};

    fn body() -> ContainerCreateBody {
        body_with(Handoff::Exec, None, None)
    }

    fn body_with(handoff: Handoff, of_language: Option<&str>, of_engine: Option<&str>) -> ContainerCreateBody {
        let spec = SandboxSpec {
            id: SandboxId::new("caisson", "b00t", 7),
            language: LanguageId::new("python"),
            image: "caisson/python:latest".to_owned(),
            runtime: of_language.map(str::to_owned),
            job_uid: 200_014,
            agent_uid: 200_015,
            memory_bytes: 512 << 20,
            processes: 64,
            file_size_bytes: 256 << 20,
            open_files: 1024,
            cpus: 2.0,
            zygote: None,
        };
        let config = DockerConfig {
            host: String::new(),
            handoff,
            owner: "caisson".to_owned(),
            boot: "b00t".to_owned(),
            runtime: of_engine.map(str::to_owned),
            seccomp: "{}".to_owned(),
            cpu_shares: 8192,
            patience: Duration::from_secs(30),
        };
        create_body(&spec, &config, Some("/caisson".to_owned()))
    }

    #[test]
    fn the_create_body_is_what_was_reviewed() {
        insta::with_settings!({sort_maps => true}, { insta::assert_json_snapshot!(body()) });
    }

    #[test]
    fn who_is_attached_to_begins_as_root_with_the_way_out_of_it_and_differs_in_nothing_else() {
        let mut attached = body_with(Handoff::Attach, None, None);
        let host = attached.host_config.as_mut().unwrap();
        assert_eq!(host.cap_add.take().unwrap(), TO_PART);
        assert_eq!(host.cap_drop.as_deref(), Some(&["ALL".to_owned()][..]));
        assert_eq!(attached.user.take().as_deref(), Some("0:0"));
        assert_eq!(attached.cmd.take().unwrap(), [AGENT, "both", "200015", "200014"]);
        for stdin in [&mut attached.attach_stdin, &mut attached.open_stdin, &mut attached.stdin_once] {
            assert_eq!(stdin.replace(false), Some(true));
        }
        let execed = body();
        assert_eq!(attached, ContainerCreateBody { user: None, cmd: None, ..execed });
    }

    #[test]
    fn a_language_may_have_a_runtime_of_its_own() {
        let runtime =
            |of_language, of_engine| body_with(Handoff::Exec, of_language, of_engine).host_config.unwrap().runtime;
        assert_eq!(runtime(None, None), None);
        assert_eq!(runtime(None, Some("crun")).as_deref(), Some("crun"));
        assert_eq!(runtime(Some("runsc"), Some("crun")).as_deref(), Some("runsc"));
    }

    #[test]
    fn files_can_never_fill_the_memory_of_the_sandbox() {
        let host = body().host_config.unwrap();
        let sizes: i64 = host
            .tmpfs
            .unwrap()
            .values()
            .map(|options| options.split("size=").nth(1).unwrap().split(',').next().unwrap().parse::<i64>().unwrap())
            .sum();
        assert!(sizes <= host.memory.unwrap() - AGENT_MEMORY as i64);
    }
}
