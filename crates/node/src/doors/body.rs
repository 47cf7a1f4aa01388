//! Reading the body of a request: bounded in octets, time and, over all requests, in memory.

use super::lane::Lane;
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads bodies for one door.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    /// One permit an octet. Taken as octets come, so that whoever announces much and sends little
    /// holds little.
    room: Arc<Semaphore>,
    /// The first octets of each body, which need no room: so many connections times these are
    /// bounded by the number of connections, and small bodies never wait for large ones.
    free: usize,
    longest: usize,
    deadline: Duration,
}

/// A body, and the room that it takes.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) octets: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// The connection broke, or it is not HTTP.
    Broken,
    /// All bodies that are being read fill the memory meant for them.
    NoRoom,
    /// More octets than are read.
    TooLarge,
    /// Not whole in time.
    TooSlow,
}

impl Reader {
    /// Bodies of at most `longest` octets, each within `deadline`; what they have beyond `free`
    /// octets each is at most `room` octets at once.
    pub(super) fn new(longest: usize, deadline: Duration, free: usize, room: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(room)),
            free,
            longest,
            deadline,
        }
    }

    pub(super) async fn read(&self, body: Body) -> Result<Held, BodyError> {
        self.read_in(None, body).await
    }

    /// The same; what it has beyond the free octets at the pace of `lane`, if there is one.
    pub(super) async fn read_in(&self, lane: Option<&Lane>, body: Body) -> Result<Held, BodyError> {
        let announced = body.size_hint().lower();
        if announced > u64::try_from(self.longest).unwrap_or(u64::MAX) {
            return Err(BodyError::TooLarge);
        }
        let read = tokio::time::timeout(self.deadline, self.collect(body, lane));
        read.await.unwrap_or(Err(BodyError::TooSlow))
    }

    async fn collect(&self, mut body: Body, lane: Option<&Lane>) -> Result<Held, BodyError> {
        let mut octets = BytesMut::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            // Trailers say nothing here.
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
                continue;
            };
            if octets.len() + data.len() > self.longest {
                return Err(BodyError::TooLarge);
            }
            let beyond = |length: usize| length.saturating_sub(self.free);
            let more = beyond(octets.len() + data.len()) - beyond(octets.len());
            let more = u32::try_from(more).map_err(|_| BodyError::TooLarge)?;
            let more = Arc::clone(&self.room).try_acquire_many_owned(more);
            let more = more.map_err(|_| BodyError::NoRoom)?;
            match &mut room {
                Some(room) => room.merge(more),
                None => room = Some(more),
            }
            octets.extend_from_slice(&data);
            if octets.len() > self.free {
                // What is large is read in turns with everything else.
                tokio::task::yield_now().await;
                if let Some(lane) = lane {
                    let octets = u32::try_from(data.len()).unwrap_or(u32::MAX);
                    lane.charge(READING * octets);
                    lane.paid().await;
                }
            }
        }
        Ok(Held {
            octets: octets.freeze(),
            _room: room,
        })
    }
}

/// What it costs to read an octet: measured, 0.8 ns for bodies of some MiB.
const READING: Duration = Duration::from_nanos(1);
