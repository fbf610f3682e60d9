//! What requests and their answers may hold in memory, all of them together. Room is taken before there is anything to
//! hold and given back when the last byte of the answer is sent, or nobody waits for it any more.

use std::{sync::Arc, time::Duration};

use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    Api,
    fault::{Code, Fault},
    sending::until_sent,
};
use crate::dispatch::Rejection;

/// One permit for each [`UNIT`].
#[derive(Debug)]
pub struct Room {
    left: Arc<Semaphore>,
    bytes: usize,
}

/// A share of the room.
#[derive(Debug)]
pub struct Held(OwnedSemaphorePermit);

const UNIT: usize = 1024;

/// Answers leave within milliseconds, if their clients take them.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Room {
    pub fn new(bytes: usize) -> Self {
        Self { left: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))), bytes }
    }

    /// What a single request should not exceed for the sake of speed alone.
    pub fn share(&self) -> u64 {
        self.bytes as u64 / 4
    }

    pub fn take(&self, bytes: usize) -> Result<Held, Fault> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        Arc::clone(&self.left).try_acquire_many_owned(units).map(Held).map_err(|_| {
            Fault::new(Code::Saturated, "requests and answers under way take up all memory that is set aside for them")
                .retry_after(RETRY_AFTER)
        })
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
        self.0.merge(other.0);
        self
    }

    pub fn until_sent(self, response: Response) -> Response {
        until_sent(self, response)
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::HttpBody, response::IntoResponse};
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn room_is_given_back_with_the_last_byte() {
        let room = Room::new(3 * UNIT);
        let held = room.take(UNIT).unwrap().and(room.take(2 * UNIT).unwrap());
        assert_eq!(room.take(1).unwrap_err().code, Code::Saturated);
        let response = held.until_sent("answer".into_response());
        assert_eq!(response.body().size_hint().exact(), Some(6));
        assert!(room.take(1).is_err());
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "answer");
        assert!(room.take(3 * UNIT).is_ok());
    }

    #[test]
    fn what_never_fits_is_refused_like_what_does_not_fit_now() {
        assert!(Room::new(UNIT).take(usize::MAX).is_err());
    }
}
