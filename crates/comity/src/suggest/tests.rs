use super::*;

const REQUEST: &str = "https://example.org/market-analysis/1.0/request";

#[test]
fn another_minor_version_goes_to_the_same_handler() {
    let handled = [REQUEST];
    let serve = |type_| serving(type_, handled.into_iter());
    assert_eq!(serve(REQUEST), Some(REQUEST));
    assert_eq!(
        serve("https://example.org/market-analysis/1.7/request"),
        Some(REQUEST)
    );
    assert_eq!(
        serve("https://example.org/market-analysis/2.0/request"),
        None
    );
    assert_eq!(
        serve("https://example.org/market-analysis/1.0/response"),
        None
    );
    assert_eq!(
        serve("https://example.com/market-analysis/1.0/request"),
        None
    );
    assert_eq!(serve("request"), None);
    assert_eq!(serve(""), None);
}

#[test]
fn the_nearest_type_is_suggested() {
    let handled = [REQUEST, "https://example.org/market-analysis/1.0/update"];
    let words = no_handler(
        "bruno",
        "https://example.org/market-analysis/1.0/requst",
        handled.into_iter(),
    );
    assert_eq!(
        words,
        "no handler for \"market-analysis/1.0/requst\"; bruno handles: \
         market-analysis/1.0/request, market-analysis/1.0/update   \
         (did you mean market-analysis/1.0/request?)"
    );
}

#[test]
fn other_protocols_are_not_named_to_the_sender() {
    let words = no_handler(
        "bruno",
        "https://example.org/other/1.0/x",
        [REQUEST].into_iter(),
    );
    assert_eq!(words, "no handler for \"other/1.0/x\"");
}
