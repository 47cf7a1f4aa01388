//! What a history answers.

use serde_json::json;

use super::maker::{Maker, witnesses};
use crate::DidUrl;
use crate::webvh::{History, Query, ResolutionError, VersionTime};

fn history(maker: &Maker) -> History {
    let proofs = json!([maker.witnessed(maker.entries.len(), &[7])]).to_string();
    let log = maker.verify().unwrap();
    log.into_history(Some(proofs.as_bytes())).unwrap()
}

/// Three versions, on the first three days of 2025.
fn three() -> Maker {
    Maker::new(json!({"ttl": 60, "portable": true}))
        .then(json!({}), &[1])
        .then(json!({"witness": witnesses(1, &[7])}), &[1])
}

fn time(text: &str) -> Query {
    Query::Time(VersionTime::parse(text).unwrap())
}

/// The number of the version that answers, or the error code.
fn answer(history: &History, query: &Query) -> Result<String, &'static str> {
    let resolution = history.resolve(query).map_err(|error| error.code())?;
    let (number, _) = resolution.metadata.version_id.split_once('-').unwrap();
    Ok(number.to_owned())
}

#[test]
fn answers_for_the_version_that_is_asked_for() {
    let maker = three();
    let history = history(&maker);
    let answers = |query: Query| answer(&history, &query);
    assert_eq!(answers(Query::Latest), Ok("3".into()));
    assert_eq!(answers(Query::Id(maker.version_id(2))), Ok("2".into()));
    assert_eq!(answers(Query::Id("2-Qm".into())), Err("notFound"));
    assert_eq!(answers(Query::Number(1)), Ok("1".into()));
    assert_eq!(answers(Query::Number(4)), Err("notFound"));
    assert_eq!(answers(Query::Number(0)), Err("notFound"));
    assert_eq!(answers(time("2025-01-02T00:00:00Z")), Ok("2".into()));
    assert_eq!(answers(time("2025-01-02T23:59:59.9Z")), Ok("2".into()));
    assert_eq!(answers(time("2025-03-01T00:00:00Z")), Ok("3".into()));
    assert_eq!(answers(time("2024-12-31T00:00:00Z")), Err("notFound"));
}

#[test]
fn metadata_holds_text_for_every_number() {
    let maker = three();
    let found = history(&maker).resolve(&Query::Number(2)).unwrap();
    assert_eq!(*found.document.unwrap().id(), maker.did());
    assert_eq!(
        serde_json::to_value(&found.metadata).unwrap(),
        json!({
            "versionId": maker.version_id(2), "versionTime": "2025-01-02T00:00:00Z",
            "created": "2025-01-01T00:00:00Z", "updated": "2025-01-03T00:00:00Z",
            "scid": maker.scid, "portable": true, "deactivated": false, "ttl": "60",
            "witness": {"threshold": "1", "witnesses": witnesses(1, &[7])["witnesses"]},
            "watchers": [],
        })
    );
}

#[test]
fn what_was_verified_is_answered_even_if_the_end_of_the_log_is_refused() {
    let mut maker = Maker::new(json!({}))
        .then(json!({}), &[1])
        .then(json!({}), &[1]);
    maker.entries[2]["state"]["service"] = json!([]);
    let history = history(&maker);
    let answers = |query: Query| answer(&history, &query);
    assert_eq!(answers(Query::Number(2)), Ok("2".into()));
    assert_eq!(answers(Query::Id(maker.version_id(1))), Ok("1".into()));
    assert_eq!(answers(time("2025-01-01T12:00:00Z")), Ok("1".into()));
    assert_eq!(answers(time("2025-01-02T00:00:00Z")), Ok("2".into()));
    assert_eq!(answers(Query::Latest), Err("invalidDid"));
    assert_eq!(answers(time("2025-01-02T00:00:01Z")), Err("invalidDid"));
    assert_eq!(answers(Query::Number(3)), Err("invalidDid"));
    assert_eq!(answers(time("2024-01-02T00:00:01Z")), Err("notFound"));
}

#[test]
fn a_did_that_ended_has_no_document_but_its_past() {
    let maker = Maker::new(json!({})).then(json!({"deactivated": true}), &[1]);
    let history = history(&maker);
    let latest = history.resolve(&Query::Latest).unwrap();
    assert!(latest.document.is_none());
    assert!(latest.metadata.deactivated);
    let past = history.resolve(&Query::Number(1)).unwrap();
    assert!(past.document.is_some());
    assert!(past.metadata.deactivated);
}

#[test]
fn did_urls_name_at_most_one_version() {
    let read = |query: &str| {
        let url = DidUrl::parse(&format!("{}{query}", three().did())).unwrap();
        Query::of(&url)
    };
    assert_eq!(read("").unwrap(), Query::Latest);
    assert_eq!(read("?service=x#y").unwrap(), Query::Latest);
    assert_eq!(
        read("?versionId=2-Qm&a=b").unwrap(),
        Query::Id("2-Qm".into())
    );
    assert_eq!(read("?versionNumber=2").unwrap(), Query::Number(2));
    let at = time("2025-01-02T00:00:00Z");
    assert_eq!(read("?versionTime=2025-01-02T00:00:00Z").unwrap(), at);
    assert_eq!(read("?versionTime=2025-01-02T00%3A00%3A00Z").unwrap(), at);
    for bad in [
        "?versionNumber=+2",
        "?versionNumber=x",
        "?versionTime=2025-01-02",
        "?versionNumber=1&versionNumber=2",
        "?versionId=1-Q&versionNumber=1",
    ] {
        assert!(matches!(read(bad), Err(ResolutionError::Query)), "{bad}");
    }
}
