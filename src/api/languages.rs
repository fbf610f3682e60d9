//! `GET /v1/languages`: what can be run and with which limits.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{Api, status::json};
use crate::{job, language::Language};

#[derive(Debug, Serialize)]
struct List<'a> {
    languages: Vec<Entry<'a>>,
}

#[derive(Debug, Serialize)]
struct Entry<'a> {
    id: &'a str,
    name: &'a str,
    version: &'a str,
    aliases: &'a [String],
    extensions: &'a [String],
    limits: Bounds,
}

#[derive(Debug, Serialize)]
struct Bounds {
    /// Defaults of the compile stage; none for a language without one.
    compile: Option<Limits>,
    /// Defaults of the run stage.
    run: Limits,
    /// The most that a request may ask for, for either stage.
    ceiling: Limits,
}

/// The names and units of a request's `limits`.
#[derive(Debug, Serialize)]
struct Limits {
    cpu_time_ms: f64,
    wall_time_ms: f64,
    memory_bytes: u64,
    output_bytes: u64,
    processes: u64,
    file_size_bytes: u64,
    open_files: u64,
    stack_bytes: u64,
}

pub async fn list(State(api): State<Arc<Api>>) -> Response {
    let languages = api.catalogue.iter().map(|language| Entry::new(language)).collect();
    json(&List { languages }).into_response()
}

impl<'a> Entry<'a> {
    fn new(language: &'a Language) -> Self {
        Self {
            id: &language.id,
            name: &language.name,
            version: &language.version,
            aliases: &language.aliases,
            extensions: &language.extensions,
            limits: Bounds {
                compile: language.compile.is_some().then(|| Limits::new(&language.compile_limits)),
                run: Limits::new(&language.run_limits),
                ceiling: Limits::new(&language.ceiling.0),
            },
        }
    }
}

impl Limits {
    fn new(limits: &job::Limits) -> Self {
        let job::Limits {
            cpu_time,
            wall_time,
            memory_bytes,
            output_bytes,
            processes,
            file_size_bytes,
            open_files,
            stack_bytes,
        } = *limits;
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        Self {
            cpu_time_ms: ms(cpu_time),
            wall_time_ms: ms(wall_time),
            memory_bytes,
            output_bytes,
            processes,
            file_size_bytes,
            open_files,
            stack_bytes,
        }
    }
}
