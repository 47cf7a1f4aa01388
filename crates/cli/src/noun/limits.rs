use crate::exit::Trouble;
use crate::show::{time, words};
use clap::Args;
use comity_api::operator::Rate;

/// How much, on top of what.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Limits {
    /// At most so many messages in all, from each side
    #[arg(long, value_name = "N")]
    pub(crate) uses: Option<u64>,
    /// So many messages in so much time, from each side (20/1h)
    #[arg(long, value_name = "N/TIME", value_parser = rate)]
    pub(crate) rate: Option<Rate>,
    /// The largest message, octets
    #[arg(long, value_name = "OCTETS")]
    pub(crate) max_bytes: Option<u64>,
}

/// `20/1h`, as it is typed and shown.
fn rate(text: &str) -> Result<Rate, String> {
    let wrong = || format!("{text:?} is no rate; write 20/1h or 1000/1d");
    let (messages, time) = text.split_once('/').ok_or_else(wrong)?;
    let seconds = time::duration(time).map_err(|_| wrong())?.as_secs();
    let messages = messages.parse().map_err(|_| wrong())?;
    Ok(Rate { messages, seconds })
}

/// Limits in words, one after the other; nothing if there are none.
pub(crate) fn in_words(uses: Option<u64>, rate: Option<Rate>, max_bytes: Option<u64>) -> String {
    let uses = uses.map(|uses| format!("at most {} each", words::count(uses, "message")));
    let rate = rate.map(|rate| {
        format!(
            "{} in {} each",
            words::count(rate.messages, "message"),
            span(rate.seconds)
        )
    });
    let bytes = max_bytes.map(|bytes| format!("{bytes} octets a message"));
    let all: Vec<String> = [uses, rate, bytes].into_iter().flatten().collect();
    all.join(", ")
}

/// `7d`, `90s`: as it is typed.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

/// A time, if one is given.
pub(crate) fn until(text: Option<&str>) -> Result<Option<u64>, Trouble> {
    text.map(time::until).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_shown_as_it_is_typed() {
        for text in ["20/1h", "1000/1d", "3/30s"] {
            let rate = rate(text).unwrap();
            let (messages, time) = text.split_once('/').unwrap();
            assert_eq!(
                in_words(None, Some(rate), None),
                format!("{messages} messages in {time} each")
            );
        }
        assert!(rate("many").is_err() && rate("1/soon").is_err());
    }
}
