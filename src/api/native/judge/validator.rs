//! A checker or an interactor that is a program: shape, then meaning.

use super::super::{meaning, request};
use crate::{
    api::{
        ApiConfig,
        body::{Faults, Object, Place},
        fault::{Code, Fault},
    },
    job::{ANSWER, FEEDBACK, INPUT, Job, OUTPUT, Overflow, Protocol, Validator},
    language::Catalogue,
};

#[derive(Debug)]
pub struct Wanted {
    program: request::Request,
    protocol: Option<Protocol>,
}

/// What it does beside the submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Checker,
    Interactor,
}

/// Where an interactor of testlib's kind may write what it likes; nobody reads it.
const LOG: &str = "/tmp/case-output";

impl Wanted {
    /// Takes its own fields from an object that may have others.
    pub fn decode(body: &mut Object, faults: &mut Faults) -> Self {
        let protocols = [("testlib", Protocol::Testlib), ("kattis", Protocol::Kattis)];
        body.require("protocol", faults);
        let protocol = body.choice("protocol", &protocols, faults);
        Self { program: request::Request::of_program(body, faults), protocol }
    }

    /// `args`: of each case, behind its own.
    pub fn resolve<'a>(
        self,
        role: Role,
        place: &Place,
        args: impl Iterator<Item = &'a [String]>,
        catalogue: &Catalogue,
        config: &ApiConfig,
    ) -> Result<Validator, Fault> {
        let Self { mut program, protocol } = self;
        let protocol = protocol.unwrap_or(Protocol::Kattis);
        program.overflow.get_or_insert(match role {
            Role::Checker => Overflow::Cut,
            Role::Interactor => Overflow::Kill,
        });
        let (language, submission) = program.resolve_at(place, String::new(), catalogue, config)?;
        let mut faults = Faults::default();
        let first = |path: &str| format!("/{}", path.split('/').next().unwrap_or(path));
        let taken = |path: &str| [INPUT, OUTPUT, ANSWER].iter().any(|ours| ours.ends_with(&first(path)));
        if submission.files.iter().any(|file| taken(file.path.as_str())) {
            faults.add(&place.member("files"), "must not have the name of one that a validator is given");
        }
        faults.check(Code::InvalidFile)?;
        let given: &[&str] = match (protocol, role) {
            (Protocol::Testlib, Role::Checker) => &[INPUT, OUTPUT, ANSWER],
            (Protocol::Testlib, Role::Interactor) => &[INPUT, LOG, ANSWER],
            (Protocol::Kattis, _) => &[INPUT, ANSWER, FEEDBACK],
        };
        let own = meaning::env_bytes(&submission.env);
        let mut words = meaning::Words::default();
        let mut argv = Vec::new();
        let mut faults = Faults::default();
        for (index, of_case) in args.enumerate() {
            let all = || submission.args.iter().chain(of_case);
            let case = || Place::default().member("cases").item(index).member("checker_args");
            meaning::check_words(of_case, &case(), &mut faults);
            if own + meaning::words_bytes(all()) > meaning::MOST_WORDS_BYTES {
                faults.add(&case(), meaning::too_many_words());
            }
            let own_and_given: Vec<String> =
                given.iter().map(|word| (*word).to_owned()).chain(all().cloned()).collect();
            let started = language.run_with(&submission, &own_and_given);
            words.add(&started, &case())?;
            argv.push(started);
        }
        faults.check(Code::InvalidLimit)?;
        let Job { id: _, standing: _, program, run, artifacts: _, deadline: _ } = language.job(submission);
        Ok(Validator { program, run, argv, protocol })
    }
}
