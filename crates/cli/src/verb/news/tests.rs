use super::*;

fn knock() -> Knock {
    Knock {
        who: comity_api::operator::Party::default(),
        warnings: Vec::new(),
        replaces: None,
        id: "879d1846-31f4-4b92-bdf9-55b5dda0a847".into(),
        from: "did:web:agents.org-a.test:aria".into(),
        to: "did:web:agents.org-b.test:bruno".into(),
        state: "pending".into(),
        purpose: "a quiz\u{1b}[2J".into(),
        they_may_send: Vec::new(),
        you_may_send: Vec::new(),
        until: 0,
        first: None,
        vouched_by: Vec::new(),
        not_vouched: Vec::new(),
        invited: false,
        proved_by: String::new(),
        fingerprint: String::new(),
        received: 0,
        expires: 0,
        approval: String::new(),
    }
}

fn grant(state: &str, by: &str) -> Grant {
    Grant {
        id: "uEiB".into(),
        ours: "did:web:agents.org-a.test:aria".into(),
        peer: "did:web:agents.org-b.test:bruno".into(),
        state: state.into(),
        they_may_send: Vec::new(),
        we_may_send: Vec::new(),
        until: 0,
        deniable: false,
        uses: 0,
        sent: 0,
        most_uses: None,
        rate: None,
        max_bytes: None,
        note: String::new(),
        vouched_by: Vec::new(),
        code: None,
        decided_by: by.into(),
        created: 0,
    }
}

fn knocking(knocks: &[Knock]) -> Known {
    Known {
        knocks: knocks.iter().map(|k| (k.id.clone(), k.clone())).collect(),
        ..Known::default()
    }
}

fn granting(grants: &[Grant]) -> Known {
    let key = |grant: &Grant| (grant.id.clone(), grant.ours.clone());
    Known {
        grants: grants.iter().map(|g| (key(g), g.clone())).collect(),
        ..Known::default()
    }
}

fn told(before: &Known, now: &Known, knocks: &[Knock], grants: &[Grant]) -> String {
    let lines = lines(before, now, knocks, grants).join("\n");
    anstream::adapter::strip_str(&lines).to_string()
}

#[test]
fn what_an_agent_asks_is_told_once_and_when_nobody_answered_in_time() {
    let parked = |until| {
        let parked = Parked {
            seq: 1,
            delivery: "d_x".into(),
            id: "879d1846-31f4-4b92-bdf9-55b5dda0a847".into(),
            digest: String::new(),
            from: "did:web:agents.org-a.test:aria".into(),
            to: "did:web:agents.org-b.test:bruno".into(),
            type_: String::new(),
            thid: String::new(),
            question: "Go on\u{1b}[2J?".into(),
            number: 1,
            asked: 0,
            until,
        };
        Known {
            parked: [(("d_x".into(), 1), parked)].into(),
            ..Known::default()
        }
    };
    let (none, asks, over) = (Known::default(), parked(u64::MAX), parked(1));
    assert_eq!(
        told(&none, &asks, &[], &[]),
        "bruno asks about a message of aria@agents.org-a.test: \"Go on⟨U+001B⟩[2J?\"   \
         → comity parked answer 879d ANSWER"
    );
    assert_eq!(told(&asks, &asks, &[], &[]), "");
    assert_eq!(told(&asks, &none, &[], &[]), "", "answered");
    assert_eq!(
        told(&over, &none, &[], &[]),
        "nobody answered bruno in time: it goes on without"
    );
}

#[test]
fn a_knock_is_told_when_it_comes_and_when_it_is_decided() {
    let (none, one) = (Known::default(), knocking(&[knock()]));
    assert_eq!(
        told(&none, &one, &[], &[]),
        "aria@agents.org-a.test knocks at bruno: \"a quiz⟨U+001B⟩[2J\"   \
         → comity knock show 879d   then   comity knock approve 879d"
    );
    assert_eq!(told(&one, &one, &[], &[]), "");
    let decided = |state: &str| Knock {
        state: state.into(),
        ..knock()
    };
    assert_eq!(
        told(&one, &none, &[decided("denied")], &[]),
        "aria@agents.org-a.test is kept out of bruno"
    );
    let granted = granting(&[Grant {
        ours: knock().to,
        peer: knock().from,
        ..grant("active", "operator")
    }]);
    assert_eq!(
        told(&one, &granted, &[decided("approved")], &[]),
        "aria@agents.org-a.test is let in to bruno"
    );
}

#[test]
fn a_grant_is_told_from_the_knock_to_its_end() {
    let bruno = "bruno@agents.org-b.test";
    let none = Known::default();
    let offered = granting(&[grant("offered", "rule:outbound")]);
    let active = granting(&[grant("active", "peer")]);
    assert_eq!(
        told(&none, &offered, &[], &[]),
        format!("aria knocks at {bruno}; their operator must let aria in")
    );
    assert_eq!(
        told(&offered, &active, &[], &[]),
        format!("{bruno} lets aria in")
    );
    assert_eq!(
        told(&active, &none, &[], &[grant("ended", "peer")]),
        format!("{bruno} revoked the grant with aria")
    );
    assert_eq!(
        told(&offered, &none, &[], &[grant("ended", "peer")]),
        format!("{bruno} does not let aria in")
    );
}
