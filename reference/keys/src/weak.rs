//! Public keys for which anybody can make signatures (TOKEN-12.weak-keys).

/// Whether an Ed25519 key is of no use: for a point of small order a signature that anybody can write down holds for one
/// message in eight at least, and an encoding that is not canonical is refused as RFC 8032 §5.1.3 says.
///
/// Eight points have an order that divides eight. They share five values of y, each with one x and its negative, which is
/// the last bit and is not looked at here. Two of the five, and no other point of small order, have an encoding
/// that is not canonical.
pub(crate) fn is_weak_ed25519(point: &[u8]) -> bool {
    let Some((last, rest)) = point.split_last() else { return true };
    let is_y = |y: &[u8; 32]| y.split_last().is_some_and(|(end, start)| start == rest && *end == last & 0x7f);
    SMALL_ORDER.iter().any(is_y) || !is_canonical(rest, last & 0x7f)
}

/// Whether y is less than p = 2^255 - 19.
fn is_canonical(rest: &[u8], last: u8) -> bool {
    let is_highest = last == 0x7f && rest.iter().skip(1).all(|byte| *byte == 0xff);
    !is_highest || rest.first().is_some_and(|first| *first < 0xed)
}

/// The y of every point of small order, little-endian: 0 (order 4), 1 (order 1), -1 (order 2) and the two of order 8.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    with(0x01, [0; 32], 0x00),
    with(0xec, [0xff; 32], 0x7f),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

const fn with(first: u8, middle: [u8; 32], last: u8) -> [u8; 32] {
    let mut bytes = middle;
    let [start, .., end] = &mut bytes;
    (*start, *end) = (first, last);
    bytes
}

/// Whether an RSA key, as big-endian numbers, fails the partial validation of NIST SP 800-89 §5.3.3: the exponent is odd
/// and more than one, and the modulus has no factor less than 752.
pub(crate) fn is_weak_rsa(modulus: &[u8], exponent: &[u8]) -> bool {
    let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    let is_one = exponent.split_last().is_some_and(|(last, rest)| *last == 1 && rest.iter().all(|byte| *byte == 0));
    let divides = |divisor: &u32| modulus.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % divisor) == 0;
    // A factor that is no prime has a smaller one that is.
    !is_odd(modulus) || !is_odd(exponent) || is_one || (3..752).step_by(2).any(|divisor| divides(&divisor))
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, ParsedPublicKey};

    use super::*;

    /// Every encoding of a point of small order, from the literature: eight canonical ones, and six that are not.
    const ENCODINGS: [&str; 14] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn small_order() {
        // R the neutral element and S nothing: whoever writes it knows no key.
        let signature = [&[1][..], &[0; 63]].concat();
        for hex in ENCODINGS {
            let point = bytes(hex);
            assert!(is_weak_ed25519(&point), "{hex}");
        }
        // The library takes the canonical ones, and believes that signature of one message in eight at least. (Two rows have
        // a sign and no x that could have it.)
        for (at, hex) in ENCODINGS.iter().enumerate().take(10).filter(|(at, _)| ![1, 3].contains(at)) {
            let key = ParsedPublicKey::new(&ED25519, bytes(hex)).unwrap();
            let forged = |number: u32| key.verify_sig(&number.to_be_bytes(), &signature).is_ok();
            assert!((0..256).any(forged), "row {at} is no weak key");
        }
    }

    #[test]
    fn what_is_canonical() {
        // p + 18 is the last number of 255 bits.
        for first in 0xed..=0xff {
            for last in [0x7f, 0xff] {
                assert!(is_weak_ed25519(&with(first, [0xff; 32], last)), "{first}");
            }
        }
        for sound in [with(0xeb, [0xff; 32], 0x7f), with(0xed, [0xff; 32], 0x7e), with(2, [0; 32], 0)] {
            assert!(!is_weak_ed25519(&sound));
        }
        assert!(is_weak_ed25519(&[]));
    }

    #[test]
    fn rsa() {
        let e = &[1, 0, 1][..];
        for (modulus, exponent, weak) in [
            (&[0x87, 0x01][..], e, true), // 17 × 19 × 107
            (&[0x87, 0x17], e, false),    // prime
            (&[0x87, 0x16], e, true),
            (&[0x87, 0x17], &[1], true),
            (&[0x87, 0x17], &[0, 0, 1], true),
            (&[0x87, 0x17], &[4], true),
            (&[0x87, 0x17], &[3], false),
            (&[0x87, 0x17], &[], true),
            (&[], e, true),
        ] {
            assert_eq!(is_weak_rsa(modulus, exponent), weak, "{modulus:x?} {exponent:x?}");
        }
    }
}
