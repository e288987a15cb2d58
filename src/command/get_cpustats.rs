//! `guest-get-cpustats`: what the processors have done since the guest started.
//!
//! Schema 10.0, since 7.1.
//! Arguments: none.
//! Returns: a list of `type`, which is `linux`; `cpu`, the number; and in milliseconds `user`, `nice`, `system`, `idle`, and
//! as far as the guest counts them `iowait`, `irq`, `softirq`, `steal`, `guest`, `guestnice`. Processors that are out of use
//! are left out.
//! Errors: `open("/proc/stat")`, with the reason. An error behind the first piece of a long reply breaks it off.
//! Differs from qemu-ga in that `/proc` need not be mounted (differences.md: proc-not-mounted).
//! Needs [`CpuStatistics`]; does not run while frozen; written in steps, so thousands of processors need no more memory
//! than one.

use super::listing::{Listed, Piece};

use crate::error;
use crate::error::Error;
use crate::guest::{CpuStatistics, CpuTimes, ListPlace};
use crate::json::write::Writer;

/// `guest-get-cpustats`.
#[derive(Debug)]
pub struct GetCpustats;

/// In the order of [`CpuTimes::times_ms`].
const TIMES: &str = "user nice system idle iowait irq softirq steal guest guestnice";

fn write_times(cpu: &CpuTimes, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.member("cpu").unsigned(cpu.id);
        object.member("type").text(b"linux");
        object.counters(TIMES, &cpu.times_ms);
    });
}

impl<G: CpuStatistics + 'static> Listed<G> for GetCpustats {
    const NAME: &'static str = "guest-get-cpustats";
    const IS_LONG: bool = true;

    fn list(
        guest: &mut G,
        from: ListPlace,
        buffer: &mut [u8],
        piece: &mut Piece<'_, '_>,
    ) -> Result<(), Error<'static>> {
        let mut visit = |times: &CpuTimes, place| piece.item(place, &mut |writer| write_times(times, writer));
        guest.cpu_times(from, buffer, &mut visit).map_err(|errno| error!["open(\"/proc/stat\"): ", errno])
    }

    fn abandon(guest: &mut G) {
        guest.end_list();
    }
}
