//! The command line as a whole. What a command takes stands beside what it does.

use crate::{demo, noun, verb};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Agents of different organisations meet, work together as peers, and can prove it.
#[derive(Debug, Parser)]
#[command(name = "comity", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The node's directory; chooses the node [default: $XDG_DATA_HOME/comity, else
    /// ~/.local/share/comity]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "COMITY_HOME",
        hide_env_values = true,
        display_order = 900
    )]
    pub(crate) home: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// In the order of [`help::GROUPS`](crate::help).
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(demo::Demo),
    Up(verb::up::Up),
    Status(verb::status::Status),
    Doctor(verb::doctor::Doctor),
    Send(verb::send::Send),
    Ask(verb::ask::Ask),
    Listen(verb::listen::Listen),
    Watch(verb::watch::Watch),
    Agent(noun::agent::Agent),
    Parked(noun::parked::Parked),
    Knock(noun::knock::Knock),
    Invite(noun::invite::Invite),
    Grant(noun::grant::Grant),
    Peer(noun::peer::Peer),
    Vouch(noun::vouch::Vouch),
    Policy(noun::policy::Policy),
    Operator(noun::operator::Operator),
    Webhook(noun::webhook::Webhook),
    Message(noun::message::Message),
    Record(noun::record::Record),
    Verify(verb::verify::Verify),
}

/// How one thing is shown.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Output {
    /// Print JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a list is shown.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Listing {
    #[command(flatten)]
    pub(crate) output: Output,
    /// Show it again whenever it changes
    #[arg(long)]
    pub(crate) watch: bool,
}
