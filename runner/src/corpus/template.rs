//! Texts with placeholders, `$(…)`: parsed once when the corpus is loaded, filled in when the request is sent.

use std::fmt;

/// A text whose placeholders are filled in at the moment of sending.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Piece {
    /// The JSON text of the base recipe's claims, in `claims-text`.
    Claims,
    /// The JSON text of the base recipe's header, in `header-text`.
    Header,
    /// The gate's own `Host` value.
    Host,
    /// The public half of a test key as a JSON Web Key.
    Jwk(String),
    /// The URL of a listener on this machine that must see no connection.
    Listener,
    /// Seconds since the epoch, plus an offset in seconds.
    Now(i64),
    /// Bytes that no text can say.
    Bytes(Vec<u8>),
    /// The public half of a test key as PEM text.
    Pem(String),
    /// The path prefix of the suite in a bundle.
    Prefix,
    /// The secret of the suite.
    Secret,
    /// Text as it stands.
    Text(String),
    /// The compact text of a token, by recipe name.
    Token(String),
}

/// What the placeholders stand for.
pub trait Fill {
    /// The reason why a value cannot be had.
    type Error;
    /// Appends what `piece` stands for.
    ///
    /// # Errors
    /// When the piece has no value in this place.
    fn fill(&self, piece: &Piece, out: &mut Vec<u8>) -> Result<(), Self::Error>;
}

/// What a token in the compact form is made of; what stands beside one without any of these leaves it whole.
fn is_of_a_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'%')
}

impl Template {
    /// The recipes whose tokens stand in it whole, with nothing before and behind them that would make another token of them.
    pub fn whole_tokens(&self) -> impl Iterator<Item = &str> {
        let edge = |at: Option<&Piece>, last: bool| {
            let bytes = match at {
                None | Some(Piece::Host | Piece::Prefix) => return true,
                Some(Piece::Text(text)) => text.as_bytes(),
                Some(Piece::Bytes(bytes)) => bytes,
                Some(_) => return false,
            };
            let byte = if last { bytes.last() } else { bytes.first() };
            !byte.copied().is_some_and(is_of_a_token)
        };
        self.pieces().iter().enumerate().filter_map(move |(at, piece)| {
            let before = at.checked_sub(1).and_then(|before| self.pieces().get(before));
            let behind = self.pieces().get(at.saturating_add(1));
            match piece {
                Piece::Token(name) if edge(before, true) && edge(behind, false) => Some(name.as_str()),
                _ => None,
            }
        })
    }

    /// Reads a text with placeholders.
    ///
    /// # Errors
    /// A sentence that says which placeholder is wrong and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("$(") {
            if let Some(before) = before.strip_suffix('$') {
                literal.push_str(before);
                literal.push_str("$(");
                rest = after;
                continue;
            }
            literal.push_str(before);
            let Some((name, after)) = after.split_once(')') else {
                return Err(format!(
                    "`$({after}` has no closing parenthesis; write `$$(` for the two characters themselves"
                ));
            };
            if let Some(text) = repeated(name)? {
                literal.push_str(&text);
            } else {
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(piece(name)?);
            }
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self { pieces })
    }

    /// Parts, in order.
    #[must_use]
    pub fn of(pieces: &[Piece]) -> Self {
        Self { pieces: pieces.to_vec() }
    }

    /// A text without placeholders.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { pieces: vec![Piece::Text(text.to_owned())] }
    }

    /// Puts another text in the place of each `old` that stands in it as text.
    pub fn replace(&mut self, old: &str, new: &str) {
        for piece in &mut self.pieces {
            if let Piece::Text(text) = piece {
                *text = text.replace(old, new);
            }
        }
    }

    /// The parts, in order.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The names of the tokens that the text needs.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Token(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The bytes with every placeholder filled in.
    ///
    /// # Errors
    /// What `fill` says.
    pub fn render<F: Fill>(&self, fill: &F) -> Result<Vec<u8>, F::Error> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                other => fill.fill(other, &mut out)?,
            }
        }
        Ok(out)
    }

    /// The number that a text consisting of one `$(now…)` stands for, as an offset from now in seconds.
    #[must_use]
    pub fn as_now(&self) -> Option<i64> {
        match self.pieces.as_slice() {
            [Piece::Now(offset)] => Some(*offset),
            _ => None,
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(&text.replace("$(", "$$("))?,
                Piece::Bytes(bytes) => {
                    f.write_str("$(x:")?;
                    for byte in bytes {
                        write!(f, "{byte:02x}")?;
                    }
                    f.write_str(")")?;
                }
                Piece::Token(name) => write!(f, "$(token:{name})")?,
                Piece::Jwk(name) => write!(f, "$(jwk:{name})")?,
                Piece::Pem(name) => write!(f, "$(pem:{name})")?,
                Piece::Now(0) => f.write_str("$(now)")?,
                Piece::Now(offset) => write!(f, "$(now{offset:+})")?,
                Piece::Claims => f.write_str("$(claims)")?,
                Piece::Header => f.write_str("$(header)")?,
                Piece::Host => f.write_str("$(host)")?,
                Piece::Listener => f.write_str("$(listener)")?,
                Piece::Prefix => f.write_str("$(prefix)")?,
                Piece::Secret => f.write_str("$(secret)")?,
            }
        }
        Ok(())
    }
}

/// Decodes hexadecimal digits; white space is ignored.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| {
            c.to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or_else(|| format!("`{c}` is no hexadecimal digit"))
        })
        .collect::<Result<Vec<u8>, String>>()?;
    let (pairs, odd) = digits.as_chunks::<2>();
    if odd.is_empty() {
        Ok(pairs.iter().map(|[high, low]| (high << 4) | low).collect())
    } else {
        Err("an odd number of hexadecimal digits; each byte takes two".to_owned())
    }
}

/// `repeat:COUNT:TEXT` becomes the text repeated.
fn repeated(name: &str) -> Result<Option<String>, String> {
    let Some(spec) = name.strip_prefix("repeat:") else { return Ok(None) };
    let parsed = spec.split_once(':').and_then(|(count, text)| Some((count.parse::<usize>().ok()?, text)));
    match parsed {
        Some((count, text)) if count.saturating_mul(text.len()) <= 4 << 20 => Ok(Some(text.repeat(count))),
        Some(_) => Err(format!("`$({name})` is longer than 4 MiB")),
        None => Err(format!("`$({name})`: write `$(repeat:COUNT:TEXT)`")),
    }
}

fn piece(name: &str) -> Result<Piece, String> {
    if let Some(token) = name.strip_prefix("token:") {
        return Ok(Piece::Token(token.to_owned()));
    }
    if let Some(key) = name.strip_prefix("jwk:") {
        return Ok(Piece::Jwk(key.to_owned()));
    }
    if let Some(key) = name.strip_prefix("pem:") {
        return Ok(Piece::Pem(key.to_owned()));
    }
    if let Some(digits) = name.strip_prefix("x:") {
        return hex(digits).map(Piece::Bytes).map_err(|error| format!("`$({name})`: {error}"));
    }
    if let Some(offset) = name.strip_prefix("now") {
        let offset = if offset.is_empty() { Ok(0) } else { offset.parse::<i64>() };
        return offset
            .map(Piece::Now)
            .map_err(|_| format!("`$({name})`: write `$(now)`, `$(now+3600)` or `$(now-60)`, in seconds"));
    }
    match name {
        "claims" => Ok(Piece::Claims),
        "header" => Ok(Piece::Header),
        "host" => Ok(Piece::Host),
        "listener" => Ok(Piece::Listener),
        "prefix" => Ok(Piece::Prefix),
        "secret" => Ok(Piece::Secret),
        _ => Err(format!(
            "`$({name})` is neither an axis of this case nor one of `$(token:NAME)`, `$(now)`, `$(x:00)`, `$(repeat:9:a)`, `$(jwk:KEY)`, `$(pem:KEY)`, `$(host)`, `$(listener)`, `$(prefix)`, `$(secret)`; write `$$(` for the two characters themselves"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for (text, pieces) in [
            ("", vec![]),
            ("/a", vec![Piece::Text("/a".into())]),
            ("a$(x:00ff)b", vec![Piece::Text("a".into()), Piece::Bytes(vec![0, 255]), Piece::Text("b".into())]),
            ("$(now-60)", vec![Piece::Now(-60)]),
            ("$(repeat:3:ab)c", vec![Piece::Text("abababc".into())]),
            ("$$(now)", vec![Piece::Text("$(now)".into())]),
            ("nf_jwt=$(token:admin)", vec![Piece::Text("nf_jwt=".into()), Piece::Token("admin".into())]),
        ] {
            assert_eq!(Template::parse(text).unwrap().pieces, pieces, "{text}");
            assert_eq!(
                Template::parse(&Template { pieces: pieces.clone() }.to_string()).unwrap().pieces,
                pieces,
                "{text}"
            );
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, want) in [
            ("$(tokn:admin)", "neither an axis"),
            ("$(now", "closing parenthesis"),
            ("$(x:0)", "odd number"),
            ("$(repeat:a)", "COUNT"),
        ] {
            let error = Template::parse(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
    }
}
