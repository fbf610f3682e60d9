//! Judging in real sandboxes: right verdicts, and no way from one case to the next.

use serde_json::{Value, json};

use crate::server::{Arrange, Server};

impl Server {
    pub fn judge(&self, request: &Value) -> Value {
        let reply = self.post("/v1/judge", request.to_string());
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }
}

pub fn verdicts(judgement: &Value) -> Vec<&str> {
    judgement["cases"].as_array().unwrap().iter().map(|case| case["verdict"].as_str().unwrap()).collect()
}

#[test]
fn a_submission_in_each_kind_of_language_is_judged_on_all_cases() {
    let c = "#include <stdio.h>\nint main(void) { int a, b; scanf(\"%d%d\", &a, &b); printf(\"%d\\n\", a + b); }";
    let java = "import java.util.*; class Main { static class Sum { static int of(Scanner s) { return s.nextInt() + s.nextInt(); } } \
        public static void main(String[] a) { System.out.println(Sum.of(new Scanner(System.in))); } }";
    let python = "print(sum(map(int, input().split())))";
    let server = Arrange::new(&[("c", 1), ("java", 1), ("python", 1)]).warm();
    for (language, source) in [("c", c), ("java", java), ("python", python)] {
        let case = |a: i32, wanted: i32| json!({"stdin": format!("{a} 2\n"), "expected_output": format!("{wanted}\n")});
        let cases = json!([case(1, 3), case(-2, 0), case(5, 8), case(40, 42)]);
        let request = json!({"language": language, "source": source, "cases": cases, "stop_on_failure": false});
        let judgement = server.judge(&request);
        assert_eq!(verdicts(&judgement), ["accepted", "accepted", "wrong_answer", "accepted"], "{judgement}");
        assert_eq!((&judgement["verdict"], &judgement["score"]), (&json!("wrong_answer"), &json!(3.0)));
    }
    server.nothing_is_left();
    server.stop();
}

/// Looks for what the case before left, says what it found, then leaves all it can. The case's number is its input.
const COURIER: &str = r#"
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char *places[] = {"/work", "/tmp", "/dev/shm"};

static int address(struct sockaddr_un *name) {
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    strcpy(name->sun_path + 1, "courier");
    return sizeof(sa_family_t) + 8;
}

int main(void) {
    int number;
    if (scanf("%d", &number) != 1) return 2;
    struct stat st;
    for (int i = 0; i < 3; i++) {
        if (stat(places[i], &st)) { printf("no %s\n", places[i]); continue; }
        if ((st.st_mode & 0777) != 0700) printf("mode of %s\n", places[i]);
        if (st.st_mtime < 1000000 || st.st_atime < 1000000) printf("dates of %s\n", places[i]);
        DIR *all = opendir(places[i]);
        if (!all) { printf("closed %s\n", places[i]); continue; }
        for (struct dirent *e; (e = readdir(all));)
            if (e->d_name[0] != '.' && strcmp(e->d_name, "main") && strcmp(e->d_name, "main.c"))
                printf("left %s/%s\n", places[i], e->d_name);
        closedir(all);
    }
    DIR *all = opendir("/proc");
    int processes = 0;
    for (struct dirent *e; (e = readdir(all));) {
        char path[300];
        snprintf(path, sizeof path, "/proc/%s", e->d_name);
        if (atoi(e->d_name) > 1 && !stat(path, &st) && st.st_uid == getuid()) processes++;
    }
    if (processes != 1) printf("%d processes\n", processes);
    struct sockaddr_un name;
    int length = address(&name), s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(s, (void *)&name, length)) printf("the name is taken\n");
    int box = open("/box/main.c", O_RDONLY);
    if (box >= 0 && flock(box, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) printf("locked\n");
    for (int fd = 3; fd < 64; fd++) if (fd != s && fd != box && fcntl(fd, F_GETFD) != -1 && fd > 5) printf("descriptor %d\n", fd);
    if (open("main.c", O_WRONLY | O_CREAT, 0644) >= 0 && number > 1) {
        char text[32] = {0};
        int f = open("main.c", O_RDONLY);
        if (read(f, text, 31) < 10) printf("the source was changed\n");
    }
    puts("done");
    fflush(stdout);

    listen(s, 1);
    if (!fork()) { setsid(); if (!fork()) { signal(15, SIG_IGN); sleep(1000); } _exit(0); }
    unlink("main");
    symlink("/etc/passwd", "main");
    int f = open("main.c", O_WRONLY | O_TRUNC);
    for (int i = 0; i < 3; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/mark", places[i]);
        f = open(path, O_WRONLY | O_CREAT, 0644);
        write(f, &number, sizeof number);
        snprintf(path, sizeof path, "%s/closed", places[i]);
        mkdir(path, 0700);
        strcat(path, "/within");
        mkdir(path, 0700);
        *strrchr(path, '/') = 0;
        chmod(path, 0);
        struct timespec old[2] = {{number, 0}, {number, 0}};
        utimensat(AT_FDCWD, places[i], old, 0);
        chmod(places[i], 0);
    }
    return 0;
}
"#;

#[test]
fn nothing_of_a_case_can_be_seen_by_the_next() {
    let server = Arrange::new(&[("c", 1)]).warm();
    let cases: Vec<_> =
        (1..=5).map(|number| json!({"stdin": number.to_string(), "expected_output": "done\n"})).collect();
    let source = COURIER.replace("#include <stdlib.h>", "#include <signal.h>\n#include <stdlib.h>");
    let request = json!({"language": "c", "source": source, "cases": cases, "stop_on_failure": false, "checker": {"kind": "exact"}});
    let judgement = server.judge(&request);
    assert_eq!(verdicts(&judgement), ["accepted"; 5], "{judgement:#}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_case_that_meets_a_limit_leaves_the_next_one_alone() {
    let source = r#"
import os, sys
what = input()
if what == "spin":
    while True: pass
if what == "sleep":
    import time; time.sleep(100)
if what == "eat":
    data = [bytearray(1 << 20) for _ in range(4096)]
if what == "write":
    while True: print("x" * 1000)
if what == "fill":
    with open("/tmp/all", "wb") as f:
        while True: f.write(bytes(1 << 20))
if what == "fork":
    while True: os.fork()
if what == "crash":
    os.kill(os.getpid(), 11)
print("fine")
"#;
    let limits = json!({
        "cpu_time_ms": 500, "wall_time_ms": 1500, "memory_bytes": 64 << 20, "output_bytes": 100_000, "processes": 50
    });
    let wanted = [
        ("spin", "time_limit_exceeded"),
        ("sleep", "time_limit_exceeded"),
        ("eat", "memory_limit_exceeded"),
        ("write", "output_limit_exceeded"),
        ("fill", "memory_limit_exceeded"),
        ("fork", "time_limit_exceeded"),
        ("crash", "runtime_error"),
    ];
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    for (what, verdict) in wanted {
        cases.extend([json!({"stdin": what}), json!({"stdin": "be good", "expected_output": "fine\n"})]);
        expected.extend([verdict, "accepted"]);
    }
    let server = Arrange::new(&[("python", 1)]).warm();
    let request =
        json!({"language": "python", "source": source, "limits": limits, "cases": cases, "stop_on_failure": false});
    let judgement = server.judge(&request);
    let told: Vec<_> = judgement["cases"].as_array().unwrap().iter().map(|case| &case["run"]["message"]).collect();
    let mut seen = verdicts(&judgement);
    // Which limit a bomb of interpreters meets first, of time, memory or processes, is a race.
    assert_ne!(seen[10], "accepted");
    seen[10] = expected[10];
    assert_eq!(seen, expected, "{told:?}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn what_a_compile_makes_is_kept_up_to_a_bound() {
    let server = Arrange::new(&[("c", 1)]).warm();
    let huge = "char a[60 << 20] = {1};\nint main(void) { return 0; }";
    let judgement = server.judge(&json!({"language": "c", "source": huge, "cases": [{}]}));
    assert_eq!(judgement["verdict"], "compile_error", "{judgement}");
    let said = judgement["compile"]["message"].as_str().unwrap();
    assert!(said.contains("too large to be kept"), "{judgement}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_compilers_words_are_cut_at_64_kib() {
    let server = Arrange::new(&[("cpp", 1)]).warm();
    let wordy = (0..3000).map(|number| format!("int a{number} = missing_{number};\n")).collect::<String>();
    let judgement = server.judge(&json!({"language": "cpp", "source": wordy, "cases": [{}]}));
    assert_eq!(
        (&judgement["verdict"], &judgement["cases"][0]["verdict"]),
        (&json!("compile_error"), &json!("skipped"))
    );
    let compile = &judgement["compile"];
    let words = compile["stderr"].as_str().unwrap();
    assert!(words.len() <= 64 << 10 && words.len() > 60 << 10 && words.contains("missing_0"), "{}", words.len());
    assert_eq!(compile["stderr_truncated"], true);
    server.nothing_is_left();
    server.stop();
}
