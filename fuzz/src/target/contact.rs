//! Knocks, their answers, grants.

use comity_didcomm::MessageType;
use comity_engine::Grant;
use comity_engine::contact::{Declined, Ended, First, Knock, Welcome};
use comity_engine::grant::Restrictions;
use comity_jose::json::{self, Limits};
use comity_record::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{choice, chosen};
use crate::Target;
use crate::cast::{ARIA, BRUNO};

pub(crate) const TARGET: Target = Target {
    name: "contact",
    max_len: 8192,
    run,
    seeds,
    heavy,
};

fn run(data: &[u8]) {
    let Some((how, rest)) = choice(data, 5) else {
        return;
    };
    let Ok(body) = json::parse(rest, &Limits::MESSAGE) else {
        return;
    };
    match how {
        0 => {
            if let Ok(knock) = Knock::from_body(&body) {
                assert!(knock.purpose.chars().count() <= 280);
                check_speaks(&knock.speaks);
                check_grant(&knock.offer);
                assert_eq!(Knock::from_body(&knock.to_body()), Ok(knock));
            }
        }
        1 => {
            if let Ok(welcome) = Welcome::from_body(&body) {
                check_speaks(&welcome.speaks);
                check_grant(&welcome.grant);
                assert_eq!(Welcome::from_body(&welcome.to_body()), Ok(welcome));
            }
        }
        2 => round::<Ended>(body),
        3 => round::<Declined>(body),
        _ => {
            if let Ok(grant) = Grant::from_json(body) {
                check_grant(&grant);
            }
        }
    }
}

fn round<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(body: Value) {
    if let Ok(read) = serde_json::from_value::<T>(body) {
        let written = serde_json::to_value(&read).expect("written");
        assert_eq!(
            serde_json::from_value::<T>(written).expect("reads back"),
            read
        );
    }
}

fn check_speaks(speaks: &[String]) {
    assert!(speaks.len() <= 16 && speaks.iter().all(|word| word.len() <= 32));
}

fn check_grant(grant: &Grant) {
    // The same grant has the same id, however it is printed, and after any journey.
    let printed = serde_json::to_vec(grant.json()).expect("prints");
    let again = json::parse(
        &printed,
        &Limits {
            bytes: usize::MAX,
            ..Limits::MESSAGE
        },
    )
    .expect("json");
    let again = Grant::from_json(again).expect("a grant");
    assert_eq!(again.id(), grant.id());
    assert_eq!(&again, grant);
    let canonical = json::canonical(grant.json()).expect("had an id");
    let canonical = json::parse(
        &canonical,
        &Limits {
            bytes: usize::MAX,
            ..Limits::MESSAGE
        },
    )
    .expect("json");
    assert_eq!(
        Grant::from_json(canonical).expect("a grant").id(),
        grant.id()
    );
    let [a, b] = grant.between();
    assert_ne!(a, b);
    assert_eq!((grant.peer_of(a), grant.peer_of(b)), (Some(b), Some(a)));
    assert!(grant.until() < 1 << 53);
    for did in [a, b] {
        for text in grant.types_from(did).iter() {
            if let Ok(type_) = text.parse::<MessageType>() {
                assert!(grant.permits(did, &type_));
            }
        }
        assert!(grant.types_from(did).len() <= 64);
    }
    let stranger = "did:example:stranger".parse().expect("a DID");
    if a != &stranger && b != &stranger {
        let ping = MessageType::parse("https://didcomm.org/trust-ping/2.0/ping").expect("a type");
        assert!(!grant.permits(&stranger, &ping));
    }
}

/// What Aria offers to Bruno.
pub(crate) fn offer() -> Grant {
    let types = vec![
        "https://example.org/market/1.0".into(),
        "https://example.org/a/2.1/b".into(),
    ];
    let restrictions = Restrictions {
        deniable: true,
        untimed: true,
        uses: Some(3),
        max_bytes: Some(65_536),
        ..Restrictions::default()
    };
    Grant::new(
        [ARIA.did.clone(), BRUNO.did.clone()],
        [types.clone(), types],
        1_795_664_126,
        "AAECAwQFBgcICQoLDA0ODw",
        &restrictions,
    )
    .expect("a grant")
}

fn seeds() -> Vec<Vec<u8>> {
    let offer = offer();
    let knock = Knock {
        purpose: "Q3 pricing study".into(),
        offer: offer.clone(),
        first: Some(First {
            digest: Digest::of(b"first"),
            type_: "https://example.org/market/1.0/request".into(),
            bytes: 812,
        }),
        speaks: vec!["A256GCM".into(), "batch/1.0".into()],
        vouches: Vec::new(),
    };
    let welcome = Welcome {
        grant: offer.clone(),
        speaks: vec!["A256GCM".into()],
    };
    vec![
        chosen(0, knock.to_body().to_string()),
        chosen(1, welcome.to_body().to_string()),
        chosen(
            2,
            json!({"grant": offer.id(), "code": "e.p.trust.revoked", "ref": "x7"}).to_string(),
        ),
        chosen(3, json!({"code": "e.p.trust.denied"}).to_string()),
        chosen(4, offer.json().to_string()),
        chosen(
            4,
            r#"{"v":1,"must":["uses","later"],"between":[],"may":[]}"#,
        ),
    ]
}

fn heavy() -> Vec<Vec<u8>> {
    let mut wide = offer().json().clone();
    wide["may"][0]["types"] = vec!["https://example.org/market/1.0"; 60_000].into();
    let mut deep = offer().json().clone();
    deep["x"] = (0..50_000)
        .map(|n| (format!("{n:x}"), json!(0.1)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    vec![chosen(4, wide.to_string()), chosen(4, deep.to_string())]
}
