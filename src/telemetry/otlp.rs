//! Spans to an OpenTelemetry collector, as OTLP over HTTP with protobuf bodies.
//! <https://opentelemetry.io/docs/specs/otlp/>
//!
//! ```text
//! a span ends - a place in the queue, or it is dropped - a task sends many at once - the collector
//! ```
//!
//! A request never waits for any of this, and a collector that is away costs spans and nothing else. Not through
//! OpenTelemetry's own crates: those bring fifteen more, and read their settings from the environment past our own.

mod message;
mod span;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use prost::Message;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::timeout,
};
use tracing::{Subscriber, info, warn};
use tracing_subscriber::{Layer, filter::filter_fn, registry::LookupSpan};

use message::Export;
use span::{Ended, Spans, is_exported};

/// Where to send spans, and as whose.
#[derive(Debug, Clone)]
pub struct OtlpConfig {
    /// Up to the path, `/v1/traces`.
    pub endpoint: String,
    /// May hold secrets.
    pub headers: Headers,
    pub service_name: String,
}

#[derive(Clone, Default)]
pub struct Headers(pub Vec<(String, String)>);

/// What hands spans to the task that sends them. The task ends with the process.
#[derive(Debug, Clone)]
pub struct Otlp {
    queue: mpsc::Sender<Item>,
    /// Since the last batch, for want of a place.
    overflow: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Item {
    Ended(Box<Ended>),
    /// To be answered once all that came before was sent, or could not be.
    Flush(oneshot::Sender<()>),
}

/// What goes out together.
#[derive(Default)]
struct Batch {
    spans: Vec<Ended>,
    flush: Option<oneshot::Sender<()>>,
}

struct Collector {
    agent: ureq::Agent,
    config: OtlpConfig,
    overflow: Arc<AtomicUsize>,
    /// Since it last took all that it was sent.
    lost: usize,
}

/// Spans that wait to be sent, some 500 bytes each. Too small and a burst of requests loses some, too large and a
/// collector that is away costs memory.
const QUEUE: usize = 4096;

/// Too small and there are many requests to the collector, too large and it refuses them.
const BATCH: usize = 512;

/// How long the first of a batch waits for others. Too small and batches are, too large and traces are seen late.
const DELAY: Duration = Duration::from_secs(1);

/// How long a collector may take. Too small and a slow one gets nothing, too large and the queue overflows meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);

impl Otlp {
    /// To be called where there is a runtime.
    pub fn start(config: OtlpConfig) -> Self {
        let (queue, items) = mpsc::channel(QUEUE);
        let overflow = Arc::default();
        let collector = Collector::new(config, Arc::clone(&overflow));
        tokio::spawn(collector.serve(items));
        Self { queue, overflow }
    }

    /// What hands over the spans of requests and of their parts as they end.
    pub fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(&self) -> impl Layer<S> + use<S> {
        let Self { queue, overflow } = self.clone();
        let hand_over = move |ended| {
            if queue.try_send(Item::Ended(Box::new(ended))).is_err() {
                overflow.fetch_add(1, Ordering::Relaxed);
            }
        };
        Spans(hand_over).with_filter(filter_fn(is_exported))
    }

    /// Returns once all spans that have ended so far were sent, or could not be, or the patience with the collector is over.
    pub async fn flush(&self) {
        let flushed = async {
            let (flush, flushed) = oneshot::channel();
            // Neither can fail while the task lives, and without it there is nothing to wait for.
            let _ = self.queue.send(Item::Flush(flush)).await;
            let _ = flushed.await;
        };
        if timeout(PATIENCE, flushed).await.is_err() {
            warn!("the last spans could not be sent in time");
        }
    }
}

impl Batch {
    fn take(&mut self, item: Item) {
        match item {
            Item::Ended(span) => self.spans.push(*span),
            Item::Flush(flush) => self.flush = Some(flush),
        }
    }

    fn is_full(&self) -> bool {
        self.spans.len() >= BATCH || self.flush.is_some()
    }
}

impl Collector {
    fn new(config: OtlpConfig, overflow: Arc<AtomicUsize>) -> Self {
        // No proxy: it would be read from the environment.
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).max_redirects(0).proxy(None).build();
        Self { agent: agent.into(), config, overflow, lost: 0 }
    }

    async fn serve(mut self, mut items: mpsc::Receiver<Item>) {
        while let Some(first) = items.recv().await {
            let mut batch = Batch::default();
            batch.take(first);
            let fill = async {
                while !batch.is_full() {
                    let Some(item) = items.recv().await else { break };
                    batch.take(item);
                }
            };
            // A batch that does not fill goes as it is.
            let _ = timeout(DELAY, fill).await;
            let Batch { spans, flush } = batch;
            if !spans.is_empty() {
                self.send(spans).await;
            }
            if let Some(flush) = flush {
                // Whoever asked may have given up.
                let _ = flush.send(());
            }
        }
    }

    async fn send(&mut self, spans: Vec<Ended>) {
        let count = spans.len();
        let body = Export::new(&self.config.service_name, spans).encode_to_vec();
        let OtlpConfig { endpoint, headers: Headers(headers), service_name: _ } = &self.config;
        let mut request =
            self.agent.post(format!("{endpoint}/v1/traces")).header("content-type", "application/x-protobuf");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let error = match spawn_blocking(move || request.send(&body[..])).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panicked) => Some(panicked.to_string()),
        };
        self.tell(count, error);
    }

    /// Once when spans begin to be lost and once when no more are, not with every batch.
    fn tell(&mut self, count: usize, error: Option<String>) {
        let failed = if error.is_some() { count } else { 0 };
        let lost = failed + self.overflow.swap(0, Ordering::Relaxed);
        let was_losing = self.lost > 0;
        self.lost += lost;
        if lost > 0 && !was_losing {
            let endpoint = &self.config.endpoint;
            let error = error.unwrap_or_else(|| "more came than could be sent".to_owned());
            warn!(
                endpoint,
                error, "spans are lost on their way to the collector; further losses are told when they end"
            );
        }
        if lost == 0 && was_losing {
            info!(lost = std::mem::take(&mut self.lost), "the collector takes spans again");
        }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use tracing::{info_span, subscriber::with_default};
    use tracing_subscriber::{layer::SubscriberExt, registry};

    use super::*;

    #[test]
    fn what_finds_no_place_in_the_queue_is_dropped_and_counted() {
        let (queue, items) = mpsc::channel(2);
        let otlp = Otlp { queue, overflow: Arc::default() };
        with_default(registry().with(otlp.layer()), || {
            for _ in 0..5 {
                let (trace_id, span_id) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
                drop(info_span!("request", trace_id, span_id, sampled = true));
            }
        });
        assert_eq!((items.len(), otlp.overflow.load(Ordering::Relaxed)), (2, 3));
    }

    #[test]
    fn headers_do_not_show_their_values() {
        let headers = Headers(vec![("authorization".to_owned(), "hunter2".to_owned())]);
        assert_eq!(format!("{headers:?}"), "[\"authorization\"]");
    }
}
