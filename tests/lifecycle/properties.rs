//! What holds for every load, drawn by chance.

use caisson::{
    job::LanguageId,
    pool::{
        demand::Outlook,
        policy::{self, Action, PoolView, Snapshot},
    },
    simulate::{self, Arrival, Brain, Language, Machine, Scenario},
};
use proptest::prelude::*;

/// What can happen to a fleet of two languages. An event that is lost is one that never comes; one that is doubled is
/// looked at twice.
#[derive(Debug, Clone, Copy)]
enum Event {
    Arrives(usize),
    ComesUp(usize),
    Fails(usize),
    Dies(usize),
    IsGone,
    Nothing,
}

const CREATORS: usize = 2;

/// Counts, and nothing else.
#[derive(Debug, Default)]
struct Fleet {
    budget: usize,
    ready: [usize; 2],
    booting: [usize; 2],
    is_light: [bool; 2],
    waiting: [usize; 2],
    dying: usize,
    begun: usize,
    ended: usize,
}

impl Fleet {
    fn on_host(&self) -> usize {
        self.ready.iter().chain(&self.booting).sum::<usize>() + self.dying
    }

    fn under_way(&self, is_light: bool) -> usize {
        self.booting.iter().zip(self.is_light).filter(|(_, is)| *is == is_light).map(|(booting, _)| booting).sum()
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Arrives(language) => self.waiting[language] += 1,
            Event::ComesUp(language) if self.booting[language] > 0 => {
                self.booting[language] -= 1;
                self.ready[language] += 1;
            }
            Event::Fails(language) if self.booting[language] > 0 => {
                self.booting[language] -= 1;
                self.dying += 1;
            }
            Event::Dies(language) if self.ready[language] > 0 => {
                self.ready[language] -= 1;
                self.dying += 1;
            }
            Event::IsGone if self.dying > 0 => {
                self.dying -= 1;
                self.ended += 1;
            }
            Event::ComesUp(_) | Event::Fails(_) | Event::Dies(_) | Event::IsGone | Event::Nothing => {}
        }
        for language in 0..2 {
            // A job takes its sandbox for good.
            let served = self.waiting[language].min(self.ready[language]);
            self.waiting[language] -= served;
            self.ready[language] -= served;
            self.dying += served;
        }
    }

    fn look(&mut self) {
        let view = |language: usize| PoolView {
            held: 0,
            language: LanguageId::new(["c", "python"][language]),
            ready: self.ready[language],
            booting: self.booting[language],
            waiting: self.waiting[language],
            deadline: None,
            size: 2,
            most: 8,
            outlook: Outlook::default(),
            may_try: usize::MAX,
            is_light: self.is_light[language],
        };
        let snapshot = Snapshot {
            pools: vec![view(0), view(1)],
            budget: self.budget,
            on_host: self.on_host(),
            dying: self.dying,
            working: CREATORS,
            creators: CREATORS,
            spare: CREATORS,
            calm: CREATORS,
        };
        for action in policy::plan(&snapshot) {
            let (Action::Boot(name) | Action::Expire(name)) = &action;
            let language = usize::from(name.as_str() == "python");
            match action {
                Action::Boot(_) => {
                    self.booting[language] += 1;
                    self.begun += 1;
                }
                Action::Expire(_) => {
                    self.ready[language] -= 1;
                    self.dying += 1;
                }
            }
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let language = 0..2usize;
    prop_oneof![
        language.clone().prop_map(Event::Arrives),
        language.clone().prop_map(Event::ComesUp),
        language.clone().prop_map(Event::Fails),
        language.prop_map(Event::Dies),
        Just(Event::IsGone),
        Just(Event::Nothing),
    ]
}

proptest! {
    #[test]
    fn the_budget_holds_nothing_is_lost_and_nobody_starves(
        budget in 1..8usize,
        is_light in prop::array::uniform2(any::<bool>()),
        events in prop::collection::vec(event(), 0..200),
    ) {
        let mut fleet = Fleet { budget, is_light, ..Fleet::default() };
        for event in events {
            fleet.happens(event);
            fleet.look();
            fleet.look();
            prop_assert!(fleet.on_host() <= budget, "{fleet:?}");
            for (is_light, most) in [(false, CREATORS), (true, CREATORS * policy::LIGHT_AT_ONCE)] {
                prop_assert!(fleet.under_way(is_light) <= most, "{fleet:?}");
            }
            prop_assert_eq!(fleet.begun, fleet.ended + fleet.on_host());
        }
        // From now on all goes well, and so whoever waits is served, one sandbox each.
        let waiting: usize = fleet.waiting.iter().sum();
        for _ in 0..4 * (waiting + budget) {
            [Event::IsGone, Event::ComesUp(0), Event::ComesUp(1)].into_iter().for_each(|event| fleet.happens(event));
            fleet.look();
        }
        prop_assert_eq!(fleet.waiting, [0, 0], "{:?}", fleet);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn every_job_of_a_day_ends_and_its_machine_keeps_its_budget(
        arrivals in prop::collection::vec((0.0..20.0f64, 0..3usize, 0.001..0.5f64), 1..120),
        budget in 3..32usize,
        brain in prop::sample::select(&Brain::ALL[..]),
    ) {
        let arrivals = arrivals.into_iter().map(|(at, language, cpu)| Arrival { at, language, cpu, patience: 600.0 });
        let mut arrivals = Vec::from_iter(arrivals);
        arrivals.sort_by(|one, other| one.at.total_cmp(&other.at));
        let languages = ["c", "java", "python"].map(|name| Language { name: name.to_owned(), size: 1 });
        let scenario = Scenario { name: "chance".to_owned(), languages: languages.into(), arrivals };
        // Over the budget it panics; a job that is never served would not let it come to an end.
        let outcome = simulate::run(Machine { budget, ..Machine::default() }, &scenario, brain);
        prop_assert_eq!((outcome.jobs, outcome.gave_up), (scenario.arrivals.len(), 0));
    }
}
