//! What the configuration means, and everything that is wrong with it at once. Pure. Sections are checked in files of their
//! own; here, what they have to do with one another.

mod engines;
mod language;
mod limits;
mod notes;
mod pool;
mod server;
mod telemetry;

use std::collections::HashMap;

use self::notes::Notes;
use super::{
    Compat, Config, EngineChoice, Fault, Pool, SeedExitStatus, Server,
    raw::{Raw, RawCompat, RawEngine, RawLanguages, RawSeed},
    source::{Layered, Read},
};
use crate::language::Language;

/// `cores`: what 0 stands for.
pub fn check(read: Read, cores: usize, faults: &mut Vec<Fault>) -> Config {
    let Read { settings, languages, seccomp } = read;
    let Layered { value, overlay } = settings;
    let Raw {
        engine: RawEngine(engine),
        server,
        pool,
        languages: selection,
        limits,
        docker,
        native,
        log,
        telemetry,
        compat,
    } = value;
    let RawCompat { caisson: RawSeed { exit_status } } = compat;
    let mut notes = Notes { overlay: &overlay, section: "", faults };
    limits::check(&limits, &mut notes);
    let server = server::check(server, &mut notes);
    let engines = [("auto", EngineChoice::Auto), ("docker", EngineChoice::Docker), ("native", EngineChoice::Native)];
    let engine = notes.choice("engine", &engine, &engines);
    let docker = engines::check_docker(docker, &seccomp, &mut notes);
    let native = engines::check_native(native, &mut notes);
    let log = telemetry::check_log(log, &mut notes);
    let telemetry = telemetry::check_telemetry(telemetry, &mut notes);
    let exit_status = notes.choice(
        "compat.caisson.exit_status",
        &exit_status,
        &[("program", SeedExitStatus::Program), ("head", SeedExitStatus::Head)],
    );
    let sizes = pool.sizes.clone();
    let pool = pool::check(pool, cores, &mut notes);
    let keys: Vec<String> = languages.iter().map(|(key, _)| key.clone()).collect();
    let mut checked = Vec::with_capacity(languages.len());
    for (key, Layered { value, overlay }) in languages {
        let section = format!("languages/{key}");
        let mut notes = Notes { overlay: &overlay, section: &section, faults: notes.faults };
        // What it inherits has been checked already.
        if value.limits != limits {
            limits::check(&value.limits, &mut notes);
        }
        checked.extend(language::check(&key, value, sizes.get(&key).copied(), &mut notes));
    }
    let RawLanguages { directory: _, enabled } = selection;
    for missing in enabled.iter().filter(|wanted| !keys.contains(wanted)) {
        notes.add("languages.enabled", format!("names `{missing}`, which has no file in the directory of languages"));
    }
    for missing in sizes.keys().filter(|named| !keys.contains(named)) {
        notes.add("pool.sizes", format!("names `{missing}`, which is no language that is served"));
    }
    for (index, schedule) in pool.schedules.iter().enumerate() {
        let name = schedule.language.as_str();
        if !keys.iter().any(|key| key == name) {
            let problem = format!("names `{name}`, which is no language that is served");
            notes.add(&format!("pool.schedules[{index}].language"), problem);
        }
    }
    check_together(&checked, &pool, &mut notes);
    check_room(&checked, &server, &mut notes);
    Config { engine, server, pool, docker, native, log, telemetry, compat: Compat { exit_status }, languages: checked }
}

fn check_together(languages: &[Language], pool: &Pool, notes: &mut Notes<'_>) {
    if languages.is_empty() && notes.faults.is_empty() {
        notes.add("languages.directory", "holds no language");
    }
    let wanted: usize = languages.iter().map(|language| language.pool_size).sum();
    if wanted > pool.budget {
        let problem = format!(
            "is {}, but the pools together want {wanted} sandboxes: raise it, or lower pool.sizes or the languages' pool_size",
            pool.budget
        );
        notes.add("pool.budget", problem);
    }
    // A judging with a program of its own holds one sandbox while it waits for another: one more than there are jobs, and
    // somebody always gets on.
    if pool.budget <= pool.run_slots {
        let problem =
            format!("is {}, and must be more than the {} run slots (pool.run_slots)", pool.budget, pool.run_slots);
        notes.add("pool.budget", problem);
    }
    names(languages, &mut |key, problem| notes.add(key, problem));
}

/// A job for which there is never enough memory would be told for ever to come back.
fn check_room(languages: &[Language], server: &Server, notes: &mut Notes<'_>) {
    let Some(largest) = languages.iter().max_by_key(|language| language.most_output_bytes()) else { return };
    // A body as it came, and taken apart.
    let of_body = (server.max_body_bytes as u64).saturating_mul(11);
    let needed = largest.most_output_bytes().saturating_add(of_body);
    if needed > server.max_in_flight_bytes as u64 {
        let problem = format!(
            "is {}, but one request for {} may take {needed}: raise it, or lower output_bytes in limits.ceiling",
            server.max_in_flight_bytes, largest.key
        );
        notes.add("server.max_in_flight_bytes", problem);
    }
}

/// A name must lead to one language; several versions of one share its id and aliases.
pub(super) fn names(languages: &[Language], tell: &mut dyn FnMut(&str, String)) {
    let mut owners: HashMap<String, &str> = HashMap::new();
    for language in languages {
        for name in std::iter::once(&language.id).chain(&language.aliases) {
            let owner = owners.entry(name.to_ascii_lowercase()).or_insert(&language.id);
            if *owner != language.id {
                tell(&format!("languages/{}.aliases", language.key), format!("`{name}` already names `{owner}`"));
            }
        }
    }
}
