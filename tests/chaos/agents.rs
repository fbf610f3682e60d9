//! Agents that are not what they should be: of another version, mute, mad, dead; from the start, or in mid-job.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use caisson_protocol::{FromAgent, Hello, Stream, VERSION, encode};
use serde_json::{Value, json};

use crate::{
    image::{Image, Languages},
    promises::recovered,
    server::{Arrange, Server, root, until},
};

/// How long a mute one is listened to.
const BOOT_PATIENCE_MS: u64 = 1500;

/// An image whose agent is like this from the start, or, if it is `fair`, until a job tells it otherwise.
fn image(manner: &str) -> Image {
    let context = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| fs::write(context.path().join(name), content).unwrap();
    file(
        "Dockerfile",
        b"FROM caisson/python:latest\nCOPY --from=caisson/python:latest /caisson/agent /caisson/fair\n\
        COPY agent manner hello flood /caisson/\n",
    );
    file("manner", manner.as_bytes());
    file(
        "hello",
        &frame(
            &FromAgent::Hello(Hello {
                protocol: VERSION + 1,
                agent_uid: 2,
                job_uid: 1,
                sees_cpu: true,
                shortcut: None,
            }),
            b"",
        ),
    );
    file("flood", &frame(&FromAgent::Output(Stream::Stdout), &[b'x'; 64 << 10]));
    evil_agent(&context.path().join("agent"));
    Image::built(context.path())
}

fn frame(message: &FromAgent, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, payload, &mut bytes);
    bytes
}

fn evil_agent(path: &Path) {
    fs::copy(root().join("tests/chaos/agent.py"), path).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn asked(server: &Server, language: &str, source: &str) -> Value {
    let limits = json!({"wall_time_ms": 1000});
    let request = json!({"language": language, "source": source, "deadline_ms": 10_000, "limits": limits});
    server.post("/v1/execute", request.to_string()).body
}

#[test]
fn an_agent_that_is_wrong_from_the_start_is_never_used_and_disturbs_no_other_language() {
    let manners = ["older", "mute", "noisy", "flooding", "dead"];
    let images = manners.map(image);
    let named: Vec<_> = manners.iter().copied().zip(&images).collect();
    let languages = Languages::of("python", &named);
    let pools: Vec<_> = manners.iter().map(|manner| (*manner, 1)).chain([("bash", 1)]).collect();
    let server =
        Arrange::new(&pools).set(languages.flag()).set(format!("pool.boot_patience_ms={BOOT_PATIENCE_MS}")).start();
    for manner in manners {
        until("who asks is told", || {
            let body = asked(&server, manner, "print('hello')");
            assert!(["engine_unavailable", "saturated"].contains(&body["code"].as_str().unwrap_or("none")), "{body}");
            body["code"] == "engine_unavailable"
        });
    }
    assert_eq!(server.output("bash", "echo beside"), "beside\n");
    assert_eq!(server.get("/readyz").status, 503);
    for image in &images {
        image.becomes("caisson/python:latest");
    }
    for manner in manners {
        until("its jobs succeed", || asked(&server, manner, "print('hello')")["run"]["stdout"] == "hello\n");
    }
    recovered(&server);
    server.stop();
}

#[test]
fn an_agent_that_turns_wrong_in_mid_job_is_a_sandbox_error_and_the_next_job_has_another() {
    let image = image("fair");
    let languages = Languages::of("python", &[("turning", &image)]);
    let server = Arrange::new(&[("turning", 1), ("bash", 1)]).set(languages.flag()).warm();
    assert_eq!(asked(&server, "turning", "print('hello')")["run"]["stdout"], "hello\n");
    for manner in ["mute", "noisy", "flooding", "dead"] {
        // It hears of it with the source; the program itself does nothing.
        let answer = asked(&server, "turning", &format!("# from now on: {manner}\nimport time\ntime.sleep(0.5)"));
        assert_eq!(answer["status"], "sandbox_error", "{manner}: {answer}");
        assert_eq!(asked(&server, "turning", "print('hello')")["run"]["stdout"], "hello\n");
    }
    server.until_full();
    server.stop();
}
