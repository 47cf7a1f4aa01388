//! The lane of those who have shown nothing yet: however many they are, all of them together have
//! a share of the processors, and everybody else has the rest.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

/// Of all processors.
const SHARE: f64 = 0.25;
/// Pauses that are shorter are saved up: timers know nothing less.
const LEAST: Duration = Duration::from_millis(2);

/// Work of the doubtful, one after the other, with pauses.
#[derive(Debug)]
pub(super) struct Lane {
    places: Arc<Semaphore>,
    /// Processors that the lane may take.
    share: f64,
    /// Until when what was done is paid for by pauses.
    paid: Mutex<Instant>,
}

/// Leave to work now; the time until it is dropped counts.
#[derive(Debug)]
pub(super) struct Turn {
    lane: Arc<Lane>,
    begun: Instant,
    _place: Option<OwnedSemaphorePermit>,
}

impl Lane {
    pub(super) fn new(processors: usize) -> Self {
        let places = processors.div_ceil(4).max(1);
        Self {
            places: Arc::new(Semaphore::new(places)),
            share: processors as f64 * SHARE,
            paid: Mutex::new(Instant::now()),
        }
    }

    /// Waits for a turn.
    pub(super) async fn turn(self: &Arc<Self>) -> Turn {
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        self.paid().await;
        Turn {
            lane: Arc::clone(self),
            begun: Instant::now(),
            _place: place,
        }
    }

    /// Waits until what was done so far is paid for.
    pub(super) async fn paid(&self) {
        let until = *self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if until > Instant::now() + LEAST {
            sleep_until(until).await;
        }
    }

    /// Counts work that took so long.
    pub(super) fn charge(&self, time: Duration) {
        let pause = time.mul_f64((1.0 / self.share - 1.0).max(0.0));
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        *paid = (*paid).max(Instant::now()) + pause;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.lane.charge(self.begun.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::Lane;
    use std::time::Duration;
    use tokio::time::Instant;

    const WORK: Duration = Duration::from_secs(10);

    /// How long who comes next has to wait, to the second.
    fn rest(lane: &Lane) -> u64 {
        let paid = *lane.paid.lock().unwrap();
        paid.saturating_duration_since(Instant::now() - Duration::from_millis(500))
            .as_secs()
    }

    #[test]
    fn work_is_paid_for_by_as_much_rest_as_the_share_asks() {
        for (processors, seconds) in [(1, 30), (2, 10), (4, 0), (8, 0)] {
            let lane = Lane::new(processors);
            lane.charge(WORK);
            assert_eq!(rest(&lane), seconds, "{processors} processors");
            lane.charge(WORK);
            assert_eq!(rest(&lane), 2 * seconds, "{processors} processors");
        }
    }
}
