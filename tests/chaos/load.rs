//! Clients that go on asking while something is broken, and what they are told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::{Value, json};

use crate::server::{Reply, Server, exchange, until};

/// What came of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its program ran, and this answer is its own and nobody else's.
    Served,
    /// Its sandbox was lost under it.
    SandboxLost,
    /// A problem document with this code.
    Refused(String),
    /// The connection ended without an answer.
    Cut(String),
    /// What no promise allows.
    Wrong(String),
}

/// Clients in the background, each with its next request when it has its answer.
pub struct Load {
    over: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    answers: Arc<Mutex<Vec<Answer>>>,
    clients: Vec<JoinHandle<()>>,
}

const CLIENTS: usize = 3;

/// Of each request: too large and a client that waits tells nothing for so long, too small and a busy machine refuses.
const DEADLINE: Duration = Duration::from_secs(5);

/// Who is refused does not come back at once: the machine has better things to do than to refuse.
const PAUSE: Duration = Duration::from_millis(100);

impl Answer {
    /// `token`: what the program was to print.
    fn of(token: &str, reply: Result<Reply, String>) -> Self {
        let Reply { status, headers, body } = match reply {
            Ok(reply) => reply,
            Err(error) => return Self::Cut(error),
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match (status, text(&body["status"]).as_str()) {
            (200, "ok") if body["run"]["stdout"] == format!("{token}\n") => Self::Served,
            (200, "sandbox_error") => Self::SandboxLost,
            (503, _) if headers.contains_key("retry-after") && body["code"].is_string() => {
                Self::Refused(text(&body["code"]))
            }
            _ => Self::Wrong(format!("{status}: {body}")),
        }
    }

    /// One word, by which tests allow it.
    pub fn word(&self) -> &str {
        match self {
            Self::Served => "served",
            Self::SandboxLost => "sandbox_error",
            Self::Refused(code) => code,
            Self::Cut(_) => "cut",
            Self::Wrong(_) => "wrong",
        }
    }
}

impl Load {
    /// Programs that end at once.
    pub fn begin(server: &Server) -> Self {
        Self::running(server, "")
    }

    /// Programs that do this before they end.
    pub fn running(server: &Server, commands: &str) -> Self {
        let (over, served, answers) = (Arc::default(), Arc::default(), Arc::default());
        let client = |number| {
            let (over, served, answers) = (Arc::clone(&over), Arc::clone(&served), Arc::clone(&answers));
            let (url, commands) = (server.url.clone(), commands.to_owned());
            thread::spawn(move || ask_on(number, &url, &commands, &over, &served, &answers))
        };
        let clients = (0..CLIENTS).map(client).collect();
        let load = Self { over, served, answers, clients };
        load.goes_on(CLIENTS);
        load
    }

    /// So many more are served.
    pub fn goes_on(&self, more: usize) {
        let wanted = self.served.load(Ordering::SeqCst) + more;
        until("jobs are served", || self.served.load(Ordering::SeqCst) >= wanted);
    }

    /// Somebody is told this.
    pub fn hears(&self, word: &str) {
        until(&format!("a client hears {word}"), || self.answers.lock().unwrap().iter().any(|one| one.word() == word));
    }

    /// No client asks again; each has its last answer.
    pub fn end(self) -> Vec<Answer> {
        self.over.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.join().expect("a client tells what it sees");
        }
        self.answers.lock().unwrap().clone()
    }
}

fn ask_on(
    client: usize,
    url: &str,
    commands: &str,
    over: &AtomicBool,
    served: &AtomicUsize,
    answers: &Mutex<Vec<Answer>>,
) {
    for number in 0.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let token = format!("answer-{client}-{number}");
        let source = format!("{commands}\necho {token}");
        let request = json!({"language": "bash", "source": source, "deadline_ms": DEADLINE.as_millis() as u64});
        let reply = exchange(url, "POST", "/v1/execute", Some("application/json"), request.to_string().into());
        let answer = Answer::of(&token, reply.map_err(|error| error.to_string()));
        let is_served = answer == Answer::Served;
        answers.lock().unwrap().push(answer);
        if is_served {
            served.fetch_add(1, Ordering::SeqCst);
        } else {
            thread::sleep(PAUSE);
        }
    }
}
