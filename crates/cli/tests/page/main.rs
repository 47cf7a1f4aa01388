//! The operator's page, used as a person uses it: the real node, the real Chromium, a stranger who
//! wants to look like somebody else. Where there is no Chromium nothing is tested, and a line says
//! so; with `COMITY_BROWSER=required` that is a failure.
//!
//! Pictures of what the person saw are left in `target/tmp/page`.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, unreachable_pub)]

mod browser;

use browser::{Browser, chromium};
use comity_api::agent::{LeaseRequest, Leased, Message, Send, SettleRequest, Settled, Settlement};
use comity_api::operator::{CreateOperator, Knock, OperatorToken};
use comity_testkit::{Door, Organisation, free_address};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const PROTOCOL: &str = "https://example.org/market-analysis/1.0";
/// `agents.оrg-b.test`, with a Cyrillic о: to the eye the operator's own host.
const FALSE_FRIEND: &str = "agents.xn--rg-b-45d.test";

/// Bruno's organisation, whose operator has the page, and Mallory's.
struct World {
    ours: Organisation,
    bruno: Door,
    theirs: Organisation,
    mallory: Door,
    page: String,
    _home: TempDir,
}

impl World {
    async fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let map = [
            ("agents.org-b.test", free_address().unwrap()),
            (FALSE_FRIEND, free_address().unwrap()),
        ];
        let binary = Path::new(env!("CARGO_BIN_EXE_comity"));
        let one = |name: &str, (host, wire)| {
            Organisation::new(binary, home.path().join(name), host, wire, &map).unwrap()
        };
        let (mut ours, mut theirs) = (one("b", map[0]), one("m", map[1]));
        ours.start().await.unwrap();
        theirs.start().await.unwrap();
        let page = ours.operator().status().await.unwrap().operator_url;
        Self {
            bruno: ours.agent("bruno").await.unwrap(),
            mallory: theirs.agent("bruno").await.unwrap(),
            ours,
            theirs,
            page: page.unwrap(),
            _home: home,
        }
    }

    async fn operator(&self, name: &str, role: &str) -> String {
        let create = CreateOperator {
            name: name.to_owned(),
            role: role.to_owned(),
            agents: Vec::new(),
        };
        let door = self.ours.operator();
        let made: OperatorToken = door.post("/v1/operators", &create).await.unwrap();
        made.token
    }

    /// Mallory writes to Bruno, which makes her node knock.
    async fn knock(&mut self, purpose: &str) -> (Message, Knock) {
        let send = Send {
            to: Some(self.ours.did("bruno")),
            type_: format!("{PROTOCOL}/request"),
            body: json!({"rows": 3}),
            purpose: Some(purpose.to_owned()),
            ..Send::default()
        };
        let (status, sent): (u16, Value) = self.mallory.post("/v1/messages", &send).await.unwrap();
        assert_eq!(status, 201, "{sent}");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(knock) = self.ours.operator().knocks().await.unwrap().pop() {
                return (serde_json::from_value(sent).unwrap(), knock);
            }
            assert!(Instant::now() < deadline, "she did not knock");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What became of a message of hers.
    async fn state_of(&mut self, message: &Message, state: &str) {
        let path = format!("/v1/messages/{}", message.id);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (_, now): (u16, Message) = self.mallory.get(&path).await.unwrap();
            if now.state == state {
                return;
            }
            assert!(Instant::now() < deadline, "{} {:?}", now.state, now.reason);
            sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn sign_in(browser: &mut Browser, page: &str, token: &str) {
    browser.open(page).await;
    browser
        .until("!document.getElementById('sign-in').hidden")
        .await;
    browser.write("#token", token).await;
    browser.click("#sign-in button").await;
    browser
        .until("!document.getElementById('desk').hidden")
        .await;
}

async fn is_clean(browser: &mut Browser) {
    assert_eq!(browser.eval("window.violations").await, json!([]));
    assert_eq!(
        browser.eval("window.owned === undefined").await,
        json!(true)
    );
    let wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.eval(wider).await, json!(0), "it scrolls sideways");
}

/// The page asks whether one is sure.
const ASKED: &str = "document.getElementById('ask').open";
const HOSTILE: &str = "Q3 \u{202e}eerga\u{202c} <script>window.owned=1</script>\
    <img src=x onerror=\"window.owned=1\">\u{200b} {{owned}}";

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_who_knocks_narrows_approves_and_ends_it() {
    let Some(chromium) = chromium() else { return };
    let (mut world, mut browser) = (World::new().await, Browser::start(&chromium).await);
    let token = world.operator("dana", "approver").await;
    browser.resize(375, 812).await;
    sign_in(&mut browser, &world.page, &token).await;
    browser
        .until("!document.getElementById('nothing').hidden")
        .await;
    browser.picture("1-nothing-waits").await;

    let (message, knock) = world.knock(HOSTILE).await;
    let link = format!("{}/#knock={}", world.page, knock.id);
    browser.open(&link).await;
    browser
        .until("!!document.querySelector('.knock.linked')")
        .await;
    let card = browser.text(".knock").await;
    for shown in [
        "xn--rg-b-45d.test",
        "looks like agents.org-b.test",
        "reads like org-b",
        "agents.оrg-b.test",
        "<script>window.owned=1</script>",
        "onerror=\"window.owned=1\"",
        "⟨U+202E⟩eerga",
        "⟨U+200B⟩",
        PROTOCOL,
    ] {
        assert!(card.contains(shown), "{shown} in {card}");
    }
    assert!(!card.contains('\u{202e}') && !card.contains('\u{200b}'));
    browser.click(".knock summary").await;
    let proof = browser.text(".knock dl").await;
    assert!(
        proof.contains(&knock.from) && proof.contains(&knock.approval),
        "{proof}"
    );
    is_clean(&mut browser).await;
    browser.picture("2-a-knock").await;
    browser.prefer("dark").await;
    browser.picture("3-a-knock-in-the-dark").await;
    browser.prefer("light").await;

    // Narrower: nothing back to them, and five messages.
    let back = format!(".knock ul.types + h3 + ul.types input[value='{PROTOCOL}']");
    browser.click(&back).await;
    browser.write(".knock input[type=number]", "5").await;
    assert_eq!(browser.text(".knock .approve").await, "Approve only this");
    browser.picture("4-narrowed").await;
    browser
        .press(".knock .approve", "!!document.querySelector('.grant')")
        .await;
    world.state_of(&message, "received").await;
    let lease = LeaseRequest { max: 1, wait_s: 20 };
    let (_, leased): (u16, Leased) = world.bruno.post("/v1/lease", &lease).await.unwrap();
    assert_eq!(leased.deliveries.len(), 1, "her message came in");
    // Bruno is in doubt, and asks.
    let park = Settlement {
        delivery: leased.deliveries[0].delivery.clone(),
        lease: leased.deliveries[0].lease.clone(),
        outcome: "park".to_owned(),
        question: Some("They want <b>everything</b>\u{202e}. Go on?".to_owned()),
        ..Settlement::default()
    };
    let settle = SettleRequest {
        settlements: vec![park],
    };
    let (_, _): (u16, Settled) = world.bruno.post("/v1/settle", &settle).await.unwrap();
    browser.until("!!document.querySelector('.parked')").await;
    let asks = browser.text(".parked").await;
    assert!(asks.contains("<b>everything</b>⟨U+202E⟩. Go on?"), "{asks}");
    browser.write(".parked textarea", "Only three rows.").await;
    browser.picture("5-a-question").await;
    browser
        .press(".parked .yes", "!document.querySelector('.parked')")
        .await;
    let (_, leased): (u16, Leased) = world.bruno.post("/v1/lease", &lease).await.unwrap();
    let answer = leased.deliveries[0].context.answer.as_ref().unwrap();
    assert_eq!(answer.answer, Some(json!("Only three rows.")));
    assert_eq!(answer.by, "dana");
    let grants: Value = world.ours.operator().get("/v1/grants").await.unwrap();
    assert_eq!(grants[0]["we_may_send"], json!([]), "{grants}");
    assert_eq!(grants[0]["decided_by"], "dana");
    browser
        .until("/1 of 5 messages accepted/.test(document.querySelector('.grant').innerText)")
        .await;
    is_clean(&mut browser).await;
    browser.picture("6-a-grant").await;

    browser.press(".grant .revoke", ASKED).await;
    browser.picture("7-revoke").await;
    browser.click("#ask-no").await;
    browser.until("!document.getElementById('ask').open").await;
    assert_eq!(
        browser.eval("!!document.querySelector('.grant')").await,
        json!(true)
    );
    browser.press(".grant .revoke", ASKED).await;
    browser.click("#ask-yes").await;
    browser.until("!document.querySelector('.grant')").await;
    browser
        .until("/revoked by dana/.test(document.getElementById('decisions').innerText)")
        .await;
    browser.open(&link).await;
    browser
        .until("/does not wait any more: approved/.test(document.body.innerText)")
        .await;
    browser.resize(1280, 900).await;
    browser.picture("8-afterwards-on-a-desk").await;
    is_clean(&mut browser).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_denies_and_blocks_and_is_told_when_a_knock_changes() {
    let Some(chromium) = chromium() else { return };
    let (mut world, mut browser) = (World::new().await, Browser::start(&chromium).await);
    let token = world.operator("ada", "admin").await;
    let (first, _) = world.knock("only prices").await;
    browser.resize(375, 812).await;
    sign_in(&mut browser, &world.page, &token).await;
    browser.until("!!document.querySelector('.knock')").await;
    // The same stranger knocks with other words while the card is looked at.
    let path = format!("/v1/messages/{}/cancel", first.id);
    let (_, _): (u16, Value) = world.mallory.post(&path, &json!({})).await.unwrap();
    let token_of_theirs = world.theirs.operator();
    let grants: Value = token_of_theirs.get("/v1/grants").await.unwrap();
    let revoke = format!("/v1/grants/{}/revoke", grants[0]["id"].as_str().unwrap());
    let _: Value = token_of_theirs.post(&revoke, &json!({})).await.unwrap();
    let (second, _) = world.knock("everything you have").await;
    browser
        .until("!!document.querySelector('.knock .theirs')")
        .await;
    browser
        .until("/everything/.test(document.querySelector('.knock').innerText)")
        .await;
    let told = browser.text(".knock .changed").await;
    assert!(told.contains("what they say they want"), "{told}");
    browser.picture("9-it-changed").await;

    browser.press(".knock .block", ASKED).await;
    browser.click("#ask-yes").await;
    browser.until("!document.querySelector('.knock')").await;
    browser
        .until("/blocked/.test(document.getElementById('peers').innerText)")
        .await;
    world.state_of(&second, "refused").await;
    is_clean(&mut browser).await;
    browser.picture("10-blocked").await;

    // Signed out, and the token removed: the page shows nothing more.
    world
        .ours
        .operator()
        .delete("/v1/operators/ada")
        .await
        .unwrap();
    browser
        .until("!document.getElementById('sign-in').hidden")
        .await;
    assert!(!browser.text("body").await.contains("blocked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_has_nothing_to_press() {
    let Some(chromium) = chromium() else { return };
    let (mut world, mut browser) = (World::new().await, Browser::start(&chromium).await);
    let token = world.operator("vera", "viewer").await;
    world.knock("may I?").await;
    sign_in(&mut browser, &world.page, &token).await;
    browser.until("!!document.querySelector('.knock')").await;
    let buttons = "document.querySelectorAll('#desk button').length";
    assert_eq!(browser.eval(buttons).await, json!(0));
    // Whatever the page's own session asks for without the button is refused, too.
    let ask = "fetch('/v1/peers/block', {method: 'POST', body: '{\"did\": \"did:web:x.test:y\"}', \
        headers: {'Comity-Csrf': session.csrf}}).then(answer => answer.status)";
    assert_eq!(browser.eval(ask).await, json!(403));
    let without = "fetch('/v1/stop', {method: 'POST'}).then(answer => answer.status)";
    assert_eq!(browser.eval(without).await, json!(403));
}
