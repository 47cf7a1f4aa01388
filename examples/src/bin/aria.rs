//! Aria, who needs an analysis: asks Bruno, prints what came back, and takes his updates.
//!
//! ```text
//! comity agent create aria
//! cargo run -p comity-examples --bin aria -- --peer did:web:agents.org-b.test:bruno
//!   --data FILE       the series to ask about (the shipped one if absent)
//!   --since YEAR      only from this year on
//!   --purpose WORDS   why, for the operator who decides; without it a revoked Aria is refused
//!   --cause DIGEST    a message that this question comes from; may be repeated
//!   --wait SECONDS    how long to wait for the answer (30)
//!   --again YEAR      then ask again, about the part since YEAR: made from the first answer
//!   --every SECONDS   ask again and again
//!   --resume ID       wait for what was asked before
//!   --listen          stay, and take updates
//! ```
//! Each option is also an environment variable: `ARIA_PEER`, `ARIA_DATA`, … Exits with 3 when
//! refused and 5 when the answer is still to come.

use comity::{Agent, Answer, Ask, Message, Outcome, Reply};
use comity_examples::options::Options;
use comity_examples::protocol::{Findings, Month, REQUEST, Request, UPDATE, Update};
use comity_examples::series;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

#[tokio::main]
async fn main() -> comity::Result<ExitCode> {
    let options = Options::from_args("ARIA");
    let aria = Agent::open("aria").await?;
    let code = if let Some(id) = options.value("resume") {
        outcome(&options, aria.resume(id))
            .await?
            .map_or_else(|code| code, |_| ExitCode::SUCCESS)
    } else if let Some(peer) = options.value("peer") {
        let request = match request(&options) {
            Ok(request) => request,
            Err(why) => {
                eprintln!("{why}");
                return Ok(ExitCode::from(2));
            }
        };
        match options.number("every") {
            None => converse(&aria, &peer, &request, &options).await?,
            Some(pause) => again_and_again(&aria, &peer, &request, &options, pause).await?,
        }
    } else if options.flag("listen") {
        ExitCode::SUCCESS
    } else {
        eprintln!("whom to ask? --peer DID, or --listen");
        return Ok(ExitCode::from(2));
    };
    if options.flag("listen") {
        listen(&aria).await?;
    }
    Ok(code)
}

/// One question, and perhaps a second that is made from the first answer.
async fn converse(
    aria: &Agent,
    peer: &str,
    request: &Request,
    options: &Options,
) -> comity::Result<ExitCode> {
    let asking = aria
        .ask(peer, REQUEST, request)
        .causes(options.values("cause"));
    let answer = match outcome(options, asking).await? {
        Ok(answer) => answer,
        Err(code) => return Ok(code),
    };
    let Some(year) = options.number("again") else {
        return Ok(ExitCode::SUCCESS);
    };
    let part = since(request.clone(), year);
    let asking = aria.ask(peer, REQUEST, &part).causes([answer.digest()]);
    let answered = outcome(options, asking).await?;
    Ok(answered.map_or_else(|code| code, |_| ExitCode::SUCCESS))
}

/// A question every few seconds, one line each; a refusal does not stop it.
async fn again_and_again(
    aria: &Agent,
    peer: &str,
    request: &Request,
    options: &Options,
    pause: u64,
) -> comity::Result<ExitCode> {
    for n in 1_u64.. {
        let asking = with_purpose(options, aria.ask(peer, REQUEST, request));
        match asking.wait(wait(options)).await? {
            Outcome::Answer(answer) => {
                let findings: Findings = answer.body()?;
                println!(
                    "{n}: answered, {:+.5} {} a year",
                    findings.trend.per_year, findings.unit
                );
            }
            Outcome::Pending(pending) => {
                println!(
                    "{n}: waits on {}; --resume {}",
                    pending.waiting_on(),
                    pending.id()
                );
            }
            Outcome::Refused(refused) => println!("{n}: {refused}"),
        }
        tokio::time::sleep(Duration::from_secs(pause)).await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for an answer and prints it; else says why there is none, and the exit code for that.
async fn outcome(options: &Options, asking: Ask) -> comity::Result<Result<Answer, ExitCode>> {
    match with_purpose(options, asking).wait(wait(options)).await? {
        Outcome::Answer(answer) => {
            print(&answer.body()?, &answer);
            Ok(Ok(answer))
        }
        Outcome::Pending(pending) => {
            println!(
                "waits on {}; --resume {}",
                pending.waiting_on(),
                pending.id()
            );
            Ok(Err(ExitCode::from(5)))
        }
        Outcome::Refused(refused) => {
            println!("{refused}");
            Ok(Err(ExitCode::from(3)))
        }
    }
}

/// Takes Bruno's updates. "Done" is all there is to say to them.
async fn listen(aria: &Agent) -> comity::Result<()> {
    aria.on(UPDATE, async |msg: Message| {
        let update: Update = msg.body()?;
        println!(
            "update from {}: {}: {:+.5} {unit} a year, not {:+.5} {unit} ({})",
            msg.sender(),
            update.name,
            update.trend.per_year,
            update.was.per_year,
            update.why,
            unit = update.unit,
        );
        Ok(Reply::done())
    });
    println!("aria listens as {}", aria.did());
    aria.run().await
}

fn print(found: &Findings, answer: &Answer) {
    let unit = &found.unit;
    println!(
        "{}: {} points, mean {:.3} {unit}",
        found.name, found.n, found.mean
    );
    println!("  trend     {:+.5} {unit} a year", found.trend.per_year);
    let season = &found.seasonality;
    println!(
        "  season    {:.3} {unit} from month {} to its peak in month {}",
        season.amplitude, season.trough_month, season.peak_month
    );
    let months: Vec<String> = found
        .outliers
        .iter()
        .map(|outlier| outlier.t.to_string())
        .collect();
    match months.as_slice() {
        [] => println!("  outliers  none"),
        _ => println!("  outliers  {}: {}", months.len(), months.join(" ")),
    }
    println!("  signed by {}", answer.sender());
    println!("  digest    {}", answer.digest());
}

fn request(options: &Options) -> Result<Request, String> {
    let file = options
        .value("data")
        .unwrap_or_else(|| series::SHIPPED.to_owned());
    let request = series::read(Path::new(&file))?;
    Ok(match options.number("since") {
        None => request,
        Some(year) => since(request, year),
    })
}

fn since(mut request: Request, year: u64) -> Request {
    request
        .series
        .retain(|point| u64::from(Month::year(point.t)) >= year);
    request
}

/// Says why, if told so. It is for the operator who decides; and whoever was let in once and then
/// no more gets another knock only by saying why.
fn with_purpose(options: &Options, asking: Ask) -> Ask {
    match options.value("purpose") {
        Some(purpose) => asking.purpose(purpose),
        None => asking,
    }
}

fn wait(options: &Options) -> Duration {
    Duration::from_secs(options.number("wait").unwrap_or(30))
}
