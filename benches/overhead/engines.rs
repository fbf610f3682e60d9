//! A server on each engine, with shelves that a round does not use up.

use crate::{
    engine::DockerHost,
    jobs::Job,
    server::{Arrange, Server},
};

pub struct Engines {
    pub docker: Server,
    pub native: Server,
}

/// Ready sandboxes beyond those that a round uses.
const SPARE: usize = 2;
/// Dying sandboxes count too, and refills overlap them.
const BUDGET: u32 = 192;

impl Engines {
    pub fn start(jobs: &[Job]) -> Self {
        let shelves = |runs: fn(&Job) -> usize| {
            let mut shelves: Vec<(&'static str, usize)> = Vec::new();
            for job in jobs {
                let wanted = runs(job) + SPARE;
                match shelves.iter_mut().find(|(language, _)| *language == job.language) {
                    Some((_, size)) => *size = wanted.max(*size),
                    None => shelves.push((job.language, wanted)),
                }
            }
            shelves
        };
        // The native one first: beside the boots of the other it would take longer.
        let native = on_native(&shelves(|job| job.runs[2])).warm();
        let docker = on_docker(&shelves(|job| job.runs[1])).warm();
        Self { docker, native }
    }

    pub fn stop(self) {
        self.docker.stop();
        self.native.stop();
    }
}

pub fn on_docker(shelves: &[(&'static str, usize)]) -> Arrange {
    arrange(shelves)
}

pub fn on_native(shelves: &[(&'static str, usize)]) -> Arrange {
    arrange(shelves).docker(DockerHost::native())
}

fn arrange(shelves: &[(&'static str, usize)]) -> Arrange {
    Arrange::beside(shelves).budget(BUDGET).set("log.filter=info")
}
