//! A language whose interpreter is forked, natively: what its copies have of their own, what they share, and what becomes of it
//! when the interpreter cannot be had.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use serde_json::{Value, json};

use crate::{
    engine::DockerHost,
    server::{Arrange, Server, until},
};

/// How many sandboxes one zygote is for, by `engine/native/nursery.rs`.
const FROM_A_ZYGOTE: usize = 256;

fn natively(size: usize) -> Arrange {
    Arrange::new(&[("python", size)]).docker(DockerHost::native())
}

fn run(server: &Server, source: &str, arm: &str) -> Value {
    server.execute(&json!({"language": "python", "source": source, "arm": arm}))["run"].clone()
}

#[test]
fn a_copy_shows_nothing_of_where_it_comes_from() {
    let server = natively(2).warm();
    // Not by the name that has it started late.
    let source = r#"
import os, signal
me = "/pr" "oc/self/"
for name in ("environ", "cmdline", "comm", "limits", "oom_score_adj", "cgroup"):
    lines = open(me + name, "rb").read().split(b"\n")
    print(name, [line for line in lines if not line.startswith(b"Max cpu time")])
kept = ("Umask", "TracerPid", "Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Seccomp", "Sig", "Shd", "Threads", "Cpus")
for line in open(me + "status"):
    if line.startswith(kept):
        print(line.strip())
print(os.readlink(me + "exe"), os.listdir(me + "fd"), os.getppid(), os.getsid(0) == os.getpid(), os.nice(0))
print(os.stat(me + "mem").st_uid == os.getuid(), os.getgroups(), signal.pthread_sigmask(signal.SIG_BLOCK, []))
"#;
    let shown = |arm: &str| {
        let ran = run(&server, source, arm);
        assert_eq!((&ran["status"], ran["armed"] == true), (&json!("ok"), arm == "auto"), "{ran}");
        // The uids are the slot's.
        let words = ran["stdout"].as_str().unwrap().lines().map(|line| match line.split_once(['U', 'G']) {
            Some((_, ids)) if ids.starts_with("id:") => {
                ids.split_whitespace().skip(1).collect::<BTreeSet<_>>().len().to_string()
            }
            _ => line.to_owned(),
        });
        words.collect::<Vec<_>>()
    };
    assert_eq!(shown("auto"), shown("off"));
    server.nothing_is_left();
    server.stop();
}

#[test]
fn no_signal_reaches_what_the_copies_come_of() {
    let server = natively(1).warm();
    let source =
        "import os, signal\nfor s in range(1, 65):\n    try: os.kill(1, s)\n    except OSError: pass\nprint('fine')";
    for _ in 0..3 {
        let ran = run(&server, source, "auto");
        assert_eq!((&ran["status"], &ran["stdout"]), (&json!("ok"), &json!("fine\n")), "{ran}");
    }
    server.nothing_is_left();
    server.stop();
}

/// PID 1 clears away what a case left, and the next is a copy of it.
#[test]
fn no_case_finds_in_its_memory_what_the_one_before_had_written() {
    let server = natively(1).warm();
    // Each looks through all memory that it can write to for the names that others leave, and leaves some: in an alphabet of its own,
    // so that it does not find what it looks for with.
    let source = r#"
import os, re
token = input()
mark = bytes(c - 1 for c in b"usbdf.pg.b.dbtf.")
found = set()
with open("/pr" "oc/self/maps") as maps, open("/pr" "oc/self/mem", "rb", 0) as memory:
    for line in maps:
        ends, rights = line.split()[:2]
        if rights != "rw-p": continue
        begin, end = (int(end, 16) for end in ends.split("-"))
        memory.seek(begin)
        try: held = memory.read(end - begin)
        except OSError: continue
        for match in re.finditer(mark + rb"\d{6}", held): found.add(bytes(match.group()[-6:]))
found.discard(token.encode())
print("clean" if not found else "others left %r" % found)
name = (mark.decode() + token) * 8
for place in ("/work", "/tmp", "/dev/shm"):
    os.makedirs(place + "/in/" + name)
    for n in range(100): open("%s/%s.%d" % (place, name, n), "w").close()
"#;
    let cases: Vec<_> =
        (0..6).map(|n| json!({"stdin": format!("{}\n", 271_828 + n), "expected_output": "clean\n"})).collect();
    let reply = server.post("/v1/judge", json!({"language": "python", "source": source, "cases": cases}).to_string());
    assert_eq!(reply.status, 200, "{}", reply.body);
    for case in reply.body["cases"].as_array().unwrap() {
        assert_eq!((&case["verdict"], &case["run"]["armed"]), (&json!("accepted"), &json!(true)), "{case}");
    }
    server.nothing_is_left();
    server.stop();
}

/// Every case of a judging, and every limit, is a copy's too.
#[test]
fn a_copy_has_the_limits_of_its_step() {
    let server = natively(2).warm();
    let source = "import os\nfiles = []\ntry:\n    while True: files.append(os.open('/dev/null', 0))\nexcept OSError: print(len(files) + 3)";
    for most in [20, 30] {
        let request = json!({"language": "python", "source": source, "limits": {"open_files": most}});
        let ran = server.execute(&request)["run"].clone();
        assert_eq!((&ran["stdout"], &ran["armed"]), (&json!(format!("{most}\n")), &json!(true)), "{ran}");
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn copies_have_their_secret_in_common_for_a_while_only() {
    let server = natively(8).warm();
    let mut secrets = Vec::new();
    for _ in 0..2 * FROM_A_ZYGOTE + 16 {
        let ran = run(&server, "print(hash('secret'))", "auto");
        let secret = ran["stdout"].as_str().unwrap().to_owned();
        if !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }
    assert!((2..=4).contains(&secrets.len()), "{secrets:?}");
    // Those that are spent end with their last sandbox.
    until("one is left", || server.children().len() == 1);
    server.nothing_is_left();
    server.stop();
}

#[test]
fn one_that_is_killed_is_made_again() {
    let server = natively(2).warm();
    for _ in 0..3 {
        server.until_full();
        for pid in server.children() {
            assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
        }
        until("another has taken its place", || {
            let ran = server.execute(&json!({"language": "python", "source": "print('fine')"}))["run"].clone();
            ran["stdout"] == "fine\n" && ran["armed"] == true
        });
    }
    server.nothing_is_left();
    server.stop();
}

/// The image's root, with another file in one place.
struct Changed(tempfile::TempDir);

impl Changed {
    fn new(file: &str, content: &str) -> Self {
        let changed = Self(tempfile::tempdir().unwrap());
        let (upper, work, merged) = (changed.at("upper"), changed.at("work"), changed.at("roots/caisson/python"));
        for directory in [&upper, &work, &merged] {
            fs::create_dir_all(directory).unwrap();
        }
        let place = Path::new(&upper).join(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, content).unwrap();
        let lower = DockerHost::roots().join("caisson/python");
        let options = format!("lowerdir={},upperdir={upper},workdir={work}", lower.display());
        let mounted = Command::new("mount").args(["-t", "overlay", "-o", &options, "overlay", &merged]).status();
        assert!(mounted.unwrap().success());
        changed
    }

    fn at(&self, path: &str) -> String {
        self.0.path().join(path).display().to_string()
    }
}

impl Drop for Changed {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy", &self.at("roots/caisson/python")]).status();
    }
}

#[test]
fn where_none_can_be_made_every_program_is_started_by_itself() {
    // Of a disk that was full, of another machine, or of an older build.
    for content in ["", "not a library\n"] {
        let changed = Changed::new("caisson/zygote.so", content);
        let server = natively(2).set(format!("native.roots={}", changed.at("roots"))).warm();
        for _ in 0..3 {
            server.until_full();
            let ran = run(&server, "print(open(__file__).read())", "auto");
            assert_eq!((&ran["status"], &ran["armed"]), (&json!("ok"), &json!(true)), "{ran}");
        }
        let told = server.events("no zygote could be made: each program is started anew");
        assert_eq!(told.len(), 1, "{told:?}");
        server.nothing_is_left();
        server.stop();
    }
}
