//! Netlink messages: requests for lists ("dumps"), and reading the answers one by one.
//!
//! An answer to a dump is a row of datagrams, each of several messages. A [`Dump`] leaves the datagram it is at in the
//! socket's queue, where the kernel keeps it, and remembers how far it has read, so what is not read yet takes no memory
//! of the agent's, however long the pause. The kernel goes on with a list only as the queue is emptied.
//!
//! Numbers are in the byte order of the machine (netlink(7), rtnetlink(7)).

use crate::bytes::put;
use crate::errno::Errno;
use crate::sys::fd::Fd;
use crate::sys::netlink;

/// The length of the header of a message: length, type, flags, sequence number, port.
pub const HEADER_BYTES: usize = 16;

const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP_INTR: u16 = 0x10;
const NLM_F_DUMP: u16 = 0x300;

/// What stands before the attributes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    length: usize,
    kind: u16,
    flags: u16,
    sequence: u32,
}

/// A message: its type, and what follows its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'m> {
    /// The type, `RTM_...`.
    pub kind: u16,
    /// The rest.
    pub body: &'m [u8],
}

/// A list that the kernel tells.
#[derive(Debug)]
pub struct Dump {
    socket: Fd,
    sequence: u32,
    /// The length of the datagram at the head of the queue, once it is in the buffer.
    held: Option<usize>,
    /// Where in the datagram the next message begins, and where the last one did.
    next: usize,
    last: usize,
    done: bool,
    /// The kernel said that something changed while it told a list.
    pub changed: bool,
}

impl Dump {
    /// Nothing asked for yet. `socket` is one of [`netlink::route`].
    pub fn new(socket: Fd) -> Self {
        Dump { socket, sequence: 0, held: None, next: 0, last: 0, done: true, changed: false }
    }

    /// Asks for a list of the type `kind`. What is left of the one before must have been read, or
    /// [skipped](Dump::skip). `body` is the header of the type's own, which says what to filter.
    ///
    /// # Errors
    /// Those of send(2).
    pub fn request(&mut self, kind: u16, body: &[u8]) -> Result<(), Errno> {
        self.sequence = self.sequence.wrapping_add(1);
        let length = HEADER_BYTES.saturating_add(body.len());
        let flags = NLM_F_REQUEST | NLM_F_DUMP;
        // Enough for the headers of all types.
        let mut message = [0; 64];
        let mut end = Some(0);
        for part in &[
            &u32::try_from(length).unwrap_or(0).to_ne_bytes()[..],
            &kind.to_ne_bytes(),
            &flags.to_ne_bytes(),
            &self.sequence.to_ne_bytes(),
            // The port of the kernel.
            &[0; 4],
            body,
        ] {
            end = end.and_then(|end| put(&mut message, end, part));
        }
        self.held = None;
        self.next = 0;
        self.last = 0;
        self.done = false;
        self.socket.write(end.and_then(|end| message.get(..end)).ok_or(Errno::EMSGSIZE)?).map(drop)
    }

    /// The buffer has been used for something else: what it held is fetched again.
    pub fn refresh(&mut self) {
        self.held = None;
    }

    /// The next message of the list, `None` at its end. `buffer` must be the same until [`Dump::refresh`]. Reads at most
    /// the rest of the list.
    ///
    /// # Errors
    /// `EMSGSIZE` for a datagram longer than the buffer, `EBADMSG` for one that makes no sense, `ENOBUFS` if the kernel
    /// lost some; those of recv(2); those that the kernel answers.
    pub fn next<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Message<'b>>, Errno> {
        let (start, header) = loop {
            if self.done {
                return Ok(None);
            }
            let held = match self.held {
                Some(held) => held,
                None => self.fetch(buffer)?,
            };
            let datagram = buffer.get(..held).unwrap_or_default();
            let rest = datagram.get(self.next..).unwrap_or_default();
            if rest.is_empty() {
                self.drop_datagram()?;
                continue;
            }
            let header = header(rest).ok_or(Errno::EBADMSG)?;
            let start = self.next;
            self.last = start;
            self.next = aligned(start.saturating_add(header.length));
            if header.sequence != self.sequence {
                continue;
            }
            self.changed |= header.flags & NLM_F_DUMP_INTR != 0;
            match header.kind {
                NLMSG_NOOP => {}
                NLMSG_OVERRUN => return Err(Errno::ENOBUFS),
                NLMSG_ERROR | NLMSG_DONE => {
                    self.done = true;
                    let body = rest.get(HEADER_BYTES..header.length).unwrap_or_default();
                    // The kernel writes errors as negative numbers, and none as 0.
                    let error = i32_at(body, 0).unwrap_or(0);
                    self.drop_datagram()?;
                    return if error < 0 { Err(Errno::new(error.saturating_neg())) } else { Ok(None) };
                }
                _ => break (start, header),
            }
        };
        let end = start.saturating_add(header.length);
        let body = buffer.get(start.saturating_add(HEADER_BYTES)..end).unwrap_or_default();
        Ok(Some(Message { kind: header.kind, body }))
    }

    /// The message that [`Dump::next`] just answered is to be answered again.
    pub fn put_back(&mut self) {
        self.next = self.last;
    }

    /// Reads the rest of the list for nothing.
    ///
    /// # Errors
    /// Those of [`Dump::next`].
    pub fn skip(&mut self, buffer: &mut [u8]) -> Result<(), Errno> {
        while self.next(buffer)?.is_some() {}
        Ok(())
    }

    fn fetch(&mut self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let length = netlink::peek(&self.socket, buffer)?;
        if length > buffer.len() {
            return Err(Errno::EMSGSIZE);
        }
        // An empty one would have us look for ever.
        if length == 0 {
            return Err(Errno::EBADMSG);
        }
        self.held = Some(length);
        Ok(length)
    }

    fn drop_datagram(&mut self) -> Result<(), Errno> {
        self.held = None;
        self.next = 0;
        self.last = 0;
        netlink::discard(&self.socket)
    }
}

/// The header at the start of `bytes`, `None` if it or its message does not fit into them.
fn header(bytes: &[u8]) -> Option<Header> {
    let length = usize::try_from(u32_at(bytes, 0)?).ok()?;
    if length < HEADER_BYTES || length > bytes.len() {
        return None;
    }
    Some(Header { length, kind: u16_at(bytes, 4)?, flags: u16_at(bytes, 6)?, sequence: u32_at(bytes, 8)? })
}

/// Goes through attributes: type and value of each. Ends at the first one that does not fit.
#[derive(Clone, Debug)]
pub struct Attributes<'m>(pub &'m [u8]);

impl<'m> Iterator for Attributes<'m> {
    type Item = (u16, &'m [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        /// Two bits of the type say how the value is built.
        const TYPE_MASK: u16 = 0x3FFF;
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & TYPE_MASK;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// Messages and attributes begin at multiples of four.
fn aligned(length: usize) -> usize {
    length.saturating_add(3) & !3
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A number in `bytes`.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

/// A number in `bytes`.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

/// A number in `bytes`.
pub fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    array_at(bytes, at).map(i32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_cut_anywhere_is_refused() {
        let mut whole = Vec::new();
        whole.extend(24_u32.to_ne_bytes());
        whole.extend(20_u16.to_ne_bytes());
        whole.extend(2_u16.to_ne_bytes());
        whole.extend(7_u32.to_ne_bytes());
        whole.extend([0; 12]);
        assert_eq!(header(&whole), Some(Header { length: 24, kind: 20, flags: 2, sequence: 7 }));
        for length in 0..whole.len() - 4 {
            assert_eq!(header(&whole[..length]), None, "{length}");
        }
        for length in 0_u32..16 {
            whole[..4].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(header(&whole), None, "a length of {length} does not hold a header");
        }
    }

    #[test]
    fn attributes_end_where_one_does_not_fit() {
        let mut bytes = Vec::new();
        for (kind, value) in [(1_u16, &b"abc"[..]), (0x8002, b"defg"), (3, b"")] {
            bytes.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let all = [(1, &b"abc"[..]), (2, b"defg"), (3, b"")];
        assert_eq!(Attributes(&bytes).collect::<Vec<_>>(), all);
        for length in 0..bytes.len() {
            let whole = match length {
                0..7 => 0,
                7..16 => 1,
                _ => 2,
            };
            assert_eq!(Attributes(&bytes[..length]).collect::<Vec<_>>(), all[..whole], "{length}");
        }
        for length in 0_u16..4 {
            bytes[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(Attributes(&bytes).next(), None, "a length of {length} does not hold an attribute's header");
        }
    }

    #[test]
    fn the_kernel_answers_whatever_the_pauses() {
        const RTM_GETLINK: u16 = 18;
        let mut buffer = vec![0; 16384];
        let mut dump = Dump::new(netlink::route().unwrap());
        dump.request(RTM_GETLINK, &[0; 16]).unwrap();
        let mut once = Vec::new();
        while let Some(message) = dump.next(&mut buffer).unwrap() {
            once.push(i32_at(message.body, 4));
        }
        assert!(!once.is_empty());
        dump.request(RTM_GETLINK, &[0; 16]).unwrap();
        let mut again = Vec::new();
        while dump.next(&mut buffer).unwrap().is_some() {
            dump.put_back();
            dump.refresh();
            buffer.fill(0xAA);
            let message = dump.next(&mut buffer).unwrap().unwrap();
            again.push(i32_at(message.body, 4));
        }
        assert_eq!(once, again);
    }

    #[test]
    fn what_the_kernel_refuses_is_an_error_and_then_over() {
        const RTM_GETADDR: u16 = 22;
        let mut buffer = vec![0; 16384];
        let mut dump = Dump::new(netlink::route().unwrap());
        // A prefix is nothing to filter by; a kernel before 4.20 does not mind.
        dump.request(RTM_GETADDR, &[0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        assert!(matches!(dump.next(&mut buffer), Err(Errno::EINVAL) | Ok(_)));
        assert_eq!(dump.skip(&mut buffer), Ok(()));
        let mut small = [0; 20];
        dump.request(RTM_GETADDR, &[0; 8]).unwrap();
        assert_eq!(dump.next(&mut small), Err(Errno::EMSGSIZE));
    }
}
