//! Which addresses a peer may make us connect to: public ones.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressClass {
    /// Benchmarks: 198.18.0.0/15, 2001:2::/48.
    Benchmark,
    /// 255.255.255.255.
    Broadcast,
    /// Carriers' shared space: 100.64.0.0/10.
    CarrierNat,
    /// Documentation: 192.0.2.0/24 and others.
    Documentation,
    /// An IPv4 address inside an IPv6 one: `::ffff:0:0/96`, `::/96`, `::ffff:0:0:0/96`.
    Embedded,
    /// 169.254.0.0/16, fe80::/10: among others the metadata services of clouds.
    LinkLocal,
    /// 127.0.0.0/8, ::1.
    Loopback,
    /// A cloud's service for the machines in it, at an address that looks public.
    Metadata,
    /// 224.0.0.0/4, ff00::/8.
    Multicast,
    /// IPv4 through a translator: 64:ff9b::/96, 64:ff9b:1::/48.
    Nat64,
    /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, fec0::/10.
    Private,
    /// Not given to anybody, or for protocols only.
    Reserved,
    /// 6to4: 2002::/16, 192.88.99.0/24.
    SixToFour,
    /// Teredo: 2001::/32.
    Teredo,
    /// 0.0.0.0/8, ::.
    Unspecified,
}

impl AddressClass {
    /// The class for which an address is refused; `None` for a public address.
    #[must_use]
    pub fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }
}

impl AddressClass {
    /// Whether it is this machine, or a network of the operator's own.
    pub(super) const fn is_inside(self) -> bool {
        matches!(self, Self::CarrierNat | Self::Loopback | Self::Private)
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Benchmark => "benchmark",
            Self::Broadcast => "broadcast",
            Self::CarrierNat => "carrier-grade NAT",
            Self::Documentation => "documentation",
            Self::Embedded => "IPv4-in-IPv6",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::Metadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Nat64 => "NAT64",
            Self::Private => "private",
            Self::Reserved => "reserved",
            Self::SixToFour => "6to4",
            Self::Teredo => "Teredo",
            Self::Unspecified => "unspecified",
        })
    }
}

/// # Spec
/// IANA IPv4 Special-Purpose Address Registry (RFC 6890).
fn of_v4(address: Ipv4Addr) -> Option<AddressClass> {
    use AddressClass as C;
    Some(match address.octets() {
        [0, ..] => C::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => C::Private,
        [100, 64..=127, ..] => C::CarrierNat,
        [127, ..] => C::Loopback,
        [168, 63, 129, 16] => C::Metadata,
        [169, 254, ..] => C::LinkLocal,
        [192, 0, 0, _] => C::Reserved,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => C::Documentation,
        [192, 88, 99, _] => C::SixToFour,
        [198, 18..=19, ..] => C::Benchmark,
        [224..=239, ..] => C::Multicast,
        [255, 255, 255, 255] => C::Broadcast,
        [240..=255, ..] => C::Reserved,
        _ => return None,
    })
}

/// Only global unicast, 2000::/3, is ever public, less what is carved out of it.
///
/// # Spec
/// IANA IPv6 Special-Purpose Address Registry (RFC 6890).
fn of_v6(address: Ipv6Addr) -> Option<AddressClass> {
    use AddressClass as C;
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => C::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => C::Loopback,
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] => C::Embedded,
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x64, 0xff9b, 1, ..] => C::Nat64,
        [0x2001, 0, ..] => C::Teredo,
        [0x2001, 2, 0, ..] => C::Benchmark,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => C::Documentation,
        [0x2001, 0..=0x1ff, ..] => C::Reserved,
        [0x2002, ..] => C::SixToFour,
        [0x2000..=0x3fff, ..] => return None,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => C::Private,
        [0xfe80..=0xfebf, ..] => C::LinkLocal,
        [0xff00..=0xffff, ..] => C::Multicast,
        _ => C::Reserved,
    })
}

#[cfg(test)]
mod tests {
    use super::AddressClass as C;

    #[test]
    fn addresses_of_every_class_are_refused_as_that_class() {
        let cases: &[(C, &[&str])] = &[
            (C::Benchmark, &["198.18.0.0", "198.19.255.255", "2001:2::1"]),
            (C::Broadcast, &["255.255.255.255"]),
            (
                C::CarrierNat,
                &["100.64.0.0", "100.100.100.200", "100.127.255.255"],
            ),
            (
                C::Documentation,
                &["192.0.2.1", "198.51.100.1", "203.0.113.1"],
            ),
            (
                C::Documentation,
                &["2001:db8::1", "3fff::1", "3fff:fff:ffff::1"],
            ),
            (
                C::Embedded,
                &["::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "::2"],
            ),
            (C::Embedded, &["::ffff:0:10.0.0.1"]),
            (
                C::LinkLocal,
                &["169.254.0.0", "169.254.169.254", "fe80::1", "febf::1"],
            ),
            (C::Loopback, &["127.0.0.1", "127.255.255.255", "::1"]),
            (C::Metadata, &["168.63.129.16"]),
            (
                C::Multicast,
                &["224.0.0.1", "239.255.255.255", "ff02::1", "ff00::"],
            ),
            (
                C::Nat64,
                &["64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1"],
            ),
            (
                C::Private,
                &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"],
            ),
            (
                C::Private,
                &[
                    "192.168.0.1",
                    "fc00::1",
                    "fd00:ec2::254",
                    "fec0::1",
                    "feff::1",
                ],
            ),
            (
                C::Reserved,
                &["192.0.0.192", "240.0.0.0", "255.255.255.254", "100::1"],
            ),
            (
                C::Reserved,
                &[
                    "2001:10::1",
                    "2001:20::1",
                    "5f00::1",
                    "1::1",
                    "4000::1",
                    "fe00::1",
                ],
            ),
            (C::SixToFour, &["192.88.99.1", "2002:7f00:1::1", "2002::"]),
            (C::Teredo, &["2001::1", "2001:0:ffff::1"]),
            (C::Unspecified, &["0.0.0.0", "0.255.255.255", "::"]),
        ];
        for (class, addresses) in cases {
            for address in *addresses {
                assert_eq!(C::of(address.parse().unwrap()), Some(*class), "{address}");
            }
        }
    }

    #[test]
    fn public_addresses_are_let_through_up_to_the_edges() {
        for address in [
            "1.0.0.0",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700::1111",
            "3ffe:ffff::1",
            "3fff:1000::1",
        ] {
            assert_eq!(C::of(address.parse().unwrap()), None, "{address}");
        }
    }
}
