//! Waiting for one or two descriptors, with a time limit (poll(2)).

use super::check;
use super::fd::Fd;
use crate::errno::Errno;

/// Waits until one of the descriptors can be read, or has ended, for at most `timeout_ms`. Answers which.
///
/// # Errors
/// Those of poll(2), but for `EINTR`, which counts as none.
pub fn readable(fds: [Option<&Fd>; 2], timeout_ms: i32) -> Result<[bool; 2], Errno> {
    // A negative number is passed over.
    let mut events = fds.map(|fd| libc::pollfd { fd: fd.map_or(-1, Fd::raw), events: libc::POLLIN, revents: 0 });
    // SAFETY: there are two structures, they are writable, and the call keeps no pointer.
    match check(unsafe { libc::poll(events.as_mut_ptr(), 2, timeout_ms) }) {
        Err(Errno::EINTR) => Ok([false; 2]),
        result => result.map(|_| events.map(|event| event.revents != 0)),
    }
}
