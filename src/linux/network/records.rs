//! What a message of rtnetlink(7) says of a link or an address.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::before;
use crate::guest::{InterfacePiece, InterfaceStatistics};
use crate::linux::netlink::{Attributes, Message, i32_at};

pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_NEWADDR: u16 = 20;
/// The header of a message about a link (struct ifinfomsg): family, type, number, flags.
pub(super) const LINK_HEADER_BYTES: usize = 16;
pub(super) const IFLA_ADDRESS: u16 = 1;
pub(super) const IFLA_IFNAME: u16 = 3;
pub(super) const IFLA_STATS64: u16 = 23;
/// The header of a message about an address (struct ifaddrmsg): family, prefix, flags, scope, number of the link.
pub(super) const ADDRESS_HEADER_BYTES: usize = 8;
pub(super) const IFA_ADDRESS: u16 = 1;
pub(super) const IFA_LOCAL: u16 = 2;
pub(super) const IFA_LABEL: u16 = 3;
pub(super) const AF_INET: u8 = 2;
pub(super) const AF_INET6: u8 = 10;

/// The longest name of a link or label, with its NUL.
pub(super) const NAME_BYTES: usize = 16;

/// A name, filled up with NULs.
pub(super) type Name = [u8; NAME_BYTES];

/// What is kept of a link while its addresses are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) number: i32,
    pub(super) name: Name,
    pub(super) hardware_address: [u8; 6],
    pub(super) statistics: Option<InterfaceStatistics>,
}

/// What there is to know of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) link: i32,
    pub(super) address: IpAddr,
    pub(super) prefix: u8,
    /// IPv4 only.
    pub(super) label: Option<Name>,
}

impl Link {
    /// Reads a message; `None` if it is about something else, or no link.
    pub(super) fn read(&mut self, message: Message<'_>) -> Option<()> {
        if message.kind != RTM_NEWLINK {
            return None;
        }
        *self = Link { number: i32_at(message.body, 4)?, ..Link::default() };
        for (kind, value) in Attributes(message.body.get(LINK_HEADER_BYTES..)?) {
            match kind {
                IFLA_IFNAME => self.name = name(value),
                IFLA_ADDRESS => fill(&mut self.hardware_address, value),
                IFLA_STATS64 => self.statistics = statistics(value),
                _ => {}
            }
        }
        if text(&self.name).is_empty() { None } else { Some(()) }
    }

    /// The end of the link itself, or of a label of it, which has no counters of its own.
    #[inline(never)] // smaller so
    pub(super) fn end(&self, is_label: bool) -> InterfacePiece<'_> {
        let statistics = if is_label { None } else { self.statistics.as_ref() };
        InterfacePiece::End { statistics, hardware_address: self.hardware_address }
    }
}

impl Address {
    /// Reads a message, `None` if it is about something else.
    pub(super) fn read(message: Message<'_>) -> Option<Self> {
        let &[family, prefix, ..] = message.body else { return None };
        if message.kind != RTM_NEWADDR {
            return None;
        }
        let link = i32_at(message.body, 4)?;
        let mut local = None;
        let mut other = None;
        let mut label = None;
        for (kind, value) in Attributes(message.body.get(ADDRESS_HEADER_BYTES..)?) {
            match kind {
                IFA_LOCAL => local = ip(family, value),
                // That of the other end, if there is a local one as well.
                IFA_ADDRESS => other = ip(family, value),
                IFA_LABEL if family == AF_INET => label = Some(name(value)),
                _ => {}
            }
        }
        Some(Address { link, address: local.or(other)?, prefix, label })
    }

    pub(super) fn piece(&self) -> InterfacePiece<'static> {
        InterfacePiece::Address { address: self.address, prefix: self.prefix }
    }
}

#[inline(never)] // smaller so
pub(super) fn ip(family: u8, bytes: &[u8]) -> Option<IpAddr> {
    match family {
        AF_INET => bytes.first_chunk::<4>().map(|bytes| Ipv4Addr::from(*bytes).into()),
        AF_INET6 => bytes.first_chunk::<16>().map(|bytes| Ipv6Addr::from(*bytes).into()),
        _ => None,
    }
}

/// The counters of struct rtnl_link_stats64, added up as `/proc/net/dev` does.
#[inline(never)] // smaller so
pub(super) fn statistics(bytes: &[u8]) -> Option<InterfaceStatistics> {
    let (counters, _) = bytes.as_chunks::<8>();
    let counters = counters.first_chunk::<16>()?.map(u64::from_ne_bytes);
    let [
        received_packets,
        sent_packets,
        received_bytes,
        sent_bytes,
        receive_errors,
        send_errors,
        dropped,
        send_dropped,
        ..,
        missed,
    ] = counters;
    Some(InterfaceStatistics {
        received_packets,
        sent_packets,
        received_bytes,
        sent_bytes,
        receive_errors,
        send_errors,
        receive_dropped: dropped.saturating_add(missed),
        send_dropped,
    })
}

/// A name without its NUL; what is too long is cut.
pub(super) fn name(value: &[u8]) -> Name {
    let mut name = Name::default();
    fill(&mut name, text(value));
    name
}

/// Copies as much as there is, and room for.
fn fill(room: &mut [u8], bytes: &[u8]) {
    for (to, from) in room.iter_mut().zip(bytes) {
        *to = *from;
    }
}

/// What stands before the first NUL.
pub(super) fn text(name: &[u8]) -> &[u8] {
    before(name, 0)
}
