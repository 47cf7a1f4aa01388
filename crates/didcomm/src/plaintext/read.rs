//! Reading a plaintext message.

use std::borrow::Cow;

use comity_did::{Did, DidUrl};
use comity_jose::json::{self, Limits, Members, Tree};
use serde_json::{Map, Value};

use super::{Attachment, Plaintext, PlaintextError, PleaseAck, ReturnRoute};
use crate::{MessageId, MessageType, media_type};

impl Plaintext {
    /// Reads a message.
    ///
    /// # Errors
    /// [`PlaintextError`]. Unknown headers are kept and never an error (MSG-16).
    pub fn parse(octets: &[u8], limits: &Limits) -> Result<Self, PlaintextError> {
        Self::from_tree(json::tree(octets, limits).map_err(PlaintextError::Json)?)
    }

    /// Reads a message from a value that [`json::parse`] gave.
    ///
    /// # Errors
    /// As [`Plaintext::parse`].
    pub fn from_value(value: Value) -> Result<Self, PlaintextError> {
        Self::from_tree(value.into())
    }

    /// Reads a message from a value that [`json::tree`] gave.
    ///
    /// # Errors
    /// As [`Plaintext::parse`].
    pub fn from_tree(value: Tree<'_>) -> Result<Self, PlaintextError> {
        let Tree::Object(members) = value else {
            return Err(PlaintextError::NotAnObject);
        };
        let mut headers = Headers(members);
        if let Some(typ) = headers.text("typ")?
            && !media_type::names(&typ, media_type::PLAINTEXT)
        {
            return Err(PlaintextError::Typ);
        }
        let id = headers.id("id")?.ok_or(PlaintextError::Missing("id"))?;
        let type_ = headers
            .text("type")?
            .ok_or(PlaintextError::Missing("type"))?;
        Ok(Self {
            id,
            type_: MessageType::parse(&type_).map_err(PlaintextError::Type)?,
            from: headers
                .text("from")?
                .map(|text| did(&text, "from"))
                .transpose()?,
            to: headers
                .texts("to")?
                .iter()
                .map(|text| did(text, "to"))
                .collect::<Result<_, _>>()?,
            thid: headers.id("thid")?,
            pthid: headers.id("pthid")?,
            created_time: headers.time("created_time")?,
            expires_time: headers.time("expires_time")?,
            body: headers.object("body")?,
            attachments: headers.attachments()?,
            please_ack: headers.please_ack()?,
            ack: headers.ack()?,
            lang: headers.text("lang")?.map(Cow::into_owned),
            accept_lang: headers
                .texts("accept-lang")?
                .into_iter()
                .map(Cow::into_owned)
                .collect(),
            from_prior: headers.text("from_prior")?.map(Cow::into_owned),
            return_route: headers.return_route()?,
            return_route_thread: headers.id("return_route_thread")?,
            extra: headers.0.into_map(),
        })
    }
}

/// The headers not yet read.
struct Headers<'a>(Members<'a>);

impl<'a> Headers<'a> {
    fn take(&mut self, name: &str) -> Option<Tree<'a>> {
        self.0.take(name)
    }

    fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, PlaintextError> {
        match self.take(name) {
            None => Ok(None),
            Some(Tree::Text(text)) => Ok(Some(text)),
            Some(_) => Err(PlaintextError::Header(name)),
        }
    }

    fn texts(&mut self, name: &'static str) -> Result<Vec<Cow<'a, str>>, PlaintextError> {
        self.array(name)?
            .into_iter()
            .map(|value| match value {
                Tree::Text(text) => Ok(text),
                _ => Err(PlaintextError::Header(name)),
            })
            .collect()
    }

    fn array(&mut self, name: &'static str) -> Result<Vec<Tree<'a>>, PlaintextError> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Tree::Array(values)) => Ok(values),
            Some(_) => Err(PlaintextError::Header(name)),
        }
    }

    fn object(&mut self, name: &'static str) -> Result<Map<String, Value>, PlaintextError> {
        match self.take(name) {
            None => Ok(Map::new()),
            Some(Tree::Object(members)) => Ok(members.into_map()),
            Some(_) => Err(PlaintextError::Header(name)),
        }
    }

    fn id(&mut self, name: &'static str) -> Result<Option<MessageId>, PlaintextError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        MessageId::parse(&text)
            .map(Some)
            .map_err(|_| PlaintextError::Id(name))
    }

    /// TIM-01: whole seconds, in the range that every JSON reader keeps exact (formats.md §0).
    fn time(&mut self, name: &'static str) -> Result<Option<u64>, PlaintextError> {
        match self.take(name) {
            None => Ok(None),
            Some(Tree::Number(number)) => match number.as_u64() {
                Some(seconds) if seconds <= MAX_EXACT => Ok(Some(seconds)),
                _ => Err(PlaintextError::Time(name)),
            },
            Some(_) => Err(PlaintextError::Time(name)),
        }
    }

    fn attachments(&mut self) -> Result<Vec<Attachment>, PlaintextError> {
        let read = |(index, value): (_, Tree<'_>)| {
            Attachment::read(value.into_value())
                .map_err(|source| PlaintextError::Attachment { index, source })
        };
        self.array("attachments")?
            .into_iter()
            .enumerate()
            .map(read)
            .collect()
    }

    fn please_ack(&mut self) -> Result<Vec<PleaseAck>, PlaintextError> {
        let read = |text: Cow<'_, str>| match &*text {
            "" => Ok(PleaseAck::This),
            text => MessageId::parse(text)
                .map(PleaseAck::Message)
                .map_err(|_| PlaintextError::Id("please_ack")),
        };
        self.texts("please_ack")?.into_iter().map(read).collect()
    }

    fn ack(&mut self) -> Result<Vec<MessageId>, PlaintextError> {
        let read =
            |text: Cow<'_, str>| MessageId::parse(&text).map_err(|_| PlaintextError::Id("ack"));
        self.texts("ack")?.into_iter().map(read).collect()
    }

    /// What we don't know of asks for nothing.
    fn return_route(&mut self) -> Result<ReturnRoute, PlaintextError> {
        Ok(match self.text("return_route")?.as_deref() {
            Some("all") => ReturnRoute::All,
            Some("thread") => ReturnRoute::Thread,
            _ => ReturnRoute::None,
        })
    }
}

/// A DID, or the DID of a DID URL without fragment (MSG-06, MSG-07; ADR-01 compares DIDs only).
fn did(text: &str, header: &'static str) -> Result<Did, PlaintextError> {
    match DidUrl::parse(text) {
        Ok(url) if url.fragment().is_none() => Ok(url.did().clone()),
        _ => Err(PlaintextError::Did(header)),
    }
}

/// 2^53 - 1.
const MAX_EXACT: u64 = 9_007_199_254_740_991;
