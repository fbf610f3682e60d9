//! A nursery that is a language's interpreter: started once, up to the moment in which it opens its source, and copied from there
//! on. What it does until then, by far the most of what a short program costs, is done for none of its jobs.
//!
//! ```text
//! caisson nursery ── execute ──> python3 main.py, with our library in it
//!                                  opens main.py: `nursery::serve`, on a stack of its own
//!                                    fork: PID 1 and agent of a sandbox, which never leave that stack
//!                                      fork: a job's program: goes on where the interpreter was, and opens main.py
//! ```
//! The copies have in common what the interpreter has drawn by lot: where its memory lies, libc's guards, the secret of its hashes. So
//! the server takes another zygote after a while. They also have the memory of PID 1, which so may never have held what one case of a
//! judging left for another to find: what lies in its way is cleared by a process apart (`init.rs`).

use std::{
    ffi::CString,
    fs::{self, File},
    io,
    ops::Range,
    os::{fd::AsFd, unix::fs::FileExt},
    path::Path,
    ptr::NonNull,
};

use caisson_protocol::{Begin, NURSERY, pack};
use rustix::{
    fs::{CWD, FileType, MemfdFlags, Mode, memfd_create, mknodat},
    io::{FdFlags, fcntl_setfd},
    mount::{MountFlags, UnmountFlags, mount, unmount},
    param::page_size,
    pipe::{PipeFlags, pipe_with},
    process::{DumpableBehavior, Resource, Rlimit, chdir, getrlimit, set_dumpable_behavior, setrlimit},
    stdio::{dup2_stdin, dup2_stdout},
    thread::{CapabilitySet, CapabilitySets, capabilities, name, set_capabilities, set_name},
};

use crate::{
    channel::{Channel, Spawn},
    child::{self, check},
    tree::WORK,
};

/// The library that takes the interpreter over, in the image's root.
const LIBRARY: &str = "/caisson/zygote.so";

/// What lies there while the interpreter starts. Above all nothing of the host's: `/tmp`, the home of every program, may be written to
/// by anybody in the image's directory, and the interpreter is root.
const SCENE: [&str; 3] = ["/proc", WORK, "/tmp"];

/// Names, in the environment, the descriptors of the channel and of what the server has told, `CHANNEL,BEGIN`.
pub const VARIABLE: &str = "CAISSON_NURSERY";

/// The program that this process is, as it was when it wanted to open its source.
pub struct Zygote {
    told: caisson_protocol::Zygote,
    name: CString,
    title: Title,
    signals: Vec<(libc::c_int, libc::sigaction)>,
    /// What it has written to.
    memory: Vec<Range<usize>>,
    go_on: fn(),
}

/// Where a process keeps the arguments that others see of it.
pub struct Title {
    place: NonNull<u8>,
    original: Vec<u8>,
}

impl Title {
    /// # Safety
    /// So many bytes from `place` on are the process's arguments, which nobody reads or writes any more.
    pub unsafe fn new(place: NonNull<u8>, length: usize) -> Self {
        // SAFETY: by the caller's word.
        let original = unsafe { std::slice::from_raw_parts(place.as_ptr(), length) }.to_vec();
        Self { place, original }
    }

    /// Shows these, as far as there is room.
    fn show(&self, words: &[u8]) {
        for at in 0..self.original.len() {
            let byte = words.get(at).copied().unwrap_or(0);
            // SAFETY: the place is as long as what was there.
            unsafe { self.place.add(at).write(byte) };
        }
    }

    fn restore(&self) {
        self.show(&self.original);
    }
}

impl Zygote {
    /// `go_on` goes back to where the program was, and returns only where it cannot.
    pub fn new(told: caisson_protocol::Zygote, title: Title, go_on: fn()) -> io::Result<Self> {
        // Of several only one would be copied, and what the others held would stay held for ever.
        if fs::read_dir("/proc/self/task")?.count() != 1 {
            return Err(io::Error::other("the interpreter has more than one thread"));
        }
        let zygote = Self { told, name: name()?, title, signals: signals(), memory: written()?, go_on };
        set_name(c"caisson")?;
        // As one that is this program alone is called.
        zygote.title.show(format!("caisson\0{NURSERY}").as_bytes());
        chdir("/")?;
        for place in SCENE {
            unmount(place, UnmountFlags::DETACH)?;
        }
        Ok(zygote)
    }

    /// Whether the program would come so far in the same way.
    pub fn is(&self, spawn: &Spawn) -> bool {
        let ours = &self.told;
        (&ours.argv, &ours.env, ours.stack_bytes) == (&spawn.argv, &spawn.env, spawn.stack_bytes)
    }

    /// What was changed for the nursery's sake becomes again what it was. In a copy that has given up what no program gets.
    pub fn restore(&self) -> io::Result<()> {
        for (signal, action) in &self.signals {
            // SAFETY: what the program itself had set.
            check(unsafe { libc::sigaction(*signal, action, std::ptr::null_mut()) })?;
        }
        set_name(&self.name)?;
        self.title.restore();
        Ok(set_dumpable_behavior(DumpableBehavior::Dumpable)?)
    }

    /// Makes the program's memory this copy's own at once, rather than page by page when it is written to: nearly all of it will be,
    /// at the program's end at the latest.
    pub fn own_memory(&self) {
        for range in &self.memory {
            // SAFETY: changes nothing but who shares it. Where it cannot be done nothing is amiss.
            unsafe { libc::madvise(range.start as *mut libc::c_void, range.len(), libc::MADV_POPULATE_WRITE) };
        }
    }

    pub fn go_on(&self) {
        (self.go_on)();
    }
}

/// All that the program has set. The others are as in every new program.
fn signals() -> Vec<(libc::c_int, libc::sigaction)> {
    let set = (1..=64).filter_map(|signal| {
        // SAFETY: all zero is a valid value, and a place for the answer.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        let known = unsafe { libc::sigaction(signal, std::ptr::null(), &mut action) } == 0;
        (known && action.sa_sigaction != libc::SIG_DFL).then_some((signal, action))
    });
    set.collect()
}

/// Where this process has private memory that it has written to, by the kernel's account of its pages.
fn written() -> io::Result<Vec<Range<usize>>> {
    let page_size = page_size();
    const ENTRY: usize = size_of::<u64>();
    // Of an entry: the page is there; it is a file's, or shared.
    const PRESENT: u64 = 1 << 63;
    const OF_FILE: u64 = 1 << 61;
    let pages = page_map()?;
    let mut found: Vec<Range<usize>> = Vec::new();
    for line in fs::read_to_string("/proc/self/maps")?.lines() {
        let mut fields = line.split(' ');
        let (Some(range), Some("rw-p")) = (fields.next(), fields.next()) else { continue };
        let ends = range.split_once('-').and_then(|(begin, end)| {
            Some((usize::from_str_radix(begin, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
        });
        let Some((begin, end)) = ends else { continue };
        let mut entries = vec![0; (end - begin) / page_size * ENTRY];
        pages.read_exact_at(&mut entries, (begin / page_size * ENTRY) as u64)?;
        for (page, entry) in (begin..end).step_by(page_size).zip(entries.chunks_exact(ENTRY)) {
            let entry = entry.try_into().map_or(0, u64::from_le_bytes);
            if entry & PRESENT == 0 || entry & OF_FILE != 0 {
                continue;
            }
            match found.last_mut().filter(|last| last.end == page) {
                Some(last) => last.end += page_size,
                None => found.push(page..page + page_size),
            }
        }
    }
    Ok(found)
}

/// Opened by nobody who may know which of the machine's pages they are: what is read stays in the memory of all copies.
fn page_map() -> io::Result<File> {
    let CapabilitySets { effective, permitted, inheritable } = capabilities(None)?;
    let with = |effective| set_capabilities(None, CapabilitySets { effective, permitted, inheritable });
    with(effective.difference(CapabilitySet::SYS_ADMIN))?;
    let opened = File::open("/proc/self/pagemap");
    with(effective)?;
    opened
}

/// Becomes the interpreter; returns only why it could not. In the image's root, as root still: once it is where it waits, it gives
/// up what a nursery gives up.
pub fn execute(channel: &Channel, begin: &Begin, told: &caisson_protocol::Zygote) -> io::Error {
    match try_execute(channel, begin, told) {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// What the interpreter looks at before it opens its source: where that is, and what a process can know of itself.
fn set_scene(entry: &str) -> io::Result<()> {
    let bare = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let [proc, work, home] = SCENE;
    mount("proc", proc, "proc", bare, c"subset=pid")?;
    mount("tmpfs", work, "tmpfs", bare, c"mode=0755,size=64k")?;
    mount("tmpfs", home, "tmpfs", bare, c"mode=0755,size=64k")?;
    // A file by its name, and none that can be opened: an interpreter that has not taken our library ends here.
    mknodat(CWD, Path::new(work).join(entry), FileType::Socket, Mode::RUSR | Mode::WUSR, 0)?;
    Ok(())
}

fn try_execute(
    channel: &Channel,
    begin: &Begin,
    told: &caisson_protocol::Zygote,
) -> io::Result<std::convert::Infallible> {
    use std::os::fd::AsRawFd;
    let words = memfd_create("begin", MemfdFlags::empty())?;
    rustix::io::write(&words, &pack(begin))?;
    rustix::fs::seek(&words, rustix::fs::SeekFrom::Start(0))?;
    fcntl_setfd(channel.as_fd(), FdFlags::empty())?;
    // The interpreter's own environment takes their place before it sees them: so they are as long, unless it is shorter.
    let handed = format!("{VARIABLE}={},{}", channel.as_fd().as_raw_fd(), words.as_raw_fd());
    let mut env = vec![handed, format!("LD_PRELOAD={LIBRARY}")];
    let length = |env: &[String]| env.iter().map(|entry| entry.len() + 1).sum::<usize>();
    if let Some(more) = length(&told.env).checked_sub(length(&env) + 1) {
        env.push("-".repeat(more));
    }
    let (argv, env) = (child::strings(&told.argv)?, child::strings(&env)?);
    // As a job's program finds it: signals, mask, directory, limit, and pipes for its streams, at which it looks. Its errors are the
    // nursery's until a job's take their place.
    child::settle()?;
    let (input, _) = pipe_with(PipeFlags::CLOEXEC)?;
    let (_, output) = pipe_with(PipeFlags::CLOEXEC)?;
    dup2_stdin(&input)?;
    dup2_stdout(&output)?;
    set_scene(&told.entry)?;
    chdir(WORK)?;
    let most = getrlimit(Resource::Stack).maximum;
    let stack = most.map_or(told.stack_bytes, |most| most.min(told.stack_bytes));
    setrlimit(Resource::Stack, Rlimit { current: Some(stack), maximum: most })?;
    let (argv, env) = (child::pointers(&argv), child::pointers(&env));
    // SAFETY: both arrays end with null, and point to strings that live on.
    unsafe { libc::execve(argv[0], argv.as_ptr(), env.as_ptr()) };
    Err(io::Error::last_os_error())
}
