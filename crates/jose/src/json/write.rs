//! Writing JSON. The same octets as serde_json's writer gives, faster for long texts: what needs
//! no escape is found many octets at a time and copied at once.

use serde::Serialize;
use serde_json::{Map, Value};

/// Writes a JSON object, member by member.
#[derive(Debug)]
pub struct ObjectWriter {
    out: Vec<u8>,
}

impl ObjectWriter {
    /// An object; `capacity` is a guess at its length in octets.
    pub fn new(capacity: usize) -> Self {
        let mut out = Vec::with_capacity(capacity);
        out.push(b'{');
        Self { out }
    }

    /// Writes a member that is a text. That its name is new is the caller's to see to.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        write_text(value, &mut self.out);
    }

    /// Writes a member that is an object.
    pub fn object(&mut self, name: &str, value: &Map<String, Value>) {
        self.name(name);
        write_object(value, &mut self.out);
    }

    /// Writes a member of any type that JSON can express.
    pub fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        self.name(name);
        serde_json::to_writer(&mut self.out, value).expect("json can express it");
    }

    /// The whole object.
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }

    fn name(&mut self, name: &str) {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        write_text(name, &mut self.out);
        self.out.push(b':');
    }
}

/// Appends a value.
pub fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            serde_json::to_writer(out, number).expect("json can express a number");
        }
        Value::String(text) => write_text(text, out),
        Value::Array(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_value(value, out);
            }
            out.push(b']');
        }
        Value::Object(members) => write_object(members, out),
    }
}

/// Appends a text in quotation marks, escaped where RFC 8259 §7 asks for it and nowhere else.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let plain = plain_len(rest);
        out.extend_from_slice(&rest[..plain]);
        let Some((octet, after)) = rest[plain..].split_first() else {
            break;
        };
        escape(*octet, out);
        rest = after;
    }
    out.push(b'"');
}

/// The same as [`write_text`], for the short texts that stand between what is written as base64.
pub(crate) fn push_text(text: &str, out: &mut String) {
    if plain_len(text.as_bytes()) < text.len() {
        out.push_str(&Value::from(text).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

fn write_object(members: &Map<String, Value>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        write_value(value, out);
    }
    out.push(b'}');
}

/// How many octets from the start need no escape.
fn plain_len(octets: &[u8]) -> usize {
    let blocks = octets.chunks_exact(BLOCK);
    // No early exit inside a block: that is what lets the compiler compare all of it at once.
    let plain = blocks
        .take_while(|block| {
            !block
                .iter()
                .fold(false, |any, octet| any | needs_escape(*octet))
        })
        .count()
        * BLOCK;
    let tail = &octets[plain..];
    plain
        + tail
            .iter()
            .position(|octet| needs_escape(*octet))
            .unwrap_or(tail.len())
}

fn needs_escape(octet: u8) -> bool {
    (octet < 0x20) | (octet == b'"') | (octet == b'\\')
}

fn escape(octet: u8, out: &mut Vec<u8>) {
    let short = match octet {
        b'"' | b'\\' => octet,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(octet >> 4)]);
            out.push(HEX[usize::from(octet & 15)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

const BLOCK: usize = 32;
const HEX: &[u8; 16] = b"0123456789abcdef";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(value: &Value) -> String {
        let mut out = Vec::new();
        write_value(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn pushed(text: &str) -> String {
        let mut out = String::new();
        push_text(text, &mut out);
        out
    }

    #[test]
    fn writes_what_serde_json_writes() {
        let every: String = (0..0x180_u32).filter_map(char::from_u32).collect();
        let value = json!({"null": null, "yes": true, "no": false, "none": {}, "empty": [],
            "numbers": [0, -1, u64::MAX, i64::MIN, 1.5, -0.0, 1e300, 1e-7],
            "every": every, "\u{1}\"\\": ["\u{1F426}", "", "/", "\u{7f}"]});
        assert_eq!(written(&value), value.to_string());
    }

    #[test]
    fn finds_an_escape_at_every_place_of_a_block() {
        for length in 0..3 * BLOCK {
            let plain = "é".repeat(length / 2) + &"a".repeat(length % 2);
            assert_eq!(written(&plain.clone().into()), format!("\"{plain}\""));
            assert_eq!(pushed(&plain), format!("\"{plain}\""));
            for place in (0..=plain.len()).filter(|place| plain.is_char_boundary(*place)) {
                let mut text = plain.clone();
                text.insert(place, ['"', '\n', '\0', '\\', '\u{1f}'][place % 5]);
                assert_eq!(pushed(&text), Value::from(&*text).to_string());
                let value = Value::from(text);
                assert_eq!(written(&value), value.to_string());
            }
        }
    }

    #[test]
    fn writes_members_in_their_order() {
        let mut object = ObjectWriter::new(16);
        object.text("a", "b\"");
        object.value("list", &[1, 2]);
        let Value::Object(members) = json!({"n": {"m": "x"}}) else {
            unreachable!()
        };
        object.object("o", &members);
        let text = String::from_utf8(object.finish()).unwrap();
        assert_eq!(text, r#"{"a":"b\"","list":[1,2],"o":{"n":{"m":"x"}}}"#);
        assert_eq!(ObjectWriter::new(0).finish(), b"{}");
    }
}
