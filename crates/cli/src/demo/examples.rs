//! The example agents: built if need be, found in any case.

use super::surprise::{Surprise, expect};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::process::Command;

/// The programs of the two agents.
#[derive(Clone, Debug)]
pub(super) struct Examples {
    pub(super) aria: PathBuf,
    /// Bruno in Rust: the agent where there is no Python, and a second pair of eyes on what the
    /// Python one computes.
    pub(super) bruno: PathBuf,
    /// Bruno in Python, with what runs him and its version.
    pub(super) python: Option<Python>,
    /// The series that they talk about.
    pub(super) data: PathBuf,
}

#[derive(Clone, Debug)]
pub(super) struct Python {
    pub(super) interpreter: PathBuf,
    pub(super) version: String,
    pub(super) bruno: PathBuf,
}

impl Examples {
    /// Builds the agents with the cargo that runs this, or else finds them beside this program.
    pub(super) async fn ready() -> Result<Self, Surprise> {
        let expected = "the example agents";
        let this = std::env::current_exe().map_err(Surprise::instead_of(expected))?;
        let beside = this.parent().unwrap_or(Path::new("."));
        let sources = Path::new(SOURCES);
        let (aria, bruno) = (beside.join("aria"), beside.join("bruno"));
        let cargo = std::env::var_os("CARGO").map(PathBuf::from);
        let cargo = cargo.or_else(|| (!aria.exists()).then(|| PathBuf::from("cargo")));
        if let Some(cargo) = cargo.filter(|_| sources.join("Cargo.toml").exists()) {
            build(&cargo, beside).await?;
        }
        for program in [&aria, &bruno] {
            let came = format!(
                "no {}; from a clone of the repository: cargo run --release -- demo",
                program.display()
            );
            expect(program.exists(), expected, came)?;
        }
        let data = sources.join("data/nino-1-2.csv");
        expect(
            data.exists(),
            "the data series",
            format!("no {}", data.display()),
        )?;
        let python = python(&sources.join("bruno.py")).await;
        Ok(Self {
            aria,
            bruno,
            python,
            data,
        })
    }
}

/// Builds in the same place and form as this program, so that what both need is built once.
async fn build(cargo: &Path, beside: &Path) -> Result<(), Surprise> {
    let mut command = Command::new(cargo);
    command.args(["build", "-p", "comity-examples", "--bins"]);
    command.arg("--manifest-path");
    command.arg(Path::new(SOURCES).join("../Cargo.toml"));
    if beside.ends_with("release") {
        command.arg("--release");
    }
    if let Some(target) = beside.parent() {
        command.arg("--target-dir").arg(target);
    }
    command.stdin(Stdio::null()).kill_on_drop(true);
    let expected = "cargo to build the example agents";
    let built = command.status().await;
    let built = built.map_err(Surprise::instead_of(expected))?;
    expect(built.success(), expected, built)
}

async fn python(bruno: &Path) -> Option<Python> {
    let interpreter = PathBuf::from("python3");
    let mut command = Command::new(&interpreter);
    // Exits with 0 only where bruno.py can run.
    let script = "import sys; print('%d.%d.%d' % sys.version_info[:3]); \
                  sys.exit(sys.version_info < (3, 8))";
    command.args(["-c", script]).stdin(Stdio::null());
    let answer = command.kill_on_drop(true).output().await.ok()?;
    let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
    (answer.status.success() && bruno.exists()).then(|| Python {
        interpreter,
        version,
        bruno: bruno.to_owned(),
    })
}

/// Where the examples are in the repository that this was built from.
const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
