//! Secrets where no program may find them, each in another place. None may show up in an answer.

use std::{
    collections::hash_map::RandomState,
    fs::{self, Permissions},
    hash::BuildHasher,
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    thread,
};

use tempfile::NamedTempFile;

pub struct Planted {
    pub environment: String,
    /// Of a job that ran before, and of the one that runs beside.
    pub neighbours_source: String,
    pub neighbours_input: String,
    pub neighbours_output: String,
    file: String,
    listener: String,
    answer: String,
    host_file: NamedTempFile,
    host_port: u16,
    mark: String,
    server_pid: u32,
}

/// The form that programs look for: `planted-[a-z]+-[0-9a-f]{16}`.
pub fn secret(what: &str) -> String {
    format!("planted-{what}-{:016x}", RandomState::new().hash_one(what))
}

impl Planted {
    pub fn new() -> Self {
        let (file, listener) = (secret("file"), secret("listener"));
        let mark = secret("mark");
        // For all to read, if only they reached it.
        let permissions = Permissions::from_mode(0o644);
        let host_file = tempfile::Builder::new().permissions(permissions).tempfile_in("/var/tmp").unwrap();
        fs::write(&host_file, &file).unwrap();
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let host_port = socket.local_addr().unwrap().port();
        let says = listener.clone();
        // Ends with the process: it waits for callers that never come.
        thread::spawn(move || {
            for mut caller in socket.incoming().flatten() {
                let _ = writeln!(caller, "{says}");
            }
        });
        Self {
            environment: secret("environment"),
            neighbours_source: secret("source"),
            neighbours_input: secret("stdin"),
            neighbours_output: secret("output"),
            file,
            listener,
            answer: secret("answer"),
            host_file,
            host_port,
            mark,
            server_pid: 0,
        }
    }

    pub fn server_is(self, server_pid: u32) -> Self {
        Self { server_pid, ..self }
    }

    /// What the last case of a judging expects: to print it is to have found it.
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// A program's text with its placeholders filled in.
    pub fn fill(&self, text: &str) -> String {
        text.replace("@host_file@", &self.host_file.path().display().to_string())
            .replace("@host_port@", &self.host_port.to_string())
            .replace("@server_pid@", &self.server_pid.to_string())
            .replace("@mark@", &self.mark)
    }

    /// Those that are in a text, by what they are.
    pub fn found_in(&self, text: &str, inputs: &[String]) -> Vec<String> {
        let Self {
            environment, neighbours_source, neighbours_input, neighbours_output, file, listener, answer, ..
        } = self;
        let all = [environment, neighbours_source, neighbours_input, neighbours_output, file, listener, answer];
        all.into_iter().chain(inputs).filter(|secret| text.contains(secret.as_str())).cloned().collect()
    }

    /// Files that a program left on the host.
    pub fn marks_on_the_host(&self) -> Vec<String> {
        let places =
            ["/", "/tmp", "/var/tmp", "/etc", "/usr/bin", "/usr/local/bin", "/var", "/run", "/root", "/opt", "/mnt"];
        let entries = places.into_iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten();
        let is_mark = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains(&self.mark));
        entries.map(|entry| entry.path()).filter(is_mark).map(|path| path.display().to_string()).collect()
    }
}
