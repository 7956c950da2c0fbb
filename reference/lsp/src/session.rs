//! A conversation with one client: which documents are open, and what each message is answered with.

use lsp_server::{ErrorCode, Message, Notification, Request, RequestId, Response, ResponseError};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability, CodeDescription, Diagnostic,
    DiagnosticSeverity, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, Hover,
    HoverContents, HoverParams, HoverProviderCapability, InitializeResult, MarkupContent, MarkupKind, NumberOrString,
    Position, PositionEncodingKind, PublishDiagnosticsParams, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Uri,
};
use rolegate::problem::{Problem, Severity};
use rolegate::span::RuleFile;
use rolegate_check::InWords as _;
use rolegate_check::catalogue;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::checked::{Checked, Document, Open, Sites, kind, path_of};
use crate::lines::Lines;
use crate::wire::number;
use crate::{Ended, actions, hover};

/// Where each kind of problem is described.
const LINTS: &str = "https://github.com/gatecheck/gatecheck/blob/main/reference/LINTS.md";

/// What goes back to the client.
#[derive(Debug)]
pub(crate) enum Reply {
    Message(Message),
    /// To a message of which nobody knows the id.
    Unaddressed(ResponseError),
}

/// How far a conversation has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Before,
    Open,
    ShutDown,
}

/// A conversation.
#[derive(Default)]
pub(crate) struct Session {
    stage: Stage,
    open: Open,
    sites: Sites,
    /// Whether something has changed since problems were last told.
    is_stale: bool,
    /// Documents that were closed, whose problems are to be taken back.
    closed: Vec<Uri>,
}

/// Why a request is not answered.
struct Refused(ErrorCode, String);

impl Session {
    /// Answers a message; `None` where the client has left.
    pub(crate) fn handle(&mut self, message: Message) -> Option<Vec<Reply>> {
        match message {
            Message::Request(request) => Some(vec![self.request(request)]),
            Message::Notification(note) if note.method == "exit" => None,
            Message::Notification(note) => {
                // What is no notification of the protocol is left alone, and so is one that cannot be read.
                if self.stage == Stage::Open {
                    let _unread = self.notification(note);
                }
                Some(Vec::new())
            }
            // Nothing is asked of the client.
            Message::Response(_) => Some(Vec::new()),
        }
    }

    pub(crate) fn ended(&self) -> Ended {
        if self.stage == Stage::ShutDown { Ended::Orderly } else { Ended::Abruptly }
    }

    fn request(&mut self, request: Request) -> Reply {
        let Request { id, method, params } = request;
        let answer = match (self.stage, method.as_str()) {
            (Stage::Before, "initialize") => {
                self.stage = Stage::Open;
                value(capabilities())
            }
            (Stage::Before, _) => Err(Refused(ErrorCode::ServerNotInitialized, "`initialize` comes first".to_owned())),
            (Stage::ShutDown, _) => Err(Refused(ErrorCode::InvalidRequest, "it was shut down".to_owned())),
            (Stage::Open, "initialize") => {
                Err(Refused(ErrorCode::InvalidRequest, "`initialize` comes once".to_owned()))
            }
            (Stage::Open, "shutdown") => {
                self.stage = Stage::ShutDown;
                Ok(Value::Null)
            }
            (Stage::Open, "textDocument/hover") => read(params).and_then(|params| self.hover(&params)),
            (Stage::Open, "textDocument/codeAction") => read(params).and_then(|params| self.actions(&params)),
            (Stage::Open, _) => Err(Refused(ErrorCode::MethodNotFound, format!("`{method}` is not answered here"))),
        };
        Reply::Message(Message::Response(response(id, answer)))
    }

    fn notification(&mut self, note: Notification) -> Result<(), Refused> {
        match note.method.as_str() {
            "textDocument/didOpen" => {
                let DidOpenTextDocumentParams { text_document } = read(note.params)?;
                if let Some(path) = path_of(&text_document.uri) {
                    self.sites.forget();
                    let document = Document { uri: text_document.uri, text: text_document.text };
                    self.closed.retain(|uri| *uri != document.uri);
                    self.open.insert(path, document);
                }
            }
            "textDocument/didChange" => {
                let DidChangeTextDocumentParams { text_document, content_changes } = read(note.params)?;
                let document = path_of(&text_document.uri).and_then(|path| self.open.get_mut(&path));
                let Some(Document { text, .. }) = document else { return Ok(()) };
                for change in content_changes {
                    match change.range {
                        None => *text = change.text,
                        Some(range) => {
                            let lines = Lines::new(text);
                            let (start, end) = (lines.offset(range.start), lines.offset(range.end));
                            text.replace_range(start..end.max(start), &change.text);
                        }
                    }
                }
            }
            "textDocument/didClose" => {
                let DidCloseTextDocumentParams { text_document } = read(note.params)?;
                if let Some(document) = path_of(&text_document.uri).and_then(|path| self.open.remove(&path)) {
                    self.closed.push(document.uri);
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => self.sites.forget(),
            _ => return Ok(()),
        }
        self.is_stale = true;
        Ok(())
    }

    /// The problems of each open document, where they may have changed since they were last told.
    pub(crate) fn problems(&mut self) -> Vec<Reply> {
        if !std::mem::take(&mut self.is_stale) {
            return Vec::new();
        }
        let closed = std::mem::take(&mut self.closed).into_iter();
        let mut told: Vec<PublishDiagnosticsParams> =
            closed.map(|uri| PublishDiagnosticsParams::new(uri, Vec::new(), None)).collect();
        for (path, Document { uri, text }) in &self.open {
            let Some(file) = kind(path) else { continue };
            let checked = self.sites.check(path, file, &self.open);
            let lines = Lines::new(text);
            let own = checked.problems.iter().filter(|problem| problem.span.file == file);
            let notes = checked.notes.iter().map(|note| Diagnostic {
                severity: Some(severity(note.severity)),
                source: Some("rolegate".to_owned()),
                message: format!("{}\nhelp: {}", note.message, note.help),
                ..Diagnostic::default()
            });
            let problems = notes.chain(own.map(|problem| diagnostic(problem, &lines))).collect();
            told.push(PublishDiagnosticsParams::new(uri.clone(), problems, None));
        }
        let note = |told| Notification::new("textDocument/publishDiagnostics".to_owned(), told);
        told.into_iter().map(|told| Reply::Message(Message::Notification(note(told)))).collect()
    }

    fn hover(&mut self, params: &HoverParams) -> Result<Value, Refused> {
        let HoverParams { text_document_position_params: at, .. } = params;
        let Some((checked, file, text)) = self.look(&at.text_document.uri) else { return Ok(Value::Null) };
        let lines = Lines::new(&text);
        let offset = lines.offset(at.position);
        let Some(place) = hover::rule_at(&checked, file, &lines, &text, offset) else { return Ok(Value::Null) };
        let hover = hover::text(&checked, &self.sites, place).map(|value| Hover {
            contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
            range: checked.rules.rules().get(place).map(|rule| lines.range(rule.span.start..rule.span.end)),
        });
        value(hover)
    }

    fn actions(&mut self, params: &CodeActionParams) -> Result<Value, Refused> {
        let is_asked = |only: &Vec<CodeActionKind>| only.iter().any(|kind| matches!(kind.as_str(), "" | "quickfix"));
        let is_asked = params.context.only.as_ref().is_none_or(is_asked);
        let looked = self.look(&params.text_document.uri).filter(|_| is_asked);
        let Some((checked, file, text)) = looked else { return Ok(json!([])) };
        let lines = Lines::new(&text);
        let (start, end) = (params.range.start, params.range.end);
        let touches = |problem: &&Problem| {
            let own = lines.range(problem.span.start..problem.span.end);
            own.start <= end && start <= own.end
        };
        let problems = checked.problems.iter().filter(|problem| problem.span.file == file).filter(touches);
        value(problems.flat_map(|problem| actions::of(problem, &lines, &checked)).collect::<Vec<_>>())
    }

    fn look(&mut self, uri: &Uri) -> Option<(Checked, RuleFile, String)> {
        let path = path_of(uri)?;
        let (file, text) = (kind(&path)?, self.open.get(&path)?.text.clone());
        Some((self.sites.check(&path, file, &self.open), file, text))
    }
}

fn read<P: DeserializeOwned>(params: Value) -> Result<P, Refused> {
    serde_json::from_value(params).map_err(|error| Refused(ErrorCode::InvalidParams, error.to_string()))
}

fn value(answer: impl serde::Serialize) -> Result<Value, Refused> {
    serde_json::to_value(answer).map_err(|error| Refused(ErrorCode::InternalError, error.to_string()))
}

fn response(id: RequestId, answer: Result<Value, Refused>) -> Response {
    match answer {
        Ok(value) => Response::new_ok(id, value),
        Err(Refused(code, message)) => Response::new_err(id, number(code), message),
    }
}

fn capabilities() -> InitializeResult {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
        ..TextDocumentSyncOptions::default()
    };
    let actions =
        CodeActionOptions { code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]), ..CodeActionOptions::default() };
    InitializeResult {
        capabilities: ServerCapabilities {
            // Every client knows it.
            position_encoding: Some(PositionEncodingKind::UTF16),
            text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            code_action_provider: Some(CodeActionProviderCapability::Options(actions)),
            ..ServerCapabilities::default()
        },
        server_info: Some(ServerInfo {
            name: "rolegate".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    }
}

/// A problem as clients show it.
pub(crate) fn diagnostic(problem: &Problem, lines: &Lines<'_>) -> Diagnostic {
    let described = catalogue::find(problem.id).and_then(|entry| format!("{LINTS}#{}", entry.id).parse().ok());
    let mut range = lines.range(problem.span.start..problem.span.end);
    if range.start == range.end {
        // What has no width is not seen.
        range.end = Position { character: range.end.character.saturating_add(1), ..range.end };
    }
    Diagnostic {
        range,
        severity: Some(severity(problem.severity)),
        code: Some(NumberOrString::String(problem.id.to_owned())),
        code_description: described.map(|href| CodeDescription { href }),
        source: Some("rolegate".to_owned()),
        message: problem.in_lines(),
        ..Diagnostic::default()
    }
}

fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
    }
}
