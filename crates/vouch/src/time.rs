//! Dates of credentials: UTC in whole seconds, `2026-11-24T01:16:06Z`.
//!
//! The data model allows offsets and fractions. A vouch uses neither, so that two readers can't round
//! a date differently; both are refused, not guessed.

use comity_did::webvh::VersionTime;

use crate::limits::LAST_SECOND;

/// Reads a date as seconds since 1970 UTC. `None` for any other spelling and for dates before 1970.
///
/// # Spec
/// Verifiable Credentials Data Model 2.0 §"Validity Period", §"Representing Time"; RFC 3339 §5.6.
pub(crate) fn read(text: &str) -> Option<u64> {
    let is_plain = text.len() == LENGTH && text.ends_with('Z');
    let time = VersionTime::parse(text).filter(|_| is_plain)?;
    u64::try_from(time.seconds()).ok()
}

/// Writes a date. `None` beyond the year 9999.
pub(crate) fn write(seconds: u64) -> Option<String> {
    if seconds > LAST_SECOND {
        return None;
    }
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}

/// The date of the Gregorian calendar so many days after 1970-01-01: eras of four hundred years,
/// which start in March so that a leap day is the last of its year.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = if months_since_march < 10 {
        months_since_march + 3
    } else {
        months_since_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

const LENGTH: usize = "2026-11-24T01:16:06Z".len();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_until_9999_reads_as_it_was_written() {
        for day in 0..=LAST_SECOND / 86_400 {
            let seconds = day * 86_400 + day % 86_400;
            assert_eq!(read(&write(seconds).unwrap()), Some(seconds));
        }
        assert_eq!(write(LAST_SECOND).unwrap(), "9999-12-31T23:59:59Z");
        assert_eq!(write(LAST_SECOND + 1), None);
        assert_eq!(write(1_795_482_966).unwrap(), "2026-11-24T01:16:06Z");
    }

    #[test]
    fn other_spellings_are_no_dates() {
        for text in [
            "2026-11-24T01:16:06+00:00",
            "2026-11-24T01:16:06.5Z",
            "2026-11-24T01:16:06",
            "2026-11-24 01:16:06Z",
            "2026-02-30T01:16:06Z",
            "1969-12-31T23:59:59Z",
            "2026-11-24T24:00:00Z",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
