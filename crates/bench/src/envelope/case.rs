//! What is measured: every combination that both somebody else and we can do, and its target.

use std::fmt;

use comity_jose::Curve;
use comity_jose::jwe::Enc;
use serde::{Serialize, Serializer};

/// One envelope in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) mode: Mode,
    /// Where the recipient's keys live; signatures are always Ed25519.
    pub(crate) curve: Curve,
    pub(crate) direction: Direction,
    /// Octets of `body` as JSON.
    pub(crate) body: usize,
    /// Keys of the recipient; the last one opens.
    pub(crate) recipients: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Sign,
    Anoncrypt(Enc),
    AnoncryptSign(Enc),
    Authcrypt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Pack,
    Unpack,
}

/// What a case has to reach; `None` where nothing is asked.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Target {
    /// Times as fast as the faster peer, nothing cached but parsed keys; at least.
    pub(crate) cold: Option<f64>,
    /// The same with the secrets of pairs of static keys cached.
    pub(crate) warm: Option<f64>,
    /// Times the bare cryptography; at most.
    pub(crate) bare: Option<f64>,
}

impl Target {
    pub(crate) fn is_some(&self) -> bool {
        self.cold.or(self.warm).or(self.bare).is_some()
    }
}

impl Case {
    /// All of them.
    pub(crate) fn all() -> Vec<Self> {
        let mut cases = Vec::new();
        let mut add = |mode, curve, body, recipients| {
            for direction in [Direction::Pack, Direction::Unpack] {
                cases.push(Self {
                    mode,
                    curve,
                    direction,
                    body,
                    recipients,
                });
            }
        };
        for body in BODIES {
            add(Mode::Sign, Curve::X25519, body, 1);
        }
        for curve in [Curve::X25519, Curve::P256] {
            for mode in SEALED {
                for body in BODIES {
                    add(mode, curve, body, 1);
                }
            }
        }
        for recipients in SEVERAL {
            add(Mode::Authcrypt, Curve::X25519, 256, recipients);
            add(
                Mode::Anoncrypt(Enc::A256Gcm),
                Curve::X25519,
                256,
                recipients,
            );
        }
        cases
    }

    pub(crate) fn target(&self) -> Target {
        let found = TARGETS
            .iter()
            .find(|(mode, curve, direction, bodies, recipients, _)| {
                (*mode, *curve, *direction) == (self.mode, self.curve, self.direction)
                    && bodies.contains(&self.body)
                    && recipients.contains(&self.recipients)
            });
        found.map_or_else(Target::default, |(.., [cold, warm, bare])| {
            let asked = |ratio: f64| (ratio > 0.0).then_some(ratio);
            Target {
                cold: asked(*cold),
                warm: asked(*warm),
                bare: asked(*bare),
            }
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match (self.mode, self.direction) {
            (Mode::Sign, Direction::Pack) => "sign",
            (Mode::Sign, Direction::Unpack) => "verify",
            (_, Direction::Pack) => "pack",
            (_, Direction::Unpack) => "unpack",
        };
        let curve = self.curve.name();
        match self.mode {
            Mode::Sign => write!(f, "{direction} EdDSA")?,
            Mode::Anoncrypt(enc) => write!(f, "anoncrypt {curve} {} {direction}", enc.name())?,
            Mode::AnoncryptSign(enc) => {
                write!(f, "anoncrypt(sign) {curve} {} {direction}", enc.name())?;
            }
            Mode::Authcrypt => write!(f, "authcrypt {curve} {direction}")?,
        }
        match self.body {
            body if body < 1024 => write!(f, " {body} B")?,
            body if body < MIB => write!(f, " {} KiB", body / 1024)?,
            body => write!(f, " {} MiB", body / MIB)?,
        }
        match self.recipients {
            1 => Ok(()),
            recipients => write!(f, ", {recipients} recipients"),
        }
    }
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const MIB: usize = 1024 * 1024;
const BODIES: [usize; 4] = [256, 4 * 1024, 64 * 1024, MIB];
const SEALED: [Mode; 5] = [
    Mode::Anoncrypt(Enc::A256Gcm),
    Mode::Anoncrypt(Enc::Xc20p),
    Mode::Anoncrypt(Enc::A256CbcHs512),
    Mode::AnoncryptSign(Enc::A256Gcm),
    Mode::Authcrypt,
];
const SEVERAL: [usize; 2] = [10, 100];

type Row = (
    Mode,
    Curve,
    Direction,
    &'static [usize],
    &'static [usize],
    [f64; 3],
);

/// At least so many times the faster peer cold and warm, at most so many times the bare
/// cryptography; 0 where nothing is asked.
const TARGETS: [Row; 14] = {
    use Direction::{Pack, Unpack};
    const SIGNED: Mode = Mode::AnoncryptSign(Enc::A256Gcm);
    const GCM: Mode = Mode::Anoncrypt(Enc::A256Gcm);
    const XC20P: Mode = Mode::Anoncrypt(Enc::Xc20p);
    const AUTH: Mode = Mode::Authcrypt;
    const X: Curve = Curve::X25519;
    const P: Curve = Curve::P256;
    const ONE: &[usize] = &[1];
    const SMALL: &[usize] = &[256, 4096];
    [
        (SIGNED, X, Pack, &[256], ONE, [2.5, 0.0, 1.10]),
        (SIGNED, X, Unpack, &[256], ONE, [1.9, 0.0, 1.12]),
        (SIGNED, X, Pack, &[65_536], ONE, [2.0, 0.0, 1.15]),
        (SIGNED, X, Unpack, &[65_536], ONE, [2.0, 0.0, 1.20]),
        (AUTH, X, Pack, &[256], ONE, [2.1, 3.5, 1.10]),
        (AUTH, X, Unpack, &[256], ONE, [2.3, 4.0, 1.10]),
        (AUTH, X, Pack, &[256], &SEVERAL, [2.0, 4.0, 1.08]),
        (AUTH, P, Pack, SMALL, ONE, [5.0, 8.0, 1.12]),
        (AUTH, P, Unpack, SMALL, ONE, [5.0, 8.0, 1.12]),
        (GCM, X, Pack, &[65_536], ONE, [5.0, 0.0, 1.20]),
        (GCM, X, Pack, &[MIB], ONE, [12.0, 0.0, 1.50]),
        (XC20P, X, Unpack, &[65_536], ONE, [3.3, 0.0, 1.30]),
        (Mode::Sign, X, Pack, &[256], ONE, [3.5, 0.0, 1.10]),
        (Mode::Sign, X, Unpack, &[256], ONE, [1.1, 0.0, 1.10]),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_some_case_s() {
        let cases = Case::all().into_iter().map(|case| case.target());
        let asked = cases.filter(Target::is_some).count();
        let rows = TARGETS
            .iter()
            .map(|(.., bodies, recipients, _)| bodies.len() * recipients.len());
        assert_eq!(asked, rows.sum::<usize>());
    }

    #[test]
    fn names_of_cases_are_distinct() {
        let mut names: Vec<String> = Case::all().iter().map(ToString::to_string).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
