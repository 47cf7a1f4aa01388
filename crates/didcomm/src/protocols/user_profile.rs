//! user-profile/1.0: what somebody wants to be shown as (USR-01).
//!
//! Claims for people, proved by nothing: a name in a profile is not the name of who sent it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{Body, BodyError};
use crate::{Attachment, MessageId, Plaintext};

/// Changes to the sender's profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Profile {
    /// What changes.
    pub profile: Fields,
    /// Whether the sender asks for the reader's profile.
    #[serde(default, skip_serializing_if = "is_false")]
    pub send_back_yours: bool,
}

/// The fields of a profile, each as a [`Field`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Fields {
    /// A name, in the message's language.
    #[serde(skip_serializing_if = "Field::is_unchanged")]
    pub display_name: Field,
    /// The id of an attachment with a picture, after `#`; see [`Profile::picture`].
    #[serde(skip_serializing_if = "Field::is_unchanged")]
    pub display_picture: Field,
    /// A text about its subject.
    #[serde(skip_serializing_if = "Field::is_unchanged")]
    pub description: Field,
    /// Fields that nobody here knows.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// What becomes of a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Field {
    /// It goes: `null` or an empty text.
    Removed,
    /// It has this value from now on; never empty.
    Set(String),
    /// It stays as it was: absent.
    #[default]
    Unchanged,
}

/// Asks for a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RequestProfile {
    /// The names of the fields that are wanted; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<String>,
}

impl Body for Profile {
    const TYPE: &'static str = "https://didcomm.org/user-profile/1.0/profile";
}

impl Body for RequestProfile {
    const TYPE: &'static str = "https://didcomm.org/user-profile/1.0/request-profile";
}

impl Profile {
    /// Longest field, in octets.
    pub const FIELD_MAX: usize = 4096;

    /// Says what changes, without asking for anything.
    pub fn of(profile: Fields) -> Self {
        Self {
            profile,
            send_back_yours: false,
        }
    }

    /// Reads a profile; no known field may be longer than [`Profile::FIELD_MAX`].
    ///
    /// # Errors
    /// [`BodyError`].
    pub fn read(message: &Plaintext) -> Result<Self, BodyError> {
        let profile = Self::read_body(message)?;
        let fields = &profile.profile;
        let known = [
            &fields.display_name,
            &fields.display_picture,
            &fields.description,
        ];
        if !known.into_iter().all(Field::is_bounded) {
            return Err(BodyError::Body);
        }
        Ok(profile)
    }

    /// The picture, if one is set and came with the message. What it links to is fetched only as
    /// policy permits (ATT-08).
    pub fn picture<'a>(&self, message: &'a Plaintext) -> Option<&'a Attachment> {
        let Field::Set(reference) = &self.profile.display_picture else {
            return None;
        };
        let id = reference.strip_prefix('#')?;
        let mut attachments = message.attachments.iter();
        attachments.find(|attachment| attachment.id.as_deref() == Some(id))
    }

    /// The profile that `request` asks for, as a thread below it. It never asks back.
    ///
    /// `None` if the message asks for no profile.
    pub fn sent_back(mine: &Fields, request: &Plaintext, id: MessageId) -> Option<Plaintext> {
        let wanted = match Self::read(request) {
            Ok(profile) if profile.send_back_yours => mine.clone(),
            Ok(_) => return None,
            Err(_) => mine.only(&RequestProfile::read_body(request).ok()?),
        };
        let mut message = Self::of(wanted).message(id);
        message.pthid = Some(request.id.clone());
        Some(message)
    }
}

impl Fields {
    /// Takes changes over.
    pub fn apply(&mut self, changes: &Self) {
        let pairs = [
            (&mut self.display_name, &changes.display_name),
            (&mut self.display_picture, &changes.display_picture),
            (&mut self.description, &changes.description),
        ];
        for (field, change) in pairs {
            match change {
                Field::Removed => *field = Field::Unchanged,
                Field::Set(_) => field.clone_from(change),
                Field::Unchanged => {}
            }
        }
    }

    /// The fields that are asked for; of these, the ones that are known.
    fn only(&self, request: &RequestProfile) -> Self {
        let is_wanted =
            |name: &str| request.query.is_empty() || request.query.iter().any(|it| it == name);
        let wanted = |name: &str, field: &Field| match is_wanted(name) {
            true => field.clone(),
            false => Field::Unchanged,
        };
        Self {
            display_name: wanted("displayName", &self.display_name),
            display_picture: wanted("displayPicture", &self.display_picture),
            description: wanted("description", &self.description),
            extra: Map::new(),
        }
    }
}

impl Field {
    fn is_unchanged(&self) -> bool {
        *self == Self::Unchanged
    }

    fn is_bounded(&self) -> bool {
        !matches!(self, Self::Set(text) if text.len() > Profile::FIELD_MAX)
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(text) => serializer.serialize_str(text),
            Self::Removed | Self::Unchanged => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text
            .filter(|text| !text.is_empty())
            .map_or(Self::Removed, Self::Set))
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests;
