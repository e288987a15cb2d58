//! The time of day, and the clock that runs while the machine is off.
//!
//! That clock keeps UTC, or the local time that the kernel was told of (hwclock(8), `--systz`), as the kernel itself takes
//! it when it writes the time back.

use super::Linux;
use crate::errno::Errno;
use crate::guest::{Clock, RtcError, SetClock};
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::rtc::{self, RtcTime};
use crate::sys::system;

const SECONDS_OF_DAY: i64 = 86400;

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
    i64::from(system::kernel_minutes_west()).saturating_mul(60)
}

/// Days since 1970-01-01 of a day of the Gregorian calendar: year, month from 0, day of the month from 1.
///
/// Counted in years that begin in March, so that the day of a leap year comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) =
        if month < 2 { (year.saturating_sub(1), month.saturating_add(10)) } else { (year, month.saturating_sub(2)) };
    let leap_days = year.div_euclid(4).saturating_sub(year.div_euclid(100)).saturating_add(year.div_euclid(400));
    // From March on, the months before number m have (153 m + 2) / 5 days.
    let day_of_year = month.saturating_mul(153).saturating_add(2).div_euclid(5).saturating_add(day).saturating_sub(1);
    // 719468 days lie between the first of March of the year 0 and the beginning of 1970.
    year.saturating_mul(365).saturating_add(leap_days).saturating_add(day_of_year).saturating_sub(719_468)
}

/// Year, month from 0, and day of the month from 1, of a number of days since 1970-01-01.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    let day = days_since_1970.saturating_add(719_468);
    // An era has 400 years, which are 146097 days.
    let era = day.div_euclid(146_097);
    let day = day.rem_euclid(146_097);
    let skipped = day.div_euclid(1460).saturating_sub(day.div_euclid(36524)).saturating_add(day.div_euclid(146_096));
    let year = day.saturating_sub(skipped).div_euclid(365);
    let before = year.saturating_mul(365).saturating_add(year.div_euclid(4)).saturating_sub(year.div_euclid(100));
    let day = day.saturating_sub(before);
    let month = day.saturating_mul(5).saturating_add(2).div_euclid(153);
    let first = month.saturating_mul(153).saturating_add(2).div_euclid(5);
    let year = year.saturating_add(era.saturating_mul(400));
    let (year, month) =
        if month >= 10 { (year.saturating_add(1), month.saturating_sub(10)) } else { (year, month.saturating_add(2)) };
    (year, month, day.saturating_sub(first).saturating_add(1))
}

fn seconds(time: &RtcTime) -> i64 {
    let day = days(i64::from(time.year).saturating_add(1900), i64::from(time.month), i64::from(time.day));
    let minutes = i64::from(time.hour).saturating_mul(60).saturating_add(i64::from(time.minute));
    day.saturating_mul(SECONDS_OF_DAY).saturating_add(minutes.saturating_mul(60)).saturating_add(i64::from(time.second))
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
        year: field(year.saturating_sub(1900)),
        unused: [0; 3],
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_400_years_is_the_one_after_the_day_before() {
        let (mut year, mut month, mut day) = (1900, 0, 1);
        let mut number = days(year, month, day);
        assert_eq!(days(1970, 0, 1), 0);
        while year < 2300 {
            assert_eq!(date(number), (year, month, day));
            assert_eq!(days(year, month, day), number);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                1 if leap => 29,
                1 => 28,
                3 | 5 | 8 | 10 => 30,
                _ => 31,
            };
            number += 1;
            day += 1;
            if day > length {
                day = 1;
                month += 1;
            }
            if month > 11 {
                month = 0;
                year += 1;
            }
        }
    }

    #[test]
    fn a_time_and_its_parts() {
        let time = RtcTime { second: 20, minute: 13, hour: 22, day: 14, month: 10, year: 123, unused: [0; 3] };
        assert_eq!(broken_down(1_700_000_000), time);
        assert_eq!(seconds(&time), 1_700_000_000);
        assert_eq!(seconds(&broken_down(-1)), -1);
    }
}
