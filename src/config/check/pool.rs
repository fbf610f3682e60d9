//! `[pool]`.

use std::time::Duration;

use super::notes::Notes;
use crate::{
    calendar::Cron,
    config::{
        Pool, Schedule,
        raw::{RawPool, RawSchedule},
    },
    job::LanguageId,
};

/// A shelf that is to be full for longer has the wrong size.
const LONGEST_HOLD_MS: u64 = 24 * 3600 * 1000;
/// Uids below belong to people and services of ordinary systems.
const LEAST_UID: u64 = 10_000;

pub(super) fn check(raw: RawPool, cores: usize, notes: &mut Notes<'_>) -> Pool {
    let RawPool {
        owner,
        budget,
        sizes: _,
        most_ready,
        memory_reserve_bytes,
        schedules,
        creators,
        run_slots,
        queue,
        queue_patience_ms,
        cpus,
        uid_base,
        boot_patience_ms,
        recycle_after_ms,
        compile_cache_bytes,
    } = raw;
    // It becomes part of the names of containers.
    let fits = (1..=40).contains(&owner.len())
        && owner.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !owner.starts_with('-');
    if !fits {
        notes.add("pool.owner", "must be 1 to 40 lower-case letters, digits and `-`, and not begin with `-`");
    }
    notes.within("pool.budget", budget, 1, 4096);
    notes.within("pool.most_ready", most_ready, 0, 4096);
    notes.within("pool.creators", creators, 0, 256);
    notes.within("pool.run_slots", run_slots, 0, 4096);
    notes.within("pool.queue", queue, 1, 100_000);
    if !(cpus == 0.0 || (0.1..=cores as f64).contains(&cpus)) {
        let problem = format!("must be 0 (no bound) or from 0.1 to the {cores} processors that there are, is {cpus}");
        notes.add("pool.cpus", problem);
    }
    // Two for each sandbox, below the sign bit.
    notes.within("pool.uid_base", uid_base, LEAST_UID, (1 << 31) - 2 * budget.min(4096) - 1);
    notes.at_least("pool.boot_patience_ms", boot_patience_ms, 100);
    notes.at_least("pool.recycle_after_ms", recycle_after_ms, 1000);
    let schedules = schedules.into_iter().enumerate();
    let schedules = schedules.filter_map(|(index, schedule)| check_schedule(index, schedule, budget, notes)).collect();
    let or_cores = |number: u64| if number == 0 { cores } else { number as usize };
    Pool {
        owner,
        budget: budget as usize,
        most_ready: most_ready as usize,
        memory_reserve_bytes,
        schedules,
        creators: or_cores(creators),
        run_slots: match run_slots {
            // Left to us: as many as there are processors, as far as the budget goes.
            0 => cores.min((budget as usize).saturating_sub(1)).max(1),
            slots => slots as usize,
        },
        queue: queue as usize,
        queue_patience: Duration::from_millis(queue_patience_ms),
        cpus: if cpus == 0.0 { cores as f64 } else { cpus },
        uid_base: uid_base as u32,
        boot_patience: Duration::from_millis(boot_patience_ms),
        recycle_after: Duration::from_millis(recycle_after_ms),
        compile_cache_bytes: usize::try_from(compile_cache_bytes).unwrap_or(usize::MAX),
    }
}

fn check_schedule(index: usize, raw: RawSchedule, budget: u64, notes: &mut Notes<'_>) -> Option<Schedule> {
    let RawSchedule { language, cron, size, hold_ms } = raw;
    let place = format!("pool.schedules[{index}]");
    notes.within(&format!("{place}.size"), size, 1, budget);
    notes.within(&format!("{place}.hold_ms"), hold_ms, 1, LONGEST_HOLD_MS);
    let cron = notes.parsed(&format!("{place}.cron"), Cron::parse(&cron))?;
    let language = LanguageId::new(&language);
    Some(Schedule { language, cron, size: size as usize, hold: Duration::from_millis(hold_ms) })
}
