//! Hostile programs, one attack each, against the real binary on a real Docker engine. Fails without one. What a program
//! says of itself, and what is looked at after each, is in the README beside this file.

#[path = "../support/engine.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;

mod answer;
mod header;
mod host;
mod innocent;
mod planted;
mod program;
mod stand;

use std::collections::{BTreeMap, BTreeSet};

use program::Program;

const CLASSES: [&str; 7] = ["supervisor", "processes", "memory", "floods", "files", "kernel", "compile"];

#[test]
fn no_program_reaches_what_watches_over_it() {
    stand::withstands("supervisor");
}

#[test]
fn no_process_outlives_or_escapes_its_limits() {
    stand::withstands("processes");
}

#[test]
fn no_memory_is_had_beyond_the_limit_by_whatever_name() {
    stand::withstands("memory");
}

#[test]
fn no_flood_of_output_or_files_drowns_anybody() {
    stand::withstands("floods");
}

#[test]
fn no_file_carries_anything_from_one_case_or_job_to_another() {
    stand::withstands("files");
}

#[test]
fn no_way_leads_into_the_kernel_or_out_to_the_host() {
    stand::withstands("kernel");
}

#[test]
fn no_compile_reads_runs_or_takes_what_it_must_not() {
    stand::withstands("compile");
}

#[test]
fn there_are_as_many_programs_as_promised_and_no_two_have_one_name() {
    let classes = CLASSES.map(|class| (class, Program::all(class)));
    let mut names = BTreeSet::new();
    let mut languages = BTreeMap::new();
    for (class, programs) in &classes {
        assert!(programs.len() >= 6, "{class} has {} programs", programs.len());
        for program in programs {
            assert!(names.insert(&program.name), "two programs are called {}", program.name);
            *languages.entry(program.language).or_insert(0) += 1;
        }
    }
    assert!(names.len() >= 60, "{} programs", names.len());
    assert_eq!(languages.len(), 6, "{languages:?}");
    assert!(languages.values().all(|count| *count >= 5), "{languages:?}");
}
