use std::collections::HashSet;

use comity_jose::SystemEntropy;

use super::*;

fn id(text: &str) -> MessageId {
    MessageId::parse(text).unwrap()
}

#[test]
fn ids_are_compared_without_regard_to_case() {
    assert_eq!(id("Ab-1"), id("aB-1"));
    assert_eq!(id("Ab-1").cmp(&id("aB-1")), Ordering::Equal);
    assert!(id("a").cmp(&id("B")).is_lt());
    assert_eq!(HashSet::from([id("Ab"), id("aB"), id("b")]).len(), 2);
    assert_eq!(id("Ab").to_lower_case().as_str(), "ab");
    assert_eq!(id("Ab").as_str(), "Ab");
}

#[test]
fn generated_ids_are_random_uuids_in_canonical_form() {
    let made = MessageId::generate(&SystemEntropy);
    let text = made.as_str();
    assert_eq!(text.len(), 36);
    assert_eq!(&text[14..15], "4");
    assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"));
    assert!(
        text.match_indices('-')
            .map(|(at, _)| at)
            .eq([8, 13, 18, 23])
    );
    assert_ne!(made, MessageId::generate(&SystemEntropy));
}

#[test]
fn refuses_what_is_empty_long_or_reserved() {
    assert_eq!(MessageId::parse(""), Err(MessageIdError::Length));
    assert_eq!(
        MessageId::parse(&"x".repeat(129)),
        Err(MessageIdError::Length)
    );
    assert!(MessageId::parse(&"x".repeat(128)).is_ok());
    for text in ["a b", "a/b", "ä", "a\n", "a%20"] {
        assert_eq!(
            MessageId::parse(text),
            Err(MessageIdError::Character),
            "{text}"
        );
    }
}
