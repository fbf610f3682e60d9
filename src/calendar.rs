//! Points in time as people write them: RFC 3339, and lines of a crontab. jiff and cronexpr live here.

use std::time::{Duration, SystemTime};

use cronexpr::{Crontab, MakeTimestamp};
use jiff::{Timestamp, TimestampRound, Unit};

/// The minutes, hours and days at which something is to be; in UTC.
#[derive(Debug, Clone)]
pub struct Cron {
    written: String,
    parsed: Crontab,
}

/// As in `2026-11-28T14:00:00Z`, or in any other zone of time.
///
/// # Errors
/// In words that complete a sentence.
pub fn parse(text: &str) -> Result<SystemTime, String> {
    let parsed = text.parse::<Timestamp>().map(SystemTime::from);
    parsed.map_err(|_| "must be a time as in 2026-11-28T14:00:00Z".to_owned())
}

/// In UTC, to the millisecond.
pub fn format(time: SystemTime) -> String {
    let exact = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    exact.round(TimestampRound::new().smallest(Unit::Millisecond)).unwrap_or(exact).to_string()
}

/// From 1970 to the end of 2023.
const LEAP_YEAR: Duration = Duration::from_secs(1_704_067_199);

impl Cron {
    /// Five columns: minute, hour, day of the month, month, day of the week.
    ///
    /// # Errors
    /// In words that complete a sentence.
    pub fn parse(written: &str) -> Result<Self, String> {
        if written.split_whitespace().count() != 5 {
            let columns = "minute, hour, day of the month, month and day of the week";
            return Err(format!("must have five columns, {columns}, such as `0 14 * * 6`; it is read in UTC"));
        }
        let parsed = cronexpr::parse_crontab(&format!("{written} UTC"));
        let parsed = parsed.map_err(|error| format!("is no line of a crontab: {}", one_line(&error.to_string())))?;
        let cron = Self { written: written.to_owned(), parsed };
        // Four years are looked through, from one in which every date there is comes first.
        let before_all = SystemTime::UNIX_EPOCH + LEAP_YEAR;
        if cron.next_after(before_all).is_none() {
            return Err("names a date that never comes".to_owned());
        }
        Ok(cron)
    }

    /// The next time after this one; none if there never is one.
    pub fn next_after(&self, time: SystemTime) -> Option<SystemTime> {
        let after = Timestamp::try_from(time).ok()?;
        self.parsed.find_next(MakeTimestamp(after)).ok().map(|next| next.timestamp().into())
    }
}

/// Two that are written alike are the same.
impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_any_zone_and_written_in_one() {
        let time = parse("2026-11-28T15:00:00.25+01:00").unwrap();
        assert_eq!(format(time), "2026-11-28T14:00:00.25Z");
        assert_eq!(format(time - Duration::from_micros(250_020)), "2026-11-28T14:00:00Z");
        for text in ["", "tomorrow", "2026-11-28", "2026-11-28T14:00:00"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_crontab_says_when_it_is_next() {
        let cron = Cron::parse("0 14 * * 6").unwrap();
        let next = |text| format(cron.next_after(parse(text).unwrap()).unwrap());
        assert_eq!(next("2026-11-26T01:00:00Z"), "2026-11-28T14:00:00Z");
        assert_eq!(next("2026-11-28T14:00:00Z"), "2026-12-05T14:00:00Z");
    }

    #[test]
    fn what_is_no_crontab_is_told() {
        assert!(Cron::parse("0 14 * *").unwrap_err().starts_with("must have five columns"));
        assert!(Cron::parse("0 14 * * 6 Asia/Tokyo").unwrap_err().starts_with("must have five columns"));
        let told = Cron::parse("61 14 * * 6").unwrap_err();
        assert!(told.starts_with("is no line of a crontab: ") && !told.contains('\n'), "{told}");
    }

    #[test]
    fn a_date_that_never_comes_is_a_fault_and_a_rare_one_is_not() {
        assert_eq!(Cron::parse("0 0 30 2 *").unwrap_err(), "names a date that never comes");
        assert!(Cron::parse("0 0 29 2 *").is_ok());
    }
}
