use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::say;
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{self, time};
use clap::{Args, Subcommand};
use comity_api::operator::{self, CreateAgent, CreatedAgent};
use serde::Serialize;

/// Create, list, show, remove the agents of this node
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity agent create bruno
  comity agent --json | jq -r '.[].did'"
)]
pub(crate) struct Agent {
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Give a new agent its DID, keys and token
    Create {
        /// [a-z0-9][a-z0-9-]*: part of its DID, for ever
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// The agents of this node
    List(Listing),
    /// One agent: its DID, and the fingerprint that others verify its signatures with
    Show {
        /// Its name
        name: String,
        #[command(flatten)]
        output: Output,
    },
    /// End an agent: its DID stops resolving, its name is never given out again
    Remove {
        /// Its name
        name: String,
    },
}

pub(crate) async fn run(args: Agent, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    match args.act.unwrap_or(Act::List(args.listing)) {
        Act::Create { name, output } => create(&operator, name, output).await,
        Act::List(listing) => {
            let fetch = async || operator.get::<Vec<operator::Agent>>("/v1/agents").await;
            show::list(listing, fetch, |agents| table(agents)).await
        }
        Act::Show { name, output } => {
            let agent: operator::Agent =
                operator.get(&format!("/v1/agents/{}", part(&name))).await?;
            let anchor = anchor(&agent);
            let shown = Shown { agent, anchor };
            show::one(output, &shown, |shown| details(&shown.agent))?;
            Ok(Exit::Ok)
        }
        Act::Remove { name } => {
            operator
                .delete(&format!("/v1/agents/{}", part(&name)))
                .await?;
            say!("{name} is removed; its record stays");
            Ok(Exit::Ok)
        }
    }
}

async fn create(operator: &Operator, name: String, output: Output) -> Result<Exit, Trouble> {
    let created: CreatedAgent = operator.post("/v1/agents", &CreateAgent { name }).await?;
    show::one(output, &created, |created| {
        let name = &created.agent.name;
        format!(
            "{}\n  token      {} (readable by you only)\n  listen     {}",
            details(&created.agent),
            created.token_file,
            hint(format!("comity listen {name}")),
        )
    })?;
    Ok(Exit::Ok)
}

/// An agent, and what to give to whoever wants to verify what it signs.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    agent: operator::Agent,
    anchor: String,
}

/// `DID=FINGERPRINT`, as `comity verify --anchor` takes it.
fn anchor(agent: &operator::Agent) -> String {
    format!("{}={}", agent.did, agent.fingerprint)
}

fn details(agent: &operator::Agent) -> String {
    let operator::Agent { name, did, .. } = agent;
    format!(
        "{}  {}\n  state      {}, since {}\n  inbox      {} unsettled, {}\n  \
         anchor     {}\n             give it to whoever wants to verify what {name} signs",
        paint(paint::STRONG, name),
        did,
        paint::state(&agent.state),
        time::exact(agent.created),
        agent.inbox,
        connected(agent),
        anchor(agent),
    )
}

fn table(agents: &[operator::Agent]) -> String {
    let mut table = Table::new(["NAME", "STATE", "INBOX", "NOW", "DID"]);
    for agent in agents {
        table.row([
            Cell::of(&agent.name).styled(paint::STRONG),
            Cell::state(&agent.state),
            Cell::of(agent.inbox.to_string()),
            Cell::of(connected(agent)),
            Cell::of(&agent.did),
        ]);
    }
    table.render(&format!(
        "no agents yet   {}",
        hint("comity agent create NAME")
    ))
}

const fn connected(agent: &operator::Agent) -> &'static str {
    if agent.connected { "connected" } else { "off" }
}
