//! Libraries of other languages: programs that pack and unpack on request.
//!
//! One JSON object a line on their standard input, one on their standard output for each:
//!
//! ```text
//! {"op":"know","documents":[…],"secrets":{KID:JWK}}         {}
//! {"op":"pack","message":{…},"packing":{…}}                 {"envelope":TEXT}
//! {"op":"unpack","envelope":TEXT}                           {"message":{…},"encrypted":BOOL,
//!                                                            "sender":KID,"signer":KID,"prior":KID}
//! {"op":"open_forward","envelope":TEXT}                     {"next":TEXT,"envelope":TEXT}
//! ```
//!
//! A packing has the members of [`Packing`]. A failure answers `{"error":TEXT}`.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value, json};

use crate::{Expect, Forwarded, Opened, Packing, Party, Peer, PeerError};

/// PyPI `didcomm`.
pub type DidcommPython = Programmed<Python>;

/// npm `didcomm-node`.
pub type DidcommNode = Programmed<Node>;

/// A program below `interop/`, and what it needs below `target/interop/`.
pub trait Program {
    /// How the library is called in a report.
    const NAME: &'static str;

    /// What installs it.
    const SETUP: &'static str;

    /// What it needs, below the root of the repository.
    const NEEDS: &'static str;

    /// How to start it from there.
    fn command(root: &Path) -> Command;
}

/// `interop/didcomm_python/roundtrip.py`.
#[derive(Debug)]
pub enum Python {}

/// `interop/didcomm_node/roundtrip.mjs`.
#[derive(Debug)]
pub enum Node {}

/// A running program; it ends with this value.
#[derive(Debug)]
pub struct Programmed<P> {
    process: RefCell<Process>,
    program: PhantomData<P>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Program for Python {
    const NAME: &'static str = "didcomm for Python";
    const SETUP: &'static str = "interop/didcomm_python/setup.sh";
    const NEEDS: &'static str = "target/interop/didcomm_python/bin/python";

    fn command(root: &Path) -> Command {
        let mut command = Command::new(root.join(Self::NEEDS));
        command
            .args(["-W", "ignore"])
            .arg(root.join("interop/didcomm_python/roundtrip.py"));
        command
    }
}

impl Program for Node {
    const NAME: &'static str = "didcomm-node";
    const SETUP: &'static str = "interop/didcomm_node/setup.sh";
    const NEEDS: &'static str = "target/interop/didcomm_node/node_modules/didcomm-node";

    fn command(root: &Path) -> Command {
        let mut command = Command::new("node");
        command
            .arg(root.join("interop/didcomm_node/roundtrip.mjs"))
            .arg(root.join(Self::NEEDS));
        command
    }
}

impl<P: Program> Peer for Programmed<P> {
    const NAME: &'static str = P::NAME;

    type Message = Value;

    fn new(me: &Party, others: &[&Party]) -> Result<Self, PeerError> {
        let new = Self::start()?;
        let parties = || [me].into_iter().chain(others.iter().copied());
        let documents: Vec<Value> = parties().map(Party::document).collect();
        let held = parties().flat_map(Party::held);
        let secrets: Map<String, Value> =
            held.map(|key| (key.kid.clone(), key.jwk.clone())).collect();
        new.ask(&json!({"op": "know", "documents": documents, "secrets": secrets}))?;
        Ok(new)
    }

    fn message(plaintext: &Value) -> Result<Value, PeerError> {
        Ok(plaintext.clone())
    }

    fn plaintext(message: &Value) -> Result<Value, PeerError> {
        Ok(message.clone())
    }

    fn pack(&self, message: &Value, packing: &Packing<'_>) -> Result<String, PeerError> {
        let prior = packing.prior;
        let packing = json!({"to": packing.to, "from": packing.from, "sign_by": packing.sign_by,
            "enc": packing.enc.name(), "protect_sender": packing.protect_sender,
            "prior": prior.map(|prior| json!({"kid": prior.kid, "iat": prior.iat})),
            "forward": packing.forward});
        let answer = self.ask(&json!({"op": "pack", "message": message, "packing": packing}))?;
        text(&answer, "envelope").ok_or_else(|| failed::<P>(&answer))
    }

    fn unpack(&self, envelope: &str, _: &Expect<'_>) -> Result<Opened<Value>, PeerError> {
        let mut answer = self.ask(&json!({"op": "unpack", "envelope": envelope}))?;
        Ok(Opened {
            encrypted: answer["encrypted"] == true,
            sender: text(&answer, "sender"),
            signer: text(&answer, "signer"),
            prior: text(&answer, "prior"),
            ..Opened::new(answer["message"].take())
        })
    }

    fn open_forward(&self, envelope: &str, _: &str) -> Result<Forwarded, PeerError> {
        let answer = self.ask(&json!({"op": "open_forward", "envelope": envelope}))?;
        let next = text(&answer, "next").zip(text(&answer, "envelope"));
        let (next, envelope) = next.ok_or_else(|| failed::<P>(&answer))?;
        Ok(Forwarded { next, envelope })
    }
}

impl<P: Program> Programmed<P> {
    fn start() -> Result<Self, PeerError> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        if !root.join(P::NEEDS).exists() {
            return Err(PeerError::NotInstalled { setup: P::SETUP });
        }
        let mut child = P::command(&root)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed::<P>)?;
        let requests = child.stdin.take();
        let answers = child
            .stdout
            .take()
            .ok_or_else(|| failed::<P>("no output"))?;
        Ok(Self {
            process: RefCell::new(Process {
                child,
                requests,
                answers: BufReader::new(answers),
            }),
            program: PhantomData,
        })
    }

    fn ask(&self, request: &Value) -> Result<Value, PeerError> {
        let answer = self.process.borrow_mut().exchange(request);
        let answer: Value = answer
            .and_then(|line| Ok(serde_json::from_str(&line)?))
            .map_err(failed::<P>)?;
        match answer.get("error") {
            Some(error) => Err(failed::<P>(error.as_str().unwrap_or_default())),
            None => Ok(answer),
        }
    }
}

impl Process {
    fn exchange(&mut self, request: &Value) -> std::io::Result<String> {
        if let Some(requests) = &mut self.requests {
            writeln!(requests, "{request}")?;
        }
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It ends at the end of its input.
        self.requests.take();
        let _ = self.child.wait();
    }
}

fn text(answer: &Value, member: &str) -> Option<String> {
    answer[member].as_str().map(str::to_owned)
}

fn failed<P: Program>(words: impl Display) -> PeerError {
    PeerError::Failed {
        peer: P::NAME,
        words: words.to_string(),
    }
}
