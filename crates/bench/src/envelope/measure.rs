//! Measuring several ways to do one thing, so that the machine's mood falls on all alike.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// A way to do it.
pub(crate) type Way<'a> = Box<dyn FnMut() + 'a>;

/// Thread-CPU time of one call of each way: the median of slices that take turns, in rotating
/// order, for about `time` in all.
pub(crate) fn interleaved(ways: &mut [Way<'_>], time: Duration) -> Vec<Duration> {
    let calls: Vec<u32> = ways.iter_mut().map(|way| calls_a_slice(way)).collect();
    let mut slices = vec![Vec::new(); ways.len()];
    let begun = Instant::now();
    let mut round = 0;
    while round < MIN_ROUNDS || begun.elapsed() < time {
        for turn in 0..ways.len() {
            let index = (round + turn) % ways.len();
            slices[index].push(slice(&mut ways[index], calls[index]));
        }
        round += 1;
    }
    slices.into_iter().map(median).collect()
}

fn slice(way: &mut Way<'_>, calls: u32) -> Duration {
    let before = thread_cpu();
    for _ in 0..calls {
        way();
    }
    thread_cpu().saturating_sub(before) / calls
}

/// As many calls as make reading the clock negligible, after warming up.
fn calls_a_slice(way: &mut Way<'_>) -> u32 {
    let one = (0..4).map(|_| slice(way, 1)).min().unwrap_or_default();
    let calls = SLICE.as_nanos() / one.as_nanos().max(1);
    u32::try_from(calls).unwrap_or(u32::MAX).max(1)
}

fn median(mut slices: Vec<Duration>) -> Duration {
    slices.sort_unstable();
    slices[slices.len() / 2]
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::from_secs(seconds)
        + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}

const MIN_ROUNDS: usize = 9;
const SLICE: Duration = Duration::from_micros(300);
