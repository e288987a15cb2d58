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
use crate::args::{Members, Path, Text, Value};
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
    const LONG: Option<LongArgument<G>> =
        Some(LongArgument { member: "buf-b64", direct: Some(Direct { target, write: G::write }) });
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
        let (mut long, came_early) = match context.long.get() {
            Some(long) => (long, true),
            None => {
                let Ok(length) = base64::decoded_length(data.runs()) else { return Err(not_base64()) };
                let limit = limit(count, length)?;
                (Long::new("buf-b64", Place::File(Target { handle, limit })), false)
            }
        };
        long.take(data, scratch, guest, G::write);
        long.finish(guest, G::write);
        context.long.set(Some(long));
        if came_early {
            check(&long, count)?;
            if long.place == Place::Spool {
                unspool(handle, count, scratch, guest, &mut long)?;
                context.long.set(Some(long));
            }
        }
        match long.failure {
            None => Ok(reply.object(|object| {
                object.member("count").unsigned(long.written);
                object.member("eof").boolean(false);
            })),
            Some(LongFailure::NotBase64) => Err(not_base64()),
            Some(LongFailure::File(error)) => Err(failed(handle, "failed to write to file", error)),
            Some(LongFailure::Spool(Errno::EFBIG)) => {
                let limit = guest.spool().map_or(0, |spool| spool.capacity());
                Err(error![
                    "buf-b64 came before handle and is longer than ",
                    limit, " bytes, which is all that is kept"
                ])
            }
            Some(LongFailure::Spool(errno)) => Err(error!["failed to keep buf-b64, which came before handle: ", errno]),
        }
    }
}

/// Where the data goes, if the arguments before it tell.
fn target(before: Members<'_>) -> Option<Target> {
    let handle = i64::decode(before.get("handle")?, &Path::default(), &mut None)?;
    let limit = match before.get("count") {
        Some(count) => Some(u64::try_from(i64::decode(count, &Path::default(), &mut None)?).ok()?),
        None => None,
    };
    Some(Target { handle, limit })
}

fn not_base64<'a>() -> Error<'a> {
    error!["Base64 data contains invalid characters"]
}

/// How many bytes to write, of `decoded` that there are.
fn limit<'a>(count: Option<i64>, decoded: u64) -> Result<Option<u64>, Error<'a>> {
    match count {
        None => Ok(None),
        Some(count) => match u64::try_from(count) {
            Ok(limit) if limit <= decoded => Ok(Some(limit)),
            _ => Err(bad_count(count)),
        },
    }
}

/// Checks long data against the count, which may have come after it.
fn check<'a>(long: &Long, count: Option<i64>) -> Result<(), Error<'a>> {
    if long.failure == Some(LongFailure::NotBase64) {
        return Err(not_base64());
    }
    if long.failure.is_none()
        && let Some(limit) = limit(count, long.decoded)?
        && limit < long.written
    {
        // All of it is written already.
        return Err(bad_count(i64::try_from(limit).unwrap_or(i64::MAX)));
    }
    Ok(())
}

/// Writes what was spooled.
fn unspool<'a, G: Files + Guest>(
    handle: i64,
    count: Option<i64>,
    scratch: &mut [u8],
    guest: &mut G,
    long: &mut Long,
) -> Result<(), Error<'a>> {
    let mut left = limit(count, long.decoded)?.unwrap_or(long.decoded);
    let mut offset = 0_u64;
    while left > 0 && long.failure.is_none() {
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(scratch.len());
        let room = scratch.get_mut(..room).unwrap_or_default();
        let read = guest.spool().map_or(Ok(0), |spool| spool.read(offset, room));
        let bytes = match read {
            Ok(length) => room.get(..length).unwrap_or_default(),
            Err(errno) => {
                long.failure = Some(LongFailure::Spool(errno));
                break;
            }
        };
        if bytes.is_empty() {
            break;
        }
        match guest.write(handle, bytes) {
            Ok(written) => {
                let written = u64::try_from(written).unwrap_or(0);
                offset = offset.saturating_add(written);
                long.written = offset;
                left = left.saturating_sub(written);
            }
            Err(error) => long.failure = Some(LongFailure::File(error)),
        }
    }
    Ok(())
}
