//! `guest-get-fsinfo`: the file systems that are mounted from disks, how large they are, and which disks they are on.
//!
//! Schema 10.0, since 2.2; `used-bytes` and `total-bytes` since 3.0, `serial` and `dev` of disks since 3.1, `ccw-address`
//! since 6.0, `total-bytes-privileged` since 9.1.
//! Arguments: none.
//! Returns: a list, the one mounted last first, of `name`, the kernel's name of the device; `mountpoint`, where it is mounted
//! first; `type`; `used-bytes`, `total-bytes` (without what is kept for privileged users) and `total-bytes-privileged`, if the
//! file system tells; `disk`, a list of the disks under it (see [`disk_address`]), empty where they are not known.
//! Errors: that the mounts can not be listed, with the reason; more devices than the platform has room for. They are told
//! while nothing is sent; one that comes later ends the line.
//! Differs from qemu-ga in that `/proc` and `/sys` need not be mounted (differences.md: proc-not-mounted, and
//! sys-not-mounted), in serial numbers without udev (differences.md: disk-serial), in disks whose place it does not find
//! (differences.md: disk-places), in the sizes of what another mount covers (differences.md: mount-covered), and in how
//! many devices there may be (differences.md: mounted-devices).
//! Needs [`FileSystems`]; does not run while frozen; written in steps, so any number of disks needs no more memory than one.
//! What is mounted or unmounted meanwhile may be missing.

use super::{Context, Cursor, Done, Handler, Reply, Step, disk_address, mount_list};
use crate::args::NoArguments;
use crate::error::Error;
use crate::guest::{FileSystemPiece, FileSystemPlace, FileSystems, MountListError};
use crate::json::write::Writer;

/// `guest-get-fsinfo`.
#[derive(Debug)]
pub struct GetFsinfo;

/// Where the reply stands.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    place: FileSystemPlace,
    /// A file system was begun.
    begun: bool,
    /// A disk of the last one was written.
    has_disk: bool,
    /// All is written but the end.
    complete: bool,
}

impl Progress {
    fn pack(self) -> Cursor {
        let FileSystemPlace([a, b, c]) = self.place;
        Cursor([a, b, c, self.begun.into(), self.has_disk.into(), self.complete.into()])
    }

    fn unpack(Cursor([a, b, c, begun, has_disk, complete]): Cursor) -> Self {
        let place = FileSystemPlace([a, b, c]);
        Progress { place, begun: begun != 0, has_disk: has_disk != 0, complete: complete != 0 }
    }

    /// Writes as many pieces as fit. The first may be left half written, to be taken back and tried again in an empty buffer.
    fn write<G: FileSystems>(
        &mut self,
        guest: &mut G,
        scratch: &mut [u8],
        writer: &mut Writer<'_>,
    ) -> Result<(), MountListError> {
        let (mut is_first, mut fits) = (true, true);
        guest.file_systems(self.place, scratch, &mut |piece, place| {
            let mark = writer.mark();
            let has_disk = self.write_piece(piece, writer);
            fits = !writer.is_full();
            if fits {
                *self = Progress { place, begun: true, has_disk, ..*self };
            } else if !is_first {
                writer.roll_back(mark);
            }
            is_first = false;
            fits
        })?;
        self.complete = fits;
        Ok(())
    }

    /// Writes a piece; answers whether a disk of the file system is written then.
    fn write_piece(&self, piece: FileSystemPiece<'_>, writer: &mut Writer<'_>) -> bool {
        match piece {
            FileSystemPiece::Begin { device, mount_point, kind, sizes } => {
                writer.raw(if self.begun { b", {\"name\": " } else { b"{\"name\": " });
                writer.text(device);
                writer.raw(b", \"mountpoint\": ");
                writer.text(mount_point);
                writer.raw(b", \"type\": ");
                writer.text(kind);
                if let Some(sizes) = sizes {
                    writer.raw(b", \"used-bytes\": ");
                    writer.unsigned(sizes.used_bytes);
                    writer.raw(b", \"total-bytes\": ");
                    writer.unsigned(sizes.total_bytes);
                    writer.raw(b", \"total-bytes-privileged\": ");
                    writer.unsigned(sizes.privileged_bytes);
                }
                writer.raw(b", \"disk\": [");
                false
            }
            FileSystemPiece::Disk(disk) => {
                if self.has_disk {
                    writer.raw(b", ");
                }
                disk_address::write(disk, writer);
                true
            }
            FileSystemPiece::End => {
                writer.raw(b"]}");
                false
            }
        }
    }
}

impl<G: FileSystems + 'static> Handler<G> for GetFsinfo {
    const NAME: &'static str = "guest-get-fsinfo";
    type Arguments<'a> = NoArguments;

    /// Writes what fits, so that an error is told as one.
    fn run<'a>(_: NoArguments, context: Context<'a, G>, reply: Reply<'_, '_>) -> Result<Done, Error<'a>> {
        let mut result = Ok(());
        let done = reply.steps(|writer| {
            let mut progress = Progress::default();
            writer.raw(b"[");
            let begin = writer.mark();
            result = progress.write(context.guest, context.scratch, writer);
            if writer.is_full() {
                writer.roll_back(begin);
            }
            progress.pack()
        });
        result.map(|()| done).map_err(mount_list::told)
    }

    /// Writes as many more pieces as fit, or ends the reply, in a step of its own because the `id` follows.
    fn step(cursor: &mut Cursor, context: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let mut progress = Progress::unpack(*cursor);
        if progress.complete {
            writer.raw(b"]");
            return Step::Done;
        }
        let written = progress.write(context.guest, context.scratch, writer);
        *cursor = progress.pack();
        if written.is_ok() { Step::More } else { Step::Broken }
    }
}
