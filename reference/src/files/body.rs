//! The body of an answer: bytes, or ranges of a file that are read while they are sent.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::entry::{Content, Stamp};

/// How much of a file is read at once.
const CHUNK: u64 = 64 * 1024;

/// The body of an answer. Its length is known beforehand, but for one that an upstream is still sending.
#[derive(Debug, Default)]
pub struct Body {
    /// What is sent next; most bodies are one piece.
    next: Option<Piece>,
    later: VecDeque<Piece>,
    file: Option<OnDisk>,
    reading: Option<JoinHandle<io::Result<(OnDisk, Bytes)>>>,
    /// What an upstream sends; then there is nothing else.
    stream: Option<UnsyncBoxBody<Bytes, io::Error>>,
    remaining: u64,
}

/// An open file, and the state that it was opened in.
#[derive(Debug)]
struct OnDisk {
    file: File,
    stamp: Stamp,
}

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    Range(Range<u64>),
}

impl Body {
    /// A body of these bytes.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Body {
        let mut body = Body::default();
        body.add_bytes(bytes.into());
        body
    }

    /// A body that comes from elsewhere while it is sent (PROXY-1).
    pub(crate) fn of_stream(stream: impl hyper::body::Body<Data = Bytes, Error = io::Error> + Send + 'static) -> Body {
        Body { stream: Some(UnsyncBoxBody::new(stream)), ..Body::default() }
    }

    /// A body of one range of a file.
    pub(crate) fn of_range(content: Content, range: Range<u64>) -> Body {
        let mut body = Body::default();
        let whole = body.take_file(content);
        body.add_range(whole.as_ref(), range);
        body
    }

    /// A body of several ranges of a file, each with bytes before it, and bytes at the end.
    pub(crate) fn of_parts(content: Content, parts: Vec<(String, Range<u64>)>, end: String) -> Body {
        let mut body = Body::default();
        let whole = body.take_file(content);
        for (before, range) in parts {
            body.add_bytes(before.into());
            body.add_range(whole.as_ref(), range);
        }
        body.add_bytes(end.into());
        body
    }

    /// How many octets are still to be sent.
    pub(crate) fn remaining(&self) -> u64 {
        self.remaining
    }

    fn take_file(&mut self, content: Content) -> Option<Bytes> {
        match content {
            Content::Whole(bytes) => Some(bytes),
            Content::OnDisk(file, stamp) => {
                self.file = Some(OnDisk { file, stamp });
                None
            }
        }
    }

    fn push(&mut self, piece: Piece) {
        match self.next {
            None => self.next = Some(piece),
            Some(_) => self.later.push_back(piece),
        }
    }

    fn add_bytes(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.remaining = self.remaining.saturating_add(bytes.len() as u64);
            self.push(Piece::Bytes(bytes));
        }
    }

    fn add_range(&mut self, whole: Option<&Bytes>, range: Range<u64>) {
        match whole {
            Some(bytes) => {
                let length = bytes.len();
                let at = |offset: u64| usize::try_from(offset).unwrap_or(length).min(length);
                let (start, end) = (at(range.start), at(range.end));
                self.add_bytes(bytes.slice(start.min(end)..end));
            }
            None if !range.is_empty() => {
                self.remaining = self.remaining.saturating_add(range.end - range.start);
                self.push(Piece::Range(range));
            }
            None => {}
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = &mut *self;
        if let Some(stream) = &mut body.stream {
            return Pin::new(stream).poll_frame(cx);
        }
        let bytes = loop {
            if let Some(reading) = &mut body.reading {
                let (file, bytes) = ready!(Pin::new(reading).poll(cx))??;
                body.reading = None;
                body.file = Some(file);
                break bytes;
            }
            let Some(piece) = body.next.take() else { return Poll::Ready(None) };
            body.next = body.later.pop_front();
            match piece {
                Piece::Bytes(bytes) => break bytes,
                Piece::Range(range) => {
                    let file = body.file.take().ok_or(io::ErrorKind::UnexpectedEof)?;
                    let end = range.end.min(range.start.saturating_add(CHUNK));
                    if end < range.end
                        && let Some(following) = body.next.replace(Piece::Range(end..range.end))
                    {
                        body.later.push_front(following);
                    }
                    let chunk = range.start..end;
                    body.reading = Some(tokio::task::spawn_blocking(move || read(file, chunk)));
                }
            }
        };
        body.remaining = body.remaining.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.as_ref().map_or(self.remaining == 0, hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.stream.as_ref().map_or_else(|| SizeHint::with_exact(self.remaining), hyper::body::Body::size_hint)
    }
}

/// Reads one chunk. Length and entity tag have been promised, so a file that has changed ends the connection.
fn read(mut on_disk: OnDisk, chunk: Range<u64>) -> io::Result<(OnDisk, Bytes)> {
    let OnDisk { file, stamp } = &mut on_disk;
    file.seek(SeekFrom::Start(chunk.start))?;
    let mut bytes = vec![0; usize::try_from(chunk.end - chunk.start).unwrap_or_default()];
    file.read_exact(&mut bytes)?;
    if !stamp.same_content(&Stamp::of(&file.metadata()?)) {
        return Err(io::Error::other("the file has changed while it was sent"));
    }
    Ok((on_disk, bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::io::Write;

    #[tokio::test]
    async fn ranges_of_a_file_and_of_bytes_are_the_same_body() {
        let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let parts = || vec![("a".to_owned(), 5..9), ("b".to_owned(), 100..180_000)];
        for content in [on_disk(file), Content::Whole(content.clone().into())] {
            let body = Body::of_parts(content, parts(), "end".to_owned());
            let length = body.remaining();
            let bytes = body.collect().await.unwrap().to_bytes();
            assert_eq!(bytes.len() as u64, length);
            assert_eq!(&bytes[..6], [b'a', 5, 6, 7, 8, b'b']);
            assert_eq!(bytes[6..bytes.len() - 3], (100..180_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_is_an_error() {
        for change in ["", "another", "same length"] {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"at the time").unwrap();
            let mut same = file.try_clone().unwrap();
            let body = Body::of_range(on_disk(file), 0..11);
            same.set_len(0).unwrap();
            same.rewind().unwrap();
            same.write_all(change.as_bytes()).unwrap();
            same.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
            assert!(body.collect().await.is_err(), "{change}");
        }
    }

    fn on_disk(file: File) -> Content {
        let stamp = Stamp::of(&file.metadata().unwrap());
        Content::OnDisk(file, stamp)
    }
}
