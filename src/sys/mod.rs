//! System calls: the only unsafe code of the crate. One file a subject; what they offer is safe to call with any
//! argument. Each unsafe block says what the call requires, why it holds, and what a failure leads to.
#![allow(unsafe_code)]

pub mod daemon;
pub mod directory;
pub mod epoll;
pub mod fd;
pub mod file_system;
#[cfg(feature = "freeze")]
pub mod freeze;
pub mod inherited;
mod kernel;
pub mod memory;
pub mod mount;
#[cfg(feature = "network")]
pub mod netlink;
#[cfg(feature = "inventory")]
pub mod nvme;
#[cfg(any(feature = "freeze", feature = "power"))]
pub mod poll;
pub mod power;
pub mod process;
#[cfg(feature = "accounts")]
pub mod random;
#[cfg(feature = "accounts")]
pub mod replace;
pub mod rtc;
pub mod signal;
pub mod socket;
pub mod spawn;
pub mod start;
pub mod system;
pub mod terminal;

use crate::errno::Errno;

/// The error number of the call that just failed.
#[inline(never)] // smaller so
fn last_errno() -> Errno {
    // SAFETY: the C library promises a valid pointer to a number of this thread's own.
    Errno::new(unsafe { *libc::__errno_location() })
}

/// The result of a call that answers -1 when it fails.
fn check<T: Copy + Into<i64>>(result: T) -> Result<T, Errno> {
    if result.into() == -1 { Err(last_errno()) } else { Ok(result) }
}

/// The result of a call that answers a length, or -1 when it fails.
fn check_length(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| last_errno())
}
