//! A judging as server-sent events, told while it goes on: `compile`, one `case` each, and last `verdict`, which is the whole
//! answer once more. In the format of <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::{io, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span};

use super::{
    super::{Encoding, response::Stage},
    response::{Answer, Case, verdict},
};
use crate::{
    api::{Api, fault::Fault, trace},
    dispatch::{Progress, Refusal, aside},
    job::Judging,
    language::Language,
};

/// What is still to be told. The judging goes on whether or not its client listens, and ends when the client leaves.
struct Telling {
    parts: mpsc::Receiver<Bytes>,
    judging: Option<AbortOnDropHandle<Result<Bytes, Refusal>>>,
}

pub fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        let is_named = words.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("text/event-stream"));
        // A weight of 0 means: anything but this.
        let is_unwanted = words.any(|word| word.strip_prefix("q=").and_then(|weight| weight.parse().ok()) == Some(0.0));
        is_named && !is_unwanted
    })
}

/// A refusal is still told as one: nothing is sent before the first part has ended.
pub async fn judge(
    api: Arc<Api>,
    language: Arc<Language>,
    judging: Judging,
    encoding: Encoding,
) -> Result<Response, Fault> {
    // Room for every part, so that none has to wait; their size is part of what was set aside for the judging.
    let (sender, parts) = mpsc::channel(judging.cases.len() + 1);
    let id = judging.id.clone();
    let judging = async move {
        let judgement = api
            .dispatch
            .judge(judging, move |progress| {
                // Nobody is there to hear it any more only when all of this is being dropped.
                let _ = sender.try_send(match progress {
                    Progress::Compiled(stage) => event("compile", &Stage::new(stage, encoding)),
                    Progress::Judged(judged) => event("case", &Case::new(judged, encoding)),
                });
            })
            .await?;
        trace::tell(verdict(judgement.verdict()), judgement.claim);
        let bytes = judgement.output_bytes();
        Ok(aside(bytes, move || event("verdict", &Answer::new(&id, &language, &judgement, encoding))).await)
    };
    let judging = AbortOnDropHandle::new(tokio::spawn(judging.instrument(Span::current())));
    let mut telling = Telling { parts, judging: Some(judging) };
    let first = telling.next().await?;
    let rest = stream::unfold(telling, |mut telling| async move {
        // Once a part was told there is a judgement, but for one that a drain ends: its stream breaks off.
        let part = telling.next().await.map_err(io::Error::other).transpose()?;
        Some((part, telling))
    });
    let all = futures_util::StreamExt::chain(stream::iter(first.map(Ok)), rest);
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(all)).into_response())
}

impl Telling {
    /// The next part; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        if let Some(part) = self.parts.recv().await {
            return Ok(Some(part));
        }
        match self.judging.take() {
            None => Ok(None),
            Some(judging) => match judging.await {
                Ok(result) => result.map(Some),
                // As if it had happened here.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            },
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Bytes {
    // JSON holds no line break, so one line of data is enough. Structures of strings and numbers have no way to fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}
