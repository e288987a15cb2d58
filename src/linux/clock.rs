//! The time of day, and the clock that runs while the machine is off.
//!
//! That clock keeps UTC, or the local time that the kernel was told of (hwclock(8), `--systz`), as the kernel itself takes
//! it when it writes the time back.

use super::Linux;
use super::calendar::{SECONDS_OF_DAY, date, days};
use crate::errno::Errno;
use crate::guest::{Clock, RtcError, SetClock};
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::rtc::{self, RtcTime};
use crate::sys::system;

impl Clock for Linux {
    fn real_time_ns(&mut self) -> Result<i64, Errno> {
        system::real_time_ns()
    }
}

impl SetClock for Linux {
    fn set_real_time_ns(&mut self, time_ns: i64) -> Result<(), Errno> {
        system::set_real_time_ns(time_ns)
    }

    fn rtc_time_s(&mut self) -> Result<i64, RtcError> {
        let time = rtc::read(&self.open_rtc()?).map_err(RtcError::System)?;
        Ok(seconds(&time).saturating_add(offset_s()))
    }

    fn set_rtc_time_s(&mut self, time_s: i64) -> Result<(), RtcError> {
        let rtc = self.open_rtc()?;
        rtc::set(&rtc, &broken_down(time_s.saturating_sub(offset_s()))).map_err(RtcError::System)
    }
}

impl Linux {
    fn open_rtc(&mut self) -> Result<Fd, RtcError> {
        match self.open_of_class(b"rtc", b"rtc0", OpenFlags::READ) {
            Err(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO | Errno::ENOTDIR) => Err(RtcError::Missing),
            opened => opened.map_err(RtcError::System),
        }
    }
}

/// What to add to the time of that clock to get UTC, in seconds.
fn offset_s() -> i64 {
    i64::from(system::kernel_minutes_west()).wrapping_mul(60)
}

fn seconds(time: &RtcTime) -> i64 {
    let day = days(i64::from(time.year).wrapping_add(1900), i64::from(time.month), i64::from(time.day));
    let minutes = i64::from(time.hour).wrapping_mul(60).wrapping_add(i64::from(time.minute));
    day.wrapping_mul(SECONDS_OF_DAY).wrapping_add(minutes.wrapping_mul(60)).wrapping_add(i64::from(time.second))
}

fn broken_down(time_s: i64) -> RtcTime {
    let (year, month, day) = date(time_s.div_euclid(SECONDS_OF_DAY));
    let second_of_day = time_s.rem_euclid(SECONDS_OF_DAY);
    let field = |value: i64| i32::try_from(value).unwrap_or(0);
    RtcTime {
        second: field(second_of_day.rem_euclid(60)),
        minute: field(second_of_day.div_euclid(60).rem_euclid(60)),
        hour: field(second_of_day.div_euclid(3600)),
        day: field(day),
        month: field(month),
        year: field(year.wrapping_sub(1900)),
        unused: [0; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_and_its_parts() {
        let time = RtcTime { second: 20, minute: 13, hour: 22, day: 14, month: 10, year: 123, unused: [0; 3] };
        assert_eq!(broken_down(1_700_000_000), time);
        assert_eq!(seconds(&time), 1_700_000_000);
        assert_eq!(seconds(&broken_down(-1)), -1);
    }
}
