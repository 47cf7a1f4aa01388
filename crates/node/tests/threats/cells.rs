//! The matrix as data: for each class and door the test that shows what happens there, or why the
//! class does not reach it.

use Cell::{Generator, No, Test};

/// One cell of the matrix.
#[derive(Clone, Copy)]
pub enum Cell {
    /// Many seeded cases, made in this test binary: `file::test`.
    Generator(&'static str),
    /// A test elsewhere: `path::test`.
    Test(&'static str),
    /// Why the class does not reach this door.
    No(&'static str),
}

pub const DOORS: [&str; 7] = [
    "wire",
    "agent HTTP",
    "agent WebSocket",
    "operator",
    "command line",
    "configuration",
    "bundle",
];

/// A class of attack or failure, with its cells in the order of [`DOORS`].
pub struct Class {
    pub name: &'static str,
    pub cells: [Cell; 7],
}

const VERIFY_CLI: &str =
    "crates/cli/src/verb/verify.rs::a_mistyped_anchor_is_an_error_and_never_ignored";
const CLI_BODY: &str = "crates/cli/src/verb/body.rs::a_body_is_an_object";
const CLI_ERROR: &str =
    "crates/cli/src/exit.rs::an_error_says_what_happened_what_it_means_and_what_to_type";
const HTTP_FORM: &str = "agent_http::malformed_bodies_are_explained_and_leave_nothing";
const HTTP_TYPES: &str = "agent_http::members_of_other_types_are_understood_or_explained";
const WS_FORM: &str = "agent_socket::frames_that_are_none_are_explained_and_the_socket_stays";
const WS_TYPES: &str = "agent_socket::members_of_other_types_get_one_answer_each";
const OPERATOR_FORM: &str =
    "operator::malformed_requests_of_an_operator_are_explained_and_change_nothing";
const BENT: &str = "bundle::no_bent_bundle_proves_anything_that_the_good_one_does_not";
const BOMBS: &str = "bundle::bundles_made_to_exhaust_a_verifier_are_refused_in_time";
const OTHER_KEYS: &str = "bundle::a_bundle_proves_nothing_to_who_has_other_keys";
const START: &str = "operator::a_node_that_cannot_start_says_what_to_do_and_changes_nothing";
const RESTORE: &str = "operator::a_node_restored_from_an_old_backup_never_signs_its_old_log_again";
const HOSTS: &str = "crates/node/src/config/tests.rs::hosts_are_domain_names_with_an_optional_port";
const REVOKE: &str =
    "races::nothing_is_accepted_leased_settled_or_sent_after_a_revocation_it_races_with";
const SOCKET_OWNER: &str =
    "crates/node/tests/doors/operator.rs::only_the_owner_may_open_the_socket";
const OPERATOR_TOKEN: &str = "crates/node/tests/doors/operator_web.rs::wrong_tokens_run_out_and_do_not_keep_the_right_ones_out";
const OPERATOR_PAGE: &str = "crates/node/tests/doors/operator_web.rs::acts_by_session_come_from_the_page_itself_or_not_at_all";
const OTHERS: &str = "agent_others::an_agents_token_reaches_no_other_agents_messages_or_deliveries";
const NODES_OWN: &str = "agent_others::an_agent_cannot_send_what_is_the_nodes_to_say";
const FULL: &str = "crates/store-sqlite/tests/faults.rs::a_commit_that_fails_fails_every_unit_of_its_group_and_nothing_else";
const READ_ONLY: &str =
    "crates/store-sqlite/tests/faults.rs::a_place_that_cannot_be_written_is_told";
const DAMAGE: &str = "crates/store-sqlite/tests/faults.rs::damage_is_told_when_opening_or_when_met";

const FLAGS: Cell =
    No("flags and variables are single words; the operator writes them, no peer does");
const THIN: Cell =
    No("the command line only calls the operator's and the agent's door, which check");
const LOCAL: Cell =
    No("no peer's message enters here: agents and operators say only what they send");
const NO_TRUST: Cell =
    No("agents decide nothing about trust, and see no knocks, rules or invitations");
const OWN_WORD: Cell =
    No("an operator's rules and grants are his own word; peers cannot reach them");
const LIMITED_TWICE: Cell =
    No("our own node holds our agents' mail to the same limits before it leaves");
const LOOK_ALIKE: &str = "rules::no_look_alike_passes_for_a_domain_or_slips_out_of_its_block";
const NO_MAIL: Cell = No("no message enters a node by this door");
const NO_CALLER: Cell = No("a file: nobody calls, nothing listens");
const OFFLINE: Cell =
    No("the verifier opens one file and keeps nothing: no disk, port or database of its own");
const BEFORE_DOORS: Cell = No("the node does not start, so this door is not open");

pub const CLASSES: &[Class] = &[
    Class {
        name: "size",
        cells: [
            Generator("wire_form::what_is_too_large_is_refused_before_it_is_read"),
            Generator(HTTP_FORM),
            Generator("agent_socket::a_giant_frame_ends_its_own_socket_and_nothing_else"),
            Generator(OPERATOR_FORM),
            THIN,
            Test(
                "crates/node/src/config/tests.rs::a_home_that_cannot_be_made_or_is_too_long_for_a_socket_is_explained",
            ),
            Generator(BOMBS),
        ],
    },
    Class {
        name: "truncation",
        cells: [
            Generator("wire_form::an_envelope_cut_at_any_offset_is_refused"),
            Generator(HTTP_FORM),
            Generator(WS_FORM),
            Generator(OPERATOR_FORM),
            Test(CLI_BODY),
            FLAGS,
            Generator(BENT),
        ],
    },
    Class {
        name: "depth",
        cells: [
            Generator("wire_form::json_nested_too_deep_is_refused_at_every_layer"),
            Generator(HTTP_FORM),
            Generator(WS_FORM),
            Generator(OPERATOR_FORM),
            THIN,
            FLAGS,
            Generator(BENT),
        ],
    },
    Class {
        name: "duplicate keys",
        cells: [
            Generator("wire_form::a_member_named_twice_is_refused_at_every_layer"),
            Generator(HTTP_FORM),
            Generator(WS_FORM),
            Generator(OPERATOR_FORM),
            THIN,
            Test("crates/cli/src/help/tests.rs::the_command_line_contradicts_itself_nowhere"),
            Generator(BENT),
        ],
    },
    Class {
        name: "wrong types",
        cells: [
            Generator("wire_form::a_member_of_another_type_is_refused_or_harmless_at_every_layer"),
            Generator(HTTP_TYPES),
            Generator(WS_TYPES),
            Generator(OPERATOR_FORM),
            Test(CLI_BODY),
            Test(HOSTS),
            Generator(BENT),
        ],
    },
    Class {
        name: "crit",
        cells: [
            Generator(
                "wire_form::critical_and_confusing_headers_are_refused_though_everything_else_is_right",
            ),
            No("no JOSE object enters here"),
            No("no JOSE object enters here"),
            No("no JOSE object enters here"),
            No("no JOSE object enters here"),
            No("no JOSE object enters here"),
            Generator(BENT),
        ],
    },
    Class {
        name: "tampering",
        cells: [
            Generator("wire_form::a_flipped_bit_in_any_layer_is_refused"),
            No("what a token's holder sends is his own word"),
            No("what a token's holder sends is his own word"),
            Test("crates/cli/src/exit.rs::words_of_a_peer_inside_a_problem_cannot_move_the_cursor"),
            Test(VERIFY_CLI),
            Test("crates/node/src/custody/tests.rs::a_damaged_master_key_is_never_replaced"),
            Generator(BENT),
        ],
    },
    Class {
        name: "replay",
        cells: [
            Generator(
                "wire_time::a_message_sent_again_is_recognised_before_and_after_a_restart_and_after_expiry",
            ),
            Test(
                "crates/node/tests/doors/agent_http.rs::a_message_is_made_once_however_often_it_is_sent",
            ),
            Test(
                "crates/node/tests/conversation.rs::the_same_id_and_content_is_the_same_message_and_other_content_a_conflict",
            ),
            Generator("operator::an_approval_does_not_move_to_what_came_later"),
            THIN,
            NO_MAIL,
            No("a bundle says the same however often it is shown"),
        ],
    },
    Class {
        name: "future dates",
        cells: [
            Generator("wire_time::messages_from_the_future_or_the_past_reach_nobody"),
            Generator(HTTP_TYPES),
            Generator(WS_TYPES),
            No("an operator's dates only narrow what was offered"),
            Test("crates/cli/src/show/time.rs::durations_are_read_in_the_units_people_write"),
            FLAGS,
            No("a bundle's own dates are shown as claimed; no verdict rests on them"),
        ],
    },
    Class {
        name: "signer not from",
        cells: [
            Generator("wire_identity::a_signer_who_is_not_the_sender_is_refused"),
            Generator(NODES_OWN),
            No("the same operations as HTTP, by the same code"),
            LOCAL,
            THIN,
            NO_MAIL,
            Generator(OTHER_KEYS),
        ],
    },
    Class {
        name: "to someone else",
        cells: [
            Generator("wire_identity::a_message_to_somebody_else_is_refused_though_we_can_open_it"),
            Generator(OTHERS),
            No("the same operations as HTTP, by the same code"),
            LOCAL,
            THIN,
            NO_MAIL,
            Generator(BENT),
        ],
    },
    Class {
        name: "two local agents in one to",
        cells: [
            Generator("wire_identity::two_of_our_agents_in_one_message_are_two_decisions"),
            No("SEND names one recipient"),
            No("SEND names one recipient"),
            LOCAL,
            THIN,
            NO_MAIL,
            No("a bundle is between two; messages to others are not shown in it"),
        ],
    },
    Class {
        name: "stranger without a grant",
        cells: [
            Generator("wire_identity::strangers_without_a_grant_meet_the_same_silence_as_noise"),
            Generator("agent_http::a_bad_token_opens_no_route"),
            Test("crates/node/tests/doors/agent_socket.rs::without_a_token_there_is_no_socket"),
            Test(SOCKET_OWNER),
            THIN,
            Test("crates/node/src/config/tests.rs::what_a_node_keeps_only_its_owner_reads"),
            Generator(OTHER_KEYS),
        ],
    },
    Class {
        name: "knock flood",
        cells: [
            Generator("flood::a_flood_of_knocks_keeps_few_and_writes_to_hardly_anybody"),
            No("agents do not knock; their node does, once a pair"),
            No("agents do not knock; their node does, once a pair"),
            Generator("contact::text_of_strangers_reaches_the_operator_escaped"),
            Test(
                "crates/cli/src/noun/knock.rs::an_approval_screen_shows_who_how_proved_and_both_directions",
            ),
            NO_MAIL,
            NO_CALLER,
        ],
    },
    Class {
        name: "swallowed return_route",
        cells: [
            Generator(
                "wire_time::a_swallowed_return_route_gets_one_answer_and_the_peer_gets_its_own",
            ),
            No("answers go to the caller's own connection"),
            No("answers go to the caller's own connection"),
            LOCAL,
            THIN,
            NO_MAIL,
            NO_CALLER,
        ],
    },
    Class {
        name: "bad token",
        cells: [
            No("the wire knows no tokens: messages prove themselves"),
            Generator("agent_http::a_bad_token_opens_no_route"),
            Generator("agent_socket::no_socket_opens_without_token_or_for_foreign_pages"),
            Test(OPERATOR_TOKEN),
            Test(CLI_ERROR),
            No("tokens are made by the node, not configured"),
            NO_CALLER,
        ],
    },
    Class {
        name: "foreign Origin",
        cells: [
            Test(
                "crates/node/tests/doors/wire.rs::documents_and_the_log_are_public_and_nothing_else_is",
            ),
            Generator("agent_http::foreign_hosts_and_origins_are_refused_with_a_good_token_too"),
            Generator("agent_socket::no_socket_opens_without_token_or_for_foreign_pages"),
            Test(OPERATOR_PAGE),
            No("no browser runs it"),
            Test(
                "crates/node/tests/doors/agent_http.rs::only_names_of_this_machine_and_configured_ones_are_served",
            ),
            NO_CALLER,
        ],
    },
    Class {
        name: "revoke racing accept",
        cells: [
            Generator(REVOKE),
            Generator(REVOKE),
            No("the same leases as HTTP, by the same code"),
            Generator(REVOKE),
            THIN,
            NO_MAIL,
            NO_CALLER,
        ],
    },
    Class {
        name: "restore from an old backup",
        cells: [
            Generator(RESTORE),
            Generator(RESTORE),
            No("the same state as HTTP shows"),
            Generator(RESTORE),
            THIN,
            Generator(RESTORE),
            No("a bundle names the origin of its log; a restored node has another"),
        ],
    },
    Class {
        name: "full disk",
        cells: [
            Test(FULL),
            Test(FULL),
            Test(FULL),
            Test(FULL),
            Test(CLI_ERROR),
            Test(
                "crates/store-sqlite/tests/faults.rs::a_unit_too_large_for_the_disk_fails_alone_and_the_store_stays_usable",
            ),
            OFFLINE,
        ],
    },
    Class {
        name: "read-only disk",
        cells: [
            BEFORE_DOORS,
            BEFORE_DOORS,
            BEFORE_DOORS,
            BEFORE_DOORS,
            Test(CLI_ERROR),
            Test(READ_ONLY),
            OFFLINE,
        ],
    },
    Class {
        name: "port taken",
        cells: [
            BEFORE_DOORS,
            BEFORE_DOORS,
            BEFORE_DOORS,
            BEFORE_DOORS,
            Test(CLI_ERROR),
            Test("crates/node/src/config/tests.rs::a_taken_port_is_an_error_that_names_the_flag"),
            OFFLINE,
        ],
    },
    Class {
        name: "second node on the same directory",
        cells: [
            BEFORE_DOORS,
            BEFORE_DOORS,
            BEFORE_DOORS,
            BEFORE_DOORS,
            Test(CLI_ERROR),
            Test(
                "crates/node/src/config/tests.rs::a_second_node_on_the_same_directory_is_refused_until_the_first_ends",
            ),
            OFFLINE,
        ],
    },
    Class {
        name: "corrupted database",
        cells: [
            Test(DAMAGE),
            Test(DAMAGE),
            Test(DAMAGE),
            Test(DAMAGE),
            Test(CLI_ERROR),
            Generator(START),
            OFFLINE,
        ],
    },
    Class {
        name: "hostile DID document and server",
        cells: [
            Generator("documents::a_document_that_is_none_lets_nobody_knock"),
            Test(
                "crates/node/src/resolve/tests/posting.rs::what_a_peers_transport_says_is_told_apart",
            ),
            No("the same lookups as HTTP, by the same code"),
            Generator("operator::an_approval_does_not_move_to_what_came_later"),
            THIN,
            Test(
                "crates/node/src/resolve/tests/guarded.rs::hosts_of_the_map_are_reached_by_plain_http_at_that_address_only",
            ),
            Generator(BENT),
        ],
    },
    Class {
        name: "more than a rule gives",
        cells: [
            Generator("rules::no_knock_gets_more_than_the_rule_that_lets_it_in"),
            NO_TRUST,
            NO_TRUST,
            OWN_WORD,
            THIN,
            NO_MAIL,
            NO_CALLER,
        ],
    },
    Class {
        name: "look-alike domain",
        cells: [
            Generator(LOOK_ALIKE),
            NO_TRUST,
            NO_TRUST,
            Generator(LOOK_ALIKE),
            THIN,
            Test("crates/engine/src/domain.rs::nobody_means_everybody_under_a_public_suffix"),
            NO_CALLER,
        ],
    },
    Class {
        name: "back in after a revocation",
        cells: [
            Generator("rules::whoever_was_thrown_out_is_let_in_by_no_rule"),
            NO_TRUST,
            NO_TRUST,
            OWN_WORD,
            THIN,
            NO_MAIL,
            NO_CALLER,
        ],
    },
    Class {
        name: "invitations of others",
        cells: [
            Generator("invitations::an_invitation_lets_in_its_guest_and_nobody_else"),
            NO_TRUST,
            NO_TRUST,
            Generator("invitations::an_invitation_that_we_follow_moves_nothing_but_a_knock"),
            THIN,
            NO_MAIL,
            NO_CALLER,
        ],
    },
    Class {
        name: "over rate and uses",
        cells: [
            Generator(
                "invitations::what_is_over_the_rate_comes_later_and_what_is_over_the_uses_never",
            ),
            LIMITED_TWICE,
            LIMITED_TWICE,
            NO_MAIL,
            THIN,
            NO_MAIL,
            NO_CALLER,
        ],
    },
    Class {
        name: "questions to policy",
        cells: [
            No("peers cannot ask what they may do; they are told when they do it"),
            NO_TRUST,
            NO_TRUST,
            Generator("invitations::a_question_to_policy_changes_nothing_however_it_is_asked"),
            THIN,
            NO_MAIL,
            NO_CALLER,
        ],
    },
];
