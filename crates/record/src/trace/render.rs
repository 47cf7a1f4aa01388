use std::fmt::{self, Write as _};

use super::Trace;
use crate::{digest::Digest, text::Shy};

impl Trace {
    /// Writes the graph in the DOT language, arrows from cause to effect. What peers wrote is
    /// escaped.
    pub fn to_dot(&self) -> String {
        let mut dot = String::from("digraph causes {\n  rankdir=LR;\n  node [shape=box];\n");
        for message in &self.messages {
            let from = message.from.as_ref().map_or("?", |did| did.as_str());
            let label = format!("{}\n{from}", message.type_);
            // Writing into a text cannot fail.
            let _ = writeln!(
                dot,
                "  \"{}\" [label=\"{}\"];",
                message.digest,
                quoted(&label)
            );
        }
        for digest in &self.dangling {
            let _ = writeln!(
                dot,
                "  \"{digest}\" [label=\"{}\\nnot shown\", style=dashed];",
                short(digest)
            );
        }
        for (effect, cause) in &self.edges {
            let _ = writeln!(dot, "  \"{cause}\" -> \"{effect}\";");
        }
        dot.push_str("}\n");
        dot
    }
}

/// One line a message, causes first, each followed by what it was made from.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for message in &self.messages {
            let from = message.from.as_ref().map_or("?", |did| did.as_str());
            writeln!(
                f,
                "{}  {}  {}",
                short(&message.digest),
                Shy(from),
                Shy(&message.type_)
            )?;
            for cause in &message.causes {
                let dangling = if self.dangling.contains(cause) {
                    "  (not shown)"
                } else {
                    ""
                };
                writeln!(f, "  from {}{dangling}", short(cause))?;
            }
        }
        Ok(())
    }
}

/// Enough to tell messages apart at a glance.
fn short(digest: &Digest) -> String {
    digest.to_text().chars().skip(3).take(10).collect()
}

fn quoted(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(|line| Shy(line).to_string()).collect();
    lines
        .join("\u{0}")
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\u{0}', "\\n")
}
