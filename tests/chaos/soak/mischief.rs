//! What is done to a service in a soak: to its sandboxes, its clients and what stands between it and the engine. Never to
//! the engine itself, which others use.

use std::{
    io::Write,
    net::{Shutdown, TcpStream},
    process::Command,
    thread,
    time::Duration,
};

use super::Dice;
use crate::{
    proxy::{Mood, Proxy},
    server::Server,
    settled::{Settled, is_agent, settled},
};

pub struct Mischief<'a> {
    server: &'a Server,
    proxy: &'a Proxy,
    dice: Dice,
    turn: usize,
}

/// How long what does not end by itself is kept up: less than the wall limit of any job in a soak, so that none may become
/// a time limit that is not its own.
const WHILE: Duration = Duration::from_secs(2);

/// Clients that leave in mid-request.
const LEAVERS: usize = 3;

/// Each with its name in the report.
const KINDS: [&str; 7] = [
    "sandbox killed",
    "sandbox removed",
    "sandbox frozen for 2 s",
    "agent stopped for 2 s",
    "clients hang up",
    "engine 2 s late",
    "engine says 500 for 2 s",
];

impl<'a> Mischief<'a> {
    pub fn new(server: &'a Server, proxy: &'a Proxy) -> Self {
        Self { server, proxy, dice: Dice::new(7), turn: 0 }
    }

    /// All kinds in turn; returns when it is over.
    pub fn next(&mut self) -> &'static str {
        let kind = KINDS[self.turn % KINDS.len()];
        self.turn += 1;
        match kind {
            "sandbox killed" => self.on_a_sandbox(&["kill"]),
            "sandbox removed" => self.on_a_sandbox(&["rm", "--force"]),
            "sandbox frozen for 2 s" => self.freeze(),
            "agent stopped for 2 s" => self.stop_an_agent(),
            "clients hang up" => self.hang_up(),
            "engine 2 s late" => self.in_a_mood(Mood::Slow(WHILE)),
            "engine says 500 for 2 s" => self.in_a_mood(Mood::Sick),
            other => unreachable!("{other} is no mischief"),
        }
        kind
    }

    fn a_sandbox(&mut self) -> Option<String> {
        let mut names = self.server.docker.sandboxes(&self.server.owner);
        (!names.is_empty()).then(|| names.swap_remove(self.dice.throw(names.len())))
    }

    fn a_settled_one(&mut self) -> Option<Settled> {
        let mut all = settled(self.server);
        (!all.is_empty()).then(|| all.swap_remove(self.dice.throw(all.len())))
    }

    /// It may have gone by itself in the meantime.
    fn on_a_sandbox(&mut self, command: &[&str]) {
        if let Some(name) = self.a_sandbox() {
            let _ = self.server.docker.try_docker(&[command, &[name.as_str()]].concat());
        }
    }

    fn freeze(&mut self) {
        let Some(Settled { container, .. }) = self.a_settled_one() else { return };
        let _ = self.server.docker.try_docker(&["pause", &container]);
        thread::sleep(WHILE);
        let _ = self.server.docker.try_docker(&["unpause", &container]);
    }

    fn stop_an_agent(&mut self) {
        let Some(Settled { agent, .. }) = self.a_settled_one() else { return };
        signal("STOP", agent);
        thread::sleep(WHILE);
        // Its number may be another's by now, who is none of ours to wake.
        if is_agent(agent) {
            signal("CONT", agent);
        }
    }

    fn hang_up(&self) {
        let body = r#"{"language": "bash", "source": "sleep 5"}"#;
        let head = format!("POST /v1/execute HTTP/1.1\r\nhost: soak\r\ncontent-length: {}\r\n\r\n", body.len());
        let address = self.server.url.trim_start_matches("http://");
        let leave = || -> std::io::Result<()> {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
            thread::sleep(WHILE / 10);
            stream.shutdown(Shutdown::Both)
        };
        for _ in 0..LEAVERS {
            // Who is not even let in has hung up as well.
            let _ = leave();
        }
    }

    fn in_a_mood(&self, mood: Mood) {
        self.proxy.is_now(mood);
        thread::sleep(WHILE);
        self.proxy.is_now(Mood::Honest);
    }
}

fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
}
