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

use super::listing::{Listed, Piece};

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

impl<G: DiskStatistics + 'static> Listed<G> for GetDiskstats {
    const NAME: &'static str = "guest-get-diskstats";
    const IS_LONG: bool = true;

    fn list(
        guest: &mut G,
        from: ListPlace,
        buffer: &mut [u8],
        piece: &mut Piece<'_, '_>,
    ) -> Result<(), Error<'static>> {
        let mut visit = |disk: &DiskCounters, place| piece.item(place, &mut |writer| write_disk(disk, writer));
        guest.disk_counters(from, buffer, &mut visit).map_err(|errno| error!["open(\"/proc/diskstats\"): ", errno])
    }

    fn abandon(guest: &mut G) {
        guest.end_list();
    }
}
