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
    blow::{Blow, strike},
    proxy::{Mood, Proxy},
    server::Server,
    settled::{Settled, is_agent, settled},
};

pub struct Mischief<'a> {
    server: &'a Server,
    /// Absent where there is no engine to stand before.
    proxy: Option<&'a Proxy>,
    dice: Dice,
    turn: usize,
}

/// How long what does not end by itself is kept up: less than the wall limit of any job in a soak, so that none may become
/// a time limit that is not its own.
const WHILE: Duration = Duration::from_secs(2);

/// Clients that leave in mid-request.
const LEAVERS: usize = 3;

/// Each with its name in the report.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Kill,
    Remove,
    Freeze,
    StopAnAgent,
    HangUp,
    SlowEngine,
    SickEngine,
    KillANursery,
}

const OF_DOCKER: [Kind; 7] =
    [Kind::Kill, Kind::Remove, Kind::Freeze, Kind::StopAnAgent, Kind::HangUp, Kind::SlowEngine, Kind::SickEngine];

/// There is no engine to be late, but there are nurseries.
const NATIVE: [Kind; 5] = [Kind::Kill, Kind::Freeze, Kind::StopAnAgent, Kind::HangUp, Kind::KillANursery];

impl<'a> Mischief<'a> {
    pub fn new(server: &'a Server, proxy: Option<&'a Proxy>) -> Self {
        Self { server, proxy, dice: Dice::new(7), turn: 0 }
    }

    /// All kinds in turn; returns when it is over.
    pub fn next(&mut self) -> &'static str {
        let kinds = if self.proxy.is_some() { &OF_DOCKER[..] } else { &NATIVE };
        let kind = kinds[self.turn % kinds.len()];
        self.turn += 1;
        match kind {
            Kind::Kill => self.on_a_sandbox(Blow::Kill),
            Kind::Remove => self.on_a_sandbox(Blow::Remove),
            Kind::Freeze => self.freeze(),
            Kind::StopAnAgent => self.stop_an_agent(),
            Kind::HangUp => self.hang_up(),
            Kind::SlowEngine => self.in_a_mood(Mood::Slow(WHILE)),
            Kind::SickEngine => self.in_a_mood(Mood::Sick),
            Kind::KillANursery => self.kill_a_nursery(),
        }
        kind.name()
    }

    fn a_sandbox(&mut self) -> Option<String> {
        let mut names = self.server.docker.sandboxes(&self.server.owner);
        (!names.is_empty()).then(|| names.swap_remove(self.dice.throw(names.len())))
    }

    fn a_settled_one(&mut self) -> Option<Settled> {
        let mut all = settled(self.server);
        (!all.is_empty()).then(|| all.swap_remove(self.dice.throw(all.len())))
    }

    fn on_a_sandbox(&mut self, blow: Blow) {
        if let Some(name) = self.a_sandbox() {
            strike(&self.server.docker, &self.server.owner, &name, blow);
        }
    }

    /// All sandboxes of its language go with it.
    fn kill_a_nursery(&mut self) {
        let nurseries = self.server.children();
        if !nurseries.is_empty() {
            signal("KILL", nurseries[self.dice.throw(nurseries.len())]);
        }
    }

    fn freeze(&mut self) {
        let Some(Settled { container, .. }) = self.a_settled_one() else { return };
        let Server { docker, owner, .. } = self.server;
        strike(docker, owner, &container, Blow::Freeze);
        thread::sleep(WHILE);
        strike(docker, owner, &container, Blow::Thaw);
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
        let Some(proxy) = self.proxy else { return };
        proxy.is_now(mood);
        thread::sleep(WHILE);
        proxy.is_now(Mood::Honest);
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "sandbox killed",
            Self::Remove => "sandbox removed",
            Self::Freeze => "sandbox frozen for 2 s",
            Self::StopAnAgent => "agent stopped for 2 s",
            Self::HangUp => "clients hang up",
            Self::SlowEngine => "engine 2 s late",
            Self::SickEngine => "engine says 500 for 2 s",
            Self::KillANursery => "nursery killed",
        }
    }
}

fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args([format!("-{name}"), pid.to_string()]).status();
}
