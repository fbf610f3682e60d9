//! From raw facts to an outcome. Decided here, on the host, and never from anything that a program wrote.

use std::time::Duration;

use caisson_protocol::{Ended, Exit as RawExit, Stop};

use super::{Lost, Raw};
use crate::job::{Captured, Exit, Outcome, Overflow, Stage, Step, Usage};

/// What a step's facts mean under its limits.
pub(super) fn stage(raw: Raw, step: &Step) -> Stage {
    let Raw { ended, stdout, stderr } = raw;
    let usage = Usage {
        cpu_time: Duration::from_nanos(ended.cpu_ns),
        wall_time: Duration::from_nanos(ended.wall_ns),
        memory_peak_bytes: ended.memory_peak_bytes,
    };
    let (outcome, message) = judge(&ended, &usage, step);
    let exit = match ended.exit {
        RawExit::Code(code) => Exit::Code(code),
        RawExit::Signal(signal) => Exit::Signal(signal),
        RawExit::NotStarted(_) => Exit::Unknown,
    };
    Stage { outcome, stdout, stderr, exit, usage, message, armed: ended.armed }
}

/// The stage of a program whose sandbox was lost under it. A silence past the time limit, while the sandbox is busy, is the
/// program's doing, and the next job's sandbox is another; where nothing gets on any more it is not.
pub fn lost(lost: &Lost, step: &Step) -> Stage {
    let (outcome, message) = match lost {
        Lost::Silent => (Outcome::TimeLimit, "wall time limit exceeded"),
        Lost::OutOfMemory => (Outcome::MemoryLimit, "memory limit exceeded"),
        Lost::HungUp
        | Lost::Broken(_)
        | Lost::Frame(_)
        | Lost::NoAgent(_)
        | Lost::OutOfTurn(_)
        | Lost::Version(_)
        | Lost::Unmetered
        | Lost::Uids { .. }
        | Lost::Frozen
        | Lost::Deaf
        | Lost::Failed(_) => (Outcome::SandboxError, "the sandbox was lost; the request may be sent again"),
    };
    let wall_time = if outcome == Outcome::TimeLimit { step.limits.wall_time } else { Duration::ZERO };
    Stage {
        outcome,
        stdout: Captured::default(),
        stderr: Captured::default(),
        exit: Exit::Unknown,
        usage: Usage { wall_time, ..Usage::default() },
        message: Some(message.to_owned()),
        armed: false,
    }
}

fn judge(ended: &Ended, usage: &Usage, step: &Step) -> (Outcome, Option<String>) {
    const CPU: &str = "CPU time limit exceeded";
    const WALL: &str = "wall time limit exceeded";
    const MEMORY: &str = "memory limit exceeded";
    const OUTPUT: &str = "output limit exceeded";
    let limits = &step.limits;
    let is_past_memory = ended.oom_kills > 0 || ended.memory_peak_bytes > limits.memory_bytes;
    let said = |outcome, words: &str| (outcome, Some(words.to_owned()));
    match ended.stopped {
        Some(Stop::Output) => return said(Outcome::OutputLimit, OUTPUT),
        Some(Stop::Memory) => return said(Outcome::MemoryLimit, MEMORY),
        // A program that the kernel shot at for want of memory and that then hung did the one before the other.
        Some(Stop::CpuTime | Stop::WallTime) if ended.oom_kills > 0 => return said(Outcome::MemoryLimit, MEMORY),
        Some(Stop::CpuTime) => return said(Outcome::TimeLimit, CPU),
        Some(Stop::WallTime) => return said(Outcome::TimeLimit, WALL),
        Some(Stop::Asked) if !is_past_memory => return said(Outcome::Ok, "ended, since its answer was known"),
        Some(Stop::Asked) | None => {}
    }
    if is_past_memory {
        return said(Outcome::MemoryLimit, MEMORY);
    }
    // It ended by itself, but before the agent saw what it had written.
    if step.overflow == Overflow::Kill && (ended.stdout_cut || ended.stderr_cut) {
        return said(Outcome::OutputLimit, OUTPUT);
    }
    // It ended by itself, but between two looks of the agent.
    if usage.cpu_time > limits.cpu_time {
        return said(Outcome::TimeLimit, CPU);
    }
    if usage.wall_time > limits.wall_time {
        return said(Outcome::TimeLimit, WALL);
    }
    match ended.exit {
        RawExit::Code(0) if ended.not_kept => said(Outcome::OutputLimit, "what it made is too large to be kept"),
        RawExit::Code(0) => (Outcome::Ok, None),
        RawExit::NotStarted(error) => {
            let error = std::io::Error::from_raw_os_error(error);
            (Outcome::RuntimeError, Some(format!("the program could not be started: {error}")))
        }
        // Certain: the kernel refused it a process, and it did not get over it.
        RawExit::Code(_) | RawExit::Signal(_) if ended.forks_refused > 0 => {
            said(Outcome::ProcessLimit, "process limit exceeded")
        }
        RawExit::Signal(SIGXFSZ) => said(Outcome::RuntimeError, "file size limit exceeded"),
        RawExit::Code(_) | RawExit::Signal(_) => (Outcome::RuntimeError, None),
    }
}

const SIGXFSZ: i32 = 25;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Arm, Limits, Output};

    fn step() -> Step {
        Step {
            argv: ["./main".to_owned()].into(),
            env: [].into(),
            stdin: Vec::new(),
            limits: Limits {
                cpu_time: Duration::from_secs(1),
                wall_time: Duration::from_secs(2),
                memory_bytes: 1000,
                output_bytes: 1000,
                processes: 10,
                file_size_bytes: 1000,
                open_files: 10,
                stack_bytes: 1000,
            },
            overflow: Overflow::Cut,
            output: Output::Apart,
            arm: Arm::Auto,
        }
    }

    fn fine() -> Ended {
        Ended {
            exit: RawExit::Code(0),
            stopped: None,
            cpu_ns: 1,
            wall_ns: 1,
            memory_peak_bytes: 1,
            oom_kills: 0,
            forks_refused: 0,
            stdout_cut: false,
            stderr_cut: false,
            not_kept: false,
            kept_bytes: 0,
            armed: false,
        }
    }

    fn outcome(ended: Ended) -> Outcome {
        outcome_of(ended, &step())
    }

    fn outcome_of(ended: Ended, step: &Step) -> Outcome {
        stage(Raw { ended, stdout: Captured::default(), stderr: Captured::default() }, step).outcome
    }

    #[test]
    fn facts_decide_and_each_limit_has_its_own_name() {
        let killed = RawExit::Signal(9);
        assert_eq!(outcome(fine()), Outcome::Ok);
        assert_eq!(outcome(Ended { exit: RawExit::Code(1), ..fine() }), Outcome::RuntimeError);
        assert_eq!(outcome(Ended { exit: killed, ..fine() }), Outcome::RuntimeError);
        assert_eq!(outcome(Ended { exit: killed, oom_kills: 1, ..fine() }), Outcome::MemoryLimit);
        assert_eq!(outcome(Ended { exit: killed, stopped: Some(Stop::CpuTime), ..fine() }), Outcome::TimeLimit);
        assert_eq!(outcome(Ended { exit: killed, stopped: Some(Stop::Output), ..fine() }), Outcome::OutputLimit);
        assert_eq!(outcome(Ended { exit: RawExit::NotStarted(2), ..fine() }), Outcome::RuntimeError);
    }

    #[test]
    fn a_program_that_ends_between_two_looks_is_still_over_its_limit() {
        assert_eq!(outcome(Ended { cpu_ns: 1_000_000_001, ..fine() }), Outcome::TimeLimit);
        assert_eq!(outcome(Ended { wall_ns: 2_000_000_001, ..fine() }), Outcome::TimeLimit);
        assert_eq!(outcome(Ended { memory_peak_bytes: 1001, ..fine() }), Outcome::MemoryLimit);
    }

    #[test]
    fn output_that_was_cut_after_the_end_counts_where_it_would_have_been_an_end() {
        let cut = Ended { stderr_cut: true, ..fine() };
        assert_eq!(outcome(cut), Outcome::Ok);
        assert_eq!(outcome_of(cut, &Step { overflow: Overflow::Kill, ..step() }), Outcome::OutputLimit);
    }

    #[test]
    fn what_was_to_be_kept_and_could_not_be_is_no_success() {
        assert_eq!(outcome(Ended { not_kept: true, ..fine() }), Outcome::OutputLimit);
    }

    #[test]
    fn a_refused_fork_counts_only_when_the_program_failed() {
        assert_eq!(outcome(Ended { forks_refused: 3, ..fine() }), Outcome::Ok);
        assert_eq!(outcome(Ended { forks_refused: 3, exit: RawExit::Code(1), ..fine() }), Outcome::ProcessLimit);
    }
}
