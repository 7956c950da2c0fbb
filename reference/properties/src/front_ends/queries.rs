//! How servers read the parameters of a query, as pure functions that share no code with the gate.
//!
//! Each gives the names and values that it goes by, in order of their names.

use std::collections::BTreeMap;

use super::readers::{lenient, until, wide};

/// The parameters that a server reads.
type Read = Vec<(Vec<u8>, Vec<u8>)>;

/// What a server makes of a query.
type Reader = fn(&[u8]) -> Read;

/// What a server does with the parts of a query.
#[derive(Clone, Copy)]
struct Manner {
    separators: &'static [u8],
    name: fn(&[u8]) -> Vec<u8>,
    value: fn(&[u8]) -> Vec<u8>,
    several: fn(&[Vec<u8>]) -> Vec<u8>,
}

/// As a form is read, and the last of several.
const FORM: Manner = Manner { separators: b"&", name: form, value: form, several: last };

pub(super) const READERS: &[(&str, Reader)] = &[
    ("a server that takes the last", |query| read(query, FORM)),
    ("a server that takes the first", |query| read(query, Manner { several: first, ..FORM })),
    ("a server that joins them", |query| read(query, Manner { several: joined, ..FORM })),
    ("a server that parts at semicolons", |query| read(query, Manner { separators: b"&;", ..FORM })),
    ("a server that parts at semicolons and takes the first", |query| {
        read(query, Manner { separators: b"&;", several: first, ..FORM })
    }),
    ("a server for which `+` is itself", |query| read(query, Manner { name: lenient, value: lenient, ..FORM })),
    ("a server that decodes nothing", |query| {
        read(query, Manner { name: <[u8]>::to_vec, value: <[u8]>::to_vec, ..FORM })
    }),
    ("a server that decodes values alone", |query| {
        read(query, Manner { name: <[u8]>::to_vec, several: first, ..FORM })
    }),
    ("a server that decodes twice", |query| read(query, Manner { name: twice, value: twice, ..FORM })),
    ("a server with escapes of 16 bits", |query| read(query, Manner { name: of_16_bits, value: of_16_bits, ..FORM })),
    ("a server that trims", |query| read(query, Manner { name: trimmed, value: trimmed, ..FORM })),
    ("a server in C, for which NUL ends a text", |query| {
        read(query, Manner { name: until_nul, value: until_nul, ..FORM })
    }),
    ("PHP", |query| read(query, Manner { name: variable, ..FORM })),
    ("a server that knows lists, and takes the first", |query| {
        read(query, Manner { name: variable, several: first, ..FORM })
    }),
];

fn read(query: &[u8], manner: Manner) -> Read {
    let mut read: BTreeMap<Vec<u8>, Vec<Vec<u8>>> = BTreeMap::new();
    let parts = query.split(|byte| manner.separators.contains(byte)).filter(|part| !part.is_empty());
    for part in parts {
        let name = until(part, b"=");
        let value = part.get(name.len() + 1..).unwrap_or_default();
        read.entry((manner.name)(name)).or_default().push((manner.value)(value));
    }
    // What has no name is nothing for some, and a parameter for others.
    let named = read.into_iter().filter(|(name, _)| !name.is_empty());
    named.map(|(name, values)| (name, (manner.several)(&values))).collect()
}

fn last(values: &[Vec<u8>]) -> Vec<u8> {
    values.last().cloned().unwrap_or_default()
}

fn first(values: &[Vec<u8>]) -> Vec<u8> {
    values.first().cloned().unwrap_or_default()
}

fn joined(values: &[Vec<u8>]) -> Vec<u8> {
    values.join(&b", "[..])
}

fn form(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    lenient(&spaced)
}

fn twice(text: &[u8]) -> Vec<u8> {
    lenient(&form(text))
}

fn of_16_bits(text: &[u8]) -> Vec<u8> {
    form(&wide(text))
}

fn trimmed(text: &[u8]) -> Vec<u8> {
    form(text).trim_ascii().to_vec()
}

fn until_nul(text: &[u8]) -> Vec<u8> {
    until(&form(text), b"\0").to_vec()
}

/// The name of the variable that a parameter becomes: `a[]` is the list `a`, and `a.b` is `a_b`.
fn variable(text: &[u8]) -> Vec<u8> {
    let name = until_nul(text).trim_ascii_start().to_vec();
    let is_list = name.iter().position(|byte| *byte == b'[').is_some_and(|at| at > 0);
    let name = if is_list { until(&name, b"[").to_vec() } else { name };
    name.iter().map(|byte| if b". ".contains(byte) { b'_' } else { *byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_in_its_own_way() {
        for (reader, query, parameters) in [
            ("a server that takes the last", "k=1&k=2&x", "k=2 x="),
            ("a server that takes the first", "k=1&k=2&=3", "k=1"),
            ("a server that joins them", "k=1&k=2", "k=1, 2"),
            ("a server that parts at semicolons", "x=1;k=2", "k=2 x=1"),
            ("a server for which `+` is itself", "a+b=c+d%20", "a+b=c+d "),
            ("a server that decodes nothing", "%6B=%41", "%6B=%41"),
            ("a server that decodes values alone", "%6B=%41", "%6B=A"),
            ("a server that decodes twice", "%256B=%2541", "k=A"),
            ("a server with escapes of 16 bits", "%u006B=1", "k=1"),
            ("a server that trims", "+k+=+1+", "k=1"),
            ("a server in C, for which NUL ends a text", "k%00x=1%00", "k=1"),
            ("PHP", "k[]=1&+a.b=2", "a_b=2 k=1"),
        ] {
            let (_, read) = READERS.iter().find(|(name, _)| *name == reader).unwrap();
            let read = read(query.as_bytes())
                .into_iter()
                .map(|(name, value)| format!("{}={}", String::from_utf8_lossy(&name), String::from_utf8_lossy(&value)));
            assert_eq!(read.collect::<Vec<_>>().join(" "), parameters, "{reader}: {query}");
        }
    }
}
