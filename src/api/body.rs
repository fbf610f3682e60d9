//! From a request's bytes to a JSON value.

mod decoder;

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::header,
};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::timeout;

pub use decoder::{Faults, Object, Place};

use super::{
    Api,
    fault::{Code, Fault},
    room::Held,
};
use crate::dispatch::aside;

/// How long a body may take to arrive: a few megabytes over a poor line. Too small and such clients are turned away, too
/// large and those who send nothing hold their connections.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// What JSON values take for each of their bytes, at the most: `"",` is three, and a value of our own thirty-odd.
const VALUES: u64 = 10;

/// What is read and thrown away of a body that is too large, so that its client comes to read the answer. Beyond that the
/// connection is closed in its face.
const DISCARD_MAX: usize = 16 << 20;
const DISCARD_PATIENCE: Duration = Duration::from_secs(2);

/// A body that calls itself JSON, or says nothing about itself, as JSON, and what `decode` makes of it.
pub async fn json<T: Send + 'static>(
    request: Request,
    api: &Api,
    decode: fn(Value) -> Result<T, Fault>,
) -> Result<(T, Held), Fault> {
    if let Some(media_type) = request.headers().get(header::CONTENT_TYPE) {
        let essence = media_type.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        if !essence.trim().eq_ignore_ascii_case("application/json") {
            return Err(Fault::new(Code::UnsupportedMediaType, "send `Content-Type: application/json`"));
        }
    }
    let (bytes, held) = read(request, api).await?;
    // Given back once the values have become a request.
    let _values = api.make_room(bytes.len() as u64 * VALUES)?;
    let decoded = aside(bytes.len(), move || {
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| Fault::new(Code::MalformedRequest, format!("the body is not JSON: {error}")))?;
        decode(value)
    });
    Ok((decoded.await?, held))
}

/// The whole body, whether or not its length was announced.
pub async fn read(request: Request, api: &Api) -> Result<(Bytes, Held), Fault> {
    let most = api.config.max_body_bytes;
    let announced: Option<u64> =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let held = api.make_room(announced.unwrap_or(u64::MAX).min(most as u64))?;
    let mut body = request.into_body();
    let bytes = match announced {
        Some(length) if length > most as u64 => Ok(None),
        _ => timeout(BODY_PATIENCE, collect(&mut body, most)).await.map_err(|_| {
            let detail = format!("the body did not arrive within {} s", BODY_PATIENCE.as_secs());
            Fault::new(Code::MalformedRequest, detail)
        })?,
    };
    match bytes {
        Ok(Some(bytes)) => Ok((bytes, held)),
        Ok(None) => {
            // Whether it came to its end does not matter: it is refused either way.
            let _ = timeout(DISCARD_PATIENCE, discard(body)).await;
            Err(Fault::new(Code::PayloadTooLarge, format!("the body is over the cap of {most} bytes")))
        }
        Err(_) => Err(Fault::new(Code::MalformedRequest, "the body broke off")),
    }
}

/// `None` once there is more than `most`.
async fn collect(body: &mut Body, most: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(piece) = frame.into_data() else { continue };
        if bytes.len() + piece.len() > most {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes.into()))
}

/// Most clients look for an answer only when they have sent all they have.
async fn discard(mut body: Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARD_MAX {
            return;
        }
    }
}
