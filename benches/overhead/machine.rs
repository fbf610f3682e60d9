//! The machine as it was while the figures were taken.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
};

/// Ends with one sentence when something is missing.
pub fn require(programs: &[&str]) {
    for program in programs {
        let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            eprintln!("this bench needs {program}: run it by `make bench`, which installs what is missing");
            std::process::exit(1);
        }
    }
}

pub fn describe() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let format = "Docker {{.ServerVersion}}, {{.DefaultRuntime}}, cgroup v{{.CgroupVersion}}, {{.Driver}}";
    let docker = Command::new("docker").args(["info", "--format", format]).output();
    let docker = docker.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("{cores} processors, Linux {}, {docker}; load at the start {load}", kernel.trim())
}

/// Seconds of processor time that the whole machine has spent so far.
pub fn busy_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/stat").expect("Linux has /proc/stat");
    let fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.map(|field| field.parse().unwrap_or(0.0)).collect();
    // user nice system idle iowait irq softirq steal: all but idle, iowait and what others stole.
    let busy: f64 = [0, 1, 2, 5, 6].iter().filter_map(|index| ticks.get(*index)).sum();
    busy / TICKS_PER_SECOND
}

/// The same for one process.
pub fn process_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 =
        behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / TICKS_PER_SECOND
}

/// Linux tells user space about ticks of a hundredth of a second, whatever it uses itself.
const TICKS_PER_SECOND: f64 = 100.0;
