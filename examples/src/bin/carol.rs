//! Carol, who sells spare parts: answers `quotes/1.0/request` of whoever was let in, and prints who
//! let him in and on whose word.
//!
//! ```text
//! comity agent create carol
//! cargo run -p comity-examples --bin carol
//! ```
//! She never approves anybody herself. `introduction.sh` is how strangers come to her: by a rule of
//! her operator and the word of a friend.

use comity::{Agent, Message, Reply};
use serde::{Deserialize, Serialize};

const REQUEST: &str = "https://example.org/quotes/1.0/request";

#[derive(Debug, Deserialize)]
struct Request {
    part: String,
    pieces: u32,
}

#[derive(Debug, Serialize)]
struct Quote {
    part: String,
    /// Cents, for all pieces.
    price: u64,
}

#[tokio::main]
async fn main() -> comity::Result<()> {
    let carol = Agent::open("carol").await?;
    carol.on(REQUEST, async |msg: Message| {
        let request: Request = msg.body()?;
        println!(
            "{} asks for {} {}",
            msg.sender(),
            request.pieces,
            request.part
        );
        println!("  {}", why_he_is_here(&msg));
        Ok(Reply::new("quote", quote(request)))
    });
    println!("carol listens as {}", carol.did());
    carol.run().await
}

/// What her node proved and decided about him, as she may use it: to be more careful with those
/// who come on somebody's word, say.
fn why_he_is_here(msg: &Message) -> String {
    let context = msg.context();
    let let_in_by = context.let_in_by.as_deref().unwrap_or("nobody");
    match context.vouched_by.as_slice() {
        [] => format!("let in by {let_in_by}"),
        chain => format!(
            "let in by {let_in_by} on the word of {}",
            chain.join(", then ")
        ),
    }
}

fn quote(request: Request) -> Quote {
    let price = 1_250 * u64::from(request.pieces);
    let part = request.part;
    Quote { part, price }
}
