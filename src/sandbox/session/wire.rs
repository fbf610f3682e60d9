//! What a step is on the wire.

use std::time::Duration;

use caisson_protocol::{self as protocol, Start, ToAgent};

use crate::job::{Limits, Output, Overflow, SourceFile, Step, Work};

/// What comes before a step.
pub(super) fn prepare(files: &[SourceFile], step: &Step, work: Work, bytes: &mut Vec<u8>) {
    let bulk: usize = files.iter().map(|file| file.content.len()).sum::<usize>() + step.stdin.len();
    bytes.reserve(bulk + 4096);
    for file in files {
        let begin = ToAgent::File { path: file.path.to_string() };
        protocol::encode_pieces(&begin, &ToAgent::More, &file.content, bytes);
    }
    let work = match work {
        Work::Originals | Work::OriginalsToKeep | Work::OriginalsToCache => protocol::Work::Originals,
        Work::Left => protocol::Work::Left,
        Work::Kept => protocol::Work::Kept,
    };
    protocol::encode(&ToAgent::Prepare(work), &[], bytes);
}

/// The step itself, with its input.
pub(super) fn order(step: &Step, wired: protocol::Step, bytes: &mut Vec<u8>) {
    if !step.stdin.is_empty() {
        protocol::encode_pieces(&ToAgent::Stdin, &ToAgent::Stdin, &step.stdin, bytes);
    }
    protocol::encode(&ToAgent::Run(wired), &[], bytes);
}

pub(super) fn wire_step(step: &Step, work: Work, joined: bool, start: Start) -> protocol::Step {
    let Step { argv, env: _, stdin: _, limits, overflow, output, arm: _ } = step;
    protocol::Step {
        argv: argv.to_vec(),
        env: step.environment(),
        keep: work.keeps(),
        start,
        joined,
        merge_stderr: *output == Output::Merged,
        overflow: match overflow {
            Overflow::Cut => protocol::Overflow::Cut,
            Overflow::Kill => protocol::Overflow::Kill,
        },
        limits: wire_limits(limits),
    }
}

fn wire_limits(limits: &Limits) -> protocol::Limits {
    let Limits { cpu_time, wall_time, memory_bytes, output_bytes, processes, file_size_bytes, open_files, stack_bytes } =
        *limits;
    protocol::Limits {
        cpu_ns: nanoseconds(cpu_time),
        wall_ns: nanoseconds(wall_time),
        memory_bytes,
        output_bytes,
        processes: u32::try_from(processes).unwrap_or(u32::MAX),
        file_size_bytes,
        open_files,
        stack_bytes,
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
