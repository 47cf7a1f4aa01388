//! Holds what happened against the list of limits, in both directions.

use comity_didcomm::UnpackError;

use crate::combination::Combination;
use crate::limits::{Kind, Limit, Way};

/// Collects what contradicts the list.
pub(crate) struct Judge<'a> {
    limits: Vec<Seen<'a>>,
    complaints: Vec<String>,
    /// What was written again and again, and refused for an excuse each time.
    unread: Vec<String>,
}

/// A limit, and what was seen of it.
struct Seen<'a> {
    limit: &'a Limit,
    /// It was the only reason why something did not work.
    alone: bool,
    /// Something that it is about worked.
    works: bool,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(limits: &'a [Limit], way: Way) -> Self {
        let seen = |limit| Seen {
            limit,
            alone: false,
            works: false,
        };
        let limits = limits.iter().filter(|limit| limit.way == way);
        Self {
            limits: limits.map(seen).collect(),
            complaints: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// It was read, and said what was meant.
    pub(crate) fn works(&mut self, combination: &Combination) {
        let mut yet = None;
        for seen in self.about(combination) {
            seen.works = true;
            if matches!(seen.limit.kind, Kind::Cannot | Kind::Refused(_)) {
                yet = Some(seen.limit.why);
            }
        }
        if let Some(why) = yet {
            self.complain(combination, format!("works, although {why}"));
        }
    }

    /// The other side does not do it.
    pub(crate) fn fails(&mut self, combination: &Combination, words: String) {
        if !self.is_listed(combination, |kind| matches!(kind, Kind::Cannot)) {
            self.complain(combination, words);
        }
    }

    /// We do not read it.
    pub(crate) fn refused(&mut self, combination: &Combination, error: &UnpackError) {
        let is_it = |kind| matches!(kind, Kind::Refused(is_it) if is_it(error));
        if !self.is_listed(combination, is_it) {
            self.complain(combination, format!("we refuse it: {error:?}"));
        }
    }

    /// Whether we do not read it for a reason for which we sometimes don't.
    pub(crate) fn excuses(&mut self, combination: &Combination, error: &UnpackError) -> bool {
        self.is_listed(
            combination,
            |kind| matches!(kind, Kind::Often(is_it) | Kind::Seldom(is_it) if is_it(error)),
        )
    }

    /// Nothing of it was read in this run, for reasons that excuse. That is listed for what is often
    /// refused only: everything else is read when it is written again.
    pub(crate) fn unread(&mut self, combination: &Combination) {
        if self.is_listed(combination, |kind| matches!(kind, Kind::Often(_))) {
            self.unread.push(format!("{combination:?}"));
        } else {
            self.complain(combination, "was refused each time");
        }
    }

    pub(crate) fn complain(&mut self, combination: &Combination, words: impl Into<String>) {
        self.complaints
            .push(format!("{combination:?}: {}", words.into()));
    }

    /// Prints what was not read in this run. Fails if there is a complaint, or a limit that nothing
    /// showed.
    pub(crate) fn end(mut self) {
        if !self.unread.is_empty() {
            eprintln!("{} combinations were refused each time:", self.unread.len());
            eprintln!("{}", self.unread.join("\n"));
        }
        for Seen {
            limit,
            alone,
            works,
        } in &self.limits
        {
            let is_true = match limit.kind {
                Kind::Cannot | Kind::Refused(_) => *alone,
                Kind::Often(_) => *alone && *works,
                Kind::Seldom(_) => *works,
            };
            if !is_true {
                self.complaints.push(format!("nothing shows {limit:?}"));
            }
        }
        assert_eq!(self.complaints, [""; 0], "{}", self.complaints.len());
    }

    /// Whether a limit of such a kind is about it; if it is the only one, that is noted.
    fn is_listed(&mut self, combination: &Combination, is_such: impl Fn(Kind) -> bool) -> bool {
        let mut such: Vec<_> = self
            .about(combination)
            .filter(|seen| is_such(seen.limit.kind))
            .collect();
        if let [only] = such.as_mut_slice() {
            only.alone = true;
        }
        !such.is_empty()
    }

    fn about<'s>(
        &'s mut self,
        combination: &'s Combination,
    ) -> impl Iterator<Item = &'s mut Seen<'a>> {
        self.limits
            .iter_mut()
            .filter(|seen| seen.limit.is_about(seen.limit.way, combination))
    }
}

#[cfg(test)]
mod tests {
    use comity_jose::jwe::JweError;
    use comity_jose::{Curve, KeyError};

    use super::*;
    use crate::limits::PYTHON;

    #[test]
    fn what_is_never_read_is_told_apart_and_excused_on_p521_only() {
        let unread = |curve| {
            let mut judge = Judge::new(PYTHON, Way::Writes);
            let all = Combination::all();
            let combination = all.iter().find(|it| it.agreement == Some(curve)).unwrap();
            let error = UnpackError::Jwe(JweError::EphemeralKey(KeyError::Encoding));
            assert!(judge.excuses(combination, &error));
            judge.unread(combination);
            (judge.unread.len(), judge.complaints.len())
        };
        assert_eq!(unread(Curve::P521), (1, 0));
        assert_eq!(unread(Curve::P384), (0, 1));
    }
}
