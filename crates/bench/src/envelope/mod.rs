//! Envelopes: ours, two other implementations and the bare cryptography, measured in turns.

mod bare;
mod case;
mod measure;
mod ours;
mod table;

use std::cell::RefCell;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use comity_didcomm::{Plaintext, UnpackError};
use comity_jose::jws::JwsError;
use comity_peers::{Affinidi, Didcomm, Expect, Packing, Peer, PeerError};
use serde::Serialize;
use serde_json::{Value, json};

use bare::Bare;
use case::{Case, Direction, Mode, Target};
use measure::{Way, interleaved};
use ours::World;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only cases whose name has all these words, such as `authcrypt unpack "256 B"`.
    words: Vec<String>,
    /// Only cases that have a target.
    #[arg(long)]
    targets: bool,
    /// Fail if a case misses a target, and name it.
    #[arg(long)]
    check: bool,
    /// The result as data.
    #[arg(long)]
    json: bool,
    /// A fifth of the time for each case: to look, not to quote.
    #[arg(long)]
    quick: bool,
    /// Seconds for each case.
    #[arg(long, default_value_t = 1.0)]
    time: f64,
    /// Run only ours (`cold` or `warm`) or `bare`, for a profiler; nothing is measured.
    #[arg(long)]
    only: Option<Only>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Only {
    Cold,
    Warm,
    Bare,
}

/// One case, in µs of thread-CPU time for one call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    case: Case,
    /// Nothing cached but parsed keys.
    cold: f64,
    /// Secrets of pairs of static keys cached; authcrypt only.
    warm: Option<f64>,
    didcomm: Option<f64>,
    affinidi: Option<f64>,
    bare: f64,
    target: Target,
    /// What is asked and not reached.
    misses: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted = |case: &Case| {
        let name = case.to_string();
        args.words.iter().all(|word| name.contains(word.as_str()))
            && (!args.targets || case.target().is_some())
    };
    let cases: Vec<Case> = Case::all().into_iter().filter(wanted).collect();
    ensure!(!cases.is_empty(), "no case has these words in its name");
    let time = Duration::from_secs_f64(args.time / if args.quick { 5.0 } else { 1.0 });
    let mut rows = Vec::new();
    for case in cases {
        let row = measured(case, time, args.only).with_context(|| case.to_string())?;
        if !args.json {
            eprintln!("{case}");
        }
        rows.extend(row);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", table::markdown(&rows));
    }
    let misses: Vec<String> = rows
        .iter()
        .filter(|row| !row.misses.is_empty())
        .map(|row| format!("{}: {}", row.case, row.misses.join(", ")))
        .collect();
    ensure!(
        !args.check || misses.is_empty(),
        "targets missed:\n{}",
        misses.join("\n")
    );
    Ok(())
}

/// A peer that is able to do the case, at both ends of it.
struct Able<P: Peer> {
    sender: P,
    recipient: P,
    message: P::Message,
}

impl<P: Peer> Able<P> {
    /// Shows that it opens ours and that we open its; `None` if it has nothing of the kind.
    fn new(world: &World, mode: Mode, plaintext: &Value, ours: &str) -> Result<Option<Self>> {
        let (sender, recipient) = (&world.sender.party, &world.recipient.party);
        let able = Self {
            sender: P::new(sender, &[recipient])?,
            recipient: P::new(recipient, &[sender])?,
            message: P::message(plaintext)?,
        };
        let theirs = match able.pack(world, mode) {
            Err(PeerError::Unsupported { .. }) => return Ok(None),
            packed => packed?,
        };
        let opened = able.unpack(world, mode, ours)?;
        let message = P::plaintext(&opened)?;
        for member in ["id", "type", "from", "to", "body"] {
            ensure!(
                message[member] == plaintext[member],
                "{} reads another {member}",
                P::NAME
            );
        }
        let received = world.unpack(&theirs);
        if P::NAME == Affinidi::NAME && mode == Mode::Sign {
            // It writes `kid` in both headers; RFC 7515 §4 wants the names disjoint (JWS-04).
            let refusal = received.err().and_then(|error| error.downcast().ok());
            ensure!(
                matches!(refusal, Some(UnpackError::Jws(JwsError::RepeatedParameter))),
                "{} no longer names the key twice: take this exception out",
                P::NAME
            );
            return Ok(Some(able));
        }
        let received = received.with_context(|| format!("an envelope of {}", P::NAME))?;
        ensure!(
            Value::Object(received.plaintext.body) == plaintext["body"],
            "we read another body than {} wrote",
            P::NAME
        );
        Ok(Some(able))
    }

    fn pack(&self, world: &World, mode: Mode) -> Result<String, PeerError> {
        let (from, to) = (&world.sender, world.recipient.did.as_str());
        let packing = match mode {
            Mode::Sign => Packing::signed(from.signing_kid.as_str()),
            Mode::Anoncrypt(enc) => Packing::anoncrypt(enc, to),
            Mode::AnoncryptSign(enc) => {
                Packing::anoncrypt(enc, to).sign_by(from.signing_kid.as_str())
            }
            Mode::Authcrypt => Packing::authcrypt(from.agreement_kid.as_str(), to),
        };
        self.sender.pack(&self.message, &packing)
    }

    fn unpack(&self, world: &World, mode: Mode, envelope: &str) -> Result<P::Message, PeerError> {
        let expect = Expect {
            recipient: Some(world.recipient.agreement_kid.as_str()),
            sender: Some(world.sender.agreement_kid.as_str()).filter(|_| mode == Mode::Authcrypt),
            signer: Some(world.sender.signing_kid.as_str()),
        };
        Ok(self.recipient.unpack(envelope, &expect)?.message)
    }

    fn way<'a>(&'a self, world: &'a World, case: Case, envelope: &'a str) -> Way<'a> {
        match case.direction {
            Direction::Pack => Box::new(move || {
                black_box(self.pack(world, case.mode).is_ok());
            }),
            Direction::Unpack => Box::new(move || {
                black_box(self.unpack(world, case.mode, envelope).is_ok());
            }),
        }
    }
}

/// Measures a case; `None` if it was only to be run.
fn measured(case: Case, time: Duration, only: Option<Only>) -> Result<Option<Row>> {
    let Case {
        mode,
        curve,
        direction,
        recipients,
        ..
    } = case;
    let world = World::new(curve, recipients)?;
    let plaintext = plaintext(&world, case.body);
    let message = Plaintext::parse(plaintext.to_string().as_bytes(), &world.limits())?;
    let envelope = world.pack(&message, mode, None)?;
    let didcomm = Able::<Didcomm>::new(&world, mode, &plaintext, &envelope)?;
    let affinidi = Able::<Affinidi>::new(&world, mode, &plaintext, &envelope)?;
    let cache = RefCell::new(world.warm()?);
    world.unpack_warm(&envelope, &mut cache.borrow_mut())?;
    let bare = Bare::new(&world, mode, curve, recipients, message.to_octets().len())?;
    let bare = RefCell::new(bare);
    bare.borrow_mut().pack()?;
    bare.borrow_mut().unpack()?;

    let cold: Way<'_> = match direction {
        Direction::Pack => Box::new(|| {
            black_box(world.pack(&message, mode, None).is_ok());
        }),
        Direction::Unpack => Box::new(|| {
            black_box(world.unpack(&envelope).is_ok());
        }),
    };
    let warm: Way<'_> = match direction {
        Direction::Pack => Box::new(|| {
            black_box(
                world
                    .pack(&message, mode, Some(&mut cache.borrow_mut()))
                    .is_ok(),
            );
        }),
        Direction::Unpack => Box::new(|| {
            black_box(
                world
                    .unpack_warm(&envelope, &mut cache.borrow_mut())
                    .is_ok(),
            );
        }),
    };
    let floor: Way<'_> = match direction {
        Direction::Pack => Box::new(|| {
            black_box(bare.borrow_mut().pack().is_ok());
        }),
        Direction::Unpack => Box::new(|| {
            black_box(bare.borrow_mut().unpack().is_ok());
        }),
    };
    if let Some(only) = only {
        let mut way = [match only {
            Only::Cold => cold,
            Only::Warm => warm,
            Only::Bare => floor,
        }];
        let found = interleaved(&mut way, time);
        eprintln!("{case}: {:.2} µs", micros(found[0]));
        return Ok(None);
    }
    let mut ways = vec![cold, floor];
    if mode == Mode::Authcrypt {
        ways.push(warm);
    }
    ways.extend(
        didcomm
            .as_ref()
            .map(|peer| peer.way(&world, case, &envelope)),
    );
    ways.extend(
        affinidi
            .as_ref()
            .map(|peer| peer.way(&world, case, &envelope)),
    );
    let mut found = interleaved(&mut ways, time).into_iter().map(micros);
    let mut next = |there: bool| if there { found.next() } else { None };
    let row = Row {
        case,
        cold: next(true).context("ours")?,
        bare: next(true).context("the bare cryptography")?,
        warm: next(mode == Mode::Authcrypt),
        didcomm: next(didcomm.is_some()),
        affinidi: next(affinidi.is_some()),
        target: case.target(),
        misses: Vec::new(),
    };
    let misses = row.misses();
    Ok(Some(Row { misses, ..row }))
}

impl Row {
    /// The faster peer.
    fn peer(&self) -> Option<f64> {
        let peers = [self.didcomm, self.affinidi];
        peers.into_iter().flatten().reduce(f64::min)
    }

    fn cold_ratio(&self) -> Option<f64> {
        Some(self.peer()? / self.cold)
    }

    fn warm_ratio(&self) -> Option<f64> {
        Some(self.peer()? / self.warm?)
    }

    fn bare_ratio(&self) -> f64 {
        self.cold / self.bare
    }

    fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        // Without the cache nothing that uses these primitives is faster than they are.
        let limit = self.peer().map_or(f64::INFINITY, |peer| peer / self.bare);
        let mut faster = |name: &str, found: Option<f64>, asked: Option<f64>| {
            let (Some(asked), found) = (asked, found.unwrap_or_default()) else {
                return;
            };
            if found < asked && name == "cold" && limit < asked {
                misses.push(format!(
                    "cold {found:.2} < {asked} (bare itself {limit:.2})"
                ));
            } else if found < asked {
                misses.push(format!("{name} {found:.2} < {asked}"));
            }
        };
        faster("cold", self.cold_ratio(), self.target.cold);
        faster("warm", self.warm_ratio(), self.target.warm);
        let found = self.bare_ratio();
        if let Some(asked) = self.target.bare
            && found > asked
        {
            misses.push(format!("bare {found:.2} > {asked}"));
        }
        misses
    }
}

/// A message whose body is so many octets of JSON.
fn plaintext(world: &World, body: usize) -> Value {
    let around = r#"{"content":""}"#.len();
    let text: String = "The heron stands where the river bends. "
        .chars()
        .cycle()
        .take(body - around)
        .collect();
    json!({
        "id": "6d4f9a1e-1c55-4f0e-9c07-6a1f5be0f3aa",
        "typ": "application/didcomm-plain+json",
        "type": "https://didcomm.org/basicmessage/2.0/message",
        "from": world.sender.did.as_str(),
        "to": [world.recipient.did.as_str()],
        "created_time": 1_790_000_000,
        "body": {"content": text},
    })
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
