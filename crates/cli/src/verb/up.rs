use super::status::banner;
use crate::exit::{Exit, Trouble};
use crate::say;
use crate::shell::Shell;
use crate::show::time;
use clap::Args;
use comity_api::operator::Status;
use comity_node::Node;
use comity_node::config::{Config, Host, Outbound, Strangers, parse_map_entry};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Start this organisation's node (this machine only, until --public-url)
///
/// Needs no configuration: makes its directory and keys, and is reachable from this machine only.
/// A fresh node accepts nobody. Prints a line when somebody knocks, when that is decided, and when
/// a grant ends. SIGINT and SIGTERM end it in good order; SIGKILL loses nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  comity up
  comity up --public-url https://agents.org-b.com --wire 127.0.0.1:8080    # behind a TLS proxy
  comity up --home ./b --host agents.org-b.test \\
      --host-map agents.org-a.test=127.0.0.1:7401 --host-map agents.org-b.test=127.0.0.1:7402")]
pub(crate) struct Up {
    /// https://HOST[:PORT] under which a TLS proxy makes the wire door public
    #[arg(
        long,
        value_name = "URL",
        env = "COMITY_PUBLIC_URL",
        hide_env_values = true
    )]
    public_url: Option<String>,
    /// Host of the agents' DIDs [default: that of --public-url; once there are agents, that of the
    /// last start; else localhost]
    #[arg(long, value_name = "HOST", env = "COMITY_HOST", hide_env_values = true)]
    host: Option<Host>,
    /// Where peers deliver [default: what the host map says for --host, else the first free port of
    /// 127.0.0.1:7400 to 7409]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "COMITY_WIRE",
        hide_env_values = true
    )]
    wire: Option<SocketAddr>,
    /// Where agents connect [default: the first free port of 127.0.0.1:7411 to 7420]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "COMITY_AGENT_DOOR",
        hide_env_values = true
    )]
    agent_door: Option<SocketAddr>,
    /// Where the operator's page and API are served for tokens [default: in development the first
    /// free port of 127.0.0.1:7421 to 7430, else nowhere]
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "COMITY_OPERATOR_LISTEN",
        hide_env_values = true
    )]
    operator_listen: Option<SocketAddr>,
    /// https://HOST[:PORT] under which a TLS proxy makes the operator's page reachable; links in
    /// webhooks name it
    #[arg(
        long,
        value_name = "URL",
        env = "COMITY_OPERATOR_URL",
        hide_env_values = true
    )]
    operator_url: Option<String>,
    /// A further name by which agents may call their door; may be repeated
    #[arg(
        long,
        value_name = "HOST",
        env = "COMITY_AGENT_HOST",
        hide_env_values = true,
        value_delimiter = ','
    )]
    agent_host: Vec<String>,
    /// Development: reach HOST by plain http at ADDRESS:PORT; may be repeated. The entry for --host
    /// decides where this node listens
    #[arg(long, value_name = "HOST=ADDRESS:PORT", env = "COMITY_HOST_MAP", hide_env_values = true, value_delimiter = ',',
          value_parser = parse_map_entry)]
    host_map: Vec<(Host, SocketAddr)>,
    /// Whether it knocks by itself when an agent writes to somebody new: open, ask or listed
    /// [default: open in development, else ask]
    #[arg(
        long,
        value_name = "POLICY",
        env = "COMITY_OUTBOUND",
        hide_env_values = true
    )]
    outbound: Option<Outbound>,
    /// What strangers without an acceptable knock get to hear: silent or report
    #[arg(
        long,
        value_name = "POLICY",
        env = "COMITY_STRANGERS",
        hide_env_values = true,
        default_value = "silent"
    )]
    strangers: Strangers,
    /// How often to look whether the vouches on which peers were let in still hold: a revoked one
    /// ends its grants within this time [default: 5m]
    #[arg(
        long,
        value_name = "TIME",
        env = "COMITY_VOUCH_LOOK",
        hide_env_values = true,
        value_parser = time::duration
    )]
    vouch_look: Option<std::time::Duration>,
    /// The directory was restored from a backup: go on under a new log origin, and end what was
    /// under way as failed. Say so once, at the first start after the restore
    #[arg(long)]
    restored: bool,
    /// What to log, to standard error: a level, or a filter such as comity_node=debug
    #[arg(
        long,
        value_name = "FILTER",
        env = "COMITY_LOG",
        hide_env_values = true,
        default_value = "warn"
    )]
    log: String,
    /// Log as JSON
    #[arg(long)]
    log_json: bool,
    /// No banner, and no lines about knocks and grants
    #[arg(long, short)]
    quiet: bool,
}

pub(crate) async fn run(args: Up, shell: &Shell) -> Result<Exit, Trouble> {
    start_log(&args)?;
    // Before the node: a signal while it starts must not kill it half-way.
    let stop = stop_signal()?;
    let quiet = args.quiet;
    let mapped = args.wire.is_none() && is_mapped(&args);
    let node = Node::start(config(args, shell))
        .await
        .map_err(|why| why.problem())?;
    let operator = shell.operator();
    if !quiet {
        let status: Status = operator.get("/v1/status").await?;
        say!("{}", banner(&status, mapped).trim_end());
    }
    let news = (!quiet).then(|| tokio::spawn(super::news::tell(Arc::clone(node.core()))));
    let ended = node.run_until(stop).await;
    if let Some(news) = news {
        news.abort();
    }
    ended.map_err(|why| Trouble::failed(why.to_string()))?;
    Ok(Exit::Ok)
}

/// The host map decides where the wire door is, unless --wire does.
fn is_mapped(args: &Up) -> bool {
    let own = args.host.as_ref();
    args.host_map.iter().any(|(host, _)| Some(host) == own)
}

fn config(args: Up, shell: &Shell) -> Config {
    Config {
        host: args.host,
        wire: args.wire,
        agent_door: args.agent_door,
        operator_listen: args.operator_listen,
        operator_url: args.operator_url,
        agent_hosts: args.agent_host,
        host_map: args.host_map,
        public_url: args.public_url,
        outbound: args.outbound,
        strangers: args.strangers,
        vouch_look: args.vouch_look,
        restored: args.restored,
        ..Config::new(shell.home())
    }
}

fn start_log(args: &Up) -> Result<(), Trouble> {
    let filter = EnvFilter::try_new(&args.log).map_err(|why| {
        Trouble::usage(format!("{:?} is no log filter", args.log))
            .means(why.to_string())
            .next("--log info   or   --log comity_node=debug")
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match args.log_json {
        true => log.json().init(),
        false => log.init(),
    }
    Ok(())
}

/// Ready when somebody asks the process to end.
fn stop_signal() -> Result<impl Future<Output = ()>, Trouble> {
    let listen = |kind| signal(kind).map_err(|why| Trouble::failed(why.to_string()));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
