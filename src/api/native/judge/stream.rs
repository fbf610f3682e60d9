//! A judging as server-sent events, told while it goes on: `compile`, one `case` each, and last `verdict`, which is the whole
//! answer once more. In the format of <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::{pin::Pin, sync::Arc};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use serde::Serialize;
use tokio::sync::mpsc;

use super::{
    super::{Encoding, response::Stage},
    response::{Answer, Case},
};
use crate::{
    api::{Api, fault::Fault},
    dispatch::{Progress, Refusal},
    job::Judging,
    language::Language,
};

type Judged = Pin<Box<dyn Future<Output = Result<Bytes, Refusal>> + Send>>;

/// What is still to be told. Dropped when the client leaves, and the judging with it.
struct Telling {
    judging: Option<Judged>,
    parts: mpsc::Receiver<Bytes>,
    last: Option<Bytes>,
}

pub fn is_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|part| {
        part.split(';').next().is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("text/event-stream"))
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
    let judging: Judged = Box::pin(async move {
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
        Ok(event("verdict", &Answer::new(&id, &language, &judgement, encoding)))
    });
    let mut telling = Telling { judging: Some(judging), parts, last: None };
    let first = telling.next().await?;
    let rest = stream::unfold(telling, |mut telling| async move {
        // Once a part was told there is a judgement; a drain that ends it breaks the stream off.
        let part = telling.next().await.ok().flatten()?;
        Some((Ok::<_, std::convert::Infallible>(part), telling))
    });
    let all = futures_util::StreamExt::chain(stream::iter(first.map(Ok)), rest);
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(all)).into_response())
}

impl Telling {
    /// The next part; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        if let Some(judging) = &mut self.judging {
            tokio::select! {
                biased;
                Some(part) = self.parts.recv() => return Ok(Some(part)),
                ended = judging => {
                    self.judging = None;
                    self.last = Some(ended?);
                }
            }
        }
        Ok(self.parts.try_recv().ok().or_else(|| self.last.take()))
    }
}

fn event(name: &str, data: &impl Serialize) -> Bytes {
    // JSON holds no line break, so one line of data is enough. Structures of strings and numbers have no way to fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n").into()
}
