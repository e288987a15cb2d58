//! The network interfaces, over rtnetlink(7).
//!
//! The kernel tells links and addresses in two lists. To put them together without keeping either, the addresses are
//! asked for once a link, with the link's number as a filter, which the kernel looks up (since 4.20, with
//! `NETLINK_GET_STRICT_CHK`); one before it answers with all addresses, and the filter is applied here. Reading both lists
//! side by side would need fewer calls, but nothing promises that both have the same order: 6.1 tells links in the order
//! of a hash table, 6.18 in that of their numbers, and each list has code of its own.
//!
//! Without the kernel's filter, which only 4.19 is, the work grows with the square of the number of links.
//!
//! An IPv4 address may have a label of its own (`eth0:1`), which clients are told as an interface. These come after all
//! links, so if there are any the links are gone through once more.

mod records;

use super::Linux;
use super::netlink::Dump;
use crate::errno::Errno;
use crate::guest::{InterfaceList, InterfacePiece, Network};
use crate::sys::fd::Fd;
use crate::sys::netlink;
use records::{Address, LINK_HEADER_BYTES, Link, Name, text};

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;

/// What is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A link.
    Link,
    /// The name of the link.
    Name,
    /// Its addresses.
    Addresses,
    /// Its end.
    End,
    /// In the second pass: the first of its labels at or behind the address that is looked at.
    Label,
    /// Whether the label that this address has is not that of an earlier one.
    IsFirst,
    /// The label as a name.
    LabelName,
    /// The addresses with the label.
    LabelAddresses,
    /// The end of the label.
    LabelEnd,
}

/// A list of interfaces that is being told.
#[derive(Debug)]
pub struct Interfaces {
    links: Dump,
    addresses: Dump,
    stage: Stage,
    link: Link,
    label: Name,
    /// The ordinal of the address that is looked at for its label.
    looked_at: usize,
    /// The first pass is over.
    for_labels: bool,
    /// The first pass saw one.
    has_labels: bool,
}

impl Interfaces {
    /// Nothing asked for yet.
    fn new(links: Fd, addresses: Fd) -> Self {
        Interfaces {
            links: Dump::new(links),
            addresses: Dump::new(addresses),
            stage: Stage::Link,
            link: Link::default(),
            label: Name::default(),
            looked_at: 0,
            for_labels: false,
            has_labels: false,
        }
    }

    fn ask_links(&mut self) -> Result<(), Errno> {
        self.links.request(RTM_GETLINK, &[0; LINK_HEADER_BYTES])
    }

    fn ask_addresses(&mut self) -> Result<(), Errno> {
        let [a, b, c, d] = self.link.number.to_ne_bytes();
        self.addresses.request(RTM_GETADDR, &[0, 0, 0, 0, a, b, c, d])
    }

    /// The next address of the link, `None` behind the last.
    fn next_address(&mut self, buffer: &mut [u8]) -> Result<Option<Address>, Errno> {
        loop {
            match self.addresses.next(buffer) {
                Ok(Some(message)) => {
                    if let Some(address) = Address::read(message).filter(|address| address.link == self.link.number) {
                        return Ok(Some(address));
                    }
                }
                // The link is gone, and its addresses with it.
                Ok(None) | Err(Errno::ENODEV) => return Ok(None),
                Err(errno) => return Err(errno),
            }
        }
    }

    /// See [`Network::interfaces`]. One turn of the loop reads one message.
    #[inline(never)] // smaller so
    fn tell(
        &mut self,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(InterfacePiece<'_>) -> bool,
    ) -> Result<InterfaceList, Errno> {
        let half = buffer.len() / 2;
        let (link_buffer, buffer) = buffer.split_at_mut_checked(half).unwrap_or_default();
        self.links.refresh();
        self.addresses.refresh();
        loop {
            self.stage = match self.stage {
                Stage::Link => match self.links.next(link_buffer)? {
                    Some(message) if self.link.read(message).is_some() => {
                        self.looked_at = 0;
                        if self.for_labels { Stage::Label } else { Stage::Name }
                    }
                    Some(_) => Stage::Link,
                    None if self.has_labels && !self.for_labels => {
                        self.for_labels = true;
                        self.ask_links()?;
                        Stage::Link
                    }
                    None => {
                        let changed = self.links.changed || self.addresses.changed;
                        return Ok(InterfaceList::Complete { changed });
                    }
                },
                Stage::Name => {
                    if !visit(InterfacePiece::Name(text(&self.link.name))) {
                        return Ok(InterfaceList::More);
                    }
                    self.ask_addresses()?;
                    Stage::Addresses
                }
                Stage::Addresses => match self.next_address(buffer)? {
                    Some(address) if self.is_labelled(&address) => {
                        self.has_labels = true;
                        Stage::Addresses
                    }
                    Some(address) => {
                        if !visit(address.piece()) {
                            self.addresses.put_back();
                            return Ok(InterfaceList::More);
                        }
                        Stage::Addresses
                    }
                    None => Stage::End,
                },
                Stage::End => {
                    if !visit(self.link.end(false)) {
                        return Ok(InterfaceList::More);
                    }
                    Stage::Link
                }
                Stage::Label => self.find_label(buffer)?,
                Stage::IsFirst => self.check_label(buffer)?,
                Stage::LabelName => {
                    if !visit(InterfacePiece::Name(text(&self.label))) {
                        return Ok(InterfaceList::More);
                    }
                    Stage::LabelAddresses
                }
                Stage::LabelAddresses => match self.next_address(buffer)? {
                    Some(address) => {
                        if address.label == Some(self.label) && !visit(address.piece()) {
                            self.addresses.put_back();
                            return Ok(InterfaceList::More);
                        }
                        Stage::LabelAddresses
                    }
                    None => Stage::LabelEnd,
                },
                Stage::LabelEnd => {
                    if !visit(self.link.end(true)) {
                        return Ok(InterfaceList::More);
                    }
                    self.looked_at = self.looked_at.saturating_add(1);
                    Stage::Label
                }
            }
        }
    }

    fn is_labelled(&self, address: &Address) -> bool {
        address.label.is_some_and(|label| label != self.link.name)
    }

    /// Looks for the first label at or behind the address that is looked at. Reads the link's addresses once.
    fn find_label(&mut self, buffer: &mut [u8]) -> Result<Stage, Errno> {
        self.ask_addresses()?;
        let mut ordinal: usize = 0;
        while let Some(address) = self.next_address(buffer)? {
            if ordinal >= self.looked_at
                && self.is_labelled(&address)
                && let Some(label) = address.label
            {
                self.label = label;
                self.looked_at = ordinal;
                self.addresses.skip(buffer)?;
                return Ok(Stage::IsFirst);
            }
            ordinal = ordinal.saturating_add(1);
        }
        Ok(Stage::Link)
    }

    /// Whether the label is not that of an address before the one that is looked at, and so was told already. Reads the
    /// link's addresses up to the first one with the label, or, if that was told, all of them.
    fn check_label(&mut self, buffer: &mut [u8]) -> Result<Stage, Errno> {
        self.ask_addresses()?;
        let mut ordinal: usize = 0;
        while let Some(address) = self.next_address(buffer)? {
            if address.label == Some(self.label) {
                if ordinal < self.looked_at {
                    break;
                }
                self.addresses.put_back();
                return Ok(Stage::LabelName);
            }
            ordinal = ordinal.saturating_add(1);
        }
        self.addresses.skip(buffer)?;
        self.looked_at = self.looked_at.saturating_add(1);
        Ok(Stage::Label)
    }
}

impl Network for Linux {
    #[inline(never)] // smaller so
    fn begin_interfaces(&mut self) -> Result<(), Errno> {
        self.interfaces = None;
        let (links, addresses) = (netlink::route()?, netlink::route()?);
        let asked = self.interfaces.insert(Interfaces::new(links, addresses)).ask_links();
        if asked.is_err() {
            self.interfaces = None;
        }
        asked
    }

    fn interfaces(
        &mut self,
        buffer: &mut [u8],
        visit: &mut dyn FnMut(InterfacePiece<'_>) -> bool,
    ) -> Result<InterfaceList, Errno> {
        let Some(interfaces) = &mut self.interfaces else { return Err(Errno::EBADF) };
        let told = interfaces.tell(buffer, visit);
        if told != Ok(InterfaceList::More) {
            self.interfaces = None;
        }
        told
    }

    fn end_interfaces(&mut self) {
        self.interfaces = None;
    }
}

#[cfg(test)]
mod tests {
    use core::net::IpAddr;

    use super::records::*;
    use super::*;
    use crate::linux::netlink::Message;

    fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
        bytes.extend(u16::try_from(value.len().saturating_add(4)).unwrap().to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }

    fn link_message() -> Vec<u8> {
        let mut body = vec![0; LINK_HEADER_BYTES];
        body[4..8].copy_from_slice(&7_i32.to_ne_bytes());
        attribute(&mut body, IFLA_IFNAME, b"eth0\0");
        attribute(&mut body, IFLA_ADDRESS, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let counters: Vec<u8> = (1_u64..=24).flat_map(u64::to_ne_bytes).collect();
        attribute(&mut body, IFLA_STATS64, &counters);
        body
    }

    fn address_message(family: u8, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![family, 24, 0, 0];
        body.extend(7_i32.to_ne_bytes());
        for (kind, value) in attributes {
            attribute(&mut body, *kind, value);
        }
        body
    }

    fn read_link(message: Message<'_>) -> Option<Link> {
        let mut link = Link::default();
        link.read(message).map(|()| link)
    }

    #[test]
    fn a_link_is_read() {
        let link = read_link(Message { kind: RTM_NEWLINK, body: &link_message() }).unwrap();
        assert_eq!((link.number, text(&link.name), link.hardware_address), (7, &b"eth0"[..], [1, 2, 3, 4, 5, 6]));
        let statistics = link.statistics.unwrap();
        assert_eq!((statistics.received_packets, statistics.sent_packets), (1, 2));
        assert_eq!((statistics.received_bytes, statistics.sent_bytes), (3, 4));
        assert_eq!((statistics.receive_errors, statistics.send_errors), (5, 6));
        assert_eq!((statistics.receive_dropped, statistics.send_dropped), (7 + 16, 8), "missed ones are dropped ones");
    }

    #[test]
    fn a_short_hardware_address_is_filled_up_with_zeros() {
        let mut body = vec![0; LINK_HEADER_BYTES];
        attribute(&mut body, IFLA_ADDRESS, &[10, 0, 0, 1]);
        attribute(&mut body, IFLA_IFNAME, b"tunl0\0");
        let link = read_link(Message { kind: RTM_NEWLINK, body: &body }).unwrap();
        assert_eq!((link.hardware_address, link.statistics), ([10, 0, 0, 1, 0, 0], None));
    }

    #[test]
    fn the_own_end_of_a_line_is_the_address() {
        let near = (IFA_LOCAL, &[10, 0, 0, 1][..]);
        let far = (IFA_ADDRESS, &[10, 0, 0, 2][..]);
        let only = (IFA_ADDRESS, &[0xFE; 16][..]);
        let cases = [
            (AF_INET, vec![far, near, (IFA_LABEL, b"e:1\0")], "10.0.0.1", Some(&b"e:1"[..])),
            (AF_INET, vec![near, far], "10.0.0.1", None),
            (AF_INET6, vec![only], "fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe", None),
            (AF_INET6, vec![only, (IFA_LOCAL, &[0; 16])], "::", None),
        ];
        for (family, attributes, expected, label) in cases {
            let body = address_message(family, &attributes);
            let address = Address::read(Message { kind: RTM_NEWADDR, body: &body }).unwrap();
            assert_eq!((address.link, address.prefix), (7, 24));
            assert_eq!(address.address, expected.parse::<IpAddr>().unwrap());
            assert_eq!(address.label.as_ref().map(|label| text(label)), label);
        }
    }

    #[test]
    fn messages_that_are_cut_or_of_another_kind_are_passed_over() {
        let link = link_message();
        let address = address_message(AF_INET6, &[(IFA_ADDRESS, &[1; 16])]);
        for length in 0..link.len() {
            let read = read_link(Message { kind: RTM_NEWLINK, body: &link[..length] });
            // The name is what a link must have.
            assert_eq!(read.is_some(), length >= LINK_HEADER_BYTES + 9, "{length}");
            assert!(read.is_none_or(|link| link.statistics.is_none()), "{length}");
        }
        for length in 0..address.len() {
            assert_eq!(Address::read(Message { kind: RTM_NEWADDR, body: &address[..length] }), None, "{length}");
        }
        assert_eq!(read_link(Message { kind: RTM_NEWADDR, body: &link }), None);
        assert_eq!(Address::read(Message { kind: RTM_NEWLINK, body: &address }), None);
        let short = address_message(AF_INET, &[(IFA_LOCAL, &[1, 2, 3])]);
        assert_eq!(Address::read(Message { kind: RTM_NEWADDR, body: &short }), None);
        let other = address_message(17, &[(IFA_ADDRESS, &[1; 16])]);
        assert_eq!(Address::read(Message { kind: RTM_NEWADDR, body: &other }), None);
    }

    /// The pieces that the kernel of this machine gives, `at_most` of them a call.
    fn pieces(at_most: usize) -> Vec<String> {
        let mut interfaces = Interfaces::new(netlink::route().unwrap(), netlink::route().unwrap());
        interfaces.ask_links().unwrap();
        let mut buffer = vec![0; 32768];
        let mut told = Vec::new();
        loop {
            let mut left = at_most;
            let list = interfaces.tell(&mut buffer, &mut |piece| {
                if left == 0 {
                    return false;
                }
                left = left.saturating_sub(1);
                // Counters change meanwhile.
                let piece = match piece {
                    InterfacePiece::End { hardware_address, .. } => {
                        InterfacePiece::End { statistics: None, hardware_address }
                    }
                    piece => piece,
                };
                told.push(format!("{piece:?}"));
                true
            });
            if list != Ok(InterfaceList::More) {
                assert!(matches!(list, Ok(InterfaceList::Complete { .. })), "{list:?}");
                return told;
            }
            buffer.fill(0xAA);
        }
    }

    #[test]
    fn the_list_of_this_machine_is_the_same_in_any_pieces() {
        let whole = pieces(usize::MAX);
        assert!(whole.len() >= 2, "a name and an end");
        for at_most in 1..5 {
            assert_eq!(pieces(at_most), whole, "{at_most} pieces a call");
        }
    }
}
