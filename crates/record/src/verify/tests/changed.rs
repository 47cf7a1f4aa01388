//! What was changed after it was signed or recorded, and how it shows.

use comity_jose::base64url;
use serde_json::json;

use super::*;

#[test]
fn tampering_is_found_where_it_is() {
    let story = Story::new();
    let other = base64url::encode(&[9; 32]);
    type Edit<'a> = (&'a str, &'a dyn Fn(&mut Value));
    let edits: &[Edit<'_>] = &[
        ("/messages/0/digest", &|b| {
            b["messages"][0]["digest"] = b["messages"][1]["digest"].clone()
        }),
        ("/messages/1/digest", &|b| {
            b["messages"][1]["jws"] = b["messages"][0]["jws"].clone()
        }),
        ("/messages/0/jws", &|b| {
            b["messages"][0]["jws"]["signatures"][0]["signature"] =
                b["messages"][1]["jws"]["signatures"][0]["signature"].clone();
        }),
        ("/messages/0/jws", &|b| {
            b["messages"][0]["jws"]["signatures"][0]["header"]["kid"] =
                "did:web:agents.org-b.test:bruno#key-1".into();
        }),
        ("/messages/0/jws", &|b| b["thread"]["thid"] = "other".into()),
        ("/messages/0/jws", &|b| {
            b["thread"]["between"][1] = "did:web:agents.org-c.test:carol".into();
        }),
        ("/messages/0", &|b| b["messages"] = json!([])),
        ("/receipts/2", &|b| b["receipts"][2]["index"] = 1.into()),
        ("/receipts/3", &|b| b["receipts"][3]["path"] = json!([])),
        ("/receipts/0", &|b| {
            b["messages"].as_array_mut().unwrap().remove(0);
        }),
        ("/entries/0/size", &|b| {
            b["entries"][0]["size"] = 1000.into()
        }),
        ("/entries/0/path", &|b| b["entries"][0]["index"] = 1.into()),
        ("/entries/0/path", &|b| {
            b["entries"][0]["path"][0] = other.clone().into()
        }),
        ("/entries/0/record", &|b| {
            b["entries"][0]["r"] = other.clone().into()
        }),
        ("/entries/0/record", &|b| {
            b["entries"][0]["record"] = b["entries"][1]["record"].clone()
        }),
        ("/checkpoints/0", &|b| {
            let note = b["checkpoints"][0].as_str().unwrap().replacen('A', "B", 1);
            b["checkpoints"][0] = note.into();
        }),
        ("/documents/0/octets", &|b| {
            b["documents"][0]["octets"] = b["documents"][1]["octets"].clone();
        }),
        ("/messages/0/jws", &|b| {
            b["documents"].as_array_mut().unwrap().remove(0);
        }),
    ];
    for (pointer, edit) in edits {
        let report = edited(&story, edit);
        let (found, why) = first(&report);
        if *pointer == "/messages/0" {
            assert_eq!(found, "/messages", "{why:?}");
        } else if *pointer == "/documents/0/octets" || *pointer == "/checkpoints/0" {
            assert!(
                report.findings.iter().any(|one| one.pointer == *pointer),
                "{report}"
            );
        } else {
            assert_eq!(found, *pointer, "{why:?}");
        }
    }
}

#[test]
fn a_changed_document_is_not_the_one_that_the_record_names() {
    let story = Story::new();
    let document = story.a.document.octets();
    let changed = String::from_utf8(document.to_vec()).unwrap();
    let changed = changed.replace("/didcomm", "/didcomn");
    let change = |bundle: &mut Value| {
        bundle["documents"][0]["octets"] = base64url::encode(changed.as_bytes()).into();
    };
    let report = edited(&story, change);
    let (pointer, why) = first(&report);
    assert_eq!(pointer, "/documents/0/octets");
    assert!(matches!(why, Why::DocumentDiffers(did) if *did == story.a.did));

    // Another state of it beside the one that is named is no contradiction.
    let report = edited(&story, |bundle| {
        let named = bundle["documents"][0].clone();
        change(bundle);
        bundle["documents"].as_array_mut().unwrap().push(named);
    });
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    assert!(has(&report, |why| matches!(why, Why::DocumentUnbound(..))));
    let bound: Vec<_> = report.documents.iter().map(|one| one.bound).collect();
    assert_eq!(bound, [false, true, true]);

    // And what no entry names is listed, so that its change is seen.
    let without_entries = |change: &dyn Fn(&mut Value)| {
        edited(&story, |bundle| {
            bundle["entries"] = json!([]);
            bundle["checkpoints"] = json!([]);
            change(bundle);
        })
    };
    let (before, after) = (without_entries(&|_| ()), without_entries(&change));
    assert_eq!(after.verdict, Verdict::Proved, "{after}");
    assert_ne!(before.documents[0].hash, after.documents[0].hash);
    assert_ne!(before.to_string(), after.to_string());
}

#[test]
fn an_entry_of_the_agents_own_node_binds_its_document() {
    let story = Story::new();
    let mut builder = story.builder();
    builder
        .signed(story.response.digest, story.response.jws.as_bytes())
        .unwrap();
    for receipt in &story.receipts[2..] {
        builder.receipt(receipt.clone()).unwrap();
    }
    let size = builder.vouched_size(&story.a.origin, 1).unwrap();
    builder.entry(story.a.show(1, size), &story.a.note_at(size));
    let report = verify_bundle(&builder.build(1).unwrap(), &story.anchors());
    assert_eq!(report.verdict, Verdict::Proved, "{report}");
    let bound: Vec<_> = report.documents.iter().map(|one| one.bound).collect();
    assert_eq!(bound, [true, false]);
}

#[test]
fn words_changed_after_the_signature_are_a_bad_signature_whatever_the_digest() {
    let story = Story::new();
    let change = |bundle: &mut Value| {
        let payload = bundle["messages"][1]["jws"]["payload"].as_str().unwrap();
        let words = String::from_utf8(base64url::decode(payload).unwrap()).unwrap();
        let words = base64url::encode(words.replace("\"rows\":3", "\"rows\":4").as_bytes());
        assert_ne!(words, payload);
        bundle["messages"][1]["jws"]["payload"] = words.into();
    };
    let recomputed = |bundle: &mut Value| {
        change(bundle);
        let jws = &bundle["messages"][1]["jws"];
        let payload = jws["payload"].as_str().unwrap();
        let protected = jws["signatures"][0]["protected"].as_str().unwrap();
        let digest = crate::message_digest_signed(protected, payload);
        bundle["messages"][1]["digest"] = digest.to_string().into();
    };
    for report in [edited(&story, change), edited(&story, recomputed)] {
        let (pointer, why) = first(&report);
        assert_eq!(pointer, "/messages/1/jws");
        assert!(matches!(why, Why::Signature(did) if *did == story.b.did));
    }
    // A digest alone is said to be one.
    let report = edited(&story, |bundle| {
        bundle["messages"][1]["digest"] = crate::Digest::of(b"x").to_string().into();
    });
    assert_eq!(first(&report).0, "/messages/1/digest");
}

#[test]
fn newer_bundles_are_refused_as_unsupported_not_guessed() {
    let story = Story::new();
    let unsupported = |edit: &dyn Fn(&mut Value)| edited(&story, edit).to_string();
    assert!(unsupported(&|b| b["v"] = 2.into()).contains("version 2"));
    assert!(unsupported(&|b| b["must"] = json!(["seals"])).contains("seals"));
    let ignored = edited(&story, |b| b["seals"] = json!([1.5, {"x": null}]));
    assert_eq!(ignored.verdict, Verdict::Proved, "{ignored}");
}
