use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use crate::operator::{Operator, part};
use crate::shell::Shell;
use crate::show::hint::hint;
use crate::show::paint::{self, paint};
use crate::show::table::{Cell, Table};
use crate::show::{self, time, words};
use clap::{Args, Subcommand};
use comity_api::operator::{self, AnswerParked, Decided};
use comity_api::safe;
use serde_json::Value;

/// List, answer what your agents ask you before they go on
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  comity parked --watch
  comity parked answer 9c1e yes
  comity parked answer 9c1e '{\"limit\":500}' --value"
)]
pub(crate) struct Parked {
    #[command(flatten)]
    listing: Listing,
    #[command(subcommand)]
    act: Option<Act>,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Messages that wait for you, and what is asked about them
    List(Listing),
    /// Answer: the agent gets the message again, with your answer
    Answer(Answer),
}

#[derive(Debug, Args)]
struct Answer {
    /// The message's id, delivery id or digest, or the beginning of one
    id: String,
    /// What you say, at most 2,000 characters
    #[arg(value_name = "ANSWER")]
    answer: String,
    /// The answer is a JSON value, not words
    #[arg(long)]
    value: bool,
    #[command(flatten)]
    output: Output,
}

pub(crate) async fn run(args: Parked, shell: &Shell) -> Result<Exit, Trouble> {
    let operator = shell.operator();
    match args.act.unwrap_or(Act::List(args.listing)) {
        Act::List(listing) => {
            let fetch = async || parked(&operator).await;
            show::list(listing, fetch, |parked| table(parked)).await
        }
        Act::Answer(answer) => say(&operator, answer).await,
    }
}

async fn say(operator: &Operator, args: Answer) -> Result<Exit, Trouble> {
    let answer = match args.value {
        true => serde_json::from_str(&args.answer).map_err(|why| {
            Trouble::usage(format!("the answer is no JSON: {why}"))
                .next("leave out --value to answer with words")
        })?,
        false => Value::String(args.answer),
    };
    let answer = AnswerParked {
        answer,
        number: None,
    };
    let path = format!("/v1/parked/{}/answer", part(&args.id));
    let decided: Decided = operator.post(&path, &answer).await?;
    show::one(args.output, &decided, |decided| {
        paint::state(&decided.outcome)
    })?;
    Ok(Exit::Ok)
}

/// All of them, page by page.
async fn parked(operator: &Operator) -> Result<Vec<operator::Parked>, Trouble> {
    let mut rows: Vec<operator::Parked> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row.seq);
        let path = format!("/v1/parked?after={after}&limit={PAGE}");
        let page: Vec<operator::Parked> = operator.get(&path).await?;
        let last = page.len() < PAGE;
        rows.extend(page);
        if last {
            return Ok(rows);
        }
    }
}

fn table(parked: &[operator::Parked]) -> String {
    let mut table = Table::new([
        "MESSAGE", "AGENT", "PEER", "TYPE", "ASKED", "UNTIL", "QUESTION",
    ]);
    let ids = words::short_ids(parked.iter().map(|parked| parked.id.as_str()));
    for (parked, id) in parked.iter().zip(&ids) {
        table.row([
            Cell::of(id).styled(paint::STRONG),
            Cell::of(words::name(&parked.to)),
            Cell::of(words::who(&parked.from)),
            Cell::of(words::short_type(&parked.type_)),
            Cell::of(time::when(parked.asked)),
            Cell::of(time::when(parked.until)),
            Cell::of(safe(&parked.question)),
        ]);
    }
    let mut text = table.render("your agents ask you nothing");
    if let [id] = &ids[..] {
        text.push_str(&format!(
            "\n{}",
            paint(
                paint::FAINT,
                hint(format!("comity parked answer {id} ANSWER"))
            )
        ));
    }
    text
}

/// Rows fetched at once; the most that the door gives.
const PAGE: usize = 1_000;
