//! What is held until the last byte of an answer is sent, or nobody waits for it any more.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    Error,
    body::{Body, Bytes, HttpBody},
    response::Response,
};
use http_body::{Frame, SizeHint};

struct Sending<H> {
    body: Body,
    _held: H,
}

pub fn until_sent<H: Send + Unpin + 'static>(held: H, response: Response) -> Response {
    response.map(|body| Body::new(Sending { body, _held: held }))
}

impl<H: Send + Unpin + 'static> HttpBody for Sending<H> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
