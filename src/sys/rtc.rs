//! The clock that runs while the machine is off (rtc(4)).

use core::ffi::{c_int, c_long};

use super::check;
use super::fd::Fd;
use crate::errno::Errno;

/// A broken-down time, as the kernel's `struct rtc_time` has it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtcTime {
    /// 0 to 59.
    pub second: c_int,
    /// 0 to 59.
    pub minute: c_int,
    /// 0 to 23.
    pub hour: c_int,
    /// Day of the month, from 1.
    pub day: c_int,
    /// 0 to 11.
    pub month: c_int,
    /// Years since 1900.
    pub year: c_int,
    /// Day of the week, day of the year, summer time: drivers do not use them.
    pub unused: [c_int; 3],
}

// The numbers of RTC_RD_TIME and RTC_SET_TIME on x86, ARM and RISC-V: direction, size, `p`, 9 and 10.
const READ_TIME: c_long = 0x8024_7009;
const SET_TIME: c_long = 0x4024_700A;

/// Reads the clock.
///
/// # Errors
/// Those of the driver: `EINVAL` for a clock that was never set, `ENOTTY` for what is no clock.
pub fn read(rtc: &Fd) -> Result<RtcTime, Errno> {
    let mut time = RtcTime::default();
    // SAFETY: the call writes one structure of this layout, and keeps no pointer. It goes by number, because the C
    // libraries do not agree on the type of the request.
    check(unsafe { libc::syscall(libc::SYS_ioctl, rtc.raw(), READ_TIME, &raw mut time) })?;
    Ok(time)
}

/// Sets the clock.
///
/// # Errors
/// Those of the driver.
pub fn set(rtc: &Fd, time: &RtcTime) -> Result<(), Errno> {
    // SAFETY: the call reads one structure of this layout, and keeps no pointer.
    check(unsafe { libc::syscall(libc::SYS_ioctl, rtc.raw(), SET_TIME, &raw const *time) }).map(drop)
}
