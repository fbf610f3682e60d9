//! Which sandboxes to make, and which to give up: a pure decision over one look at everything.
//!
//! A boot costs 100 to 300 ms of processor time that running programs would feel, and so a shelf is a battery: filled
//! while there is a processor to spare, drawn on while there is none. In two steps: [`aim`] says how many of each language
//! there are to be, [`act`] what to do about it now. Whoever waits is served first, the earliest deadline before the
//! others; then every shelf gets its floor; the rest is filled only on a processor that nothing else keeps busy, and the last of it
//! only on one that nothing has kept busy of late.

use std::time::{Duration, Instant};

use super::demand::Outlook;
use crate::job::LanguageId;

/// What the fleet looks like now.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub pools: Vec<PoolView>,
    /// Sandboxes that may be on the host at once.
    pub budget: usize,
    /// Those that are, whatever their state.
    pub on_host: usize,
    /// Those of them that are being destroyed, and so will make room soon.
    pub dying: usize,
    /// What running and being made takes of the budget, beside what is on the shelves.
    pub working: usize,
    /// Boots that may be under way at once, those aside that nobody feels.
    pub creators: usize,
    /// See [`Busy::spare`].
    pub spare: usize,
    /// See [`Busy::calm`].
    pub calm: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PoolView {
    pub language: LanguageId,
    pub ready: usize,
    pub booting: usize,
    /// Jobs that want a sandbox, those included that will have what is ready.
    pub waiting: usize,
    /// Those of them that hold a run slot, and so keep it from all others while they wait.
    pub held: usize,
    /// The earliest time at which one of them gives up.
    pub deadline: Option<Instant>,
    /// Ready sandboxes that are to be there at all times. 0: none, unless somebody asks for them in advance.
    pub size: usize,
    /// Ready sandboxes that demand alone may bring.
    pub most: usize,
    pub outlook: Outlook,
    /// Boots of it that may be under way at once, by its breaker.
    pub may_try: usize,
    /// Whether a boot of it is felt by nobody, see [`LIGHT_AT_ONCE`].
    pub is_light: bool,
}

/// How many ready sandboxes of one language there are to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Aim {
    /// Even while programs run.
    pub floor: usize,
    /// Once a processor is to spare.
    pub target: usize,
}

/// All that we know of to keep a processor each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Busy {
    pub running: usize,
    /// Programs that ended less than [`RETURN`] ago.
    pub just_ended: usize,
    /// Those and others, that ended less than [`CALM`] ago.
    pub ended_of_late: usize,
    pub booting: usize,
    pub removing: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Boot(LanguageId),
    /// Give up an idle sandbox.
    Expire(LanguageId),
}

/// Kept ready even while programs run. Fewer and a second request in a row waits for a boot; more and refilling slows
/// the very jobs that caused it.
pub const FLOOR: usize = 2;

/// A client in a closed loop is back within some milliseconds, and a boot begun in that gap would slow its next job. Too
/// large, and a busy service lives from its floors alone.
pub const RETURN: Duration = Duration::from_millis(50);

/// A client that pauses for a moment between its jobs would have a boot or a removal beside each of them. Both wait so long, boots
/// as long as not much is lacking. Too small and such jobs are slowed; too large and shelves are not full when a burst comes.
pub const CALM: Duration = Duration::from_millis(150);

/// Of a shelf so many may be lacking until it is calm, and no more than half. Too few and such a client soon has boots beside its
/// jobs; too many and bursts find less.
pub const LAST: usize = 6;

/// A used sandbox rests until it is calm on a processor, and so long at the most: on a busy service it never is. Too small
/// and a burst pays for the removals of its own beginning; too large and files of jobs long gone fill the memory.
pub const LONGEST_REST: Duration = Duration::from_secs(3);

/// Light boots, and removals, that may be under way at once for each creator: most of each is waiting for the kernel. Too
/// small and processors are idle while jobs wait; too large and a refill comes before the jobs that it is for.
pub const LIGHT_AT_ONCE: usize = 4;

/// When fewer sandboxes than this may still be made, room comes before quiet.
pub const RESERVE: usize = 4;

/// Whether a used sandbox that has rested so long is removed even though programs run. `free`: sandboxes that may still be made,
/// those included whose room will be free as soon as they are gone; or for want of one all that rest would be removed at once.
pub fn must_go(rested: Duration, free: usize) -> bool {
    rested >= LONGEST_REST || free < RESERVE
}

pub fn plan(snapshot: &Snapshot) -> Vec<Action> {
    act(snapshot, &aim(snapshot))
}

/// One for each pool, in their order; together they fit into the budget.
pub fn aim(snapshot: &Snapshot) -> Vec<Aim> {
    let pools = &snapshot.pools;
    let floors = Vec::from_iter(pools.iter().map(PoolView::floor));
    // What is asked for, by the configuration or in advance.
    let asked = Vec::from_iter(pools.iter().zip(&floors).map(|(pool, floor)| pool.asked(*floor)));
    let spare = snapshot.budget.saturating_sub(snapshot.working + asked.iter().sum::<usize>());
    let growing = pools.iter().filter(|pool| pool.grows()).count().max(1);
    let peaks: f64 = pools.iter().filter(|pool| pool.grows()).map(|pool| pool.outlook.peak).sum();
    let targets = pools.iter().zip(&floors).zip(&asked).map(|((pool, floor), asked)| {
        if !pool.grows() {
            return *asked;
        }
        // Half of what is to spare goes to all alike, for what nobody foresees; half to those who had the bursts.
        let by_peak = if peaks > 0.0 { pool.outlook.peak / peaks } else { 0.0 };
        let share = (spare / 2 / growing) + ((spare / 2) as f64 * by_peak) as usize;
        (pool.size.max(*floor) + share).min(pool.most).max(*asked)
    });
    let targets = Vec::from_iter(targets);
    let mut aims = vec![Aim::default(); pools.len()];
    let mut left = snapshot.budget;
    let mut given = vec![0; pools.len()];
    grant(&mut given, &floors, &mut left);
    aims.iter_mut().zip(&given).for_each(|(aim, given)| aim.floor = *given);
    grant(&mut given, &asked, &mut left);
    grant(&mut given, &targets, &mut left);
    aims.iter_mut().zip(&given).for_each(|(aim, given)| aim.target = *given);
    aims
}

/// Raises what is given to what is wanted, as far as there is something left: then those who have least come first.
fn grant(given: &mut [usize], wanted: &[usize], left: &mut usize) {
    loop {
        let lacking: usize = given.iter().zip(wanted).map(|(given, wanted)| wanted.saturating_sub(*given)).sum();
        if lacking == 0 || *left == 0 {
            return;
        }
        if lacking <= *left {
            *left -= lacking;
            given.iter_mut().zip(wanted).for_each(|(given, wanted)| *given = (*given).max(*wanted));
            return;
        }
        let poor = given.iter_mut().zip(wanted).filter(|(given, wanted)| **given < **wanted);
        let Some((poorest, _)) = poor.min_by_key(|(given, _)| **given) else { return };
        *poorest += 1;
        *left -= 1;
    }
}

impl Busy {
    /// Processors that a boot or a removal may have without anybody feeling it.
    pub fn spare(self, processors: usize) -> usize {
        self.left_over(processors, self.running + self.just_ended)
    }

    /// Those of them that nobody is likely to want while it lasts. A program feels a boot on the next processor, too: what they
    /// share is the memory, and the kernel.
    pub fn calm(self, processors: usize) -> usize {
        self.left_over(processors, 2 * (self.running + self.ended_of_late))
    }

    fn left_over(self, processors: usize, of_programs: usize) -> usize {
        processors.saturating_sub(of_programs + self.booting + self.removing)
    }
}

/// What to do for the aims, which are one for each pool, in their order.
pub fn act(snapshot: &Snapshot, aims: &[Aim]) -> Vec<Action> {
    let mut lines = Vec::from_iter(snapshot.pools.iter().zip(aims).map(|(pool, aim)| Line::new(pool, *aim)));
    let under_way = |lines: &[Line<'_>], is_light: bool| -> usize {
        lines.iter().filter(|line| line.pool.is_light == is_light).map(|line| line.booting).sum()
    };
    let before = under_way(&lines, false);
    let free = snapshot.budget.saturating_sub(snapshot.on_host);
    let mut actions = Vec::new();
    for _ in 0..free {
        let heavy = under_way(&lines, false);
        let is_spare = heavy - before < snapshot.spare;
        let may = May {
            heavy: heavy < snapshot.creators,
            light: under_way(&lines, true) < snapshot.creators * LIGHT_AT_ONCE,
            // Two boots beside two programs, and every program waits for its turn on a processor.
            for_floor: is_spare || heavy == 0,
            for_most: is_spare,
            for_target: is_spare && heavy - before < snapshot.calm,
        };
        let Some(next) = neediest(&lines, may) else { break };
        lines[next].booting += 1;
        actions.push(Action::Boot(lines[next].pool.language.clone()));
    }
    let given_up = expire(snapshot, &mut lines, free);
    actions.extend(given_up);
    actions
}

/// Which boots may be begun.
#[derive(Clone, Copy)]
struct May {
    heavy: bool,
    light: bool,
    /// Of the heavy ones those that nobody waits for yet.
    for_floor: bool,
    /// Those beyond the floor: the light ones too, or a burst would run beside the refill that it causes.
    for_most: bool,
    /// The heavy ones of these that may be lacking until it is calm.
    for_target: bool,
}

impl May {
    fn serve(self, pool: &PoolView, need: Need) -> bool {
        match need {
            Need::Waiting | Need::Floor if pool.is_light => self.light,
            // As soon over as begun: there is nothing to wait for.
            Need::Most | Need::Target if pool.is_light => self.light && self.for_most,
            Need::Waiting => self.heavy,
            Need::Floor => self.heavy && self.for_floor,
            Need::Most => self.heavy && self.for_most,
            Need::Target => self.heavy && self.for_target,
        }
    }
}

/// Whom the next boot is for.
fn neediest(lines: &[Line<'_>], may: May) -> Option<usize> {
    let lacking = |need| {
        let served = lines.iter().enumerate().filter(move |(_, line)| may.serve(line.pool, need));
        served.filter(move |(_, line)| line.lacks(need) > 0)
    };
    let most_of = |need| lacking(need).max_by_key(move |(_, line)| line.lacks(need));
    let waited_for = lacking(Need::Waiting).min_by_key(|(_, line)| line.urgency());
    let of_shelves = || [Need::Floor, Need::Most, Need::Target].into_iter().find_map(most_of);
    waited_for.or_else(of_shelves).map(|(index, _)| index)
}

/// Idle sandboxes make way when the budget is used up and somebody waits for another language, and when the budget has
/// become smaller. When a processor is to spare, one that is too many goes.
fn expire(snapshot: &Snapshot, lines: &mut [Line<'_>], free: usize) -> Vec<Action> {
    let waited_for: usize = lines.iter().map(|line| line.lacks(Need::Waiting)).sum();
    let lacking = waited_for.min(snapshot.creators).saturating_sub(free + snapshot.dying);
    let over = snapshot.on_host.saturating_sub(snapshot.budget + snapshot.dying);
    // Whoever holds a run slot gets on even at the cost of those who wait for one.
    let held_up: usize = lines.iter().map(|line| line.pool.held.saturating_sub(line.ready + line.booting)).sum();
    let urgent = held_up.min(lacking).max(over);
    let mut actions = Vec::new();
    for number in 0..lacking.max(over) {
        let spared = |line: &Line<'_>| if number < urgent { line.pool.held } else { line.pool.waiting };
        let idle = lines.iter_mut().filter(|line| line.ready > spared(line));
        // Of what is too many first, then of the fullest shelf.
        let Some(line) = idle.max_by_key(|line| (line.excess(), line.ready)) else { break };
        line.ready -= 1;
        actions.push(Action::Expire(line.pool.language.clone()));
    }
    if actions.is_empty() && waited_for == 0 && snapshot.spare > 0 {
        // A shelf of a fixed size has it; one that follows demand keeps what it has for the next burst.
        let may_go = |line: &&Line<'_>| line.pool.outlook.is_settled || line.pool.is_fixed();
        let over = lines.iter().filter(|line| line.excess() > 0).filter(may_go);
        actions.extend(over.max_by_key(|line| line.excess()).map(|line| Action::Expire(line.pool.language.clone())));
    }
    actions
}

/// One pool while its share of the work is decided.
struct Line<'a> {
    pool: &'a PoolView,
    aim: Aim,
    ready: usize,
    booting: usize,
}

/// What a sandbox is lacking for.
#[derive(Clone, Copy)]
enum Need {
    Waiting,
    Floor,
    /// The target but for the last of it.
    Most,
    Target,
}

impl<'a> Line<'a> {
    fn new(pool: &'a PoolView, aim: Aim) -> Self {
        Self { pool, aim, ready: pool.ready, booting: pool.booting }
    }

    /// How many, of which boots may be begun.
    fn lacks(&self, need: Need) -> usize {
        let level = match need {
            Need::Waiting => 0,
            Need::Floor => self.aim.floor,
            Need::Most => (self.aim.target - LAST.min(self.aim.target / 2)).max(self.aim.floor),
            Need::Target => self.aim.target,
        };
        let lacking = (level + self.pool.waiting).saturating_sub(self.ready + self.booting);
        lacking.min(self.pool.may_try.saturating_sub(self.booting))
    }

    /// The least is the most urgent. A language for which nothing is under way comes before the others, since of these
    /// the first in line is being served, and how long the next can wait is not known.
    fn urgency(&self) -> (usize, bool, Option<Instant>) {
        (self.booting, self.pool.deadline.is_none(), self.pool.deadline)
    }

    fn excess(&self) -> usize {
        (self.ready + self.booting).saturating_sub(self.aim.target + self.pool.waiting).min(self.ready)
    }
}

impl PoolView {
    /// Whether demand may bring it more than it has been given.
    fn grows(&self) -> bool {
        self.size > 0 && self.most > self.size
    }

    fn is_fixed(&self) -> bool {
        self.size > 0 && self.most <= self.size
    }

    /// So many are used up while one more is made.
    fn floor(&self) -> usize {
        let most = if self.grows() { self.most } else { self.size };
        let used = (self.outlook.rate * self.outlook.lead.as_secs_f64()).ceil() as usize;
        used.max(FLOOR).min(most).max(self.outlook.due)
    }

    fn asked(&self, floor: usize) -> usize {
        self.size.max(floor).max(self.outlook.hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str, ready: usize, booting: usize, waiting: usize) -> PoolView {
        PoolView {
            language: LanguageId::new(name),
            ready,
            booting,
            waiting,
            held: 0,
            deadline: None,
            size: 4,
            most: 4,
            outlook: Outlook::default(),
            may_try: usize::MAX,
            is_light: false,
        }
    }

    /// So many sandboxes may be made.
    fn quiet(pools: Vec<PoolView>) -> Snapshot {
        let on_host = pools.iter().map(|pool| pool.ready + pool.booting).sum();
        Snapshot { pools, budget: 40, on_host, dying: 0, working: 4, creators: 2, spare: 2, calm: 2 }
    }

    fn full(pools: Vec<PoolView>) -> Snapshot {
        let snapshot = quiet(pools);
        Snapshot { budget: snapshot.on_host, ..snapshot }
    }

    fn boot(name: &str) -> Action {
        Action::Boot(LanguageId::new(name))
    }

    fn expire(name: &str) -> Action {
        Action::Expire(LanguageId::new(name))
    }

    fn floors(snapshot: &Snapshot) -> Vec<usize> {
        aim(snapshot).iter().map(|aim| aim.floor).collect()
    }

    fn targets(snapshot: &Snapshot) -> Vec<usize> {
        aim(snapshot).iter().map(|aim| aim.target).collect()
    }

    #[test]
    fn whoever_waits_comes_first() {
        let snapshot = quiet(vec![pool("c", 0, 0, 0), pool("python", 0, 0, 1)]);
        assert_eq!(plan(&snapshot)[0], boot("python"));
    }

    #[test]
    fn of_those_who_wait_the_earliest_deadline_comes_first_and_each_gets_its_turn() {
        let now = Instant::now();
        let until = |name: &str, seconds| PoolView {
            deadline: Some(now + Duration::from_secs(seconds)),
            ..pool(name, 0, 0, 3)
        };
        let pools = vec![until("c", 9), until("java", 1), until("python", 5), pool("rust", 0, 0, 3)];
        let snapshot = Snapshot { creators: 5, ..quiet(pools) };
        assert_eq!(plan(&snapshot), ["java", "python", "c", "rust", "java"].map(boot));
    }

    #[test]
    fn who_holds_a_run_slot_gets_on_at_the_cost_of_those_who_wait_for_one() {
        let judging = PoolView { held: 2, ..pool("cpp", 0, 0, 2) };
        let snapshot = full(vec![pool("python", 1, 0, 1), judging]);
        assert_eq!(plan(&snapshot), [expire("python")]);
        // Who holds none does not.
        assert_eq!(plan(&full(vec![pool("python", 1, 0, 1), pool("cpp", 0, 0, 2)])), []);
    }

    #[test]
    fn a_shelf_of_a_fixed_size_gives_up_what_is_too_many_at_once() {
        let outlook = Outlook { is_settled: false, ..Outlook::default() };
        let fixed = PoolView { outlook, ..pool("python", 5, 0, 0) };
        assert_eq!(plan(&quiet(vec![fixed.clone()])), [expire("python")]);
        assert_eq!(plan(&quiet(vec![PoolView { most: 9, ready: 30, ..fixed }])), []);
    }

    #[test]
    fn nobody_waits_for_a_sandbox_that_is_not_coming() {
        let snapshot = Snapshot { creators: 8, ..quiet(vec![pool("python", 0, 1, 3)]) };
        assert!(plan(&snapshot).iter().filter(|action| **action == boot("python")).count() >= 2);
    }

    #[test]
    fn above_the_floor_nothing_is_made_but_on_a_processor_to_spare() {
        let snapshot = quiet(vec![PoolView { size: 8, most: 8, ..pool("python", FLOOR, 0, 0) }]);
        assert_eq!(plan(&snapshot).len(), 2);
        assert_eq!(plan(&Snapshot { spare: 1, ..snapshot.clone() }).len(), 1);
        assert_eq!(plan(&Snapshot { spare: 0, ..snapshot }), []);
    }

    #[test]
    fn the_last_of_a_shelf_is_made_when_it_is_calm() {
        let restless = |size, ready| {
            let pool = PoolView { size, most: size, ..pool("c", ready, 0, 0) };
            Snapshot { calm: 0, ..quiet(vec![pool]) }
        };
        let made = |size, ready| plan(&restless(size, ready)).len();
        assert_eq!((made(9, 3), made(9, 4), made(9, 5)), (2, 1, 0));
        assert_eq!((made(30, 23), made(30, 24)), (1, 0));
        assert_eq!(plan(&Snapshot { calm: 1, ..restless(9, 5) }).len(), 1);
        // What nobody feels does not wait for that.
        let mut light = restless(9, 5);
        light.pools[0].is_light = true;
        assert_eq!(plan(&light).len(), 4);
    }

    #[test]
    fn it_is_calm_on_a_processor_where_nothing_ran_of_late_nor_beside_it() {
        assert_eq!(Busy { running: 1, ..Busy::default() }.calm(2), 0);
        assert_eq!(Busy { ended_of_late: 1, ..Busy::default() }.calm(4), 2);
        assert_eq!(Busy { booting: 1, ..Busy::default() }.calm(2), 1);
    }

    #[test]
    fn a_processor_is_to_spare_when_nothing_runs_nor_has_just_run_on_it() {
        assert_eq!(Busy { running: 1, ..Busy::default() }.spare(2), 1);
        assert_eq!(Busy { running: 1, just_ended: 1, ..Busy::default() }.spare(2), 0);
        assert_eq!(Busy { booting: 1, removing: 2, ..Busy::default() }.spare(2), 0);
    }

    #[test]
    fn the_floor_is_kept_while_programs_run() {
        let snapshot = Snapshot { spare: 0, ..quiet(vec![pool("python", 1, 0, 0)]) };
        assert_eq!(plan(&snapshot), [boot("python")]);
    }

    #[test]
    fn the_floor_is_what_is_used_up_while_one_more_is_made() {
        let outlook = Outlook { rate: 9.0, lead: Duration::from_millis(500), ..Outlook::default() };
        let busy = PoolView { most: 20, outlook, ..pool("python", 4, 0, 0) };
        // A shelf that is not to grow does not, and one that is to be empty stays so.
        let fixed = PoolView { most: 0, ..busy.clone() };
        let none = PoolView { size: 0, ..busy.clone() };
        assert_eq!(floors(&quiet(vec![busy, fixed, none])), [5, 4, 0]);
    }

    #[test]
    fn what_is_to_spare_goes_half_to_all_alike_and_half_to_who_had_the_bursts() {
        let outlook = Outlook { peak: 30.0, ..Outlook::default() };
        let pools = vec![
            PoolView { most: 40, outlook, ..pool("python", 4, 0, 0) },
            PoolView { most: 40, ..pool("c", 4, 0, 0) },
            pool("java", 4, 0, 0),
        ];
        // 40 less 4 at work less 4 each: 24 to spare.
        let mut snapshot = quiet(pools);
        assert_eq!(targets(&snapshot), [4 + 6 + 12, 4 + 6, 4]);
        snapshot.pools[0].most = 12;
        assert_eq!(targets(&snapshot), [12, 10, 4]);
    }

    #[test]
    fn a_hint_is_a_target_and_near_its_time_a_floor() {
        let hinted = |due| {
            let outlook = Outlook { hint: 10, due, ..Outlook::default() };
            quiet(vec![PoolView { outlook, ..pool("python", 4, 0, 0) }])
        };
        assert_eq!(aim(&hinted(0)), [Aim { floor: 2, target: 10 }]);
        assert_eq!(aim(&hinted(10)), [Aim { floor: 10, target: 10 }]);
        let loud = |due| Snapshot { spare: 0, ..hinted(due) };
        assert_eq!((plan(&loud(0)).len(), plan(&loud(10)).len()), (0, 1));
    }

    #[test]
    fn beside_running_programs_a_floor_is_filled_one_boot_at_a_time() {
        let loud =
            |spare, booting| Snapshot { spare, ..quiet(vec![pool("c", 0, booting, 0), pool("python", 0, 0, 0)]) };
        assert_eq!((plan(&loud(0, 0)).len(), plan(&loud(0, 1)).len()), (1, 0));
        assert_eq!((plan(&loud(1, 0)).len(), plan(&loud(1, 1)).len()), (1, 1));
        assert_eq!(plan(&Snapshot { spare: 0, ..quiet(vec![pool("c", 0, 0, 2)]) }).len(), 2, "somebody waits");
    }

    #[test]
    fn what_is_aimed_at_fits_into_the_budget_and_the_floors_come_first() {
        let outlook = Outlook { hint: 30, ..Outlook::default() };
        let pools = vec![PoolView { outlook, ..pool("python", 0, 0, 0) }, pool("c", 0, 0, 0), pool("java", 0, 0, 0)];
        let small = |budget| Snapshot { budget, ..quiet(pools.clone()) };
        assert_eq!((floors(&small(5)), targets(&small(5))), (vec![2, 2, 1], vec![2, 2, 1]));
        assert_eq!((floors(&small(20)), targets(&small(20))), (vec![2; 3], vec![12, 4, 4]));
    }

    #[test]
    fn up_to_the_floor_what_nobody_feels_waits_for_no_processor_and_keeps_none_from_others() {
        let light = PoolView { is_light: true, ..pool("binary", 0, 0, 0) };
        let busy = |pools| Snapshot { spare: 0, ..quiet(pools) };
        let of =
            |name: &str, snapshot: &Snapshot| plan(snapshot).iter().filter(|action| **action == boot(name)).count();
        let snapshot = busy(vec![light.clone(), pool("java", 4, 0, 0)]);
        assert_eq!((of("binary", &snapshot), of("java", &snapshot)), (FLOOR, 0));
        // As many at once as there are creators, four times over, and beside them as ever.
        let deep = PoolView { size: 20, most: 20, ..light };
        assert_eq!(of("binary", &quiet(vec![deep.clone()])), 8);
        assert_eq!(of("binary", &busy(vec![PoolView { waiting: 5, ..deep.clone() }])), 5 + FLOOR);
        let snapshot = quiet(vec![PoolView { waiting: 20, ..deep }, pool("java", 0, 0, 0)]);
        assert_eq!((of("binary", &snapshot), of("java", &snapshot)), (8, 2));
    }

    #[test]
    fn no_more_is_under_way_than_there_are_creators_or_budget() {
        assert_eq!(plan(&quiet(vec![pool("c", 0, 1, 5), pool("python", 0, 0, 5)])).len(), 1);
        assert_eq!(plan(&Snapshot { budget: 9, on_host: 9, dying: 9, ..quiet(vec![pool("c", 0, 0, 5)]) }), []);
    }

    #[test]
    fn an_idle_sandbox_makes_way_for_a_language_that_is_waited_for() {
        let snapshot = full(vec![pool("c", 3, 0, 0), pool("python", 0, 0, 1)]);
        assert_eq!(plan(&snapshot), [expire("c")]);
        // One that is dying already makes room.
        assert_eq!(plan(&Snapshot { dying: 1, budget: 4, on_host: 4, ..snapshot }), []);
    }

    #[test]
    fn idle_sandboxes_make_way_when_the_budget_becomes_smaller() {
        let snapshot = full(vec![pool("c", 4, 0, 0), pool("python", 3, 0, 0)]);
        let smaller = Snapshot { budget: 5, spare: 0, ..snapshot };
        assert_eq!(plan(&smaller), [expire("c"), expire("python")]);
    }

    #[test]
    fn what_is_too_many_goes_on_a_processor_to_spare_when_the_last_burst_is_long_over() {
        let snapshot = quiet(vec![pool("c", 6, 0, 0), pool("python", 4, 0, 0)]);
        assert_eq!(plan(&snapshot), [expire("c")]);
        assert_eq!(plan(&Snapshot { spare: 0, ..snapshot.clone() }), []);
        let mut after_a_burst = snapshot;
        // Of a shelf that may grow: one of a fixed size waits for nothing.
        after_a_burst.pools[0].most = 5;
        after_a_burst.pools[0].outlook.is_settled = false;
        assert_eq!(plan(&after_a_burst), []);
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
