//! How things look: lists that can be watched, tables, and the short forms of long names.

pub(crate) mod code;
pub(crate) mod entry;
pub(crate) mod hint;
pub(crate) mod paint;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod words;

use crate::args::{Listing, Output};
use crate::exit::{Exit, Trouble};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// `println!` that keeps colours for terminals, and ends quietly when nobody reads any more
/// (`comity message --all | head`).
#[macro_export]
macro_rules! say {
    ($($text:tt)*) => { $crate::show::print_line(format_args!($($text)*)) };
}

pub(crate) fn print_line(text: std::fmt::Arguments<'_>) {
    let mut out = anstream::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(NOBODY_READS);
    }
}

/// Shows what `fetch` gives, once or whenever it changes: as JSON, or as `render` has it.
pub(crate) async fn list<T: Serialize>(
    listing: Listing,
    fetch: impl AsyncFn() -> Result<T, Trouble>,
    render: impl Fn(&T) -> String,
) -> Result<Exit, Trouble> {
    let mut shown = String::new();
    loop {
        let fetched = fetch().await?;
        let text = match listing.output.json {
            true if listing.watch => line(&fetched)?,
            true => pretty(&fetched)?,
            false => render(&fetched),
        };
        if text != shown {
            if listing.watch && std::io::stdout().is_terminal() {
                anstream::print!("{CLEAR}");
            }
            say!("{}", text.trim_end());
            shown = text;
        }
        if !listing.watch {
            return Ok(Exit::Ok);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Shows one thing.
pub(crate) fn one<T: Serialize>(
    output: Output,
    thing: &T,
    render: impl FnOnce(&T) -> String,
) -> Result<(), Trouble> {
    let text = if output.json {
        pretty(thing)?
    } else {
        render(thing)
    };
    say!("{}", text.trim_end());
    Ok(())
}

/// JSON on one line.
pub(crate) fn line(thing: &impl Serialize) -> Result<String, Trouble> {
    serde_json::to_string(thing).map_err(|why| Trouble::failed(why.to_string()))
}

/// JSON for reading.
pub(crate) fn pretty(thing: &impl Serialize) -> Result<String, Trouble> {
    serde_json::to_string_pretty(thing).map_err(|why| Trouble::failed(why.to_string()))
}

/// What a shell shows for a program that SIGPIPE ended.
const NOBODY_READS: i32 = 141;
/// How often a watched list is fetched.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Cursor home, screen clear.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";
