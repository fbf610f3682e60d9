//! A program that is started before its source is there, and which jobs may have it. What it does until it opens its source
//! must not depend on the job: whatever may differ, and would be noticed, is a reason to start the program late.

use std::sync::Arc;

use super::{Output, SourceFile, Step, Work, WorkPath};

/// What is started in advance, in each sandbox of a language.
#[derive(Debug, Clone, PartialEq)]
pub struct Arming {
    /// What a job's step has to be.
    pub step: Step,
    /// What is started for it, where that is another command than the step's own.
    pub command: Option<Arc<[String]>>,
    /// Its source.
    pub entry: WorkPath,
    pub rules: ArmingRules,
    pub successor: Option<Successor>,
}

/// What is started in advance for the step after that, and waits for what that one makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Successor {
    /// What a job's second step has to be.
    pub step: Step,
    /// The first that it opens of what the step before makes.
    pub entry: WorkPath,
}

/// What the language's interpreter does differently when its source comes through a pipe, or comes late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmingRules {
    /// A larger source is one to start late for; [`MOST_ARMED_BYTES`] at most.
    pub most_bytes: usize,
    /// It looks for other files before it opens its source.
    pub is_alone: bool,
    /// It looks at the memory limit when it starts.
    pub sees_memory: bool,
    /// A process that was forked from it once it wanted its source does as one that was started by itself.
    pub forks: bool,
    pub cold: Vec<ColdRule>,
}

/// A source that holds this is one to start late for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColdRule {
    pub holds: Vec<u8>,
    /// Looked for in so many lines; in all of them when it is 0.
    pub within_lines: usize,
    /// Where this word follows, in any case and after any blanks, it does not count.
    pub unless: Option<Vec<u8>>,
}

/// Whether a step may be given to a program that waits for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Arm {
    #[default]
    Auto,
    Off,
}

/// With less, it may not outlive the moment in which the limit is set.
const LEAST_MEMORY_BYTES: u64 = 32 << 20;

/// Less than what a pipe takes at once, so that nobody waits for the program to read.
pub const MOST_ARMED_BYTES: usize = 60 * 1024;

impl Arming {
    /// What is started.
    pub fn started(&self) -> Step {
        let argv = self.command.as_ref().unwrap_or(&self.step.argv);
        Step { argv: Arc::clone(argv), ..self.step.clone() }
    }

    /// Whether the step, with these files, is what would come of the armed program.
    pub fn fits(&self, files: &[SourceFile], step: &Step, work: Work) -> bool {
        work.begins_with_originals() && is_process_of(&self.step, step) && self.takes(files) && self.is_step(step)
    }

    /// Whether the step may be run by a copy of what was started for all sandboxes. A copy is made for the step, with its limits.
    /// `is_taken`: what [`Self::takes`] says of the job's files.
    pub fn fits_copy(&self, is_taken: bool, step: &Step) -> bool {
        self.rules.forks && is_taken && self.is_step(step) && step.limits.stack_bytes == self.step.limits.stack_bytes
    }

    /// Whether these are files of which the program may find out late.
    pub fn takes(&self, files: &[SourceFile]) -> bool {
        let source = files.iter().find(|file| file.path == self.entry);
        (!self.rules.is_alone || files.len() == 1) && source.is_some_and(|source| self.rules.take(&source.content))
    }

    /// Whether the step, so far as the program looks at it before its source, is the one that was started.
    fn is_step(&self, step: &Step) -> bool {
        is_command_of(&self.step, step)
            && (!self.rules.sees_memory || step.limits.memory_bytes == self.step.limits.memory_bytes)
    }
}

impl Successor {
    /// Whether the step is what would come of the armed program, which was there while the one before ran.
    pub fn fits(&self, step: &Step, work: Work) -> bool {
        work == Work::Left && is_process_of(&self.step, step) && is_command_of(&self.step, step)
    }
}

/// Whether a step would be a process as ours is, and nobody can change it any more. That of processor time is a back-stop only.
fn is_process_of(ours: &Step, step: &Step) -> bool {
    let Step { limits, output, .. } = step;
    let ours = &ours.limits;
    *output == Output::Apart
        && limits.stack_bytes == ours.stack_bytes
        && limits.processes == ours.processes
        && limits.open_files == ours.open_files
        && limits.file_size_bytes == ours.file_size_bytes
        && limits.cpu_time <= ours.cpu_time
}

fn is_command_of(ours: &Step, step: &Step) -> bool {
    let Step { argv, env, stdin: _, limits, overflow: _, output: _, arm } = step;
    *arm == Arm::Auto && (argv, env) == (&ours.argv, &ours.env) && limits.memory_bytes >= LEAST_MEMORY_BYTES
}

impl ArmingRules {
    fn take(&self, source: &[u8]) -> bool {
        source.len() <= self.most_bytes.min(MOST_ARMED_BYTES)
            // What no text has: an archive, a compiled program, or a fault that is told in more than one way.
            && !source.contains(&0)
            && !self.cold.iter().any(|rule| rule.speaks_of(source))
    }
}

impl ColdRule {
    fn speaks_of(&self, source: &[u8]) -> bool {
        let lines = if self.within_lines == 0 { usize::MAX } else { self.within_lines };
        // However lines end.
        source.split(|byte| matches!(byte, b'\n' | b'\r')).take(lines).any(|line| self.counts_in(line))
    }

    fn counts_in(&self, line: &[u8]) -> bool {
        let size = self.holds.len();
        let places = line.windows(size).enumerate().filter(|(_, part)| *part == self.holds);
        places.map(|(at, _)| &line[at + size..]).any(|rest| match &self.unless {
            Some(word) => !begins_with(rest.trim_ascii_start(), word),
            None => true,
        })
    }
}

/// With a whole word.
fn begins_with(text: &[u8], word: &[u8]) -> bool {
    text.split_at_checked(word.len()).is_some_and(|(begin, rest)| {
        begin.eq_ignore_ascii_case(word) && !rest.first().is_some_and(|next| next.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::job::{Limits, Overflow};

    fn step() -> Step {
        let limits = Limits {
            cpu_time: Duration::from_secs(5),
            wall_time: Duration::from_secs(10),
            memory_bytes: 100 << 20,
            output_bytes: 100,
            processes: 10,
            file_size_bytes: 100,
            open_files: 10,
            stack_bytes: 100,
        };
        Step {
            argv: ["/usr/bin/lang".to_owned(), "main".to_owned()].into(),
            env: [("A".to_owned(), "b".to_owned())].into(),
            stdin: Vec::new(),
            limits,
            overflow: Overflow::Cut,
            output: Output::Apart,
            arm: Arm::Auto,
        }
    }

    const RULES: ArmingRules =
        ArmingRules { most_bytes: 1000, is_alone: false, sees_memory: false, forks: false, cold: Vec::new() };

    fn arming(rules: ArmingRules) -> Arming {
        Arming { step: step(), command: None, entry: WorkPath::parse("main").unwrap(), rules, successor: None }
    }

    fn file(path: &str, content: &[u8]) -> SourceFile {
        SourceFile { path: WorkPath::parse(path).unwrap(), content: content.to_vec() }
    }

    fn takes(rules: &ArmingRules, source: &[u8]) -> bool {
        arming(rules.clone()).fits(&[file("main", source)], &step(), Work::Originals)
    }

    /// Of a process that is there already only what its source or its agent decides may be otherwise.
    fn only_ours(fits: impl Fn(&Step) -> bool) {
        assert!(fits(&step()));
        assert!(fits(&Step { stdin: vec![0; 100], overflow: Overflow::Kill, ..step() }));
        assert!(!fits(&Step { arm: Arm::Off, ..step() }));
        assert!(!fits(&Step { argv: ["/usr/bin/lang".to_owned()].into(), ..step() }));
        assert!(!fits(&Step { env: [].into(), ..step() }));
        assert!(!fits(&Step { output: Output::Merged, ..step() }));
        let limited = |change: fn(&mut Limits)| {
            let mut step = step();
            change(&mut step.limits);
            fits(&step)
        };
        assert!(limited(|limits| limits.memory_bytes = LEAST_MEMORY_BYTES));
        assert!(!limited(|limits| limits.memory_bytes = LEAST_MEMORY_BYTES - 1));
        assert!(limited(|limits| limits.cpu_time = Duration::from_secs(1)));
        assert!(!limited(|limits| limits.file_size_bytes = 1));
        assert!(!limited(|limits| limits.stack_bytes = 1));
        assert!(!limited(|limits| limits.processes = 1));
        assert!(!limited(|limits| limits.open_files = 11));
    }

    #[test]
    fn only_the_step_that_was_armed_fits() {
        let arming = arming(RULES);
        let files = [file("other", b""), file("main", b"x")];
        only_ours(|step| arming.fits(&files, step, Work::Originals));
        assert!(arming.fits(&files, &step(), Work::OriginalsToKeep));
        assert!(!arming.fits(&files, &step(), Work::Kept));
        assert!(!arming.fits(&files, &step(), Work::Left));
        assert!(!arming.fits(&files[..1], &step(), Work::Originals));
    }

    #[test]
    fn a_successor_is_for_what_follows_and_is_as_it_was_started() {
        let successor = Successor { step: step(), entry: WorkPath::parse("made").unwrap() };
        only_ours(|step| successor.fits(step, Work::Left));
        for work in [Work::Originals, Work::OriginalsToKeep, Work::OriginalsToCache, Work::Kept] {
            assert!(!successor.fits(&step(), work), "{work:?}");
        }
    }

    #[test]
    fn a_copy_is_for_steps_that_would_be_started_alike_whatever_else_they_may_do() {
        let forks = arming(ArmingRules { forks: true, ..RULES });
        assert!(forks.fits_copy(true, &step()));
        assert!(!forks.fits_copy(false, &step()));
        assert!(!arming(RULES).fits_copy(true, &step()));
        assert!(!forks.fits_copy(true, &Step { arm: Arm::Off, ..step() }));
        assert!(!forks.fits_copy(true, &Step { env: [].into(), ..step() }));
        assert!(forks.fits_copy(true, &Step { output: Output::Merged, ..step() }));
        let limited = |change: fn(&mut Limits)| {
            let mut step = step();
            change(&mut step.limits);
            forks.fits_copy(true, &step)
        };
        assert!(limited(|limits| limits.processes = 1));
        assert!(limited(|limits| limits.open_files = 11));
        assert!(!limited(|limits| limits.stack_bytes = 1));
        assert!(!limited(|limits| limits.memory_bytes = LEAST_MEMORY_BYTES - 1));
    }

    #[test]
    fn another_command_may_be_started_for_it() {
        let command: Arc<[String]> = ["/usr/bin/ready".to_owned()].into();
        let arming = Arming { command: Some(Arc::clone(&command)), ..arming(RULES) };
        assert_eq!(arming.started(), Step { argv: command, ..step() });
        assert!(arming.fits(&[file("main", b"")], &step(), Work::Originals));
        assert!(!arming.fits(&[file("main", b"")], &arming.started(), Work::Originals));
    }

    #[test]
    fn an_interpreter_that_looks_around_first_is_for_lone_files_and_its_own_memory_limit() {
        let arming = arming(ArmingRules { is_alone: true, sees_memory: true, ..RULES });
        assert!(arming.fits(&[file("main", b"")], &step(), Work::Originals));
        assert!(!arming.fits(&[file("main", b""), file("other", b"")], &step(), Work::Originals));
        let mut step = step();
        step.limits.memory_bytes += 1;
        assert!(!arming.fits(&[file("main", b"")], &step, Work::Originals));
    }

    #[test]
    fn a_source_that_would_be_read_otherwise_is_left_out() {
        let rules = RULES;
        assert!(takes(&rules, b""));
        assert!(takes(&rules, &[b'x'; 1000]));
        assert!(!takes(&rules, &[b'x'; 1001]));
        assert!(!takes(&rules, b"a\0b"));
        let cookie = ColdRule { holds: b"coding:".to_vec(), within_lines: 2, unless: Some(b"utf-8".to_vec()) };
        let rules = ArmingRules { cold: vec![cookie], ..rules };
        assert!(!takes(&rules, b"# coding: latin-1"));
        assert!(!takes(&rules, b"#!/x\r# coding: latin-1"));
        assert!(!takes(&rules, b"# coding: latin-1 # not utf-8"));
        assert!(!takes(&rules, b"# coding: utf-80"));
        assert!(takes(&rules, b"# -*- coding: UTF-8 -*-"));
        assert!(takes(&rules, b"encoding = 1"));
        assert!(takes(&rules, b"1\n2\n# coding: latin-1"));
        let anywhere = ColdRule { holds: b"$0".to_vec(), within_lines: 0, unless: None };
        let rules = ArmingRules { cold: vec![anywhere], ..rules };
        assert!(!takes(&rules, b"1\n2\n3\ncat $0"));
    }
}
