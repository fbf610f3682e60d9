//! What the configuration means, and everything that is wrong with it at once. Pure.

use std::{collections::HashMap, net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use serde_json::Value;

use super::{
    Compat, Config, Docker, EngineChoice, Fault, Handoff, Key, KeyRate, KeyScope, Log, LogFormat, Native, Otlp, Pool,
    RuntimeChoice, Schedule, SeedExitStatus, Server, Telemetry,
    overlay::Overlay,
    raw::{
        Raw, RawArm, RawColdRule, RawCompat, RawDocker, RawEngine, RawKey, RawLanguage, RawLanguages, RawLimits,
        RawLog, RawNative, RawPool, RawSchedule, RawSeed, RawServer, RawStages, RawTelemetry,
    },
    source::{Layered, Read},
};
use crate::{
    calendar::Cron,
    job::{ArmingRules, Ceiling, ColdRule, LanguageId, Limits, MOST_ARMED_BYTES, WorkPath},
    language::{Armament, Language, Template},
};

/// Notes faults together with where the value was written.
struct Notes<'a> {
    overlay: &'a Overlay,
    /// Stands before every key.
    section: &'a str,
    faults: &'a mut Vec<Fault>,
}

/// Below this a token can be guessed.
const LEAST_TOKEN: usize = 16;
/// Docker turns away containers with less.
const LEAST_MEMORY: u64 = 16 * 1024 * 1024;
/// The most that the kernel takes.
const MOST_CPU_SHARES: u64 = 262_144;
/// A shelf that is to be full for longer has the wrong size.
const LONGEST_HOLD_MS: u64 = 24 * 3600 * 1000;
/// Uids below belong to people and services of ordinary systems.
const LEAST_UID: u64 = 10_000;

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
    check_stages(&limits, &mut notes);
    let server = check_server(server, &mut notes);
    let engines = [("auto", EngineChoice::Auto), ("docker", EngineChoice::Docker), ("native", EngineChoice::Native)];
    let engine = notes.choice("engine", &engine, &engines);
    let docker = check_docker(docker, &seccomp, &mut notes);
    let native = check_native(native, &mut notes);
    let log = check_log(log, &mut notes);
    let telemetry = check_telemetry(telemetry, &mut notes);
    let exit_status = notes.choice(
        "compat.caisson.exit_status",
        &exit_status,
        &[("program", SeedExitStatus::Program), ("head", SeedExitStatus::Head)],
    );
    let sizes = pool.sizes.clone();
    let pool = check_pool(pool, cores, &mut notes);
    let keys: Vec<String> = languages.iter().map(|(key, _)| key.clone()).collect();
    let mut checked = Vec::with_capacity(languages.len());
    for (key, Layered { value, overlay }) in languages {
        let section = format!("languages/{key}");
        let mut notes = Notes { overlay: &overlay, section: &section, faults: notes.faults };
        // What it inherits has been checked already.
        if value.limits != limits {
            check_stages(&value.limits, &mut notes);
        }
        checked.extend(check_language(&key, value, sizes.get(&key).copied(), &mut notes));
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

fn check_server(raw: RawServer, notes: &mut Notes<'_>) -> Server {
    let RawServer {
        listen,
        max_connections,
        idle_patience_ms,
        max_body_bytes,
        max_in_flight_bytes,
        max_files,
        default_deadline_ms,
        max_deadline_ms,
        drain_patience_ms,
        keys,
    } = raw;
    let address = listen.parse::<SocketAddr>().unwrap_or_else(|_| {
        notes.add("server.listen", "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080");
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    if !address.ip().is_loopback() && keys.is_empty() {
        let problem = "is reachable from elsewhere, and whoever reaches it may run code: \
            add at least one [[server.keys]], or listen on 127.0.0.1";
        notes.add("server.listen", problem);
    }
    notes.within("server.max_connections", max_connections, 1, 1 << 20);
    notes.at_least("server.idle_patience_ms", idle_patience_ms, 1);
    notes.within("server.max_body_bytes", max_body_bytes, 1024, 256 * 1024 * 1024);
    notes.within("server.max_files", max_files, 1, 512);
    notes.at_least("server.max_deadline_ms", max_deadline_ms, 1);
    notes.within("server.default_deadline_ms", default_deadline_ms, 1, max_deadline_ms.max(1));
    let keys = keys.into_iter().enumerate().map(|(index, key)| check_key(index, key, notes)).collect::<Vec<_>>();
    for (index, key) in keys.iter().enumerate() {
        if keys[..index].iter().any(|other| other.token == key.token) {
            notes.add(&format!("server.keys[{index}].token"), "is the token of another key too");
        }
        if !key.name.is_empty() && keys[..index].iter().any(|other| other.name == key.name) {
            notes.add(&format!("server.keys[{index}].name"), "is the name of another key too");
        }
    }
    Server {
        listen: address,
        max_connections: max_connections as usize,
        idle_patience: Duration::from_millis(idle_patience_ms),
        max_body_bytes: max_body_bytes as usize,
        max_in_flight_bytes: usize::try_from(max_in_flight_bytes).unwrap_or(usize::MAX),
        max_files: max_files as usize,
        default_deadline: Duration::from_millis(default_deadline_ms),
        max_deadline: Duration::from_millis(max_deadline_ms),
        drain_patience: Duration::from_millis(drain_patience_ms),
        keys,
    }
}

/// Requests per second of one key. More is no bound worth the name, and less is a key that may do nothing.
const MOST_RATE: f64 = 1e6;
const LEAST_RATE: f64 = 0.001;
/// Times the longest period, this is within what the clock of the bound can count.
const MOST_BURST: u64 = 1_000_000;
const MOST_CONCURRENT: u64 = 1_000_000;

fn check_key(index: usize, raw: RawKey, notes: &mut Notes<'_>) -> Key {
    let RawKey { name, token, scopes, rate_per_second, burst, max_concurrent } = raw;
    let place = format!("server.keys[{index}]");
    if name.is_empty() {
        notes.add(&format!("{place}.name"), "must not be empty: it names the client in logs");
    }
    if token.len() < LEAST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem =
            format!("must have at least {LEAST_TOKEN} visible ASCII characters; `openssl rand -hex 24` makes one");
        notes.add(&format!("{place}.token"), problem);
    }
    if scopes.is_empty() {
        notes.add(&format!("{place}.scopes"), "must hold `execute`, `admin` or both");
    }
    let known = [("execute", KeyScope::Execute), ("admin", KeyScope::Admin)];
    let scopes = scopes.iter().map(|scope| notes.choice(&format!("{place}.scopes"), scope, &known)).collect();
    let of_rate = format!("{place}.rate_per_second");
    if rate_per_second != 0.0 && !(LEAST_RATE..=MOST_RATE).contains(&rate_per_second) {
        let problem = format!("must be from {LEAST_RATE} to {MOST_RATE}, or 0 for no bound, is {rate_per_second}");
        notes.add(&of_rate, problem);
    }
    notes.within(&format!("{place}.burst"), burst, 0, MOST_BURST);
    notes.within(&format!("{place}.max_concurrent"), max_concurrent, 0, MOST_CONCURRENT);
    let has_rate = rate_per_second > 0.0;
    if burst > 0 && !has_rate {
        notes.add(&format!("{place}.burst"), "needs a rate_per_second");
    }
    // Without a word on it, one second's worth.
    let burst = if burst == 0 { rate_per_second.ceil() as u64 } else { burst };
    let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new);
    let rate = burst.filter(|_| has_rate).map(|burst| KeyRate { per_second: rate_per_second, burst });
    let max_concurrent = Some(max_concurrent as usize).filter(|most| *most > 0);
    Key { name, token, scopes, rate, max_concurrent }
}

fn check_pool(raw: RawPool, cores: usize, notes: &mut Notes<'_>) -> Pool {
    let RawPool {
        owner,
        budget,
        sizes: _,
        most_ready,
        memory_reserve_bytes,
        schedules,
        creators,
        run_slots,
        queue,
        queue_patience_ms,
        cpus,
        uid_base,
        boot_patience_ms,
        recycle_after_ms,
        compile_cache_bytes,
    } = raw;
    // It becomes part of the names of containers.
    let fits = (1..=40).contains(&owner.len())
        && owner.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !owner.starts_with('-');
    if !fits {
        notes.add("pool.owner", "must be 1 to 40 lower-case letters, digits and `-`, and not begin with `-`");
    }
    notes.within("pool.budget", budget, 1, 4096);
    notes.within("pool.most_ready", most_ready, 0, 4096);
    notes.within("pool.creators", creators, 0, 256);
    notes.within("pool.run_slots", run_slots, 0, 4096);
    notes.within("pool.queue", queue, 1, 100_000);
    if !(cpus == 0.0 || (0.1..=cores as f64).contains(&cpus)) {
        let problem = format!("must be 0 (no bound) or from 0.1 to the {cores} processors that there are, is {cpus}");
        notes.add("pool.cpus", problem);
    }
    // Two for each sandbox, below the sign bit.
    notes.within("pool.uid_base", uid_base, LEAST_UID, (1 << 31) - 2 * budget.min(4096) - 1);
    notes.at_least("pool.boot_patience_ms", boot_patience_ms, 100);
    notes.at_least("pool.recycle_after_ms", recycle_after_ms, 1000);
    let schedules = schedules.into_iter().enumerate();
    let schedules = schedules.filter_map(|(index, schedule)| check_schedule(index, schedule, budget, notes)).collect();
    let or_cores = |number: u64| if number == 0 { cores } else { number as usize };
    Pool {
        owner,
        budget: budget as usize,
        most_ready: most_ready as usize,
        memory_reserve_bytes,
        schedules,
        creators: or_cores(creators),
        run_slots: match run_slots {
            // Left to us: as many as there are processors, as far as the budget goes.
            0 => cores.min((budget as usize).saturating_sub(1)).max(1),
            slots => slots as usize,
        },
        queue: queue as usize,
        queue_patience: Duration::from_millis(queue_patience_ms),
        cpus: if cpus == 0.0 { cores as f64 } else { cpus },
        uid_base: uid_base as u32,
        boot_patience: Duration::from_millis(boot_patience_ms),
        recycle_after: Duration::from_millis(recycle_after_ms),
        compile_cache_bytes: usize::try_from(compile_cache_bytes).unwrap_or(usize::MAX),
    }
}

fn check_schedule(index: usize, raw: RawSchedule, budget: u64, notes: &mut Notes<'_>) -> Option<Schedule> {
    let RawSchedule { language, cron, size, hold_ms } = raw;
    let place = format!("pool.schedules[{index}]");
    notes.within(&format!("{place}.size"), size, 1, budget);
    notes.within(&format!("{place}.hold_ms"), hold_ms, 1, LONGEST_HOLD_MS);
    let cron = notes.parsed(&format!("{place}.cron"), Cron::parse(&cron))?;
    let language = LanguageId::new(&language);
    Some(Schedule { language, cron, size: size as usize, hold: Duration::from_millis(hold_ms) })
}

fn check_native(raw: RawNative, notes: &mut Notes<'_>) -> Native {
    let RawNative { roots } = raw;
    if roots.is_empty() {
        notes.add("native.roots", "must name the directory of the images' roots; images/roots.sh makes them");
    }
    Native { roots: PathBuf::from(roots) }
}

fn check_docker(raw: RawDocker, seccomp: &str, notes: &mut Notes<'_>) -> Docker {
    let RawDocker { host, handoff, runtime, seccomp_profile, cpu_shares, request_patience_ms } = raw;
    if !["unix://", "tcp://", "http://"].iter().any(|scheme| host.starts_with(scheme)) {
        notes.add("docker.host", "must begin with unix:// or tcp://, such as unix:///var/run/docker.sock");
    }
    let handoff = notes.choice("docker.handoff", &handoff, &[("exec", Handoff::Exec), ("attach", Handoff::Attach)]);
    if cpu_shares != 0 && !(2..=MOST_CPU_SHARES).contains(&cpu_shares) {
        let text = format!("must be 2 to {MOST_CPU_SHARES}, or 0 to leave the weight to the engine, not {cpu_shares}");
        notes.add("docker.cpu_shares", text);
    }
    notes.at_least("docker.request_patience_ms", request_patience_ms, 1000);
    // An unreadable file has been noted where it was read.
    let seccomp = match serde_json::from_str::<Value>(seccomp) {
        Ok(profile) => profile.to_string(),
        Err(_) if seccomp.is_empty() => String::new(),
        Err(error) => {
            notes.add("docker.seccomp_profile", format!("{seccomp_profile} is no JSON: {error}"));
            String::new()
        }
    };
    Docker {
        host,
        handoff,
        runtime: match runtime.as_str() {
            "auto" => RuntimeChoice::Auto,
            "" => RuntimeChoice::Engine,
            _ => RuntimeChoice::Named(runtime),
        },
        seccomp,
        cpu_shares,
        request_patience: Duration::from_millis(request_patience_ms),
    }
}

fn check_log(raw: RawLog, notes: &mut Notes<'_>) -> Log {
    let RawLog { format, filter } = raw;
    let format = notes.choice("log.format", &format, &[("human", LogFormat::Human), ("json", LogFormat::Json)]);
    Log { format, filter }
}

fn check_telemetry(raw: RawTelemetry, notes: &mut Notes<'_>) -> Telemetry {
    let RawTelemetry { otlp_endpoint, otlp_headers, otlp_service_name, otlp_sample_ratio } = raw;
    let endpoint = otlp_endpoint.trim_end_matches('/');
    if endpoint.starts_with("https://") {
        let problem = "must begin with http://: the service speaks no TLS; a collector beside it can";
        notes.add("telemetry.otlp_endpoint", problem);
    } else if !endpoint.is_empty() && !is_base(endpoint) {
        let problem = "must be http:// with a host and perhaps a port, such as http://127.0.0.1:4318";
        notes.add("telemetry.otlp_endpoint", problem);
    } else if endpoint.ends_with("/v1/traces") {
        notes.add("telemetry.otlp_endpoint", "must be without `/v1/traces`, which is added");
    }
    for (name, value) in &otlp_headers {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_token) || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            let name = name.escape_default();
            notes.add("telemetry.otlp_headers", format!("holds `{name}`, whose name or value cannot be a header's"));
        }
    }
    if otlp_service_name.is_empty() {
        notes.add("telemetry.otlp_service_name", "must not be empty");
    }
    if !(0.0..=1.0).contains(&otlp_sample_ratio) {
        let problem = format!("must be from 0 (no trace that begins here) to 1 (all of them), is {otlp_sample_ratio}");
        notes.add("telemetry.otlp_sample_ratio", problem);
    }
    let otlp = Otlp {
        endpoint: endpoint.to_owned(),
        headers: otlp_headers.into_iter().collect(),
        service_name: otlp_service_name,
        sample_ratio: otlp_sample_ratio,
    };
    Telemetry { otlp: Some(otlp).filter(|otlp| !otlp.endpoint.is_empty()) }
}

/// `http://`, a host, perhaps a port and a path.
fn is_base(endpoint: &str) -> bool {
    endpoint.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        // The colons of an IPv6 address stand in brackets.
        let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        let has_port = port.is_none_or(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@');
        !host.is_empty() && has_port && rest.bytes().all(is_plain)
    })
}

fn check_stages(stages: &RawStages, notes: &mut Notes<'_>) {
    let RawStages { compile, run, ceiling } = stages;
    let most = named(ceiling);
    for (name, value) in most {
        notes.at_least(&format!("limits.ceiling.{name}"), value, 1);
    }
    notes.at_least("limits.ceiling.memory_bytes", ceiling.memory_bytes, LEAST_MEMORY);
    for (stage, limits) in [("compile", compile), ("run", run)] {
        for ((name, value), (_, most)) in named(limits).into_iter().zip(most) {
            notes.within(&format!("limits.{stage}.{name}"), value, 1, most.max(1));
        }
    }
}

fn check_language(key: &str, raw: RawLanguage, size: Option<u64>, notes: &mut Notes<'_>) -> Option<Language> {
    let RawLanguage {
        id,
        name,
        version,
        aliases,
        image,
        runtime,
        source_file,
        extensions,
        compile,
        run,
        rehearse,
        arm,
        env,
        pool_size,
        limits,
    } = raw;
    let before = notes.faults.len();
    for (name, value) in [("name", &name), ("version", &version), ("image", &image)] {
        if value.is_empty() {
            notes.add(name, "is required");
        }
    }
    let runtime = notes.written("runtime").then_some(runtime);
    if runtime.as_ref().is_some_and(|runtime| ["", "auto"].contains(&runtime.as_str())) {
        notes.add("runtime", "must name a runtime that the engine knows; leave it out for the one of docker.runtime");
    }
    let id = if id.is_empty() { key.to_owned() } else { id };
    let source_file = notes.parsed("source_file", WorkPath::parse(&source_file));
    let run = notes.parsed("run", Template::parse(&run));
    let mut optional = |key, words: Vec<String>| match words.is_empty() {
        true => None,
        false => notes.parsed(key, Template::parse(&words)),
    };
    let compile = optional("compile", compile);
    let rehearse = optional("rehearse", rehearse);
    let arm = check_arm(arm, compile.is_some(), notes);
    if arm.is_some() && source_file.as_ref().is_some_and(|path| path.as_str().contains('/')) {
        notes.add("arm.mode", "is for a language whose source_file lies in no directory");
    }
    for name in env.keys().filter(|name| name.is_empty() || name.contains(['=', '\0'])) {
        notes.add("env", format!("holds the impossible name `{}`", name.escape_default()));
    }
    let RawStages { compile: compile_limits, run: run_limits, ceiling } = limits;
    if notes.faults.len() > before {
        return None;
    }
    Some(Language {
        key: LanguageId::new(key),
        id,
        name,
        version,
        aliases,
        image,
        runtime,
        source_file: source_file?,
        extensions,
        compile,
        run: run?,
        rehearse,
        arm,
        env: env.into_iter().collect(),
        compile_limits: limits_of(&compile_limits),
        run_limits: limits_of(&run_limits),
        ceiling: Ceiling(limits_of(&ceiling)),
        pool_size: size.unwrap_or(pool_size) as usize,
    })
}

/// `None` where nothing is to be started in advance.
fn check_arm(raw: RawArm, compiles: bool, notes: &mut Notes<'_>) -> Option<Armament> {
    let RawArm { mode, command, most_bytes, alone, fork, sees_memory, run_entry, cold_when } = raw;
    notes.within("arm.most_bytes", most_bytes, 0, MOST_ARMED_BYTES as u64);
    if cold_when.iter().any(|rule| rule.holds.is_empty()) {
        notes.add("arm.cold_when", "has a rule whose `holds` is empty");
    }
    let cold = cold_when.into_iter().map(|RawColdRule { holds, within_lines, unless }| ColdRule {
        holds: holds.into_bytes(),
        within_lines: usize::try_from(within_lines).unwrap_or(usize::MAX),
        unless: (!unless.is_empty()).then(|| unless.into_bytes()),
    });
    let cold = cold.collect();
    let rules = ArmingRules { most_bytes: most_bytes as usize, is_alone: alone, sees_memory, forks: fork, cold };
    if fork && (mode == "compile" || !command.is_empty()) {
        notes.add("arm.fork", "is for mode `run`, without a command of its own");
    }
    let command = match command.is_empty() {
        true => None,
        false => Some(notes.parsed("arm.command", Template::parse(&command))?),
    };
    if mode == "run" && !run_entry.is_empty() {
        notes.add("arm.run_entry", "is for mode `compile`, after which something is run");
    }
    let run_entry = match run_entry.is_empty() {
        true => None,
        false => Some(notes.parsed("arm.run_entry", WorkPath::parse(&run_entry))?),
    };
    if run_entry.as_ref().is_some_and(|entry| entry.to_string().contains('/')) {
        notes.add("arm.run_entry", "must be the name of a file that lies in no directory");
    }
    match (mode.as_str(), compiles) {
        ("off", _) => return None,
        ("run", false) | ("compile", true) => return Some(Armament { command, rules, run_entry }),
        ("run", true) => notes.add("arm.mode", "must be `compile` where there is a compile command, which comes first"),
        ("compile", false) => notes.add("arm.mode", "must be `run` where there is no compile command"),
        _ => notes.add("arm.mode", format!("must be `run`, `compile` or `off`, not `{mode}`")),
    }
    None
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

fn named(limits: &RawLimits) -> [(&'static str, u64); 8] {
    let RawLimits {
        cpu_time_ms,
        wall_time_ms,
        memory_bytes,
        output_bytes,
        processes,
        file_size_bytes,
        open_files,
        stack_bytes,
    } = *limits;
    [
        ("cpu_time_ms", cpu_time_ms),
        ("wall_time_ms", wall_time_ms),
        ("memory_bytes", memory_bytes),
        ("output_bytes", output_bytes),
        ("processes", processes),
        ("file_size_bytes", file_size_bytes),
        ("open_files", open_files),
        ("stack_bytes", stack_bytes),
    ]
}

fn limits_of(raw: &RawLimits) -> Limits {
    let RawLimits {
        cpu_time_ms,
        wall_time_ms,
        memory_bytes,
        output_bytes,
        processes,
        file_size_bytes,
        open_files,
        stack_bytes,
    } = *raw;
    Limits {
        cpu_time: Duration::from_millis(cpu_time_ms),
        wall_time: Duration::from_millis(wall_time_ms),
        memory_bytes,
        output_bytes,
        processes,
        file_size_bytes,
        open_files,
        stack_bytes,
    }
}

impl Notes<'_> {
    fn add(&mut self, key: &str, problem: impl Into<String>) {
        let origin = self.overlay.origin(key).cloned();
        let key = if self.section.is_empty() { key.to_owned() } else { format!("{}.{key}", self.section) };
        self.faults.push(Fault { key, problem: problem.into(), origin });
    }

    /// Whether the key stands anywhere, or has its default.
    fn written(&self, key: &str) -> bool {
        self.overlay.origin(key).is_some()
    }

    fn at_least(&mut self, key: &str, value: u64, least: u64) {
        self.within(key, value, least, u64::MAX);
    }

    fn within(&mut self, key: &str, value: u64, least: u64, most: u64) {
        if value < least {
            self.add(key, format!("must be at least {least}, is {value}"));
        } else if value > most {
            self.add(key, format!("must be at most {most}, is {value}"));
        }
    }

    /// The choice that is meant; the first one beside a fault.
    fn choice<T: Copy>(&mut self, key: &str, value: &str, of: &[(&str, T)]) -> T {
        let found = of.iter().find(|(name, _)| *name == value);
        if found.is_none() {
            let names: Vec<_> = of.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.add(key, format!("must be {}, not `{value}`", names.join(" or ")));
        }
        found.unwrap_or(&of[0]).1
    }

    fn parsed<T, E: std::fmt::Display>(&mut self, key: &str, result: Result<T, E>) -> Option<T> {
        result.map_err(|fault| self.add(key, fault.to_string())).ok()
    }
}
