//! The body of an answer: bytes, or ranges of a file that are read while they are sent.

use std::any::Any;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use super::entry::{Content, Entry};

/// How much of a file is read at once.
const CHUNK: u64 = 64 * 1024;

/// The body of an answer. Its length is known beforehand, but for one that an upstream is still sending.
///
/// It is moved some ten times with every answer, so it is small: all that it holds is in a box.
#[derive(Debug)]
pub struct Body(Kind);

#[derive(Debug)]
enum Kind {
    /// No bytes.
    Empty,
    /// At hand, and sent as one piece.
    Bytes(Box<Bytes>),
    /// Several pieces, or ranges of a file that are read while they are sent.
    Pieces(Box<Pieces>),
    /// What an upstream sends.
    Stream(Box<UnsyncBoxBody<Bytes, io::Error>>),
}

#[derive(Debug, Default)]
struct Pieces {
    pieces: VecDeque<Piece>,
    file: Option<OnDisk>,
    reading: Option<JoinHandle<io::Result<(OnDisk, Bytes)>>>,
    remaining: u64,
    /// What is given back when the file is closed.
    place: Option<Box<dyn Any + Send>>,
}

/// An open file, and the entry that it is of.
#[derive(Debug)]
struct OnDisk {
    file: File,
    entry: Arc<Entry>,
}

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    Range(Range<u64>),
}

impl Default for Body {
    fn default() -> Body {
        Body(Kind::Empty)
    }
}

impl Body {
    /// A body of these bytes.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        Body(if bytes.is_empty() { Kind::Empty } else { Kind::Bytes(Box::new(bytes)) })
    }

    /// A body that comes from elsewhere while it is sent (PROXY-1).
    pub(crate) fn of_stream(stream: impl hyper::body::Body<Data = Bytes, Error = io::Error> + Send + 'static) -> Body {
        Body(Kind::Stream(Box::new(UnsyncBoxBody::new(stream))))
    }

    /// A body of one range of a file.
    pub(crate) fn of_range(content: Content, range: Range<u64>) -> Body {
        match content {
            Content::Whole(bytes) => Body::of(slice(&bytes, range)),
            Content::OnDisk(file, entry) => {
                let mut pieces = Pieces { file: Some(OnDisk { file, entry }), ..Pieces::default() };
                pieces.add(Piece::Range(range));
                Body(Kind::Pieces(Box::new(pieces)))
            }
        }
    }

    /// A body of several ranges of a file, each with bytes before it, and bytes at the end.
    pub(crate) fn of_parts(content: Content, parts: Vec<(String, Range<u64>)>, end: String) -> Body {
        let mut pieces = Pieces::default();
        let whole = match content {
            Content::Whole(bytes) => Some(bytes),
            Content::OnDisk(file, entry) => {
                pieces.file = Some(OnDisk { file, entry });
                None
            }
        };
        for (before, range) in parts {
            pieces.add(Piece::Bytes(before.into()));
            pieces.add(match &whole {
                Some(bytes) => Piece::Bytes(slice(bytes, range)),
                None => Piece::Range(range),
            });
        }
        pieces.add(Piece::Bytes(end.into()));
        Body(Kind::Pieces(Box::new(pieces)))
    }

    /// The same body, which gives `place` back when it has closed its file; at once where it has none open.
    #[must_use]
    pub(crate) fn holding(mut self, place: impl Send + 'static) -> Body {
        if let Kind::Pieces(pieces) = &mut self.0
            && pieces.file.is_some()
        {
            pieces.place = Some(Box::new(place));
        }
        self
    }

    /// The same body, which breaks off when `over` is ready.
    #[must_use]
    pub(crate) fn until(self, over: impl Future<Output = ()> + Send + 'static) -> Body {
        Body::of_stream(Until { body: self, over: Box::pin(over) })
    }

    /// How many bytes are still to be sent; of what an upstream sends nobody knows.
    pub(crate) fn remaining(&self) -> u64 {
        match &self.0 {
            Kind::Empty => 0,
            Kind::Bytes(bytes) => bytes.len() as u64,
            Kind::Pieces(pieces) => pieces.remaining,
            Kind::Stream(_) => 0,
        }
    }
}

/// A body that ends no later than something else.
struct Until {
    body: Body,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl hyper::body::Body for Until {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.over.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err(io::Error::other("what the answer stood on is no more"))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The range of a file that is in memory, as far as the file goes.
fn slice(whole: &Bytes, range: Range<u64>) -> Bytes {
    let length = whole.len();
    let at = |offset: u64| usize::try_from(offset).unwrap_or(length).min(length);
    let (start, end) = (at(range.start), at(range.end));
    whole.slice(start.min(end)..end)
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Range(range) => range.end.saturating_sub(range.start),
        }
    }
}

impl Pieces {
    fn add(&mut self, piece: Piece) {
        if piece.length() > 0 {
            self.remaining = self.remaining.saturating_add(piece.length());
            self.pieces.push_back(piece);
        }
    }

    /// The next bytes; a range is read chunk by chunk.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let bytes = loop {
            if let Some(reading) = &mut self.reading {
                let (file, bytes) = ready!(Pin::new(reading).poll(cx))??;
                self.reading = None;
                self.file = Some(file);
                break bytes;
            }
            match self.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => break bytes,
                Some(Piece::Range(range)) => {
                    let file = self.file.take().ok_or(io::ErrorKind::UnexpectedEof)?;
                    let end = range.end.min(range.start.saturating_add(CHUNK));
                    if end < range.end {
                        self.pieces.push_front(Piece::Range(end..range.end));
                    }
                    let chunk = range.start..end;
                    self.reading = Some(tokio::task::spawn_blocking(move || read(file, chunk)));
                }
            }
        };
        self.remaining = self.remaining.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(bytes)))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Bytes(bytes) => {
                let bytes = std::mem::take(&mut **bytes);
                self.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Pieces(pieces) => pieces.poll_next(cx).map_ok(Frame::data),
            Kind::Stream(stream) => Pin::new(stream.as_mut()).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Stream(stream) => stream.is_end_stream(),
            Kind::Empty | Kind::Bytes(_) | Kind::Pieces(_) => self.remaining() == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Stream(stream) => stream.size_hint(),
            Kind::Empty | Kind::Bytes(_) | Kind::Pieces(_) => SizeHint::with_exact(self.remaining()),
        }
    }
}

/// Reads one chunk. Length and entity tag have been promised, so a file that has changed ends the connection.
fn read(mut on_disk: OnDisk, chunk: Range<u64>) -> io::Result<(OnDisk, Bytes)> {
    let OnDisk { file, entry } = &mut on_disk;
    file.seek(SeekFrom::Start(chunk.start))?;
    let mut bytes = vec![0; usize::try_from(chunk.end - chunk.start).unwrap_or_default()];
    file.read_exact(&mut bytes)?;
    if !entry.is_still_in(file) {
        return Err(io::Error::other("the file has changed while it was sent"));
    }
    Ok((on_disk, bytes.into()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn an_answer_is_small() {
        // As much as a compiler copies in place; what is larger is copied by a call.
        assert!(size_of::<hyper::Response<Body>>() <= 128);
    }

    #[tokio::test]
    async fn ranges_of_a_file_and_of_bytes_are_the_same_body() {
        let content: Vec<u8> = (0..200_000_u32).map(|n| (n % 251) as u8).collect();
        let (_folder, file) = on_disk(&content).await;
        let parts = || vec![("a".to_owned(), 5..9), ("b".to_owned(), 100..180_000)];
        for content in [file, Content::Whole(content.clone().into())] {
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
            let (folder, file) = on_disk(b"at the time").await;
            let path = folder.path().join("file");
            let time = path.metadata().unwrap().modified().unwrap();
            let body = Body::of_range(file, 0..11);
            fs::write(&path, change).unwrap();
            // Whoever writes it can set its time as it was.
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
            assert!(body.collect().await.is_err(), "{change}");
        }
    }

    #[tokio::test]
    async fn a_file_that_loses_its_name_is_sent_to_its_end() {
        let (folder, file) = on_disk(b"at the time").await;
        let body = Body::of_range(file, 0..11);
        fs::write(folder.path().join("new"), "another one").unwrap();
        fs::rename(folder.path().join("new"), folder.path().join("file")).unwrap();
        assert_eq!(body.collect().await.unwrap().to_bytes(), "at the time");
    }

    async fn on_disk(content: &[u8]) -> (tempfile::TempDir, Content) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("file");
        fs::write(&path, content).unwrap();
        let entry = Arc::new(Entry::read(path, "/file", false).unwrap());
        let (content, _) = entry.stored().content().await.unwrap();
        (folder, content)
    }
}
