//! The time between the story and the end: Aria asks, somebody breaks things.

use super::tally::Tally;
use crate::demo::ledger::Side;
use crate::demo::organisation::name;
use crate::demo::program::Program;
use crate::demo::stage::Stage;
use crate::demo::surprise::{Look, Surprise, eventually, expect};
use crate::show::words::count;
use comity_api::operator::MessageRow;
use serde_json::json;
use std::collections::HashSet;
use std::time::Duration;

/// What was done so far, besides what the nodes know themselves.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) stage: &'a mut Stage,
    pub(super) asking: Program,
    /// Envelopes that were sent and should not have been: none of them came to anything.
    pub(super) forged: u64,
    pub(super) altered: u64,
    pub(super) replayed: u64,
    /// By a key; the story has one of its own.
    pub(super) kills: u64,
    /// The node that is killed next.
    pub(super) next_kill: Side,
    /// Whether Aria may write now.
    pub(super) granted: bool,
    /// What was changed in B's record: the entry, and the thread it is about.
    pub(super) edited: Option<(u64, String)>,
}

impl<'a> Session<'a> {
    /// Lets Aria in again, and has her ask once a second.
    pub(super) async fn begin(stage: &'a mut Stage) -> Result<Self, Surprise> {
        let ledger = stage.ledger.clone();
        ledger.step(
            "keys",
            "Aria and Bruno begin anew, and she asks once a second",
        );
        if let Some(mut bruno) = stage.bruno.take() {
            bruno.kill().await?;
        }
        stage.bruno = Some(stage.start_bruno(None)?);
        let_in(stage).await?;
        let asking = stage.aria_asks(&["--every", "1", "--wait", "30"])?;
        let session = Self {
            stage,
            asking,
            forged: 0,
            altered: 0,
            replayed: 0,
            kills: 0,
            next_kill: Side::B,
            granted: true,
            edited: None,
        };
        session.asking.says("1: answered", SOON).await?;
        Ok(session)
    }

    /// What she said last.
    pub(super) fn asked(&self) -> String {
        self.asking.lines().pop().unwrap_or_default()
    }

    /// Aria's questions that have not ended.
    pub(super) async fn open_questions(&self) -> Result<Vec<MessageRow>, Surprise> {
        let rows = self.stage.a.messages().await?.into_iter();
        Ok(rows.filter(is_open_question).collect())
    }

    /// Waits until every question that is open now is done.
    pub(super) async fn all_done(&self) -> Result<usize, Surprise> {
        let open: HashSet<String> = self
            .open_questions()
            .await?
            .into_iter()
            .map(|row| row.digest)
            .collect();
        let look = async || -> Look<()> {
            let rows = self.open_questions().await?;
            let left: Vec<_> = rows
                .iter()
                .filter(|row| open.contains(&row.digest))
                .collect();
            let came = || {
                left.iter()
                    .map(|row| format!("{} {}", row.id, row.state))
                    .collect()
            };
            Ok(left.is_empty().then_some(()).ok_or_else(came))
        };
        eventually("every question to be answered", LEASE_AND_MORE, look).await?;
        Ok(open.len())
    }

    /// Waits until everything that is open is done, and she was answered once more, if she may ask.
    pub(super) async fn goes_on(&self) -> Result<String, Surprise> {
        self.all_done().await?;
        if !self.granted {
            return Ok(String::new());
        }
        let said = self.next_line("answered").await?;
        Ok(format!(", and she goes on ({said})"))
    }

    /// Waits until she says something new with `words` in it.
    pub(super) async fn next_line(&self, words: &str) -> Result<String, Surprise> {
        let known = self.asking.lines().len();
        let expected = format!("aria to say {words:?}");
        eventually(&expected, LEASE_AND_MORE, async || {
            let lines = self.asking.lines();
            let mut new = lines.iter().skip(known);
            let said = new.find(|line| line.contains(words)).cloned();
            Ok(said.ok_or_else(|| format!("she said {:?}", lines.last())))
        })
        .await
    }

    /// `1 forgery refused · 1 replay without effect`: what was done, in the words for it.
    pub(super) fn came_to_nothing(&self) -> String {
        let many = |number: u64, one: &str, several: &str, what: &str| {
            let name = if number == 1 { one } else { several };
            (number > 0).then(|| format!("{number} {name} {what}"))
        };
        let parts = [
            many(self.forged, "forgery", "forgeries", "refused"),
            many(
                self.altered,
                "altered envelope",
                "altered envelopes",
                "refused",
            ),
            many(self.replayed, "replay", "replays", "without effect"),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        match parts.as_slice() {
            [] => "nothing forged".to_owned(),
            _ => parts.join(" · "),
        }
    }

    /// Ends it, with the sum of all.
    pub(super) async fn quit(mut self) -> Result<(), Surprise> {
        let ledger = self.stage.ledger.clone();
        ledger.step("quit", "The sum");
        self.asking.kill().await?;
        let tally = Tally::of(self.stage).await?;
        tally.is_whole()?;
        let edited = match &self.edited {
            Some((entry, _)) => format!(" · record edited at entry {entry} (by you)"),
            None => String::new(),
        };
        let text = format!(
            "{} · {} lost · {} doubled · {} survived · {}{edited}",
            count(tally.messages as u64, "message"),
            tally.lost,
            tally.doubled,
            count(self.kills + STORY_KILLS, "kill"),
            self.came_to_nothing()
        );
        let mut facts = tally.facts();
        facts["kills"] = self.kills.into();
        facts["refused"] = (self.forged + self.altered + self.replayed).into();
        ledger.held(Side::Third, text, facts);
        Ok(())
    }
}

/// Aria asks with a reason, so that her node knocks; B's operator lets her in; she is answered.
pub(super) async fn let_in(stage: &Stage) -> Result<(), Surprise> {
    let mut aria =
        stage.aria_asks(&["--purpose", "the same again, every second", "--wait", "30"])?;
    let knock = eventually("a knock at node B", SOON, async || {
        let knocks = stage.b.knocks().await?;
        Ok(knocks.first().cloned().ok_or_else(|| "no knock".to_owned()))
    })
    .await?;
    stage.approve(&knock).await?;
    let ended = aria.ends(SOON).await?;
    expect(
        ended.success(),
        "aria to be answered",
        format!("{ended}: {:?}", aria.lines()),
    )?;
    stage.ledger.held(
        Side::A,
        "aria is let in, asks and is answered",
        json!({"answered": true}),
    );
    Ok(())
}

fn is_open_question(row: &MessageRow) -> bool {
    let ended = [
        "done",
        "rejected",
        "refused",
        "expired",
        "cancelled",
        "failed",
    ];
    row.direction == "out" && name(&row.type_) == "request" && !ended.contains(&row.state.as_str())
}

/// The story kills a node, too: [`crate::demo::story`].
const STORY_KILLS: u64 = 1;
/// Everything here takes well under a second; a busy machine may need longer.
const SOON: Duration = Duration::from_secs(20);
/// A delivery whose lease was lost with a killed node is offered again after a minute.
const LEASE_AND_MORE: Duration = Duration::from_secs(75);
