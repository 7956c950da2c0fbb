//! Evidence as the JSON report holds it, so that a report that is read back can be told in every other format.
//!
//! Bytes are text where they are UTF-8, and base64 where they are not.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::aggregate::timestamp;
use super::evidence::Evidence;
use crate::wire::{Answer, Client, End, Exchange, Response, Sent, Target, Trust};

/// What was sent and what came back: secrets replaced, long bytes cut.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
pub struct ExchangeRecord {
    /// Whom: scheme and authority.
    pub origin: String,
    /// The address that was connected to, if it is not what the name resolves to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect_to: Option<String>,
    /// Who sent it.
    pub client: ClientName,
    /// When, as RFC 3339 has it, in UTC.
    pub started: String,
    /// The request.
    pub request: RequestRecord,
    /// What came back.
    pub answer: AnswerRecord,
    /// How long the body of the answer was, in bytes, before it was cut.
    pub body_length: usize,
    /// How many bytes came on the connection.
    pub wire_length: usize,
    /// A command line that asks the same again.
    pub again: String,
}

/// Who sends.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientName {
    /// An ordinary HTTP client.
    Plain,
    /// A wire that changes no byte.
    Raw,
}

/// A request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
pub struct RequestRecord {
    /// The whole request, if it was written as a whole; then nothing else stands here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Bytes>,
    /// The method.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The request target.
    #[serde(default, skip_serializing_if = "Bytes::is_empty")]
    pub target: Bytes,
    /// The value of `Host`.
    #[serde(default, skip_serializing_if = "Bytes::is_empty")]
    pub host: Bytes,
    /// Names and values, in order, without `Host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Bytes)>,
    /// The body.
    #[serde(default, skip_serializing_if = "Bytes::is_empty")]
    pub body: Bytes,
}

/// What came back.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum AnswerRecord {
    /// The connection ended without a response.
    Closed {
        /// What came before it did.
        wire: Bytes,
    },
    /// A response.
    Response {
        /// The status code.
        status: u16,
        /// Names in lower case and values, in order.
        headers: Vec<(String, Bytes)>,
        /// The body without its transfer coding.
        body: Bytes,
        /// Every byte that came on the connection.
        wire: Bytes,
        /// Why it is not whole: the connection ended before it, the time limit came, or it was longer than is read. Absent where it is whole.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cut: Option<CutName>,
    },
    /// Nothing, or not all, within the time limit.
    TimedOut {
        /// What came within it.
        wire: Bytes,
    },
    /// More than is read of one answer, without a response in it.
    TooLong {
        /// What came first.
        wire: Bytes,
    },
}

/// Why a response is not whole.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutName {
    /// The connection ended before it did.
    Closed,
    /// The time limit came before its end.
    TimedOut,
    /// It was longer than is read of one answer.
    TooLong,
}

/// Bytes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Bytes {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Binary {
        /// In base64, with padding.
        base64: String,
    },
}

impl ExchangeRecord {
    /// The record of what was kept.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        let Exchange { sent, client, answer, started, elapsed: _ } = &evidence.exchange;
        Self {
            origin: evidence.target.origin(),
            connect_to: evidence.target.connect_to.map(|address| address.to_string()),
            client: match client {
                Client::Plain => ClientName::Plain,
                Client::Raw => ClientName::Raw,
            },
            started: timestamp(*started),
            request: RequestRecord {
                raw: sent.raw.as_deref().map(Bytes::of),
                method: sent.method.clone(),
                target: Bytes::of(&sent.target),
                host: Bytes::of(&sent.host),
                headers: headers(&sent.headers),
                body: Bytes::of(&sent.body),
            },
            answer: match answer {
                Answer::Closed(wire) => AnswerRecord::Closed { wire: Bytes::of(wire) },
                Answer::TimedOut(wire) => AnswerRecord::TimedOut { wire: Bytes::of(wire) },
                Answer::TooLong(wire) => AnswerRecord::TooLong { wire: Bytes::of(wire) },
                Answer::Response(response) => AnswerRecord::Response {
                    status: response.status,
                    headers: headers(&response.headers),
                    body: Bytes::of(&response.body),
                    wire: Bytes::of(&response.wire),
                    cut: match response.end {
                        End::Whole => None,
                        End::Closed => Some(CutName::Closed),
                        End::TimedOut => Some(CutName::TimedOut),
                        End::TooLong => Some(CutName::TooLong),
                    },
                },
            },
            body_length: evidence.body_length,
            wire_length: evidence.wire_length,
            again: evidence.again.clone(),
        }
    }

    /// What was kept; `elapsed` stands beside the record.
    ///
    /// # Errors
    /// A member that no record has.
    pub fn evidence(&self, elapsed: Duration) -> Result<Evidence, String> {
        let started = DateTime::parse_from_rfc3339(&self.started)
            .map_err(|error| format!("`started: {}`: {error}", self.started))?;
        let request = &self.request;
        Ok(Evidence {
            target: self.target()?,
            exchange: Exchange {
                sent: Sent {
                    method: request.method.clone(),
                    target: request.target.bytes()?,
                    host: request.host.bytes()?,
                    headers: read_headers(&request.headers)?,
                    body: request.body.bytes()?,
                    raw: request.raw.as_ref().map(Bytes::bytes).transpose()?,
                    responses: 1,
                    byte_exact: self.client == ClientName::Raw,
                    linger: Duration::ZERO,
                },
                client: match self.client {
                    ClientName::Plain => Client::Plain,
                    ClientName::Raw => Client::Raw,
                },
                answer: self.answer.answer()?,
                started: started.with_timezone(&Utc).into(),
                elapsed,
            },
            again: self.again.clone(),
            body_length: self.body_length,
            wire_length: self.wire_length,
        })
    }

    fn target(&self) -> Result<Target, String> {
        let url = url::Url::parse(&self.origin).map_err(|error| format!("`origin: {}`: {error}", self.origin))?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(format!("`origin: {}` names no host", self.origin));
        };
        let connect_to = self.connect_to.as_deref().map(str::parse).transpose();
        Ok(Target {
            https: url.scheme() == "https",
            host: host.to_owned(),
            port,
            connect_to: connect_to.map_err(|error| format!("`connect_to`: {error}"))?,
            trust: Trust::default(),
        })
    }
}

impl AnswerRecord {
    fn answer(&self) -> Result<Answer, String> {
        Ok(match self {
            Self::Closed { wire } => Answer::Closed(wire.bytes()?),
            Self::TimedOut { wire } => Answer::TimedOut(wire.bytes()?),
            Self::TooLong { wire } => Answer::TooLong(wire.bytes()?),
            Self::Response { status, headers, body, wire, cut } => Answer::Response(Box::new(Response {
                status: *status,
                headers: read_headers(headers)?,
                body: body.bytes()?,
                wire: wire.bytes()?,
                earlier: 0,
                then_closed: false,
                end: match cut {
                    None => End::Whole,
                    Some(CutName::Closed) => End::Closed,
                    Some(CutName::TimedOut) => End::TimedOut,
                    Some(CutName::TooLong) => End::TooLong,
                },
            })),
        })
    }
}

impl Bytes {
    /// Bytes as they are told.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Binary { base64: BASE64_STANDARD.encode(bytes) },
        }
    }

    /// The bytes.
    ///
    /// # Errors
    /// What is no base64.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Binary { base64 } => BASE64_STANDARD.decode(base64).map_err(|error| format!("`base64`: {error}")),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

fn headers(fields: &[(String, Vec<u8>)]) -> Vec<(String, Bytes)> {
    fields.iter().map(|(name, value)| (name.clone(), Bytes::of(value))).collect()
}

fn read_headers(fields: &[(String, Bytes)]) -> Result<Vec<(String, Vec<u8>)>, String> {
    fields.iter().map(|(name, value)| Ok((name.clone(), value.bytes()?))).collect()
}
