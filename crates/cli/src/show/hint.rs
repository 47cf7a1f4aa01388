//! `→ comity …`: what to type next. The one place that knows how a hint is written.

use std::path::Path;
use std::sync::OnceLock;

/// The home that was chosen, as it was typed, quoted for a shell.
static HOME: OnceLock<String> = OnceLock::new();

/// From now on every hint names this home: pasted anywhere, it is about the same node.
pub(crate) fn remember(home: &Path) {
    let _ = HOME.set(quoted(&home.display().to_string()));
}

/// `→ comity knock`, or `→ comity --home DIR knock` if a home was chosen.
pub(crate) fn hint(commands: impl AsRef<str>) -> String {
    let commands = commands.as_ref();
    match HOME.get() {
        Some(home) => format!("→ {}", with_home(commands, home)),
        None => format!("→ {commands}"),
    }
}

/// Each `comity` that begins a command gets the home; the commands that need no node, don't.
fn with_home(commands: &str, home: &str) -> String {
    let mut text = String::new();
    for (number, rest) in commands.split(COMMAND).enumerate() {
        if number > 0 {
            text.push_str(COMMAND);
            let begins = text.len() == COMMAND.len()
                || text[..text.len() - COMMAND.len()].ends_with([' ', '\n', '(']);
            if begins && !HOMELESS.iter().any(|word| rest.starts_with(word)) {
                text.push_str(&format!("--home {home} "));
            }
        }
        text.push_str(rest);
    }
    text
}

fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:,~".contains(c);
    match !path.is_empty() && path.chars().all(plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}

const COMMAND: &str = "comity ";
/// What follows `comity` where no node is meant.
const HOMELESS: [&str; 4] = ["--home", "--version", "demo", "verify"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_a_hint_is_about_the_same_node() {
        let with = |commands| with_home(commands, "/tmp/b");
        assert_eq!(with("comity knock"), "comity --home /tmp/b knock");
        assert_eq!(
            with("comity message allow q-1   then   comity ask --resume q-1"),
            "comity --home /tmp/b message allow q-1   then   comity --home /tmp/b ask --resume q-1"
        );
        assert_eq!(with("comity verify FILE"), "comity verify FILE");
        assert_eq!(with("ask their operator"), "ask their operator");
        assert_eq!(with("org.comity knock"), "org.comity knock");
    }

    #[test]
    fn a_home_with_a_blank_stays_one_word() {
        assert_eq!(quoted("/tmp/b"), "/tmp/b");
        assert_eq!(quoted("/tmp/my node"), "'/tmp/my node'");
    }
}
