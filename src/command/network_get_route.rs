//! `guest-network-get-route`: where packets go.
//!
//! Schema 10.0, since 9.1.
//! Arguments: none.
//! Returns: a list, the routes of IPv4 before those of IPv6, of `iface`, `metric`, `flags`, `refcnt`, `use`, `version` (4 or
//! 6) and `destination`; of IPv4 also `mask`, `gateway`, `mtu`, `window`, `irtt`; of IPv6 `desprefixlen`, `source`,
//! `srcprefixlen`, `nexthop`, where the lengths are strings. Addresses are as inet_ntop(3) writes them.
//! Errors: `open("/proc/net/route")` or `open("/proc/net/ipv6_route")`, with the reason. An error behind the first piece of a
//! long reply breaks it off.
//! Differs from qemu-ga in that a guest without IPv6 has its routes of IPv4 (differences.md: routes-without-ipv6), in numbers
//! beyond 2^31 (differences.md: route-numbers), and in that `/proc` need not be mounted (differences.md: proc-not-mounted).
//! Needs [`Routes`]; does not run while frozen; written in steps, so a million routes need no more memory than one.

use core::net::IpAddr;

use super::address::write_address;
use super::listing::{Listed, Piece};

use crate::error;
use crate::error::Error;
use crate::guest::{ListPlace, Route, RouteError, Routes, Way};
use crate::json::write::{Object, Writer};

/// `guest-network-get-route`.
#[derive(Debug)]
pub struct NetworkGetRoute;

fn write_route(route: &Route, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.member("iface").text(route.interface.bytes());
        let numbers = [route.metric, route.flags, route.references, route.uses].map(u64::from);
        object.numbers("metric flags refcnt use", &numbers);
        match route.way {
            Way::V4 { destination, mask, gateway, mtu, window, round_trip } => {
                object.member("version").unsigned(4);
                address(object, "destination", destination.into());
                address(object, "mask", mask.into());
                address(object, "gateway", gateway.into());
                object.numbers("mtu window irtt", &[mtu, window, round_trip].map(u64::from));
            }
            Way::V6 { destination, destination_prefix, source, source_prefix, next_hop } => {
                object.member("version").unsigned(6);
                address(object, "destination", destination.into());
                length(object, "desprefixlen", destination_prefix);
                address(object, "source", source.into());
                length(object, "srcprefixlen", source_prefix);
                address(object, "nexthop", next_hop.into());
            }
        }
    });
}

fn address(object: &mut Object<'_, '_>, name: &str, address: IpAddr) {
    let writer = object.member(name);
    writer.raw(b"\"");
    write_address(address, writer);
    writer.raw(b"\"");
}

fn length(object: &mut Object<'_, '_>, name: &str, bits: u8) {
    let writer = object.member(name);
    writer.raw(b"\"");
    writer.unsigned(bits.into());
    writer.raw(b"\"");
}

/// What the client is told of an error; the files are those of Linux, as in the texts of qemu-ga.
fn told<'a>(error: RouteError) -> Error<'a> {
    match error {
        RouteError::V4(errno) => error!["open(\"/proc/net/route\"): ", errno],
        RouteError::V6(errno) => error!["open(\"/proc/net/ipv6_route\"): ", errno],
    }
}

impl<G: Routes + 'static> Listed<G> for NetworkGetRoute {
    const NAME: &'static str = "guest-network-get-route";
    const IS_LONG: bool = true;

    fn list(
        guest: &mut G,
        from: ListPlace,
        buffer: &mut [u8],
        piece: &mut Piece<'_, '_>,
    ) -> Result<(), Error<'static>> {
        let mut visit = |route: &Route, place| piece.item(place, &mut |writer| write_route(route, writer));
        guest.routes(from, buffer, &mut visit).map_err(told)
    }

    fn abandon(guest: &mut G) {
        guest.end_list();
    }
}
