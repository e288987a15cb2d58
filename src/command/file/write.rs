//! `guest-file-write`: writes to a file.
//!
//! Schema 10.0, since 0.15.
//! Arguments: `handle`; `buf-b64`, the data in base64, of any length; `count`, how many bytes of it to write, all by
//! default.
//! Returns: `count`, how many bytes were written; `eof`, always false.
//! Errors: an unknown handle; data that is no base64; a count out of range; `failed to write to file` with the reason and,
//! if some of it was written, how much.
//! Differs from qemu-ga in that data has reached the system when it is answered (differences.md: write-through), in
//! telling how much was written before an error (write-partial), and in base64 without its end (base64-incomplete).
//! Needs [`Files`]; does not run while frozen. A request that fits is checked as a whole before anything is written; the
//! data of a longer one is written while it arrives, and needs no more memory.

use super::{bad_count, failed, unknown};
use crate::args::{Members, Text, value};
use crate::base64;
use crate::command::{Context, Done, Handler, Reply};
use crate::errno::Errno;
use crate::error::Error;
use crate::guest::{Files, Guest};
use crate::long::{Direct, Long, LongArgument, LongFailure, Place, Target};
use crate::{arguments, error};

arguments! {
    /// `guest-file-write`.
    pub struct WriteArguments<'a> {
        /// The handle.
        "handle" => handle: i64,
        /// The data; of data that came before the request was complete, what was left.
        "buf-b64" => data: Text<'a>,
        /// How many bytes.
        "count" => count: Option<i64>,
    }
}

/// `guest-file-write`.
#[derive(Debug)]
pub struct FileWrite;

impl<G: Files + Guest + 'static> Handler<G> for FileWrite {
    const NAME: &'static str = "guest-file-write";
    const LONG: Option<&'static LongArgument<G>> =
        Some(&LongArgument { member: "buf-b64", direct: Some(Direct { target, write: G::write }) });
    type Arguments<'a> = WriteArguments<'a>;

    fn run<'a>(
        WriteArguments { handle, data, count }: WriteArguments<'a>,
        context: Context<'a, G>,
        reply: Reply<'_, '_>,
    ) -> Result<Done, Error<'a>> {
        let Context { guest, scratch, .. } = context;
        if !guest.is_open(handle) {
            return Err(unknown(handle));
        }
        let begun = context.long.get();
        let is_held = begun.is_none();
        let mut long = begun.unwrap_or_else(|| Long::new("buf-b64", Place::File(Target { handle, limit: None })));
        let mut bytes = None;
        if !is_held {
            long.finish(data, scratch, guest, G::write);
        } else {
            match base64::decode(data.escaped(), scratch) {
                Ok((length, decoded)) => {
                    long.decoded = u64::try_from(length).unwrap_or(u64::MAX);
                    bytes = decoded;
                }
                Err(_) => long.failure = Some(LongFailure::NotBase64),
            }
        }
        context.long.set(Some(long));
        if long.failure.is_none() {
            // Of long data the count may have come behind it, when all of it was written already.
            let limit = limit(count, long.decoded).filter(|&limit| limit >= long.written);
            let Some(limit) = limit else { return Err(bad_count(count.unwrap_or(0))) };
            let target = Target { handle, limit: Some(limit) };
            if let Some(bytes) = bytes {
                long.write(target, bytes, guest, G::write);
            } else if is_held {
                // It was decoded only to be checked, because it does not fit into the room beside it.
                long = Long::new("buf-b64", Place::File(target));
                long.finish(data, scratch, guest, G::write);
            } else if long.place == Place::Spool {
                unspool(target, limit, scratch, guest, &mut long);
            }
            context.long.set(Some(long));
        }
        match long.failure {
            None => Ok(reply.object(|object| {
                object.member("count").unsigned(long.written);
                object.member("eof").boolean(false);
            })),
            Some(LongFailure::NotBase64) => Err(error!["Base64 data contains invalid characters"]),
            Some(LongFailure::File(error)) => Err(failed(handle, "failed to write to file", error)),
            Some(LongFailure::Spool(Errno::EFBIG)) => {
                let limit = guest.spool().map_or(0, |spool| spool.capacity());
                Err(error![
                    "buf-b64 came before handle and is longer than ",
                    limit, " bytes, which is all that is kept"
                ])
            }
            Some(LongFailure::Spool(errno)) => {
                Err(error!["failed to keep buf-b64, which came before handle, in a memfd: ", errno])
            }
        }
    }
}

/// Where the data goes, if the arguments before it tell.
fn target(before: Members<'_>) -> Option<Target> {
    let handle = value(before.get("handle")?)?;
    let limit = match before.get("count") {
        Some(count) => Some(u64::try_from(value::<i64>(count)?).ok()?),
        None => None,
    };
    Some(Target { handle, limit })
}

/// How many bytes to write, of `decoded` that there are. `None` if the count is not in this range.
fn limit(count: Option<i64>, decoded: u64) -> Option<u64> {
    match count {
        None => Some(decoded),
        Some(count) => u64::try_from(count).ok().filter(|&limit| limit <= decoded),
    }
}

/// Writes what was spooled, up to `limit`.
fn unspool<G: Files + Guest>(target: Target, limit: u64, scratch: &mut [u8], guest: &mut G, long: &mut Long) {
    while long.written < limit && long.failure.is_none() {
        let read = guest.spool().map_or(Ok(0), |spool| spool.read(long.written, scratch));
        match read {
            Ok(0) => return,
            Ok(length) => long.write(target, scratch.get(..length).unwrap_or_default(), guest, G::write),
            Err(errno) => long.failure = Some(LongFailure::Spool(errno)),
        }
    }
}
