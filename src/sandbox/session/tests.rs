use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream};

use super::{patience::MEMORY_PERIOD, *};
use crate::{
    engine::Proven,
    job::{Limits, Output, Overflow},
};

#[derive(Debug, Default)]
struct Host {
    /// What it sees, in milliseconds; nothing when absent.
    cpu: Option<Arc<AtomicU64>>,
    shortcut: Mutex<Option<UnixStream>>,
    has_killed: bool,
    relieved: Arc<AtomicU64>,
}

impl Host {
    fn that_sees(cpu: Option<&Arc<AtomicU64>>) -> Self {
        Self { cpu: cpu.map(Arc::clone), ..Self::default() }
    }
}

impl Controls for Host {
    fn allot<'a>(&'a mut self, _: u64, _: Beside) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn shortcut(&self, agent_uid: u32, descriptor: i32) -> Option<UnixStream> {
        assert_eq!((agent_uid, descriptor), (2, 7));
        self.shortcut.lock().unwrap().take()
    }

    fn cpu_time(&self) -> Option<Duration> {
        self.cpu.as_ref().map(|cpu| Duration::from_millis(cpu.load(Ordering::Relaxed)))
    }

    fn memory_in_use(&self) -> Option<u64> {
        None
    }

    fn has_killed(&self) -> bool {
        self.has_killed
    }

    fn relieve(&self) {
        self.relieved.fetch_add(1, Ordering::Relaxed);
    }

    fn ran_out_of_memory(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }
}

/// A conversation, and the agent's end of it.
fn link(host: Host) -> (Link, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(ours);
    (
        Link {
            reader: Box::new(reader),
            writer: Box::new(writer),
            controls: Box::new(host),
            proven: Proven::default(),
        },
        theirs,
    )
}

async fn say(agent: &mut (impl AsyncWrite + Unpin), message: &FromAgent) {
    let mut bytes = Vec::new();
    protocol::encode(message, &[], &mut bytes);
    agent.write_all(&bytes).await.unwrap();
}

async fn hear(agent: &mut (impl AsyncRead + Unpin)) -> ToAgent {
    let mut bytes = Vec::new();
    loop {
        if let Some((body, _)) = protocol::split(&bytes).unwrap() {
            return protocol::decode::<ToAgent>(body).unwrap().0;
        }
        bytes.push(agent.read_u8().await.unwrap());
    }
}

fn step() -> Step {
    let limits = Limits {
        cpu_time: Duration::from_millis(100),
        wall_time: Duration::from_secs(5),
        memory_bytes: 1 << 20,
        output_bytes: 100,
        processes: 1,
        file_size_bytes: 1,
        open_files: 1,
        stack_bytes: 1,
    };
    Step {
        argv: ["./main".to_owned()].into(),
        env: [].into(),
        stdin: Vec::new(),
        limits,
        overflow: Overflow::Cut,
        output: Output::Apart,
        arm: crate::job::Arm::Auto,
    }
}

fn hello(sees_cpu: bool, shortcut: Option<i32>) -> FromAgent {
    FromAgent::Hello(Hello { protocol: protocol::VERSION, agent_uid: 2, job_uid: 1, sees_cpu, shortcut })
}

#[tokio::test]
async fn a_conversation_goes_on_over_a_shortcut_and_ends_with_the_engines_stream() {
    let (ours, mut shortcut) = UnixStream::pair().unwrap();
    let (link, mut agent) = link(Host { shortcut: Mutex::new(Some(ours)), ..Host::default() });
    say(&mut agent, &hello(true, Some(7))).await;
    let moves = async {
        assert_eq!(hear(&mut agent).await, ToAgent::TakeShortcut);
        say(&mut shortcut, &FromAgent::TookShortcut).await;
    };
    let (session, ()) = tokio::join!(Session::greet(link, 2, 1), moves);
    let mut session = session.unwrap();
    let fetch = async {
        assert!(matches!(hear(&mut shortcut).await, ToAgent::Export));
        say(&mut shortcut, &FromAgent::Fetched(Ok(()))).await;
    };
    let (exported, ()) = tokio::join!(session.export(), fetch);
    assert_eq!(exported.unwrap(), Ok(Vec::new()));
    assert!(session.is_quiet());
    drop(shortcut);
    drop(agent);
    assert!(session.export().await.unwrap_err().is_sudden());
}

#[tokio::test]
async fn without_a_shortcut_the_engines_stream_is_as_good() {
    let (link, mut agent) = link(Host::that_sees(None));
    say(&mut agent, &hello(true, Some(7))).await;
    let mut session = Session::greet(link, 2, 1).await.unwrap();
    let fetch = async {
        assert!(matches!(hear(&mut agent).await, ToAgent::Export));
        say(&mut agent, &FromAgent::Fetched(Ok(()))).await;
    };
    let (exported, ()) = tokio::join!(session.export(), fetch);
    assert_eq!(exported.unwrap(), Ok(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_sees_no_processor_time_is_told_when_it_is_used_up() {
    let cpu = Arc::new(AtomicU64::new(70));
    let (link, mut agent) = link(Host::that_sees(Some(&cpu)));
    say(&mut agent, &hello(false, None)).await;
    let mut session = Session::greet(link, 2, 1).await.unwrap();
    let step = step();
    let program = async {
        assert!(matches!(hear(&mut agent).await, ToAgent::Prepare(_)));
        say(&mut agent, &FromAgent::Prepared).await;
        assert!(matches!(hear(&mut agent).await, ToAgent::Run(_)));
        // All of its time and no more is fine.
        cpu.store(170, Ordering::Relaxed);
        assert!(timeout(Duration::from_millis(50), agent.read_u8()).await.is_err());
        cpu.store(171, Ordering::Relaxed);
        assert_eq!(hear(&mut agent).await, ToAgent::Stop);
        cpu.store(173, Ordering::Relaxed);
        let ended = protocol::Ended {
            exit: protocol::Exit::Signal(9),
            stopped: Some(protocol::Stop::Asked),
            cpu_ns: 0,
            wall_ns: 1,
            memory_peak_bytes: 1,
            oom_kills: 0,
            forks_refused: 0,
            stdout_cut: false,
            stderr_cut: false,
            not_kept: false,
            kept_bytes: 0,
            armed: false,
        };
        say(&mut agent, &FromAgent::Ended(ended)).await;
    };
    let (raw, ()) = tokio::join!(session.run(&[], &step, Work::Originals, None), program);
    let ended = raw.unwrap().ended;
    assert_eq!((ended.cpu_ns, ended.stopped), (103_000_000, Some(protocol::Stop::CpuTime)));
}

/// What becomes of a step whose agent falls silent, while its sandbox uses processor time or not.
async fn of_silence(is_busy: bool) -> Lost {
    let cpu = Arc::new(AtomicU64::new(70));
    let (link, mut agent) = link(Host::that_sees(Some(&cpu)));
    say(&mut agent, &hello(true, None)).await;
    let mut session = Session::greet(link, 2, 1).await.unwrap();
    let program = async {
        say(&mut agent, &FromAgent::Prepared).await;
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            cpu.fetch_add(u64::from(is_busy), Ordering::Relaxed);
        }
    };
    let step = step();
    tokio::select! {
        result = session.run(&[], &step, Work::Originals, None) => result.unwrap_err(),
        () = program => unreachable!("it has no end"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_the_programs_doing_only_where_something_is_done() {
    assert!(matches!(of_silence(true).await, Lost::Silent));
    assert!(matches!(of_silence(false).await, Lost::Frozen));
}

/// How often a sandbox was relieved whose program ran for a while.
async fn relieved(has_killed: bool) -> u64 {
    let relieved = Arc::default();
    let host = Host { has_killed, relieved: Arc::clone(&relieved), ..Host::default() };
    let (link, mut agent) = link(host);
    say(&mut agent, &hello(true, None)).await;
    let mut session = Session::greet(link, 2, 1).await.unwrap();
    let program = async {
        say(&mut agent, &FromAgent::Prepared).await;
        tokio::time::sleep(4 * MEMORY_PERIOD).await;
        say(&mut agent, &FromAgent::Failed(String::new())).await;
    };
    let step = step();
    let (raw, ()) = tokio::join!(session.run(&[], &step, Work::Originals, None), program);
    assert!(matches!(raw, Err(Lost::Failed(_))));
    relieved.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn who_has_no_memory_left_waits_for_no_processor() {
    assert_eq!((relieved(true).await, relieved(false).await), (1, 0));
}

#[tokio::test]
async fn a_sandbox_whose_processor_time_nobody_sees_is_not_used() {
    let (link, mut agent) = link(Host::that_sees(None));
    say(&mut agent, &hello(false, None)).await;
    assert!(matches!(Session::greet(link, 2, 1).await, Err(Lost::Unmetered)));
}

#[tokio::test]
async fn what_an_engine_says_in_place_of_the_agent_is_told() {
    let (link, mut theirs) = link(Host::that_sees(None));
    theirs.write_all(b"OCI runtime exec failed:\tno such file\r\n").await.unwrap();
    let lost = Session::greet(link, 2, 1).await.unwrap_err();
    assert_eq!(lost.to_string(), "in place of the agent came: OCI runtime exec failed: no such file");
}
