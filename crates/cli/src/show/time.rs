//! Times: short for the eye, and read from a person.

use crate::exit::Trouble;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use std::time::Duration;

/// Now, UTC seconds.
pub(crate) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

/// `14:32` today, `26 Nov` this year, `26 Nov 2027` else; local time.
pub(crate) fn when(at: u64) -> String {
    short(at, &Zoned::now())
}

/// `14:32:05`, local time.
pub(crate) fn clock(at: u64) -> String {
    zoned(at, TimeZone::system())
        .strftime("%H:%M:%S")
        .to_string()
}

/// `14:32:05 UTC`.
pub(crate) fn clock_utc(at: u64) -> String {
    zoned(at, TimeZone::UTC)
        .strftime("%H:%M:%S UTC")
        .to_string()
}

/// `2026-11-26 14:32:05 UTC`.
pub(crate) fn exact(at: u64) -> String {
    zoned(at, TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string()
}

fn short(at: u64, now: &Zoned) -> String {
    let at = zoned(at, now.time_zone().clone());
    let form = if at.date() == now.date() {
        "%H:%M"
    } else if at.year() == now.year() {
        "%-d %b"
    } else {
        "%-d %b %Y"
    };
    at.strftime(form).to_string()
}

fn zoned(at: u64, zone: TimeZone) -> Zoned {
    let at = i64::try_from(at)
        .ok()
        .and_then(|at| Timestamp::from_second(at).ok());
    at.unwrap_or(Timestamp::MAX).to_zoned(zone)
}

/// Reads `90s`, `30m`, `12h`, `30d`; a number alone is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a time such as 90s, 30m, 12h or 30d");
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(bad)
}

/// Reads a time from now (`30d`) or a day (`2026-12-24`, `friday`: its end in UTC); UTC seconds.
pub(crate) fn until(text: &str) -> Result<u64, Trouble> {
    if let Ok(from_now) = duration(text) {
        return Ok(now().saturating_add(from_now.as_secs()));
    }
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = text.parse::<Date>().ok().or_else(|| weekday(text, today));
    let end = day.and_then(|day| day.tomorrow().ok());
    let end = end.and_then(|day| day.to_zoned(TimeZone::UTC).ok());
    let end = end.and_then(|end| u64::try_from(end.timestamp().as_second()).ok());
    end.map(|end| end - 1).ok_or_else(|| {
        Trouble::usage(format!("{text:?} is no time"))
            .next("--until 30d   or   --until friday   or   --until 2026-12-24")
    })
}

/// The next day of this name; today counts.
fn weekday(name: &str, today: Date) -> Option<Date> {
    let name = name.to_lowercase();
    let mut days = (0..7).filter_map(|n| today.checked_add(n.days()).ok());
    days.find(|day| day.strftime("%A").to_string().to_lowercase() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_as_short_as_its_distance_allows() {
        let now: Zoned = "2026-11-23T15:00:00[UTC]".parse().unwrap();
        let at =
            |text: &str| u64::try_from(text.parse::<Timestamp>().unwrap().as_second()).unwrap();
        assert_eq!(short(at("2026-11-23T14:32:05Z"), &now), "14:32");
        assert_eq!(short(at("2026-11-26T14:32:05Z"), &now), "26 Nov");
        assert_eq!(short(at("2027-01-02T14:32:05Z"), &now), "2 Jan 2027");
        assert_eq!(short(u64::MAX, &now), "30 Dec 9999");
    }

    #[test]
    fn durations_are_read_in_the_units_people_write() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        assert!(duration("2 weeks").is_err());
        assert!(duration("").is_err());
        assert!(duration("99999999999999999999d").is_err());
    }

    #[test]
    fn a_day_lasts_until_its_end() {
        assert_eq!(
            until("2026-12-24").map(exact),
            Ok("2026-12-24 23:59:59 UTC".to_owned())
        );
        assert!(until("tomorrow").is_err());
        assert_eq!(until("18446744073709551615s"), Ok(u64::MAX));
    }

    #[test]
    fn a_weekday_is_the_next_of_its_name() {
        let tuesday: Date = "2026-11-24".parse().unwrap();
        let on = |name: &str| weekday(name, tuesday).map(|day| day.to_string());
        assert_eq!(on("Friday").as_deref(), Some("2026-11-27"));
        assert_eq!(on("tuesday").as_deref(), Some("2026-11-24"));
        assert_eq!(on("monday").as_deref(), Some("2026-11-30"));
        assert_eq!(on("someday"), None);
    }
}
