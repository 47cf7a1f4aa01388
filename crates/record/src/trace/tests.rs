use super::*;
use crate::testing::Story;

fn message(name: &str, causes: &[&str]) -> TracedMessage {
    TracedMessage {
        digest: Digest::of(name.as_bytes()),
        id: name.into(),
        type_: format!("https://example.org/{name}/1.0/x"),
        from: None,
        to: vec![],
        thid: name.into(),
        causes: causes
            .iter()
            .map(|cause| Digest::of(cause.as_bytes()))
            .collect(),
    }
}

fn ids(trace: &Trace) -> Vec<&str> {
    trace
        .messages
        .iter()
        .map(|message| message.id.as_str())
        .collect()
}

#[test]
fn follows_causes_across_threads_and_lists_them_before_their_effects() {
    let all = || {
        [
            message("report", &["analysis", "prices"]),
            message("unrelated", &[]),
            message("analysis", &["prices", "forecast"]),
            message("prices", &[]),
        ]
    };
    let trace_of = trace(all(), Some(&Digest::of(b"report")));
    assert_eq!(ids(&trace_of), ["prices", "analysis", "report"]);
    assert_eq!(trace_of.dangling, [Digest::of(b"forecast")]);
    assert_eq!(trace_of.edges.len(), 4);
    let everything = trace(all(), None);
    assert_eq!(everything.messages.len(), 4);
    let unknown = trace(all(), Some(&Digest::of(b"nobody")));
    assert_eq!((unknown.messages.len(), unknown.dangling.len()), (0, 1));
}

#[test]
fn cycles_and_long_chains_of_liars_end() {
    let cycle = trace([message("a", &["b"]), message("b", &["a"])], None);
    assert_eq!(ids(&cycle), ["b", "a"]);
    let names: Vec<String> = (0..50_000).map(|n| n.to_string()).collect();
    let chain = names
        .windows(2)
        .map(|pair| message(&pair[1], &[pair[0].as_str()]));
    assert_eq!(trace(chain, None).messages.len(), 49_999);
}

#[test]
fn a_bundle_gives_its_messages_and_those_it_has_only_records_of() {
    let story = Story::new();
    let mut bundle = story.bundle();
    let digest = story.response.digest;
    let traced = trace(messages_of(&bundle), Some(&digest));
    assert_eq!(traced.edges, [(digest, story.request.digest)]);
    assert!(traced.dangling.is_empty());

    bundle
        .messages
        .iter_mut()
        .for_each(|shown| shown.content = Content::Withheld);
    let redacted = trace(messages_of(&bundle), Some(&digest));
    assert_eq!(redacted.edges, traced.edges);
    bundle.entries.clear();
    assert!(messages_of(&bundle).is_empty());
}

#[test]
fn renderings_cannot_be_broken_out_of() {
    let mut evil = message("evil", &["gone"]);
    evil.type_ = "x\"]; y [label=\"\\\nz\u{202e}".into();
    let trace = trace([evil], None);
    let dot = trace.to_dot();
    assert!(dot.starts_with("digraph causes {\n") && dot.ends_with("}\n"));
    assert!(dot.contains(r#"x\"]; y [label=\"\\\nz"#), "{dot}");
    assert!(!dot.contains('\u{202e}'));
    assert_eq!(
        dot.lines()
            .filter(|line| line.contains("style=dashed"))
            .count(),
        1
    );
    let text = trace.to_string();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("(not shown)"));
}
