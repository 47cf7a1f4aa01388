//! What `up` tells while it runs: who knocks, what is decided, what ends, what agents ask. One line
//! each.

use crate::say;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::{time, words};
use comity_api::operator::{Grant, Knock, ListQuery, Parked};
use comity_api::{Problem, safe};
use comity_node::journey::Core;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who knocks, what is granted and what agents ask, as it was when last looked at.
#[derive(Debug, Default)]
pub(super) struct Known {
    knocks: HashMap<String, Knock>,
    /// By id and agent of ours.
    grants: HashMap<(String, String), Grant>,
    /// By delivery and number of the question.
    parked: HashMap<(String, u32), Parked>,
}

/// Tells until it is dropped.
pub(super) async fn tell(core: Arc<Core>) {
    let mut known: Option<Known> = None;
    loop {
        let begun = Instant::now();
        if let Ok(now) = look(&core).await {
            if let Some(before) = &known {
                for line in differences(&core, before, &now).await {
                    let at = paint(paint::FAINT, time::clock_utc(time::now()));
                    say!("{at}  {line}");
                }
            }
            known = Some(now);
        }
        // However much there is to look at, looking takes a hundredth of the time at most.
        tokio::time::sleep(LOOK_AGAIN.max(begun.elapsed() * 100)).await;
    }
}

async fn look(core: &Core) -> Result<Known, Problem> {
    // In this order: a knock that is gone has left its grant, if not in this look, then in the next.
    let grants = core.grants(false).await?.into_iter();
    let knocks = core.knocks(false).await?.into_iter();
    let oldest = ListQuery {
        limit: Some(MOST),
        ..ListQuery::default()
    };
    let parked = core.parked(oldest).await?.into_iter();
    Ok(Known {
        knocks: knocks.map(|knock| (knock.id.clone(), knock)).collect(),
        grants: grants
            .map(|grant| ((grant.id.clone(), grant.ours.clone()), grant))
            .collect(),
        parked: parked
            .map(|parked| ((parked.delivery.clone(), parked.number), parked))
            .collect(),
    })
}

/// What changed, the oldest kind of news first. How something ended is looked up only if it did.
async fn differences(core: &Core, before: &Known, now: &Known) -> Vec<String> {
    let decided = before.knocks.keys().any(|id| !now.knocks.contains_key(id));
    let ended = before.grants.keys().any(|id| !now.grants.contains_key(id));
    let all_knocks = match decided {
        true => core.knocks(true).await.unwrap_or_default(),
        false => Vec::new(),
    };
    let all_grants = match ended {
        true => core.grants(true).await.unwrap_or_default(),
        false => Vec::new(),
    };
    lines(before, now, &all_knocks, &all_grants)
}

fn lines(before: &Known, now: &Known, all_knocks: &[Knock], all_grants: &[Grant]) -> Vec<String> {
    let mut lines = Vec::new();
    let ids = words::short_ids(now.knocks.keys().map(String::as_str));
    for ((id, knock), short) in now.knocks.iter().zip(ids) {
        if !before.knocks.contains_key(id) {
            lines.push(knocks(knock, &short));
        }
    }
    for (id, knock) in &before.knocks {
        if !now.knocks.contains_key(id) {
            let state = all_knocks.iter().find(|knock| knock.id == *id);
            lines.extend(decided(knock, state.map_or("", |knock| &knock.state)));
        }
    }
    for (id, grant) in &now.grants {
        let was = before.grants.get(id).map(|grant| grant.state.as_str());
        lines.extend(granted(grant, was));
    }
    for (id, grant) in &before.grants {
        if !now.grants.contains_key(id) {
            let ended = all_grants
                .iter()
                .find(|grant| (&grant.id, &grant.ours) == (&id.0, &id.1));
            let pair = (&grant.ours, &grant.peer);
            // What was granted is not always what was asked for: then it is another grant.
            let instead = now.grants.iter().any(|(id, other)| {
                let new = !before.grants.contains_key(id);
                new && (&other.ours, &other.peer) == pair && other.state == "active"
            });
            if !instead {
                lines.push(over(grant, ended));
            }
        }
    }
    let ids = words::short_ids(now.parked.values().map(|parked| parked.id.as_str()));
    for ((key, parked), short) in now.parked.iter().zip(ids) {
        if !before.parked.contains_key(key) {
            lines.push(asks(parked, &short));
        }
    }
    for (key, parked) in &before.parked {
        if !now.parked.contains_key(key) && time::now() >= parked.until {
            let agent = words::name(&parked.to);
            lines.push(format!(
                "nobody answered {agent} in time: it goes on without"
            ));
        }
    }
    lines
}

fn asks(parked: &Parked, id: &str) -> String {
    format!(
        "{} asks about a message of {}: \"{}\"   {}",
        paint(paint::STRONG, words::name(&parked.to)),
        words::who(&parked.from),
        safe(&parked.question),
        hint(format!("comity parked answer {id} ANSWER"))
    )
}

fn knocks(knock: &Knock, id: &str) -> String {
    let purpose = match knock.purpose.as_str() {
        "" => String::new(),
        purpose => format!(": \"{}\"", safe(purpose)),
    };
    format!(
        "{} knocks at {}{purpose}   {}",
        paint(paint::STRONG, words::who(&knock.from)),
        words::name(&knock.to),
        hint(format!(
            "comity knock show {id}   then   comity knock approve {id}"
        ))
    )
}

fn decided(knock: &Knock, state: &str) -> Option<String> {
    let (from, to) = (words::who(&knock.from), words::name(&knock.to));
    Some(match state {
        "approved" => return None, // its grant is the news
        "denied" => format!("{from} is kept out of {to}"),
        "timeout" => format!("{from} is kept out of {to}: nobody decided in time"),
        "replaced" => format!("{from} knocks at {to} anew; the earlier knock is void"),
        _ => format!("{from} does not knock at {to} any more"),
    })
}

/// News of a grant that has not ended.
fn granted(grant: &Grant, was: Option<&str>) -> Option<String> {
    let (ours, peer) = (words::name(&grant.ours), words::who(&grant.peer));
    match (was, grant.state.as_str()) {
        (None, "offered") => Some(format!(
            "{ours} knocks at {peer}; their operator must let {ours} in"
        )),
        (Some("offered"), "active") => Some(format!("{peer} lets {ours} in")),
        (None, "active") if grant.decided_by == "peer" => Some(format!("{peer} lets {ours} in")),
        (None, "active") => Some(format!("{peer} is let in to {ours}")),
        (Some("active"), "suspended") => Some(format!(
            "the grant of {ours} with {peer} is suspended: their keys changed   {}",
            hint(format!("comity doctor {peer}"))
        )),
        _ => None,
    }
}

fn over(grant: &Grant, ended: Option<&Grant>) -> String {
    let (ours, peer) = (words::name(&grant.ours), words::who(&grant.peer));
    let by = ended.map_or("", |ended| ended.decided_by.as_str());
    match (grant.state.as_str(), by) {
        ("offered", _) => format!("{peer} does not let {ours} in"),
        (_, "peer") => format!("{peer} revoked the grant with {ours}"),
        (_, "operator") => format!("you revoked the grant of {ours} with {peer}"),
        _ => format!("the grant of {ours} with {peer} ended"),
    }
}

/// Questions looked at: with more than these waiting, news of the newest would not be read.
const MOST: usize = 1_000;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
