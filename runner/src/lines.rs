//! Texts broken into the lines of a terminal.

/// The columns of a terminal that nobody has measured.
pub const COLUMNS: usize = 80;

/// A text broken at a number of columns, which begins and goes on at `indent`; a word that is longer stands alone.
#[must_use]
pub fn wrapped(text: &str, indent: usize, columns: usize) -> String {
    wrapped_behind(text, indent, indent, columns)
}

/// The same behind something that ends at the column `from`.
#[must_use]
pub fn wrapped_behind(text: &str, from: usize, indent: usize, columns: usize) -> String {
    broken(text.split_whitespace(), from, indent, columns, "")
}

/// A command line broken where a shell puts it together again: between its words, behind a backslash. One that holds line ends is left as it is.
#[must_use]
pub fn wrapped_command(text: &str, indent: usize, columns: usize) -> String {
    match text.contains(['\n', '"']) {
        true => text.to_owned(),
        false => broken(words(text).into_iter(), indent, indent, columns, " \\"),
    }
}

fn broken<'a>(
    words: impl Iterator<Item = &'a str>,
    from: usize,
    indent: usize,
    columns: usize,
    goes_on: &str,
) -> String {
    let room = columns.saturating_sub(goes_on.len());
    let (mut out, mut column, mut is_first) = (String::new(), from, true);
    for word in words {
        let length = word.chars().count();
        let end = column.saturating_add(length).saturating_add(usize::from(!is_first));
        if end > room && column > indent {
            out.extend([goes_on, "\n", &" ".repeat(indent)]);
            column = indent;
        } else if !is_first {
            out.push(' ');
            column = column.saturating_add(1);
        }
        out.push_str(word);
        column = column.saturating_add(length);
        is_first = false;
    }
    out
}

/// The words of a command line as a shell parts them, with their quotes.
fn words(text: &str) -> Vec<&str> {
    let mut is_quoted = false;
    let at_spaces = |c: char| {
        is_quoted ^= c == '\'';
        c == ' ' && !is_quoted
    };
    text.split(at_spaces).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_before_the_column() {
        let text = "a gate covers a path in its plain spelling only";
        assert_eq!(wrapped(text, 4, 24), "a gate covers a path\n    in its plain\n    spelling only");
        assert_eq!(wrapped_behind(text, 20, 4, 24), "a\n    gate covers a path\n    in its plain\n    spelling only");
        assert_eq!(wrapped("supercalifragilistic is", 2, 10), "supercalifragilistic\n  is");
        assert_eq!(wrapped("", 2, 10), "");
        for columns in 10..60 {
            let lines = format!("{}{}", " ".repeat(4), wrapped(text, 4, columns));
            assert!(lines.lines().all(|line| line.len() <= columns.max(12)), "{columns}: {lines}");
        }
    }

    #[test]
    fn a_shell_puts_a_command_together_again() {
        let command = "curl -isS --path-as-is -H 'Cookie: nf_jwt=<token>; a=b' 'http://127.0.0.1:80/members/home'";
        let broken = wrapped_command(command, 4, 40);
        assert_eq!(
            broken,
            "curl -isS --path-as-is -H \\\n    'Cookie: nf_jwt=<token>; a=b' \\\n    'http://127.0.0.1:80/members/home'"
        );
        // Behind a backslash at the end of a line some readers see a word of nothing.
        let words =
            |text: &str| shlex::split(text).unwrap().into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>();
        assert_eq!(words(&broken), words(command));
        for whole in ["printf 'a\nb'", "printf \"a b\" c"] {
            assert_eq!(wrapped_command(whole, 2, 8), whole);
        }
    }
}
