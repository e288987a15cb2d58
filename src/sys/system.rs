//! Clocks and names of the system.

use super::{check, kernel};
use crate::errno::Errno;

fn clock_ns(clock: libc::clockid_t) -> Result<i64, Errno> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is writable, and the call keeps no pointer.
    check(unsafe { kernel::clock_gettime(clock, &raw mut time) })?;
    Ok(time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec))
}

/// Nanoseconds since 1970-01-01 00:00:00 UTC.
///
/// # Errors
/// Those of clock_gettime(2).
pub fn real_time_ns() -> Result<i64, Errno> {
    clock_ns(libc::CLOCK_REALTIME)
}

/// Sets the time of day.
///
/// # Errors
/// Those of clock_settime(2): `EPERM` without the privilege.
pub fn set_real_time_ns(time_ns: i64) -> Result<(), Errno> {
    let time = libc::timespec { tv_sec: time_ns.div_euclid(1_000_000_000), tv_nsec: time_ns.rem_euclid(1_000_000_000) };
    // SAFETY: the structure is valid, and the call keeps no pointer.
    check(unsafe { libc::clock_settime(libc::CLOCK_REALTIME, &raw const time) }).map(drop)
}

/// By how many minutes the clock that runs while the machine is off lags behind UTC, as the kernel was told (hwclock(8),
/// `--systz`); 0 unless that clock keeps local time.
pub fn kernel_minutes_west() -> i32 {
    let mut zone = [0_i32; 2];
    // SAFETY: the call writes two numbers, and keeps no pointer. It goes by number: C libraries leave the zone out. Where
    // it is not there, the zone stays 0.
    unsafe { libc::syscall(libc::SYS_gettimeofday, core::ptr::null_mut::<u8>(), zone.as_mut_ptr()) };
    let [minutes_west, _] = zone;
    minutes_west
}

/// Nanoseconds since the system started, times of sleep included.
///
/// # Errors
/// Those of clock_gettime(2).
pub fn boot_time_ns() -> Result<i64, Errno> {
    clock_ns(libc::CLOCK_BOOTTIME)
}

/// The load averages of 1, 5 and 15 minutes, in units of 1/65536.
///
/// # Errors
/// Those of sysinfo(2).
#[cfg(feature = "inventory")]
pub fn load_averages() -> Result<[u64; 3], Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut information: libc::sysinfo = unsafe { core::mem::zeroed() };
    // SAFETY: the structure is writable, and the call keeps no pointer.
    check(unsafe { libc::sysinfo(&raw mut information) })?;
    Ok(information.loads.map(u64::from))
}

/// The name of the machine, in `buffer`, without its NUL.
///
/// # Errors
/// Those of uname(2); `ENAMETOOLONG` if the buffer is too small.
pub fn host_name(buffer: &mut [u8]) -> Result<&[u8], Errno> {
    let names = Names::read()?;
    let name = text(&names.0.nodename);
    let room = buffer.get_mut(..name.len()).ok_or(Errno::ENAMETOOLONG)?;
    for (to, from) in room.iter_mut().zip(name) {
        *to = *from;
    }
    Ok(room)
}

/// What the kernel says of itself.
#[derive(Debug)]
pub struct Names(libc::utsname);

impl Names {
    /// Asks the kernel.
    ///
    /// # Errors
    /// Those of uname(2).
    pub fn read() -> Result<Self, Errno> {
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut names: libc::utsname = unsafe { core::mem::zeroed() };
        // SAFETY: the structure is writable, and the call keeps no pointer.
        check(unsafe { libc::uname(&raw mut names) })?;
        Ok(Names(names))
    }

    /// The release, such as `6.1.0`.
    pub fn release(&self) -> &[u8] {
        text(&self.0.release)
    }

    /// The version, which tells how it was built.
    pub fn version(&self) -> &[u8] {
        text(&self.0.version)
    }

    /// The hardware, such as `x86_64`.
    pub fn machine(&self) -> &[u8] {
        text(&self.0.machine)
    }
}

/// A C text in a field, without its NUL.
fn text(field: &[core::ffi::c_char]) -> &[u8] {
    // SAFETY: `c_char` and `u8` have the same size and alignment and no invalid values, and the lifetime is the same.
    let bytes: &[u8] = unsafe { core::slice::from_raw_parts(field.as_ptr().cast(), field.len()) };
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}
