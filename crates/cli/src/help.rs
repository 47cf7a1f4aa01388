//! The first screen: commands in the groups of what they are for. Everything is taken from the
//! commands themselves, so that it names what exists and nothing else.

use crate::args::Cli;
use clap::CommandFactory;
use std::fmt::Write;

/// The whole command line, its first screen in groups.
pub(crate) fn command() -> clap::Command {
    let command = Cli::command();
    let template = template(&command);
    command.help_template(template)
}

fn template(command: &clap::Command) -> String {
    let mut text = String::from("{about}\n\n{usage-heading} {usage}\n");
    for (group, names) in GROUPS {
        let _ = write!(text, "\n{group}\n");
        for name in *names {
            if let Some(sub) = command.find_subcommand(name) {
                let _ = writeln!(text, "  {:<24} {}", call(sub), about(sub));
            }
        }
    }
    text.push_str("\nOptions:\n{options}\n\n");
    text.push_str(EXIT_CODES);
    text
}

/// `send TO TYPE [BODY]`: the name and what must or may follow.
fn call(command: &clap::Command) -> String {
    let mut call = command.get_name().to_owned();
    for arg in command.get_positionals().filter(|arg| !arg.is_hide_set()) {
        let name = arg.get_value_names().and_then(|names| names.first());
        let name = name.map_or_else(|| arg.get_id().as_str().to_uppercase(), ToString::to_string);
        if arg.is_required_set() {
            let _ = write!(call, " {name}");
        } else {
            let _ = write!(call, " [{name}]");
        }
    }
    call
}

fn about(command: &clap::Command) -> String {
    command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// What belongs together, in the order in which one needs it.
pub(crate) const GROUPS: &[(&str, &[&str])] = &[
    ("START", &["demo", "up", "status", "doctor"]),
    ("TALK", &["send", "ask", "listen", "watch"]),
    ("AGENTS", &["agent", "parked"]),
    (
        "TRUST",
        &[
            "knock", "invite", "grant", "peer", "vouch", "policy", "operator", "webhook",
        ],
    ),
    ("PROOF", &["message", "record", "verify"]),
];

const EXIT_CODES: &str = "\
Exit codes: 0 ok (verify: proved), 1 failed (verify: broken), 2 usage, 3 refused, 4 not proved
(verify: consistent at most), 5 still pending. `comity COMMAND --help` shows examples.
";

#[cfg(test)]
mod tests;
