//! The cases of a judging as they get their verdicts. They may end in any order; they are told in their own, so that what a
//! submission is told does not depend on which case was quicker.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::job::{Case, Judged, Stage, Verdict};

/// A part of a judging that has ended.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    Compiled(&'a Stage),
    Judged(&'a Judged),
}

pub(super) struct Board<'a, T> {
    cases: &'a [Case],
    tell: &'a T,
    state: Mutex<State>,
}

struct State {
    /// The next to be run.
    next: usize,
    all: Vec<Option<Judged>>,
    told: usize,
    /// The first after which no other counts.
    last: Option<usize>,
}

impl<'a, T: Fn(Progress<'_>)> Board<'a, T> {
    pub fn new(cases: &'a [Case], tell: &'a T) -> Self {
        let all = cases.iter().map(|_| None).collect();
        Self { cases, tell, state: Mutex::new(State { next: 0, all, told: 0, last: None }) }
    }

    /// The next case to be run.
    pub fn next(&self) -> Option<usize> {
        let mut state = self.state();
        let index = state.next;
        if index >= self.cases.len() || state.counts_not(index) {
            return None;
        }
        state.next += 1;
        Some(index)
    }

    pub fn enter(&self, index: usize, judged: Judged, is_last: bool) {
        let mut state = self.state();
        state.all[index] = Some(judged);
        if is_last && !state.counts_not(index) {
            state.last = Some(index);
        }
        while state.told < self.cases.len() && !state.counts_not(state.told) {
            let Some(judged) = &state.all[state.told] else { return };
            (self.tell)(Progress::Judged(judged));
            state.told += 1;
        }
    }

    /// All of them; those without a verdict that counts are skipped.
    pub fn finish(self) -> Vec<Judged> {
        let Self { cases, tell, state } = self;
        let State { mut all, told, .. } = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (place, case) in all.iter_mut().zip(cases).skip(told) {
            (tell)(Progress::Judged(place.insert(unjudged(case, Verdict::Skipped, None))));
        }
        all.into_iter().flatten().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn counts_not(&self, index: usize) -> bool {
        self.last.is_some_and(|last| last < index)
    }
}

/// A case that was not run, or whose run says nothing.
pub(super) fn unjudged(case: &Case, verdict: Verdict, message: Option<String>) -> Judged {
    Judged { id: case.id.clone(), verdict, run: None, message, points: 0.0 }
}
