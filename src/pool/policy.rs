//! Which sandboxes to make, and which to give up: a pure decision over one look at everything.
//!
//! A boot costs 100 to 300 ms of processor time that running programs would feel. So whoever waits is served first, then
//! every shelf gets its floor, and the rest of the shelf is filled only while the machine is quiet.

use crate::job::LanguageId;

/// What the fleet looks like now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub pools: Vec<PoolView>,
    /// Shares of the budget that nobody holds.
    pub free: usize,
    /// Sandboxes that are being destroyed, and so will free a share soon.
    pub dying: usize,
    /// Boots that may be under way at once.
    pub creators: usize,
    /// No job runs, and none has just run.
    pub quiet: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolView {
    pub language: LanguageId,
    pub ready: usize,
    pub booting: usize,
    /// Requests that wait for a sandbox.
    pub waiting: usize,
    pub target: usize,
    /// Boots of it that may be under way at once, by its breaker.
    pub may_try: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Boot(LanguageId),
    /// Give up an idle sandbox of one language for another's sake.
    Expire(LanguageId),
}

/// Kept ready even while programs run. Fewer and a second request in a row waits for a boot; more and refilling slows
/// the very jobs that caused it.
pub const FLOOR: usize = 2;

pub fn plan(snapshot: &Snapshot) -> Vec<Action> {
    let mut pools = snapshot.pools.clone();
    let under_way: usize = pools.iter().map(|pool| pool.booting).sum();
    let mut room = snapshot.creators.saturating_sub(under_way).min(snapshot.free);
    let mut actions = Vec::new();
    let needs: [Need; 3] = [PoolView::for_waiting, PoolView::for_floor, PoolView::for_target];
    let urgent = if snapshot.quiet { needs.len() } else { needs.len() - 1 };
    for need in needs.into_iter().take(urgent) {
        // One each in turn, the neediest first, so that no language starves another.
        while room > 0 {
            let Some(pool) = pools.iter_mut().filter(|pool| pool.needed(need) > 0).max_by_key(|pool| pool.needed(need))
            else {
                break;
            };
            pool.booting += 1;
            actions.push(Action::Boot(pool.language.clone()));
            room -= 1;
        }
    }
    actions.extend(expire(snapshot, &pools));
    actions
}

/// When the whole budget is taken and somebody waits for another language, idle sandboxes make way.
fn expire(snapshot: &Snapshot, pools: &[PoolView]) -> Vec<Action> {
    let lacking: usize = pools.iter().map(|pool| pool.needed(PoolView::for_waiting)).sum();
    let lacking = lacking.min(snapshot.creators).saturating_sub(snapshot.free + snapshot.dying);
    let mut idle: Vec<(usize, &LanguageId)> =
        pools.iter().filter(|pool| pool.waiting == 0).map(|pool| (pool.ready, &pool.language)).collect();
    let mut actions = Vec::new();
    for _ in 0..lacking {
        let Some((ready, language)) = idle.iter_mut().max_by_key(|(ready, _)| *ready) else { break };
        if *ready == 0 {
            break;
        }
        *ready -= 1;
        actions.push(Action::Expire((*language).clone()));
    }
    actions
}

/// How many sandboxes a pool lacks for one purpose.
type Need = fn(&PoolView) -> usize;

impl PoolView {
    fn needed(&self, need: Need) -> usize {
        need(self).min(self.may_try.saturating_sub(self.booting))
    }

    fn for_waiting(&self) -> usize {
        self.waiting.saturating_sub(self.booting)
    }

    fn for_floor(&self) -> usize {
        (self.target.min(FLOOR) + self.waiting).saturating_sub(self.ready + self.booting)
    }

    fn for_target(&self) -> usize {
        (self.target + self.waiting).saturating_sub(self.ready + self.booting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str, ready: usize, booting: usize, waiting: usize) -> PoolView {
        PoolView { language: LanguageId::new(name), ready, booting, waiting, target: 4, may_try: usize::MAX }
    }

    fn quiet(pools: Vec<PoolView>) -> Snapshot {
        Snapshot { pools, free: 10, dying: 0, creators: 2, quiet: true }
    }

    fn boot(name: &str) -> Action {
        Action::Boot(LanguageId::new(name))
    }

    #[test]
    fn whoever_waits_comes_first() {
        let snapshot = quiet(vec![pool("c", 0, 0, 0), pool("python", 0, 0, 1)]);
        assert_eq!(plan(&snapshot)[0], boot("python"));
    }

    #[test]
    fn nobody_waits_for_a_sandbox_that_is_not_coming() {
        let snapshot = Snapshot { creators: 8, ..quiet(vec![pool("python", 0, 1, 3)]) };
        assert!(plan(&snapshot).iter().filter(|action| **action == boot("python")).count() >= 2);
    }

    #[test]
    fn above_the_floor_nothing_is_made_while_programs_run() {
        let snapshot = quiet(vec![pool("python", FLOOR, 0, 0)]);
        assert_eq!(plan(&snapshot).len(), 2);
        assert_eq!(plan(&Snapshot { quiet: false, ..snapshot }), []);
    }

    #[test]
    fn the_floor_is_kept_while_programs_run() {
        let snapshot = Snapshot { quiet: false, ..quiet(vec![pool("python", 1, 0, 0)]) };
        assert_eq!(plan(&snapshot), [boot("python")]);
    }

    #[test]
    fn no_more_is_under_way_than_there_are_creators_or_budget() {
        assert_eq!(plan(&quiet(vec![pool("c", 0, 1, 5), pool("python", 0, 0, 5)])).len(), 1);
        assert_eq!(plan(&Snapshot { free: 0, dying: 9, ..quiet(vec![pool("c", 0, 0, 5)]) }), []);
    }

    #[test]
    fn an_idle_sandbox_makes_way_for_a_language_that_is_waited_for() {
        let snapshot = Snapshot { free: 0, ..quiet(vec![pool("c", 3, 0, 0), pool("python", 0, 0, 1)]) };
        assert_eq!(plan(&snapshot), [Action::Expire(LanguageId::new("c"))]);
        // One that is dying already frees the share.
        assert_eq!(plan(&Snapshot { dying: 1, ..snapshot }), []);
    }

    #[test]
    fn a_language_that_does_not_come_up_is_left_alone() {
        let broken = PoolView { may_try: 0, ..pool("c", 0, 0, 2) };
        let trying = PoolView { may_try: 1, ..pool("java", 0, 1, 2) };
        assert_eq!(plan(&quiet(vec![broken, trying])), []);
    }

    #[test]
    fn a_full_fleet_wants_nothing() {
        assert_eq!(plan(&quiet(vec![pool("c", 4, 0, 0), pool("python", 3, 1, 0)])), []);
    }
}
