//! Seeded disorder: the numbers behind every generator, and the ways to spoil octets and JSON.
//!
//! A failing case is repeated by running its test again: the seeds are constants, and each case
//! names itself.

use comity_jose::Entropy;
use serde_json::{Map, Value, json};
use std::sync::Mutex;

/// SplitMix64: small, seeded, good enough to choose what to break.
#[derive(Debug)]
pub struct Chaos(Mutex<u64>);

impl Chaos {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    pub fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    pub fn octets(&self, count: usize) -> Vec<u8> {
        let mut out = vec![0; count];
        self.fill(&mut out);
        out
    }
}

impl Entropy for Chaos {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(8) {
            let octets = self.next().to_le_bytes();
            chunk.copy_from_slice(&octets[..chunk.len()]);
        }
    }
}

/// A case of a generator: what it is called, and what is sent.
pub struct Case {
    pub name: String,
    pub octets: Vec<u8>,
}

impl Case {
    pub fn new(name: impl Into<String>, octets: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            octets: octets.into(),
        }
    }
}

/// Every proper prefix: at every offset while there are few, at `most` sampled ones otherwise, the
/// first and last 64 always among them.
pub fn truncations(octets: &[u8], most: usize) -> Vec<Case> {
    let step = (octets.len() / most.max(1)).max(1);
    let edge = |at: usize| at < 64 || octets.len() - at <= 64;
    (0..octets.len())
        .filter(|at| at.is_multiple_of(step) || edge(*at))
        .map(|at| Case::new(format!("cut at {at}"), &octets[..at]))
        .collect()
}

/// One flipped bit at sampled places, and at each of the first and last 32 octets.
pub fn flips(chaos: &Chaos, octets: &[u8], most: usize) -> Vec<Case> {
    let mut places: Vec<usize> = (0..most).map(|_| chaos.below(octets.len())).collect();
    places.extend(0..32.min(octets.len()));
    places.extend(octets.len().saturating_sub(32)..octets.len());
    let flip = |place: usize| {
        let bit = chaos.below(8);
        let mut spoiled = octets.to_vec();
        spoiled[place] ^= 1 << bit;
        Case::new(format!("bit {bit} of octet {place} flipped"), spoiled)
    };
    places.into_iter().map(flip).collect()
}

/// What stands where something else was expected.
pub fn other_types() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("x"),
        json!("\u{202e}\u{0}\u{1b}[2J"),
        json!([]),
        json!([[]]),
        json!([null]),
        json!({}),
        json!({"": {}}),
        json!("A".repeat(4_096)),
    ]
}

/// Each member of `value` at each level: replaced by every other type, and left out.
pub fn substitutions(value: &Value) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for path in paths(value) {
        for other in other_types() {
            let mut spoiled = value.clone();
            let Some(place) = spoiled.pointer_mut(&path) else {
                continue;
            };
            if *place != other {
                let name = format!("{path} is {}", short(&other));
                *place = other;
                out.push((name, spoiled));
            }
        }
        let mut spoiled = value.clone();
        if remove(&mut spoiled, &path) {
            out.push((format!("{path} is missing"), spoiled));
        }
    }
    out
}

fn paths(value: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let mut add = |name: String, inner: &Value| {
        out.push(format!("/{name}"));
        out.extend(
            paths(inner)
                .into_iter()
                .map(|rest| format!("/{name}{rest}")),
        );
    };
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                add(name.replace('~', "~0").replace('/', "~1"), inner);
            }
        }
        Value::Array(values) => {
            for (index, inner) in values.iter().enumerate() {
                add(index.to_string(), inner);
            }
        }
        _ => {}
    }
    out
}

fn remove(value: &mut Value, path: &str) -> bool {
    let Some((parent, name)) = path.rsplit_once('/') else {
        return false;
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    match value.pointer_mut(parent) {
        Some(Value::Object(members)) => members.remove(&name).is_some(),
        Some(Value::Array(values)) => name.parse().is_ok_and(|index: usize| {
            values.remove(index);
            true
        }),
        _ => false,
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(24).collect()
}

/// The text of `object` with each of its members named a second time, before and after the first:
/// what two readers would read differently.
pub fn duplicated(object: &Map<String, Value>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let text = Value::Object(object.clone()).to_string();
    for (name, value) in object {
        for other in [value.clone(), json!("other"), Value::Null] {
            let member = format!("{}:{other}", Value::from(name.as_str()));
            out.push((
                format!("{name} first"),
                format!("{{{member},{}", &text[1..]),
            ));
            let end = text.len() - 1;
            out.push((
                format!("{name} last"),
                format!("{},{member}}}", &text[..end]),
            ));
        }
        // The same name, spelled with an escape.
        let escaped: String = name
            .encode_utf16()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect();
        let end = text.len() - 1;
        let twice = format!("{},\"{escaped}\":{value}}}", &text[..end]);
        out.push((format!("{name} escaped"), twice));
    }
    out
}

/// JSON nested `depth` levels in a member of `object`, by objects, by arrays and by both.
pub fn nested(object: &Map<String, Value>, member: &str, depth: usize) -> [String; 3] {
    let text = Value::Object(object.clone()).to_string();
    let end = text.len() - 1;
    let with = |open: &str, close: &str| {
        let (open, close) = (open.repeat(depth), close.repeat(depth));
        format!("{},\"{member}\":{open}0{close}}}", &text[..end])
    };
    [with("[", "]"), with("{\"a\":", "}"), with("[{\"a\":", "}]")]
}
