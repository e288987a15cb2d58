//! Random bytes (getrandom(2)).

use super::check_length;
use super::fd::{Fd, OpenFlags};
use crate::errno::Errno;

/// Fills `bytes` with what nobody can guess; never waits. A kernel that just started, and has not gathered enough for that,
/// gives what differs from one time to the next.
///
/// # Errors
/// Those of getrandom(2), and then of /dev/urandom.
#[inline(never)] // smaller so
pub fn fill(bytes: &mut [u8]) -> Result<(), Errno> {
    // SAFETY: the bytes are writable for their length, and the call keeps no pointer. No more than 256 bytes come all at once.
    let result = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    if check_length(result) == Ok(bytes.len()) {
        return Ok(());
    }
    let count = Fd::open(c"/dev/urandom", OpenFlags::READ)?.read(bytes)?;
    if count == bytes.len() { Ok(()) } else { Err(Errno::EIO) }
}
