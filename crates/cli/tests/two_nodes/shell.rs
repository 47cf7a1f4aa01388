//! The command line as an agent and as the operator.

use crate::world::{REQUEST, World};
use serde_json::{Value, json};

const BRUNO: &str = "bruno@agents.org-b.test";
const ADD: &str = r#"python3 -c 'import json,sys; print(json.dumps({"sum": sum(json.load(sys.stdin)["values"])}))'"#;

#[test]
fn a_stranger_knocks_is_let_in_and_her_waiting_question_is_answered_and_proved() {
    let world = World::start();
    let _bruno = world.b.spawn(&["listen", "bruno", "--exec", ADD]);

    let ask = [
        "ask",
        BRUNO,
        REQUEST,
        "-",
        "--purpose",
        "adding up",
        "--wait",
        "3s",
    ];
    let asked = world.a.run_with(&ask, r#"{"values":[1,2,3.5]}"#);
    assert_eq!(asked.code, 5, "{asked:?}");
    let held = "held: bruno@agents.org-b.test must let you in first";
    assert!(asked.err.starts_with(held), "{asked:?}");
    let says = "error: bruno@agents.org-b.test hasn't let you in yet";
    assert!(asked.err.contains(says), "{asked:?}");

    world.a.says("aria knocks at bruno@agents.org-b.test");
    let knocks = r#"aria@agents.org-a.test knocks at bruno: "adding up""#;
    world.b.says(knocks);
    let knocks = world.b.ok(&["knock"]);
    let home = world.b.home().display();
    let hint = format!("→ comity --home {home} knock approve ");
    for shown in [
        "aria@agents.org-a.test",
        "adding up",
        "they may   send",
        &hint,
    ] {
        assert!(knocks.contains(shown), "{shown}: {knocks}");
    }
    let only = world.b.ok(&["knock", "show"]);
    assert!(only.contains("proved by  did:web:agents.org-a.test:aria#"));
    world.let_in();
    world.a.says("bruno@agents.org-b.test lets aria in");
    world.b.says("aria@agents.org-a.test is let in to bruno");

    let messages = world.a.json(&["message", "--all", "--json"]);
    let id = messages[0]["id"].as_str().unwrap();
    let answered = world.a.run(&["ask", "--resume", &id[..8]]);
    assert_eq!(answered.code, 0, "{answered:?}");
    assert_eq!(
        serde_json::from_str::<Value>(&answered.out).unwrap(),
        json!({"sum": 6.5})
    );
    assert!(
        answered
            .err
            .starts_with("signed by bruno@agents.org-b.test  uEi"),
        "{answered:?}"
    );

    let question = world.a.json(&["message", "show", id, "--json"]);
    assert_eq!(question["answer"]["message"]["body"], json!({"sum": 6.5}));
    let answer = question["answer"]["id"].as_str().unwrap();
    let shown = world.a.ok(&["message", "show", id]);
    assert!(
        shown.contains(&format!("answer {answer}  by {BRUNO}")),
        "{shown}"
    );
    let listed = world.a.ok(&["message", "--all"]);
    assert!(listed.contains("(knock)"), "{listed}");
    assert!(!world.a.ok(&["message"]).contains("knock)"));

    let file = world.a.home().join("thread.comity");
    let file = file.to_str().unwrap();
    let (aria, bruno) = (world.a.anchor(), world.b.anchor());
    world.a.eventually("proof", || {
        world.a.ok(&["record", "export", id, "--to", file]);
        let anchors = ["verify", file, "--anchor", &aria, "--anchor", &bruno];
        (world.a.run(&anchors).code == 0).then_some(())
    });
    assert_eq!(world.a.run(&["verify", file]).code, 4); // consistent at most, without anchors
    // Whoever has one key asks what its owner signed.
    let one = ["verify", file, "--anchor", &bruno];
    assert_eq!(world.a.run(&one).code, 4);
    let of = |party: &str| world.a.run(&[&one[..], &["--of", party]].concat()).code;
    let party = |anchor: &str| anchor.split('=').next().unwrap().to_owned();
    assert_eq!((of(&party(&bruno)), of(&party(&aria))), (0, 4));
    assert_eq!(of("did:web:agents.org-c.test:carla"), 4);
    let mut octets = std::fs::read(file).unwrap();
    let at = octets.windows(4).position(|four| four == b"jws\"").unwrap() + 40;
    octets[at] = if octets[at] == b'A' { b'B' } else { b'A' };
    std::fs::write(file, octets).unwrap();
    let broken = world
        .a
        .run(&["verify", file, "--anchor", &aria, "--anchor", &bruno]);
    assert_eq!(broken.code, 1, "{broken:?}");
}

#[test]
fn a_command_that_fails_rejects_with_the_words_it_chose() {
    let world = World::start();
    let exec = "cat >/dev/null; echo too many of them; echo secret >&2; exit 7";
    let _bruno = world.b.spawn(&["listen", "bruno", "--exec", exec]);
    let ask = ["ask", BRUNO, REQUEST, "{}", "--wait", "30s"];
    let asking = world.a.spawn(&ask);
    world.let_in();
    let refused = asking.finish();
    assert_eq!(refused.code, 3, "{refused:?}");
    let why = "rejected: their agent's program failed on it (e.p.me.failed)\n  they say: too many of them";
    assert!(refused.err.contains(why), "{refused:?}");
    assert!(!refused.err.contains("secret"), "{refused:?}");
}

#[test]
fn an_agent_that_does_not_exist_is_not_taken_for_one_that_hesitates() {
    let world = World::start();
    let nobody = "nobody@agents.org-b.test";
    let ask = ["ask", nobody, REQUEST, "{}", "--id", "q-1", "--wait", "3s"];
    let asked = world.a.run(&ask);
    assert_eq!(asked.code, 5, "{asked:?}");
    let why = "there is no agent nobody at agents.org-b.test (404)";
    assert!(asked.err.contains(&format!("error: {why}")), "{asked:?}");
    assert!(world.a.ok(&["message", "show", "q-1"]).contains(why));
    let listed = world.a.ok(&["message"]);
    assert!(
        listed.contains("q-1"),
        "an id of one's own stays whole: {listed}"
    );
}

#[test]
fn a_revoked_grant_refuses_the_next_message_and_says_so() {
    let world = World::start();
    let _bruno = world.b.spawn(&["listen", "bruno"]);
    let send = [
        "send",
        BRUNO,
        REQUEST,
        "{}",
        "--wait",
        "done",
        "--timeout",
        "30s",
    ];
    let sending = world.a.spawn(&send);
    world.let_in();
    let sent = sending.finish();
    assert_eq!(sent.code, 0, "{sent:?}");

    world.b.says("aria@agents.org-a.test is let in to bruno");
    world.a.says("bruno@agents.org-b.test lets aria in");
    let grants = world.b.json(&["grant", "--json"]);
    let grant = grants[0]["id"].as_str().unwrap();
    assert!(
        world
            .b
            .ok(&["grant", "revoke", &grant[..10]])
            .contains("with aria@agents.org-a.test")
    );
    world.a.eventually("end of the grant", || {
        let grants = world.a.json(&["grant", "--all", "--json"]);
        (grants[0]["state"] == "ended").then_some(())
    });
    world
        .b
        .says("you revoked the grant of bruno with aria@agents.org-a.test");
    world
        .a
        .says("bruno@agents.org-b.test revoked the grant with aria");
    // What was revoked is not knocked for again by itself, and never gets in.
    let after = world.a.run(&[
        "send",
        BRUNO,
        REQUEST,
        "{}",
        "--wait",
        "received",
        "--timeout",
        "3s",
    ]);
    assert!(matches!(after.code, 3 | 5), "{after:?}");
}

#[test]
fn the_doctor_says_how_a_peer_is_reached_and_alarms_nobody() {
    let world = World::start();
    let found = world.a.ok(&["doctor", BRUNO]);
    let how = "/didcomm answers (by the host map: plain http at 127.0.0.1:";
    assert!(found.contains(how), "{found}");
    let status = world.b.json(&["status", "--json"]);
    assert_eq!(status["refused"], json!([]), "a look is no attack");
}

#[test]
fn a_node_ends_in_good_order_and_the_next_step_is_told_to_who_comes_after() {
    let mut world = World::start();
    let second = world.a.run(&["up"]);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(
        second.err.starts_with("error: another node is running in"),
        "{second:?}"
    );
    assert_eq!(world.a.terminate(), Some(0));
    let status = world.a.run(&["status"]);
    assert_eq!(status.code, 1, "{status:?}");
    let home = world.a.home().display();
    let next = format!("→ comity --home {home} up");
    assert!(status.err.contains(&next), "{status:?}");
    assert_eq!(world.a.run(&["doctor"]).code, 1);
    world.a.up();
    assert!(
        world
            .a
            .ok(&["agent"])
            .contains("did:web:agents.org-a.test:aria")
    );
}

#[test]
fn mistakes_are_told_apart_from_failures() {
    let world = World::start();
    for (args, code) in [
        (&["send", BRUNO, REQUEST, "not json"][..], 2),
        (&["send", BRUNO, REQUEST, "@/no/such/file"], 1),
        (&["ask"], 2),
        (&["grant", "create", "aria", BRUNO], 2),
        (&["knock", "show", "zzzz"], 1),
        (&["message", "show", "zzzz"], 1),
        (&["agent", "create", "Not A Name"], 1),
        (&["listen", "nobody"], 1),
        (&["verify", "/no/such/file"], 2),
        (&["nonsense"], 2),
    ] {
        let ran = world.a.run(args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.err.starts_with("error: "), "{args:?}: {ran:?}");
    }
}
