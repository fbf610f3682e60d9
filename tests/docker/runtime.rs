//! A language with a runtime of its own, and that one not a container's: gVisor, whose kernel is a program. What the
//! service promises of limits and of what is left behind holds there as well. Needs `runsc`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    private_engine::PrivateEngine,
    server::{Arrange, Server, root},
};

/// With the meter of memory that the agent needs, and with no network at all. `ptrace` works on every machine.
const RUNSC: &str = "#!/bin/sh\nexec runsc --platform=ptrace --network=none --cgroupfs \"$@\"\n";

/// Each process in the sandbox takes several of the host's, and the kernel itself a hundred.
const CEILING: &str = "\n[limits.ceiling]\nprocesses = 1024\n";

/// The runtime as the daemon starts it.
fn runsc(directory: &Path) -> PathBuf {
    let found = Command::new("runsc").arg("--version").output();
    assert!(found.is_ok_and(|output| output.status.success()), "runsc is needed: .ci/tools.sh runsc");
    let path = directory.join("runsc-caisson");
    fs::write(&path, RUNSC).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The shipped languages, two of them with the runtime.
fn languages(directory: &Path) -> PathBuf {
    let languages = directory.join("languages");
    fs::create_dir(&languages).unwrap();
    for (name, has_runtime) in [("c", true), ("python", true), ("bash", false)] {
        let file = format!("{name}.toml");
        let shipped = fs::read_to_string(root().join("config/languages").join(&file)).unwrap();
        let text = if has_runtime { format!("runtime = \"runsc\"\n{shipped}{CEILING}") } else { shipped };
        fs::write(languages.join(file), text).unwrap();
    }
    languages
}

#[test]
fn a_language_may_run_on_gvisor_and_its_limits_hold() {
    let directory = tempfile::tempdir().unwrap();
    let path = runsc(directory.path());
    let arrange = Arrange::new(&[("c", 2), ("python", 2), ("bash", 1)]);
    let images = ["caisson/c", "caisson/python", "caisson/bash"];
    let engine = PrivateEngine::with(&images, Some(("runsc", path.to_str().unwrap())));
    let directory = format!("languages.directory={}", languages(directory.path()).display());
    let server = arrange.docker(engine.host.clone()).set(directory).warm();
    the_kernel_is_not_the_hosts(&server);
    limits_hold(&server);
    nothing_outlives_its_job(&server);
    files_come_back(&server);
    server.until_full();
    server.stop();
}

fn the_kernel_is_not_the_hosts(server: &Server) {
    let ours = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let theirs = server.output("python", "import os\nprint(os.uname().release)");
    assert_ne!(theirs, ours);
    let log = "#include <stdio.h>\n#include <sys/klog.h>\n\
        int main(void) { static char log[4096]; return klogctl(3, log, sizeof log - 1) < 0 || puts(log) < 0; }";
    let log = server.output("c", log);
    assert!(log.contains("Starting gVisor"), "{log}");
    // The language beside them has the engine's usual runtime.
    assert_eq!(server.output("bash", "read -r release < /proc/sys/kernel/osrelease; echo $release"), ours);
}

fn limited(server: &Server, source: &str, limits: &Value) -> Value {
    server.execute(&json!({"language": "python", "source": source, "limits": limits}))["run"].clone()
}

fn limits_hold(server: &Server) {
    let told = |run: &Value| (run["status"].clone(), run["message"].clone());
    let time = |words: &str| (json!("time_limit_exceeded"), json!(words));
    // Five busy processes on one processor: their own kernel takes each of them to have had it all the time.
    let busy = "import os\nfor i in range(4):\n  if os.fork() == 0: break\nwhile True: pass";
    let run = limited(server, busy, &json!({"cpu_time_ms": 2000, "wall_time_ms": 20000}));
    assert_eq!(told(&run), time("CPU time limit exceeded"), "{run}");
    let cpu_ms = run["cpu_time_ms"].as_f64().unwrap();
    assert!((2000.0..2500.0).contains(&cpu_ms), "{run}");

    let run = limited(server, "import time\ntime.sleep(60)", &json!({"wall_time_ms": 700}));
    assert_eq!(told(&run), time("wall time limit exceeded"), "{run}");

    let greedy = "data = bytearray(400 << 20)\nfor i in range(0, len(data), 4096): data[i] = 1\nprint('done')";
    let run = limited(server, greedy, &json!({"memory_bytes": 64 << 20}));
    assert_eq!((&run["status"], &run["stdout"]), (&json!("memory_limit_exceeded"), &json!("")), "{run}");

    let modest = "data = bytearray(40 << 20)\nfor i in range(0, len(data), 4096): data[i] = 1\nprint('done')";
    let run = limited(server, modest, &json!({"memory_bytes": 96 << 20}));
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("done\n")), "{run}");
    assert!(run["memory_peak_bytes"].as_u64().unwrap() > 40 << 20, "{run}");
}

fn nothing_outlives_its_job(server: &Server) {
    let daemon = "import os, time\nif os.fork() == 0:\n  os.setsid()\n  time.sleep(60)\nprint('gone')";
    assert_eq!(server.output("python", daemon), "gone\n");
    server.until_full();
    assert_eq!(server.output("python", "print(sum(range(10)))"), "45\n");
}

fn files_come_back(server: &Server) {
    let source = "import os\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('hi')\nos.symlink('a', 'link')";
    let request = json!({"language": "python", "source": source, "artifacts": ["a/b/c", "link/b/c"]});
    let artifacts = server.execute(&request)["artifacts"].clone();
    assert_eq!(artifacts[0]["content"], "aGk=", "{artifacts}");
    assert_eq!(artifacts[1]["error"], "is or lies behind a link", "{artifacts}");
}
