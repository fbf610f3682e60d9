//! What requests and their answers may hold in memory, all of them together. Room is taken before there is anything to
//! hold and given back when the last byte of the answer is sent, or nobody waits for it any more.

use std::{mem, sync::Arc, time::Duration};

use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Api,
    fault::{Code, Fault},
    sending::until_sent,
};
use crate::observe::{Observer, Rejection};

/// One permit for each [`UNIT`].
#[derive(Debug)]
pub struct Room {
    left: Arc<Semaphore>,
    bytes: usize,
    observer: Arc<dyn Observer>,
}

/// A share of the room.
#[derive(Debug)]
pub struct Held {
    permit: OwnedSemaphorePermit,
    told: Told,
}

/// What was told of a share, and is taken back with it.
#[derive(Debug)]
struct Told {
    bytes: usize,
    observer: Arc<dyn Observer>,
}

const UNIT: usize = 1024;

/// Answers leave within milliseconds, if their clients take them.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Room {
    pub fn new(bytes: usize, observer: Arc<dyn Observer>) -> Self {
        observer.in_flight_limit(bytes);
        Self { left: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))), bytes, observer }
    }

    /// What a single request should not exceed for the sake of speed alone.
    pub fn share(&self) -> u64 {
        self.bytes as u64 / 4
    }

    pub fn take(&self, bytes: usize) -> Result<Held, Fault> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.left).try_acquire_many_owned(units).map_err(|_| {
            Fault::new(Code::Saturated, "requests and answers under way take up all memory that is set aside for them")
                .retry_after(RETRY_AFTER)
        })?;
        Ok(Held { permit, told: Told::new(units as usize * UNIT, Arc::clone(&self.observer)) })
    }
}

impl Api {
    /// Room for so many bytes, or a refusal that is counted.
    pub(super) fn make_room(&self, bytes: u64) -> Result<Held, Fault> {
        let held = self.room.take(usize::try_from(bytes).unwrap_or(usize::MAX));
        held.inspect_err(|_| self.dispatch.turned_away(Rejection::Memory))
    }
}

impl Held {
    pub fn and(mut self, other: Self) -> Self {
        let Self { permit, mut told } = other;
        self.permit.merge(permit);
        self.told.bytes += mem::take(&mut told.bytes);
        self
    }

    pub fn until_sent(self, response: Response) -> Response {
        until_sent(self, response)
    }
}

impl Told {
    fn new(bytes: usize, observer: Arc<dyn Observer>) -> Self {
        observer.in_flight_taken(bytes);
        Self { bytes, observer }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.observer.in_flight_given_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::HttpBody, response::IntoResponse};
    use http_body_util::BodyExt;

    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::observe::Deaf;

    #[derive(Debug, Default)]
    struct Told(AtomicUsize);

    impl Observer for Told {
        fn in_flight_taken(&self, bytes: usize) {
            self.0.fetch_add(bytes, Ordering::SeqCst);
        }

        fn in_flight_given_back(&self, bytes: usize) {
            self.0.fetch_sub(bytes, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn room_is_given_back_with_the_last_byte() {
        let told = Arc::new(Told::default());
        let now = || told.0.load(Ordering::SeqCst);
        let room = Room::new(3 * UNIT, told.clone());
        let held = room.take(UNIT).unwrap().and(room.take(2 * UNIT).unwrap());
        assert_eq!(room.take(1).unwrap_err().code, Code::Saturated);
        let response = held.until_sent("answer".into_response());
        assert_eq!(response.body().size_hint().exact(), Some(6));
        assert!(room.take(1).is_err());
        assert_eq!(now(), 3 * UNIT);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "answer");
        assert_eq!(now(), 0);
        assert!(room.take(3 * UNIT).is_ok());
    }

    #[test]
    fn what_never_fits_is_refused_like_what_does_not_fit_now() {
        assert!(Room::new(UNIT, Arc::new(Deaf)).take(usize::MAX).is_err());
    }
}
