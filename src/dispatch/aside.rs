//! Work that takes its time, kept away from the threads that everybody's requests share.

use tokio::task::spawn_blocking;

/// Below this many bytes, comparing, taking apart or writing down is quicker than handing it over.
const SMALL: usize = 64 * 1024;

/// `bytes`: how much there is to work on.
pub async fn aside<T: Send + 'static>(bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
    if bytes <= SMALL {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(done) => done,
        // As if it had happened here.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
