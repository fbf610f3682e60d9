//! The messages. Times are nanoseconds, sizes bytes.

use serde::{Deserialize, Serialize};

/// Server to agent. `Prepare` is answered by [`FromAgent::Prepared`], `Run` by [`FromAgent::Ended`], `Fetch` and `Export` by
/// [`FromAgent::Fetched`], the last `Import` by [`FromAgent::Imported`], `Arm` and `ArmSuccessor` by [`FromAgent::Armed`],
/// `TakeShortcut` by [`FromAgent::TookShortcut`]; the others by nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToAgent {
    /// The server has the other end of what [`Hello::shortcut`] offered: go on there, in both directions.
    TakeShortcut,
    /// Begins a file, at a path below the work directory. The first one after a `Run` takes away those sent before it.
    /// Payload: its first piece.
    File {
        path: String,
    },
    /// Payload: the next piece of the file begun last.
    More,
    /// Payload: bytes added to the standard input of the next `Run`.
    Stdin,
    /// Makes the work directory ready for the next `Run`, and empties the other places a job can write to.
    Prepare(Work),
    Run(Step),
    /// Starts a program before its source is there: what it opens under the name of `entry`, in the work directory, is a FIFO,
    /// until a `Run` with [`Start::Fed`].
    Arm {
        entry: String,
        step: Step,
    },
    /// Starts a program for the step after the first one: it waits for what that one makes under the name of `entry`, in the work
    /// directory, until a `Run` with [`Start::Successor`]. Before an `Arm`, which ends none.
    ArmSuccessor {
        entry: String,
        step: Step,
    },
    /// Ends what is armed: what is to be run does not fit it.
    Disarm,
    /// For a joined step while it runs; of no effect after. Payload: more of its standard input.
    Feed,
    /// There is no more of it.
    FeedEnd,
    /// Ends the step that runs: its answer is known, or it has used its processor time and the agent cannot see that.
    Stop,
    /// Brings back a regular file from the work directory, once no process of the job is left.
    Fetch {
        path: String,
        max_bytes: u64,
    },
    /// Brings back what was kept, in a form that only `Import` understands.
    Export,
    /// Payload: a piece of what another sandbox exported, to be kept here from the last piece on.
    Import {
        last: bool,
    },
}

/// Agent to server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromAgent {
    Hello(Hello),
    /// The first words there.
    TookShortcut,
    Prepared,
    /// The program has been running for a moment. One that ends sooner is not announced.
    Running,
    /// Payload: a piece of what the program wrote.
    Output(Stream),
    /// Of a joined step: nobody can write to its standard output any more.
    OutputEnd,
    Ended(Ended),
    /// Payload: a piece of the file asked for.
    Artifact,
    /// The end of a `Fetch`: all pieces were sent, or the reason why there are none.
    Fetched(Result<(), String>),
    Imported,
    /// It waits for its source; or the reason why it does not, and nothing is left of it.
    Armed(Result<(), String>),
    /// The agent could not do its own part; the sandbox is of no further use.
    Failed(String),
}

/// First words of an agent: the sandbox is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    pub protocol: u16,
    pub agent_uid: u32,
    pub job_uid: u32,
    /// Whether the agent sees what processor time the sandbox uses.
    pub sees_cpu: bool,
    /// Of its descriptors the one that a server on the same host may take for its own: one end of a socket, whose other end the
    /// agent has. Absent where it talks over a socket anyway.
    pub shortcut: Option<i32>,
}

/// One program to run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The program (a path that holds a slash) and its arguments.
    pub argv: Vec<String>,
    /// The whole environment, `NAME=value`.
    pub env: Vec<String>,
    /// When it ends with 0, what it left in the work directory is what [`Work::Kept`] brings back.
    pub keep: bool,
    pub start: Start,
    /// Its standard input comes while it runs, and its output is waited for.
    pub joined: bool,
    /// Both outputs through one pipe, reported as stdout.
    pub merge_stderr: bool,
    pub overflow: Overflow,
    pub limits: Limits,
}

/// Where a program comes from. What was armed has the limits that it was armed with, but for those that the agent itself sees to;
/// where it does not wait any more the program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Start {
    /// It is started.
    Afresh,
    /// It may be a copy of the same program that its nursery has started, if there is one.
    Copy,
    /// It is what was armed: give it its source.
    Fed,
    /// It is what was armed for the step after the first: give it what that one made.
    Successor,
}

/// What a program finds in the work directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// The job's files and nothing else.
    Originals,
    /// What the step before left.
    Left,
    /// What was kept, and nothing else.
    Kept,
}

/// What happens to a program that writes more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overflow {
    /// The rest is thrown away, the program goes on.
    Cut,
    Kill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub cpu_ns: u64,
    pub wall_ns: u64,
    pub memory_bytes: u64,
    /// Per stream.
    pub output_bytes: u64,
    pub processes: u32,
    pub file_size_bytes: u64,
    pub open_files: u64,
    pub stack_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// The raw facts of a step that ended. What they mean is decided by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    pub exit: Exit,
    /// The limit for which the agent ended the program.
    pub stopped: Option<Stop>,
    pub cpu_ns: u64,
    pub wall_ns: u64,
    pub memory_peak_bytes: u64,
    /// Processes that the kernel killed for want of memory.
    pub oom_kills: u64,
    /// Forks that the kernel refused for the sandbox's process limit.
    pub forks_refused: u64,
    pub stdout_cut: bool,
    pub stderr_cut: bool,
    /// What it left was to be kept and is not: it is too much.
    pub not_kept: bool,
    /// Of what is kept now.
    pub kept_bytes: u64,
    /// It had been started before, and was given its source; or is a copy of one that had been.
    pub armed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// The program could not be started: the error number of `execve`.
    NotStarted(i32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    CpuTime,
    WallTime,
    Memory,
    Output,
    /// By the server, with [`ToAgent::Stop`].
    Asked,
}
