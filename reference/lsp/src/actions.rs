//! What can be written instead, as edits of the documents: fixes that change nothing for any visitor, and advice that is proved
//! (LINT-1).

use std::collections::HashMap;

use lsp_types::{CodeAction, CodeActionKind, TextEdit, Uri, WorkspaceEdit};
use rolegate::problem::{Advice, COMMENT, Fix, Problem};
use rolegate::span::RuleFile;
use rolegate_check::entries::{self, Change};

use crate::checked::Checked;
use crate::lines::Lines;
use crate::session::diagnostic;

/// The actions for a problem of the document.
pub(crate) fn of(problem: &Problem, lines: &Lines<'_>, checked: &Checked) -> Vec<CodeAction> {
    let fix = problem.fix.as_ref().and_then(|fix| {
        let (title, edit) = match fix {
            Fix::CommentOut => {
                let place = lines.position(problem.span.start);
                let range = lsp_types::Range { start: place, end: place };
                ("make a comment of this line", TextEdit { range, new_text: COMMENT.to_owned() })
            }
            Fix::RemoveLine => {
                let range = lines.range(lines.line_of(problem.span.start));
                ("remove this line", TextEdit { range, new_text: String::new() })
            }
        };
        let uri = checked.uri(problem.span.file)?;
        let edit = WorkspaceEdit { changes: Some(changes([(uri, edit)])), ..WorkspaceEdit::default() };
        // Where something else can be written, neither is what is meant beyond doubt.
        Some((title.to_owned(), edit, problem.advice.is_none()))
    });
    let advice =
        problem.advice.as_ref().and_then(|advice| Some((problem.help.clone(), follow(advice, checked)?, false)));
    let action = |(title, edit, is_preferred)| CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(problem, lines)]),
        edit: Some(edit),
        is_preferred: Some(is_preferred),
        ..CodeAction::default()
    };
    fix.into_iter().chain(advice).map(action).collect()
}

/// What the advice writes; none where it changes an entry of `netlify.toml` that cannot be changed by itself.
fn follow(advice: &Advice, checked: &Checked) -> Option<WorkspaceEdit> {
    let of = |wanted: RuleFile| checked.files.iter().find(|(file, ..)| *file == wanted).map(|(_, _, text)| text);
    let written = entries::written(advice, checked.bytes())?;
    let edit = |(file, Change { range, text })| {
        let lines = Lines::new(of(file)?);
        Some((checked.uri(file)?, TextEdit { range: lines.range(range), new_text: text }))
    };
    let edits = written.into_iter().map(edit).collect::<Option<Vec<_>>>()?;
    Some(WorkspaceEdit { changes: Some(changes(edits)), ..WorkspaceEdit::default() })
}

#[expect(clippy::mutable_key_type, reason = "the types of the protocol have it so")]
fn changes(edits: impl IntoIterator<Item = (Uri, TextEdit)>) -> HashMap<Uri, Vec<TextEdit>> {
    let mut changes: HashMap<Uri, Vec<TextEdit>> = HashMap::new();
    for (uri, edit) in edits {
        changes.entry(uri).or_default().push(edit);
    }
    changes
}
