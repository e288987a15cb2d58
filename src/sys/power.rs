//! Stopping the machine (reboot(2)).

use core::ffi::c_int;

use super::check;
use crate::errno::Errno;

/// What the kernel is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Switch off.
    PowerOff,
    /// Stop, with power on.
    Halt,
    /// Start again.
    Restart,
}

/// Asks whether this process may stop the machine, by a call whose magic numbers are wrong: the kernel looks at the
/// privilege first, and does nothing.
///
/// # Errors
/// `EPERM` without the privilege.
pub fn is_allowed() -> Result<(), Errno> {
    // SAFETY: the call touches no memory, and without the magic numbers stops nothing.
    match check(unsafe { libc::syscall(libc::SYS_reboot, 0, 0, 0, 0) }) {
        Err(Errno::EPERM) => Err(Errno::EPERM),
        _ => Ok(()),
    }
}

/// Stops the machine at once: no process is asked, no file system is synced. Comes back only with an error.
///
/// # Errors
/// Those of reboot(2): `EPERM` without the privilege.
pub fn stop(action: Action) -> Result<(), Errno> {
    let command: c_int = match action {
        Action::PowerOff => libc::RB_POWER_OFF,
        Action::Halt => libc::RB_HALT_SYSTEM,
        Action::Restart => libc::RB_AUTOBOOT,
    };
    // SAFETY: the call touches no memory.
    check(unsafe { libc::reboot(command) }).map(drop)
}
