//! Columns of places in a text, without counting each from where its line begins (RULES-14).

use crate::cost::step;

/// So many bytes lie between two counts.
const EVERY: usize = 256;

/// How many characters stand before each place of a text, kept at every so many bytes.
#[derive(Debug)]
pub struct Columns<'a> {
    bytes: &'a [u8],
    /// The characters before the bytes 0, [`EVERY`], and so on.
    before: Vec<usize>,
}

impl<'a> Columns<'a> {
    /// Counts the characters of a text.
    pub fn new(bytes: &'a [u8]) -> Columns<'a> {
        step(bytes.len());
        let counts = bytes.chunks(EVERY).scan(0, |all, chunk| {
            let before = *all;
            *all += characters(chunk);
            Some(before)
        });
        Columns { bytes, before: counts.collect() }
    }

    /// How many characters begin between two places. What is no UTF-8 counts byte by byte.
    pub fn between(&self, start: usize, end: usize) -> usize {
        self.until(end).saturating_sub(self.until(start))
    }

    fn until(&self, end: usize) -> usize {
        let chunk = (end / EVERY).min(self.before.len().saturating_sub(1));
        let rest = self.bytes.get(chunk * EVERY..end.min(self.bytes.len())).unwrap_or_default();
        step(rest.len());
        self.before.get(chunk).copied().unwrap_or_default() + characters(rest)
    }
}

/// Every byte but those that go on with a character begins one.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_the_characters() {
        let text = "/é x 日本 ".repeat(100);
        let columns = Columns::new(text.as_bytes());
        for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
            for start in [0, 1, 699, 700].into_iter().filter(|start| text.is_char_boundary(*start)) {
                let expected = text.get(start..at).map_or(0, |text| text.chars().count());
                assert_eq!(columns.between(start, at), expected, "{start}..{at}");
            }
        }
        assert_eq!(Columns::new(b"").between(0, 0), 0);
        assert_eq!(Columns::new(b"ab").between(1, 9), 1);
    }
}
