//! `[limits]`, of the service and of a language.

use std::time::Duration;

use super::notes::Notes;
use crate::{
    config::raw::{RawLimits, RawStages},
    job::Limits,
};

/// Docker turns away containers with less.
const LEAST_MEMORY: u64 = 16 * 1024 * 1024;

pub(super) fn check(stages: &RawStages, notes: &mut Notes<'_>) {
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

pub(super) fn limits_of(raw: &RawLimits) -> Limits {
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
