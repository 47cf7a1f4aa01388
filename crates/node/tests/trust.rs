//! Who is let in without a person: by a rule, by an invitation, by a friend's word; and thrown out
//! again. Real nodes, real sockets.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use comity_api::agent::Send;
use comity_api::invite::{AcceptInvitation, Invite};
use comity_api::operator::{CreateGrant, Deny, ListQuery, Rate};
use comity_api::policy::{Explain, Rule};
use comity_api::vouch::{ImportVouch, IssueVouch, VouchRight};
use comity_didcomm::protocols::out_of_band::{Invitation, Link};
use comity_node::config::{Host, Outbound};
use comity_node::journey::{Operator, WaitFor};
use common::{
    ARIA, BRUNO, Place, REQUEST, Side, UPDATE, acquaint, eventually, free_address, places,
};
use serde_json::json;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const ANALYSIS: &str = "https://example.org/market-analysis/1.0";
const OTHER: &str = "https://example.org/something-else/1.0";
const CAROL: &str = "did:web:agents.org-c.test:carol";

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

fn by() -> Operator {
    Operator::local()
}

fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        they_may_send: vec![ANALYSIS.to_owned()],
        you_may_send: vec![ANALYSIS.to_owned()],
        until: now() + 86_400,
        ..Rule::default()
    }
}

async fn two() -> (Place, Place, Side, Side) {
    let (place_a, place_b) = places();
    let aria = Side::new(&place_a, "aria").await;
    let bruno = Side::new(&place_b, "bruno").await;
    (place_a, place_b, aria, bruno)
}

#[tokio::test]
async fn a_rule_lets_a_domain_in_as_far_as_it_goes_and_names_itself() {
    let (_a, _b, aria, bruno) = two().await;
    let partners = Rule {
        domain: Some("org-a.test".to_owned()),
        they_may_send: vec![REQUEST.to_owned()],
        uses: Some(2),
        ..rule("partners")
    };
    let made = bruno
        .core()
        .add_rule(&by(), partners.clone())
        .await
        .unwrap();
    assert_eq!((made.state.as_str(), made.made), ("active", 0));
    assert!(
        bruno.core().add_rule(&by(), partners).await.is_err(),
        "a name is given once"
    );

    let message = aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    let delivery = bruno.lease_one().await;
    assert_eq!(delivery.context.let_in_by.as_deref(), Some("rule:partners"));
    bruno.settle(&delivery, "done", Vec::new()).await;
    assert_eq!(aria.wait(&message.id, WaitFor::Done).await.state, "done");

    // Both nodes hold the narrowed grant.
    for side in [&aria, &bruno] {
        let grants = side.core().grants(false).await.unwrap();
        let [grant] = grants.as_slice() else {
            panic!("{grants:?}");
        };
        assert_eq!((grant.state.as_str(), grant.most_uses), ("active", Some(2)));
        assert!(grant.until <= now() + 86_400);
    }
    let rules = bruno.core().rules(false).await.unwrap();
    assert_eq!((rules[0].made, rules[0].live), (1, 1));

    // Two uses are two messages: the third does not leave its sender.
    let second = aria.send(BRUNO, REQUEST, json!({"n": 2})).await;
    let delivery = bruno.lease_one().await;
    bruno.settle(&delivery, "done", Vec::new()).await;
    assert_eq!(aria.wait(&second.id, WaitFor::Done).await.state, "done");
    let third = aria.send(BRUNO, REQUEST, json!({"n": 3})).await;
    assert_eq!(third.state, "held", "it knocks anew: {third:?}");
    // And knocking anew is no way to begin counting anew: a person is asked.
    eventually(async || bruno.core().knocks(false).await.unwrap().len() == 1).await;
    assert_eq!(bruno.core().rules(false).await.unwrap()[0].made, 1);

    // Ending the rule with what it made ends that, too.
    let ended = bruno
        .core()
        .end_rule(&by(), "partners", true)
        .await
        .unwrap();
    assert_eq!((ended.state.as_str(), ended.live), ("ended", 0));
    eventually(async || {
        aria.core()
            .grants(false)
            .await
            .unwrap()
            .iter()
            .all(|g| g.state != "active")
    })
    .await;
}

#[tokio::test]
async fn whoever_was_thrown_out_asks_a_person_whatever_the_rules_say() {
    let (_a, _b, aria, bruno) = two().await;
    let partners = Rule {
        peer: Some(ARIA.to_owned()),
        ..rule("aria")
    };
    bruno.core().add_rule(&by(), partners).await.unwrap();
    aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    bruno.settle(&delivery, "done", Vec::new()).await;
    let grant = bruno.core().grants(false).await.unwrap().remove(0);
    bruno.core().revoke(&by(), &grant.id).await.unwrap();
    eventually(async || aria.core().grants(false).await.unwrap().is_empty()).await;

    let again = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        body: json!({}),
        purpose: Some("please".into()),
        ..Send::default()
    };
    aria.submit(again).await;
    eventually(async || bruno.core().knocks(false).await.unwrap().len() == 1).await;
    assert!(bruno.core().grants(false).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_new_rule_is_tried_on_past_knocks_and_changes_nothing() {
    let (_a, _b, aria, bruno) = two().await;
    aria.send(BRUNO, REQUEST, json!({})).await;
    eventually(async || bruno.core().knocks(false).await.unwrap().len() == 1).await;
    let fits = Rule {
        domain: Some("org-a.test".to_owned()),
        ..rule("fits")
    };
    let tried = bruno.core().try_rule(fits).await.unwrap();
    assert_eq!(
        (tried.knocks[0].would.as_str(), tried.knocks[0].was.as_str()),
        ("approve", "pending")
    );
    let others = Rule {
        domain: Some("org-x.test".to_owned()),
        ..rule("others")
    };
    let tried = bruno.core().try_rule(others).await.unwrap();
    assert_eq!(tried.knocks[0].would, "ask");
    assert_eq!(
        tried.knocks[0].because.as_deref(),
        Some("it is about others")
    );
    let narrow = Rule {
        domain: Some("org-a.test".to_owned()),
        they_may_send: vec![UPDATE.to_owned()],
        ..rule("narrow")
    };
    let tried = bruno.core().try_rule(narrow).await.unwrap();
    let because = tried.knocks[0].because.as_deref();
    assert_eq!(because, Some("it does not allow the message that waits"));
    assert!(bruno.core().rules(true).await.unwrap().is_empty());
    assert_eq!(bruno.core().knocks(false).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_decision_is_explained_with_what_would_change_it() {
    let (_a, _b, aria, bruno) = two().await;
    let ask = |type_: &str| Explain {
        from: "aria@agents.org-a.test".to_owned(),
        to: "bruno".to_owned(),
        type_: type_.to_owned(),
        ..Explain::default()
    };
    let explained = bruno.core().explain(ask(REQUEST)).await.unwrap();
    assert_eq!(
        (explained.decision.as_str(), explained.basis.as_str()),
        ("refuse", "no-grant")
    );
    assert_eq!(explained.knock.unwrap().decides, "you");
    let partners = Rule {
        domain: Some("org-a.test".to_owned()),
        uses: Some(20),
        rate: Some(Rate {
            messages: 1,
            seconds: 3_600,
        }),
        ..rule("partners")
    };
    bruno.core().add_rule(&by(), partners).await.unwrap();
    let explained = bruno.core().explain(ask(REQUEST)).await.unwrap();
    assert_eq!(explained.knock.unwrap().decides, "rule:partners");

    aria.send(BRUNO, REQUEST, json!({})).await;
    let delivery = bruno.lease_one().await;
    bruno.settle(&delivery, "done", Vec::new()).await;
    let explained = bruno.core().explain(ask(REQUEST)).await.unwrap();
    assert_eq!(
        (explained.decision.as_str(), explained.basis.as_str()),
        ("wait", "rate")
    );
    assert!(explained.not_before.unwrap() > now());
    let explained = bruno
        .core()
        .explain(ask(&format!("{OTHER}/x")))
        .await
        .unwrap();
    assert_eq!(
        (explained.decision.as_str(), explained.basis.as_str()),
        ("refuse", "type")
    );
    let outward = Explain {
        from: "aria".to_owned(),
        to: BRUNO.to_owned(),
        type_: REQUEST.to_owned(),
        ..Explain::default()
    };
    let explained = aria.core().explain(outward.clone()).await.unwrap();
    assert_eq!(
        (explained.direction.as_str(), explained.decision.as_str()),
        ("out", "wait")
    );

    // When the grant is over by its time, the sender's node knocks again.
    let later = Explain {
        at: Some(now() + 400 * 86_400),
        ..outward
    };
    let explained = aria.core().explain(later).await.unwrap();
    assert_eq!(
        (explained.decision.as_str(), explained.basis.as_str()),
        ("knock", "grant-state")
    );

    bruno.core().block(&by(), "org-a.test").await.unwrap();
    let explained = bruno.core().explain(ask(REQUEST)).await.unwrap();
    assert_eq!(explained.basis, "blocked");
    assert!(explained.next.is_some());
}

#[tokio::test]
async fn a_blocked_domain_waits_no_longer_and_is_not_heard() {
    let (_a, _b, aria, bruno) = two().await;
    aria.send(BRUNO, REQUEST, json!({})).await;
    eventually(async || bruno.core().knocks(false).await.unwrap().len() == 1).await;
    bruno.core().block(&by(), "org-a.test").await.unwrap();
    assert!(bruno.core().knocks(false).await.unwrap().is_empty());
    assert_eq!(bruno.core().knocks(true).await.unwrap()[0].state, "denied");
    let listed = bruno.core().peers().await.unwrap();
    assert!(
        listed
            .iter()
            .any(|peer| peer.did == "org-a.test" && peer.blocked)
    );
    // Not by a rule, and not by a grant that an operator makes without lifting the block.
    let all = Rule {
        domain: Some("org-a.test".to_owned()),
        ..rule("all")
    };
    bruno.core().add_rule(&by(), all).await.unwrap();
    let create = CreateGrant {
        agent: "bruno".to_owned(),
        peer: ARIA.to_owned(),
        they_may_send: vec![ANALYSIS.to_owned()],
        ..CreateGrant::default()
    };
    assert!(bruno.core().create_grant(&by(), create).await.is_err());
    let again = Send {
        to: Some(BRUNO.into()),
        type_: UPDATE.into(),
        body: json!({}),
        purpose: Some("please".into()),
        ..Send::default()
    };
    aria.submit(again).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        bruno.core().knocks(true).await.unwrap().len(),
        1,
        "nothing new is heard"
    );
    bruno.core().unblock(&by(), "org-a.test").await.unwrap();
    assert!(bruno.core().unblock(&by(), "org-a.test").await.is_err());
}

/// A wider offer of ours beside the grant ends with it, and later: it must not hide that the grant
/// was revoked.
#[tokio::test]
async fn a_revocation_is_not_hidden_by_what_ended_after_it() {
    let (_a, _b, aria, bruno) = two().await;
    acquaint(&aria, &bruno).await;
    let partners = Rule {
        domain: Some("org-a.test".to_owned()),
        ..rule("partners")
    };
    bruno.core().add_rule(&by(), partners).await.unwrap();
    bruno.send(ARIA, &format!("{OTHER}/x"), json!({})).await;
    eventually(async || {
        let grants = bruno.core().grants(false).await.unwrap();
        grants.iter().any(|grant| grant.state == "offered")
    })
    .await;
    let grants = bruno.core().grants(false).await.unwrap();
    let active = grants.iter().find(|grant| grant.state == "active").unwrap();
    bruno.core().revoke(&by(), &active.id).await.unwrap();
    eventually(async || {
        let grants = aria.core().grants(false).await.unwrap();
        grants.iter().all(|grant| grant.state != "active")
    })
    .await;
    let again = Send {
        to: Some(BRUNO.into()),
        type_: REQUEST.into(),
        body: json!({}),
        purpose: Some("please".into()),
        ..Send::default()
    };
    aria.submit(again).await;
    eventually(async || bruno.core().knocks(false).await.unwrap().len() == 1).await;
    let grants = bruno.core().grants(false).await.unwrap();
    assert!(
        grants.iter().all(|grant| grant.state != "active"),
        "{grants:?}"
    );
}

/// Where the node asks before it knocks, a rule lets it knock for what the rule says, no more.
#[tokio::test]
async fn a_rule_lets_us_knock_for_what_it_allows_and_no_more() {
    let (place_a, mut place_b) = places();
    place_b.outbound = Outbound::Ask;
    let _aria = Side::new(&place_a, "aria").await;
    let bruno = Side::new(&place_b, "bruno").await;
    let status = Rule {
        peer: Some(ARIA.to_owned()),
        they_may_send: vec![UPDATE.to_owned()],
        you_may_send: vec![REQUEST.to_owned()],
        uses: Some(20),
        ..rule("status")
    };
    bruno.core().add_rule(&by(), status).await.unwrap();
    let asked = bruno.send(ARIA, UPDATE, json!({})).await;
    assert_eq!(
        asked.waiting_on.as_deref(),
        Some("operator"),
        "no rule is about this"
    );
    let listed = bruno.send(ARIA, REQUEST, json!({})).await;
    assert_eq!(listed.waiting_on.as_deref(), Some("grant"));
    eventually(async || !bruno.core().grants(false).await.unwrap().is_empty()).await;
    let offered = bruno.core().grants(false).await.unwrap().remove(0);
    assert_eq!(offered.they_may_send, [UPDATE]);
    assert_eq!(offered.we_may_send, [REQUEST]);
    assert_eq!(
        (offered.most_uses, offered.decided_by.as_str()),
        (Some(20), "rule:status")
    );
    assert!(offered.until <= now() + 86_400);
}

#[tokio::test]
async fn a_rate_delays_and_loses_nothing() {
    let (_a, _b, aria, bruno) = two().await;
    let slow = Rule {
        peer: Some(ARIA.to_owned()),
        rate: Some(Rate {
            messages: 2,
            seconds: 4,
        }),
        ..rule("slow")
    };
    bruno.core().add_rule(&by(), slow).await.unwrap();
    let started = std::time::Instant::now();
    let mut sent = Vec::new();
    for n in 0..4 {
        sent.push(aria.send(BRUNO, REQUEST, json!({"n": n})).await);
    }
    for _ in 0..4 {
        let delivery = bruno.lease_one().await;
        bruno.settle(&delivery, "done", Vec::new()).await;
    }
    for message in sent {
        assert_eq!(aria.wait(&message.id, WaitFor::Done).await.state, "done");
    }
    // Not a promise about speed: four messages at two in four seconds can't be quicker than this.
    assert!(started.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn an_invitation_lets_one_guest_in_and_no_second() {
    let (_a, _b, aria, bruno) = two().await;
    let invite = Invite {
        agent: "bruno".to_owned(),
        they_may_send: vec![ANALYSIS.to_owned()],
        you_may_send: vec![UPDATE.to_owned()],
        goal: "the Q3 study".to_owned(),
        ..Invite::default()
    };
    let invited = bruno.core().invite(&by(), invite).await.unwrap();
    assert!(
        invited
            .url
            .starts_with("https://agents.org-b.test/comity/invite?_oob=")
    );
    let accept = AcceptInvitation {
        agent: "aria".to_owned(),
        url: invited.url.clone(),
        ..AcceptInvitation::default()
    };
    let following = aria
        .core()
        .accept_invitation(&by(), accept.clone())
        .await
        .unwrap();
    assert_eq!(
        (following.from.as_str(), following.goal.as_str()),
        (BRUNO, "the Q3 study")
    );
    eventually(async || {
        let grants = aria.core().grants(false).await.unwrap();
        grants.iter().any(|grant| grant.state == "active")
    })
    .await;
    aria.send(BRUNO, REQUEST, json!({"n": 1})).await;
    let delivery = bruno.lease_one().await;
    assert!(
        delivery
            .context
            .let_in_by
            .unwrap()
            .starts_with("rule:invite-")
    );

    // Used up: the same link lets nobody else in.
    aria.core().create_agent(&by(), "anton").await.unwrap();
    let second = AcceptInvitation {
        agent: "anton".to_owned(),
        ..accept
    };
    aria.core().accept_invitation(&by(), second).await.unwrap();
    eventually(async || bruno.core().knocks(false).await.unwrap().len() == 1).await;
    assert_eq!(bruno.core().grants(false).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_invitation_says_what_it_offers_and_nothing_else() {
    let (_a, _b, _, bruno) = two().await;
    let invite = Invite {
        agent: "bruno".to_owned(),
        they_may_send: vec![ANALYSIS.to_owned()],
        you_may_send: vec![UPDATE.to_owned()],
        note: "for the lady from the fair".to_owned(),
        until: Some(now() + 3_600),
        ..Invite::default()
    };
    let invited = bruno.core().invite(&by(), invite).await.unwrap();
    assert_eq!(
        invited.open_until, invited.until,
        "no longer than what it lets in"
    );
    let Ok(Link::Invitation(link)) = Invitation::from_url(&invited.url) else {
        panic!("{}", invited.url);
    };
    let offer = json!({"guest_may": [ANALYSIS], "host_may": [UPDATE], "until": invited.until});
    assert_eq!(link.attachments[0].data.json, Some(offer));
    assert_eq!(
        (link.from.as_str(), link.goal.goal, link.attachments.len()),
        (BRUNO, None, 1)
    );
    // The secret is in the link alone: rules, which operators see, name a hash of it.
    let rules = bruno.core().rules(true).await.unwrap();
    let shown = serde_json::to_string(&rules).unwrap();
    assert!(!shown.contains(link.id.as_str()), "{shown}");
}

/// Aria, Bruno and Carol, each at a node of an organisation of its own.
struct Three {
    _places: Vec<Place>,
    aria: Side,
    bruno: Side,
    carol: Side,
}

async fn three() -> Three {
    let hosts = [
        "agents.org-a.test",
        "agents.org-b.test",
        "agents.org-c.test",
    ];
    let addresses = hosts.map(|_| free_address());
    let map: Vec<_> = hosts
        .iter()
        .zip(addresses)
        .map(|(host, address)| (Host::new(host, None).unwrap(), address))
        .collect();
    let places: Vec<Place> = hosts
        .iter()
        .zip(addresses)
        .map(|(host, wire)| Place {
            home: tempfile::tempdir().unwrap(),
            host,
            wire,
            map: map.clone(),
            outbound: Outbound::Open,
        })
        .collect();
    let aria = Side::new(&places[0], "aria").await;
    let bruno = Side::new(&places[1], "bruno").await;
    let mut config = places[2].config();
    config.vouch_look = Some(Duration::from_millis(200));
    let carol = Side::of(config, "carol").await;
    acquaint(&aria, &bruno).await;
    Three {
        _places: places,
        aria,
        bruno,
        carol,
    }
}

fn introduction() -> IssueVouch {
    IssueVouch {
        agent: Some("aria".to_owned()),
        subject: BRUNO.to_owned(),
        may: vec![ANALYSIS.to_owned()],
        audience: vec!["agents.org-c.test".to_owned()],
        uses: Some(20),
        purpose: "he did our Q3 study".to_owned(),
        deliver: true,
        ..IssueVouch::default()
    }
}

impl Three {
    async fn honour(&self, depth: u8) {
        let friends = Rule {
            vouched_by: Some(ARIA.to_owned()),
            depth,
            ..rule("friends-of-aria")
        };
        self.carol.core().add_rule(&by(), friends).await.unwrap();
    }

    /// Aria's vouch, held by Bruno's node.
    async fn introduced(&self, vouch: IssueVouch) -> String {
        let issued = self.aria.core().issue_vouch(&by(), vouch).await.unwrap();
        assert!(issued.sent);
        eventually(async || {
            let held = self.bruno.core().held_vouches().await.unwrap();
            held.iter().any(|held| held.id == issued.id)
        })
        .await;
        issued.id
    }

    /// Bruno's knock at Carol's, as her operator sees it.
    async fn asked(&self) -> comity_api::operator::Knock {
        eventually(async || self.carol.core().knocks(false).await.unwrap().len() == 1).await;
        self.carol.core().knocks(false).await.unwrap().remove(0)
    }
}

#[tokio::test]
async fn a_friends_word_lets_a_stranger_in_and_its_withdrawal_throws_him_out() {
    let three = three().await;
    let Three {
        aria, bruno, carol, ..
    } = &three;
    three.honour(0).await;
    let vouch = three.introduced(introduction()).await;

    let message = bruno.send(CAROL, REQUEST, json!({"n": 1})).await;
    let delivery = carol.lease_one().await;
    let context = &delivery.context;
    assert_eq!(context.let_in_by.as_deref(), Some("rule:friends-of-aria"));
    assert_eq!(context.vouched_by, [ARIA]);
    carol
        .reply(&delivery, "response", json!({"ok": true}))
        .await;
    assert_eq!(bruno.wait(&message.id, WaitFor::Done).await.state, "done");
    let grant = carol.core().grants(false).await.unwrap().remove(0);
    assert_eq!(
        (grant.most_uses, grant.vouched_by.as_slice()),
        (Some(20), [ARIA.to_owned()].as_slice())
    );
    // The record names the vouch that the decision rests on.
    let entries = carol.core().entries(ListQuery::default()).await.unwrap();
    let decision = entries
        .iter()
        .find(|entry| entry.kind == "decision")
        .unwrap();
    let record = decision.record.as_ref().unwrap();
    assert_eq!(record["vouches"], json!([vouch]), "{record}");
    assert_eq!(record["by"], "rule:friends-of-aria");

    aria.core().revoke_vouch(&by(), &vouch).await.unwrap();
    eventually(async || {
        let grants = carol.core().grants(true).await.unwrap();
        grants[0].state == "ended" && grants[0].code.as_deref() == Some("e.p.trust.vouch-revoked")
    })
    .await;
    // His node was told.
    eventually(async || {
        let grants = bruno.core().grants(true).await.unwrap();
        grants
            .iter()
            .any(|g| g.peer == CAROL && g.code.as_deref() == Some("e.p.trust.vouch-revoked"))
    })
    .await;

    // The same word again opens nothing: a person is asked, and told why.
    let again = Send {
        to: Some(CAROL.into()),
        type_: REQUEST.into(),
        body: json!({}),
        purpose: Some("again".into()),
        ..Send::default()
    };
    bruno.submit(again).await;
    let knock = three.asked().await;
    assert!(knock.vouched_by.is_empty());
    assert!(
        knock.not_vouched[0].contains("revoked"),
        "{:?}",
        knock.not_vouched
    );
}

/// What a vouch is good for, it is good for once: not at every agent anew.
#[tokio::test]
async fn the_uses_of_a_vouch_are_used_up_by_all_that_stands_on_it() {
    let three = three().await;
    let Three { bruno, carol, .. } = &three;
    let cleo = carol.core().create_agent(&by(), "cleo").await.unwrap();
    let cleo = carol.core().authenticate(&cleo.token).await.unwrap();
    three.honour(0).await;
    three
        .introduced(IssueVouch {
            uses: Some(1),
            ..introduction()
        })
        .await;
    // Both grants begin before anything is used.
    let other = "did:web:agents.org-c.test:cleo";
    let first = bruno.send(CAROL, REQUEST, json!({"n": 1})).await;
    let second = bruno.send(other, REQUEST, json!({"n": 2})).await;
    let ends = [
        bruno.wait(&first.id, WaitFor::Received).await.state,
        bruno.wait(&second.id, WaitFor::Received).await.state,
    ];
    let mut got = 0;
    for caller in [&carol.caller, &cleo] {
        got += carol
            .core()
            .lease(caller, 8, Duration::from_millis(300))
            .await
            .unwrap()
            .len();
    }
    assert_eq!(got, 1, "{ends:?}");
    assert!(
        ends.iter().any(|end| end == "refused" || end == "held"),
        "{ends:?}"
    );
}

#[tokio::test]
async fn nobody_is_let_in_on_the_word_of_somebody_whom_no_rule_names() {
    let three = three().await;
    three.introduced(introduction()).await;
    three.bruno.send(CAROL, REQUEST, json!({})).await;
    let knock = three.asked().await;
    assert!(knock.vouched_by.is_empty());
    assert_eq!(knock.not_vouched.len(), 1, "{knock:?}");
}

#[tokio::test]
async fn a_word_for_one_thing_is_none_for_another() {
    let three = three().await;
    three.honour(0).await;
    three
        .introduced(IssueVouch {
            may: vec![UPDATE.to_owned()],
            ..introduction()
        })
        .await;
    three.bruno.send(CAROL, REQUEST, json!({})).await;
    let knock = three.asked().await;
    assert_eq!(
        knock.vouched_by,
        [[ARIA.to_owned()]],
        "shown to the operator, and not enough"
    );
    assert!(three.carol.core().grants(false).await.unwrap().is_empty());
    let ask = Explain {
        from: BRUNO.to_owned(),
        to: "carol".to_owned(),
        type_: REQUEST.to_owned(),
        ..Explain::default()
    };
    let explained = three.carol.core().explain(ask).await.unwrap();
    let [(_, why)] = &explained.knock.unwrap().rules[..] else {
        panic!("one rule");
    };
    assert_eq!(why, "it does not allow the message that waits");
}

#[tokio::test]
async fn a_vouch_that_rests_on_another_is_shown_and_taken_with_it() {
    let three = three().await;
    let Three { bruno, .. } = &three;
    bruno.core().create_agent(&by(), "dora").await.unwrap();
    let pass_on = |on: String| IssueVouch {
        agent: Some("bruno".to_owned()),
        subject: "did:web:agents.org-b.test:dora".to_owned(),
        on: Some(on),
        deliver: false,
        ..introduction()
    };
    let for_him = three.introduced(introduction()).await;
    let refused = bruno.core().issue_vouch(&by(), pass_on(for_him)).await;
    assert_eq!(
        refused.unwrap_err().title,
        "this vouch may not be passed on"
    );

    let deep = three
        .introduced(IssueVouch {
            depth: 1,
            ..introduction()
        })
        .await;
    let issued = bruno.core().issue_vouch(&by(), pass_on(deep)).await;
    let issued = issued.unwrap();
    let shown = bruno.core().show_vouch(&issued.id).await.unwrap();
    assert_eq!(shown.chain, issued.chain, "with what it rests on");
    let chain = shown.chain.unwrap();
    let import = ImportVouch { chain };
    let held = bruno.core().import_vouch(&by(), import).await.unwrap();
    assert_eq!(held.issuers, [ARIA, BRUNO]);
}

#[tokio::test]
async fn an_agent_vouches_by_the_right_that_it_was_given_and_no_further() {
    let three = three().await;
    let Three { aria, .. } = &three;
    let vouch = IssueVouch {
        agent: None,
        ..introduction()
    };
    let without = aria
        .core()
        .vouch_by_right(&aria.caller, vouch.clone())
        .await;
    assert_eq!(without.unwrap_err().code, "e.p.trust.denied");
    let right = VouchRight {
        agent: "aria".to_owned(),
        may: vec![ANALYSIS.to_owned()],
        count: 1,
        uses: Some(20),
        until: now() + 31 * 86_400,
        ..VouchRight::default()
    };
    aria.core().give_vouch_right(&by(), right).await.unwrap();
    for wider in [
        IssueVouch {
            may: vec![OTHER.to_owned()],
            ..vouch.clone()
        },
        IssueVouch {
            uses: Some(21),
            ..vouch.clone()
        },
        IssueVouch {
            uses: None,
            ..vouch.clone()
        },
        IssueVouch {
            depth: 1,
            ..vouch.clone()
        },
        IssueVouch {
            until: Some(now() + 60 * 86_400),
            ..vouch.clone()
        },
    ] {
        let refused = aria.core().vouch_by_right(&aria.caller, wider).await;
        assert_eq!(refused.unwrap_err().code, "e.p.trust.denied");
    }
    let issued = aria
        .core()
        .vouch_by_right(&aria.caller, vouch.clone())
        .await
        .unwrap();
    assert_eq!(issued.by, "agent:aria");
    let second = aria.core().vouch_by_right(&aria.caller, vouch).await;
    assert_eq!(
        second.unwrap_err().code,
        "e.p.trust.denied",
        "its one vouch is made"
    );
}

#[tokio::test]
async fn a_vouch_is_shown_as_it_is_presented_and_stands_on_nothing_that_is_not_there() {
    let three = three().await;
    let Three { aria, bruno, .. } = &three;
    let passed_on = IssueVouch {
        agent: Some("bruno".to_owned()),
        subject: CAROL.to_owned(),
        on: Some("uEiNOTHING".to_owned()),
        deliver: false,
        depth: 0,
        ..introduction()
    };
    let before = bruno.core().issued_vouches().await.unwrap().len();
    let wrong = bruno.core().issue_vouch(&by(), passed_on.clone()).await;
    assert!(wrong.is_err());
    let right = VouchRight {
        agent: "bruno".to_owned(),
        may: vec![ANALYSIS.to_owned()],
        count: 1,
        until: now() + 31 * 86_400,
        ..VouchRight::default()
    };
    bruno.core().give_vouch_right(&by(), right).await.unwrap();
    let by_right = IssueVouch {
        agent: None,
        ..passed_on.clone()
    };
    let wrong = bruno.core().vouch_by_right(&bruno.caller, by_right).await;
    assert!(wrong.is_err());
    let issued = bruno.core().issued_vouches().await.unwrap();
    assert_eq!(issued.len(), before, "nothing was vouched for");
    assert_eq!(bruno.core().vouch_rights().await.unwrap()[0].made, 0);

    let first = IssueVouch {
        depth: 1,
        ..introduction()
    };
    let on = three.introduced(first).await;
    let second = IssueVouch {
        on: Some(on.clone()),
        ..passed_on
    };
    let made = bruno.core().issue_vouch(&by(), second).await.unwrap();
    let shown = bruno.core().show_vouch(&made.id).await.unwrap();
    assert_eq!(shown.chain, made.chain);
    let links = shown.chain.unwrap().as_array().unwrap().len();
    assert_eq!(links, 2, "the whole chain, not its last link");
    let alone = aria.core().show_vouch(&on).await.unwrap();
    assert_eq!(alone.chain.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn limits_that_could_never_hold_are_refused_with_what_to_write() {
    let (_a, _b, _aria, bruno) = two().await;
    let never = Rate {
        messages: 0,
        seconds: 3_600,
    };
    let partners = Rule {
        domain: Some("org-a.test".to_owned()),
        ..rule("partners")
    };
    let wrong = [
        Rule {
            rate: Some(never),
            ..partners.clone()
        },
        Rule {
            until: 1 << 53,
            ..partners.clone()
        },
        Rule {
            uses: Some(1 << 53),
            ..partners.clone()
        },
    ];
    for rule in wrong {
        assert!(bruno.core().add_rule(&by(), rule).await.is_err());
    }
    bruno.core().add_rule(&by(), partners).await.unwrap();
    let grant = CreateGrant {
        agent: "bruno".to_owned(),
        peer: ARIA.to_owned(),
        they_may_send: vec![ANALYSIS.to_owned()],
        rate: Some(never),
        ..CreateGrant::default()
    };
    let refused = bruno.core().create_grant(&by(), grant).await.unwrap_err();
    assert!(refused.title.contains("20/1h"), "{refused:?}");
    let invite = Invite {
        agent: "bruno".to_owned(),
        they_may_send: vec![ANALYSIS.to_owned()],
        rate: Some(never),
        ..Invite::default()
    };
    let refused = bruno.core().invite(&by(), invite).await.unwrap_err();
    assert!(refused.title.contains("20/1h"), "{refused:?}");
}

#[tokio::test]
async fn a_knock_that_let_nobody_in_leaves_what_lists_show_and_no_octets() {
    let (_a, place, aria, bruno) = two().await;
    let db = || {
        let path = place.path().join("comity.db");
        rusqlite::Connection::open(path).unwrap()
    };
    let kept = || {
        let count = "SELECT count(*) FROM message m JOIN digest d ON d.id = m.digest
             JOIN knock k ON k.digest = d.text";
        let count: i64 = db().query_row(count, [], |row| row.get(0)).unwrap();
        count
    };
    aria.send(BRUNO, REQUEST, json!({})).await;
    eventually(async || bruno.core().knocks(false).await.unwrap().len() == 1).await;
    assert_eq!(kept(), 1);
    let knock = bruno.core().knocks(false).await.unwrap().remove(0);
    bruno
        .core()
        .deny(&by(), &knock.id, Deny::default())
        .await
        .unwrap();
    assert_eq!(kept(), 0);
    let ended = bruno.core().knocks(true).await.unwrap().remove(0);
    assert_eq!(ended.state, "denied");
    assert_eq!(
        (ended.purpose, ended.they_may_send, ended.first),
        (knock.purpose, knock.they_may_send, knock.first)
    );
}

#[tokio::test]
async fn a_live_grant_is_found_behind_any_number_that_ended() {
    let (_a, place, aria, bruno) = two().await;
    acquaint(&aria, &bruno).await;
    let path = place.path().join("comity.db");
    let db = rusqlite::Connection::open(path).unwrap();
    db.busy_timeout(Duration::from_secs(10)).unwrap();
    // As many newer rows of others, which have ended, as no list goes through.
    db.execute_batch(
        "INSERT OR IGNORE INTO party (did) VALUES ('did:web:others.test:x');
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10050)
         INSERT INTO digest (text) SELECT 'ended-' || n FROM n;
         INSERT INTO grants (id, ours, peer, state, weight, until, version, uses, created, ended,
            terms, data)
         SELECT d.id, g.ours, (SELECT id FROM party WHERE did = 'did:web:others.test:x'), 'ended',
            0, g.until, 1, 0, g.created, g.created, g.terms, g.data
         FROM digest d, (SELECT * FROM grants LIMIT 1) g WHERE d.text LIKE 'ended-%'",
    )
    .unwrap();
    let live = bruno.core().grants(false).await.unwrap();
    assert_eq!(live.len(), 1);
    assert_eq!(live[0].peer, ARIA);
    bruno.core().block(&by(), ARIA).await.unwrap();
    assert!(bruno.core().grants(false).await.unwrap().is_empty());
}
