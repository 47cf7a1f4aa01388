use serde_json::json;

use super::*;
use crate::testing::Story;

#[test]
fn a_bundle_reads_back_as_it_was_written() {
    let octets = Story::new().bundle().to_octets();
    let read = Bundle::parse(&octets).unwrap();
    assert_eq!(read.to_octets(), octets);
    assert_eq!(read.messages.len(), 2);
    assert_eq!(read.receipts.len(), 4);
    assert_eq!(read.entries.len(), 6);
}

#[test]
fn the_file_has_the_members_of_the_format() {
    let story = Story::new();
    let file: Value = serde_json::from_slice(&story.bundle().to_octets()).unwrap();
    let names: Vec<_> = file
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let expected = [
        "v",
        "made_at",
        "thread",
        "messages",
        "receipts",
        "entries",
        "checkpoints",
        "documents",
    ];
    assert_eq!(names, expected);
    let names = |value: &Value| {
        value
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names(&file["thread"]), "thid between");
    assert_eq!(names(&file["messages"][0]), "digest jws");
    assert_eq!(names(&file["receipts"][0]), "jws");
    assert_eq!(names(&file["receipts"][2]), "jws statement index path");
    assert_eq!(
        names(&file["entries"][0]),
        "origin index size leaf r record path"
    );
    assert_eq!(names(&file["documents"][0]), "did octets at");
}

#[test]
fn what_is_no_bundle_is_refused_with_its_place() {
    let good: Value = serde_json::from_slice(&Story::new().bundle().to_octets()).unwrap();
    type Edit<'a> = (&'a str, &'a dyn Fn(&mut Value));
    let edits: &[Edit<'_>] = &[
        ("", &|b| *b = json!([])),
        ("", &|b| b["v"] = "1".into()),
        ("/made_at", &|b| b["made_at"] = json!(1.5)),
        ("/made_at", &|b| b["made_at"] = json!(-1)),
        ("/made_at", &|b| {
            b.as_object_mut().unwrap().remove("made_at");
        }),
        ("/thread/thid", &|b| b["thread"]["thid"] = 1.into()),
        ("/thread/between", &|b| {
            b["thread"]["between"] = json!(["did:example:a"])
        }),
        ("/thread/between", &|b| {
            b["thread"]["between"][1] = b["thread"]["between"][0].clone()
        }),
        ("/thread/between/1", &|b| {
            b["thread"]["between"][1] = "bruno".into()
        }),
        ("/messages", &|b| b["messages"] = json!({})),
        ("/messages/1", &|b| {
            b["messages"][1]["withheld"] = true.into()
        }),
        ("/messages/0", &|b| {
            b["messages"][0] = json!({"digest": b["messages"][0]["digest"]})
        }),
        ("/messages/0", &|b| {
            b["messages"][0] = json!({"digest": b["messages"][0]["digest"], "withheld": false});
        }),
        ("/messages/0/digest", &|b| {
            b["messages"][0]["digest"] = "uEi".into()
        }),
        ("/receipts/3", &|b| b["receipts"][3]["index"] = Value::Null),
        ("/receipts/0", &|b| b["receipts"][0] = "x".into()),
        ("/entries/2", &|b| {
            b["entries"][2].as_object_mut().unwrap().remove("r");
        }),
        ("/entries/2/r", &|b| b["entries"][2]["r"] = "AA".into()),
        ("/entries/1/leaf", &|b| {
            b["entries"][1]["leaf"] = "{}".into()
        }),
        ("/entries/1/path/0", &|b| {
            b["entries"][1]["path"][0] = "AA==".into()
        }),
        ("/entries/1/index", &|b| {
            b["entries"][1]["index"] = json!(9_007_199_254_740_992_u64)
        }),
        ("/documents", &|b| {
            b["documents"] = vec![b["documents"][0].clone(); 65].into()
        }),
        ("/checkpoints/0", &|b| b["checkpoints"][0] = "x".into()),
        ("/documents/1/octets", &|b| {
            b["documents"][1]["octets"] = "\n".into()
        }),
    ];
    for (pointer, edit) in edits {
        let mut file = good.clone();
        edit(&mut file);
        let error = Bundle::parse(file.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.pointer(), *pointer, "{:?}", error.fault());
    }
}

#[test]
fn bombs_are_refused() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(Bundle::parse(deep.as_bytes()).is_err());
    let wide = format!("[{}0]", "0,".repeat(3_000_000));
    assert!(matches!(
        Bundle::parse(wide.as_bytes()).unwrap_err().fault(),
        Fault::Json(comity_jose::json::JsonError::TooManyMembers { .. })
    ));
    let large = vec![b' '; MAX_BUNDLE_BYTES + 1];
    assert!(matches!(
        Bundle::parse(&large).unwrap_err().fault(),
        Fault::Json(comity_jose::json::JsonError::TooLarge { .. })
    ));
    assert!(Bundle::parse(br#"{"v":1,"v":1}"#).is_err());
}
