//! Who comes next: a pure decision over everybody who waits.
//!
//! Whoever has the better priority comes first. Within it clients take turns, and so do the languages of one client; of jobs
//! of one client in one language, the one with the earliest deadline comes first. A turn goes to whoever has fewer jobs
//! running, then to whoever has held run slots for less time: a client of long jobs gets fewer of them.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use tokio::time::Instant;

use crate::job::{ClientId, LanguageId, Priority, Standing};

/// Everybody who waits, each with a `T`, and what they have had so far.
#[derive(Debug)]
pub struct Line<T> {
    waiting: Vec<Waiting<T>>,
    shares: HashMap<Holder, Share>,
    next: Ticket,
}

/// In order of arrival.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug)]
pub struct Waiting<T> {
    ticket: Ticket,
    pub standing: Standing,
    pub language: LanguageId,
    pub deadline: Instant,
    pub what: T,
}

/// Between whom turns are taken: all clients, and the languages of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Holder {
    client: ClientId,
    language: Option<LanguageId>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    waiting: usize,
    running: usize,
    held: Duration,
}

/// What waits for one language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    pub interactive: usize,
    pub batch: usize,
    /// When the first of them gives up.
    pub earliest: Option<Instant>,
}

impl<T> Line<T> {
    pub fn new() -> Self {
        Self { waiting: Vec::new(), shares: HashMap::new(), next: Ticket::default() }
    }

    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn count(&self, priority: Priority) -> usize {
        self.waiting.iter().filter(|waiting| waiting.standing.priority == priority).count()
    }

    pub fn join(&mut self, standing: &Standing, language: &LanguageId, deadline: Instant, what: T) -> Ticket {
        let ticket = self.next;
        self.next = Ticket(ticket.0 + 1);
        for holder in holders(&standing.client, language) {
            self.catch_up(&holder);
            self.shares.entry(holder).or_default().waiting += 1;
        }
        let (standing, language) = (standing.clone(), language.clone());
        self.waiting.push(Waiting { ticket, standing, language, deadline, what });
        ticket
    }

    /// Out of the line, to run.
    pub fn begin(&mut self, ticket: Ticket) -> Option<Waiting<T>> {
        let begun = self.leave(ticket)?;
        self.runs(&begun.standing.client, &begun.language);
        Some(begun)
    }

    /// Out of the line, to wait no more.
    pub fn leave(&mut self, ticket: Ticket) -> Option<Waiting<T>> {
        let index = self.waiting.iter().position(|waiting| waiting.ticket == ticket)?;
        let left = self.waiting.swap_remove(index);
        for holder in holders(&left.standing.client, &left.language) {
            self.share(&holder).waiting -= 1;
        }
        Some(left)
    }

    /// One that had not to wait.
    pub fn has_begun(&mut self, client: &ClientId, language: &LanguageId) {
        holders(client, language).iter().for_each(|holder| self.catch_up(holder));
        self.runs(client, language);
    }

    fn runs(&mut self, client: &ClientId, language: &LanguageId) {
        holders(client, language).iter().for_each(|holder| self.share(holder).running += 1);
    }

    pub fn has_ended(&mut self, client: &ClientId, language: &LanguageId, held: Duration) {
        for holder in holders(client, language) {
            let share = self.share(&holder);
            share.running = share.running.saturating_sub(1);
            share.held += held;
        }
    }

    /// The first of those who can begin now.
    pub fn next(&self, can_begin: impl Fn(&Waiting<T>) -> bool) -> Option<Ticket> {
        self.best(|waiting| can_begin(waiting)).map(|waiting| waiting.ticket)
    }

    /// Those whose turn it is while so many run slots are free, whether there is a sandbox for them or not.
    pub fn first(&mut self, most: usize) -> impl Iterator<Item = &mut Waiting<T>> {
        let mut first: Vec<Ticket> = Vec::new();
        while first.len() < most
            && let Some(next) = self.best(|waiting| !first.contains(&waiting.ticket))
        {
            first.push(next.ticket);
        }
        self.waiting.iter_mut().filter(move |waiting| first.contains(&waiting.ticket))
    }

    pub fn get(&self, ticket: Ticket) -> Option<&Waiting<T>> {
        self.waiting.iter().find(|waiting| waiting.ticket == ticket)
    }

    pub fn of_language(&self, language: &LanguageId) -> Vec<Ticket> {
        self.waiting.iter().filter(|waiting| waiting.language == *language).map(|waiting| waiting.ticket).collect()
    }

    /// How many would begin before one that joined now, as far as that can be known.
    pub fn ahead(&self, standing: &Standing, deadline: Instant) -> usize {
        let mut own = 0;
        let mut better = 0;
        let mut others: HashMap<&ClientId, usize> = HashMap::new();
        for waiting in &self.waiting {
            let Standing { client, priority } = &waiting.standing;
            if *priority < standing.priority {
                better += 1;
            } else if *priority == standing.priority {
                if *client != standing.client {
                    *others.entry(client).or_default() += 1;
                } else if waiting.deadline <= deadline {
                    own += 1;
                }
            }
        }
        // Each other client has its turn as often as this one has.
        better + own + others.values().map(|count| (*count).min(own + 1)).sum::<usize>()
    }

    pub fn demand(&self) -> BTreeMap<LanguageId, Demand> {
        let mut all: BTreeMap<LanguageId, Demand> = BTreeMap::new();
        for waiting in &self.waiting {
            let demand = all.entry(waiting.language.clone()).or_default();
            match waiting.standing.priority {
                Priority::Interactive => demand.interactive += 1,
                Priority::Batch => demand.batch += 1,
            }
            demand.earliest = Some(demand.earliest.map_or(waiting.deadline, |known| known.min(waiting.deadline)));
        }
        all
    }

    /// The client first, then one of its languages, then one of its jobs: what one client's language has had is no
    /// measure for another's.
    fn best(&self, of: impl Fn(&Waiting<T>) -> bool) -> Option<&Waiting<T>> {
        let had = |holder: &Holder| {
            let Share { running, held, .. } = self.shares.get(holder).copied().unwrap_or_default();
            (running, held)
        };
        let of_client = |waiting: &Waiting<T>| {
            let [client, _] = holders(&waiting.standing.client, &waiting.language);
            (waiting.standing.priority, had(&client), waiting.deadline, waiting.ticket)
        };
        let of_language = |waiting: &Waiting<T>| {
            let [_, language] = holders(&waiting.standing.client, &waiting.language);
            (had(&language), waiting.deadline, waiting.ticket)
        };
        let all = || self.waiting.iter().filter(|waiting| of(waiting));
        let turn = &all().min_by_key(|waiting| of_client(waiting))?.standing;
        all().filter(|waiting| waiting.standing == *turn).min_by_key(|waiting| of_language(waiting))
    }

    fn share(&mut self, holder: &Holder) -> &mut Share {
        self.shares.entry(holder.clone()).or_default()
    }

    /// Who was away has no claim to the time that the others had meanwhile. When all were away there is nothing to settle.
    fn catch_up(&mut self, holder: &Holder) {
        let is_active = |share: &Share| share.waiting + share.running > 0;
        if self.shares.get(holder).is_some_and(is_active) {
            return;
        }
        let beside = |other: &Holder| match holder.language {
            None => other.language.is_none(),
            Some(_) => other.language.is_some() && other.client == holder.client,
        };
        let least = self.shares.iter().filter(|(other, share)| beside(other) && is_active(share));
        let Some(least) = least.map(|(_, share)| share.held).min() else {
            let all = self.shares.iter_mut().filter(|(other, _)| beside(other));
            all.for_each(|(_, share)| share.held = Duration::ZERO);
            return;
        };
        let share = self.share(holder);
        share.held = share.held.max(least);
    }
}

fn holders(client: &ClientId, language: &LanguageId) -> [Holder; 2] {
    [None, Some(language.clone())].map(|language| Holder { client: client.clone(), language })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        line: Line<&'static str>,
        now: Instant,
    }

    fn standing(client: &str, priority: Priority) -> Standing {
        Standing { client: ClientId::new(client), priority }
    }

    impl Scene {
        fn new() -> Self {
            Self { line: Line::new(), now: Instant::now() }
        }

        fn join(&mut self, name: &'static str, client: &str, language: &str, priority: Priority, in_seconds: u64) {
            let deadline = self.now + Duration::from_secs(in_seconds);
            self.line.join(&standing(client, priority), &LanguageId::new(language), deadline, name);
        }

        /// Lets each run for a second, one at a time; tells in which order.
        fn order(&mut self) -> Vec<&'static str> {
            let mut order = Vec::new();
            while let Some(ticket) = self.line.next(|_| true) {
                let begun = self.line.begin(ticket).unwrap();
                self.line.has_ended(&begun.standing.client, &begun.language, Duration::from_secs(1));
                order.push(begun.what);
            }
            order
        }
    }

    use Priority::{Batch, Interactive};

    #[test]
    fn the_earliest_deadline_comes_first_within_a_priority() {
        let mut scene = Scene::new();
        scene.join("batch", "", "c", Batch, 1);
        scene.join("late", "", "c", Interactive, 9);
        scene.join("soon", "", "c", Interactive, 3);
        assert_eq!(scene.order(), ["soon", "late", "batch"]);
    }

    #[test]
    fn with_the_same_deadline_it_is_arrival() {
        let mut scene = Scene::new();
        for name in ["first", "second", "third"] {
            scene.join(name, "", "c", Interactive, 5);
        }
        assert_eq!(scene.order(), ["first", "second", "third"]);
    }

    #[test]
    fn a_client_with_many_jobs_keeps_no_other_waiting() {
        let mut scene = Scene::new();
        for name in ["a1", "a2", "a3", "a4"] {
            scene.join(name, "a", "c", Interactive, 1);
        }
        scene.join("b1", "b", "c", Interactive, 50);
        scene.join("b2", "b", "c", Interactive, 50);
        assert_eq!(scene.order(), ["a1", "b1", "a2", "b2", "a3", "a4"]);
    }

    #[test]
    fn so_does_no_language() {
        let mut scene = Scene::new();
        for name in ["c1", "c2", "c3"] {
            scene.join(name, "", "c", Interactive, 1);
        }
        scene.join("java", "", "java", Interactive, 50);
        assert_eq!(scene.order(), ["c1", "java", "c2", "c3"]);
    }

    #[test]
    fn who_runs_already_comes_after_who_does_not() {
        let mut scene = Scene::new();
        scene.line.has_begun(&ClientId::new("a"), &LanguageId::new("c"));
        scene.join("a", "a", "c", Interactive, 1);
        scene.join("b", "b", "c", Interactive, 9);
        assert_eq!(scene.order(), ["b", "a"]);
    }

    #[test]
    fn long_jobs_are_paid_for() {
        let mut scene = Scene::new();
        scene.join("a0", "a", "c", Interactive, 1);
        scene.join("b0", "b", "c", Interactive, 1);
        for (client, seconds) in [("a", 10), ("b", 1)] {
            scene.line.has_begun(&ClientId::new(client), &LanguageId::new("c"));
            scene.line.has_ended(&ClientId::new(client), &LanguageId::new("c"), Duration::from_secs(seconds));
        }
        scene.join("a1", "a", "c", Interactive, 1);
        scene.join("b1", "b", "c", Interactive, 1);
        assert_eq!(scene.order(), ["b0", "b1", "a0", "a1"]);
    }

    #[test]
    fn who_was_away_has_saved_nothing() {
        let mut scene = Scene::new();
        scene.join("a0", "a", "c", Interactive, 1);
        for _ in 0..100 {
            scene.line.has_begun(&ClientId::new("a"), &LanguageId::new("c"));
            scene.line.has_ended(&ClientId::new("a"), &LanguageId::new("c"), Duration::from_secs(1));
        }
        for name in ["b1", "b2", "b3"] {
            scene.join(name, "b", "c", Interactive, 5);
        }
        scene.join("a1", "a", "c", Interactive, 1);
        let order = scene.order();
        let of_b_before_a = order.iter().take_while(|name| name.starts_with('b')).count();
        assert!(of_b_before_a <= 1, "{order:?}");
    }

    #[test]
    fn when_all_were_away_nobody_owes_anything() {
        let mut scene = Scene::new();
        scene.join("long", "a", "c", Interactive, 1);
        let ticket = scene.line.next(|_| true).unwrap();
        scene.line.begin(ticket);
        scene.line.has_ended(&ClientId::new("a"), &LanguageId::new("c"), Duration::from_secs(80_000));
        for (name, client) in [("b1", "b"), ("a1", "a"), ("b2", "b"), ("a2", "a")] {
            scene.join(name, client, "c", Interactive, 5);
        }
        assert_eq!(scene.order(), ["b1", "a1", "b2", "a2"]);
    }

    #[test]
    fn who_waited_keeps_what_that_was_worth() {
        let mut scene = Scene::new();
        scene.join("a1", "a", "c", Interactive, 1);
        scene.join("b1", "b", "c", Interactive, 1);
        scene.line.has_begun(&ClientId::new("a"), &LanguageId::new("c"));
        scene.line.has_ended(&ClientId::new("a"), &LanguageId::new("c"), Duration::from_secs(5));
        // The only one of b's: it does not catch up with a for having no other behind it.
        let ticket = scene.line.next(|_| true).unwrap();
        assert_eq!(scene.line.begin(ticket).unwrap().what, "b1");
        scene.line.has_ended(&ClientId::new("b"), &LanguageId::new("c"), Duration::from_secs(1));
        scene.join("b2", "b", "c", Interactive, 9);
        assert_eq!(scene.order(), ["a1", "b2"]);
    }

    #[test]
    fn a_job_without_a_sandbox_lets_others_pass() {
        let mut scene = Scene::new();
        scene.join("java", "", "java", Interactive, 1);
        scene.join("c", "", "c", Interactive, 9);
        let next = scene.line.next(|waiting| waiting.language.as_str() == "c").unwrap();
        assert_eq!(scene.line.get(next).unwrap().what, "c");
        assert_eq!(scene.line.first(1).map(|waiting| waiting.what).collect::<Vec<_>>(), ["java"]);
    }

    #[test]
    fn what_is_ahead_counts_other_clients_turn_by_turn() {
        let mut scene = Scene::new();
        for _ in 0..5 {
            scene.join("a", "a", "c", Interactive, 5);
        }
        scene.join("b", "b", "c", Interactive, 5);
        scene.join("batch", "a", "c", Batch, 5);
        let deadline = scene.now + Duration::from_secs(5);
        let ahead = |client, priority| scene.line.ahead(&standing(client, priority), deadline);
        assert_eq!(ahead("a", Interactive), 5 + 1);
        assert_eq!(ahead("b", Interactive), 1 + 2);
        assert_eq!(ahead("new", Interactive), 1 + 1);
        assert_eq!(ahead("new", Batch), 6 + 1);
    }

    #[test]
    fn demand_tells_how_many_wait_and_until_when() {
        let mut scene = Scene::new();
        scene.join("x", "", "c", Interactive, 5);
        scene.join("y", "", "c", Batch, 2);
        let earliest = Some(scene.now + Duration::from_secs(2));
        let demand = scene.line.demand();
        assert_eq!(demand.get(&LanguageId::new("c")), Some(&Demand { interactive: 1, batch: 1, earliest }));
        assert_eq!(demand.len(), 1);
    }
}
