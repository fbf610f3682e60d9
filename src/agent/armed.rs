//! A program that was started before its source was there: an interpreter or a compiler that has opened a FIFO under the name of
//! its source and waits in `read` for what comes through it. All that it does before costs the job nothing.
//!
//! PID 1 has the only other end. By the time that the source is written a regular file bears the name, so that whoever opens
//! it again, as tracebacks do, finds what a program finds that was started late. The end is closed before the program can
//! have read to the end, and nothing of the arrangement is left but an open descriptor that is a FIFO's.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::fd::OwnedFd,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, mknodat, open},
    io::Errno,
    pipe::fcntl_getpipe_size,
};

use crate::{
    channel::Spawn,
    child::{Program, Running},
    confine::Confinement,
    deaths::has_died,
    tree::{self, WORK},
    zygote::Zygote,
};

/// How long an interpreter may take to open its script. Too small and a loaded host arms nothing; too large and a program
/// that opens nothing keeps its sandbox from being ready.
const OPEN_PATIENCE: Duration = Duration::from_secs(8);
const OPEN_PAUSE: Duration = Duration::from_micros(500);

pub struct Armed {
    pub running: Running,
    /// The end to write to: while it is open the program waits.
    pub source: OwnedFd,
    /// The file whose content it takes for that of its source.
    pub entry: String,
}

impl Armed {
    /// In places that are clear. Whatever comes of an error is for the caller to end.
    pub fn start(
        entry: String,
        spawn: &Spawn,
        confinement: &Option<Confinement>,
        zygote: Option<&Zygote>,
        fds: Vec<OwnedFd>,
    ) -> io::Result<Self> {
        let path = Path::new(WORK).join(&entry);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let running = Program::new(spawn, confinement, zygote)?.launch(fds)?;
        let deadline = Instant::now() + OPEN_PATIENCE;
        let source = loop {
            match open(&path, OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
                Ok(source) => break source,
                // Nobody has opened it to read yet.
                Err(Errno::NXIO) if has_died(running.main) => return Err(io::Error::other("it ended")),
                Err(Errno::NXIO) if Instant::now() < deadline => thread::sleep(OPEN_PAUSE),
                Err(Errno::NXIO) => return Err(io::Error::other("it does not open its source")),
                Err(error) => return Err(error.into()),
            }
        };
        fs::remove_file(&path)?;
        Ok(Self { running, source, entry })
    }

    /// Gives it its source, which lies in the work directory: from here on the program is the job's. Where it cannot be given
    /// it (the inner error) nothing of it has been read. An outer error leaves a program that has read a part of it.
    pub fn feed(self) -> io::Result<Result<Running, String>> {
        let text = match self.text() {
            Ok(text) => text,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let mut rest = &text[..];
        while !rest.is_empty() {
            match rustix::io::retry_on_intr(|| rustix::io::write(&self.source, rest)) {
                Ok(written) => rest = &rest[written..],
                // Nobody is there to read any of it.
                Err(error) if rest.len() == text.len() => return Ok(Err(error.to_string())),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Ok(self.running))
    }

    /// Its source, which is no more than it can be given without waiting for it.
    fn text(&self) -> io::Result<Vec<u8>> {
        let file = File::from(tree::open_regular(&self.entry).map_err(io::Error::other)?);
        let room = fcntl_getpipe_size(&self.source)?;
        let mut text = Vec::new();
        file.take(room as u64 + 1).read_to_end(&mut text)?;
        if text.len() > room { Err(io::Error::other("its source is too large")) } else { Ok(text) }
    }
}
