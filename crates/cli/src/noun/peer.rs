use crate::args::Listing;
use crate::exit::{Exit, Trouble};
use crate::operator::Operator;
use crate::say;
use crate::shell::Shell;
use crate::show::paint;
use crate::show::table::{Cell, Table};
use crate::show::{self, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::{self, Decided, PeerAct};
use comity_api::safe;

/// List, block, unblock the agents and organisations you know
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity peer
  comity peer block mallory@agents.org-m.com
  comity peer block org-m.com"
)]
pub(crate) struct Peer {
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Whom this node knows
    List(Listing),
    /// Hear nothing from a peer any more, knocks included
    Block {
        /// A handle or a DID; or a domain, for all its agents (spam.com covers agents.spam.com)
        peer: String,
    },
    /// Hear from a peer again
    Unblock {
        /// A handle, a DID or a domain
        peer: String,
    },
}

pub(crate) async fn run(args: Peer, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    match args.act.unwrap_or(Act::List(args.listing)) {
        Act::List(listing) => {
            let fetch = async || operator.get::<Vec<operator::Peer>>("/v1/peers").await;
            show::list(listing, fetch, |peers| table(peers)).await
        }
        Act::Block { peer } => set(&operator, "/v1/peers/block", peer).await,
        Act::Unblock { peer } => set(&operator, "/v1/peers/unblock", peer).await,
    }
}

async fn set(operator: &Operator, path: &str, did: String) -> Result<Exit, Trouble> {
    let decided: Decided = operator.post(path, &PeerAct { did }).await?;
    say!("{}", safe(&decided.outcome));
    Ok(Exit::Ok)
}

fn table(peers: &[operator::Peer]) -> String {
    let mut table = Table::new(["PEER", "", "GRANTS", "SPEAKS", "FIRST SEEN"]);
    for peer in peers {
        let name = if peer.did.starts_with("did:") {
            words::who(&peer.did)
        } else {
            format!("all of {}", safe(&peer.did))
        };
        let grants = peer.grants.iter();
        let grants = grants.map(|(agent, state)| format!("{}: {state}", words::who(agent)));
        let speaks: Vec<String> = peer.speaks.iter().map(|word| safe(word)).collect();
        let blocked = if peer.blocked { "blocked" } else { "" };
        table.row([
            Cell::of(name).styled(paint::STRONG),
            Cell::of(blocked).styled(paint::BAD),
            Cell::of(grants.collect::<Vec<_>>().join(", ")),
            Cell::of(speaks.join(", ")),
            Cell::of(time::when(peer.first_seen)),
        ]);
    }
    table.render("nobody is known yet")
}
