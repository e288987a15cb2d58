//! `guest-fstrim`: tells the disks under the file systems which of their blocks hold nothing, so that the host can have them.
//!
//! Schema 10.0, since 1.2; results for each path since 2.4.
//! Arguments: `minimum`, optional, bytes, 0 by default: shorter runs of free blocks are passed over. A negative number is
//! taken as its two's complement.
//! Returns: `paths`, a list, the file system mounted last first, of `path`, where it is mounted, and either `trimmed`, how many
//! bytes the disk was told of, and `minimum`, what the file system made of the argument, both in bytes; or `error`:
//! `trim not supported`, `failed to open` or `failed to trim`, with the reason.
//! Errors: as guest-get-fsinfo.
//! Differs from qemu-ga in that `/proc` need not be mounted (differences.md: proc-not-mounted), and in a file system that
//! another mount covers (differences.md: mount-covered).
//! Needs [`Trim`]; does not run while frozen; two steps for each file system, the path and the result, so any number needs no
//! more memory than one. All of them are trimmed, also when the host goes meanwhile. One may take minutes, in which nothing
//! else is answered.

use super::{Context, Cursor, Done, Flags, Handler, Reply, Step, mount_list};
use crate::arguments;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
use crate::guest::{ListPlace, Trim, TrimError, Trimmed};
use crate::json::write::Writer;
use crate::limits::least;

/// The most that a result takes in the reply, without the path. The step that writes it must not be taken back.
const RESULT_BYTES: usize = 128;
const _: () = assert!(RESULT_BYTES <= least::OUTPUT_BYTES / 2);

arguments! {
    /// `guest-fstrim`.
    pub struct FstrimArguments {
        /// The least run of free blocks, in bytes.
        "minimum" => minimum: Option<i64>,
    }
}

/// `guest-fstrim`.
#[derive(Debug)]
pub struct Fstrim;

/// Where the reply stands.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The last file system whose path was written.
    place: ListPlace,
    minimum: i64,
    /// A path was written.
    begun: bool,
    /// Its result is still to come.
    is_due: bool,
}

impl Progress {
    fn pack(self) -> Cursor {
        let ListPlace([a, b]) = self.place;
        Cursor([a, b, self.minimum, self.begun.into(), self.is_due.into(), 0])
    }

    fn unpack(Cursor([a, b, minimum, begun, is_due, _]): Cursor) -> Self {
        Progress { place: ListPlace([a, b]), minimum, begun: begun != 0, is_due: is_due != 0 }
    }
}

impl<G: Trim + 'static> Handler<G> for Fstrim {
    const NAME: &'static str = "guest-fstrim";
    const FLAGS: Flags = Flags::ACTS_IN_STEPS;
    type Arguments<'a> = FstrimArguments;

    /// Only begins the reply, if the file systems can be listed.
    fn run<'a>(
        FstrimArguments { minimum }: FstrimArguments,
        Context { guest, scratch, .. }: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        guest.next_mount_point(ListPlace::default(), scratch).map_err(mount_list::told)?;
        Ok(reply.steps(|writer| {
            writer.raw(b"{\"paths\": [");
            Progress { minimum: minimum.unwrap_or(0), ..Progress::default() }.pack()
        }))
    }

    /// Writes the path of the next file system, trims it and writes the result, or ends the reply.
    fn step(cursor: &mut Cursor, Context { guest, scratch, .. }: Context<'_, G>, writer: &mut Writer<'_>) -> Step {
        let mut progress = Progress::unpack(*cursor);
        if progress.is_due {
            write_result(guest.trim(progress.place, progress.minimum.cast_unsigned(), scratch), writer);
            progress.is_due = false;
        } else {
            match guest.next_mount_point(progress.place, scratch) {
                Ok(Some((path, place))) => {
                    writer.raw(if progress.begun { b", {\"path\": " } else { b"{\"path\": " });
                    writer.text(path);
                    progress = Progress { place, begun: true, is_due: true, ..progress };
                }
                Ok(None) => {
                    writer.raw(b"]}");
                    return Step::Done;
                }
                Err(_) => return Step::Broken,
            }
        }
        *cursor = progress.pack();
        Step::More
    }
}

fn failed(what: &'static str, errno: Errno) -> Error<'static> {
    error!["failed to ", what, ": ", errno]
}

/// Writes the rest of an entry, at most [`RESULT_BYTES`].
fn write_result(result: Result<Trimmed, TrimError>, writer: &mut Writer<'_>) {
    let error = match result {
        Ok(trimmed) => {
            writer.raw(b", \"trimmed\": ");
            writer.unsigned(trimmed.trimmed_bytes);
            writer.raw(b", \"minimum\": ");
            writer.unsigned(trimmed.minimum_bytes);
            writer.raw(b"}");
            return;
        }
        Err(TrimError::NotSupported) => error!["trim not supported"],
        Err(TrimError::Open(errno)) => failed("open", errno),
        Err(TrimError::Failed(errno)) => failed("trim", errno),
    };
    writer.raw(b", \"error\": \"");
    error.write(RESULT_BYTES, writer);
    writer.raw(b"\"}");
}
