//! Programs that want to hog, outlive or destroy: each gets the right status within its limit and a second, and leaves
//! nothing.

use serde_json::{Value, json};

use crate::server::{Arrange, Server};

/// What a limit may be overrun by, in milliseconds.
const GRACE_MS: f64 = 1000.0;

/// How much slower than before the attack a job may be after it. Only a machine that is still busy with the attack is
/// slower than that.
const SLOWER: f64 = 10.0;

struct Attack {
    language: &'static str,
    source: &'static str,
    limits: Value,
    /// How long it may take, by the limit that ends it.
    limit_ms: f64,
}

impl Attack {
    fn new(language: &'static str, source: &'static str) -> Self {
        Self { language, source, limits: json!({"cpu_time_ms": 1000, "wall_time_ms": 3000}), limit_ms: 3000.0 }
    }

    fn limits(self, limits: Value) -> Self {
        Self { limits, ..self }
    }

    fn within(self, limit_ms: f64) -> Self {
        Self { limit_ms, ..self }
    }

    /// The run's part of the answer, once everything that holds for every attack has been checked.
    fn strike(self) -> Value {
        let Self { language, source, limits, limit_ms } = self;
        let server = Arrange::new(&[(language, 2), ("bash", 2)]).warm();
        let before = hello(&server);
        server.nothing_is_left();
        let answer = server.execute(&json!({"language": language, "source": source, "limits": limits}));
        let took = answer["timing"]["run_ms"].as_f64().unwrap();
        assert!(took <= limit_ms + GRACE_MS, "took {took} ms: {answer}");
        let after = hello(&server);
        assert!(after <= before * SLOWER, "a job took {before} ms before, {after} ms after");
        server.nothing_is_left();
        server.stop();
        answer["run"].clone()
    }
}

/// How long a harmless job takes, in milliseconds; the best of three, as the machine is not ours alone.
fn hello(server: &Server) -> f64 {
    let once = || {
        let answer = server.execute(&json!({"language": "bash", "source": "echo hello"}));
        assert_eq!((&answer["status"], &answer["run"]["stdout"]), (&json!("ok"), &json!("hello\n")), "{answer}");
        server.until_full();
        answer["timing"]["total_ms"].as_f64().unwrap()
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

fn cut(run: &Value) -> String {
    let mut text = run.to_string();
    text.truncate(600);
    text
}

#[test]
fn an_endless_loop_meets_its_cpu_limit() {
    let run = Attack::new("python", "while True: pass").limits(json!({"cpu_time_ms": 500})).within(500.0).strike();
    assert_eq!(run["status"], "time_limit_exceeded");
    assert!(run["message"].as_str().unwrap().contains("CPU"), "{run}");
}

#[test]
fn a_sleeper_meets_its_wall_limit() {
    let run = Attack::new("bash", "sleep 1000").limits(json!({"wall_time_ms": 500})).within(500.0).strike();
    assert_eq!(run["status"], "time_limit_exceeded");
    assert!(run["message"].as_str().unwrap().contains("wall"), "{run}");
}

#[test]
fn a_fork_bomb_is_ended_with_all_its_children() {
    let run = Attack::new("c", "#include <unistd.h>\nint main(void) { for (;;) fork(); }").strike();
    assert_eq!(run["status"], "time_limit_exceeded", "{run}");
}

#[test]
fn a_fork_bomb_whose_first_process_leaves_is_ended_with_it() {
    let source = "bomb() { bomb | bomb & }; bomb; exit 7";
    // Below the ceiling, where the kernel does not count: whether the bomb gets there before the exit is a race.
    let limits = json!({"processes": 64, "cpu_time_ms": 1000, "wall_time_ms": 3000});
    let run = Attack::new("bash", source).limits(limits).strike();
    assert_eq!((&run["status"], &run["exit_code"]), (&json!("runtime_error"), &json!(7)), "{}", cut(&run));
}

#[test]
fn ten_gibibytes_are_not_to_be_had() {
    let source = "#include <stdlib.h>\n#include <string.h>\n#include <stdio.h>\n\
        int main(void) { for (int i = 0; i < 1280; i++) { char *p = malloc(8 << 20); if (!p) return 3; memset(p, 1, 8 << 20); } puts(\"had\"); }";
    let run = Attack::new("c", source).limits(json!({"memory_bytes": 64 << 20})).strike();
    assert_eq!(run["status"], "memory_limit_exceeded", "{run}");
}

#[test]
fn the_sandboxs_own_bound_holds_when_memory_is_taken_faster_than_anybody_looks() {
    let source = "#include <sys/mman.h>\nint main(void) {\n\
        char *p = mmap(0, 10UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);\n\
        return p == MAP_FAILED ? 3 : 0; }";
    let run = Attack::new("c", source).strike();
    assert_eq!(run["status"], "memory_limit_exceeded", "{run}");
}

#[test]
fn endless_output_is_cut_and_the_program_meets_its_time_limit() {
    let source = "import sys\nwhile True: sys.stdout.write('x' * 65536)";
    let run =
        Attack::new("python", source).limits(json!({"output_bytes": 1000, "cpu_time_ms": 500})).within(500.0).strike();
    assert_eq!(run["status"], "time_limit_exceeded", "{}", cut(&run));
    assert_eq!((run["stdout"].as_str().unwrap().len(), &run["stdout_truncated"]), (1000, &json!(true)));
}

#[test]
fn endless_output_ends_the_program_where_that_is_asked_for() {
    let limits = json!({"output_bytes": 1000, "output_policy": "kill", "cpu_time_ms": 3000});
    let run = Attack::new("bash", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done")
        .limits(limits)
        .within(1000.0)
        .strike();
    assert_eq!(run["status"], "output_limit_exceeded", "{}", cut(&run));
}

#[test]
fn a_program_that_closes_its_streams_is_still_watched() {
    let source = "import os, time\nfor fd in (0, 1, 2): os.close(fd)\ntime.sleep(1000)";
    let run = Attack::new("python", source).limits(json!({"wall_time_ms": 700})).within(700.0).strike();
    assert_eq!(run["status"], "time_limit_exceeded");
}

#[test]
fn a_daemon_that_keeps_the_pipe_open_is_not_waited_for() {
    let source = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(1000)\n    os._exit(0)\nprint('parent')";
    let run = Attack::new("python", source).limits(json!({"wall_time_ms": 60000})).within(2000.0).strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("parent\n")));
}

#[test]
fn killing_everything_hits_only_the_jobs_own_processes() {
    let run = Attack::new("bash", "sleep 100 & sleep 100 &\nkill -9 -1; wait; echo survived").strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("survived\n")), "{run}");
}

#[test]
fn limits_and_priorities_of_pid_1_are_out_of_reach() {
    // Each would end the sandbox, or the runs that follow in it, though PID 1 has the job's own uid.
    let source = "import os, resource\n\
        def attempt(act):\n    try:\n        print(act())\n    except OSError as error:\n        print(error.errno)\n\
        attempt(lambda: resource.prlimit(1, resource.RLIMIT_CPU, (0, 0)))\n\
        attempt(lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (3, 3)))\n\
        attempt(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19))\n\
        attempt(lambda: os.setpriority(os.PRIO_USER, 0, 19))\n\
        resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\n";
    let run = Attack::new("python", source).strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("1\n1\n1\n1\n")), "{run}");
}

#[test]
fn deleting_everything_harms_nobody() {
    let run = Attack::new("bash", "rm -rf --no-preserve-root / >/dev/null 2>&1; echo $?; cat /box/main.sh | head -c 5")
        .strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("1\nrm -r")), "{run}");
}

#[test]
fn files_are_memory_and_meet_the_memory_limit() {
    let source =
        "while :; do for d in /tmp /work /dev/shm; do head -c 8M /dev/zero >> $d/$RANDOM; done; done 2>/dev/null";
    let run = Attack::new("bash", source)
        .limits(json!({"memory_bytes": 64 << 20, "wall_time_ms": 5000}))
        .within(5000.0)
        .strike();
    assert_eq!(run["status"], "memory_limit_exceeded", "{run}");
}

#[test]
fn a_disk_that_is_full_is_an_error_of_the_program_only() {
    let source = "import itertools, os\n\
        for i in itertools.count():\n    try:\n        open(f'/tmp/{i}', 'w').close()\n    except OSError as error:\n        print(i > 100, error.errno)\n        break\n";
    let run = Attack::new("python", source).strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("True 28\n")), "{run}");
}

#[test]
fn a_file_may_not_grow_beyond_its_limit() {
    let source =
        "#include <stdio.h>\nint main(void) { FILE *f = fopen(\"big\", \"w\"); for (;;) fputs(\"0123456789\", f); }";
    let run = Attack::new("c", source).limits(json!({"file_size_bytes": 100000})).strike();
    assert_eq!((&run["status"], &run["signal"]), (&json!("runtime_error"), &json!("SIGXFSZ")), "{run}");
}

#[test]
fn threads_are_bounded_like_processes() {
    let source = "import threading, time\nn = 0\ntry:\n    while True:\n        threading.Thread(target=time.sleep, args=(2,), daemon=True).start()\n        n += 1\nexcept RuntimeError:\n    print(n < 64)";
    let run = Attack::new("python", source).limits(json!({"processes": 32})).strike();
    assert_eq!(run["stdout"], "True\n", "{run}");
}

#[test]
fn what_a_compile_uses_is_bounded_too() {
    let server = Arrange::new(&[("c", 1)]).warm();
    let compile = |source: &str, limits: Value| {
        let request = json!({"language": "c", "source": source, "compile": {"limits": limits}});
        let answer = server.execute(&request);
        (answer["status"].clone(), answer["run"].clone(), answer["timing"]["compile_ms"].as_f64().unwrap())
    };
    let (status, run, took) =
        compile("#include \"/dev/zero\"\n", json!({"wall_time_ms": 2000, "memory_bytes": 64 << 20}));
    assert!(["memory_limit_exceeded", "time_limit_exceeded"].contains(&status.as_str().unwrap()), "{status}");
    assert!(run.is_null() && took <= 2000.0 + GRACE_MS);
    // Not to be read by a job, whatever it is included as.
    let (status, ..) = compile("#include \"/box/../etc/shadow\"\nint main(void) {}", json!({}));
    assert_eq!(status, "compile_error");
    server.nothing_is_left();
    server.stop();
}

/// Children that each fill 60 MiB, in a process that has made itself as unlikely to be killed as the agent.
const GREEDY_CHILDREN: &str = "#define _GNU_SOURCE\n#include <fcntl.h>\n#include <stdio.h>\n#include <sys/mman.h>\n#include <unistd.h>\n\
    int main(void) {\n\
      int score = open(\"/proc/self/oom_score_adj\", O_WRONLY);\n\
      printf(\"%d\\n\", score >= 0 && write(score, \"0\", 1) == 1);\n\
      fflush(stdout);\n\
      for (int i = 0; i < 60; i++)\n\
        if (fork() == 0)\n\
          for (;;) { int f = memfd_create(\"m\", 0); if (f >= 0) fallocate(f, 0, 0, 60 << 20); }\n\
      pause();\n\
    }";

#[test]
fn the_agent_does_not_die_in_the_place_of_a_greedy_job() {
    let run = Attack::new("c", GREEDY_CHILDREN).strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("memory_limit_exceeded"), &json!("0\n")), "{run}");
}

#[test]
fn a_chatty_program_is_not_charged_for_its_audience() {
    let source = "#include <unistd.h>\nint main(void) { for (int i = 0; i < 500000; i++) write(1, \"a\\n\", 2); }";
    let limits = json!({"cpu_time_ms": 2000, "wall_time_ms": 20000});
    let run = Attack::new("c", source).limits(limits).within(20_000.0).strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("a\n".repeat(500_000))), "{}", cut(&run));
}

#[test]
fn output_over_its_cap_is_told_however_soon_the_program_ends() {
    let server = Arrange::new(&[("bash", 4)]).warm();
    let limits = json!({"output_bytes": 1000, "output_policy": "kill"});
    for _ in 0..12 {
        let answer = server.execute(&json!({"language": "bash", "source": "printf %05000d 1", "limits": limits}));
        assert_eq!(answer["status"], "output_limit_exceeded", "{answer}");
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_process_too_many_is_told_where_the_kernel_counts_it() {
    let source = "#include <stdio.h>\n#include <unistd.h>\n\
        int main(void) { int n = 1; for (;; n++) { int pid = fork(); if (pid == 0) pause(); if (pid < 0) break; }\n\
        printf(\"%d\\n\", n); fflush(stdout); return 1; }";
    let server = Arrange::new(&[("c", 2)]).warm();
    let run = |limits: Value| {
        let run = server.execute(&json!({"language": "c", "source": source, "limits": limits}))["run"].clone();
        (run["status"].clone(), run["stdout"].clone())
    };
    assert_eq!(run(json!({})), (json!("process_limit_exceeded"), json!("128\n")));
    // A smaller limit is just as exact, but the kernel keeps no count of it.
    assert_eq!(run(json!({"processes": 20})), (json!("runtime_error"), json!("20\n")));
    server.nothing_is_left();
    server.stop();
}

#[test]
fn what_a_compile_leaves_counts_as_memory_of_the_run_or_is_gone() {
    let server = Arrange::new(&[("c", 2)]).warm();
    let wrapper = "#!/bin/sh\nhead -c 50M /dev/zero > /work/left\nhead -c 50M /dev/zero > /tmp/left\nexec \"$@\"\n";
    let source = "#include <unistd.h>\nint main(void) { return access(\"/tmp/left\", F_OK) == 0; }";
    let run = |memory: u64| {
        let answer = server.execute(&json!({
            "language": "c",
            "files": [{"path": "main.c", "content": source}, {"path": "w.sh", "content": wrapper}],
            "compile": {"flags": ["-wrapper", "./w.sh"]},
            "limits": {"memory_bytes": memory},
        }));
        answer["status"].clone()
    };
    assert_eq!(run(32 << 20), "memory_limit_exceeded");
    assert_eq!(run(128 << 20), "ok");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn pseudo_terminals_which_all_sandboxes_would_share_are_not_to_be_had() {
    let source = "import os\ntry:\n    print(os.openpty())\nexcept OSError as error:\n    print('none')";
    let run = Attack::new("python", source).strike();
    assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("none\n")), "{run}");
}
