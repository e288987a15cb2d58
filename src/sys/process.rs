//! Processes.

use super::kernel;

/// The number of this process.
pub fn id() -> i32 {
    // SAFETY: the call touches no memory and can not fail.
    unsafe { libc::getpid() }
}

/// Whether this process has the privilege of this number (capabilities(7)), of the first 32, in force.
pub fn has_capability(number: u32) -> bool {
    /// The form of the call with two times three sets of 32.
    const VERSION_3: u32 = 0x2008_0522;
    let header = [VERSION_3, 0];
    let mut sets = [0_u32; 6];
    // SAFETY: the header, of two numbers of which the process 0 is this one, is readable, there is room for the sets of this
    // form, and the call keeps no pointer.
    let result = unsafe { libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()) };
    let [effective, ..] = sets;
    result == 0 && effective.checked_shr(number).unwrap_or(0) & 1 == 1
}

/// Ends this process at once.
pub fn exit(status: i32) -> ! {
    // SAFETY: the call touches no memory and does not come back.
    unsafe { libc::_exit(status) }
}

/// Takes the status of a child that ended, if one did. Other children are not waited for.
pub fn reap_one() -> Option<i32> {
    // SAFETY: no status is asked for.
    let pid = unsafe { kernel::waitpid(-1, core::ptr::null_mut(), libc::WNOHANG) };
    if pid > 0 { Some(pid) } else { None }
}

/// Waits for `milliseconds`, or less if a signal comes.
pub fn sleep_ms(milliseconds: u32) {
    let time = libc::timespec {
        tv_sec: i64::from(milliseconds / 1000),
        tv_nsec: i64::from(milliseconds % 1000).saturating_mul(1_000_000),
    };
    // SAFETY: the structure is valid, and the remaining time is not asked for.
    unsafe { kernel::nanosleep(&raw const time) };
}
