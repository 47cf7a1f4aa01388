//! Rules, invitations, grants by hand, blocks and vouches, as an operator types them.

use crate::world::{Ran, World};
use serde_json::json;

const PROTOCOL: &str = "https://example.org/adder/1.0";
const REQUEST: &str = "https://example.org/adder/1.0/request";
const ARIA: &str = "aria@agents.org-a.test";
const BRUNO: &str = "bruno@agents.org-b.test";

#[test]
fn a_rule_is_tried_made_explained_tested_and_ended() {
    let world = World::start();
    let explain = ["policy", "explain", ARIA, "bruno", REQUEST];
    let no = world.b.run(&explain);
    assert_eq!(no.code, 3, "{no:?}");
    assert!(no.out.contains("would wait for you"), "{no:?}");
    let unknown = ["policy", "explain", "aria", BRUNO, REQUEST];
    assert_eq!(world.a.run(&unknown).code, 5, "it would have to knock");

    // Tried on who knocks already, and on nobody else.
    let add = [
        "policy",
        "add",
        "partners",
        "--domain",
        "org-a.test",
        "--they-may",
        PROTOCOL,
        "--uses",
        "20",
        "--rate",
        "20/1h",
        "--until",
        "friday",
    ];
    let dry = [&add[..], &["--dry-run"]].concat();
    let tried = world.b.ok(&dry);
    assert!(tried.starts_with("nobody has knocked yet"), "{tried}");
    assert_eq!(send(&world, &[]).code, 5);
    world.b.says("aria@agents.org-a.test knocks at bruno");
    let tried = world.b.ok(&dry);
    assert!(
        tried.contains("let them in") && tried.contains("of 1 past knock it would have let 1 in"),
        "{tried}"
    );
    let tried = world.b.json(&[&dry[..], &["--json"]].concat());
    assert_eq!(tried["knocks"][0]["would"], "approve");
    assert_eq!(world.b.json(&["policy", "--json"]), json!([]));

    // It decides from now on: who knocked before it still waits for a person, who is told so.
    let made = world.b.ok(&add);
    for shown in [
        "all agents of org-a.test",
        PROTOCOL,
        "at most 20 messages each, 20 messages in 1h each",
        "1 knock is from before yours to decide",
    ] {
        assert!(made.contains(shown), "{shown}: {made}");
    }
    let again = world.b.run(&add);
    assert_eq!(again.code, 1, "{again:?}");
    world.b.ok(&["knock", "deny"]);
    let sent = send(&world, &["--purpose", "now that there is a rule"]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert_eq!(world.b.run(&explain).code, 0);
    let listed = world.b.ok(&["policy", "list"]);
    assert!(listed.contains("partners  active"), "{listed}");
    let rules = world.b.json(&["policy", "--json"]);
    assert_eq!(
        (&rules[0]["made"], &rules[0]["live"]),
        (&json!(1), &json!(1))
    );

    let file = world.b.home().join("expected.toml");
    let row = |from: &str, decision: &str| {
        format!(
            "[[expect]]\nfrom = \"{from}\"\nto = \"bruno\"\ntype = \"{REQUEST}\"\ndecision = \"{decision}\"\n"
        )
    };
    let stranger = "mallory@agents.org-m.test";
    let table = format!(
        "{}{}knock = \"you\"\n",
        row(ARIA, "allow"),
        row(stranger, "refuse")
    );
    let check = |table: &str| {
        std::fs::write(&file, table).unwrap();
        world.b.run(&["policy", "test", file.to_str().unwrap()])
    };
    let good = check(&table);
    assert_eq!(good.code, 0, "{good:?}");
    assert!(good.out.contains("2 decisions checked, 0 not as expected"));
    let bad = check(&(table + &row(stranger, "allow")));
    assert_eq!(bad.code, 1, "{bad:?}");
    assert!(bad.out.contains("decision: expected allow, found refuse"));
    assert_eq!(check("").code, 2);

    let ended = world.b.ok(&["policy", "remove", "partners", "--grants"]);
    assert_eq!(ended, "rule partners ended\n");
    world.a.eventually("end of the grant", || {
        let grants = world.a.json(&["grant", "--all", "--json"]);
        (grants[0]["state"] == "ended").then_some(())
    });
    assert_eq!(world.b.run(&explain).code, 3);
}

#[test]
fn a_link_lets_one_guest_in_and_its_picture_says_the_same() {
    let world = World::start();
    let png = world.b.home().join("card.png");
    let made = world.b.json(&[
        "invite",
        "bruno",
        "--they-may",
        PROTOCOL,
        "--goal",
        "adding up",
        "--until",
        "2d",
        "--png",
        png.to_str().unwrap(),
        "--json",
    ]);
    let url = made["url"].as_str().unwrap();
    assert_eq!(read_code(&png), url);
    assert!(
        made["open_until"].as_u64() <= made["until"].as_u64(),
        "{made}"
    );

    let followed = world.a.ok(&["invite", "accept", "aria", url]);
    let said = "knocking at bruno@agents.org-b.test\n  their words  adding up\n";
    assert!(followed.starts_with(said), "{followed}");
    // What the hint says is what one can type.
    let hint = followed.split("grant show ").nth(1).unwrap();
    let grant = hint.split(' ').next().unwrap();
    world.a.eventually("a grant", || {
        let shown = world.a.ok(&["grant", "show", grant]);
        shown.contains("  active\n").then_some(())
    });
    assert_eq!(send(&world, &[]).code, 0);

    let rule = made["rule"].as_str().unwrap();
    assert!(world.b.ok(&["policy"]).contains(rule));
    world.b.ok(&["policy", "remove", rule]);
    world.a.ok(&["agent", "create", "anton"]);
    world.a.ok(&["invite", "accept", "anton", url]);
    world.b.says("anton@agents.org-a.test knocks at bruno");
    let cut = world.a.run(&[
        "invite",
        "accept",
        "anton",
        "https://agents.org-b.test/comity",
    ]);
    assert_eq!(cut.code, 1, "{cut:?}");
    assert!(cut.err.contains("copy it whole"), "{cut:?}");
}

#[test]
fn a_grant_by_hand_is_shown_with_its_limits_and_a_blocked_domain_ends_it() {
    let world = World::start();
    let made = world.b.ok(&[
        "grant",
        "create",
        "bruno",
        ARIA,
        "--they-may",
        PROTOCOL,
        "--uses",
        "3",
        "--rate",
        "2/1m",
        "--max-bytes",
        "4096",
        "--note",
        "by phone",
    ]);
    let id = made.split_whitespace().nth(1).unwrap();
    for asked in [&id[..10], ARIA] {
        let shown = world.b.ok(&["grant", "show", asked]);
        let limits = "at most 3 messages each, 2 messages in 1m each, 4096 octets a message";
        assert!(
            shown.contains(limits) && shown.contains("by phone"),
            "{shown}"
        );
    }
    let grant = world.b.json(&["grant", "show", &id[..10], "--json"]);
    assert_eq!(
        (&grant["most_uses"], &grant["note"]),
        (&json!(3), &json!("by phone"))
    );

    world.b.ok(&["peer", "block", "org-a.test"]);
    let peers = world.b.ok(&["peer"]);
    assert!(
        peers.contains("all of org-a.test") && peers.contains("blocked"),
        "{peers}"
    );
    assert_eq!(world.b.json(&["grant", "--json"]), json!([]));
    let explain = ["policy", "explain", ARIA, "bruno", REQUEST];
    let why = world.b.run(&explain);
    assert_eq!(why.code, 3, "{why:?}");
    assert!(why.out.contains("peer unblock org-a.test"), "{why:?}");
    world.b.ok(&["peer", "unblock", "org-a.test"]);
    assert!(!world.b.ok(&["peer"]).contains("blocked"));
    assert_eq!(world.b.run(&["peer", "unblock", "org-a.test"]).code, 1);
    assert_eq!(world.b.run(&["peer", "block", "test"]).code, 1, "too many");
}

#[test]
fn a_vouch_travels_as_a_file_and_is_taken_back() {
    let world = World::start();
    let issued = world.a.json(&[
        "vouch",
        "issue",
        "aria",
        BRUNO,
        "--to",
        "agents.org-c.test",
        "--may",
        PROTOCOL,
        "--uses",
        "20",
        "--until",
        "friday",
        "--json",
    ]);
    assert_eq!(
        (&issued["state"], &issued["sent"]),
        (&json!("active"), &json!(false))
    );
    let id = &issued["id"].as_str().unwrap()[..12];
    let shown = world.a.ok(&["vouch", "show", id]);
    assert!(shown.contains("all of agents.org-c.test") && shown.contains("at most 20 messages"));
    let file = world.a.home().join("vouch.json");
    std::fs::write(&file, world.a.ok(&["vouch", "show", id, "--json"])).unwrap();
    let imported = world.b.ok(&["vouch", "import", file.to_str().unwrap()]);
    assert!(
        imported.starts_with("bruno@agents.org-b.test holds a vouch of aria@agents.org-a.test")
    );
    assert_eq!(
        world.b.json(&["vouch", "--json"])["held"][0]["id"],
        issued["id"]
    );
    let wrong = world.a.run(&["vouch", "import", file.to_str().unwrap()]);
    assert_eq!(wrong.code, 1, "it is for nobody there: {wrong:?}");

    let revoked = world.a.ok(&["vouch", "revoke", id]);
    assert!(revoked.contains("revoked"), "{revoked}");
    assert_eq!(
        world.a.json(&["vouch", "--json"])["issued"][0]["state"],
        "revoked"
    );
}

/// Aria asks Bruno's node to take a message.
fn send(world: &World, more: &[&str]) -> Ran {
    let send = [
        "send",
        BRUNO,
        REQUEST,
        "{}",
        "--as",
        "aria",
        "--wait",
        "received",
        "--timeout",
    ];
    // What waits for a person does not get there however long one waits.
    let patience = if more.is_empty() { "5s" } else { "30s" };
    world.a.run(&[&send[..], &[patience], more].concat())
}

/// What a camera reads.
fn read_code(png: &std::path::Path) -> String {
    let file = std::io::BufReader::new(std::fs::File::open(png).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (info.width as usize, info.height as usize);
    let depth = info.bit_depth as usize;
    let line = info.line_size;
    let grey = |x: usize, y: usize| {
        let octet = pixels[y * line + x * depth / 8];
        let bit = octet >> (8 - depth - x * depth % 8);
        if bit & 1 == 0 { 0 } else { 255 }
    };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
    image.detect_grids()[0].decode().unwrap().1
}
