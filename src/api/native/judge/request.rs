//! A judging as it is asked for: shape first, then meaning.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;

use super::{
    super::{meaning, request},
    validator::{self, Role},
};
use crate::{
    api::{
        ApiConfig,
        body::{Faults, Object, Place},
        fault::{Code, Fault},
    },
    job::{self, Check, Checker, Isolation, Job, Judging, MOST_CASES, MOST_PARALLEL, Overflow, Overrides, Step},
    language::{Catalogue, Language},
};

/// A request that has the right shape.
#[derive(Debug)]
pub struct Request {
    pub program: request::Request,
    cases: Vec<Case>,
    checker: Wanted,
    interactor: Option<validator::Wanted>,
    stop_on_failure: bool,
    isolation: Isolation,
    parallel: Option<f64>,
}

#[derive(Debug)]
struct Case {
    id: Option<String>,
    stdin: Vec<u8>,
    expected: Option<Vec<u8>>,
    limits: Overrides,
    args: Option<Vec<String>>,
    checker_args: Vec<String>,
    points: Option<f64>,
}

#[derive(Debug)]
enum Wanted {
    BuiltIn(BuiltIn),
    Program(Box<validator::Wanted>),
}

/// A checker of our own with the options that its kind may or may not have.
#[derive(Debug, Default)]
struct BuiltIn {
    kind: Option<Kind>,
    case_sensitive: Option<bool>,
    abs: Option<f64>,
    rel: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Exact,
    Lines,
    Tokens,
    Float,
}

/// What a request for `float` means that names no tolerance.
const TOLERANCE: f64 = 1e-6;

const MOST_ID_BYTES: usize = 200;

impl Request {
    /// The request, or every fault of its shape at once.
    pub fn decode(document: Value) -> Result<Self, Fault> {
        let mut found = Faults::default();
        let faults = &mut found;
        let mut body = Object::new(document, Place::default(), faults);
        body.require("cases", faults);
        let cases = body.objects("cases", faults, case);
        let (has_checker, has_interactor) = (body.holds("checker"), body.holds("interactor"));
        if has_checker && has_interactor {
            faults.add(&body.place("interactor"), "must not be given together with `checker`");
        }
        let checker = body.object("checker", faults).map(|checker| wanted(checker, faults));
        let checker = checker.unwrap_or(Wanted::BuiltIn(BuiltIn::default()));
        let interactor = body.object("interactor", faults).map(|mut interactor| {
            let wanted = validator::Wanted::decode(&mut interactor, faults);
            interactor.finish(faults);
            wanted
        });
        let stop_on_failure = body.boolean("stop_on_failure", faults).unwrap_or(true);
        let isolations = [("wipe", Isolation::Wipe), ("fresh", Isolation::Fresh)];
        let isolation = body.choice("isolation", &isolations, faults).unwrap_or(Isolation::Wipe);
        let parallel = body.number("parallel", faults);
        let program = request::Request::of_submission(&mut body, faults);
        body.finish(faults);
        found.check(Code::MalformedRequest)?;
        Ok(Self { program, cases, checker, interactor, stop_on_failure, isolation, parallel })
    }

    /// The language to use and what to judge.
    pub fn resolve(
        self,
        id: String,
        catalogue: &Catalogue,
        config: &ApiConfig,
    ) -> Result<(Arc<Language>, Judging), Fault> {
        let Self { mut program, cases, checker, interactor, stop_on_failure, isolation, parallel } = self;
        // Where a judging differs from a run that says nothing.
        program.overflow.get_or_insert(Overflow::Kill);
        program.deadline_ms.get_or_insert(config.max_deadline.as_secs_f64() * 1e3);
        let (language, submission) = program.resolve(id, catalogue, config)?;
        let mut faults = Faults::default();
        let root = Place::default();
        let place = root.member("cases");
        if cases.is_empty() || cases.len() > MOST_CASES {
            faults.add(&place, format!("must hold at least one and at most {MOST_CASES} cases"));
            return Err(faults.check(Code::InvalidLimit).expect_err("a fault was added above"));
        }
        let parallel = at_once(parallel, &root.member("parallel"), &mut faults);
        let args = cases.iter().map(|case| &case.checker_args[..]);
        let place_of_checker = root.member("checker");
        let check = match (interactor, checker) {
            (Some(wanted), _) => {
                Check::Join(wanted.resolve(Role::Interactor, &root.member("interactor"), args, catalogue, config)?)
            }
            (None, Wanted::Program(wanted)) => {
                Check::Ask(wanted.resolve(Role::Checker, &place_of_checker, args, catalogue, config)?)
            }
            (None, Wanted::BuiltIn(checker)) => Check::Compare(checker.check(&place_of_checker, &mut faults)),
        };
        if check.validator().is_none()
            && let Some(index) = cases.iter().position(|case| !case.checker_args.is_empty())
        {
            faults.add(&place.item(index).member("checker_args"), "belongs to a checker or interactor of your own");
        }
        let mut words = meaning::Words::default();
        let mut argvs = Vec::with_capacity(cases.len());
        for (index, case) in cases.iter().enumerate() {
            let argv = case.args.as_deref().map(|args| language.run_with(&submission, args));
            words.add(argv.as_deref().unwrap_or_default(), &place.item(index).member("args"))?;
            argvs.push(argv);
        }
        let others = meaning::env_bytes(&submission.env) + meaning::words_bytes(&submission.compile_flags);
        let Job { id, standing, program, run, artifacts: _, deadline } = language.job(submission);
        let mut ids = HashSet::new();
        let mut checked = Vec::with_capacity(cases.len());
        for (index, (case, argv)) in cases.into_iter().zip(argvs).enumerate() {
            let place = place.item(index);
            case.check_args(others, &place.member("args"), &mut faults);
            let case = case.resolve(index, argv, &run, &language, &place, &mut faults);
            if !ids.insert(case.id.clone()) {
                faults.add(&place.member("id"), "is another case's too");
            }
            checked.push(case);
        }
        faults.check(Code::InvalidLimit)?;
        let cases = checked;
        let judging = Judging { id, standing, program, cases, check, stop_on_failure, isolation, parallel, deadline };
        Ok((language, judging))
    }
}

impl Case {
    /// The arguments are passed on together with the request's other words.
    fn check_args(&self, other_words_bytes: usize, place: &Place, faults: &mut Faults) {
        let args = self.args.as_deref().unwrap_or_default();
        meaning::check_words(args, place, faults);
        if other_words_bytes + meaning::words_bytes(args) > meaning::MOST_WORDS_BYTES {
            faults.add(place, meaning::too_many_words());
        }
    }

    fn resolve(
        self,
        index: usize,
        argv: Option<Arc<[String]>>,
        run: &Step,
        language: &Language,
        place: &Place,
        faults: &mut Faults,
    ) -> job::Case {
        let Self { id, stdin, expected, limits, args: _, checker_args: _, points } = self;
        let limits = meaning::grant(&limits, &run.limits, &language.ceiling, &place.member("limits"), faults);
        let id = id.unwrap_or_else(|| (index + 1).to_string());
        if id.is_empty() || id.len() > MOST_ID_BYTES {
            faults.add(&place.member("id"), format!("must have at least one and at most {MOST_ID_BYTES} bytes"));
        }
        let points = points.unwrap_or(1.0);
        if !(0.0..=1e9).contains(&points) {
            faults.add(&place.member("points"), "must be at least 0 and at most 1e9");
        }
        let argv = argv.unwrap_or_else(|| run.argv.clone());
        let run = Step { argv, env: run.env.clone(), stdin, limits, ..run.without_input() };
        job::Case { id, run, expected: expected.map(Arc::from), points }
    }
}

impl BuiltIn {
    fn check(self, place: &Place, faults: &mut Faults) -> Checker {
        let Self { kind, case_sensitive, abs, rel } = self;
        let kind = kind.unwrap_or(Kind::Tokens);
        if case_sensitive.is_some() && !matches!(kind, Kind::Tokens | Kind::Float) {
            faults.add(&place.member("case_sensitive"), "belongs to the kinds `tokens` and `float`");
        }
        let case_sensitive = case_sensitive.unwrap_or(true);
        for (name, tolerance) in [("abs", abs), ("rel", rel)] {
            match tolerance {
                Some(_) if kind != Kind::Float => faults.add(&place.member(name), "belongs to the kind `float`"),
                Some(value) if !(0.0..=1e9).contains(&value) => {
                    faults.add(&place.member(name), "must be at least 0 and at most 1e9");
                }
                Some(_) | None => {}
            }
        }
        match kind {
            Kind::Exact => Checker::Exact,
            Kind::Lines => Checker::Lines,
            Kind::Tokens => Checker::Tokens { case_sensitive },
            Kind::Float if abs.is_none() && rel.is_none() => {
                Checker::Float { abs: TOLERANCE, rel: TOLERANCE, case_sensitive }
            }
            Kind::Float => Checker::Float { abs: abs.unwrap_or(0.0), rel: rel.unwrap_or(0.0), case_sensitive },
        }
    }
}

fn at_once(asked: Option<f64>, place: &Place, faults: &mut Faults) -> usize {
    match asked {
        None => 1,
        Some(asked) if asked.fract() == 0.0 && (1.0..=MOST_PARALLEL as f64).contains(&asked) => asked as usize,
        Some(_) => {
            faults.add(place, format!("must be a whole number, at least 1 and at most {MOST_PARALLEL}"));
            1
        }
    }
}

fn case(mut case: Object, faults: &mut Faults) -> Case {
    let id = case.string("id", faults);
    let stdin = case.bytes("stdin", "stdin_encoding", faults).unwrap_or_default();
    let expected = case.bytes("expected_output", "expected_output_encoding", faults);
    let limits = case.object("limits", faults).map(|limits| request::overrides(limits, faults)).unwrap_or_default();
    let args = case.holds("args").then(|| case.strings("args", faults));
    let checker_args = case.strings("checker_args", faults);
    let points = case.number("points", faults);
    case.finish(faults);
    Case { id, stdin, expected, limits, args, checker_args, points }
}

fn wanted(mut checker: Object, faults: &mut Faults) -> Wanted {
    let kinds = [
        ("exact", Some(Kind::Exact)),
        ("lines", Some(Kind::Lines)),
        ("tokens", Some(Kind::Tokens)),
        ("float", Some(Kind::Float)),
        ("program", None),
    ];
    checker.require("kind", faults);
    let kind = match checker.choice("kind", &kinds, faults) {
        Some(None) => {
            let validator = validator::Wanted::decode(&mut checker, faults);
            checker.finish(faults);
            return Wanted::Program(Box::new(validator));
        }
        kind => kind.flatten(),
    };
    let case_sensitive = checker.boolean("case_sensitive", faults);
    let (abs, rel) = (checker.number("abs", faults), checker.number("rel", faults));
    checker.finish(faults);
    Wanted::BuiltIn(BuiltIn { kind, case_sensitive, abs, rel })
}
