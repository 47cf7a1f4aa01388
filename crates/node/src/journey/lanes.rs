//! Which peers can be reached: one probe for each that is down, not one attempt for each message.

use comity_did::Did;
use comity_engine::{Timestamp, retry};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How each peer's transport is doing. In memory: after a restart everybody is probed anew.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Arc<Mutex<HashMap<Did, LaneState>>>);

#[derive(Debug, Default)]
struct LaneState {
    failures: u32,
    down_until: Option<Timestamp>,
    probing: bool,
    why: Option<String>,
    gcm: bool,
}

/// Permission for one hand-over. Dropped without a result, it leaves the lane as it was, for the
/// next to try.
#[derive(Debug)]
pub(crate) struct Probe {
    peer: Did,
    lanes: Arc<Mutex<HashMap<Did, LaneState>>>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(&self.peer) {
            lane.probing = false;
        }
    }
}

impl Lanes {
    /// Permission to try: always while the peer is up, once at a time when a probe is due.
    pub(super) fn enter(&self, peer: &Did, now: Timestamp) -> Option<Probe> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(peer)
            && let Some(until) = lane.down_until
        {
            if now < until || lane.probing {
                return None;
            }
            lane.probing = true;
        }
        Some(Probe {
            peer: peer.clone(),
            lanes: Arc::clone(&self.0),
        })
    }

    pub(super) fn up(&self, probe: &Probe) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(&probe.peer) {
            *lane = LaneState {
                gcm: lane.gcm,
                ..LaneState::default()
            };
        }
    }

    pub(super) fn fail(&self, probe: &Probe, now: Timestamp, random: u64, why: String) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(probe.peer.clone()).or_default();
        // Hand-overs that were under way together count as one failure.
        if lane.down_until.is_none_or(|until| now >= until) {
            lane.failures += 1;
            lane.down_until = Some(now + retry::pause(lane.failures, random));
        }
        lane.probing = false;
        lane.why = Some(why);
    }

    pub(super) fn busy(&self, probe: &Probe, now: Timestamp, retry_after: Option<Duration>) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(probe.peer.clone()).or_default();
        let pause = retry_after.unwrap_or(Duration::from_secs(1));
        lane.down_until = Some(now + pause.min(comity_engine::defaults::RETRY_LONGEST));
        lane.probing = false;
        lane.why = Some("the peer's node is busy".to_owned());
    }

    /// Peers to leave out for now: down, or with their probe under way.
    pub(crate) fn down(&self, now: Timestamp) -> Vec<Did> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let down = lanes
            .iter()
            .filter(|(_, lane)| lane.probing || lane.down_until.is_some_and(|until| now < until));
        down.map(|(peer, _)| peer.clone()).collect()
    }

    /// Until the next probe of any peer that is down.
    pub(crate) fn next_probe(&self, now: Timestamp) -> Option<Duration> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = lanes.values().filter(|lane| !lane.probing);
        // A lane whose time has come is probed by the next mail for it, if there ever is some.
        let later = waiting
            .filter_map(|lane| lane.down_until)
            .filter(|until| *until > now);
        later.map(|until| until.since(now)).min()
    }

    /// Why messages to this peer wait, if they do.
    pub(crate) fn trouble_with(&self, peer: &Did) -> Option<String> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes
            .get(peer)
            .filter(|lane| lane.down_until.is_some())
            .and_then(|lane| lane.why.clone())
    }

    /// Every peer that is down, and why.
    pub(crate) fn troubles(&self) -> Vec<(Did, String)> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let down = lanes.iter().filter(|(_, lane)| lane.down_until.is_some());
        down.filter_map(|(peer, lane)| Some((peer.clone(), lane.why.clone()?)))
            .collect()
    }

    pub(super) fn speaks_gcm(&self, peer: &Did) -> Option<bool> {
        let lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.get(peer).filter(|lane| lane.gcm).map(|_| true)
    }

    /// The peer showed that it reads A256GCM.
    pub(crate) fn learn_gcm(&self, peer: &Did) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.entry(peer.clone()).or_default().gcm = true;
    }
}
