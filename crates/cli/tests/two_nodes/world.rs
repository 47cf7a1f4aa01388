//! Two organisations on this machine.

use serde_json::Value;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const REQUEST: &str = "https://example.org/adder/1.0/request";

/// A at `agents.org-a.test` with Aria, B at `agents.org-b.test` with Bruno.
pub(crate) struct World {
    pub(crate) a: Node,
    pub(crate) b: Node,
}

/// One node; ended with the test.
pub(crate) struct Node {
    home: TempDir,
    args: Vec<String>,
    child: Option<Child>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn start() -> Self {
        let (a, b) = (free_port(), free_port());
        let map = format!("agents.org-a.test=127.0.0.1:{a},agents.org-b.test=127.0.0.1:{b}");
        let world = Self {
            a: Node::start("agents.org-a.test", a, &map),
            b: Node::start("agents.org-b.test", b, &map),
        };
        world.a.ok(&["agent", "create", "aria"]);
        world.b.ok(&["agent", "create", "bruno"]);
        world
    }

    /// Bruno's operator lets in whoever knocks.
    pub(crate) fn let_in(&self) {
        let knock = self.b.eventually("a knock", || {
            let knocks = self.b.json(&["knock", "--json"]);
            knocks[0]["id"].as_str().map(str::to_owned)
        });
        self.b.ok(&["knock", "approve", &knock, "--yes"]);
    }
}

impl Node {
    fn start(host: &str, wire: u16, map: &str) -> Self {
        let (wire, door) = (
            format!("127.0.0.1:{wire}"),
            format!("127.0.0.1:{}", free_port()),
        );
        let args = [
            "up",
            "--host",
            host,
            "--wire",
            &wire,
            "--agent-door",
            &door,
            "--host-map",
            map,
        ];
        let mut node = Self {
            home: TempDir::new().unwrap(),
            args: args.map(str::to_owned).into(),
            child: None,
        };
        node.up();
        node
    }

    pub(crate) fn up(&mut self) {
        let log = std::fs::File::create(self.home().join("log")).unwrap();
        let out = std::fs::File::create(self.home().join("out")).unwrap();
        let child = self
            .command(&self.args)
            .stdout(out)
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        self.eventually("a node", || (self.run(&["status"]).code == 0).then_some(()));
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
    }

    /// SIGTERM; the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let mut child = self.child.take().unwrap();
        let pid = child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        child.wait().unwrap().code()
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// Waits until the node that runs in its terminal says this.
    pub(crate) fn says(&self, words: &str) {
        self.eventually(words, || {
            let said = std::fs::read_to_string(self.home().join("out")).unwrap_or_default();
            said.contains(words).then_some(())
        });
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.command(args)
            .stdin(Stdio::null())
            .output()
            .unwrap()
            .into()
    }

    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = self.command(args);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        child.wait_with_output().unwrap().into()
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        let mut command = self.command(args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running(Some(command.spawn().unwrap()))
    }

    /// What it printed; it must have gone well.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran.out
    }

    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// `DID=FINGERPRINT` of its agent.
    pub(crate) fn anchor(&self) -> String {
        let agents = self.json(&["agent", "--json"]);
        let name = agents[0]["name"].as_str().unwrap();
        let shown = self.json(&["agent", "show", name, "--json"]);
        shown["anchor"].as_str().unwrap().to_owned()
    }

    pub(crate) fn eventually<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            if Instant::now() > deadline {
                let log = std::fs::read_to_string(self.home().join("log")).unwrap_or_default();
                panic!("no {what} in {PATIENCE:?}; the node said: {log}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn command<S: AsRef<str>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command
            .args(args.iter().map(AsRef::as_ref))
            .args(["--home".as_ref(), self.home().as_os_str()]);
        for name in [
            "COMITY_HOME",
            "COMITY_URL",
            "COMITY_TOKEN",
            "COMITY_HOST_MAP",
        ] {
            command.env_remove(name);
        }
        command
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A command that goes on meanwhile.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn finish(mut self) -> Ran {
        self.0.take().unwrap().wait_with_output().unwrap().into()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(30);
