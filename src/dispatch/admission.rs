//! Brings together who waits, the run slots and the ready sandboxes.
//!
//! A job begins when there are both a run slot and a sandbox of its language, and whoever has only to wait for a sandbox
//! holds no slot meanwhile: it lets others pass whose sandboxes are ready. So there is one line, whatever is waited for.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tracing::{Instrument, field::Empty, info_span};

use super::{
    Refusal, Saturation,
    line::{Demand, Line, Ticket, Waiting},
    pace::Pace,
};
use crate::{
    job::{Claim, ClientId, LanguageId, Priority, Standing},
    observe::{self, ClaimEnd, Observer, TRACE},
    pool::{Fleet, Lease},
};

#[derive(Debug)]
pub(super) struct Admission {
    capacity: usize,
    slots: usize,
    patience: Duration,
    fleet: Arc<Fleet>,
    observer: Arc<dyn Observer>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    line: Line<Waiter>,
    free_slots: usize,
    pace: Pace,
    /// What the fleet was told last.
    told: BTreeMap<LanguageId, Demand>,
}

#[derive(Debug)]
struct Waiter {
    answer: oneshot::Sender<Answer>,
    turn_has_come: Option<oneshot::Sender<()>>,
    since: Instant,
    /// Since when only a sandbox is lacking.
    turn: Option<Instant>,
}

/// All that a job needs to begin.
#[derive(Debug)]
pub(super) struct Admitted {
    pub lease: Lease,
    pub claim: Claim,
    /// How long it waited for its turn, and then for a sandbox.
    pub queue: Duration,
    pub claimed: Duration,
    // Last: the sandbox goes before the next job comes.
    pub slot: RunSlot,
}

/// The right to run.
#[derive(Debug)]
pub(super) struct RunSlot {
    admission: Arc<Admission>,
    client: ClientId,
    language: LanguageId,
    since: Instant,
}

/// A place in the line; whoever drops it waits no more.
struct Place<'a> {
    admission: &'a Arc<Admission>,
    ticket: Ticket,
    /// How the wait for a sandbox ended, should it have come to that.
    end: ClaimEnd,
}

/// Ready sandboxes of each language that batch jobs leave for whoever is in more of a hurry.
const KEPT_FROM_BATCH: usize = 1;

/// Run slots' worth of jobs that sandboxes are made for at once.
const SOON: usize = 2;

/// What a client is told at the least and at the most, of when to come back.
const RETRY: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

impl Admission {
    /// `patience`: how long a job may wait, even if its deadline is later.
    pub fn new(
        slots: usize,
        capacity: usize,
        patience: Duration,
        fleet: Arc<Fleet>,
        observer: Arc<dyn Observer>,
    ) -> Arc<Self> {
        observer.run_slots(slots);
        observer.run_slots_in_use(0);
        observer.queue_capacity(capacity);
        let (line, pace, told) = (Line::new(), Pace::default(), BTreeMap::new());
        let state = Mutex::new(State { line, free_slots: slots, pace, told });
        let admission = Arc::new(Self { capacity, slots, patience, fleet, observer, state });
        tokio::spawn(Arc::clone(&admission).follow());
        admission
    }

    /// Waits for a run slot and a sandbox.
    pub async fn enter(
        self: &Arc<Self>,
        standing: &Standing,
        language: &LanguageId,
        deadline: Instant,
    ) -> Result<Admitted, Refusal> {
        let since = Instant::now();
        let until = deadline.min(since + self.patience);
        let (answer, mut answered) = oneshot::channel();
        let (turn_has_come, turn) = oneshot::channel();
        let waiter = Waiter { answer, turn_has_come: Some(turn_has_come), since, turn: None };
        let ticket = {
            let mut state = self.lock();
            let state = &mut *state;
            let is_at_once = self.can_begin_at_once(state, standing, language);
            if !is_at_once {
                self.check(state, standing, deadline, until, since)?;
            }
            state.line.join(standing, language, deadline, waiter)
        };
        let mut place = Place { admission: self, ticket, end: ClaimEnd::Abandoned };
        self.match_up();
        match timeout_at(until, wait(turn, &mut answered, language)).await {
            Ok(Ok(answer)) => answer,
            // Nobody answers any more.
            Ok(Err(_)) => Err(Refusal::Draining),
            Err(_) => {
                place.end = ClaimEnd::Timeout;
                drop(place);
                // It may have come in the moment in which the time was up.
                if let Ok(answer) = answered.try_recv() {
                    return answer;
                }
                let retry_after = self.retry_after(&self.lock());
                Err(Refusal::Saturated { why: Saturation::Expired, retry_after })
            }
        }
    }

    /// A slot that nobody waits for, if there is any.
    pub fn spare_slot(self: &Arc<Self>, client: &ClientId, language: &LanguageId) -> Option<RunSlot> {
        let mut state = self.lock();
        let is_spare = state.line.is_empty() && state.free_slots > 0;
        is_spare.then(|| {
            state.line.has_begun(client, language);
            self.take_slot(&mut state, client, language)
        })
    }

    /// Whether a job waits.
    pub fn is_crowded(&self) -> bool {
        !self.lock().line.is_empty()
    }

    pub fn waiting(&self) -> usize {
        self.lock().line.len()
    }

    pub fn slots_in_use(&self) -> usize {
        self.slots - self.lock().free_slots
    }

    /// Sandboxes come to the shelves without being asked for by anybody here.
    async fn follow(self: Arc<Self>) {
        while self.fleet.shelved().await {
            self.match_up();
        }
    }

    fn can_begin_at_once(&self, state: &State, standing: &Standing, language: &LanguageId) -> bool {
        // With a slot free, all who wait lack a sandbox.
        let before = state.line.of_language(language).len();
        state.free_slots > 0 && self.fleet.ready(language) > self.kept_from(standing.priority) + before
    }

    /// Whether there is any use in waiting.
    fn check(
        &self,
        state: &State,
        standing: &Standing,
        deadline: Instant,
        until: Instant,
        now: Instant,
    ) -> Result<(), Refusal> {
        // With a slot free it is a sandbox that is waited for, and not one's turn.
        if state.line.len() >= self.capacity + state.free_slots {
            return Err(Refusal::Saturated { why: Saturation::QueueFull, retry_after: self.retry_after(state) });
        }
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            return Err(Refusal::Saturated { why: Saturation::Hopeless, retry_after: self.retry_after(state) });
        }
        let wait = state.pace.wait(state.line.ahead(standing, deadline), now);
        match wait.filter(|wait| *wait > left) {
            Some(wait) => {
                let retry_after = (wait - left).clamp(*RETRY.start(), *RETRY.end());
                Err(Refusal::Saturated { why: Saturation::Hopeless, retry_after })
            }
            None => Ok(()),
        }
    }

    /// Until about half of the line has begun.
    fn retry_after(&self, state: &State) -> Duration {
        let wait = state.pace.wait(state.line.len() / 2, Instant::now()).unwrap_or_default();
        wait.clamp(*RETRY.start(), *RETRY.end())
    }

    /// Lets begin whoever can.
    fn match_up(self: &Arc<Self>) {
        let mut state = self.lock();
        self.send_away(&mut state);
        let undelivered = self.begin(&mut state);
        self.take_turns(&mut state);
        self.tell(&mut state);
        drop(state);
        // Only now: each gives its slot back, and that comes here again.
        drop(undelivered);
    }

    /// Where sandboxes do not come up, nobody waits for one.
    fn send_away(&self, state: &mut State) {
        for language in state.line.demand().into_keys() {
            let Some(retry_after) = self.fleet.hopeless(&language) else { continue };
            for ticket in state.line.of_language(&language) {
                let Some(waiting) = state.line.leave(ticket) else { continue };
                self.tell_waits(&waiting, ClaimEnd::Error);
                let _ = waiting.what.answer.send(Err(Refusal::EngineUnavailable { retry_after }));
            }
        }
    }

    /// Those whose client was gone before it could be told.
    fn begin(self: &Arc<Self>, state: &mut State) -> Vec<Answer> {
        let mut undelivered = Vec::new();
        let kept_from_batch = self.kept_from(Priority::Batch);
        let mut ready: BTreeMap<LanguageId, usize> =
            state.line.demand().into_keys().map(|language| (language.clone(), self.fleet.ready(&language))).collect();
        while state.free_slots > 0 {
            let has_sandbox = |waiting: &Waiting<Waiter>| {
                let kept = if waiting.standing.priority == Priority::Batch { kept_from_batch } else { 0 };
                ready.get(&waiting.language).copied().unwrap_or(0) > kept
            };
            let Some(ticket) = state.line.next(has_sandbox) else { break };
            let Some(language) = state.line.get(ticket).map(|waiting| waiting.language.clone()) else { break };
            let Some((lease, asked_for)) = self.fleet.take(&language) else {
                // Whatever was there had died.
                ready.insert(language, 0);
                continue;
            };
            if let Some(count) = ready.get_mut(&language) {
                *count -= 1;
            }
            let Some(waiting) = state.line.begin(ticket) else { break };
            let now = Instant::now();
            state.pace.begun(now, !state.line.is_empty());
            let Waiter { since, turn, .. } = waiting.what;
            let claim = match turn {
                None => Claim::Warm,
                Some(turn) if asked_for < turn => Claim::Late,
                Some(_) => Claim::Cold,
            };
            self.tell_waits(&waiting, claim.into());
            let slot = self.take_slot(state, &waiting.standing.client, &language);
            let turn = turn.unwrap_or(now);
            let admitted = Admitted { slot, lease, claim, queue: turn - since, claimed: now - turn };
            undelivered.extend(waiting.what.answer.send(Ok(admitted)).err());
        }
        undelivered
    }

    /// From here on it is a sandbox that they wait for.
    fn take_turns(&self, state: &mut State) {
        if state.free_slots == 0 || state.line.is_empty() {
            return;
        }
        let now = Instant::now();
        for waiting in state.line.first(state.free_slots) {
            waiting.what.turn.get_or_insert(now);
            if let Some(turn_has_come) = waiting.what.turn_has_come.take() {
                let _ = turn_has_come.send(());
            }
        }
    }

    /// The fleet makes what is lacking, for whoever has the earliest deadline first.
    fn tell(&self, state: &mut State) {
        if state.line.is_empty() {
            state.pace.emptied();
        }
        let demand = state.line.demand();
        if demand == state.told {
            return;
        }
        for language in std::mem::take(&mut state.told).into_keys() {
            if !demand.contains_key(&language) {
                self.fleet.wanted(&language, 0, None);
            }
        }
        for (language, Demand { interactive, batch, earliest }) in &demand {
            let kept = if *batch > 0 { KEPT_FROM_BATCH } else { 0 };
            // No more than can begin soon: a long line of one language is not to empty the shelves of all others.
            let soon = (interactive + batch).min(SOON * self.slots);
            self.fleet.wanted(language, soon + kept, *earliest);
        }
        for priority in [Priority::Interactive, Priority::Batch] {
            self.observer.queue_length(priority.into(), state.line.count(priority));
        }
        state.told = demand;
    }

    fn take_slot(self: &Arc<Self>, state: &mut State, client: &ClientId, language: &LanguageId) -> RunSlot {
        state.free_slots -= 1;
        self.observer.run_slots_in_use(self.slots - state.free_slots);
        let (client, language) = (client.clone(), language.clone());
        RunSlot { admission: Arc::clone(self), client, language, since: Instant::now() }
    }

    fn tell_waits(&self, waiting: &Waiting<Waiter>, end: ClaimEnd) {
        let Waiter { since, turn, .. } = &waiting.what;
        let now = Instant::now();
        // Who began at once had its turn and its sandbox in the same moment.
        let turn = turn.or_else(|| (end == ClaimEnd::Warm).then_some(now));
        self.observer.queue_waited(waiting.standing.priority.into(), turn.unwrap_or(now) - *since);
        if let Some(turn) = turn {
            self.observer.claim_finished(&waiting.language, end, now - turn);
        }
    }

    /// What is on a shelf and not for jobs of this priority. Where there is nothing but shelves, and no room, none could
    /// ever be added to what is kept.
    fn kept_from(&self, priority: Priority) -> usize {
        match priority {
            Priority::Batch if !self.fleet.is_full_of_idle() => KEPT_FROM_BATCH,
            Priority::Interactive | Priority::Batch => 0,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Answer = Result<Admitted, Refusal>;

/// Two spans: until its turn came, and until there was a sandbox.
async fn wait(
    turn: oneshot::Receiver<()>,
    answered: &mut oneshot::Receiver<Answer>,
    language: &LanguageId,
) -> Result<Answer, oneshot::error::RecvError> {
    let for_turn = async {
        tokio::select! {
            biased;
            answer = &mut *answered => Some(answer),
            _ = turn => None,
        }
    };
    let answer = for_turn.instrument(info_span!(target: TRACE, "queue")).await;
    let span = info_span!(target: TRACE, "claim", %language, claim = Empty);
    let answer = match answer {
        Some(answer) => answer,
        None => answered.instrument(span.clone()).await,
    };
    if let Ok(Ok(admitted)) = &answer {
        span.record("claim", ClaimEnd::from(admitted.claim).label());
    }
    answer
}

impl From<Priority> for observe::Line {
    fn from(priority: Priority) -> Self {
        match priority {
            Priority::Interactive => Self::Interactive,
            Priority::Batch => Self::Batch,
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        let Some(left) = state.line.leave(self.ticket) else { return };
        self.admission.tell_waits(&left, self.end);
        drop(state);
        // It may have been the turn of this one.
        self.admission.match_up();
    }
}

impl Drop for RunSlot {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        state.free_slots += 1;
        state.line.has_ended(&self.client, &self.language, self.since.elapsed());
        self.admission.observer.run_slots_in_use(self.admission.slots - state.free_slots);
        drop(state);
        self.admission.match_up();
    }
}
