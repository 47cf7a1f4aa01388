//! Messages of our agents: finding, listing, counting. What is due when: [`super::queue`].

use super::World;
use super::samples::{START, UNTIL, did, digest, id, outgoing};
use crate::{History, Outgoing, Page};
use comity_engine::defaults::WITHDRAWAL_GRACE;
use comity_engine::{Code, OutState, Proved, WaitingOn};
use std::time::Duration;

pub fn a_message_is_found_by_agent_and_id_and_by_digest(world: &World) {
    let mut row = full();
    let put = row.clone();
    row.seq = world.write(move |tx| tx.put_outgoing(&put));
    let wanted = Some(row);
    assert_eq!(
        world.read(|tx| tx.outgoing(&did("aria"), &id("t-1"))),
        wanted
    );
    assert_eq!(
        world.read(|tx| tx.outgoing(&did("aria"), &id("T-1"))),
        wanted
    );
    assert_eq!(
        world.read(|tx| tx.outgoing_by_digest(&digest("bruno t-1"))),
        wanted
    );
    assert_eq!(
        world.read(|tx| tx.outgoing(&did("bruno"), &id("t-1"))),
        None
    );
    assert_eq!(world.read(|tx| tx.outgoing(&did("aria"), &id("t-2"))), None);
    assert_eq!(
        world.read(|tx| tx.outgoing_by_digest(&digest("other"))),
        None
    );
    // The same id of another agent is another message.
    world.write(|tx| {
        tx.put_outgoing(&Outgoing {
            agent: did("anna"),
            ..full()
        })
    });
    assert_eq!(
        world.read(|tx| tx.outgoing(&did("aria"), &id("t-1"))),
        wanted
    );
}

pub fn replacing_a_message_keeps_its_number(world: &World) {
    let first = world.write(|tx| tx.put_outgoing(&outgoing("bruno", "t", 1)));
    let second = world.write(|tx| tx.put_outgoing(&outgoing("bruno", "t", 2)));
    assert!(0 < first && first < second);
    for seq in [0, first] {
        let changed = Outgoing {
            seq,
            attempts: 3,
            ..outgoing("bruno", "t", 1)
        };
        assert_eq!(world.write(move |tx| tx.put_outgoing(&changed)), first);
    }
    let row = world
        .read(|tx| tx.outgoing(&did("aria"), &id("t-1")))
        .unwrap();
    assert_eq!((row.seq, row.attempts), (first, 3));
    assert_eq!(world.read(|tx| tx.list_outgoing(ALL)).len(), 2);
    // Even what names it may change: a message that is signed anew has another digest.
    let mut signed = Outgoing {
        digest: digest("new"),
        order: Some(9),
        ..row
    };
    signed.state = OutState::Sent;
    let put = signed.clone();
    world.write(move |tx| tx.put_outgoing(&put));
    assert_eq!(
        world.read(|tx| tx.outgoing_by_digest(&digest("new"))),
        Some(signed)
    );
    assert_eq!(
        world.read(|tx| tx.outgoing_by_digest(&digest("bruno t-1"))),
        None
    );
    assert_eq!(due(world), ["t-2"]);
}

pub fn a_stream_lists_what_has_not_ended_from_a_number_on(world: &World) {
    world.write(|tx| {
        for (order, state) in [
            (4, OutState::Queued),
            (2, OutState::Done),
            (3, OutState::Sent),
            (1, OutState::Received),
            (5, OutState::Held),
        ] {
            tx.put_outgoing(&Outgoing {
                state,
                ..outgoing("bruno", "t", order)
            })?;
        }
        tx.put_outgoing(&Outgoing {
            id: id("x"),
            order: None,
            ..outgoing("bruno", "t", 9)
        })?;
        tx.put_outgoing(&outgoing("carla", "t", 6))?;
        Ok(())
    });
    let stream = |order| {
        world.read(move |tx| {
            let rows = tx.stream(&did("aria"), &did("bruno"), &id("t"), order)?;
            Ok(rows
                .into_iter()
                .map(|row| row.order.unwrap())
                .collect::<Vec<_>>())
        })
    };
    assert_eq!(stream(0), [1, 3, 4, 5]);
    assert_eq!(stream(3), [3, 4, 5]);
    assert_eq!(stream(6), [0; 0]);
}

pub fn messages_that_have_not_ended_are_found_by_peer_and_by_expiry(world: &World) {
    world.write(|tx| {
        for (n, expires, state) in [
            (1, 30, OutState::Queued),
            (2, 20, OutState::Sent),
            (3, 10, OutState::Done),
            (4, 40, OutState::Held),
        ] {
            let thid = format!("t{n}");
            tx.put_outgoing(&Outgoing {
                expires,
                state,
                ..outgoing("bruno", &thid, 1)
            })?;
        }
        tx.put_outgoing(&Outgoing {
            expires: 25,
            ..outgoing("carla", "t5", 1)
        })?;
        Ok(())
    });
    let ids = |rows: Vec<Outgoing>| {
        rows.iter()
            .map(|row| row.id.to_string())
            .collect::<Vec<_>>()
    };
    let open = |limit| {
        let page = Page { after: 0, limit };
        world.read(move |tx| tx.unfinished(&did("aria"), &did("bruno"), page))
    };
    assert_eq!(ids(open(9)), ["t1-1", "t2-1", "t4-1"]);
    assert_eq!(ids(open(2)), ["t1-1", "t2-1"]);
    let expired = |now, limit| world.read(move |tx| tx.expired_outgoing(now, limit));
    assert_eq!(ids(expired(19, 9)), [""; 0]);
    assert_eq!(ids(expired(30, 9)), ["t2-1", "t5-1", "t1-1"]);
    assert_eq!(ids(expired(30, 1)), ["t2-1"]);
    assert_eq!(world.read(|tx| tx.count_unfinished(&did("aria"))), 4);
    assert_eq!(world.read(|tx| tx.count_unfinished(&did("bruno"))), 0);
}

pub fn a_thread_is_listed_across_agents(world: &World) {
    world.write(|tx| {
        tx.put_outgoing(&outgoing("bruno", "t", 1))?;
        tx.put_outgoing(&outgoing("bruno", "u", 1))?;
        let other = Outgoing {
            agent: did("anna"),
            id: id("a"),
            ..outgoing("carla", "T", 1)
        };
        tx.put_outgoing(&other)?;
        tx.put_outgoing(&Outgoing {
            state: OutState::Done,
            ..outgoing("bruno", "t", 2)
        })
    });
    let rows = world.read(|tx| tx.thread_outgoing(&id("t")));
    let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["t-1", "a", "t-2"]);
}

pub fn a_prefix_finds_at_most_two(world: &World) {
    world.write(|tx| {
        for thid in ["abc", "abd", "abe", "xyz"] {
            tx.put_outgoing(&outgoing("bruno", thid, 1))?;
        }
        Ok(())
    });
    let find = |prefix: &str| {
        let prefix = prefix.to_owned();
        world.read(move |tx| tx.find_outgoing(&prefix))
    };
    assert_eq!(find("ab").len(), 2);
    assert_eq!(find("").len(), 2);
    assert_eq!(
        find("abd")
            .iter()
            .map(|row| row.id.as_str())
            .collect::<Vec<_>>(),
        ["abd-1"]
    );
    assert_eq!(find("XYZ-1").len(), 1);
    assert_eq!(find("xyz-11").len(), 0);
    let digest = find("xyz")[0].digest.to_string();
    assert_eq!(find(&digest).len(), 1);
    assert_eq!(find(&digest[..12]).len(), 1);
    assert_eq!(find("uEi").len(), 2);
}

pub fn messages_are_paged_and_counted(world: &World) {
    let seqs = world.write(|tx| {
        let states = [
            OutState::Queued,
            OutState::Done,
            OutState::Done,
            OutState::Held,
        ];
        let rows = states.into_iter().zip(1..);
        rows.map(|(state, n)| {
            tx.put_outgoing(&Outgoing {
                state,
                ..outgoing("bruno", "t", n)
            })
        })
        .collect::<Result<Vec<_>, _>>()
    });
    let page = |after, limit| {
        let rows = world.read(move |tx| tx.list_outgoing(Page { after, limit }));
        rows.into_iter().map(|row| row.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 3), seqs[..3]);
    assert_eq!(page(seqs[2], 3), seqs[3..]);
    assert_eq!(page(seqs[3], 3), [0; 0]);
    let counts = |counts: &[(&str, u64)]| {
        counts
            .iter()
            .map(|(state, n)| ((*state).to_owned(), *n))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        world.read(|tx| tx.count_outgoing()),
        counts(&[("done", 2), ("held", 1), ("queued", 1)])
    );
    world.write(|tx| {
        let row = tx.outgoing(&did("aria"), &id("t-1"))?.unwrap();
        tx.put_outgoing(&Outgoing {
            state: OutState::Done,
            ..row
        })
    });
    assert_eq!(
        world.read(|tx| tx.count_outgoing()),
        counts(&[("done", 3), ("held", 1)])
    );
}

pub fn events_are_numbered_for_each_agent(world: &World) {
    let numbers = world.write(|tx| {
        let put = [("aria", "a"), ("bruno", "b"), ("aria", "c"), ("aria", "a")];
        put.iter()
            .map(|(agent, name)| tx.put_event(&did(agent), &id(name)))
            .collect::<Result<Vec<_>, _>>()
    });
    assert!(numbers.is_sorted_by(|a, b| a < b));
    let events = |after, limit| {
        let rows = world.read(move |tx| tx.events(&did("aria"), Page { after, limit }));
        rows.into_iter()
            .map(|(seq, id)| (seq, id.to_string()))
            .collect::<Vec<_>>()
    };
    let [first, _, third, fourth] = numbers[..] else {
        panic!("four events")
    };
    let all = [
        (first, "a".to_owned()),
        (third, "c".to_owned()),
        (fourth, "a".to_owned()),
    ];
    assert_eq!(events(0, 9), all);
    assert_eq!(events(first, 1), all[1..2]);
    assert_eq!(events(fourth, 9), []);
}

pub fn held_messages_are_listed(world: &World) {
    world.write(|tx| {
        for n in 1..=3 {
            let held = Outgoing {
                state: OutState::Held,
                waiting_on: Some(WaitingOn::Grant),
                ..outgoing("bruno", "t", n)
            };
            tx.put_outgoing(&held)?;
        }
        tx.put_outgoing(&outgoing("bruno", "t", 4))
    });
    let held = |limit| world.read(move |tx| tx.held_outgoing(limit)).len();
    assert_eq!((held(9), held(2)), (3, 2));
    assert_eq!(due(world), ["t-4"]);
    world.write(|tx| {
        let row = tx.outgoing(&did("aria"), &id("t-1"))?.unwrap();
        tx.put_outgoing(&Outgoing {
            state: OutState::Queued,
            waiting_on: None,
            ..row
        })
    });
    assert_eq!(held(9), 2);
    assert_eq!(due(world), ["t-1"]);
}

const ALL: Page = Page {
    after: 0,
    limit: 1_000,
};

/// A message with something in every column.
fn full() -> Outgoing {
    let history = History {
        state: OutState::Queued,
        at: 5,
        by: "node".to_owned(),
        proof: Proved::None,
    };
    Outgoing {
        waiting_on: Some(WaitingOn::Operator),
        code: Some(Code::NO_GRANT),
        reason: Some("why \"quoted\" ü".to_owned()),
        by: Some("operator".to_owned()),
        next_attempt: START + Duration::from_millis(250),
        attempts: 2,
        grant: Some(digest("grant")),
        purpose: Some("purpose".to_owned()),
        ask: true,
        answer: Some("d_1".to_owned()),
        expires: UNTIL + 1,
        history: vec![history],
        ..outgoing("bruno", "t", 1)
    }
}

fn due(world: &World) -> Vec<String> {
    let now = world.now();
    let rows = world.read(move |tx| tx.due_outgoing(now, &[], &[], 100));
    rows.into_iter().map(|row| row.id.to_string()).collect()
}

pub fn the_oldest_message_of_a_thread_that_waits_for_an_answer_is_found(world: &World) {
    let asked = |order, state, answer: Option<&str>| Outgoing {
        ask: true,
        state,
        answer: answer.map(str::to_owned),
        ..outgoing("bruno", "t", order)
    };
    let answered = asked(1, OutState::Done, Some("d_1"));
    let refused = asked(2, OutState::Refused, None);
    let done = asked(4, OutState::Done, None);
    let queued = asked(5, OutState::Queued, None);
    for row in [answered, refused, outgoing("bruno", "t", 3), done, queued] {
        world.write(move |tx| tx.put_outgoing(&row));
    }
    let awaiting = |to: &'static str, thid: &'static str| {
        let row = world.read(move |tx| tx.awaiting(&did("aria"), &did(to), &id(thid)));
        row.map(|row| row.id.to_string())
    };
    assert_eq!(awaiting("bruno", "t").as_deref(), Some("t-4"));
    assert_eq!(awaiting("carla", "t"), None);
    assert_eq!(awaiting("bruno", "u"), None);
    // Once it has its answer the next is.
    let done = asked(4, OutState::Done, Some("d_4"));
    world.write(move |tx| tx.put_outgoing(&done));
    assert_eq!(awaiting("bruno", "t").as_deref(), Some("t-5"));
}

pub fn what_is_withdrawn_is_not_due_and_lapses_later(world: &World) {
    let withdrawn = |order| Outgoing {
        withdrawn: Some(OutState::Cancelled),
        ..outgoing("bruno", "t", order)
    };
    let (now, grace) = (START, WITHDRAWAL_GRACE.as_secs());
    for row in [outgoing("bruno", "t", 1), outgoing("bruno", "t", 2)] {
        world.write(move |tx| tx.put_outgoing(&row));
    }
    let due = || {
        let rows = world.read(move |tx| tx.due_outgoing(now, &[], &[], 10));
        rows.into_iter().map(|row| row.order).collect::<Vec<_>>()
    };
    let lapsed = |at| {
        let rows = world.read(move |tx| tx.expired_outgoing(at, 10));
        rows.into_iter().map(|row| row.order).collect::<Vec<_>>()
    };
    assert_eq!(due(), [Some(1)]);
    world.write(move |tx| tx.put_outgoing(&withdrawn(1)));
    assert_eq!(due(), [Some(2)], "the next of the stream has its turn");
    assert_eq!(lapsed(UNTIL), [Some(2)]);
    assert_eq!(lapsed(UNTIL + grace), [Some(2), Some(1)]);
}
