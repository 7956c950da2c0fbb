//! A role of a user's site in the place of the role that the gates of the corpus ask for, in whatever spelling the corpus has it: in capitals, cut off, with a
//! letter that is escaped or looks alike, with something between two letters.

/// The role that the gates of the corpus ask for.
const OURS: [char; 5] = ['a', 'd', 'm', 'i', 'n'];

/// The text with `role` in the place of the corpus' role.
pub(crate) fn text(text: &str, role: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = letters.as_slice();
    while let Some((first, after)) = rest.split_first() {
        match Spelled::read(rest) {
            Some((spelled, behind)) => {
                out.push_str(&spelled.of(role));
                rest = behind;
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    out
}

/// How one letter is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Style {
    Plain,
    Upper,
    Wide,
    /// `\u0061`
    Escaped,
    /// `%61`
    Percent,
    /// A character with the same low byte.
    Above(u32),
    /// A character that looks like this one letter, or becomes it where case is folded.
    Alike(char),
}

/// How the name is written.
#[derive(Debug)]
struct Spelled {
    styles: Vec<Style>,
    /// What stands between two letters: behind how many, and which character.
    between: Option<(usize, char)>,
}

impl Spelled {
    /// The name at the start of a text, and what stands behind it.
    fn read(text: &[char]) -> Option<(Self, &[char])> {
        let mut spelled = Self { styles: Vec::new(), between: None };
        let mut rest = text;
        while let Some(wanted) = OURS.get(spelled.styles.len()) {
            if let Some((style, behind)) = letter(rest, *wanted) {
                spelled.styles.push(style);
                rest = behind;
                continue;
            }
            let next = rest.split_first().filter(|(first, behind)| {
                let parts = !spelled.styles.is_empty() && spelled.between.is_none();
                parts && (**first == ' ' || !first.is_ascii()) && letter(behind, *wanted).is_some()
            });
            let Some((first, behind)) = next else { break };
            spelled.between = Some((spelled.styles.len(), *first));
            rest = behind;
        }
        let is_whole = spelled.styles.len() == OURS.len();
        let ends = rest.first().is_none_or(|next| !next.is_alphanumeric());
        // Two letters are an abbreviation only where a pattern says so.
        let is_short = spelled.styles.len() >= 3 && ends || spelled.styles.len() == 2 && rest.first() == Some(&'*');
        (is_whole || is_short).then_some((spelled, rest))
    }

    /// Another name, written in the same way.
    fn of(&self, role: &str) -> String {
        let letters: Vec<char> = role.chars().collect();
        let lost = OURS.len().saturating_sub(self.styles.len());
        let kept = letters.len().saturating_sub(lost).max(1);
        let alike = self.styles.iter().zip(OURS).find_map(|(style, ours)| match style {
            Style::Alike(_) => letters.iter().position(|letter| *letter == ours),
            _ => None,
        });
        let first = self.styles.first().copied().unwrap_or(Style::Plain);
        let is_even = self.styles.iter().all(|style| *style == first);
        let mut out = String::new();
        for (at, letter) in letters.iter().enumerate().take(kept) {
            if let Some((_, between)) = self.between.filter(|(behind, _)| *behind == at && at > 0) {
                out.push(between);
            }
            // The last letter of the one stands for the last letter of the other.
            let is_last = at.saturating_add(1) == letters.len() && lost == 0;
            let place = if is_last { self.styles.len().saturating_sub(1) } else { at };
            let style = match self.styles.get(place) {
                _ if is_even => first,
                Some(Style::Alike(_)) | None => Style::Plain,
                Some(style) => *style,
            };
            let like = self.styles.iter().find(|style| matches!(style, Style::Alike(_)));
            let style = if alike == Some(at) { like.copied().unwrap_or(style) } else { style };
            out.push_str(&write(*letter, style));
        }
        out
    }
}

/// One letter at the start of a text, and what stands behind it.
fn letter(text: &[char], wanted: char) -> Option<(Style, &[char])> {
    let (first, behind) = text.split_first()?;
    let wide = |letter: char| char::from_u32((letter as u32).wrapping_add(0xFEE0));
    match *first {
        letter if letter == wanted => Some((Style::Plain, behind)),
        letter if letter.eq_ignore_ascii_case(&wanted) => Some((Style::Upper, behind)),
        letter if Some(letter) == wide(wanted) || Some(letter) == wide(wanted.to_ascii_uppercase()) => {
            Some((Style::Wide, behind))
        }
        '\\' => Some((Style::Escaped, code(behind.strip_prefix(&['u'])?, 4, wanted)?)),
        '%' => Some((Style::Percent, code(behind, 2, wanted)?)),
        letter if wanted == 'i' && ['\u{131}', '\u{130}', '\u{3b9}'].contains(&letter) => {
            Some((Style::Alike(letter), behind))
        }
        letter if letter as u32 > 0xFF && letter as u32 & 0xFF == wanted as u32 => {
            Some((Style::Above(letter as u32 & !0xFF), behind))
        }
        _ => None,
    }
}

/// What stands behind so many hexadecimal digits that name a letter.
fn code(text: &[char], digits: usize, wanted: char) -> Option<&[char]> {
    let (read, rest) = text.split_at_checked(digits)?;
    let read: String = read.iter().collect();
    (u32::from_str_radix(&read, 16).ok()? == wanted as u32).then_some(rest)
}

fn write(letter: char, style: Style) -> String {
    match style {
        Style::Plain => letter.to_string(),
        Style::Upper => letter.to_uppercase().collect(),
        Style::Wide if letter.is_ascii_graphic() => {
            char::from_u32((letter as u32).wrapping_add(0xFEE0)).unwrap_or(letter).to_string()
        }
        Style::Escaped => format!("\\u{:04x}", letter as u32),
        Style::Percent if letter.is_ascii() => format!("%{:02x}", letter as u32),
        Style::Above(block) if letter.is_ascii() => char::from_u32(block | letter as u32).unwrap_or(letter).to_string(),
        Style::Alike(other) => other.to_string(),
        Style::Wide | Style::Percent | Style::Above(_) => letter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_takes_the_place_of_another_in_every_spelling() {
        for (ours, theirs) in [
            ("admin", "staff"),
            ("user,admin", "user,staff"),
            ("administrator", "staffistrator"),
            ("ADMIN", "STAFF"),
            ("Admin", "Staff"),
            ("isAdmin: true", "isStaff: true"),
            ("admi", "staf"),
            ("adm", "sta"),
            ("adm*", "sta*"),
            ("ad*", "st*"),
            ("ad\u{200b}min", "st\u{200b}aff"),
            ("ad min", "st aff"),
            ("admi\u{307}n", "staf\u{307}f"),
            ("\\u0061dmin", "\\u0073taff"),
            ("%61dmin", "%73taff"),
            ("ａｄｍｉｎ", "ｓｔａｆｆ"),
            ("admi\u{FF4E}", "staf\u{FF46}"),
            ("adm\u{569}n", "sta\u{566}f"),
            // No letter of the other looks like this one.
            ("adm\u{131}n", "staff"),
            // Not the role.
            ("nobody", "nobody"),
            ("admitted", "admitted"),
            ("ad", "ad"),
            ("", ""),
        ] {
            assert_eq!(text(ours, "staff"), theirs, "{ours}");
            assert_eq!(text(ours, "admin"), ours, "{ours}");
        }
        assert_eq!(text("adm\u{131}n", "editor"), "ed\u{131}tor");
        assert_eq!(text("ADMIN admin", "x"), "X x");
    }
}
