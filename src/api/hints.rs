//! `PUT /v1/pools/{language}/hints`: so many ready sandboxes are wanted at a time; `DELETE`: no more.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    extract::{Path, Request, State},
    response::Response,
};
use serde::Serialize;
use serde_json::Value;

use super::{
    Api, body,
    body::{Faults, Object, Place},
    fault::{Code, Fault},
    status::{Hint, json},
};
use crate::{
    calendar,
    dispatch::{HintError, Wish},
    job::LanguageId,
};

/// A hint is meant for an event; what is wanted every day is a size, and what is wanted every week a schedule.
const LONGEST_HOLD: Duration = Duration::from_secs(24 * 3600);
const FURTHEST: Duration = Duration::from_secs(31 * 24 * 3600);

/// For the time between two rounds of a contest, and for a hint that says nothing.
const DEFAULT_HOLD: Duration = Duration::from_secs(600);

#[derive(Debug, Serialize)]
struct Hints<'a> {
    language: &'a str,
    hints: Vec<Hint>,
}

pub async fn put(State(api): State<Arc<Api>>, Path(name): Path<String>, request: Request) -> Result<Response, Fault> {
    let language = api.pool(&name)?;
    let (wish, _held) = body::json(request, &api, decode).await?;
    api.dispatch.hint(&language, wish).map_err(|error| refused(error, &name))?;
    Ok(api.hints_of(&language))
}

pub async fn delete(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<Response, Fault> {
    let language = api.pool(&name)?;
    api.dispatch.forget_hints(&language);
    Ok(api.hints_of(&language))
}

/// The wish, or every fault of its shape, or else of its meaning, at once.
fn decode(document: Value) -> Result<Wish, Fault> {
    let mut faults = Faults::default();
    let mut body = Object::new(document, Place::default(), &mut faults);
    let at = body.string("at", &mut faults).map(|text| calendar::parse(&text));
    body.require("size", &mut faults);
    let size = body.number("size", &mut faults).unwrap_or(1.0);
    let hold_ms = body.number("hold_ms", &mut faults);
    let [at_place, size_place, hold_place] = ["at", "size", "hold_ms"].map(|name| body.place(name));
    if let Some(Err(complaint)) = &at {
        faults.add(&at_place, complaint);
    }
    body.finish(&mut faults);
    faults.check(Code::MalformedRequest)?;

    let mut faults = Faults::default();
    let at = at.and_then(Result::ok);
    if at.is_some_and(|at| at > SystemTime::now() + FURTHEST) {
        faults.add(&at_place, format!("must be within {} days", FURTHEST.as_secs() / 86_400));
    }
    let size_range = 1.0..=f64::from(u16::MAX);
    if size.fract() != 0.0 || !size_range.contains(&size) {
        faults.add(&size_place, "must be a whole number of at least 1");
    }
    let longest_ms = LONGEST_HOLD.as_millis() as f64;
    let hold = match hold_ms {
        Some(ms) if (1.0..=longest_ms).contains(&ms) => Duration::from_millis(ms as u64),
        Some(_) => {
            faults.add(&hold_place, format!("must be from 1 to {longest_ms}"));
            DEFAULT_HOLD
        }
        None => DEFAULT_HOLD,
    };
    faults.check(Code::InvalidLimit)?;
    Ok(Wish { size: size as usize, at, hold })
}

fn refused(error: HintError, name: &str) -> Fault {
    let at = |field: &str| {
        let mut faults = Faults::default();
        faults.add(&Place::default().member(field), format!("cannot be granted: {error}"));
        faults.check(Code::InvalidLimit).expect_err("there is a fault")
    };
    match error {
        HintError::Unknown => unknown(name),
        HintError::Over => at("at"),
        HintError::TooLarge { .. } => at("size"),
        HintError::TooMany(_) => Fault::new(Code::InvalidLimit, format!("{error}; DELETE takes them all back")),
    }
}

fn unknown(name: &str) -> Fault {
    Fault::new(Code::UnknownLanguage, format!("there is no pool of `{name}`; see GET /v1/status"))
}

impl Api {
    /// By the name that the status has for it, or by any that a request may use.
    fn pool(&self, name: &str) -> Result<LanguageId, Fault> {
        let by_key = self.catalogue.get(&LanguageId::new(name));
        let found = by_key.or_else(|| self.catalogue.find(name, None).ok());
        found.map(|language| language.key.clone()).ok_or_else(|| unknown(name))
    }

    fn hints_of(&self, language: &LanguageId) -> Response {
        let pool = self.dispatch.status().pools.into_iter().find(|pool| pool.language == *language);
        let hints = pool.into_iter().flat_map(|pool| pool.hints).map(Hint::from).collect();
        json(&Hints { language: language.as_str(), hints })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(document: Value) -> (Code, Vec<String>) {
        let fault = decode(document).unwrap_err();
        (fault.code, fault.errors.into_iter().map(|error| error.pointer).collect())
    }

    #[test]
    fn a_hint_may_leave_out_all_but_its_size() {
        assert_eq!(decode(json!({"size": 3})).unwrap(), Wish { size: 3, at: None, hold: DEFAULT_HOLD });
        let wish = decode(json!({"size": 3, "at": "2026-01-01T00:00:00Z", "hold_ms": 1500})).unwrap();
        assert_eq!((wish.at.map(calendar::format), wish.hold.as_millis()), (Some("2026-01-01T00:00:00Z".into()), 1500));
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_field() {
        let (code, pointers) = refused(json!({"at": "noon", "hold_ms": "1", "hold": 1}));
        assert_eq!(
            (code, pointers),
            (Code::MalformedRequest, ["/size", "/hold_ms", "/at", "/hold"].map(String::from).into())
        );
        let (code, pointers) = refused(json!({"at": "2999-01-01T00:00:00Z", "hold_ms": 0, "size": 1.5}));
        assert_eq!((code, pointers), (Code::InvalidLimit, ["/at", "/size", "/hold_ms"].map(String::from).into()));
        assert_eq!(refused(json!({"size": 0})).0, Code::InvalidLimit);
    }
}
