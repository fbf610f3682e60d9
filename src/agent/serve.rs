//! The supervisor: talks with the server, keeps the job's files, and has `init` run what it is told to.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::AsFd,
    thread,
    time::{Duration, Instant},
};

use caisson_protocol::{FromAgent, Hello, PIECE, Start, Step, ToAgent, VERSION, Work};
use rustix::{
    event::{PollFd, PollFlags, poll},
    net::{AddressFamily, SocketFlags, SocketType, connect, socket_with},
    pipe::{PipeFlags, pipe_with},
};

use crate::{
    channel::{self, Answer, Channel, Order},
    hide,
    meter::Meter,
    supervise::{self, Armed, Supervised},
    talk::{Shortcut, Talk},
    tree,
};

/// How long PID 1 may take to listen: it was started just before.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
const CONNECT_PAUSE: Duration = Duration::from_millis(2);

/// `meet` finds PID 1, and its uid.
pub fn run(meet: impl FnOnce() -> io::Result<(Channel, u32)>) -> io::Result<()> {
    hide()?;
    // A file larger than the sandbox allows, and a program that does not read, are errors to be told and no reason to die. A
    // nursery has given up what Rust ignores by itself, for the sake of PID 1.
    for signal in [libc::SIGXFSZ, libc::SIGPIPE] {
        // SAFETY: ignores a signal, runs no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    let (channel, job_uid) = meet()?;
    let mut talk = Talk::new()?;
    let agent_uid = rustix::process::getuid().as_raw();
    let mut agent = Agent::new(channel)?;
    let mut shortcut = talk.shortcut();
    let hello = Hello {
        protocol: VERSION,
        agent_uid,
        job_uid,
        sees_cpu: agent.meter.sees_cpu(),
        shortcut: shortcut.as_ref().map(Shortcut::offer),
    };
    talk.say(&FromAgent::Hello(hello), &[]);
    talk.flush_all()?;
    while wait_for_server(&talk, &agent.channel)? {
        let Some((message, payload)) = talk.next()? else { return Ok(()) };
        // A message that only prepares is silent when it succeeds.
        let result = match message {
            ToAgent::TakeShortcut => match shortcut.take() {
                Some(shortcut) => talk.take(&shortcut).map(|()| talk.say(&FromAgent::TookShortcut, &[])),
                None => Err(io::Error::other("no shortcut is left to take")),
            },
            ToAgent::File { path } => agent.begin_file(&path, payload),
            ToAgent::More => agent.continue_file(payload),
            ToAgent::Stdin => {
                agent.stdin.extend_from_slice(payload);
                Ok(())
            }
            ToAgent::Prepare(work) => agent.prepare(work, &mut talk),
            ToAgent::Run(step) => match agent.run(&step, &mut talk) {
                Ok(Supervised::Ended) => Ok(()),
                Ok(Supervised::Alone) => return Ok(()),
                Err(error) => Err(error),
            },
            ToAgent::Arm { entry, step } => agent.arm(entry, &step, &mut talk),
            ToAgent::ArmSuccessor { entry, step } => agent.arm_successor(entry, &step, &mut talk),
            ToAgent::Disarm => agent.disarm(),
            // For a program that ended while they were on their way.
            ToAgent::Feed | ToAgent::FeedEnd | ToAgent::Stop => Ok(()),
            ToAgent::Fetch { path, max_bytes } => agent.bring(&Order::Open { path }, max_bytes, &mut talk),
            ToAgent::Export => agent.bring(&Order::Export, u64::MAX, &mut talk),
            ToAgent::Import { last } => match agent.import(payload, last) {
                Ok(()) => {
                    if last {
                        talk.say(&FromAgent::Imported, &[]);
                    }
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        if let Err(error) = result {
            talk.say(&FromAgent::Failed(error.to_string()), &[]);
            talk.flush_all()?;
            return Err(error);
        }
        // With more to do at once, one write will be enough.
        if !talk.has_frame() {
            talk.flush_all()?;
        }
    }
    Ok(())
}

/// True when the server has said something, false when `init` has left.
fn wait_for_server(talk: &Talk, channel: &Channel) -> io::Result<bool> {
    if talk.has_frame() {
        return Ok(true);
    }
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(talk.input(), PollFlags::IN),
            PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            // Between steps `init` has nothing to say: this is its end.
            Ok(_) if !fds[1].revents().is_empty() => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Connects to PID 1, and to nobody else.
pub fn connect_init() -> io::Result<(Channel, u32)> {
    let address = channel::address()?;
    let deadline = Instant::now() + CONNECT_PATIENCE;
    loop {
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        match connect(&socket, &address) {
            Ok(()) => {
                let channel = Channel::new(socket);
                let peer = channel.meet()?;
                if !peer.pid.is_init() {
                    return Err(io::Error::other("the listener is not PID 1"));
                }
                return Ok((channel, peer.uid.as_raw()));
            }
            Err(rustix::io::Errno::CONNREFUSED) if Instant::now() < deadline => thread::sleep(CONNECT_PAUSE),
            Err(error) => return Err(error.into()),
        }
    }
}

struct Agent {
    meter: Meter,
    channel: Channel,
    /// The file begun last, while pieces may follow.
    file: Option<File>,
    stdin: Vec<u8>,
    /// The files that are here were those of a step that has run.
    is_stale: bool,
    /// Where PID 1 takes in what is imported.
    import: Option<File>,
    armed: Option<Armed>,
    successor: Option<Armed>,
}

impl Agent {
    fn new(channel: Channel) -> io::Result<Self> {
        Ok(Self {
            meter: Meter::open()?,
            channel,
            file: None,
            stdin: Vec::new(),
            is_stale: false,
            import: None,
            armed: None,
            successor: None,
        })
    }

    fn begin_file(&mut self, path: &str, piece: &[u8]) -> io::Result<()> {
        if std::mem::take(&mut self.is_stale) {
            tree::clear_originals()?;
        }
        let mut file = tree::create_original(path)?;
        file.write_all(piece)?;
        self.file = Some(file);
        Ok(())
    }

    fn continue_file(&mut self, piece: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("a piece came without its file"))?;
        file.write_all(piece)
    }

    fn prepare(&mut self, work: Work, talk: &mut Talk) -> io::Result<()> {
        // A file that is open for writing cannot be executed.
        self.file = None;
        self.channel.send(&Order::Prepare(work), &[])?;
        self.obeyed(|answer| matches!(answer, Answer::Prepared))?;
        talk.say(&FromAgent::Prepared, &[]);
        Ok(())
    }

    /// Waits until PID 1 has done what it was told to.
    fn obeyed(&mut self, is_done: impl FnOnce(&Answer) -> bool) -> io::Result<()> {
        match self.channel.receive::<Answer>()? {
            Some((answer, _)) if is_done(&answer) => Ok(()),
            Some((Answer::Refused(reason), _)) => Err(io::Error::other(reason)),
            Some(_) => Err(io::Error::other("PID 1 answered amiss")),
            None => Err(io::Error::other("PID 1 has left")),
        }
    }

    fn run(&mut self, step: &Step, talk: &mut Talk) -> io::Result<Supervised> {
        self.is_stale = true;
        let armed = match step.start {
            Start::Fed => self.armed.take(),
            Start::Successor => self.successor.take(),
            Start::Afresh | Start::Copy => {
                self.disarm()?;
                None
            }
        };
        if step.keep {
            // It does not outlive such a step.
            self.successor = None;
        }
        let stdin = std::mem::take(&mut self.stdin);
        supervise::run(step, stdin, armed, &self.meter, &mut self.channel, talk)
    }

    fn arm(&mut self, entry: String, step: &Step, talk: &mut Talk) -> io::Result<()> {
        let order = |spawn| Order::Arm { entry, spawn };
        let armed = supervise::arm(order, step, &self.meter, &mut self.channel)?;
        if armed.is_err() {
            self.successor = None;
        }
        talk.say(&FromAgent::Armed(armed.map(|armed| self.armed = Some(armed))), &[]);
        Ok(())
    }

    fn arm_successor(&mut self, entry: String, step: &Step, talk: &mut Talk) -> io::Result<()> {
        let order = |spawn| Order::ArmSuccessor { entry, spawn };
        let armed = supervise::arm(order, step, &self.meter, &mut self.channel)?;
        talk.say(&FromAgent::Armed(armed.map(|armed| self.successor = Some(armed))), &[]);
        Ok(())
    }

    fn disarm(&mut self) -> io::Result<()> {
        let was_armed = [self.armed.take(), self.successor.take()].iter().any(Option::is_some);
        if was_armed {
            self.channel.send(&Order::Disarm, &[])?;
            self.obeyed(|answer| matches!(answer, Answer::Disarmed))?;
        }
        Ok(())
    }

    /// Has PID 1 open something and sends what is in it.
    fn bring(&mut self, order: &Order, max_bytes: u64, talk: &mut Talk) -> io::Result<()> {
        self.channel.send(order, &[])?;
        let result = match self.channel.receive::<Answer>()? {
            Some((Answer::Opened, mut fds)) => match fds.pop() {
                Some(fd) => send_file(File::from(fd), max_bytes, talk)?,
                None => return Err(io::Error::other("PID 1 sent no file")),
            },
            Some((Answer::Refused(reason), _)) => Err(reason),
            Some((
                Answer::Ended(_)
                | Answer::Imported
                | Answer::Prepared
                | Answer::Armed
                | Answer::Resumed
                | Answer::Disarmed,
                _,
            )) => {
                return Err(io::Error::other("PID 1 answered amiss"));
            }
            None => return Err(io::Error::other("PID 1 has left")),
        };
        talk.say(&FromAgent::Fetched(result), &[]);
        Ok(())
    }

    fn import(&mut self, piece: &[u8], is_last: bool) -> io::Result<()> {
        let mut pipe = match self.import.take() {
            Some(pipe) => pipe,
            None => {
                let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
                self.channel.send(&Order::Import, &[theirs.as_fd()])?;
                File::from(ours)
            }
        };
        pipe.write_all(piece)?;
        if !is_last {
            self.import = Some(pipe);
            return Ok(());
        }
        drop(pipe);
        self.obeyed(|answer| matches!(answer, Answer::Imported))
    }
}

fn send_file(mut file: File, max_bytes: u64, talk: &mut Talk) -> io::Result<Result<(), String>> {
    if file.metadata()?.len() > max_bytes {
        return Ok(Err(format!("is larger than {max_bytes} bytes")));
    }
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(Ok(())),
            read => talk.say(&FromAgent::Artifact, &piece[..read]),
        }
        talk.flush_all()?;
    }
}
