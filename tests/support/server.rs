//! The real binary on loopback, with an owner and uids of its own.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::engine::{DockerHost, docker_host, turn};

pub struct Server {
    pub docker: DockerHost,
    pub owner: String,
    pub url: String,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    is_deaf: Arc<AtomicBool>,
    uid_base: u32,
    budget: u32,
    is_forgotten: bool,
    // Last: the next test begins once all else is gone.
    _turn: Option<MutexGuard<'static, ()>>,
}

pub struct Arrange {
    docker: Option<DockerHost>,
    owner: String,
    languages: Vec<(&'static str, usize)>,
    budget: u32,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    /// A checkout with another build than this one.
    other: Option<PathBuf>,
    turn: Option<MutexGuard<'static, ()>>,
}

pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Value,
}

/// Generous: a loaded machine must not fail a test, only a service that hangs.
pub const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
const BUDGET: u32 = 24;
/// The processes that wait in each sandbox of a language whose interpreter or compiler is armed.
const ARMED: [(&str, usize); 10] = [
    ("bash", 1),
    ("c", 2),
    ("java", 2),
    ("shells", 2),
    ("javascript", 1),
    ("lua", 1),
    ("perl", 1),
    ("php", 1),
    ("python", 1),
    ("ruby", 1),
];

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The server to be tested, and the command line tool.
pub fn caisson() -> Command {
    started(Path::new(env!("CARGO_BIN_EXE_caisson")), &root())
}

fn started(program: &Path, tree: &Path) -> Command {
    let mut command = Command::new(program);
    // What the scripts are told is not meant for the server, which refuses names that it does not know.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CAISSON_")) {
        command.env_remove(name);
    }
    command.env("CAISSON_DOCKER__HOST", docker_host());
    command.current_dir(tree);
    command
}

/// Until it is so. `what` completes "waited in vain until".
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    until_none(|| (!is_so()).then(|| what.to_owned()));
}

/// Until nothing is `missing`, which says what.
fn until_none(mut missing: impl FnMut() -> Option<String>) {
    let deadline = Instant::now() + PATIENCE;
    while let Some(what) = missing() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(PAUSE);
    }
}

pub fn unique_owner() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Arrange {
    /// Waits for its turn, then for nothing else.
    pub fn new(languages: &[(&'static str, usize)]) -> Self {
        Self { turn: Some(turn()), ..Self::beside(languages) }
    }

    /// For a second server of a test that has the turn already.
    pub fn beside(languages: &[(&'static str, usize)]) -> Self {
        Self {
            docker: None,
            owner: unique_owner(),
            languages: languages.to_vec(),
            budget: BUDGET,
            flags: Vec::new(),
            environment: Vec::new(),
            other: None,
            turn: None,
        }
    }

    pub fn docker(self, docker: DockerHost) -> Self {
        Self { docker: Some(docker), ..self }
    }

    pub fn owner(self, owner: &str) -> Self {
        Self { owner: owner.to_owned(), ..self }
    }

    /// Sandboxes on the host at once, with as many uids set aside.
    pub fn budget(self, budget: u32) -> Self {
        Self { budget, ..self }
    }

    pub fn set(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// The release build of another checkout in place of this one, with that one's configuration.
    pub fn of_tree(self, tree: &Path) -> Self {
        Self { other: Some(tree.to_owned()), ..self }
    }

    /// In the server's environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Started and answering; its shelves may still be empty.
    pub fn start(self) -> Server {
        let Self { docker, owner, languages, budget, flags, environment, other, turn } = self;
        let docker = docker.unwrap_or_else(DockerHost::usual);
        // Far from those of a service that may run here, and from those of the server before: each test looks for
        // processes that are left.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let before = NEXT.fetch_add(budget.div_ceil(BUDGET), Ordering::Relaxed);
        let uid_base = 700_000 + (std::process::id() % 4096 * 256 + before) * 2 * BUDGET;
        let names: Vec<_> = languages.iter().map(|(name, _)| *name).collect();
        let mut command = other.map_or_else(caisson, |tree| started(&tree.join("target/release/caisson"), &tree));
        command.envs(environment);
        command.args(["serve", "--set", "server.listen=127.0.0.1:0", "--set", "log.format=json"]);
        let mut set = |flag: String| {
            command.args(["--set", &flag]);
        };
        docker.flags().into_iter().for_each(&mut set);
        set(format!("pool.owner={owner}"));
        set(format!("pool.uid_base={uid_base}"));
        set(format!("pool.budget={budget}"));
        // Shelves of a known depth, unless that is what the test is about.
        set("pool.most_ready=0".to_owned());
        set("log.filter=debug,bollard=info,hyper_util=info".to_owned());
        set(format!("languages.enabled={names:?}"));
        for (name, size) in &languages {
            set(format!("pool.sizes.{name}={size}"));
        }
        flags.into_iter().for_each(set);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let heard = Arc::clone(&log);
        let is_deaf = Arc::new(AtomicBool::new(false));
        let ear = Arc::clone(&is_deaf);
        thread::spawn(move || {
            let lines = lines.map_while(Result::ok).take_while(|_| !ear.load(Ordering::Relaxed));
            lines.for_each(|line| heard.lock().unwrap().push(line));
        });
        let mut server = Server {
            docker,
            owner,
            url: String::new(),
            child,
            log,
            is_deaf,
            uid_base,
            budget,
            is_forgotten: false,
            _turn: turn,
        };
        until("the server listens", || {
            assert!(server.child.try_wait().unwrap().is_none(), "the server ended: {:#?}", server.log());
            let address =
                server.events("listening").first().and_then(|event| event["address"].as_str().map(str::to_owned));
            server.url = address.map_or_else(String::new, |address| format!("http://{address}"));
            !server.url.is_empty()
        });
        server
    }

    /// Started, and every shelf is full.
    pub fn warm(self) -> Server {
        let server = self.start();
        server.until_full();
        server
    }
}

impl Server {
    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None, Vec::new())
    }

    pub fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send("POST", path, Some("application/json"), body.into())
    }

    pub fn send(&self, method: &str, path: &str, media_type: Option<&str>, body: Vec<u8>) -> Reply {
        self.try_send(method, path, media_type, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        media_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Reply, ureq::Error> {
        exchange(&self.url, method, path, media_type, body)
    }

    /// The answer to a job that must be answered.
    pub fn execute(&self, request: &Value) -> Value {
        let reply = self.post("/v1/execute", request.to_string());
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// What a program that must go well wrote.
    pub fn output(&self, language: &str, source: &str) -> String {
        let answer = self.execute(&json!({"language": language, "source": source}));
        assert_eq!(answer["status"], "ok", "{answer}");
        answer["run"]["stdout"].as_str().unwrap().to_owned()
    }

    pub fn status(&self) -> Value {
        self.get("/v1/status").body
    }

    /// The value of one series of /metrics; labels in alphabetical order.
    pub fn metric(&self, series: &str) -> f64 {
        let text = self.get("/metrics").body;
        let found = text.as_str().unwrap().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("no series {series}")).parse().unwrap()
    }

    /// The tool that looks whether all is well, with the engine of this server.
    pub fn doctor(&self) -> Command {
        let mut doctor = caisson();
        doctor.arg("doctor");
        for flag in self.docker.flags() {
            doctor.args(["--set", &flag]);
        }
        doctor
    }

    /// Until so many sandboxes wait on every shelf.
    pub fn until_ready(&self, least: usize) {
        until("enough sandboxes are ready", || {
            let status = self.status();
            status["pools"].as_array().unwrap().iter().all(|pool| pool["ready"].as_u64() >= Some(least as u64))
        });
    }

    /// Until every shelf holds what it should and nothing else of this server is on the host.
    pub fn until_full(&self) {
        until("every shelf is full and nothing else is left", || {
            let status = self.status();
            let pools = status["pools"].as_array().unwrap();
            let full = pools.iter().all(|pool| pool["ready"] == pool["target"] && pool["claimed"] == 0);
            let wanted: u64 = pools.iter().map(|pool| pool["target"].as_u64().unwrap()).sum();
            full && self.docker.sandboxes(&self.owner).len() as u64 == wanted
        });
    }

    /// Every shelf is full again, and the only processes under this server's uids are those of idle sandboxes.
    pub fn nothing_is_left(&self) {
        self.until_full();
        let wanted = self.idle_processes();
        until_none(|| {
            let found = self.processes();
            (found.len() != wanted).then(|| format!("of the processes {found:?} {wanted} are there and no other"))
        });
    }

    /// What its sandboxes have when nothing runs: PID 1 and the agent of each, and what is armed in it.
    pub fn idle_processes(&self) -> usize {
        let status = self.status();
        let armed = |pool: &Value| ARMED.iter().find(|(language, _)| pool["language"] == *language);
        let of_each = |pool: &Value| 2 + armed(pool).map_or(0, |(_, processes)| *processes);
        let pools = status["pools"].as_array().unwrap().iter();
        pools.map(|pool| pool["ready"].as_u64().unwrap() as usize * of_each(pool)).sum()
    }

    /// All that sandboxes of this server may run under.
    pub fn uids(&self) -> std::ops::Range<u32> {
        self.uid_base..self.uid_base + 2 * self.budget
    }

    /// Names of the host's processes under the uids of this server's sandboxes.
    pub fn processes(&self) -> Vec<String> {
        self.statuses().into_iter().filter_map(|(_, status)| status.lines().next().map(str::to_owned)).collect()
    }

    /// The same processes by number.
    pub fn pids(&self) -> Vec<u32> {
        self.statuses().into_iter().map(|(pid, _)| pid).collect()
    }

    /// Processes of its sandboxes that hear the server by a socket, and not by what an engine passes on to them.
    pub fn agents_over_sockets(&self) -> usize {
        let input = |pid: &u32| fs::read_link(format!("/proc/{pid}/fd/0")).unwrap_or_default();
        self.pids().iter().filter(|pid| input(pid).to_string_lossy().starts_with("socket:")).count()
    }

    fn statuses(&self) -> Vec<(u32, String)> {
        let uids = self.uids();
        let of_sandbox = |status: &str| {
            let uid =
                status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok());
            uid.is_some_and(|uid: u32| uids.contains(&uid))
        };
        let status = |entry: fs::DirEntry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            fs::read_to_string(entry.path().join("status")).ok().map(|status| (pid, status))
        };
        let all = fs::read_dir("/proc").unwrap().map_while(Result::ok).filter_map(status);
        all.filter(|(_, status)| of_sandbox(status)).collect()
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Log lines with this message.
    pub fn events(&self, message: &str) -> Vec<Value> {
        let parsed = self.log().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
        parsed.filter(|event| event["message"] == message).collect()
    }

    /// From the next line on nobody reads its log: the other end of its stderr is gone.
    pub fn deafen(&self) {
        self.is_deaf.store(true, Ordering::Relaxed);
    }

    /// Its own children, by their number: natively the nurseries.
    pub fn children(&self) -> Vec<u32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let children = children.collect::<Vec<_>>().join(" ");
        children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([format!("-{name}"), self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Until the process has ended.
    pub fn ended(&mut self) -> ExitStatus {
        let mut ended = None;
        until("the server ends", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }

    /// It ends; with its last words.
    pub fn failed(mut self) -> (ExitStatus, String) {
        let status = self.ended();
        until("its last words are heard", || self.log().last().is_some_and(|line| line.starts_with("caisson: ")));
        self.is_forgotten = true;
        (status, self.log().pop().unwrap())
    }

    /// Told to end, it does, and leaves nothing.
    pub fn stop(self) {
        self.signal("TERM");
        self.leaves_nothing();
    }

    /// It ends and leaves nothing.
    pub fn leaves_nothing(mut self) {
        let status = self.ended();
        assert!(status.success(), "{status}: {:#?}", self.log());
        assert_eq!(self.docker.sandboxes(&self.owner), Vec::<String>::new());
        assert_eq!(self.processes(), Vec::<String>::new());
    }
}

/// One request to whoever listens there, and its answer.
pub fn exchange(
    url: &str,
    method: &str,
    path: &str,
    media_type: Option<&str>,
    body: Vec<u8>,
) -> Result<Reply, ureq::Error> {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE * 2));
    let agent: ureq::Agent = config.build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
    if let Some(media_type) = media_type {
        request = request.header("content-type", media_type);
    }
    let mut response = agent.run(request.body(body).unwrap())?;
    let bytes = response.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    Ok(Reply { status: response.status().as_u16(), headers: response.headers().clone(), body })
}

impl Server {
    /// Killed, without anything being cleaned up after it.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.is_forgotten = true;
    }
}

/// For tests that fail, and for those that kill the server.
impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // Native sandboxes end with their server.
        if self.is_forgotten || self.docker.is_native() {
            return;
        }
        let filter = format!("label=caisson.owner={}", self.owner);
        let left = self.docker.try_docker(&["ps", "--all", "--quiet", "--filter", &filter]).unwrap_or_default();
        let mut arguments = vec!["rm", "--force"];
        arguments.extend(left.lines());
        if arguments.len() > 2 {
            let _ = self.docker.try_docker(&arguments);
        }
    }
}
