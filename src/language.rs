//! Languages: how a request's files become the steps that run in a sandbox, and how a request names a language.

mod catalogue;
mod template;

use std::{sync::Arc, time::Duration};

pub use catalogue::{Catalogue, Unknown};
pub use template::{Template, TemplateFault};

use crate::job::{
    Arm, Arming, ArmingRules, Ceiling, Job, LanguageId, Limits, MOST_ARTIFACT_BYTES, MOST_ARTIFACTS, MOST_CASES,
    MOST_JUDGED_BYTES, MOST_KEPT_BYTES, Output, Overflow, Program, SourceFile, Standing, Step, Successor, WorkPath,
};

/// One language in one version; has a pool of its own. Read from `config/languages/<key>.toml`.
#[derive(Debug, Clone, PartialEq)]
pub struct Language {
    pub key: LanguageId,
    /// What requests call it.
    pub id: String,
    pub name: String,
    pub version: String,
    pub aliases: Vec<String>,
    pub image: String,
    /// Its sandboxes' own, if they have one; the name that the engine knows it by.
    pub runtime: Option<String>,
    /// The path of the file that `source` stands for.
    pub source_file: WorkPath,
    /// Which files `{sources}` stands for, by extension.
    pub extensions: Vec<String>,
    pub compile: Option<Template>,
    pub run: Template,
    /// Run in every sandbox while it warms up, so that no request pays for a first time: the interpreter or compiler with
    /// nothing to do.
    pub rehearse: Option<Template>,
    pub arm: Option<Armament>,
    pub env: Vec<(String, String)>,
    pub compile_limits: Limits,
    pub run_limits: Limits,
    pub ceiling: Ceiling,
    /// How many ready sandboxes to keep.
    pub pool_size: usize,
}

/// The first of a job's commands is started while a sandbox warms up, and waits for its source.
#[derive(Debug, Clone, PartialEq)]
pub struct Armament {
    /// What is started in its place, if it cannot wait itself.
    pub command: Option<Template>,
    pub rules: ArmingRules,
    /// What its second command opens first of what the first one makes, if that one is started as well.
    pub run_entry: Option<WorkPath>,
}

/// A request as far as it does not depend on the language's commands.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    pub id: String,
    pub standing: Standing,
    pub files: Vec<SourceFile>,
    pub entrypoint: WorkPath,
    pub stdin: Vec<u8>,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub compile_flags: Vec<String>,
    pub compile_limits: Limits,
    pub run_limits: Limits,
    pub overflow: Overflow,
    pub output: Output,
    pub arm: Arm,
    pub artifacts: Vec<WorkPath>,
    pub deadline: Duration,
}

/// The environment of every program, before its language's and its request's own. HOME and TMPDIR are writable.
const BASE_ENV: [(&str, &str); 4] =
    [("PATH", "/usr/local/bin:/usr/bin:/bin"), ("HOME", "/tmp"), ("TMPDIR", "/tmp"), ("LANG", "C.UTF-8")];

/// Names that a request may not set: they decide which code the loader brings into our own interpreters' start.
pub fn is_reserved_name(name: &str) -> bool {
    matches!(name, "PATH" | "HOME" | "TMPDIR" | "PWD") || name.starts_with("LD_") || name.starts_with("CAISSON")
}

impl Language {
    /// What the language makes of a request.
    pub fn job(&self, submission: Submission) -> Job {
        let Submission {
            id,
            standing,
            files,
            entrypoint,
            stdin,
            args,
            env,
            compile_flags,
            compile_limits,
            run_limits,
            overflow,
            output,
            arm,
            artifacts,
            deadline,
        } = submission;
        let sources = self.sources(&files, &entrypoint);
        let values_within = |limits: &Limits| template::Values {
            entrypoint: &entrypoint,
            sources: &sources,
            flags: &compile_flags,
            args: &args,
            memory_bytes: limits.memory_bytes,
        };
        let compile = self.compile.as_ref().map(|template| Step {
            argv: template.expand(&values_within(&compile_limits)).into(),
            env: self.environment(&[]).into(),
            stdin: Vec::new(),
            limits: compile_limits,
            overflow: Overflow::Cut,
            output,
            arm,
        });
        let run = Step {
            argv: self.run.expand(&values_within(&run_limits)).into(),
            env: self.environment(&env).into(),
            stdin,
            limits: run_limits,
            overflow,
            output,
            arm,
        };
        let program = Program { language: self.key.clone(), files, compile };
        Job { id, standing, program, run, artifacts, deadline }
    }

    /// How the submission is run with these arguments in place of its own.
    pub fn run_with(&self, submission: &Submission, args: &[String]) -> Arc<[String]> {
        let Submission { files, entrypoint, compile_flags: flags, run_limits, .. } = submission;
        let sources = &self.sources(files, entrypoint);
        let memory_bytes = run_limits.memory_bytes;
        self.run.expand(&template::Values { entrypoint, sources, flags, args, memory_bytes }).into()
    }

    /// All that any of its jobs may have brought back: two compilers with two streams each; for a case two streams, a
    /// validator's two, and what waits between them or is on its way; and what else there may be.
    pub fn most_output_bytes(&self) -> u64 {
        const STREAMS: u64 = 11;
        let files = MOST_ARTIFACTS as u64 * MOST_ARTIFACT_BYTES;
        let judging = (MOST_CASES * MOST_JUDGED_BYTES) as u64 + MOST_KEPT_BYTES;
        self.ceiling.0.output_bytes.saturating_mul(STREAMS).saturating_add(files.max(judging))
    }

    /// What is run in every sandbox before it is handed out, if the language has something to run.
    pub fn rehearsal(&self) -> Option<Step> {
        let nothing = self.no_request(&[], &self.ceiling.0);
        self.rehearse.as_ref().map(|template| Step {
            argv: template.expand(&nothing).into(),
            env: self.environment(&[]).into(),
            stdin: Vec::new(),
            limits: self.ceiling.0,
            overflow: Overflow::Cut,
            output: Output::Merged,
            arm: Arm::Off,
        })
    }

    /// What is started in every sandbox, and waits for its source, if the language has it so: a request that says nothing
    /// of its own.
    pub fn arming(&self) -> Option<Arming> {
        let Armament { command, rules, run_entry } = self.arm.clone()?;
        let (first, limits) = match &self.compile {
            Some(compile) => (compile, &self.compile_limits),
            None => (&self.run, &self.run_limits),
        };
        let sources = self.sources(&[], &self.source_file);
        let command = command.map(|command| command.expand(&self.no_request(&sources, limits)).into());
        let successor =
            run_entry.map(|entry| Successor { step: self.armed_step(&self.run, &self.run_limits, &sources), entry });
        let step = self.armed_step(first, limits, &sources);
        Some(Arming { step, command, entry: self.source_file.clone(), rules, successor })
    }

    fn armed_step(&self, command: &Template, limits: &Limits, sources: &[String]) -> Step {
        // The agent sees to it; the limit of the process is a back-stop behind.
        let cpu_time = self.ceiling.0.cpu_time;
        Step {
            argv: command.expand(&self.no_request(sources, limits)).into(),
            env: self.environment(&[]).into(),
            stdin: Vec::new(),
            limits: Limits { cpu_time, ..*limits },
            overflow: Overflow::Cut,
            output: Output::Apart,
            arm: Arm::Auto,
        }
    }

    fn no_request<'a>(&'a self, sources: &'a [String], limits: &Limits) -> template::Values<'a> {
        template::Values {
            entrypoint: &self.source_file,
            sources,
            flags: &[],
            args: &[],
            memory_bytes: limits.memory_bytes,
        }
    }

    /// The entry point first, then every other file with one of the language's extensions.
    fn sources(&self, files: &[SourceFile], entrypoint: &WorkPath) -> Vec<String> {
        let others =
            files.iter().map(|file| &file.path).filter(|path| *path != entrypoint).filter(|path| {
                path.extension().is_some_and(|found| self.extensions.iter().any(|known| known == found))
            });
        std::iter::once(entrypoint).chain(others).map(|path| path.as_str().to_owned()).collect()
    }

    fn environment(&self, of_request: &[(String, String)]) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> =
            BASE_ENV.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for (name, value) in self.env.iter().chain(of_request) {
            match all.iter_mut().find(|(known, _)| known == name) {
                Some((_, old)) => old.clone_from(value),
                None => all.push((name.clone(), value.clone())),
            }
        }
        all
    }
}
