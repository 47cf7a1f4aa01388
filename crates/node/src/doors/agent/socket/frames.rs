//! Frames of the socket: reading what agents write, writing what they get.

use super::super::super::problem::{LIMITS, bad};
use super::super::dispatch::Operation;
use comity_api::Problem;
use comity_api::agent::{Delivery, ExtendRequest, Message, Send, Settlement, Wait};
use comity_jose::json;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::error::Error;

/// What an agent wants.
#[derive(Debug)]
pub(super) enum Frame {
    /// An operation, and the reference its answer carries.
    Ask(u64, Operation),
    /// Room for so many unsettled deliveries.
    Credit(usize),
}

/// A frame that is none: its reference, if it has one, and why.
#[derive(Debug)]
pub(super) struct NotAFrame(pub(super) Option<u64>, pub(super) Box<Problem>);

impl Frame {
    /// Reads the text of a frame.
    pub(super) fn read(text: &str) -> Result<Self, NotAFrame> {
        let refused = |reference| move |problem| NotAFrame(reference, Box::new(problem));
        let value = json::parse(text.as_bytes(), &LIMITS);
        let value = value.map_err(|error| refused(None)(bad(error.to_string())))?;
        let Value::Object(mut members) = value else {
            return Err(refused(None)(bad("a frame is a JSON object")));
        };
        let reference = members.remove("ref");
        let op = members.remove("op");
        let known = reference.as_ref().and_then(Value::as_u64);
        let Some(Value::String(op)) = op else {
            return Err(refused(known)(bad("a frame says its `op`")));
        };
        Self::of(&op, reference.as_ref(), members).map_err(refused(known))
    }

    fn of(
        op: &str,
        reference: Option<&Value>,
        members: Map<String, Value>,
    ) -> Result<Self, Problem> {
        let operation = match op {
            "credit" => {
                let Credit { n } = typed(members)?;
                return Ok(Self::Credit(n));
            }
            "cancel" => {
                let Named { id } = typed(members)?;
                Operation::Cancel { id }
            }
            "extend" => Operation::Extend(typed::<ExtendRequest>(members)?),
            "send" => Operation::Send(typed::<Box<Send>>(members)?),
            "settle" => Operation::Settle(typed::<Box<Settlement>>(members)?),
            "show" => {
                let Show { id, wait } = typed(members)?;
                Operation::Show { id, wait }
            }
            "whoami" => Operation::Whoami,
            unknown => {
                let unknown = comity_api::safe(unknown);
                return Err(bad(format!("there is no operation {unknown}"))
                    .next("send, show, cancel, credit, settle, extend, whoami"));
            }
        };
        let reference = reference.and_then(Value::as_u64);
        let reference =
            reference.ok_or_else(|| bad("`ref` is a number of yours, from 0 to 2^53-1"))?;
        Ok(Self::Ask(reference, operation))
    }
}

fn typed<T: DeserializeOwned>(members: Map<String, Value>) -> Result<T, Problem> {
    json::read_as(Value::Object(members)).map_err(|error| {
        let problem = bad(error.to_string());
        match error.source() {
            Some(source) => problem.detail(comity_api::safe(&source.to_string())),
            None => problem,
        }
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credit {
    n: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Show {
    id: String,
    #[serde(flatten)]
    wait: Wait,
}

/// What an agent gets: [`comity_api::agent::FromNode`], borrowed.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Told<'a, V> {
    Delivery(&'a Delivery),
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        r#ref: Option<u64>,
        problem: &'a Problem,
    },
    Result {
        r#ref: u64,
        value: V,
    },
    State {
        n: u64,
        message: &'a Message,
    },
}

/// All but a result.
pub(super) type Notice<'a> = Told<'a, ()>;

impl<V: Serialize> Told<'_, V> {
    pub(super) fn text(&self) -> String {
        // Types of the door are plain data: writing them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, NotAFrame, Notice, Told};
    use crate::doors::agent::dispatch::Operation;
    use comity_api::agent::FromNode;
    use serde_json::json;

    fn refused(text: &str) -> (Option<u64>, String) {
        let NotAFrame(reference, problem) = Frame::read(text).unwrap_err();
        (reference, problem.to_string())
    }

    #[test]
    fn each_operation_is_read_with_its_reference() {
        let ask = |text: &str| match Frame::read(text) {
            Ok(Frame::Ask(7, operation)) => operation,
            other => panic!("{text}: {other:?}"),
        };
        assert!(matches!(
            ask(r#"{"op":"send","ref":7,"to":"b@x.test","type":"https://x/y/1.0/z","body":{}}"#),
            Operation::Send(send) if send.to.as_deref() == Some("b@x.test")
        ));
        assert!(matches!(
            ask(r#"{"op":"show","ref":7,"id":"m","wait":"done","wait_s":3}"#),
            Operation::Show { id, wait } if id == "m" && wait.wait_s == Some(3)
        ));
        assert!(matches!(
            ask(r#"{"op":"cancel","ref":7,"id":"m"}"#),
            Operation::Cancel { .. }
        ));
        assert!(matches!(
            ask(r#"{"ref":7,"outcome":"done","lease":"l","delivery":"d","op":"settle"}"#),
            Operation::Settle(settlement) if settlement.outcome == "done"
        ));
        assert!(matches!(
            ask(r#"{"op":"extend","ref":7,"delivery":"d","lease":"l","seconds":60}"#),
            Operation::Extend(extend) if extend.seconds == 60
        ));
        assert!(matches!(
            ask(r#"{"op":"whoami","ref":7}"#),
            Operation::Whoami
        ));
        assert!(matches!(
            Frame::read(r#"{"op":"credit","n":8}"#),
            Ok(Frame::Credit(8))
        ));
    }

    #[test]
    fn what_is_no_frame_is_told_with_the_reference_if_there_is_one() {
        assert_eq!(refused("{").0, None);
        assert_eq!(refused("[]").0, None);
        assert_eq!(refused(r#"{"ref":3}"#).0, Some(3));
        let (reference, words) = refused(r#"{"op":"dance","ref":3}"#);
        assert_eq!(reference, Some(3));
        assert!(words.contains("no operation dance"), "{words}");
        assert!(refused(r#"{"op":"whoami"}"#).1.contains("`ref`"));
        let (reference, words) = refused(r#"{"op":"send","ref":4,"typ":"x"}"#);
        assert_eq!(reference, Some(4));
        assert!(
            words.contains("typ"),
            "serde's words name the member: {words}"
        );
        assert!(refused(r#"{"op":"credit","n":-1}"#).1.contains("shape"));
        assert!(
            refused(r#"{"op":"send","op":"send","ref":1}"#)
                .1
                .contains("twice")
        );
    }

    #[test]
    fn what_is_told_is_what_agents_read() {
        let problem = comity_api::Problem::new("e.m.req.bad-type", "no");
        let read = |text: &str| serde_json::from_str::<FromNode>(text).unwrap();
        let told = Notice::Error {
            r#ref: None,
            problem: &problem,
        };
        assert_eq!(
            read(&told.text()),
            FromNode::Error {
                r#ref: None,
                problem
            }
        );
        let told = Told::Result {
            r#ref: 9,
            value: json!({"until": 5}),
        };
        assert_eq!(
            read(&told.text()),
            FromNode::Result {
                r#ref: 9,
                value: json!({"until": 5})
            }
        );
    }
}
