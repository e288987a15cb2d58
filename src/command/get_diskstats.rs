//! `guest-get-diskstats`: what the disks have done since they are there.
//!
//! Schema 10.0, since 7.1.
//! Arguments: none.
//! Returns: a list of `name`, `major`, `minor` (the number of the device) and `stats`, for each disk and each part of one.
//! `stats` has, as far as the guest counts them: `read-ios`, `read-merges`, `read-sectors` (of 512 bytes), `read-ticks` (in
//! milliseconds), the same with `write` and `discard`; `flush-ios`, `flush-ticks`; `ios-pgr` (begun and not yet done),
//! `total-ticks` (while there were some) and `weight-ticks` (times their number).
//! Errors: `open("/proc/diskstats")`, with the reason. An error behind the first piece of a long reply breaks it off.
//! Differs from qemu-ga in that `/proc` need not be mounted (differences.md: proc-not-mounted).
//! Needs [`DiskStatistics`]; does not run while frozen; written in steps, so thousands of disks need no more memory than
//! one.

use super::listing::Piece;
use super::{Context, Cursor, Done, Handler, Reply, Step, listing};
use crate::args::NoArguments;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::guest::{DiskCounters, DiskStatistics, ListPlace};
use crate::json::write::Writer;

/// `guest-get-diskstats`.
#[derive(Debug)]
pub struct GetDiskstats;

/// In the order of [`DiskCounters::counters`].
const COUNTERS: &str = "read-ios read-merges read-sectors read-ticks write-ios write-merges write-sectors write-ticks ios-pgr \
    total-ticks weight-ticks discard-ios discard-merges discard-sectors discard-ticks flush-ios flush-ticks";

fn write_disk(disk: &DiskCounters, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.member("name").text(disk.name.bytes());
        object.numbers("major minor", &[disk.major, disk.minor]);
        object.member("stats").object(|stats| stats.counters(COUNTERS, &disk.counters));
    });
}

fn list<G: DiskStatistics>(
    guest: &mut G,
    from: ListPlace,
    scratch: &mut [u8],
    piece: &mut Piece<'_, '_>,
) -> Result<(), Errno> {
    guest.disk_counters(from, scratch, &mut |disk, place| piece.item(place, &mut |writer| write_disk(disk, writer)))
}

impl<G: DiskStatistics + 'static> Handler<G> for GetDiskstats {
    const NAME: &'static str = "guest-get-diskstats";
    type Arguments<'a> = NoArguments;

    fn run<'a>(
        _: NoArguments,
        Context { guest, scratch, .. }: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        // The path is that of Linux, as in the text of qemu-ga.
        listing::begin_long(reply, |from, piece| list(guest, from, scratch, piece))
            .map_err(|errno| error!["open(\"/proc/diskstats\"): ", errno])
    }

    fn step(cursor: &mut Cursor, Context { guest, scratch, .. }: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        listing::step(cursor, |from, piece| list(guest, from, scratch, piece), writer)
    }

    fn abandon(_: &Cursor, guest: &mut G) {
        guest.end_list();
    }
}
