//! A node as `comity up` runs it, in a process of its own, but for one thing: some addresses of
//! this machine count as strangers'.

use super::hostile::stranger;
use anyhow::Result;
use comity_node::Node;
use comity_node::config::{Config, Host, Outbound, parse_map_entry};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What [`comity_testkit::Organisation`] says to a node.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    quiet: bool,
    #[arg(long)]
    host: Host,
    #[arg(long)]
    outbound: String,
    #[arg(long)]
    wire: SocketAddr,
    #[arg(long)]
    agent_door: SocketAddr,
    #[arg(long, value_parser = parse_map_entry)]
    host_map: Vec<(Host, SocketAddr)>,
    #[arg(long, env = "COMITY_HOME")]
    home: PathBuf,
}

pub(crate) async fn run(args: Args) -> Result<()> {
    let mut config = Config::new(args.home);
    config.host = Some(args.host);
    config.wire = Some(args.wire);
    config.agent_door = Some(args.agent_door);
    config.host_map = args.host_map;
    config.outbound = Some(Outbound::Open);
    config.seams.rated = (0..=u8::MAX).map(stranger).collect();
    let node = Node::start(config).await?;
    node.run_until(std::future::pending::<()>()).await?;
    Ok(())
}
