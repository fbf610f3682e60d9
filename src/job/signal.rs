//! Signals by name and by number, as Linux has them on x86-64 and arm64.

use std::borrow::Cow;

const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];

/// `SIG40` for a number without a name.
pub fn name(number: i32) -> Cow<'static, str> {
    let known = usize::try_from(number).ok().and_then(|number| NAMES.get(number.checked_sub(1)?));
    known.map_or_else(|| Cow::Owned(format!("SIG{number}")), |name| Cow::Borrowed(*name))
}

/// The other way round.
pub fn number(name: &str) -> Option<i32> {
    match NAMES.iter().position(|known| *known == name) {
        Some(index) => i32::try_from(index + 1).ok(),
        None => name.strip_prefix("SIG")?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_a_name_that_leads_back_to_it() {
        let names: Vec<_> = [1, 9, 11, 25, 31, 32, 0].into_iter().map(name).collect();
        assert_eq!(names, ["SIGHUP", "SIGKILL", "SIGSEGV", "SIGXFSZ", "SIGSYS", "SIG32", "SIG0"]);
        assert!((0..=64).all(|n| number(&name(n)) == Some(n)));
    }
}
