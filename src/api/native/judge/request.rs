//! A judging as it is asked for: shape first, then meaning.

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;

use super::super::{meaning, request};
use crate::{
    api::{
        ApiConfig,
        body::{Faults, Object, Place},
        fault::{Code, Fault},
    },
    job::{self, Checker, Job, Judging, MOST_CASES, Overflow, Overrides, Step},
    language::{Catalogue, Language},
};

/// A request that has the right shape.
#[derive(Debug)]
pub struct Request {
    pub program: request::Request,
    cases: Vec<Case>,
    checker: Wanted,
    stop_on_failure: bool,
}

#[derive(Debug)]
struct Case {
    id: Option<String>,
    stdin: Vec<u8>,
    expected: Option<Vec<u8>>,
    limits: Overrides,
    args: Option<Vec<String>>,
    points: Option<f64>,
}

/// A checker with the options that its kind may or may not have.
#[derive(Debug, Default)]
struct Wanted {
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
        let checker = body.object("checker", faults).map(|checker| wanted(checker, faults)).unwrap_or_default();
        let stop_on_failure = body.boolean("stop_on_failure", faults).unwrap_or(true);
        // The other way, a new sandbox for each case, is not there yet.
        body.choice("isolation", &[("wipe", ())], faults);
        let program = request::Request::of_program(&mut body, faults);
        body.finish(faults);
        found.check(Code::MalformedRequest)?;
        Ok(Self { program, cases, checker, stop_on_failure })
    }

    /// The language to use and what to judge.
    pub fn resolve(
        self,
        id: String,
        catalogue: &Catalogue,
        config: &ApiConfig,
    ) -> Result<(Arc<Language>, Judging), Fault> {
        let Self { mut program, cases, checker, stop_on_failure } = self;
        // Where a judging differs from a run that says nothing.
        program.overflow.get_or_insert(Overflow::Kill);
        program.deadline_ms.get_or_insert(config.max_deadline.as_secs_f64() * 1e3);
        let (language, submission) = program.resolve(id, catalogue, config)?;
        let mut faults = Faults::default();
        let root = Place::default();
        let checker = checker.check(&root.member("checker"), &mut faults);
        let place = root.member("cases");
        if cases.is_empty() || cases.len() > MOST_CASES {
            faults.add(&place, format!("must hold at least one and at most {MOST_CASES} cases"));
            return Err(faults.check(Code::InvalidLimit).expect_err("a fault was added above"));
        }
        let argvs: Vec<_> =
            cases.iter().map(|case| case.args.as_deref().map(|args| language.run_with(&submission, args))).collect();
        let Job { id, language: key, files, compile, run, artifacts: _, deadline } = language.job(submission);
        let mut ids = HashSet::new();
        let mut checked = Vec::with_capacity(cases.len());
        for (index, (case, argv)) in cases.into_iter().zip(argvs).enumerate() {
            let place = place.item(index);
            let case = case.resolve(index, argv, &run, &language, &place, &mut faults);
            if !ids.insert(case.id.clone()) {
                faults.add(&place.member("id"), "is another case's too");
            }
            checked.push(case);
        }
        faults.check(Code::InvalidLimit)?;
        Ok((
            language,
            Judging { id, language: key, files, compile, cases: checked, checker, stop_on_failure, deadline },
        ))
    }
}

impl Case {
    fn resolve(
        self,
        index: usize,
        argv: Option<Vec<String>>,
        run: &Step,
        language: &Language,
        place: &Place,
        faults: &mut Faults,
    ) -> job::Case {
        let Self { id, stdin, expected, limits, args, points } = self;
        let limits = meaning::grant(&limits, &run.limits, &language.ceiling, &place.member("limits"), faults);
        let args = args.unwrap_or_default();
        meaning::check_words(&args, &place.member("args"), faults);
        if args.iter().map(|arg| arg.len() + 1).sum::<usize>() > meaning::MOST_WORDS_BYTES {
            faults.add(&place.member("args"), format!("must have at most {} bytes", meaning::MOST_WORDS_BYTES));
        }
        let id = id.unwrap_or_else(|| (index + 1).to_string());
        if id.is_empty() || id.len() > MOST_ID_BYTES {
            faults.add(&place.member("id"), format!("must have at least one and at most {MOST_ID_BYTES} bytes"));
        }
        let points = points.unwrap_or(1.0);
        if !(0.0..=1e9).contains(&points) {
            faults.add(&place.member("points"), "must be at least 0 and at most 1e9");
        }
        let argv = argv.unwrap_or_else(|| run.argv.clone());
        let run = Step { argv, env: run.env.clone(), stdin, limits, overflow: run.overflow, output: run.output };
        job::Case { id, run, expected, points }
    }
}

impl Wanted {
    fn check(self, place: &Place, faults: &mut Faults) -> Checker {
        let Self { kind, case_sensitive, abs, rel } = self;
        let kind = kind.unwrap_or(Kind::Tokens);
        if case_sensitive.is_some() && kind != Kind::Tokens {
            faults.add(&place.member("case_sensitive"), "belongs to the kind `tokens`");
        }
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
            Kind::Tokens => Checker::Tokens { case_sensitive: case_sensitive.unwrap_or(true) },
            Kind::Float if abs.is_none() && rel.is_none() => Checker::Float { abs: TOLERANCE, rel: TOLERANCE },
            Kind::Float => Checker::Float { abs: abs.unwrap_or(0.0), rel: rel.unwrap_or(0.0) },
        }
    }
}

fn case(mut case: Object, faults: &mut Faults) -> Case {
    let id = case.string("id", faults);
    let stdin = case.bytes("stdin", "stdin_encoding", faults).unwrap_or_default();
    let expected = case.bytes("expected_output", "expected_output_encoding", faults);
    let limits = case.object("limits", faults).map(|limits| request::overrides(limits, faults)).unwrap_or_default();
    let args = case.holds("args").then(|| case.strings("args", faults));
    let points = case.number("points", faults);
    case.finish(faults);
    Case { id, stdin, expected, limits, args, points }
}

fn wanted(mut checker: Object, faults: &mut Faults) -> Wanted {
    let kinds = [("exact", Kind::Exact), ("lines", Kind::Lines), ("tokens", Kind::Tokens), ("float", Kind::Float)];
    checker.require("kind", faults);
    let kind = checker.choice("kind", &kinds, faults);
    let case_sensitive = checker.boolean("case_sensitive", faults);
    let (abs, rel) = (checker.number("abs", faults), checker.number("rel", faults));
    checker.finish(faults);
    Wanted { kind, case_sensitive, abs, rel }
}
