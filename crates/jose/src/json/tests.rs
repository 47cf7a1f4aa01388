use serde_json::json;

use super::*;

const TIGHT: Limits = Limits {
    bytes: 64,
    depth: 2,
    members: 6,
};

fn refusal(text: &str) -> JsonError {
    parse(text.as_bytes(), &TIGHT).unwrap_err()
}

#[test]
fn reads_what_fits() {
    let value = parse(br#" {"a":[1,-2,3.5,null],"b":"\u20ac"}"#, &Limits::MESSAGE).unwrap();
    assert_eq!(value, json!({"a": [1, -2, 3.5, null], "b": "€"}));
}

#[test]
fn refuses_a_member_named_twice_at_any_level() {
    assert!(matches!(
        refusal(r#"{"a":1,"a":1}"#),
        JsonError::DuplicateMember
    ));
    assert!(matches!(
        refusal(r#"[{"a":1,"a":2}]"#),
        JsonError::DuplicateMember
    ));
    assert!(matches!(
        refusal(r#"{"a":1,"\u0061":2}"#),
        JsonError::DuplicateMember
    ));
}

#[test]
fn refuses_what_is_too_large_too_deep_or_too_many() {
    assert!(matches!(
        refusal(&" ".repeat(65)),
        JsonError::TooLarge { limit: 64 }
    ));
    assert!(parse(b"[[1]]", &TIGHT).is_ok());
    assert!(matches!(
        refusal("[[[1]]]"),
        JsonError::TooDeep { limit: 2 }
    ));
    assert!(matches!(
        refusal(r#"{"a":{"b":{}}}"#),
        JsonError::TooDeep { limit: 2 }
    ));
    assert!(parse(b"[1,2,3,4,5]", &TIGHT).is_ok());
    assert!(matches!(
        refusal("[1,2,3,4,5,6]"),
        JsonError::TooManyMembers { limit: 6 }
    ));
}

#[test]
fn refuses_endless_nesting_whatever_the_limit() {
    let limits = Limits {
        bytes: 1 << 20,
        depth: usize::MAX,
        members: usize::MAX,
    };
    assert!(parse("[".repeat(100_000).as_bytes(), &limits).is_err());
}

#[test]
fn refuses_what_is_not_json() {
    for text in [
        "",
        "{",
        "{}{}",
        "nul",
        "{'a':1}",
        "[1,]",
        "\u{feff}{}",
        "NaN",
        "1e999",
        "01",
    ] {
        assert!(matches!(refusal(text), JsonError::Syntax { .. }), "{text}");
    }
    for octets in [
        &b"\"\xff\""[..],
        b"\xff{}",
        b"\"\\ud800\"",
        b"\"\x01\"",
        b"{}\0",
    ] {
        assert!(matches!(
            parse(octets, &TIGHT).unwrap_err(),
            JsonError::Syntax { .. }
        ));
    }
}

#[test]
fn reads_as_a_type_or_says_that_the_shape_differs() {
    assert_eq!(parse_as::<Vec<u8>>(b"[1,2]", &TIGHT).unwrap(), [1, 2]);
    assert!(matches!(
        parse_as::<Vec<u8>>(b"{}", &TIGHT),
        Err(JsonError::Shape(_))
    ));
}

#[test]
fn an_error_of_shape_quotes_little() {
    let long = Value::from("é".repeat(100_000));
    let error = read_as::<u64>(long).unwrap_err();
    let shown = std::error::Error::source(&error).unwrap().to_string();
    assert!(shown.starts_with("invalid type: string \"é") && shown.ends_with("é…"));
    assert!(shown.len() <= 260 && format!("{error:?}").len() < 400);
}
