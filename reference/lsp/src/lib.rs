//! A language server for the rule files of a role gate.
//!
//! A client sends messages, and reads the answers: problems of `_redirects`, `_headers` and `netlify.toml` as they are typed, what
//! to write instead, and who gets in by a rule. The text of an open document is what the client says it is; all else comes from
//! the disk. Nothing is written to the disk.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unwrap_used,
        reason = "a test that fails may panic"
    )
)]

mod actions;
mod checked;
mod hover;
mod lines;
mod session;
mod wire;

use std::io::{self, BufReader, Read, Write};
use std::sync::mpsc;
use std::thread;

use session::{Reply, Session};
use wire::Incoming;

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The client said that it would end, and ended.
    Orderly,
    /// It ended without a word.
    Abruptly,
}

/// Talks to a client until it leaves.
///
/// # Errors
/// Where `output` cannot be written to, or what comes in is no message at all, so that nobody knows where the next one begins.
pub fn serve(input: impl Read + Send + 'static, output: &mut impl Write) -> io::Result<Ended> {
    let (send, received) = mpsc::channel();
    // It ends with the input, which a client closes when it leaves.
    let reader = thread::Builder::new().name("lsp-reader".to_owned());
    reader.spawn(move || {
        let mut input = BufReader::new(input);
        loop {
            let message = wire::read(&mut input);
            let is_last = !matches!(message, Ok(Some(_)));
            if send.send(message).is_err() || is_last {
                return;
            }
        }
    })?;
    let mut session = Session::default();
    while let Ok(first) = received.recv() {
        // What is typed quickly is looked at once.
        let mut waiting = vec![first];
        waiting.extend(received.try_iter());
        for message in waiting {
            let replies = match message? {
                None => return Ok(session.ended()),
                Some(Incoming::Malformed(error)) => vec![Reply::Unaddressed(error)],
                Some(Incoming::Message(message)) => match session.handle(message) {
                    Some(replies) => replies,
                    None => return Ok(session.ended()),
                },
            };
            send_all(output, replies)?;
        }
        send_all(output, session.problems())?;
    }
    Ok(session.ended())
}

fn send_all(output: &mut impl Write, replies: Vec<Reply>) -> io::Result<()> {
    replies.into_iter().try_for_each(|reply| match reply {
        Reply::Message(message) => wire::write(output, &message),
        Reply::Unaddressed(error) => wire::write_unaddressed(output, &error),
    })
}
