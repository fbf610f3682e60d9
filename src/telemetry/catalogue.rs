//! Every metric, once: its name, its help, its labels. Labels come from closed sets, and every series exists from the
//! start, so that a rate is right from the first event on and a dashboard has no holes.
//!
//! Seconds and bytes throughout. A bucket costs a series for each combination of labels, so each kind of duration has
//! those in which its questions are asked, and no others.

mod engine;
mod front;
mod jobs;
mod make;
mod pool;

use prometheus::{Error, Gauge, Opts, Registry};

use crate::job::LanguageId;

#[derive(Debug)]
pub struct Catalogue {
    pub jobs: jobs::Jobs,
    pub pool: pool::Pool,
    pub engine: engine::Engine,
    pub front: front::Front,
}

impl Catalogue {
    pub fn register(registry: &Registry, languages: &[LanguageId]) -> Result<Self, Error> {
        let version = Opts::new("caisson_build_info", "Always 1; the label tells the version that runs.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        make::put(registry, Gauge::with_opts(version)?)?.set(1.0);
        let names: Vec<_> = languages.iter().map(LanguageId::as_str).collect();
        Ok(Self {
            jobs: jobs::Jobs::register(registry, &names)?,
            pool: pool::Pool::register(registry, &names)?,
            engine: engine::Engine::register(registry)?,
            front: front::Front::register(registry)?,
        })
    }
}
