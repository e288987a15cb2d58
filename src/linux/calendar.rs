//! Days and dates of the Gregorian calendar, also before it began. They are right for all days whose seconds since 1970 an
//! `i64` can tell; nothing here comes near its ends then.

/// How long a day is, leap seconds left out as time_t(3) does.
pub(super) const SECONDS_OF_DAY: i64 = 86400;

/// Days since 1970-01-01 of a day of the Gregorian calendar: year, month from 0, day of the month from 1.
///
/// Counted in years that begin in March, so that the day of a leap year comes last.
pub(super) fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) =
        if month < 2 { (year.wrapping_sub(1), month.wrapping_add(10)) } else { (year, month.wrapping_sub(2)) };
    let leap_days = year.div_euclid(4).wrapping_sub(year.div_euclid(100)).wrapping_add(year.div_euclid(400));
    // From March on, the months before number m have (153 m + 2) / 5 days.
    let day_of_year = month.wrapping_mul(153).wrapping_add(2).div_euclid(5).wrapping_add(day).wrapping_sub(1);
    // 719468 days lie between the first of March of the year 0 and the beginning of 1970.
    year.wrapping_mul(365).wrapping_add(leap_days).wrapping_add(day_of_year).wrapping_sub(719_468)
}

/// Year, month from 0, and day of the month from 1, of a number of days since 1970-01-01.
pub(super) fn date(days_since_1970: i64) -> (i64, i64, i64) {
    let day = days_since_1970.wrapping_add(719_468);
    // An era has 400 years, which are 146097 days.
    let era = day.div_euclid(146_097);
    let day = day.rem_euclid(146_097);
    let skipped = day.div_euclid(1460).wrapping_sub(day.div_euclid(36524)).wrapping_add(day.div_euclid(146_096));
    let year = day.wrapping_sub(skipped).div_euclid(365);
    let before = year.wrapping_mul(365).wrapping_add(year.div_euclid(4)).wrapping_sub(year.div_euclid(100));
    let day = day.wrapping_sub(before);
    let month = day.wrapping_mul(5).wrapping_add(2).div_euclid(153);
    let first = month.wrapping_mul(153).wrapping_add(2).div_euclid(5);
    let year = year.wrapping_add(era.wrapping_mul(400));
    let (year, month) =
        if month >= 10 { (year.wrapping_add(1), month.wrapping_sub(10)) } else { (year, month.wrapping_add(2)) };
    (year, month, day.wrapping_sub(first).wrapping_add(1))
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
}
