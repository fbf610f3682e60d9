//! Where log lines go and how they look.

use std::{
    io::{IsTerminal, stderr},
    panic,
};

use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, ParseError, filter_fn},
    fmt::layer,
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

use super::otlp::Otlp;
use crate::observe::TRACE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Human,
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    #[error("log.filter: `{filter}` is no filter, such as `info` or `caisson=debug,warn`")]
    Filter { filter: String, source: ParseError },
    #[error("somebody else has set up logging already")]
    Taken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Sends every event to stderr, and spans to the collector if there is one. To be called once, at the start.
pub fn start(format: Format, filter: &str, otlp: Option<&Otlp>) -> Result<(), LoggingError> {
    let filter =
        EnvFilter::try_new(filter).map_err(|source| LoggingError::Filter { filter: filter.to_owned(), source })?;
    // A line is told apart by its job, not by the part of it that was measured.
    let filter = filter.and(filter_fn(|metadata| metadata.target() != TRACE));
    // A reader that is gone costs the lines, not the service: told on stderr as well, that would be a panic.
    let lines = layer().with_writer(stderr).with_ansi(stderr().is_terminal()).log_internal_errors(false);
    let lines = match format {
        Format::Human => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    registry()
        .with(lines.with_filter(filter))
        .with(otlp.map(Otlp::layer))
        .try_init()
        .map_err(|error| LoggingError::Taken(Box::new(error)))?;
    panic::set_hook(Box::new(report_panic));
    Ok(())
}

/// The place only: the message of a panic may quote what a client sent.
fn report_panic(panicked: &panic::PanicHookInfo<'_>) {
    let place = panicked.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "a defect of this program was met");
}
