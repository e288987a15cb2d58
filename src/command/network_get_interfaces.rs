//! `guest-network-get-interfaces`: the network interfaces, their addresses, and what went through them.
//!
//! Schema 10.0, since 1.1; `statistics` since 2.11.
//! Arguments: none.
//! Returns: a list, in the order of the platform, of `name`; `ip-addresses`, if there are any, a list of `ip-address-type`
//! (`ipv4`, `ipv6`), `ip-address` (as inet_ntop(3) writes it, without a scope) and `prefix` (in bits); `statistics`: bytes,
//! packets, errors and dropped packets, in each direction; `hardware-address`, six bytes in hexadecimal.
//! Errors: `getifaddrs failed`, with the reason, which names what qemu-ga would have called.
//! Differs from qemu-ga in that interfaces without an address have statistics too (differences.md: interface-statistics),
//! and in labels of addresses that are not made of the interface's name (differences.md: interface-labels).
//! Needs [`Network`]; does not run while frozen; written in steps, so any number of interfaces and addresses needs no more
//! memory than one. A list that fits into one step, and changes while it is put together, is put together again; in a longer
//! one what comes or goes meanwhile may be missing.

use super::address::write_address;
use super::{Context, Cursor, Done, Handler, Reply, Step};
use crate::args::NoArguments;
use crate::bytes::hexadecimal_digit;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::guest::{InterfaceList, InterfacePiece, InterfaceStatistics, Network};
use crate::json::write::Writer;

/// `guest-network-get-interfaces`.
#[derive(Debug)]
pub struct NetworkGetInterfaces;

/// How often a list that changes is begun before it is told as it is.
const ATTEMPTS: u32 = 4;

/// Where the reply stands.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// Interfaces begun.
    interfaces: i64,
    /// Addresses written of the last one.
    addresses: i64,
    /// All is written but the end.
    complete: bool,
}

impl Progress {
    fn pack(self) -> Cursor {
        Cursor([self.interfaces, self.addresses, i64::from(self.complete), 0, 0, 0])
    }

    fn unpack(Cursor([interfaces, addresses, complete, ..]): Cursor) -> Self {
        Progress { interfaces, addresses, complete: complete != 0 }
    }

    /// Writes as many pieces as fit.
    fn write<G: Network>(
        &mut self,
        guest: &mut G,
        scratch: &mut [u8],
        writer: &mut Writer<'_>,
    ) -> Result<InterfaceList, Errno> {
        let mut first = true;
        let list = guest.interfaces(scratch, &mut |piece| {
            let mark = writer.mark();
            let after = self.write_piece(piece, writer);
            if writer.is_full() {
                // Unless it is the first one, which is left to the agent to try again, in an empty buffer.
                if !first {
                    writer.roll_back(mark);
                }
                return false;
            }
            first = false;
            *self = after;
            true
        })?;
        self.complete = matches!(list, InterfaceList::Complete { .. });
        Ok(list)
    }

    /// Writes a piece; answers where the reply stands if it fits.
    fn write_piece(&self, piece: InterfacePiece<'_>, writer: &mut Writer<'_>) -> Progress {
        match piece {
            InterfacePiece::Name(name) => {
                writer.raw(if self.interfaces > 0 { b", {\"name\": " } else { b"{\"name\": " });
                writer.text(name);
                Progress { interfaces: self.interfaces.saturating_add(1), addresses: 0, ..*self }
            }
            InterfacePiece::Address { address, prefix } => {
                writer.raw(if self.addresses > 0 { b", " } else { b", \"ip-addresses\": [" });
                writer.object(|object| {
                    let kind: &[u8] = if address.is_ipv4() { b"ipv4" } else { b"ipv6" };
                    object.member("ip-address-type").text(kind);
                    let writer = object.member("ip-address");
                    writer.raw(b"\"");
                    write_address(address, writer);
                    writer.raw(b"\"");
                    object.member("prefix").unsigned(prefix.into());
                });
                Progress { addresses: self.addresses.saturating_add(1), ..*self }
            }
            InterfacePiece::End { statistics, hardware_address } => {
                if self.addresses > 0 {
                    writer.raw(b"]");
                }
                if let Some(statistics) = statistics {
                    writer.raw(b", \"statistics\": ");
                    write_statistics(statistics, writer);
                }
                writer.raw(b", \"hardware-address\": \"");
                for (index, byte) in hardware_address.into_iter().enumerate() {
                    if index > 0 {
                        writer.raw(b":");
                    }
                    writer.raw(&[hexadecimal_digit(byte >> 4), hexadecimal_digit(byte & 0xF)]);
                }
                writer.raw(b"\"}");
                *self
            }
        }
    }
}

impl<G: Network + 'static> Handler<G> for NetworkGetInterfaces {
    const NAME: &'static str = "guest-network-get-interfaces";
    type Arguments<'a> = NoArguments;

    /// Writes what fits, so that an error until then is told as one, and a list that has changed can be taken back.
    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let mut failure = None;
        let done = reply.steps(|writer| {
            let begin = writer.mark();
            let mut attempt: u32 = 1;
            loop {
                let mut progress = Progress::default();
                writer.raw(b"[");
                let begun = context.guest.begin_interfaces();
                match begun.and_then(|()| progress.write(context.guest, context.scratch, writer)) {
                    Ok(InterfaceList::Complete { changed: true }) if attempt < ATTEMPTS => {}
                    Ok(_) => {
                        // Not even the first piece fits: the agent tells that, and asks for no step.
                        if writer.is_full() {
                            context.guest.end_interfaces();
                        }
                        return progress.pack();
                    }
                    Err(errno) => {
                        failure = Some(errno);
                        return Cursor::default();
                    }
                }
                writer.roll_back(begin);
                attempt = attempt.saturating_add(1);
            }
        });
        match failure {
            None => Ok(done),
            Some(errno) => Err(error!["getifaddrs failed: ", errno]),
        }
    }

    /// Writes as many more pieces as fit, or ends the reply, in a step of its own because the `id` follows.
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let mut progress = Progress::unpack(*cursor);
        if progress.complete {
            writer.raw(b"]");
            return Step::Done;
        }
        let list = progress.write(context.guest, context.scratch, writer);
        *cursor = progress.pack();
        if list.is_ok() { Step::More } else { Step::Broken }
    }

    fn abandon(_: &Cursor, guest: &mut G) {
        guest.end_interfaces();
    }
}

fn write_statistics(statistics: &InterfaceStatistics, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.numbers(
            "tx-packets tx-errs rx-bytes rx-dropped rx-packets rx-errs tx-bytes tx-dropped",
            &[
                statistics.sent_packets,
                statistics.send_errors,
                statistics.received_bytes,
                statistics.receive_dropped,
                statistics.received_packets,
                statistics.receive_errors,
                statistics.sent_bytes,
                statistics.send_dropped,
            ],
        );
    });
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::net::{Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::command::{Row, Table};

    /// Tells `pieces`; `fail_at` is the piece in whose place there is an error, `changes` how often the list changes.
    #[derive(Debug, Default)]
    struct Fake {
        pieces: Vec<InterfacePiece<'static>>,
        next: usize,
        fail_at: Option<usize>,
        changes: u32,
        begun: u32,
        open: bool,
    }

    impl Network for Fake {
        fn begin_interfaces(&mut self) -> Result<(), Errno> {
            self.next = 0;
            self.begun = self.begun.saturating_add(1);
            self.open = true;
            Ok(())
        }

        fn interfaces(
            &mut self,
            _: &mut [u8],
            visit: &mut dyn FnMut(InterfacePiece<'_>) -> bool,
        ) -> Result<InterfaceList, Errno> {
            assert!(self.open);
            while let Some(piece) = self.pieces.get(self.next) {
                if self.fail_at == Some(self.next) {
                    self.open = false;
                    return Err(Errno::ENOBUFS);
                }
                if !visit(*piece) {
                    return Ok(InterfaceList::More);
                }
                self.next = self.next.saturating_add(1);
            }
            self.open = false;
            let changed = self.changes > 0;
            self.changes = self.changes.saturating_sub(1);
            Ok(InterfaceList::Complete { changed })
        }

        fn end_interfaces(&mut self) {
            self.open = false;
        }
    }

    static TABLE: Table<Fake> = Table::new(&[Row::of::<NetworkGetInterfaces>()]);

    fn fake() -> Fake {
        let end = |statistics| InterfacePiece::End { statistics, hardware_address: [0, 0x1f, 0xa0, 0xff, 9, 0x10] };
        let statistics = &InterfaceStatistics {
            received_bytes: 1,
            received_packets: 2,
            receive_errors: 3,
            receive_dropped: 4,
            sent_bytes: 5,
            sent_packets: 6,
            send_errors: 7,
            send_dropped: u64::MAX,
        };
        let pieces = vec![
            InterfacePiece::Name(b"lo"),
            end(Some(statistics)),
            InterfacePiece::Name(b"a\"b"),
            InterfacePiece::Address { address: Ipv4Addr::new(10, 0, 0, 255).into(), prefix: 8 },
            InterfacePiece::Address { address: Ipv6Addr::LOCALHOST.into(), prefix: 128 },
            end(None),
        ];
        Fake { pieces, ..Fake::default() }
    }

    const WHOLE: &str = concat!(
        r#"[{"name": "lo", "statistics": {"tx-packets": 6, "tx-errs": 7, "rx-bytes": 1, "rx-dropped": 4, "rx-packets": 2, "#,
        r#""rx-errs": 3, "tx-bytes": 5, "tx-dropped": 18446744073709551615}, "hardware-address": "00:1f:a0:ff:09:10"}, "#,
        r#"{"name": "a\"b", "ip-addresses": [{"ip-address-type": "ipv4", "ip-address": "10.0.0.255", "prefix": 8}, "#,
        r#"{"ip-address-type": "ipv6", "ip-address": "::1", "prefix": 128}], "hardware-address": "00:1f:a0:ff:09:10"}]"#
    );

    /// What is written with `room` bytes a step, and how it ends.
    fn told(guest: &mut Fake, room: usize) -> Result<(String, Step), String> {
        let long = Cell::new(None);
        let mut buffer = vec![0; room];
        let mut output = String::new();
        let mut writer = Writer::new(&mut buffer, 0);
        let context = Context { guest, scratch: &mut [], table: &TABLE, arguments: b"{}", long: &long };
        let mut cursor = Cursor::default();
        match NetworkGetInterfaces::run(NoArguments, context, Reply::new(&mut writer, &mut cursor)) {
            Ok(done) => assert!(done.has_steps()),
            Err(error) => {
                let mut text = String::new();
                error.pieces(&mut |piece| text += str::from_utf8(piece).unwrap());
                return Err(text);
            }
        }
        loop {
            assert!(!writer.is_full(), "a step of {room} bytes does not hold a piece");
            let length = writer.len();
            output += str::from_utf8(&buffer[..length]).unwrap();
            writer = Writer::new(&mut buffer, 0);
            let context = Context { guest, scratch: &mut [], table: &TABLE, arguments: b"{}", long: &long };
            match NetworkGetInterfaces::step(&mut cursor, context, &mut writer) {
                Step::More => {}
                end => {
                    let length = writer.len();
                    return Ok((output + str::from_utf8(&buffer[..length]).unwrap(), end));
                }
            }
        }
    }

    #[test]
    fn the_reply_is_the_same_in_any_number_of_steps() {
        for room in 220..=WHOLE.len() + 10 {
            let mut guest = fake();
            assert_eq!(told(&mut guest, room), Ok((WHOLE.into(), Step::Done)), "{room}");
            assert!(!guest.open);
        }
        let mut none = Fake::default();
        assert_eq!(told(&mut none, 512), Ok(("[]".into(), Step::Done)));
    }

    #[test]
    fn a_list_that_changes_is_begun_again_while_it_can_be() {
        for (changes, begun) in [(0, 1), (1, 2), (3, 4), (9, 4)] {
            let mut guest = Fake { changes, ..fake() };
            assert_eq!(told(&mut guest, 4096), Ok((WHOLE.into(), Step::Done)));
            assert_eq!(guest.begun, begun, "{changes} changes");
        }
        let mut guest = Fake { changes: 9, ..fake() };
        assert_eq!(told(&mut guest, 300), Ok((WHOLE.into(), Step::Done)));
        assert_eq!(guest.begun, 1, "what was sent can not be taken back");
    }

    #[test]
    fn an_error_is_told_until_something_was_sent() {
        let error = Err("getifaddrs failed: No buffer space available".to_owned());
        let mut guest = Fake { fail_at: Some(4), ..fake() };
        assert_eq!(told(&mut guest, 4096), error);
        let (text, step) = told(&mut guest, 300).unwrap();
        assert!(step == Step::Broken && WHOLE.starts_with(&text), "{text}");
        assert!(!guest.open);
    }

    #[test]
    fn a_host_that_goes_ends_the_list() {
        let mut guest = Fake { open: true, ..fake() };
        NetworkGetInterfaces::abandon(&Cursor::default(), &mut guest);
        assert!(!guest.open);
    }
}
