//! The `Range` header (RFC 9110 §14).

use std::ops::Range;

/// More ranges than this in one request are ignored, as RFC 9110 §14.2 lets a server do.
const MAX_RANGES: usize = 8;

/// Which part of a file a `Range` header asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Selection {
    /// The whole file with 200: the header is absent, malformed, of another unit, or asks for too much.
    Whole,
    /// One range: 206 with `Content-Range`.
    One(Range<u64>),
    /// Several ranges that do not overlap, in the order asked for: 206 as `multipart/byteranges`.
    Several(Vec<Range<u64>>),
    /// 416: no range lies in the file.
    Unsatisfiable,
}

/// Selects from a file of `length` bytes.
///
/// A malformed header is ignored (§14.2), and so are many or overlapping ranges, with which a small request asks
/// for a large answer.
pub(crate) fn select(header: &str, length: u64) -> Selection {
    let Some((unit, list)) = header.split_once('=') else { return Selection::Whole };
    if !unit.eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    let specs: Vec<&str> =
        list.split(',').map(|spec| spec.trim_matches([' ', '\t'])).filter(|spec| !spec.is_empty()).collect();
    if specs.is_empty() || specs.len() > MAX_RANGES {
        return Selection::Whole;
    }
    let mut ranges = Vec::new();
    for spec in specs {
        match range(spec, length) {
            None => return Selection::Whole,
            Some(range) if range.is_empty() => {}
            Some(range) => ranges.push(range),
        }
    }
    match ranges.as_slice() {
        // §14.1.2 calls a suffix of an empty file satisfiable, but no Content-Range can say it.
        [] if length == 0 => Selection::Whole,
        [] => Selection::Unsatisfiable,
        [one] => Selection::One(one.clone()),
        _ if overlap(&ranges) => Selection::Whole,
        _ => Selection::Several(ranges),
    }
}

/// One `int-range` or `suffix-range` (§14.1.2); empty where it lies behind the file, `None` where malformed.
fn range(spec: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = spec.split_once('-')?;
    match (first, last) {
        ("", suffix) => {
            let suffix = number(suffix)?;
            Some(length.saturating_sub(suffix)..length)
        }
        (first, "") => Some(number(first)?.min(length)..length),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first.min(length)..last.saturating_add(1).min(length))
        }
    }
}

/// Digits only; a number too large for any file stands for the largest.
fn number(digits: &str) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().unwrap_or(u64::MAX))
}

fn overlap(ranges: &[Range<u64>]) -> bool {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|range| range.start);
    sorted.iter().zip(sorted.iter().skip(1)).any(|(before, after)| after.start < before.end)
}

#[cfg(test)]
mod tests {
    use super::Selection::{One, Several, Unsatisfiable, Whole};
    use super::*;

    #[test]
    fn rfc_9110_14() {
        let table: &[(&str, u64, Selection)] = &[
            ("bytes=0-4", 10, One(0..5)),
            ("BYTES=0-0", 10, One(0..1)),
            ("bytes=5-", 10, One(5..10)),
            ("bytes=-3", 10, One(7..10)),
            ("bytes=-30", 10, One(0..10)),
            ("bytes=8-99999999999999999999999", 10, One(8..10)),
            ("bytes= , 0-4 ,", 10, One(0..5)),
            ("bytes=0-1,8-9", 10, Several(vec![0..2, 8..10])),
            ("bytes=8-9, 0-1", 10, Several(vec![8..10, 0..2])),
            ("bytes=0-1,20-30", 10, One(0..2)),
            ("bytes=0-5,3-9", 10, Whole),
            ("bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8", 10, Whole),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=20-30,40-50", 10, Unsatisfiable),
            ("bytes=0-", 0, Whole),
            ("bytes=-5", 0, Whole),
            ("bytes=4-2", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=0 - 4", 10, Whole),
            ("items=0-4", 10, Whole),
            ("bytes", 10, Whole),
        ];
        for (header, length, selection) in table {
            assert_eq!(select(header, *length), *selection, "{header}");
        }
    }
}
