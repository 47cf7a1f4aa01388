//! The conformance suite that every backend must pass.
//!
//! A backend counts as supported when [`conformance!`](crate::conformance!) passes on it: each
//! case is a test of its own, on a fresh store with a clock that the case moves.
//!
//! ```ignore
//! fn make(clock: ManualClock) -> (Store, impl Sized) {
//!     let dir = tempfile::tempdir().unwrap();
//!     (Store::new(MyStore::open(dir.path(), clock)), dir)   // the second lives as long as the case
//! }
//! comity_store::conformance!(make);
//! ```
//!
//! Cases by aggregate, then [`random`]: the same random work on the backend and on
//! [`Memory`](crate::Memory), compared after every step.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "a test suite: a case fails by panicking, and its name says what it shows"
)]

pub mod agents;
pub mod inbox;
pub mod lease;
pub mod log;
pub mod messages;
pub mod operators;
pub mod order;
pub mod outbox;
pub mod queue;
pub mod random;
pub mod receipts;
pub mod samples;
pub mod trust;
pub mod units;

use crate::{Clock, ManualClock, Store, StoreError, Tx};
use comity_engine::Timestamp;
use std::any::Any;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

/// A store under test.
pub struct World {
    pub store: Store,
    pub clock: ManualClock,
    _kept: Box<dyn Any + Send + Sync>,
}

impl World {
    /// Makes the store of a case; what comes with it (a directory) is dropped after it.
    pub fn new<K: Send + Sync + 'static>(make: impl FnOnce(ManualClock) -> (Store, K)) -> Self {
        let clock = ManualClock::new(samples::START);
        let (store, kept) = make(clock.clone());
        Self {
            store,
            clock,
            _kept: Box::new(kept),
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs a unit that must succeed.
    pub fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        block_on(self.store.write(work)).unwrap()
    }

    /// Reads.
    pub fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Tx) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        block_on(self.store.read(work)).unwrap()
    }
}

/// Waits for a future on this thread.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Makes a test of every case of the suite. Takes the name of a function
/// `fn(ManualClock) -> (Store, K)` in scope; `K` is kept until the case is over.
#[macro_export]
macro_rules! conformance {
    ($make:ident) => {
        $crate::conformance_cases! { $make
            units {
                what_a_unit_wrote_is_read_after_it,
                a_unit_reads_what_it_wrote,
                a_unit_that_fails_leaves_nothing,
                a_unit_that_breaks_off_leaves_nothing_and_the_store_lives_on,
                a_failed_unit_does_not_undo_its_neighbours,
                a_reader_never_sees_half_a_unit,
                many_writers_lose_nothing,
                the_clock_of_the_store_is_the_one_it_was_given,
            }
            agents {
                agents_are_listed_by_name_and_stay_when_removed,
                tokens_and_settings_are_kept,
            }
            operators {
                operators_are_found_by_each_of_their_tokens_and_stay_when_removed,
                webhooks_are_kept_and_take_their_events_with_them,
                events_of_webhooks_are_due_in_their_time_and_order,
            }
            messages {
                the_first_copy_of_a_message_stays,
                the_first_copy_of_a_document_stays,
            }
            order {
                a_number_is_claimed_only_from_what_was_read,
                both_ends_of_a_stream_may_live_in_one_store,
                racing_claims_give_every_number_once,
                what_was_seen_is_known_until_it_is_forgotten,
            }
            outbox {
                a_message_is_found_by_agent_and_id_and_by_digest,
                replacing_a_message_keeps_its_number,
                a_stream_lists_what_has_not_ended_from_a_number_on,
                messages_that_have_not_ended_are_found_by_peer_and_by_expiry,
                a_thread_is_listed_across_agents,
                a_prefix_finds_at_most_two,
                messages_are_paged_and_counted,
                events_are_numbered_for_each_agent,
                held_messages_are_listed,
                the_oldest_message_of_a_thread_that_waits_for_an_answer_is_found,
                what_is_withdrawn_is_not_due_and_lapses_later,
            }
            queue {
                only_the_first_of_a_stream_is_due,
                a_tombstone_stands_where_its_message_stood,
                contact_messages_wait_for_nobody,
                a_pause_is_kept_and_told,
                recipients_who_are_down_are_left_out,
                due_messages_come_by_number_up_to_the_limit,
                a_clock_that_goes_back_holds_up_nothing_new,
            }
            inbox {
                a_delivery_is_found_by_id_and_by_digest,
                unsettled_deliveries_are_counted_and_listed_by_sender,
                expired_deliveries_are_found_unless_somebody_works_on_them,
                a_thread_lists_its_deliveries,
                a_prefix_finds_at_most_two,
                deliveries_are_paged_and_counted,
                what_waits_for_a_person_is_listed_and_comes_back_in_time,
            }
            lease {
                only_the_first_of_a_stream_is_leasable,
                a_leased_delivery_comes_back_when_its_lease_ends,
                a_paused_delivery_blocks_its_stream_until_it_is_due,
                a_parked_delivery_blocks_nothing_and_comes_back_in_its_place,
                an_answer_kept_for_an_asker_is_never_leasable_and_keeps_its_place,
                only_a_live_grant_of_the_recipient_makes_leasable,
                a_grant_that_is_suspended_and_restored_offers_again,
                leasable_deliveries_come_by_number_up_to_the_limit,
                deliveries_that_are_excepted_stand_in_nobodys_way,
                two_leasers_never_get_the_same_delivery,
            }
            trust {
                the_grant_that_counts_is_the_liveliest_then_the_last_that_ended,
                both_sides_of_a_grant_may_live_in_one_store,
                a_grant_keeps_all_that_was_put,
                grants_are_listed_newest_first_and_found_when_over,
                no_number_of_ended_grants_hides_a_live_one,
                knocks_are_found_listed_counted_and_expire,
                parties_are_kept,
                rules_and_blocks_are_kept,
                vouches_are_kept,
            }
            log {
                entries_wait_in_order_until_they_are_integrated,
                integrating_from_an_old_head_is_a_conflict_and_changes_nothing,
                a_new_origin_starts_at_nothing_and_leaves_the_old_entries,
                an_entry_is_integrated_once,
                decisions_and_acts_are_listed_newest_first,
                entries_are_found_by_subject_and_paged,
                the_logs_of_others_are_kept,
            }
            receipts {
                receipts_are_signed_in_order_of_their_entries,
                signed_receipts_are_due_until_they_are_delivered,
                senders_who_are_down_are_left_out,
                receipts_of_a_message_are_kept_by_recipient_and_state,
                the_first_copy_of_a_peers_receipt_stays,
            }
            random {
                agrees_with_the_memory_backend,
            }
        }
    };
}

/// Makes the tests; see [`conformance!`](crate::conformance!).
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($make:ident $($aggregate:ident { $($case:ident,)* })*) => {
        $(mod $aggregate {
            $(#[test]
            fn $case() {
                let world = $crate::conformance::World::new(super::$make);
                $crate::conformance::$aggregate::$case(&world);
            })*
        })*
    };
}
