//! Frames of HTTP/2 that no library would send (RFC 9113 §4, RFC 7541 §6.2).

use super::script::Wording;
use crate::small::Picks;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The beginning of a connection, and then whatever `picks` say; and the header blocks in it, each in one piece.
pub(super) fn noise(picks: &mut Picks<'_>, wording: &Wording<'_>) -> (Vec<u8>, Vec<u8>) {
    let (mut bytes, mut blocks) = (PREFACE.to_vec(), Vec::new());
    let window = u32::try_from(picks.number()).unwrap_or_default();
    bytes.extend(frame(4, 0, 0, &[&[0, 4], window.to_be_bytes().as_slice()].concat()));
    let mut stream = 1;
    for _ in 0..picks.number() % 8 {
        match picks.number() % 9 {
            0..=2 => {
                let block = block(picks, wording);
                blocks.extend_from_slice(&block);
                let flags = [0x5, 0x4, 0x1, 0x0, 0x2d].get(picks.number() % 5).copied().unwrap_or(5);
                let cut = if flags & 4 == 0 { block.len() / 2 } else { block.len() };
                let (now, later) = block.split_at_checked(cut).unwrap_or_default();
                bytes.extend(frame(1, flags, stream, now));
                if flags & 4 == 0 {
                    bytes.extend(frame(9, 4, stream, later));
                }
                stream += 2;
            }
            3 => bytes.extend(frame(
                8,
                0,
                [0, stream.saturating_sub(2)].get(picks.number() % 2).copied().unwrap_or(0),
                &0xffff_u32.to_be_bytes(),
            )),
            4 => bytes.extend(frame(3, 0, stream.saturating_sub(2), &8_u32.to_be_bytes())),
            5 => bytes.extend(frame(6, 0, 0, b"12345678")),
            6 => bytes.extend(frame(
                0,
                [0, 1, 8].get(picks.number() % 3).copied().unwrap_or(0),
                stream.saturating_sub(2),
                b"body",
            )),
            7 => bytes.extend(frame(4, 1, 0, b"")),
            _ => {
                let kind = u8::try_from(picks.number() % 256).unwrap_or_default();
                bytes.extend(frame(kind, kind, stream, b"\0\0\0\x01"));
            }
        }
    }
    (bytes, blocks)
}

/// A header block in literals, so that what it says can be found in it.
fn block(picks: &mut Picks<'_>, wording: &Wording<'_>) -> Vec<u8> {
    let mut lines: Vec<(String, Vec<u8>)> = vec![
        (":method".to_owned(), wording.method(picks).into_bytes()),
        (":scheme".to_owned(), b"http".to_vec()),
        (":authority".to_owned(), wording.host(picks).as_bytes().to_vec()),
        (":path".to_owned(), wording.target(picks)),
    ];
    lines.extend(wording.fields(picks));
    let mut block = Vec::new();
    for (name, value) in lines {
        block.push([0x00, 0x10, 0x40].get(picks.number() % 3).copied().unwrap_or(0));
        for text in [name.as_bytes(), value.as_slice()] {
            block.extend(length(text.len()));
            block.extend_from_slice(text);
        }
    }
    block
}

/// RFC 7541 §5.1 with a prefix of seven bits.
fn length(mut length: usize) -> Vec<u8> {
    let byte = |length: usize| u8::try_from(length & 0x7f).unwrap_or_default();
    if length < 127 {
        return vec![byte(length)];
    }
    let mut bytes = vec![0x7f];
    length -= 127;
    while length >= 128 {
        bytes.push(byte(length) | 0x80);
        length >>= 7;
    }
    bytes.push(byte(length));
    bytes
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or_default().to_be_bytes();
    let [_, length @ ..] = length;
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
