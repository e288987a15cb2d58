//! Time zones written as rules, `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX, `TZ`; RFC 8536, 3.3.1).

use super::calendar::{SECONDS_OF_DAY, date, days};
use super::lines::decimal;
use crate::bytes::split_once;
use crate::guest::LocalTime;

/// The time that the rule gives at `time_s`, seconds since 1970. `None` if it is no rule.
pub fn local(rule: &[u8], time_s: i64) -> Option<LocalTime<'_>> {
    let mut rule = Rule(rule);
    let standard = rule.name()?;
    let standard_s = rule.time()?.wrapping_neg();
    let (mut name, mut offset_s) = (standard, standard_s);
    if !rule.0.is_empty() {
        let summer = rule.name()?;
        let mut ahead = Rule(rule.0);
        let summer_s = match ahead.time() {
            Some(west_s) => {
                rule = ahead;
                west_s.wrapping_neg()
            }
            None => standard_s.wrapping_add(3600),
        };
        // Without dates, those of the United States, as C libraries take them.
        if rule.0.is_empty() {
            rule = Rule(b",M3.2.0,M11.1.0");
        }
        rule.take(b',')?;
        let begin = rule.change()?;
        rule.take(b',')?;
        let end = rule.change()?;
        if !rule.0.is_empty() {
            return None;
        }
        let (year, ..) = date(time_s.checked_add(standard_s)?.div_euclid(SECONDS_OF_DAY));
        // Each change is told in the time that holds before it.
        let begin_s = begin.at(year)?.checked_sub(standard_s)?;
        let end_s = end.at(year)?.checked_sub(summer_s)?;
        let (is_after_begin, is_after_end) = (begin_s <= time_s, end_s <= time_s);
        let is_summer =
            if begin_s <= end_s { is_after_begin && !is_after_end } else { is_after_begin || !is_after_end };
        if is_summer {
            (name, offset_s) = (summer, summer_s);
        }
    }
    Some(LocalTime { abbreviation: name, offset_s: i32::try_from(offset_s).ok()? })
}

/// What is left of a rule, from which its parts are taken one by one.
struct Rule<'r>(&'r [u8]);

impl<'r> Rule<'r> {
    /// A byte, if it is that.
    #[inline(never)] // smaller so
    fn take(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// A number of a range.
    fn number(&mut self, least: i64, most: i64) -> Option<i64> {
        let (value, rest) = decimal(self.0)?;
        self.0 = rest;
        i64::try_from(value).ok().filter(|value| (least..=most).contains(value))
    }

    /// A name: letters, or anything in angle brackets.
    fn name(&mut self) -> Option<&'r [u8]> {
        let (name, rest) = match self.take(b'<') {
            Some(()) => split_once(self.0, b'>')?,
            None => {
                let end = self.0.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(self.0.len());
                self.0.split_at_checked(end)?
            }
        };
        self.0 = rest;
        if name.len() < 3 { None } else { Some(name) }
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    fn time(&mut self) -> Option<i64> {
        let is_negative = self.take(b'-').is_some();
        if !is_negative {
            self.take(b'+');
        }
        let mut seconds = self.number(0, 167)?.wrapping_mul(3600);
        for unit_s in [60, 1] {
            if self.take(b':').is_none() {
                break;
            }
            seconds = seconds.wrapping_add(self.number(0, 59)?.wrapping_mul(unit_s));
        }
        Some(if is_negative { seconds.wrapping_neg() } else { seconds })
    }

    /// When the time changes.
    fn change(&mut self) -> Option<Change> {
        let day = if self.take(b'J').is_some() {
            Day::Julian(self.number(1, 365)?)
        } else if self.take(b'M').is_some() {
            let month = self.number(1, 12)?.wrapping_sub(1);
            self.take(b'.')?;
            let week = self.number(1, 5)?;
            self.take(b'.')?;
            Day::Weekday { month, week, day: self.number(0, 6)? }
        } else {
            Day::Ordinal(self.number(0, 365)?)
        };
        let time_s = if self.take(b'/').is_some() { self.time()? } else { 7200 };
        Some(Change { day, time_s })
    }
}

/// A day of the year.
#[derive(Clone, Copy, Debug)]
enum Day {
    /// `Jn`: from 1 to 365, the 29th of February never counted.
    Julian(i64),
    /// `n`: from 0 to 365, the 29th of February counted.
    Ordinal(i64),
    /// `Mm.w.d`: a weekday (0 is Sunday) of a month, the first to the fourth, or the last (5).
    Weekday { month: i64, week: i64, day: i64 },
}

/// When the time changes.
#[derive(Clone, Copy, Debug)]
struct Change {
    day: Day,
    time_s: i64,
}

impl Change {
    /// The change in a year, in seconds since 1970 of the clock on the wall. The days of a year whose seconds can be told
    /// are far from the ends of an `i64`.
    fn at(self, year: i64) -> Option<i64> {
        let day = match self.day {
            Day::Ordinal(day) => days(year, 0, 1).wrapping_add(day),
            // From March on they are counted from its first day, which is number 60.
            Day::Julian(day) if day >= 60 => days(year, 2, 1).wrapping_add(day).wrapping_sub(60),
            Day::Julian(day) => days(year, 0, 1).wrapping_add(day).wrapping_sub(1),
            Day::Weekday { month, week, day } => {
                let first = days(year, month, 1);
                let next_month =
                    if month == 11 { days(year.wrapping_add(1), 0, 1) } else { days(year, month.wrapping_add(1), 1) };
                // 1970 began on a Thursday.
                let weekday = first.wrapping_add(4).rem_euclid(7);
                let found =
                    first.wrapping_add(day.wrapping_sub(weekday).rem_euclid(7)).wrapping_add(week.wrapping_mul(7));
                // They are counted from 1, and the fifth may be the fourth.
                let found = found.wrapping_sub(7);
                if found < next_month { found } else { found.wrapping_sub(7) }
            }
        };
        day.checked_mul(SECONDS_OF_DAY)?.checked_add(self.time_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_change_when_they_say() {
        // Moments around the changes of 2024, a leap year, from the tz database's own dates.
        for (rule, time, name, offset) in [
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_711_846_799, "CET", 3600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_711_846_800, "CEST", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_729_990_799, "CEST", 7200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", 1_729_990_800, "CET", 3600),
            ("EST5EDT,M3.2.0,M11.1.0", 1_710_053_999, "EST", -18000),
            ("EST5EDT,M3.2.0,M11.1.0", 1_710_054_000, "EDT", -14400),
            ("EST5EDT", 1_710_054_000, "EDT", -14400),
            // The southern summer spans the new year.
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_704_067_200, "AEDT", 39600),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_719_792_000, "AEST", 36000),
            // The 26th hour of a Thursday.
            ("IST-2IDT,M3.4.4/26,M10.5.0", 1_711_670_399, "IST", 7200),
            ("IST-2IDT,M3.4.4/26,M10.5.0", 1_711_670_400, "IDT", 10800),
            // The last Sunday of a month whose next one begins with a Sunday.
            ("NZST-12NZDT,M9.5.0,M4.1.0/3", 1_695_477_599, "NZST", 43200),
            ("NZST-12NZDT,M9.5.0,M4.1.0/3", 1_695_477_600, "NZDT", 46800),
            ("<+0330>-3:30", 0, "+0330", 12600),
            ("UTC0", 0, "UTC", 0),
            // Day 60 of the Julian count is the first of March in every year.
            ("AAA0BBB,J60/0,J300/0", 1_709_251_199, "AAA", 0),
            ("AAA0BBB,J60/0,J300/0", 1_709_251_200, "BBB", 3600),
            ("AAA0BBB,59/0,300/0", 1_709_164_800, "BBB", 3600),
        ] {
            let zone = LocalTime { abbreviation: name.as_bytes(), offset_s: offset };
            assert_eq!(local(rule.as_bytes(), time), Some(zone), "{rule} at {time}");
        }
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for rule in
            ["", "AB0", "CET", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M10.5.0x", "A0\0"]
        {
            assert_eq!(local(rule.as_bytes(), 0), None, "{rule}");
        }
        assert_eq!(local(b"CET-1", i64::MAX).map(|zone| zone.offset_s), Some(3600));
        assert_eq!(local(b"CET-1CEST", i64::MAX), None);
    }
}
