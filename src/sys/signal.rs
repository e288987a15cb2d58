//! Signals: held back but for the time of a wait, and noted, never acted on in a handler.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};

use super::check;
#[cfg(target_arch = "x86_64")]
use super::kernel::SignalAction;
use super::kernel::{self, SignalSet, set_of};
use crate::errno::Errno;

static TERMINATE: AtomicBool = AtomicBool::new(false);
static CHILD_ENDED: AtomicBool = AtomicBool::new(false);

/// SIGTERM and SIGINT, which want this process to end, and SIGCHLD, which tells that another one did.
extern "C" fn note(signal: c_int) {
    let noted = if signal == libc::SIGCHLD { &CHILD_ENDED } else { &TERMINATE };
    noted.store(true, Ordering::Relaxed);
}

/// Whether SIGTERM or SIGINT came.
pub fn wants_termination() -> bool {
    TERMINATE.load(Ordering::Relaxed)
}

/// Whether a child ended since this was last asked.
pub fn child_has_ended() -> bool {
    CHILD_ENDED.swap(false, Ordering::Relaxed)
}

/// The signals that come through during a wait: all that came through when the process started.
#[derive(Debug)]
pub struct DuringWait {
    mask: SignalSet,
}

impl DuringWait {
    pub(super) fn mask(&self) -> *const SignalSet {
        &raw const self.mask
    }

    /// Lets the signals come through that wait to. A wait that finds something ready does not: where there always is
    /// something, they would wait for ever.
    pub fn let_through(&self) {
        hold(hold(self.mask));
    }
}

/// Holds these signals back and no others; answers which were.
pub(super) fn hold(signals: SignalSet) -> SignalSet {
    let mut before = 0;
    // SAFETY: the sets are valid, and the call keeps no pointer. It does not fail.
    unsafe { kernel::sigprocmask(libc::SIG_SETMASK, &raw const signals, &raw mut before) };
    before
}

/// Holds SIGTERM, SIGINT and SIGCHLD back outside of waits, notes them when they come, and ignores SIGPIPE: a host that is
/// gone is an error of its write.
///
/// # Errors
/// Those of sigaction(2), which none of these signals gives.
#[inline(never)] // smaller so
pub fn install() -> Result<DuringWait, Errno> {
    const HELD: [c_int; 3] = [libc::SIGTERM, libc::SIGINT, libc::SIGCHLD];
    let mut held = 0;
    for signal in HELD {
        held |= set_of(signal);
        act_on(signal, address(note))?;
    }
    act_on(libc::SIGPIPE, libc::SIG_IGN)?;
    // A parent may have held them back; during a wait they must come.
    let before = hold(SignalSet::MAX) & !held;
    hold(before | held);
    Ok(DuringWait { mask: before })
}

// A child that is only stopped does not wake the agent.
#[cfg(target_arch = "x86_64")]
fn act_on(signal: c_int, handler: libc::sighandler_t) -> Result<(), Errno> {
    // The kernel wants to know where a handler comes back to, and is told by this flag that it does.
    const SA_RESTORER: c_int = 0x0400_0000;
    let flags = (libc::SA_NOCLDSTOP | SA_RESTORER).cast_unsigned().into();
    let action = SignalAction { handler, flags, restorer: kernel::sigreturn, mask: 0 };
    // SAFETY: the action is valid, and the call keeps no pointer; the handler only stores to an atomic, which is allowed in any
    // handler.
    check(unsafe { kernel::sigaction(signal, &raw const action) }).map(drop)
}

/// Elsewhere the C library knows how the kernel wants it; on x86-64 this would be 800 bytes more.
#[cfg(not(target_arch = "x86_64"))]
fn act_on(signal: c_int, handler: libc::sighandler_t) -> Result<(), Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_NOCLDSTOP;
    // SAFETY: as above.
    check(unsafe { libc::sigaction(signal, &raw const action, core::ptr::null_mut()) }).map(drop)
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
