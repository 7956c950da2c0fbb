//! Writes a small MaxMind DB, by its published format (version 2.0), since no real one may be copied here.

use std::net::{IpAddr, Ipv6Addr};

/// A database that knows these networks, each `address/prefix`, by country.
pub fn countries(networks: &[(&str, &str)]) -> Vec<u8> {
    database("Test-Country", networks, |code| {
        map(&[("country", map(&[("iso_code", text(code)), ("geoname_id", number(1))])), ("continent", map(&[]))])
    })
}

/// A database about something else than countries.
pub fn without_countries(networks: &[(&str, &str)]) -> Vec<u8> {
    database("Test-ASN", networks, |name| map(&[("autonomous_system_organization", text(name))]))
}

fn database(kind: &str, networks: &[(&str, &str)], record: impl Fn(&str) -> Vec<u8>) -> Vec<u8> {
    // One node is two records; `Data` is the place of a record in the data section.
    #[derive(Clone, Copy)]
    enum Entry {
        Nothing,
        Node(usize),
        Data(usize),
    }
    let mut nodes = vec![[Entry::Nothing; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let (address, prefix) = network.split_once('/').expect("a prefix");
        let prefix: u32 = prefix.parse().expect("a number");
        // IPv4 lies in the first 2^32 addresses of IPv6.
        let (bits, prefix) = match address.parse().expect("an address") {
            IpAddr::V4(address) => (u128::from(u32::from(address)), prefix + 96),
            IpAddr::V6(address) => (u128::from(Ipv6Addr::from(address.octets())), prefix),
        };
        let place = data.len();
        data.extend(record(value));
        let mut node = 0;
        for depth in 0..prefix {
            let side = usize::from(bits >> (127 - depth) & 1 == 1);
            if depth + 1 == prefix {
                nodes[node][side] = Entry::Data(place);
            } else if let Entry::Node(next) = nodes[node][side] {
                node = next;
            } else {
                nodes.push([Entry::Nothing; 2]);
                nodes[node][side] = Entry::Node(nodes.len() - 1);
                node = nodes.len() - 1;
            }
        }
    }
    let mut bytes = Vec::new();
    for entry in nodes.iter().flatten() {
        let record = match entry {
            Entry::Nothing => nodes.len(),
            Entry::Node(node) => *node,
            Entry::Data(place) => nodes.len() + 16 + place,
        };
        bytes.extend(&u32::try_from(record).expect("a small database").to_be_bytes()[1..]);
    }
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    bytes.extend(map(&[
        ("binary_format_major_version", number_16(2)),
        ("binary_format_minor_version", number_16(0)),
        ("build_epoch", vec![0x08, 0x02, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("database_type", text(kind)),
        ("description", map(&[("en", text("a test"))])),
        ("ip_version", number_16(6)),
        ("languages", vec![0x00, 0x04]),
        ("node_count", number(u32::try_from(nodes.len()).expect("a small database"))),
        ("record_size", number_16(24)),
    ]));
    bytes
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("a short text");
    let control = if length < 29 { vec![0x40 | length] } else { vec![0x40 | 29, length - 29] };
    [control, text.as_bytes().to_vec()].concat()
}

fn number(number: u32) -> Vec<u8> {
    [vec![0xc4], number.to_be_bytes().to_vec()].concat()
}

fn number_16(number: u16) -> Vec<u8> {
    [vec![0xa2], number.to_be_bytes().to_vec()].concat()
}

fn map(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0xe0 | u8::try_from(members.len()).expect("a small map")];
    for (name, value) in members {
        bytes.extend(text(name));
        bytes.extend(value);
    }
    bytes
}
