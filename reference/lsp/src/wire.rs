//! Messages on a stream: header fields, an empty line, and as many bytes of JSON as `Content-Length` says (LSP 3.17, base protocol).

use std::io::{self, BufRead, ErrorKind, Read, Write};

use lsp_server::{ErrorCode, Message, ResponseError};
use serde::Serialize;
use serde_json::{Value, json};

/// No message is longer; a rule file has 16 MiB at most.
const MOST: usize = 64 * 1024 * 1024;

/// No line of the header is longer.
const MOST_OF_A_LINE: u64 = 4096;

/// What a client sends.
#[derive(Debug)]
pub(crate) enum Incoming {
    Message(Message),
    /// The bytes of a message that is none; the next one begins where it should.
    Malformed(ResponseError),
}

/// The next message; `None` where the stream ends before one.
pub(crate) fn read(input: &mut impl BufRead) -> io::Result<Option<Incoming>> {
    let Some(length) = length(input)? else { return Ok(None) };
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let value: Value = match serde_json::from_slice(&body) {
        Ok(value) => value,
        Err(error) => return Ok(Some(malformed(ErrorCode::ParseError, &error))),
    };
    Ok(Some(match serde_json::from_value(value) {
        Ok(message) => Incoming::Message(message),
        Err(error) => malformed(ErrorCode::InvalidRequest, &error),
    }))
}

fn malformed(code: ErrorCode, error: &serde_json::Error) -> Incoming {
    Incoming::Malformed(ResponseError { code: number(code), message: error.to_string(), data: None })
}

/// The number of a code.
#[expect(clippy::as_conversions, reason = "the enum is its numbers")]
pub(crate) fn number(code: ErrorCode) -> i32 {
    code as i32
}

/// What the header says; `None` where the stream ends before it.
fn length(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let broken = |what: &str| io::Error::new(ErrorKind::InvalidData, what.to_owned());
    let mut length = None;
    let mut is_begun = false;
    loop {
        let mut line = Vec::new();
        input.by_ref().take(MOST_OF_A_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return if is_begun { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
        }
        is_begun = true;
        let line = String::from_utf8(line).map_err(|_| broken("a header field is no text"))?;
        let Some(line) = line.strip_suffix('\n') else { return Err(broken("a header field does not end")) };
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            let length = length.ok_or_else(|| broken("there is no Content-Length"))?;
            return if length > MOST { Err(broken("a message is too long")) } else { Ok(Some(length)) };
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken("a header field has no colon"))?;
        if name.trim().eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse().map_err(|_| broken("Content-Length is no number"))?);
        }
    }
}

/// Writes a message.
pub(crate) fn write(output: &mut impl Write, message: &Message) -> io::Result<()> {
    message.write(output)?;
    output.flush()
}

/// Writes an error to a message of which nobody knows the id (JSON-RPC 2.0 §5.1).
pub(crate) fn write_unaddressed(output: &mut impl Write, error: &impl Serialize) -> io::Result<()> {
    let text = json!({ "jsonrpc": "2.0", "id": null, "error": error }).to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &str) -> Vec<String> {
        let mut input = bytes.as_bytes();
        let mut found = Vec::new();
        loop {
            match read(&mut input) {
                Ok(None) => return found,
                Ok(Some(Incoming::Message(Message::Notification(note)))) => found.push(note.method),
                Ok(Some(Incoming::Message(other))) => found.push(format!("{other:?}")),
                Ok(Some(Incoming::Malformed(error))) => found.push(error.code.to_string()),
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    }

    #[test]
    fn messages_and_what_is_none() {
        for (bytes, expected) in [
            ("", vec![]),
            ("Content-Length: 14\r\n\r\n{\"method\":\"a\"}content-length:14\n\n{\"method\":\"b\"}", vec!["a", "b"]),
            ("Content-Type: x\r\nContent-Length: 14\r\n\r\n{\"method\":\"a\"}", vec!["a"]),
            ("Content-Length: 3\r\n\r\n{]}Content-Length: 14\r\n\r\n{\"method\":\"a\"}", vec!["-32700", "a"]),
            ("Content-Length: 2\r\n\r\n[]Content-Length: 14\r\n\r\n{\"method\":\"a\"}", vec!["-32600", "a"]),
            ("Content-Length: 99\r\n\r\n{}", vec!["failed to fill whole buffer"]),
            ("Content-Length: x\r\n\r\n{}", vec!["Content-Length is no number"]),
            ("Content-Length: 99999999999\r\n\r\n{}", vec!["a message is too long"]),
            ("\r\n", vec!["there is no Content-Length"]),
            ("GET / HTTP/1.1\r\n", vec!["a header field has no colon"]),
            ("Content-Length: 2", vec!["a header field does not end"]),
        ] {
            assert_eq!(all(bytes), expected, "{bytes:?}");
        }
    }
}
