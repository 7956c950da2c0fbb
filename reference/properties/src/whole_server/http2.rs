//! A connection of HTTP/2, with the client that hyper has.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rolegate::edge::Connection;
use tokio::io::DuplexStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::answers::Answer;
use super::http1::Served;
use super::requests::Asked;
use super::verdict::Court;
use crate::small::Picks;

const PATIENCE: Duration = Duration::from_secs(300);

/// A connection, and the requests on it.
#[derive(Debug)]
pub(super) struct Http2 {
    client: SendRequest<Full<Bytes>>,
    connection: Connection,
    driver: JoinHandle<()>,
    server: JoinHandle<()>,
    polls: Arc<std::sync::atomic::AtomicUsize>,
    /// The server stops when it is gone.
    _stop: Option<oneshot::Sender<Infallible>>,
    streams: Vec<Stream>,
    asked: usize,
}

/// A request under way.
#[derive(Debug)]
struct Stream {
    asked: Asked,
    answer: JoinHandle<Result<Answer, hyper::Error>>,
    /// The client takes the body from here on.
    take: Arc<Notify>,
}

/// A request as the script says it.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) host: &'static str,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: &'static [u8],
    /// The body of the answer is left lying.
    pub(super) slow: bool,
}

impl Http2 {
    /// `None` where the server does not speak it.
    pub(super) async fn open(served: Served, connection: Connection, picks: &mut Picks<'_>) -> Option<Http2> {
        let Served { stream, task, polls, stop } = served;
        let mut builder = Builder::new(TokioExecutor::new());
        let window = [65_535, 0, 1, 100, 16_384].get(picks.number() % 5).copied().unwrap_or(65_535);
        builder.initial_stream_window_size(window);
        let shaken = builder.handshake::<TokioIo<DuplexStream>, Full<Bytes>>(TokioIo::new(stream)).await;
        let (client, driven) = shaken.ok()?;
        let driver = tokio::spawn(async move { drop(driven.await) });
        Some(Http2 { client, connection, driver, server: task, polls, _stop: stop, streams: Vec::new(), asked: 0 })
    }

    pub(super) async fn ask(&mut self, wanted: Wanted, court: &Court<'_>) {
        let uri = Uri::builder().scheme("http").authority(wanted.host).path_and_query(wanted.target.as_str()).build();
        let Ok(uri) = uri else { return };
        let mut request = Request::new(Full::new(Bytes::from_static(wanted.body)));
        *request.uri_mut() = uri.clone();
        let Ok(method) = wanted.method.parse() else { return };
        *request.method_mut() = method;
        let mut fields = Vec::new();
        for (name, value) in wanted.fields {
            if let (Ok(name), Ok(checked)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value))
            {
                request.headers_mut().append(&name, checked);
                fields.push((name.as_str().to_owned(), value));
            }
        }
        if timeout(PATIENCE, self.client.ready()).await.is_err() {
            return;
        }
        self.asked += 1;
        let asked = Asked::of_http2(&wanted.method, &uri, fields, court.history.len().saturating_sub(1));
        let answering = self.client.send_request(request);
        let take = Arc::new(Notify::new());
        if !wanted.slow {
            take.notify_one();
        }
        let taken = Arc::clone(&take);
        let answer = tokio::spawn(async move {
            let (head, mut body) = answering.await?.into_parts();
            taken.notified().await;
            let mut bytes = Vec::new();
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(data) = frame.into_data() {
                    bytes.extend_from_slice(&data);
                }
            }
            Ok(Answer::of(head.status.as_u16(), &head.headers, bytes))
        });
        self.streams.push(Stream { asked, answer, take });
    }

    /// Judges what has been answered.
    pub(super) async fn take(&mut self, court: &Court<'_>) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (ended, open) =
            std::mem::take(&mut self.streams).into_iter().partition(|stream| stream.answer.is_finished());
        self.streams = open;
        for stream in ended {
            self.judge(stream, court).await;
        }
    }

    async fn judge(&self, stream: Stream, court: &Court<'_>) {
        stream.take.notify_one();
        let answer = timeout(PATIENCE, stream.answer).await;
        assert!(answer.is_ok(), "neither an answer nor an end\n{:?}", stream.asked);
        // A stream may be reset, such as one whose answer breaks off at the upstream.
        if let Ok(Ok(Ok(answer))) = answer {
            court.judge(self.connection, &stream.asked, &answer);
        }
    }

    /// Resets one of the streams.
    pub(super) fn reset(&mut self, number: usize) {
        if !self.streams.is_empty() {
            let stream = self.streams.swap_remove(number % self.streams.len());
            stream.answer.abort();
        }
    }

    /// Takes the rest, ends the connection and waits for the server's end.
    pub(super) async fn finish(mut self, court: &Court<'_>) {
        for stream in std::mem::take(&mut self.streams) {
            self.judge(stream, court).await;
        }
        let Http2 { client, driver, server, polls, asked, .. } = self;
        drop(client);
        let driven = timeout(PATIENCE, driver).await;
        assert!(driven.is_ok(), "a connection of HTTP/2 does not end");
        let served = timeout(PATIENCE, server).await;
        assert!(matches!(served, Ok(Ok(()))), "the task of a connection ends: {served:?}");
        let polls = polls.load(Relaxed);
        assert!(polls < 2000 + 30_000 * asked, "{polls} polls for {asked} requests");
    }
}
