//! Order within (sender, recipient, thread): formats §1, invariant I6.

/// What the number of an incoming message means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The next one, or the first of a thread we did not know.
    Next,
    /// An earlier number is missing: the sender must go back to its oldest unfinished message.
    Gap,
    /// The number is taken. Whether by the same message is for deduplication to say, which
    /// comes before.
    Taken,
}

/// Judges `order` against the last number accepted or refused in this stream.
#[must_use]
pub const fn place(order: u64, last: Option<u64>) -> Place {
    match last {
        None => Place::Next,
        Some(last) if order == last + 1 => Place::Next,
        Some(last) if order > last => Place::Gap,
        Some(_) => Place::Taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_an_unknown_thread_may_have_any_number() {
        assert_eq!(place(7, None), Place::Next);
    }

    #[test]
    fn afterwards_exactly_the_next() {
        assert_eq!(place(8, Some(7)), Place::Next);
        assert_eq!(place(9, Some(7)), Place::Gap);
        assert_eq!(place(7, Some(7)), Place::Taken);
        assert_eq!(place(1, Some(7)), Place::Taken);
    }
}
