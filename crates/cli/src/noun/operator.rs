use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::part;
use crate::say;
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint;
use crate::show::table::{Cell, Table};
use crate::show::{self, time};
use clap::{Args, Subcommand};
use comity_api::operator::{self, CreateOperator, OperatorToken, RotateOperator, Status};
use std::time::Duration;

/// List, create, rotate, remove the people who answer for this node
///
/// Whoever can open operator.sock in the node's directory is an admin, recorded as "operator".
/// Everybody else has a name, a role and a token: a viewer reads; an approver decides on knocks,
/// grants, held messages and parked questions of given agents, or of all; an admin does everything.
/// The record says who did what.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity operator create dana --role approver --agent bruno
  comity operator rotate dana --grace 1h
  comity operator remove dana"
)]
pub(crate) struct Operator {
    /// Also those that were removed
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Who answers for this node, and when they last did
    List {
        /// Also those that were removed
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        listing: Listing,
    },
    /// Make one; the token is shown once
    Create {
        /// [a-z0-9][a-z0-9-]*: the record's "by", for ever
        name: String,
        /// viewer, approver or admin
        #[arg(long, value_name = "ROLE")]
        role: String,
        /// An agent that an approver decides for [default: all]; may be repeated
        #[arg(long, value_name = "NAME")]
        agent: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Give one another token; it is shown once
    Rotate {
        /// The name
        name: String,
        /// How long the token before works, too (1h, 2d) [default: it ends at once]
        #[arg(long, value_name = "TIME", value_parser = time::duration)]
        grace: Option<Duration>,
        #[command(flatten)]
        output: Output,
    },
    /// End one's token and sessions at once; the name is never given out again
    Remove {
        /// The name
        name: String,
    },
}

pub(crate) async fn run(args: Operator, shell: &Shell) -> Result<Exit, Trouble> {
    let door = shell.operator();
    let list = Act::List {
        all: args.all,
        listing: args.listing,
    };
    match args.act.unwrap_or(list) {
        Act::List { all, listing } => {
            let path = format!("/v1/operators?all={all}");
            let fetch = async || door.get::<Vec<operator::Operator>>(&path).await;
            return show::list(listing, fetch, |operators| table(operators)).await;
        }
        Act::Create {
            name,
            role,
            agent,
            output,
        } => {
            let create = CreateOperator {
                name,
                role,
                agents: agent,
            };
            let made: OperatorToken = door.post("/v1/operators", &create).await?;
            let status: Status = door.get("/v1/status").await?;
            show::one(output, &made, |made| {
                token(made, status.operator_url.as_deref())
            })?;
        }
        Act::Rotate {
            name,
            grace,
            output,
        } => {
            let rotate = RotateOperator {
                grace_s: grace.unwrap_or_default().as_secs(),
            };
            let path = format!("/v1/operators/{}/rotate", part(&name));
            let made: OperatorToken = door.post(&path, &rotate).await?;
            show::one(output, &made, |made| token(made, None))?;
        }
        Act::Remove { name } => {
            door.delete(&format!("/v1/operators/{}", part(&name)))
                .await?;
            say!("{name} is removed; what {name} decided stays in the record");
        }
    }
    Ok(Exit::Ok)
}

fn token(made: &OperatorToken, page: Option<&str>) -> String {
    let OperatorToken { operator, token } = made;
    let page = match page {
        Some(page) => format!("\n  sign in    {page}"),
        None => String::new(),
    };
    let old = match operator.old_token_until {
        Some(until) => format!("\n  before     works until {}", time::exact(until)),
        None => String::new(),
    };
    format!(
        "{}  {}\n  token      {token}   (shown only now){old}{page}",
        operator.name,
        duty(operator)
    )
}

/// `approver of bruno`, `viewer`.
fn duty(operator: &operator::Operator) -> String {
    match &operator.agents {
        Some(agents) => format!("{} of {}", operator.role, agents.join(", ")),
        None => operator.role.clone(),
    }
}

fn table(operators: &[operator::Operator]) -> String {
    let mut table = Table::new(["NAME", "ROLE", "STATE", "LAST USED", "SINCE"]);
    for operator in operators {
        let used = operator
            .last_used
            .map_or_else(|| "never".to_owned(), time::when);
        table.row([
            Cell::of(&operator.name).styled(paint::STRONG),
            Cell::of(duty(operator)),
            Cell::state(&operator.state),
            Cell::of(used),
            Cell::of(time::when(operator.created)),
        ]);
    }
    table.render(&format!(
        "nobody but whoever can open operator.sock   {}",
        hint("comity operator create NAME --role approver")
    ))
}
