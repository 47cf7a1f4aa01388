//! The other side: `interop/didcomm_python/roundtrip.py`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use comity_did::{Did, DidDocument};
use serde_json::{Value, json};

/// A running `roundtrip.py`; it ends with this value.
pub(crate) struct Python {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Python {
    /// Starts it. `None`, and a line that says so, if it isn't installed and needn't be.
    pub(crate) fn start() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let interpreter: PathBuf = root.join("target/interop/didcomm_python/bin/python");
        if !interpreter.exists() {
            let is_required = std::env::var("COMITY_INTEROP").is_ok_and(|v| v == "required");
            assert!(!is_required, "run interop/didcomm_python/setup.sh first");
            eprintln!("nothing tested: run interop/didcomm_python/setup.sh first");
            return None;
        }
        let mut process = Command::new(interpreter)
            .args(["-W", "ignore"])
            .arg(root.join("interop/didcomm_python/roundtrip.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the interpreter starts");
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        Some(Self {
            process,
            requests,
            answers,
        })
    }

    /// Asks for anything.
    pub(crate) fn ask(&mut self, request: &Value) -> Value {
        let requests = self.requests.as_mut().expect("its input is a pipe");
        writeln!(requests, "{request}").expect("it reads requests");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        serde_json::from_str(&answer).expect("it answers in JSON")
    }

    /// Its DID.
    pub(crate) fn did(&mut self) -> Did {
        let answer = self.ask(&json!({"op": "identity"}));
        Did::parse(answer["did"].as_str().expect("it has a DID")).expect("its DID is one")
    }

    /// Gives it a document.
    pub(crate) fn learn(&mut self, document: &DidDocument) {
        let document: Value = serde_json::from_slice(document.octets()).expect("it is JSON");
        let answer = self.ask(&json!({"op": "document", "document": document}));
        assert_eq!(answer, json!({}));
    }

    /// Has it pack a message.
    pub(crate) fn pack(&mut self, kind: &str, message: &Value, to: &Did) -> String {
        let answer = self.ask(&json!({"op": "pack", "kind": kind, "message": message, "to": to}));
        answer["packed"]
            .as_str()
            .unwrap_or_else(|| panic!("{kind}: {answer}"))
            .to_owned()
    }

    /// Has it unpack an envelope: the message, and how it was protected.
    pub(crate) fn unpack(&mut self, packed: &str) -> (Value, Value) {
        let mut answer = self.ask(&json!({"op": "unpack", "packed": packed}));
        assert!(answer.get("error").is_none(), "{answer}");
        (answer["message"].take(), answer["metadata"].take())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It ends at the end of its input.
        self.requests.take();
        let _ = self.process.wait();
    }
}
