//! What every command needs to know: which node, and as which agent.

use crate::exit::Trouble;
use crate::operator::Operator;
use comity::Agent;
use std::path::{Path, PathBuf};

/// Where a command runs.
#[derive(Debug)]
pub(crate) struct Shell {
    home: PathBuf,
    /// `--home` was given: it goes before `COMITY_URL` and `COMITY_TOKEN`.
    chosen: bool,
}

impl Shell {
    pub(crate) fn new(home: Option<PathBuf>, chosen: bool) -> Self {
        Self {
            chosen,
            home: home.unwrap_or_else(comity::home),
        }
    }

    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn operator(&self) -> Operator {
        Operator::new(&self.home)
    }

    /// Opens an agent: the one named; else the one whose token is in the environment; else the
    /// only one of this node.
    pub(crate) async fn agent(&self, name: Option<&str>) -> Result<Agent, Trouble> {
        if let Some(name) = name {
            return Ok(match self.chosen {
                true => Agent::open_in(&self.home, name).await?,
                false => Agent::open(name).await?,
            });
        }
        let env = |name| {
            std::env::var(name)
                .ok()
                .filter(|value: &String| !value.is_empty())
        };
        if let (false, Some(url), Some(token)) =
            (self.chosen, env("COMITY_URL"), env("COMITY_TOKEN"))
        {
            return Ok(Agent::connect(&url, &token).await?);
        }
        Ok(Agent::open_in(&self.home, &self.only_agent()?).await?)
    }

    fn only_agent(&self) -> Result<String, Trouble> {
        let mut names = self.agents();
        match names.len() {
            0 => Err(
                Trouble::failed(format!("no agent lives in {} yet", self.home.display()))
                    .next("comity agent create NAME"),
            ),
            1 => Ok(names.remove(0)),
            _ => Err(
                Trouble::usage("several agents live here: as which one?").next(
                    names
                        .iter()
                        .map(|name| format!("--as {name}"))
                        .collect::<Vec<_>>()
                        .join("   or   "),
                ),
            ),
        }
    }

    /// Names of the agents whose tokens are here.
    fn agents(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.home.join("agents"));
        let files = files.into_iter().flatten().flatten();
        let names = files.filter_map(|file| {
            let name = file.file_name().into_string().ok()?;
            Some(name.strip_suffix(".json")?.to_owned())
        });
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(agents: &[&str]) -> (tempfile::TempDir, Shell) {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("agents")).unwrap();
        for agent in agents {
            std::fs::write(home.path().join(format!("agents/{agent}.json")), "{}").unwrap();
        }
        let shell = Shell::new(Some(home.path().to_owned()), true);
        (home, shell)
    }

    #[test]
    fn the_only_agent_need_not_be_named() {
        let (_home, shell) = shell(&["aria"]);
        assert_eq!(shell.only_agent(), Ok("aria".to_owned()));
    }

    #[test]
    fn among_several_agents_one_must_be_named() {
        let (_home, shell) = shell(&["carla", "aria"]);
        let trouble = Trouble::usage("several agents live here: as which one?");
        assert_eq!(
            shell.only_agent(),
            Err(trouble.next("--as aria   or   --as carla"))
        );
    }
}
