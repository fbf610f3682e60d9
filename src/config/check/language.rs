//! A file of `languages/`.

use super::{limits, notes::Notes};
use crate::{
    config::raw::{RawArm, RawColdRule, RawLanguage, RawStages},
    job::{ArmingRules, Ceiling, ColdRule, LanguageId, MOST_ARMED_BYTES, WorkPath},
    language::{Armament, Language, Template},
};

pub(super) fn check(key: &str, raw: RawLanguage, size: Option<u64>, notes: &mut Notes<'_>) -> Option<Language> {
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
        compile_limits: limits::limits_of(&compile_limits),
        run_limits: limits::limits_of(&run_limits),
        ceiling: Ceiling(limits::limits_of(&ceiling)),
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
