//! Bruno, an analyst: answers `market-analysis/1.0/request`, and may come back later with something
//! better. `bruno.py` does the same in Python.
//!
//! ```text
//! comity agent create bruno
//! cargo run -p comity-examples --bin bruno                       # answers
//! cargo run -p comity-examples --bin bruno -- --update-after 5   # and looks again after 5 seconds
//! cargo run -p comity-examples --bin bruno -- --analyse data.csv # no agent: print the findings
//! ```

use comity::{Agent, Message, Reply};
use comity_examples::analysis::{analyse, look_again};
use comity_examples::options::Options;
use comity_examples::protocol::{Findings, REQUEST, Request, UPDATE};
use comity_examples::series;
use std::path::Path;
use std::time::Duration;

#[tokio::main]
async fn main() -> comity::Result<()> {
    let options = Options::from_args("BRUNO");
    if let Some(file) = options.value("analyse") {
        print_findings(&file);
        return Ok(());
    }
    let update_after = options.number("update-after").map(Duration::from_secs);
    let bruno = Agent::open("bruno").await?;
    bruno.on(REQUEST, move |msg: Message| async move {
        let request: Request = msg.body()?; // sender proved, grant checked; a bad body becomes a problem report
        let findings = analyse(&request)?; //  too little to analyse: a rejection that says so
        println!(
            "{} asked about {}: {} points",
            msg.sender(),
            request.name,
            findings.n
        );
        // Reply and "done" commit together; it names what it was made from.
        let reply = Reply::new("response", &findings).causes([msg.digest()]);
        if let Some(pause) = update_after {
            tokio::spawn(update(msg, request, findings, pause));
        }
        Ok(reply)
    });
    println!("bruno listens as {}", bruno.did());
    bruno.run().await
}

/// Bruno starts something himself: the trend without the outliers, in a thread of its own, naming
/// the request that it was made from.
///
/// This is outside the settlement, so that it may happen twice if the process dies in between: the
/// id is made from the request's, and the node takes the same message once.
async fn update(msg: Message, request: Request, findings: Findings, pause: Duration) {
    let Some(update) = look_again(&request, &findings) else {
        return;
    };
    tokio::time::sleep(pause).await;
    let sending = msg.agent().send(msg.sender(), UPDATE, &update);
    let id: String = format!("again-{}", msg.id()).chars().take(64).collect();
    match sending.id(id).causes([msg.digest()]).await {
        Ok(status) => println!("sent an update: {} ({})", status.id(), status.state()),
        Err(why) => eprintln!("no update: {why:?}"),
    }
}

fn print_findings(file: &str) {
    let findings = series::read(Path::new(file))
        .and_then(|request| analyse(&request).map_err(|reply| format!("{reply:?}")))
        .and_then(|findings| serde_json::to_string(&findings).map_err(|why| why.to_string()));
    match findings {
        Ok(findings) => println!("{findings}"),
        Err(why) => {
            eprintln!("{why}");
            std::process::exit(1);
        }
    }
}
