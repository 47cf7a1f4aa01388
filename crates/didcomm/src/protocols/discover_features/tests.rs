use super::*;

#[test]
fn a_star_stands_for_any_text_and_all_else_for_itself() {
    for (pattern, text) in [
        ("*", ""),
        ("*", "abc"),
        ("**", "abc"),
        ("a*c", "abc"),
        ("a*c", "ac"),
        ("a*b*c", "a-b-b-c"),
        ("*b*", "abc"),
        ("", ""),
        ("a.c", "a.c"),
    ] {
        assert!(matches(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("", "a"),
        ("a", "ab"),
        ("a*a", "a"),
        ("a*b*c", "acb"),
        ("a.c", "abc"),
        ("a?c", "abc"),
        ("*a", "ab"),
        ("[a]", "a"),
    ] {
        assert!(!matches(pattern, text), "{pattern} {text}");
    }
}

#[test]
fn a_constraint_carries_its_value() {
    let text =
        r#"{"feature-type":"constraint","id":"max_receive_bytes","max_receive_bytes":"65536"}"#;
    let constraint: Disclosure = serde_json::from_str(text).unwrap();
    assert_eq!(constraint.extra["max_receive_bytes"], "65536");
    assert_eq!(serde_json::to_string(&constraint).unwrap(), text);
    assert_eq!(Disclosure::max_receive_bytes(65_536), constraint);
}
