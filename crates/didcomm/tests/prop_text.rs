//! What has a text form prints as it was read, and is of the form that its specification gives.

use comity_didcomm::problem::{MAX_RENDERED, ProblemCode, render};
use comity_didcomm::protocols::discover_features::matches;
use comity_didcomm::{MessageId, MessageType, ProtocolUri};
use proptest::prelude::*;
use serde_json::Value;

proptest! {
    #[test]
    fn ids(text in "[A-Za-z0-9._~-]{0,130}[ -~]?") {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        let sound = (1..=MessageId::MAX_BYTES).contains(&text.len()) && text.chars().all(allowed);
        match text.parse::<MessageId>() {
            Ok(id) => {
                prop_assert!(sound);
                prop_assert_eq!(id.to_string(), text.as_str());
                prop_assert_eq!(&text.to_ascii_uppercase().parse::<MessageId>().ok(), &Some(id));
            }
            Err(_) => prop_assert!(!sound),
        }
    }

    #[test]
    fn message_types(
        doc in "(https://[a-z.]{1,12}/([a-z]{1,6}[/?&:;=]){0,2}|did:example:a[;?]|[ -~]{0,8}/)",
        name in "[A-Za-z0-9._-]{0,8}",
        major in any::<u16>(),
        minor in any::<u16>(),
        message in "[A-Za-z0-9._-]{0,8}",
    ) {
        let text = format!("{doc}{name}/{major}.{minor}/{message}");
        let Ok(type_) = text.parse::<MessageType>() else { return Ok(()) };
        prop_assert_eq!(type_.to_string(), text.as_str());
        prop_assert_eq!(type_.message_name(), message.as_str());
        let version = type_.version();
        prop_assert_eq!((version.major, version.minor), (u32::from(major), u32::from(minor)));
        let protocol = type_.protocol();
        prop_assert_eq!(&protocol.to_string().parse::<ProtocolUri>().ok(), &Some(protocol.clone()));
        prop_assert_eq!(protocol.name(), type_.protocol_name());
        prop_assert!(protocol.covers(&type_));
        let spelled = format!("{}{}/{major}.9/{message}", type_.doc_uri(), protocol.name().to_uppercase());
        prop_assert!(type_.is(&spelled), "{}", spelled);
    }

    #[test]
    fn any_text_is_a_type_of_bounded_length_or_refused(text in "[ -~]{0,40}(/[a-z]{1,300}/1.0/|/1.0/)[a-z]{0,600}") {
        if let Ok(type_) = text.parse::<MessageType>() {
            prop_assert!(text.len() <= MessageType::MAX_BYTES);
            prop_assert_eq!(type_.as_str(), text);
        }
    }

    #[test]
    fn problem_codes(text in "[ew][.](m|p|[a-z_-]{1,5})([.][a-z0-9_-]{1,6}){0,4}[ -~]?") {
        let Ok(code) = text.parse::<ProblemCode>() else { return Ok(()) };
        prop_assert_eq!(code.to_string(), text.as_str());
        let tokens: Vec<_> = text.split('.').collect();
        prop_assert_eq!(code.descriptors().collect::<Vec<_>>(), tokens[2..].to_vec());
        for n in 1..=tokens.len() {
            prop_assert!(code.matches(&tokens[..n].join(".")));
        }
        prop_assert!(!code.matches(&text[..text.len() - 1]) || text[..text.len() - 1].ends_with('.'));
    }

    #[test]
    fn a_rendered_comment_is_bounded_and_whole_where_it_fits(
        comment in "([a-z ]{0,5}(\\{[0-9]{0,2}\\})?){0,6}",
        args in proptest::collection::vec("[ -~]{0,20}|[a-z]{9000,9001}", 0..4),
    ) {
        let values: Vec<_> = args.iter().cloned().map(Value::from).collect();
        let shown = render(&comment, &values);
        prop_assert!(shown.len() <= MAX_RENDERED);
        if !shown.ends_with('…') {
            let places = comment.matches('{').count();
            let absent = args.iter().filter(|arg| !shown.contains(arg.as_str())).count();
            prop_assert!(absent == 0 || places > 0);
        }
    }

    #[test]
    fn patterns_match_what_they_are_made_of(pieces in proptest::collection::vec("[a-z/.]{0,5}", 1..5), between in "[ -~]{0,6}") {
        prop_assert!(matches(&pieces.join("*"), &pieces.join(&between)));
        prop_assert!(matches(&pieces.concat(), &pieces.concat()));
    }
}
