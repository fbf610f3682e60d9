//! Which runtime, from what the engine says of itself and from what became of a sandbox of each: pure.

/// A sandbox costs four fifths of the processor time on it that it costs on runc.
pub const PREFERRED: &str = "crun";

/// Holds for the service's life, unless the engine forgets the runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The engine's default where there is none.
    pub runtime: Option<&'static str>,
    /// For operators.
    pub reason: String,
}

/// What became of a sandbox that was made to see whether it can be; in words why it could not.
pub type Tried = Result<(), String>;

impl Decision {
    fn default_because(reason: String) -> Self {
        Self { runtime: None, reason }
    }

    /// Where nothing has to be tried. `known`: to the engine, among them its `default`.
    pub fn without_trial(known: &[String], default: &str) -> Option<Self> {
        if default == PREFERRED {
            return Some(Self::default_because("the engine's default".to_owned()));
        }
        let is_known = known.iter().any(|name| name == PREFERRED);
        (!is_known).then(|| Self::default_because(format!("the engine's default: it does not know {PREFERRED}")))
    }

    /// The engine's default is tried only where the other did not come up: where neither does, the runtime is not to blame,
    /// and nothing is decided.
    pub async fn by_trial(preferred: Tried, default: impl Future<Output = Tried>) -> Option<Self> {
        let Err(why_not) = preferred else {
            let reason = "a sandbox of it came up".to_owned();
            return Some(Self { runtime: Some(PREFERRED), reason });
        };
        default.await.ok()?;
        Some(Self::default_because(format!("the engine's default: with {PREFERRED} no sandbox comes up: {why_not}")))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn known(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn by_trial(preferred: Tried, default: Tried) -> Option<Decision> {
        Decision::by_trial(preferred, async { default }).now_or_never().unwrap()
    }

    fn failed() -> Tried {
        Err("no such cgroup".to_owned())
    }

    #[test]
    fn what_the_engine_does_not_know_is_not_tried() {
        let decision = Decision::without_trial(&known(&["runc", "io.containerd.runc.v2"]), "runc").unwrap();
        assert_eq!(decision.runtime, None);
        assert!(decision.reason.contains("does not know crun"), "{decision:?}");
        assert_eq!(Decision::without_trial(&known(&["runc", "crun"]), "runc"), None);
    }

    #[test]
    fn what_is_the_default_already_is_not_tried() {
        let decision = Decision::without_trial(&known(&["runc", "crun"]), "crun").unwrap();
        assert_eq!(decision.runtime, None);
    }

    #[test]
    fn what_comes_up_is_used() {
        assert_eq!(by_trial(Ok(()), failed()).unwrap().runtime, Some("crun"));
    }

    #[test]
    fn what_does_not_come_up_is_not_used_and_the_log_says_why() {
        let decision = by_trial(failed(), Ok(())).unwrap();
        assert_eq!(decision.runtime, None);
        assert!(decision.reason.contains("no such cgroup"), "{decision:?}");
    }

    #[test]
    fn where_nothing_comes_up_nothing_is_decided() {
        assert_eq!(by_trial(failed(), failed()), None);
    }
}
