//! The routes, from `/proc/net/route` and `/proc/net/ipv6_route`.
//!
//! rtnetlink(7) would do without `/proc`, which can be mounted privately anyway. But these files are what qemu-ga reads, and
//! they are no mere print of what rtnetlink tells: of IPv4 they have the main table, and of a route with several ways only
//! the first; what they call flags, MTU and references is reckoned by the kernel for them.

use core::ffi::CStr;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::Linux;
use super::lines;
use super::proc_lines::{Words, number};
use crate::errno::Errno;
use crate::guest::{ListPlace, Route, RouteError, Routes, ShortName, Way};

// `/proc/net` is a link to the same, but of the agent's own network in any case.
const V4: &CStr = c"self/net/route";
const V6: &CStr = c"self/net/ipv6_route";

impl Routes for Linux {
    /// The place is a number of lines, and 0 for the file of IPv4 or 1 for that of IPv6.
    fn routes(
        &mut self,
        ListPlace([from, file]): ListPlace,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(&Route, ListPlace) -> bool,
    ) -> Result<(), RouteError> {
        let mut is_v6 = file != 0;
        if !is_v6 {
            is_v6 = self
                .proc_lines(V4, from, buffer, &mut |line, behind| {
                    v4(line).is_none_or(|route| visit(&route, ListPlace([behind, 0])))
                })
                .map_err(RouteError::V4)?;
        }
        if !is_v6 {
            return Ok(());
        }
        let from = if file == 0 { 0 } else { from };
        let told = self.proc_lines(V6, from, buffer, &mut |line, behind| {
            v6(line).is_none_or(|route| visit(&route, ListPlace([behind, 1])))
        });
        match told {
            // A kernel without IPv6.
            Ok(_) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(RouteError::V6(errno)),
        }
    }
}

/// A number in decimal, which the kernel may have taken for a signed one when it wrote it.
#[inline(never)] // six times used
fn unsigned(words: &mut Words<'_>) -> Option<u32> {
    let word = words.next()?;
    match word.strip_prefix(b"-") {
        Some(digits) => u32::try_from(number(digits)?).ok().map(u32::wrapping_neg),
        None => u32::try_from(number(word)?).ok(),
    }
}

/// A number in hexadecimal.
fn hexadecimal(words: &mut Words<'_>) -> Option<u32> {
    from_hexadecimal(words.next()?)
}

#[inline(never)] // used all over
fn from_hexadecimal(digits: &[u8]) -> Option<u32> {
    let (value, []) = lines::number(digits, 16)? else { return None };
    u32::try_from(value).ok()
}

/// An address of IPv6 as its 32 digits.
#[inline(never)] // three times used
fn v6_address(words: &mut Words<'_>) -> Option<Ipv6Addr> {
    let mut octets = [0; 16];
    let (digits, []) = words.next()?.as_chunks::<2>() else { return None };
    if digits.len() != octets.len() {
        return None;
    }
    for (octet, digits) in octets.iter_mut().zip(digits) {
        *octet = u8::try_from(from_hexadecimal(digits)?).ok()?;
    }
    Some(Ipv6Addr::from(octets))
}

/// `eth0 000200C0 00000000 0001 0 0 0 00FFFFFF 0 0 0`. `None` for the head of the table.
fn v4(line: &[u8]) -> Option<Route> {
    let mut words = Words(line);
    let interface = ShortName::of(words.next()?);
    let mut fields = [0; 10];
    for (field, &is_hexadecimal) in fields.iter_mut().zip(b"xxx   x   ") {
        *field = if is_hexadecimal == b'x' { hexadecimal(&mut words) } else { unsigned(&mut words) }?;
    }
    let [destination, gateway, flags, references, uses, metric, mask, mtu, window, round_trip] = fields;
    // An address is printed as the number that it is in memory.
    let [destination, gateway, mask] =
        [destination, gateway, mask].map(|address| Ipv4Addr::from(address.to_ne_bytes()));
    let way = Way::V4 { destination, mask, gateway, mtu, window, round_trip };
    Some(Route { interface, metric, flags, references, uses, way })
}

/// `fe80...0 40 00...0 00 00...0 00000100 00000002 00000000 00000001 eth0`
fn v6(line: &[u8]) -> Option<Route> {
    let mut words = Words(line);
    let destination = v6_address(&mut words)?;
    let destination_prefix = u8::try_from(hexadecimal(&mut words)?).ok()?;
    let source = v6_address(&mut words)?;
    let source_prefix = u8::try_from(hexadecimal(&mut words)?).ok()?;
    let next_hop = v6_address(&mut words)?;
    let metric = hexadecimal(&mut words)?;
    let references = hexadecimal(&mut words)?;
    let uses = hexadecimal(&mut words)?;
    let flags = hexadecimal(&mut words)?;
    let interface = ShortName::of(words.next()?);
    let way = Way::V6 { destination, destination_prefix, source, source_prefix, next_hop };
    Some(Route { interface, metric, flags, references, uses, way })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_ipv4_are_read() {
        // As on a little-endian machine.
        if cfg!(target_endian = "big") {
            return;
        }
        let line = b"eth0\t000200C0\t010200C0\t0003\t1\t2\t-3\t00FFFFFF\t1500\t4294967295\t6          ";
        let way = Way::V4 {
            destination: Ipv4Addr::new(192, 0, 2, 0),
            mask: Ipv4Addr::new(255, 255, 255, 0),
            gateway: Ipv4Addr::new(192, 0, 2, 1),
            mtu: 1500,
            window: u32::MAX,
            round_trip: 6,
        };
        let interface = ShortName::of(b"eth0");
        let route = Route { interface, metric: 0xFFFF_FFFD, flags: 3, references: 1, uses: 2, way };
        assert_eq!(v4(line), Some(route));
        let head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
        for line in [
            head,
            "",
            "eth0",
            "eth0 000200C0 010200C0 0003 1 2 3 00FFFFFF 1500 5",
            "eth0 000200C0 010200C0 0003 1 2 3 100FFFFFF 1500 5 6",
            "eth0 000200C0 010200C0 0003 1 2 4294967296 00FFFFFF 1500 5 6",
            "eth0 000200CX 010200C0 0003 1 2 3 00FFFFFF 1500 5 6",
            "eth0 000200C0 010200C0 0003 1 2 3x 00FFFFFF 1500 5 6",
        ] {
            assert_eq!(v4(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn routes_of_ipv6_are_read() {
        let line = "20010db8000000000000000000000000 20 fe800000000000000000000000000000 0a \
                    20010db8000000000000000000000001 ffffffff 00000002 00000003 80200001     eth0";
        let way = Way::V6 {
            destination: "2001:db8::".parse().unwrap(),
            destination_prefix: 32,
            source: "fe80::".parse().unwrap(),
            source_prefix: 10,
            next_hop: "2001:db8::1".parse().unwrap(),
        };
        let interface = ShortName::of(b"eth0");
        let route = Route { interface, metric: u32::MAX, flags: 0x8020_0001, references: 2, uses: 3, way };
        assert_eq!(v6(line.as_bytes()), Some(route));
        for length in 0..line.len() {
            // All of it but of the name.
            assert_eq!(v6(line.get(..length).unwrap().as_bytes()).is_some(), length > line.len() - 4, "{length}");
        }
        for (from, to) in
            [("20010db8", "2001:db8"), ("20010db8", "20010db80"), (" 20 ", " 100 "), ("ffffffff", "1ffffffff")]
        {
            assert_eq!(v6(line.replacen(from, to, 1).as_bytes()), None, "{to}");
        }
    }

    /// The routes of this machine, `piece` at a time.
    fn routes(piece: usize) -> Vec<Route> {
        let mut guest = Linux::for_test(&crate::linux::options::Options::DEFAULT);
        let (mut all, mut place, mut buffer) = (Vec::new(), ListPlace::default(), vec![0; 1024]);
        loop {
            let begin = all.len();
            guest
                .routes(place, &mut buffer, &mut |route, behind| {
                    let is_told = all.len() < begin + piece;
                    if is_told {
                        place = behind;
                        // How often it is referred to changes meanwhile.
                        all.push(Route { references: 0, ..*route });
                    }
                    is_told
                })
                .unwrap();
            if all.len() < begin + piece {
                return all;
            }
        }
    }

    #[test]
    fn the_routes_of_this_machine_are_the_same_in_any_pieces() {
        let whole = routes(usize::MAX / 2);
        for piece in 1..5 {
            assert_eq!(routes(piece), whole, "{piece} routes a call");
        }
    }
}
