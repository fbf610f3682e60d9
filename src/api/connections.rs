//! From the listener to the router: how many connections there may be, and how long each may keep us waiting.
//!
//! A connection ends when its client hangs up, when it stays silent where a request should come, or when it does not
//! take its answer. Dropping it drops the handler, and with that the job.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use futures_util::FutureExt;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use crate::observe::Observer;

/// What one listener grants to all of its clients.
#[derive(Debug, Clone, Copy)]
pub struct Connections {
    /// Open at once. Further clients wait in the kernel's backlog until one ends.
    pub most: usize,
    /// How long a client may take to send a request's head, also the next one's on the same connection, and to take a
    /// piece of its answer. Too small and clients on poor lines or with rare requests have to connect anew, too large and
    /// those who do nothing keep others out.
    pub patience: Duration,
}

/// A connection that is counted.
struct Open(Arc<dyn Observer>);

/// When there is no descriptor for one more connection: ended ones give theirs back in the meantime.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// From the end of listening to the end of silent connections: far more than a client needs from its connect to its request.
const LAST_REQUESTS: Duration = Duration::from_millis(200);

impl Connections {
    /// Serves until `stop` is ready, then lets the requests that are being answered come to their end.
    pub async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        observer: Arc<dyn Observer>,
        stop: impl Future<Output = ()>,
    ) {
        let places = Arc::new(Semaphore::new(self.most));
        let service = TowerToHyperService::new(router);
        let connections = GracefulShutdown::new();
        let next = async || {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (place, accept(&listener).await)
        };
        let answer = |(place, stream): (OwnedSemaphorePermit, TcpStream)| {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(self.patience);
            let connection = http.serve_connection(TokioIo::new(self.patient(stream)), service.clone());
            let connection = connections.watch(connection);
            let open = Open::new(Arc::clone(&observer));
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    debug!(error = &error as &dyn std::error::Error, "a connection ended early");
                }
                drop((open, place));
            });
        };
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                accepted = next() => answer(accepted),
                () = &mut stop => break,
            }
        }
        // Whom the kernel has let in already; not for ever, since it goes on to.
        for _ in 0..self.most {
            let Some(accepted) = next().now_or_never() else { break };
            answer(accepted);
        }
        // Who comes now is refused by the kernel instead of waiting for nothing.
        drop(listener);
        // A connection without a request is closed at once: whoever has only just connected gets to send his, and is told.
        sleep(LAST_REQUESTS).await;
        connections.shutdown().await;
    }

    fn patient(self, stream: TcpStream) -> std::pin::Pin<Box<TimeoutStream<TcpStream>>> {
        // Answers are small and written at once: waiting for more to send would only add to their latency.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "could not set TCP_NODELAY");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.patience));
        Box::pin(stream)
    }
}

impl Open {
    fn new(observer: Arc<dyn Observer>) -> Self {
        observer.connection_opened();
        Self(observer)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.connection_ended();
    }
}

/// The next connection, however long that takes.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // It was gone again before we looked.
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                warn!(%error, "could not accept a connection; are there too many open files?");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
