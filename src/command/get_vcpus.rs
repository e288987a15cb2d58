//! `guest-get-vcpus`: the processors of the guest.
//!
//! Schema 10.0, since 1.5.
//! Arguments: none.
//! Returns: a list of `logical-id`, `online` and `can-offline`, in no order. `can-offline` is false for a processor that
//! has no switch, as the first one of most machines. One that vanishes while the list is written is left out.
//! Errors: `failed to list entries` with the directory and the reason; the file that can not be opened or read. They are
//! told while nothing is sent: all of the list is looked through before it is begun. A processor that fails after that
//! ends the list.
//! Differs from qemu-ga in that `/sys` need not be mounted (differences.md: sys-not-mounted).
//! Needs [`Cpus`]; does not run while frozen; written in steps, so thousands of processors need no more memory than one.

use super::Obstacle;
use super::listing::{Listed, Piece};
use crate::error;
use crate::error::{Error, Part};
use crate::guest::{Cpu, CpuError, Cpus, ListPlace};
use crate::json::write::Writer;

/// `guest-get-vcpus`.
#[derive(Debug)]
pub struct GetVcpus;

/// At most 68 bytes.
fn write_cpu(cpu: &Cpu, writer: &mut Writer<'_>) {
    writer.object(|object| {
        object.member("logical-id").integer(cpu.id);
        object.member("online").boolean(cpu.is_online);
        object.member("can-offline").boolean(cpu.can_offline);
    });
}

/// What the client is told of an error; the directories are those of Linux, as in the texts of qemu-ga.
pub(super) fn told<'a>(error: CpuError) -> Error<'a> {
    let (call, id, errno) = match error {
        CpuError::List(errno) => return error!["failed to list entries: /sys/devices/system/cpu: ", errno],
        CpuError::Find(id, errno) => return error!["open(\"/sys/devices/system/cpu/cpu", id, "/\"): ", errno],
        CpuError::AlwaysOnline(id) => return error!["logical processor #", id, " can't be offlined"],
        CpuError::NoState(id) => ("pread", id, None),
        CpuError::OpenState(id, errno) => ("open", id, Some(errno)),
        CpuError::ReadState(id, errno) => ("pread", id, Some(errno)),
        CpuError::WriteState(id, errno) => ("pwrite", id, Some(errno)),
    };
    error![
        call,
        "(\"/sys/devices/system/cpu/cpu",
        id,
        "//online\"): ", // as qemu-ga has it
        errno.map_or(Part::Words("unexpected EOF"), Part::Errno)
    ]
}

impl<G: Cpus + 'static> Listed<G> for GetVcpus {
    const NAME: &'static str = "guest-get-vcpus";
    const OBSTACLE: Option<Obstacle<G>> = Some(G::cpus_obstacle);

    fn list(
        guest: &mut G,
        from: ListPlace,
        buffer: &mut [u8],
        piece: &mut Piece<'_, '_>,
    ) -> Result<(), Error<'static>> {
        let mut visit = |cpu: &Cpu, place| piece.item(place, &mut |writer| write_cpu(cpu, writer));
        guest.cpus(from, buffer, &mut visit).map_err(told)
    }
}
