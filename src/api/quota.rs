//! What one key may ask of the service: so many requests a second, so many at once. 429 beyond.

use std::{collections::HashMap, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use governor::{
    DefaultDirectRateLimiter, Quota as Pace,
    clock::{Clock, DefaultClock},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Api, ApiKey, auth,
    fault::{Code, Fault},
    sending::until_sent,
};
use crate::{job::ClientId, observe::Rejection};

/// None: no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct KeyLimits {
    pub rate: Option<Rate>,
    /// Requests under way at once.
    pub concurrent: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Positive and finite.
    pub per_second: f64,
    /// So many may come at once after a pause.
    pub burst: NonZeroU32,
}

/// Of every key that has any.
#[derive(Default)]
pub struct Quotas(HashMap<ClientId, Quota>);

struct Quota {
    rate: Option<DefaultDirectRateLimiter>,
    concurrent: Option<Arc<Semaphore>>,
}

/// When a place among those at once is free again depends on how long the client's own requests take.
const PLACE_RETRY: Duration = Duration::from_secs(1);

impl Quotas {
    pub fn new(keys: &[ApiKey]) -> Self {
        let quotas = keys.iter().map(|key| {
            let KeyLimits { rate, concurrent } = key.limits;
            let quota = Quota {
                rate: rate.and_then(Rate::pace).map(DefaultDirectRateLimiter::direct),
                concurrent: concurrent.map(|most| Arc::new(Semaphore::new(most))),
            };
            (ClientId::new(&key.name), quota)
        });
        Self(quotas.collect())
    }

    fn of(&self, client: &ClientId) -> Result<Option<OwnedSemaphorePermit>, (Fault, Rejection)> {
        self.0.get(client).map_or(Ok(None), Quota::take)
    }
}

impl Quota {
    /// One request more; what is returned is held until it is answered.
    fn take(&self) -> Result<Option<OwnedSemaphorePermit>, (Fault, Rejection)> {
        // First what can be given back: a request that is refused is not to count as one that came.
        let place = match &self.concurrent {
            None => None,
            Some(places) => Some(Arc::clone(places).try_acquire_owned().map_err(|_| {
                let fault = Fault::new(Code::ConcurrencyLimited, "the key has as many requests under way as it may");
                (fault.retry_after(PLACE_RETRY), Rejection::ConcurrencyLimited)
            })?),
        };
        if let Some(Err(not_until)) = self.rate.as_ref().map(DefaultDirectRateLimiter::check) {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            let fault = Fault::new(Code::RateLimited, "the key sends more requests than it may").retry_after(wait);
            return Err((fault, Rejection::RateLimited));
        }
        Ok(place)
    }
}

impl Rate {
    fn pace(self) -> Option<Pace> {
        Pace::with_period(Duration::from_secs_f64(1.0 / self.per_second)).map(|pace| pace.allow_burst(self.burst))
    }
}

pub async fn keep(
    State((api, quotas)): State<(Arc<Api>, Arc<Quotas>)>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let client = auth::client(&request);
    let place = quotas.of(&client).map_err(|(fault, reason)| {
        api.dispatch.turned_away(reason);
        fault
    })?;
    let response = next.run(request).await;
    Ok(match place {
        Some(place) => until_sent(place, response),
        None => response,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(limits: KeyLimits) -> Quotas {
        Quotas::new(&[ApiKey { name: "judge".into(), token: "t".into(), scopes: Vec::new(), limits }])
    }

    fn refused(quotas: &Quotas) -> Option<Code> {
        quotas.of(&ClientId::new("judge")).err().map(|(fault, _)| fault.code)
    }

    #[test]
    fn a_burst_is_granted_and_no_more() {
        let rate = Rate { per_second: 0.01, burst: NonZeroU32::new(3).unwrap() };
        let quotas = quota(KeyLimits { rate: Some(rate), concurrent: None });
        assert_eq!([(); 4].map(|()| refused(&quotas)), [None, None, None, Some(Code::RateLimited)]);
        let (fault, _) = quotas.of(&ClientId::new("judge")).unwrap_err();
        let wait = fault.retry_after.unwrap();
        assert!(wait > Duration::from_secs(90) && wait <= Duration::from_secs(100), "{wait:?}");
    }

    #[test]
    fn a_place_is_free_again_when_its_request_is_over() {
        let quotas = quota(KeyLimits { rate: None, concurrent: Some(1) });
        let held = quotas.of(&ClientId::new("judge")).unwrap();
        assert_eq!(refused(&quotas), Some(Code::ConcurrencyLimited));
        drop(held);
        assert_eq!(refused(&quotas), None);
    }

    #[test]
    fn who_has_no_limits_is_not_counted() {
        let quotas = quota(KeyLimits::default());
        assert!((0..1000).all(|_| refused(&quotas).is_none()));
        assert!(quotas.of(&ClientId::new("somebody else")).unwrap().is_none());
    }
}
