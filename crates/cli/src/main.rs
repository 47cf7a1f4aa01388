//! The comity command: node, operator's tools, an agent for the shell, offline verifier.
//!
//! `comity VERB` for what one does every day ([`verb`]), `comity NOUN VERB` for things that are kept
//! ([`noun`]). Everything here speaks to a node through its doors, as anybody else would; only
//! `up` is a node.
//!
//! Exit codes: 0 ok (verify: proved), 1 failed (verify: broken), 2 usage, 3 refused, 4 not proved
//! (verify: consistent at most), 5 still pending.

mod args;
mod demo;
mod exit;
mod help;
mod noun;
mod operator;
mod shell;
mod show;
mod verb;

use args::{Cli, Command};
use clap::FromArgMatches;
use clap::parser::ValueSource;
use exit::{Exit, Trouble};
use shell::Shell;
use std::process::ExitCode;

fn main() -> ExitCode {
    let matches = help::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(why) => return Trouble::failed(why.to_string()).report(),
    };
    // A home in the environment is where to look; one on the command line is a choice.
    let chosen = matches.value_source("home") == Some(ValueSource::CommandLine);
    if let Some(home) = &cli.home {
        show::hint::remember(home);
    }
    match runtime.block_on(run(cli, chosen)) {
        Ok(exit) => exit.into(),
        Err(trouble) => trouble.report(),
    }
}

async fn run(cli: Cli, chosen: bool) -> Result<Exit, Trouble> {
    let shell = Shell::new(cli.home, chosen);
    match cli.command {
        Command::Agent(args) => noun::agent::run(args, &shell).await,
        Command::Ask(args) => verb::ask::run(args, &shell).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Doctor(args) => verb::doctor::run(args, &shell).await,
        Command::Grant(args) => noun::grant::run(args, &shell).await,
        Command::Invite(args) => noun::invite::run(args, &shell).await,
        Command::Knock(args) => noun::knock::run(args, &shell).await,
        Command::Listen(args) => verb::listen::run(args, &shell).await,
        Command::Parked(args) => noun::parked::run(args, &shell).await,
        Command::Message(args) => noun::message::run(args, &shell).await,
        Command::Operator(args) => noun::operator::run(args, &shell).await,
        Command::Peer(args) => noun::peer::run(args, &shell).await,
        Command::Policy(args) => noun::policy::run(args, &shell).await,
        Command::Record(args) => noun::record::run(args, &shell).await,
        Command::Send(args) => verb::send::run(args, &shell).await,
        Command::Status(args) => verb::status::run(args, &shell).await,
        Command::Up(args) => verb::up::run(args, &shell).await,
        Command::Verify(args) => verb::verify::run(&args),
        Command::Vouch(args) => noun::vouch::run(args, &shell).await,
        Command::Webhook(args) => noun::webhook::run(args, &shell).await,
        Command::Watch(args) => verb::watch::run(args, &shell).await,
    }
}
