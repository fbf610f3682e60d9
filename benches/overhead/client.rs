//! A client that sends its next request when it has its answer. On a plain socket: it takes a few microseconds of the time
//! that it measures, and none that it shares with a runtime.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

pub struct Client {
    stream: BufReader<TcpStream>,
}

/// A request as it is sent.
pub struct Request(Vec<u8>);

/// What one request came to.
pub struct Answer {
    pub took: Duration,
    body: Vec<u8>,
}

/// What several clients had for a while.
pub struct Seen {
    pub jobs: u64,
    pub seconds: f64,
    /// Milliseconds, of each job.
    pub latencies: Vec<f64>,
    /// The share of jobs that the shelf met.
    pub warm: f64,
}

/// A minute longer than a request may take on the server.
const PATIENCE: Duration = Duration::from_secs(120);

impl Request {
    pub fn new(path: &str, body: &Value) -> Self {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        Self((head + &body).into_bytes())
    }
}

impl Client {
    pub fn of(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("a server of ours has no other");
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nodelay(true).expect("a socket can be told");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket can be told");
        Self { stream: BufReader::new(stream) }
    }

    /// One that must go well.
    pub fn send(&mut self, request: &Request) -> Answer {
        let since = Instant::now();
        self.stream.get_mut().write_all(&request.0).expect("the server takes a request");
        let (status, body) = self.answer();
        let answer = Answer { took: since.elapsed(), body };
        let went_well = answer.holds(r#""status":"ok""#) || answer.holds(r#""verdict":"accepted","score""#);
        assert!(status.contains(" 200 ") && went_well, "{status}{}", String::from_utf8_lossy(&answer.body));
        answer
    }

    fn answer(&mut self) -> (String, Vec<u8>) {
        let mut status = String::new();
        self.stream.read_line(&mut status).expect("the server answers");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("the head of an answer");
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length is a number");
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).expect("the body of an answer");
        (status, body)
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("answers are JSON")
    }

    pub fn is_warm(&self) -> bool {
        self.holds(r#""claim":"warm""#)
    }

    fn holds(&self, words: &str) -> bool {
        self.body.windows(words.len()).any(|window| window == words.as_bytes())
    }
}

/// So many clients, each without a pause, until the time is over or they have had so many answers together.
pub fn load(url: &str, request: &Request, clients: usize, how_long: Duration, at_most: usize) -> Seen {
    let since = Instant::now();
    let share = at_most.div_ceil(clients);
    let one = || {
        let mut client = Client::of(url);
        let mut seen = Vec::new();
        while since.elapsed() < how_long && seen.len() < share {
            let answer = client.send(request);
            seen.push((answer.took.as_secs_f64() * 1e3, answer.is_warm()));
        }
        seen
    };
    let all: Vec<(f64, bool)> = thread::scope(|scope| {
        let clients = Vec::from_iter((0..clients).map(|_| scope.spawn(one)));
        clients.into_iter().flat_map(|client| client.join().expect("a client has its answers")).collect()
    });
    let seconds = since.elapsed().as_secs_f64();
    Seen {
        jobs: all.len() as u64,
        seconds,
        warm: all.iter().filter(|(_, warm)| *warm).count() as f64 / all.len() as f64,
        latencies: all.into_iter().map(|(took, _)| took).collect(),
    }
}
