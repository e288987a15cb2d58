//! Signals: held back but for the time of a wait, and noted, never acted on in a handler.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};

use super::check;
use crate::errno::Errno;

static TERMINATE: AtomicBool = AtomicBool::new(false);

/// A termination signal: SIGTERM and SIGINT.
extern "C" fn note(_: c_int) {
    TERMINATE.store(true, Ordering::Relaxed);
}

/// Whether SIGTERM or SIGINT came.
pub fn wants_termination() -> bool {
    TERMINATE.load(Ordering::Relaxed)
}

/// The signals that come through during a wait: all that came through when the process started.
#[derive(Debug)]
pub struct DuringWait {
    mask: libc::sigset_t,
}

impl DuringWait {
    pub(super) fn mask(&self) -> *const libc::sigset_t {
        &raw const self.mask
    }
}

/// Holds SIGTERM and SIGINT back outside of waits, notes them when they come, and ignores SIGPIPE: a host that is gone
/// is an error of its write.
///
/// # Errors
/// Those of sigaction(2) and sigprocmask(2), which none of these signals gives.
pub fn install() -> Result<DuringWait, Errno> {
    for (signal, handler) in [(libc::SIGTERM, Some(note)), (libc::SIGINT, Some(note)), (libc::SIGPIPE, None)] {
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
        action.sa_sigaction = match handler {
            Some(handler) => address(handler),
            None => libc::SIG_IGN,
        };
        // SAFETY: the action is valid; the handler only stores to an atomic, which is allowed in any handler.
        check(unsafe { libc::sigaction(signal, &raw const action, core::ptr::null_mut()) })?;
    }
    // SAFETY: all-zero is the empty set, a valid value of this plain structure.
    let mut held: libc::sigset_t = unsafe { core::mem::zeroed() };
    // SAFETY: as above.
    let mut before: libc::sigset_t = unsafe { core::mem::zeroed() };
    // SAFETY: the sets are valid, the signals exist, and the calls keep no pointer.
    unsafe {
        libc::sigaddset(&raw mut held, libc::SIGTERM);
        libc::sigaddset(&raw mut held, libc::SIGINT);
        check(libc::sigprocmask(libc::SIG_BLOCK, &raw const held, &raw mut before))?;
        // A parent may have held them back; during a wait they must come.
        libc::sigdelset(&raw mut before, libc::SIGTERM);
        libc::sigdelset(&raw mut before, libc::SIGINT);
    }
    Ok(DuringWait { mask: before })
}

#[allow(clippy::as_conversions)] // a function has no other way to its address
fn address(handler: extern "C" fn(c_int)) -> libc::sighandler_t {
    handler as libc::sighandler_t
}

/// Sends a signal; 0 only asks whether the process is there. -1 means every process but init and this one.
///
/// # Errors
/// Those of kill(2).
pub fn send(pid: i32, signal: c_int) -> Result<(), Errno> {
    // SAFETY: the call touches no memory.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}
