use super::*;
use crate::args::Cli;

/// Every command with everything under it, as `comity … --help` prints it.
fn reference(command: &mut clap::Command, path: &str, into: &mut String) {
    let _ = write!(into, "$ {path} --help\n{}\n\n", command.render_long_help());
    let names = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned());
    for name in names.filter(|name| name != "help").collect::<Vec<_>>() {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            reference(sub, &format!("{path} {name}"), into);
        }
    }
}

#[test]
fn the_whole_help_is_as_reviewed() {
    let mut command = command().term_width(100);
    command.build();
    let mut text = String::new();
    reference(&mut command, "comity", &mut text);
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    insta::assert_snapshot!("help", trimmed.join("\n"));
}

#[test]
fn every_command_stands_in_a_group() {
    let command = Cli::command();
    let grouped: Vec<&str> = GROUPS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    let mut named: Vec<&str> = command
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    named.retain(|name| *name != "help");
    assert_eq!(grouped, named);
}

#[test]
fn the_command_line_contradicts_itself_nowhere() {
    Cli::command().debug_assert();
}
