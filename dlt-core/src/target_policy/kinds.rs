//! Addresses that load is not sent to unless somebody allows it, and the addresses that
//! one of IPv6 may lead to. Who allows what is `mod`'s.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use ipnet::IpNet;
use std::fmt;

/// What kind of address a refused one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressKind {
    /// No host has it: 0.0.0.0/8, `::`. Systems connect to themselves by some of them.
    Unspecified,
    /// Where a cloud's machine gets its configuration, and often its credentials.
    Metadata,
    /// A neighbour on the machine's own link; metadata services lie there, too.
    LinkLocal,
    /// A group of hosts, to which there are no connections.
    Multicast,
    /// All hosts of a link.
    Broadcast,
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "the address of no host",
            Self::Metadata => "a metadata address, where machines of a cloud get credentials",
            Self::LinkLocal => "a link-local address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
        })
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> IpNet {
    IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits)
}

/// A range of IPv6 by its first four and last two segments.
const fn v6(first: [u16; 4], last: [u16; 2], bits: u8) -> IpNet {
    let [a, b, c, d] = first;
    let [g, h] = last;
    IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, g, h)), bits)
}

/// What is refused by default; the first that has an address says what it is.
const REFUSED: [(IpNet, AddressKind); 19] = [
    // EC2, Google Cloud, Azure and most others.
    (v4(169, 254, 169, 254, 32), AddressKind::Metadata),
    // Credentials of ECS's tasks and of EKS's pods.
    (v4(169, 254, 170, 2, 32), AddressKind::Metadata),
    (v4(169, 254, 170, 23, 32), AddressKind::Metadata),
    // Alibaba Cloud.
    (v4(100, 100, 100, 200, 32), AddressKind::Metadata),
    // Azure's host agent: it is Microsoft's own, so no target can have it.
    (v4(168, 63, 129, 16, 32), AddressKind::Metadata),
    // Oracle Cloud Classic.
    (v4(192, 0, 0, 192, 32), AddressKind::Metadata),
    // EC2's and EKS's over IPv6, in the block that AWS keeps for its services.
    (v6([0xfd00, 0xec2, 0, 0], [0, 0], 32), AddressKind::Metadata),
    // Google Cloud, Oracle Cloud, Scaleway, Linode, Alibaba Cloud.
    (
        v6([0xfd20, 0xce, 0, 0], [0, 0x254], 128),
        AddressKind::Metadata,
    ),
    (
        v6([0xfd00, 0xc1, 0, 0], [0xa9fe, 0xa9fe], 128),
        AddressKind::Metadata,
    ),
    (
        v6([0xfd00, 0x42, 0, 0], [0, 0x42], 128),
        AddressKind::Metadata,
    ),
    (
        v6([0xfd00, 0xa9fe, 0xa9fe, 0], [0, 1], 128),
        AddressKind::Metadata,
    ),
    (
        v6([0xfd00, 0x100, 0, 0], [0x100, 0x200], 128),
        AddressKind::Metadata,
    ),
    (v4(0, 0, 0, 0, 8), AddressKind::Unspecified),
    (v6([0; 4], [0; 2], 128), AddressKind::Unspecified),
    (v4(169, 254, 0, 0, 16), AddressKind::LinkLocal),
    (v6([0xfe80, 0, 0, 0], [0; 2], 10), AddressKind::LinkLocal),
    (v4(224, 0, 0, 0, 4), AddressKind::Multicast),
    (v6([0xff00, 0, 0, 0], [0; 2], 8), AddressKind::Multicast),
    (v4(255, 255, 255, 255, 32), AddressKind::Broadcast),
];

/// Why an address is refused by default; None if it is not. Only the address itself
/// counts here, and not what it may lead to.
pub(super) fn refused(address: IpAddr) -> Option<AddressKind> {
    let found = REFUSED.iter().find(|(range, _)| range.contains(&address));
    found.map(|(_, kind)| *kind)
}

/// An address, and those of IPv4 that its packets may be translated or tunnelled to: what
/// becomes of them, a router on the way decides.
pub(super) fn readings(address: IpAddr) -> Vec<IpAddr> {
    let address = address.to_canonical();
    let mut all = vec![address];
    if let IpAddr::V6(address) = address {
        let embedded = embedded(address.to_bits()).into_iter();
        all.extend(embedded.map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))));
    }
    all
}

/// Addresses of IPv4 that stand in one of IPv6.
fn embedded(bits: u128) -> Vec<u32> {
    let at = |first: u32| (bits >> (96 - first)) as u32;
    let begins = |prefix: u128, length: u32| (bits ^ prefix) >> (128 - length) == 0;
    let mut all = Vec::new();
    // IPv4-compatible (RFC 4291, 2.5.5.1); with fewer bits it is `::`, `::1` or the like.
    if begins(0, 96) && at(96) > 0xffff {
        all.push(at(96));
    }
    // Translated by SIIT (RFC 2765, 2.1), and by NAT64's own prefix (RFC 6052, 2.1).
    if begins(0xffff << 48, 96) || begins(0x64_ff9b << 96, 96) {
        all.push(at(96));
    }
    if begins(0x64_ff9b_0001 << 80, 48) {
        all.extend(of_local_nat64(bits));
    }
    // 6to4 (RFC 3056, 2).
    if begins(0x2002 << 112, 16) {
        all.push(at(16));
    }
    // Teredo: the client's, inverted (RFC 4380, 4).
    if begins(0x2001_0000 << 96, 32) {
        all.push(!at(96));
    }
    // ISATAP (RFC 5214, 6.1).
    if matches!(at(64), 0x5efe | 0x0200_5efe) {
        all.push(at(96));
    }
    all
}

/// What may stand in an address of the prefix that networks use for a NAT64 of their own
/// (RFC 8215). Where it stands is their choice; it goes around bits 64 to 71, and what is
/// behind it is zero (RFC 6052, 2.2). What would begin with 0 there stands elsewhere.
fn of_local_nat64(bits: u128) -> Vec<u32> {
    let behind = (bits >> 24) as u32;
    let around = |before: u32| {
        let high = (bits >> 64) as u32 & ((1 << before) - 1);
        high << (32 - before) | behind >> before
    };
    let places = [(around(16), 88), (around(8), 96), (behind, 104)];
    let left_out = (bits >> 56) & 0xff;
    let found = places
        .into_iter()
        .filter(|(address, end)| left_out == 0 && *address > 0xff_ffff && bits << end == 0);
    let mut all: Vec<u32> = found.map(|(address, _)| address).collect();
    if all.is_empty() {
        all.push(bits as u32);
    }
    all
}
