//! The times of a history.

use std::fmt;

/// A point in time in UTC, as entries and queries write it: `2025-01-23T04:12:36Z`, with up to nine
/// decimals and `Z` or `+00:00`. Keeps its text; compares by the time.
///
/// # Spec
/// did:webvh 1.0 §"The DID Log File", §"Read (Resolve)" step 4; conformance VH-03.
#[derive(Clone, Debug)]
pub struct VersionTime {
    text: String,
    seconds: i64,
    nanoseconds: u32,
}

impl VersionTime {
    /// Reads a time. `None` if it is malformed, not in UTC, or no time of the calendar.
    pub fn parse(text: &str) -> Option<Self> {
        let local = text
            .strip_suffix('Z')
            .or_else(|| text.strip_suffix("+00:00"))?;
        let (whole, decimals) = match local.split_once('.') {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (local, None),
        };
        let (date, time) = whole.split_once('T')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        Some(Self {
            text: text.to_owned(),
            seconds: days_since_1970(year, month, day) * 86_400
                + i64::from(hour * 3600 + minute * 60 + second),
            nanoseconds: decimals.map_or(Some(0), nanoseconds)?,
        })
    }

    /// Returns the text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the seconds since 1970-01-01 UTC, rounded down; negative before.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// Whether it is later than `seconds` since 1970-01-01 UTC.
    pub(super) fn is_after(&self, seconds: u64) -> bool {
        let whole = i64::try_from(seconds).unwrap_or(i64::MAX);
        (self.seconds, self.nanoseconds) > (whole, 0)
    }
}

impl PartialEq for VersionTime {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for VersionTime {}

impl PartialOrd for VersionTime {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VersionTime {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.seconds, self.nanoseconds).cmp(&(other.seconds, other.nanoseconds))
    }
}

impl fmt::Display for VersionTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads three numbers of exactly these many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u32; 3]> {
    let mut parts = text.split(separator);
    let mut read = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_number = part.bytes().all(|octet| octet.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    let read = [read(digits[0])?, read(digits[1])?, read(digits[2])?];
    parts.next().is_none().then_some(read)
}

fn nanoseconds(decimals: &str) -> Option<u32> {
    let is_number = decimals.bytes().all(|octet| octet.is_ascii_digit());
    if decimals.is_empty() || decimals.len() > NANO_DIGITS || !is_number {
        return None;
    }
    format!("{decimals:0<NANO_DIGITS$}").parse().ok()
}

fn days_of(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar: years counted from March, in eras of
/// four hundred.
fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = (i64::from(year), i64::from(month));
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let months_since_march = (month + 9) % 12;
    let of_year = (153 * months_since_march + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

const NANO_DIGITS: usize = 9;
