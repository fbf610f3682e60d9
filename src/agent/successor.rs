//! A program that was started for the step after the first, and waits for that one to end: a virtual machine that has come as far
//! as to open the class of the job's that it is to run, which the first step makes.
//!
//! It waits in `open`: what has the name of that file is a FIFO. When all its threads sleep the name is unlinked, and the FIFO is
//! held by a descriptor. The first step makes the file, and when it has ended its content is written to the FIFO: the program
//! reads what it would have read, and whatever else it asks of the name it is told of the file.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, mknodat, open, openat},
    io::Errno,
    process::{Pid, Signal, kill_process},
};

use crate::{
    armed::Armed,
    channel::Spawn,
    child::{Program, Running},
    confine::Confinement,
    tree::WORK,
};

pub struct Successor {
    running: Running,
    /// What it opens.
    entry: String,
    /// What it waits in, which has no name any more.
    fifo: OwnedFd,
    /// Its directory below `/proc`: of it and of nobody who has its number after it.
    life: OwnedFd,
    /// So many page faults it had when the first step began. Whoever goes on needs memory that he had not touched yet, and threads
    /// that only look at the time do not, once they have done so a few times.
    faults: u64,
}

/// How long one may take to come so far. A virtual machine takes 40 ms of a processor of its own.
const REST_PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(1);
/// So often in a row it was seen to wait. One that waits for something else so long finds no file when it has come so far: it ends
/// then, and is started late.
const LOOKS: u32 = 5;

/// No line of it is as long.
const STAT: u64 = 4096;

/// For so long the processes of a step are looked up to be killed. What takes longer is a fight, in which the successor is not
/// spared, or somebody whom only its end would leave to us.
const FIGHT_PATIENCE: Duration = Duration::from_millis(200);

impl Successor {
    /// In places that are clear. Whatever comes of an error is for the caller to end.
    pub fn start(
        entry: String,
        spawn: &Spawn,
        confinement: &Option<Confinement>,
        fds: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let path = Path::new(WORK).join(&entry);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let fifo = open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let running = Program::new(spawn, confinement, None)?.launch(fds)?;
        let life = open(format!("/proc/{}", running.main), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        await_rest(&life)?;
        fs::remove_file(&path)?;
        Ok(Self { running, entry, fifo, life, faults: 0 })
    }

    /// The first step is about to begin.
    pub fn watch(&mut self) -> io::Result<()> {
        self.faults = Stat::of(&self.life, "stat")?.faults;
        Ok(())
    }

    /// Not where it was disturbed: a wait in `open` that a signal ends is begun anew, by a name that is there no more, and the
    /// program goes on before its time. Whoever cannot be looked at is taken for one of these.
    fn waits(&self) -> bool {
        let stat = Stat::of(&self.life, "stat");
        stat.is_ok_and(|stat| !matches!(stat.state, b'Z' | b'X') && stat.faults == self.faults)
    }

    /// Gives it what the first step has made, as [`Armed::feed`] does and with its errors: from here on the program is the job's.
    pub fn feed(self) -> io::Result<Result<Running, String>> {
        if !self.waits() {
            return Ok(Err("what was armed has ended, or was disturbed".to_owned()));
        }
        let path = format!("/proc/self/fd/{}", self.fifo.as_raw_fd());
        // Whoever waits in `open` is let go by that, and has nothing of the job's yet.
        match open(path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
            Ok(source) => Armed { running: self.running, source, entry: self.entry }.feed(),
            Err(error) => Ok(Err(format!("what was armed does not wait: {error}"))),
        }
    }

    /// Kills every process of the job but this one; `bury` takes those that are dead. False where somebody may be left.
    pub fn outlive(&self, mut bury: impl FnMut()) -> bool {
        let deadline = Instant::now() + FIGHT_PATIENCE;
        while let Ok(others) = self.others() {
            if others.is_empty() {
                return self.waits();
            }
            if Instant::now() >= deadline {
                return false;
            }
            for other in others {
                let _ = kill_process(other, Signal::KILL);
            }
            bury();
            thread::sleep(PAUSE);
        }
        false
    }

    /// The dead that nobody has buried included.
    fn others(&self) -> io::Result<Vec<Pid>> {
        let spared = [1, if self.waits() { self.running.main } else { 1 }];
        let mut others = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let name = entry?.file_name();
            let Some(number) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            if spared.contains(&number) {
                continue;
            }
            let pid = pid(number)?;
            // The agent is somebody else's.
            if rustix::process::test_kill_process(pid).is_ok() {
                others.push(pid);
            }
        }
        Ok(others)
    }
}

fn pid(number: i32) -> io::Result<Pid> {
    Pid::from_raw(number).ok_or_else(|| Errno::SRCH.into())
}

/// Until all its threads sleep, and have for a moment.
fn await_rest(life: &OwnedFd) -> io::Result<()> {
    let deadline = Instant::now() + REST_PATIENCE;
    let mut quiet = 0;
    while quiet < LOOKS {
        if Instant::now() >= deadline {
            return Err(io::Error::other("it does not come to rest"));
        }
        thread::sleep(PAUSE);
        quiet = if all_sleep(life)? { quiet + 1 } else { 0 };
    }
    Ok(())
}

/// An error where it is dead.
fn all_sleep(life: &OwnedFd) -> io::Result<bool> {
    for task in fs::read_dir(format!("/proc/self/fd/{}/task", life.as_raw_fd()))? {
        let name = task?.file_name();
        match Stat::of(life, Path::new("task").join(name).join("stat")) {
            Ok(Stat { state: b'S', .. }) => {}
            Ok(Stat { state: b'Z' | b'X', .. }) => return Err(io::Error::other("it ended")),
            // A thread that ended just now is none that waits.
            Ok(_) | Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

struct Stat {
    state: u8,
    faults: u64,
}

impl Stat {
    /// Of a process or a thread, by the kernel's `proc_pid_stat(5)`.
    fn of(life: &OwnedFd, path: impl AsRef<Path>) -> io::Result<Self> {
        let file = openat(life, path.as_ref(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let mut stat = Vec::new();
        File::from(file).take(STAT).read_to_end(&mut stat)?;
        Self::read(&String::from_utf8_lossy(&stat)).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn read(stat: &str) -> Option<Self> {
        // Behind the name, which may hold anything.
        let (_, rest) = stat.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = *fields.next()?.as_bytes().first()?;
        // The tenth and the twelfth of the line: those that need no disk, and those that do.
        let faults = [fields.nth(6)?, fields.nth(1)?].map(|number| number.parse::<u64>().ok());
        Some(Self { state, faults: faults[0]? + faults[1]? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_whatever_the_name() {
        let line = "7 (a) R (b) S 1 7 7 0 -1 4194304 4443 11 2 0 8 1 0 0 20 0 14 0 99 1 2";
        let stat = Stat::read(line).unwrap();
        assert_eq!((stat.state, stat.faults), (b'S', 4445));
        for line in ["", "7 (a)", "7 (a) ", "7 (a) S", "7 (a) S 1 7 7 0 -1 0 x 0 0", "7 (a) S 1 7 7 0 -1 0 1 0 -2 0"] {
            assert!(Stat::read(line).is_none(), "{line}");
        }
    }
}
