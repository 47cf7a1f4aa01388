//! Strict JSON and canonical JSON, beside serde_json's own reading.

use std::fmt;

use comity_jose::json::{self, JsonError, Limits};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::{Target, harvest};

pub(crate) const TARGET: Target = Target {
    name: "json",
    max_len: 4096,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let ours = json::parse(data, &Limits::MESSAGE);
    let theirs = serde_json::from_slice::<Value>(data);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs),
        (Ok(_), Err(error)) => panic!("accepted what is not json: {error}"),
        (Err(JsonError::Syntax { .. }), Ok(_)) => panic!("json called a syntax error"),
        (Err(_), _) => {}
    }
    let Ok(value) = ours else { return };

    // All values that stand in the text are in the tree: nothing was named twice.
    let Counted(written) = serde_json::from_slice(data).expect("json");
    assert_eq!(written, count(&value));
    assert!(written <= Limits::MESSAGE.members && depth(&value) <= Limits::MESSAGE.depth);

    // Tighter limits hold exactly.
    for limits in [
        Limits::HEADER,
        Limits {
            depth: 2,
            members: 5,
            bytes: 64,
        },
    ] {
        let fits = data.len() <= limits.bytes
            && written <= limits.members
            && depth(&value) <= limits.depth;
        match json::parse(data, &limits) {
            Ok(again) => assert!(fits && again == value),
            Err(_) => assert!(!fits),
        }
    }

    // The tree that borrows is the same value, and our writer writes what serde_json's does.
    let tree = json::tree(data, &Limits::MESSAGE).expect("was read");
    assert_eq!(tree.into_value(), value);
    let mut written = Vec::new();
    json::write_value(&value, &mut written);
    assert_eq!(written, serde_json::to_vec(&value).expect("a value prints"));
    if let Value::Object(members) = &value {
        let mut tree = json::tree(data, &Limits::MESSAGE).expect("was read");
        // Finding a member takes time in their number: a few are enough.
        for (name, value) in members.iter().take(40) {
            assert_eq!(
                tree.get(name).cloned().map(json::Tree::into_value).as_ref(),
                Some(value)
            );
        }
        if let json::Tree::Object(tree) = &mut tree {
            for name in members.keys().take(40) {
                assert!(tree.has(name) && tree.take(name).is_some());
                assert!(!tree.has(name) && tree.take(name).is_none());
            }
            assert_eq!(tree.names().count(), members.len().saturating_sub(40));
        }
    }

    // Printing keeps the value, and so does the canonical form, which is its own.
    let printed = serde_json::to_vec(&value).expect("a value prints");
    assert_eq!(
        json::parse(&printed, &Limits::MESSAGE).expect("printed"),
        value
    );
    if let Ok(canonical) = json::canonical(&value) {
        let large = Limits {
            bytes: usize::MAX,
            ..Limits::MESSAGE
        };
        let again = json::parse(&canonical, &large).expect("the canonical form is json");
        assert_eq!(json::canonical(&again).expect("canonical"), canonical);
        assert_eq!(count(&again), count(&value));
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// How many values a text holds, those under a repeated name too.
struct Counted(usize);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        source.deserialize_any(Counter)
    }
}

struct Counter;

impl<'de> Visitor<'de> for Counter {
    type Value = Counted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")
    }
    fn visit_unit<E>(self) -> Result<Counted, E> {
        Ok(Counted(1))
    }
    fn visit_bool<E>(self, _: bool) -> Result<Counted, E> {
        Ok(Counted(1))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Counted, E> {
        Ok(Counted(1))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Counted, E> {
        Ok(Counted(1))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Counted, E> {
        Ok(Counted(1))
    }
    fn visit_str<E>(self, _: &str) -> Result<Counted, E> {
        Ok(Counted(1))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Counted, A::Error> {
        let mut total = 1;
        while let Some(Counted(n)) = source.next_element()? {
            total += n;
        }
        Ok(Counted(total))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Counted, A::Error> {
        let mut total = 1;
        while let Some((_, Counted(n))) = source.next_entry::<String, _>()? {
            total += n;
        }
        Ok(Counted(total))
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        r#"{"a":[1,-2,3.5,1e30,true,null,"x"],"b":{"c":{}}}"#,
        r#"["\u00e9\ud834\udd1e\n\/\"\\", 9007199254740993, 18446744073709551615, -9223372036854775808]"#,
        r#"{"a":1,"a":2}"#,
        r#"{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001,-0.0,5e-324,1.7976931348623157e308]}"#,
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "  {\t\"\\u20ac\" : \"\\u0000\" }\r\n",
        "\"\u{feff}\"",
    ];
    let vectors = harvest::values("jose", |value| value.get("input").is_some());
    let vectors = vectors.iter().map(|value| value["input"].to_string());
    texts
        .into_iter()
        .map(str::to_owned)
        .chain(vectors)
        .map(String::into_bytes)
        .collect()
}

fn heavy() -> Vec<Vec<u8>> {
    let zeros = vec!["0"; 65_535].join(",");
    let names: Vec<_> = (0..60_000).map(|n| format!("\"{n:x}\":0")).collect();
    vec![
        format!("[{zeros}]").into_bytes(),
        format!("{{{}}}", names.join(",")).into_bytes(),
        format!("{}{}", "[".repeat(500_000), "]".repeat(500_000)).into_bytes(),
        format!("\"{}\"", "\\u20ac".repeat(170_000)).into_bytes(),
        format!("[{}]", "9".repeat(1_000_000)).into_bytes(),
        format!("[0.{}e-400]", "1".repeat(1_000_000)).into_bytes(),
    ]
}
