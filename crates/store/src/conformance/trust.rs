use super::World;
use super::samples::{START, UNTIL, did, digest, grant, id, knock, terms};
use crate::{
    BlockRow, GrantRow, HeldRow, IssuedRow, KnockRow, KnockState, PeerRow, RightRow, RuleRow,
    Standing, StandingLink, Taken,
};
use comity_engine::grant::{Pin, Restrictions};
use comity_engine::policy::{Admits, Rule, Who};
use comity_engine::scope::Types;
use comity_engine::{Code, GrantState};
use std::time::Duration;

pub fn the_grant_that_counts_is_the_liveliest_then_the_last_that_ended(world: &World) {
    let ended = |number, seconds| GrantRow {
        state: GrantState::Ended,
        ended: Some(START + Duration::from_secs(seconds)),
        ..grant("bruno", number)
    };
    let with = |number, state| GrantRow {
        state,
        ..grant("bruno", number)
    };
    let counts = || {
        let row = world.read(|tx| tx.grant_between(&did("aria"), &did("bruno")));
        row.map(|row| row.grant.id())
    };
    assert_eq!(counts(), None);
    put(world, &[ended(1, 30), ended(2, 10)]);
    assert_eq!(counts(), Some(grant("bruno", 1).grant.id()));
    for (number, state) in [
        (3, GrantState::Offered),
        (4, GrantState::Suspended),
        (5, GrantState::Active),
    ] {
        put(world, &[with(number, state)]);
        assert_eq!(counts(), Some(grant("bruno", number).grant.id()));
    }
    // A livelier one put before, a less lively one put after.
    put(world, &[with(6, GrantState::Offered)]);
    assert_eq!(counts(), Some(grant("bruno", 5).grant.id()));
    put(
        world,
        &[ended(5, 40), ended(4, 20), ended(3, 5), ended(6, 6)],
    );
    assert_eq!(counts(), Some(grant("bruno", 5).grant.id()));
    assert_eq!(
        world.read(|tx| tx.grant_between(&did("bruno"), &did("aria"))),
        None
    );
}

pub fn both_sides_of_a_grant_may_live_in_one_store(world: &World) {
    let ours = grant("bruno", 1);
    let theirs = GrantRow {
        ours: did("bruno"),
        peer: did("aria"),
        uses: 5,
        ..ours.clone()
    };
    put(world, &[ours.clone(), theirs.clone()]);
    let id = ours.grant.id();
    assert_eq!(
        world.read(move |tx| tx.grant(&id, &did("aria"))),
        Some(ours)
    );
    assert_eq!(
        world.read(move |tx| tx.grant(&id, &did("bruno"))),
        Some(theirs.clone())
    );
    assert_eq!(world.read(move |tx| tx.grant(&id, &did("carla"))), None);
    assert_eq!(
        world.read(|tx| tx.grant_between(&did("bruno"), &did("aria"))),
        Some(theirs)
    );
    assert_eq!(world.read(|tx| tx.grants(9)).len(), 2);
}

pub fn a_grant_keeps_all_that_was_put(world: &World) {
    let full = GrantRow {
        pin: Some(Pin::Scid("Qm".to_owned())),
        approval: Some(digest("approval")),
        knock: Some(id("knock")),
        version: 7,
        uses: 8,
        sent: 3,
        paid_in: START,
        paid_out: START,
        vouched: Some(standing()),
        let_in_by: "rule:partners".to_owned(),
        note: "our supplier".to_owned(),
        ..grant("bruno", 1)
    };
    let kept = |row: &GrantRow| {
        let (wanted, id) = (Some(row.clone()), row.grant.id());
        put(world, std::slice::from_ref(row));
        assert_eq!(world.read(move |tx| tx.grant(&id, &did("aria"))), wanted);
    };
    kept(&grant("bruno", 1));
    kept(&full);
    kept(&GrantRow {
        uses: 9,
        version: 8,
        decided_by: "rule".to_owned(),
        ..full.clone()
    });
    kept(&GrantRow {
        state: GrantState::Ended,
        ended: Some(START),
        code: Some(Code::REVOKED),
        ..full
    });
}

fn standing() -> Standing {
    Standing {
        links: vec![StandingLink {
            vouch: digest("vouch"),
            issuer: did("dora"),
            list: "https://dora.test/agent/status/1".to_owned(),
            index: 94_567,
            uses: Some(20),
        }],
        types: Types::parse(["https://example.org/work/1.0"]).unwrap(),
        until: UNTIL,
        status_at: 77,
    }
}

pub fn grants_are_listed_newest_first_and_found_when_over(world: &World) {
    let until = |number, until, state| {
        let grant_row = grant("bruno", number);
        GrantRow {
            grant: terms("bruno", number, until),
            state,
            ..grant_row
        }
    };
    put(
        world,
        &[
            until(1, 30, GrantState::Active),
            until(2, 10, GrantState::Offered),
            until(3, 20, GrantState::Suspended),
            until(4, 20, GrantState::Ended),
            until(5, 40, GrantState::Active),
        ],
    );
    let untils = |rows: Vec<GrantRow>| rows.iter().map(|r| r.grant.until()).collect::<Vec<_>>();
    assert_eq!(untils(world.read(|tx| tx.grants(9))), [40, 20, 20, 10, 30]);
    assert_eq!(untils(world.read(|tx| tx.grants(2))), [40, 20]);
    assert_eq!(untils(world.read(|tx| tx.expired_grants(9, 9))), [0; 0]);
    assert_eq!(untils(world.read(|tx| tx.expired_grants(30, 9))), [10, 30]);
    assert_eq!(untils(world.read(|tx| tx.expired_grants(30, 1))), [10]);
}

pub fn knocks_are_found_listed_counted_and_expire(world: &World) {
    let mallory: KnockRow = KnockRow {
        expires: 5,
        invitation: Some("invitation".to_owned()),
        vouched: vec![standing()],
        not_vouched: vec!["the vouch is over".to_owned()],
        taken: Taken {
            prefix: Some("192.0.2.0/24".to_owned()),
            kept_room: true,
            ..knock("mallory", 1).taken
        },
        ..knock("mallory", 1)
    };
    let rows = [knock("bruno", 1), mallory.clone(), knock("bruno", 2)];
    let put = rows.clone();
    world.write(move |tx| put.iter().try_for_each(|row| tx.put_knock(row)));
    let [first, _, second] = rows;
    let digest = first.digest;
    assert_eq!(world.read(move |tx| tx.knock(&digest)), Some(first.clone()));
    let between = |sender: &str| {
        let sender = did(sender);
        world.read(move |tx| tx.knock_between(&sender, &did("aria")))
    };
    assert_eq!(between("bruno"), Some(second.clone()));
    assert_eq!(between("carla"), None);
    let room = || world.read(|tx| tx.knock_room());
    let takes = |row: &KnockRow| (row.digest, row.sender.clone(), row.taken.clone());
    assert_eq!(room(), [takes(&first), takes(&mallory), takes(&second)]);
    let expired = world.read(|tx| tx.expired_knocks(5, 9));
    assert_eq!(expired, std::slice::from_ref(&mallory));
    assert_eq!(world.read(|tx| tx.expired_knocks(4, 9)), []);
    // Decided: no longer pending, still there.
    let decided = KnockRow {
        state: KnockState::Approved,
        ..second
    };
    let late = KnockRow {
        state: KnockState::Timeout,
        ..mallory
    };
    let put = [decided.clone(), late.clone()];
    world.write(move |tx| put.iter().try_for_each(|row| tx.put_knock(row)));
    assert_eq!(between("bruno"), Some(first.clone()));
    assert_eq!(room(), [takes(&first)]);
    assert_eq!(
        world.read(|tx| tx.knocks(true, 9)),
        std::slice::from_ref(&first)
    );
    assert_eq!(
        world.read(|tx| tx.knocks(false, 9)),
        [decided.clone(), late, first]
    );
    assert_eq!(world.read(|tx| tx.knocks(false, 1)), [decided]);
    assert_eq!(world.read(|tx| tx.expired_knocks(UNTIL - 1, 9)), []);
}

pub fn rules_and_blocks_are_kept(world: &World) {
    let rule = |name: &str, made| RuleRow {
        rule: Rule {
            name: name.to_owned(),
            ours: Some(did("aria")),
            who: Who::Domain("bruno.test".parse().unwrap()),
            depth: 0,
            admits: Admits::Message,
            they_may: Types::parse(["https://example.org/work/1.0"]).unwrap(),
            you_may: Types::none(),
            limits: Restrictions {
                uses: Some(20),
                ..Restrictions::default()
            },
            lasts_s: Some(3_600),
            until: UNTIL,
            open_until: None,
            grants: Some(5),
            note: "until Friday".to_owned(),
        },
        by: "operator".to_owned(),
        created: START,
        made,
        ended: None,
    };
    let put = [rule("partners", 0), rule("a", 1), rule("partners", 2)];
    world.write(move |tx| put.iter().try_for_each(|row| tx.put_rule(row)));
    assert_eq!(
        world.read(|tx| tx.rules()),
        [rule("partners", 2), rule("a", 1)]
    );
    assert_eq!(world.read(|tx| tx.rule("a")), Some(rule("a", 1)));
    assert_eq!(world.read(|tx| tx.rule("b")), None);

    let block = |name: &str| BlockRow {
        domain: name.parse().unwrap(),
        by: "operator".to_owned(),
        since: START,
    };
    let blocked = |name: &str| {
        let name = did(name);
        world.read(move |tx| tx.is_blocked(&name))
    };
    let put = [block("spam.test"), block("bad.test:8443")];
    world.write(move |tx| put.iter().try_for_each(|row| tx.put_block(row)));
    assert_eq!(
        world.read(|tx| tx.blocks()),
        [block("bad.test:8443"), block("spam.test")]
    );
    assert!(blocked("spam") && blocked("agents.spam"));
    assert!(!blocked("nospam") && !blocked("bad") && !blocked("bruno"));
    let lift = || world.write(|tx| tx.remove_block(&"spam.test".parse().unwrap()));
    assert!(lift() && !lift());
    assert!(!blocked("agents.spam"));
    world.write(|tx| {
        tx.put_peer(&PeerRow {
            did: did("bruno"),
            blocked: true,
            speaks: Vec::new(),
            first_seen: START,
        })
    });
    assert!(blocked("bruno"));
}

pub fn vouches_are_kept(world: &World) {
    let issued = |name: &str, revoked| IssuedRow {
        digest: digest(name),
        issuer: did("aria"),
        subject: did(name),
        may: Types::parse(["https://example.org/work/1.0"]).unwrap(),
        audience: vec![did("carla")],
        uses: Some(20),
        depth: 1,
        until: UNTIL,
        on: None,
        list: 1,
        index: 94_567,
        by: "operator".to_owned(),
        created: START,
        revoked,
    };
    let held = |name: &str, until| HeldRow {
        digest: digest(name),
        subject: did("aria"),
        issuers: vec![did("dora"), did(name)],
        chain: serde_json::json!([{"vouch": "a.b.c"}]),
        may: Types::parse(["https://example.org/work/1.0"]).unwrap(),
        audience: vec![did("carla")],
        until,
        received: START,
    };
    let right = |agent: &str, made| RightRow {
        agent: did(agent),
        may: Types::parse(["https://example.org/work/1.0"]).unwrap(),
        count: 3,
        made,
        uses: None,
        depth: 0,
        until: UNTIL,
        by: "operator".to_owned(),
        created: START,
    };
    world.write(move |tx| {
        for row in [
            issued("bruno", None),
            issued("carla", None),
            issued("bruno", Some(START)),
        ] {
            tx.put_issued(&row)?;
        }
        for row in [held("bruno", 5), held("emil", 6), held("bruno", 7)] {
            tx.put_held(&row)?;
        }
        for row in [right("bruno", 1), right("aria", 0), right("bruno", 2)] {
            tx.put_vouch_right(&row)?;
        }
        tx.put_vouch_revoked(&digest("x"))?;
        tx.put_vouch_revoked(&digest("x"))
    });
    let bruno = digest("bruno");
    assert_eq!(
        world.read(move |tx| tx.issued(&bruno)),
        Some(issued("bruno", Some(START)))
    );
    assert_eq!(
        world.read(|tx| tx.all_issued(Some(&did("aria")))),
        [issued("bruno", Some(START)), issued("carla", None)]
    );
    assert_eq!(world.read(|tx| tx.all_issued(Some(&did("bruno")))), []);
    assert_eq!(world.read(|tx| tx.all_issued(None)).len(), 2);
    assert_eq!(
        world.read(|tx| tx.held(Some(&did("aria")))),
        [held("bruno", 7), held("emil", 6)]
    );
    assert_eq!(world.read(|tx| tx.held(Some(&did("bruno")))), []);
    world.write(move |tx| tx.remove_held(&bruno));
    assert_eq!(world.read(|tx| tx.held(None)), [held("emil", 6)]);
    assert_eq!(
        world.read(|tx| tx.vouch_rights()),
        [right("aria", 0), right("bruno", 2)]
    );
    world.write(|tx| tx.remove_vouch_right(&did("aria")));
    assert_eq!(world.read(|tx| tx.vouch_right(&did("aria"))), None);
    assert_eq!(
        world.read(|tx| tx.vouch_right(&did("bruno"))),
        Some(right("bruno", 2))
    );
    let revoked = |name: &str| {
        let digest = digest(name);
        world.read(move |tx| tx.is_vouch_revoked(&digest))
    };
    assert!(revoked("x") && !revoked("y"));
    world.write(|tx| {
        tx.count_vouch_use(&digest("x"))?;
        tx.count_vouch_use(&digest("x"))
    });
    let used = |name: &str| {
        let digest = digest(name);
        world.read(move |tx| tx.vouch_used(&digest))
    };
    assert_eq!((used("x"), used("y")), (2, 0));
    let on_vouches = GrantRow {
        vouched: Some(standing()),
        ..grant("dora", 2)
    };
    put(world, &[grant("bruno", 1), on_vouches.clone()]);
    let wanted = std::slice::from_ref(&on_vouches);
    assert_eq!(world.read(|tx| tx.vouched_grants()), wanted);
    let plain = GrantRow {
        vouched: None,
        state: GrantState::Ended,
        ..on_vouches
    };
    put(world, &[plain]);
    assert_eq!(world.read(|tx| tx.vouched_grants()), []);
}

pub fn parties_are_kept(world: &World) {
    let peer = |name: &str, blocked| PeerRow {
        did: did(name),
        blocked,
        speaks: vec!["A256GCM".to_owned()],
        first_seen: START,
    };
    let rows = [
        peer("carla", false),
        peer("bruno", false),
        peer("bruno", true),
    ];
    let put = rows.clone();
    world.write(move |tx| put.iter().try_for_each(|row| tx.put_peer(row)));
    let [carla, _, bruno] = rows;
    assert_eq!(world.read(|tx| tx.peer(&did("bruno"))), Some(bruno.clone()));
    assert_eq!(world.read(|tx| tx.peer(&did("dora"))), None);
    assert_eq!(world.read(|tx| tx.peers(9)), [bruno.clone(), carla]);
    assert_eq!(world.read(|tx| tx.peers(1)), [bruno]);
}

fn put(world: &World, rows: &[GrantRow]) {
    let rows = rows.to_vec();
    world.write(move |tx| rows.iter().try_for_each(|row| tx.put_grant(row)));
}
