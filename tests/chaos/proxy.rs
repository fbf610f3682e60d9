//! Stands between the service and its engine, and makes the engine slow or sick.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::engine::DockerHost;

/// What becomes of calls that come from now on. Conversations with agents, which were calls once, go on untouched.
#[derive(Debug, Clone, Copy)]
pub enum Mood {
    Honest,
    /// Each call reaches the engine so much later, also one that nobody waits for any more.
    Slow(Duration),
    /// Each call is answered with 500 and reaches nobody.
    Sick,
}

pub struct Proxy {
    directory: tempfile::TempDir,
    mood: Arc<Mutex<Mood>>,
    is_over: Arc<AtomicBool>,
}

/// How long a client that was refused may take to hang up.
const HANG_UP_PATIENCE: Duration = Duration::from_secs(5);

const SICK: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n\
    {\"message\":\"I feel sick\"}";

impl Proxy {
    pub fn before(engine: &DockerHost) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let engine = PathBuf::from(engine.0.strip_prefix("unix://").expect("an engine on this host"));
        let listener = UnixListener::bind(directory.path().join("docker.sock")).unwrap();
        let (mood, is_over) = (Arc::new(Mutex::new(Mood::Honest)), Arc::new(AtomicBool::new(false)));
        let (of_calls, ends) = (Arc::clone(&mood), Arc::clone(&is_over));
        // Each call has a thread, which ends with the call; this one ends with the proxy.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let (engine, mood) = (engine.clone(), Arc::clone(&of_calls));
                // A call that breaks off is between the two, and not for the test to know.
                thread::spawn(move || pass(client, &engine, &mood));
            }
        });
        Self { directory, mood, is_over }
    }

    /// As the service is to be told.
    pub fn host(&self) -> String {
        format!("docker.host=unix://{}", self.socket().display())
    }

    pub fn is_now(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        let _ = UnixStream::connect(self.socket());
    }
}

fn pass(mut client: UnixStream, engine: &PathBuf, mood: &Mutex<Mood>) -> io::Result<()> {
    let request = head(&mut client)?;
    let mood = *mood.lock().unwrap();
    match mood {
        Mood::Honest => {}
        Mood::Slow(by) => thread::sleep(by),
        Mood::Sick => {
            client.write_all(SICK.as_bytes())?;
            client.shutdown(Shutdown::Write)?;
            client.set_read_timeout(Some(HANG_UP_PATIENCE))?;
            // A close before all is read would take the answer back.
            return io::copy(&mut client, &mut io::sink()).map(|_| ());
        }
    }
    let mut engine = UnixStream::connect(engine)?;
    engine.write_all(&alone(request))?;
    let (mut from_client, mut to_engine) = (client.try_clone()?, engine.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    let passed = io::copy(&mut engine, &mut client);
    // Also the other direction's thread is to end.
    let _ = (client.shutdown(Shutdown::Both), engine.shutdown(Shutdown::Both));
    passed.map(|_| ())
}

const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A request's head, and perhaps the beginning of its body.
fn head(client: &mut UnixStream) -> io::Result<Vec<u8>> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while !bytes.windows(END_OF_HEAD.len()).any(|four| four == END_OF_HEAD) {
        match client.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
    Ok(bytes)
}

/// So that each call comes on a connection of its own, and meets the mood of its time. One that becomes a conversation has
/// its connection to itself anyway.
fn alone(request: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
    if text.contains("\r\nupgrade:") {
        return request;
    }
    let line = request.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    [&request[..line], b"Connection: close\r\n", &request[line..]].concat()
}
