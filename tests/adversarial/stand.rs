//! One service that has to withstand all programs of a class, one after the other.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    answer::text_of,
    host::{Holdings, Traces},
    innocent::{self, Times},
    planted::{Planted, secret},
    program::Program,
    server::{Arrange, Server},
};

/// Until what a program left is gone. Generous: a loaded machine must not fail a test.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(30);

struct Stand {
    server: Server,
    planted: Planted,
    /// What the innocent uses alone, where a program of the class runs beside it.
    alone: Option<Times>,
}

/// All faults of all programs are told together.
pub fn withstands(class: &str) {
    let programs = Program::all(class);
    let stand = Stand::new(&programs);
    let before = Holdings::of(&stand.server);
    let (mut faults, mut traces) = (Vec::new(), Traces::now(&stand.server));
    for program in &programs {
        let since = Instant::now();
        let found = stand.strike(program, &mut traces);
        println!("{class}/{}: {} ms", program.name, since.elapsed().as_millis());
        faults.extend(found.into_iter().map(|fault| format!("{class}/{}: {fault}", program.name)));
    }
    faults.extend(Holdings::of(&stand.server).excess(&before));
    let log = stand.server.log();
    faults.extend(log.iter().filter(|line| line.contains("panicked")).cloned());
    let logged = stand.planted.found_in(&log.join("\n"), &[]);
    faults.extend(logged.into_iter().map(|secret| format!("{secret} is in the log")));
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    stand.server.stop();
}

impl Stand {
    fn new(programs: &[Program]) -> Self {
        let languages: BTreeSet<_> =
            programs.iter().map(|program| program.language).chain(["bash", "python"]).collect();
        // Two, so that a harmless job need not wait for the sandbox that an attack has used up.
        let sizes: Vec<_> = languages.iter().map(|name| (*name, if *name == "bash" { 2 } else { 1 })).collect();
        let planted = Planted::new();
        let server =
            Arrange::new(&sizes).env("PLANTED", &planted.environment).set("pool.cpus=1").set("pool.run_slots=2").warm();
        let planted = planted.server_is(server.pid());
        // Also the job that was there before.
        let alone = innocent::alone(&server, &planted);
        let alone = programs.iter().any(|program| program.is_beside_innocent).then_some(alone);
        let stand = Self { server, planted, alone };
        stand.harmless().unwrap_or_else(|fault| panic!("before any attack: {fault}"));
        stand
    }

    /// What is not as it must be, while and after a program runs.
    fn strike(&self, program: &Program, traces: &mut Traces) -> Vec<String> {
        let inputs: Vec<_> = (0..program.cases()).map(|_| secret("input")).collect();
        let (route, request) = program.request(&self.planted, &inputs);
        let attack = || self.server.try_send("POST", route, Some("application/json"), request.to_string().into());
        let (reply, mut faults) = match self.alone.filter(|_| program.is_beside_innocent) {
            Some(alone) => innocent::beside(&self.server, &self.planted, alone, attack),
            None => (attack(), Vec::new()),
        };
        match reply {
            Err(error) => faults.push(format!("there was no answer: {error}")),
            Ok(reply) if reply.status != 200 => faults.push(format!("{}: {}", reply.status, reply.body)),
            Ok(reply) => {
                let found = program.faults_of(&request, &reply.body);
                match (program.is_open, found.is_empty()) {
                    (false, _) => faults.extend(found),
                    (true, false) => {}
                    (true, true) => faults.push("it no longer succeeds: its header should not say `open`".to_owned()),
                }
                let leaked = self.planted.found_in(&text_of(&reply.body), &inputs);
                faults.extend(leaked.into_iter().map(|secret| format!("{secret} is in the answer")));
            }
        }
        faults.extend(self.harmless().err());
        match self.clean(traces) {
            Ok(now) => *traces = now,
            Err(left) => faults.extend(left),
        }
        faults
    }

    fn harmless(&self) -> Result<(), String> {
        let answer = self.server.execute(&json!({"language": "bash", "source": "echo $((6 * 7))"}));
        let run = &answer["run"];
        let is_right = answer["status"] == "ok" && run["stdout"] == "42\n" && run["stderr"] == "";
        if is_right { Ok(()) } else { Err(format!("the next job got {answer}")) }
    }

    /// The traces of now, once nothing is left; what is left for good otherwise.
    fn clean(&self, traces: &Traces) -> Result<Traces, Vec<String>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match traces.gone(&self.server, &self.planted) {
                Err(_) if Instant::now() < deadline => thread::sleep(PAUSE),
                result => return result,
            }
        }
    }
}
