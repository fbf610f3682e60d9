//! A client that sends exactly the bytes it is told to, one connection a request: a library would refuse to send what a
//! contract must be tested with.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longer than anything a test asks for. Too small and a busy machine fails tests, too large and a hang wastes time.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// A request in the making.
#[derive(Debug, Clone)]
pub struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    None,
    Whole(Vec<u8>),
    /// Begun, but never ended.
    Chunks(Vec<Vec<u8>>),
    /// A length is announced, fewer bytes are sent.
    Announced(usize, Vec<u8>),
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// A request that was sent and not answered yet. Dropping it hangs up.
pub struct Sent(TcpStream);

impl Call {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.into(), path: path.into(), headers: Vec::new(), body: Body::None }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Body::Whole(body.into()), ..Self::new("POST", path) }
    }

    pub fn put(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: Body::Whole(body.into()), ..Self::new("PUT", path) }
    }

    /// A chunked body of which these are the first chunks.
    pub fn post_chunks(path: &str, chunks: &[&[u8]]) -> Self {
        let chunks = chunks.iter().map(|chunk| chunk.to_vec()).collect();
        Self { body: Body::Chunks(chunks), ..Self::new("POST", path) }
    }

    /// A body that calls itself `length` bytes long and of which this much is sent.
    pub fn post_announcing(path: &str, length: usize, sent: &[u8]) -> Self {
        Self { body: Body::Announced(length, sent.to_vec()), ..Self::new("POST", path) }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub async fn send(self, to: SocketAddr) -> Sent {
        let mut stream = TcpStream::connect(to).await.expect("the server listens");
        stream.write_all(&self.bytes()).await.expect("the server reads");
        Sent(stream)
    }

    fn bytes(self) -> Vec<u8> {
        let Self { method, path, mut headers, body } = self;
        let body = match body {
            Body::None => Vec::new(),
            Body::Whole(body) => {
                headers.push(("Content-Length".into(), body.len().to_string()));
                body
            }
            Body::Announced(length, sent) => {
                headers.push(("Content-Length".into(), length.to_string()));
                sent
            }
            Body::Chunks(chunks) => {
                headers.push(("Transfer-Encoding".into(), "chunked".into()));
                let framed =
                    chunks.iter().map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
                framed.collect::<Vec<_>>().concat()
            }
        };
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n").into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        bytes
    }
}

impl Sent {
    /// Waits until so much of the answer is there that it holds these words; false when it ends without.
    pub async fn hears(&mut self, words: &str) -> bool {
        let mut bytes = Vec::new();
        let heard = async {
            while self.0.read_buf(&mut bytes).await.expect("the server writes") > 0 {
                if String::from_utf8_lossy(&bytes).contains(words) {
                    return true;
                }
            }
            false
        };
        timeout(ANSWER_PATIENCE, heard).await.expect("some words")
    }

    pub async fn answer(mut self) -> Answer {
        let mut bytes = Vec::new();
        timeout(ANSWER_PATIENCE, self.0.read_to_end(&mut bytes)).await.expect("an answer").expect("a whole answer");
        Answer::parse(&bytes)
    }
}

/// What chunks hold, the last one of which must be there.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n").expect("a chunk's length");
        let length = std::str::from_utf8(&bytes[..end]).expect("a length of ASCII");
        let length = usize::from_str_radix(length, 16).expect("a hexadecimal length");
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + length]);
        bytes = &bytes[end + 2 + length + 2..];
    }
}

impl Answer {
    /// `Connection: close` was asked for, so what comes before the end is the body.
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).expect("a head of ASCII");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect("a status");
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        let mut answer = Self { status, headers: headers.collect(), body: bytes[end + 4..].to_vec() };
        if answer.header("transfer-encoding") == Some("chunked") {
            answer.body = unchunked(&answer.body);
            return answer;
        }
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        assert_eq!(length, Some(answer.body.len()), "every answer says how long it is");
        answer
    }

    /// The only value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "{name} is there twice");
        value
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }
}
