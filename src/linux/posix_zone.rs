//! Time zones written as rules, `CET-1CEST,M3.5.0,M10.5.0/3` (POSIX, `TZ`; RFC 8536, 3.3.1).

use super::calendar::{SECONDS_OF_DAY, date, days};
use super::lines::decimal;
use super::tzif::Zone;

/// The time that the rule gives at `time_s`, seconds since 1970. `None` if it is no rule.
pub fn local(rule: &[u8], time_s: i64) -> Option<Zone<'_>> {
    let (standard, rest) = name(rule)?;
    let (west_s, rest) = time(rest)?;
    let offset_s = i32::try_from(west_s.checked_neg()?).ok()?;
    let standard = Zone { abbreviation: standard, offset_s };
    if rest.is_empty() {
        return Some(standard);
    }
    let (summer, rest) = name(rest)?;
    let (offset_s, rest) = match time(rest) {
        Some((west_s, rest)) => (i32::try_from(west_s.checked_neg()?).ok()?, rest),
        None => (offset_s.checked_add(3600)?, rest),
    };
    let summer = Zone { abbreviation: summer, offset_s };
    // Without dates, those of the United States, as C libraries take them.
    let dates = if rest.is_empty() { b",M3.2.0,M11.1.0" } else { rest };
    let (begin, rest) = Change::read(dates.strip_prefix(b",")?)?;
    let (end, rest) = Change::read(rest.strip_prefix(b",")?)?;
    if !rest.is_empty() {
        return None;
    }
    let (year, ..) = date(time_s.checked_add(i64::from(standard.offset_s))?.div_euclid(SECONDS_OF_DAY));
    // Each change is told in the time that holds before it.
    let begin_s = begin.at(year)?.checked_sub(i64::from(standard.offset_s))?;
    let end_s = end.at(year)?.checked_sub(i64::from(summer.offset_s))?;
    let is_summer =
        if begin_s <= end_s { (begin_s..end_s).contains(&time_s) } else { !(end_s..begin_s).contains(&time_s) };
    Some(if is_summer { summer } else { standard })
}

/// A name: letters, or anything in angle brackets.
fn name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = match text.strip_prefix(b"<") {
        Some(quoted) => {
            let end = quoted.iter().position(|&byte| byte == b'>')?;
            (quoted.get(..end)?, quoted.get(end.saturating_add(1)..)?)
        }
        None => {
            let end = text.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
            text.split_at_checked(end)?
        }
    };
    if name.len() < 3 { None } else { Some((name, rest)) }
}

/// `[+-]hh[:mm[:ss]]` in seconds.
fn time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, mut rest) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    let mut seconds = 0_i64;
    for (index, unit_s) in [3600_i64, 60, 1].into_iter().enumerate() {
        if index > 0 {
            match rest.strip_prefix(b":") {
                Some(more) => rest = more,
                None => break,
            }
        }
        let (value, more) = decimal(rest)?;
        let most = if index == 0 { 167 } else { 59 };
        let value = i64::try_from(value).ok().filter(|value| *value <= most)?;
        seconds = seconds.checked_add(value.checked_mul(unit_s)?)?;
        rest = more;
    }
    Some((if negative { seconds.checked_neg()? } else { seconds }, rest))
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
    fn read(text: &[u8]) -> Option<(Self, &[u8])> {
        let number = |text, least: i64, most: i64| {
            let (value, rest) = decimal(text)?;
            let value = i64::try_from(value).ok().filter(|value| (least..=most).contains(value))?;
            Some((value, rest))
        };
        let (day, rest) = match text.split_first()? {
            (b'J', rest) => {
                let (day, rest) = number(rest, 1, 365)?;
                (Day::Julian(day), rest)
            }
            (b'M', rest) => {
                let (month, rest) = number(rest, 1, 12)?;
                let (week, rest) = number(rest.strip_prefix(b".")?, 1, 5)?;
                let (day, rest) = number(rest.strip_prefix(b".")?, 0, 6)?;
                (Day::Weekday { month: month.saturating_sub(1), week, day }, rest)
            }
            _ => {
                let (day, rest) = number(text, 0, 365)?;
                (Day::Ordinal(day), rest)
            }
        };
        match rest.strip_prefix(b"/") {
            Some(rest) => time(rest).map(|(time_s, rest)| (Change { day, time_s }, rest)),
            None => Some((Change { day, time_s: 7200 }, rest)),
        }
    }

    /// The change in a year, in seconds since 1970 of the clock on the wall.
    fn at(self, year: i64) -> Option<i64> {
        let first = days(year, 0, 1);
        let day = match self.day {
            Day::Ordinal(day) => first.checked_add(day)?,
            Day::Julian(day) => {
                let leap = days(year, 2, 1).checked_sub(days(year, 1, 1))? == 29;
                let skipped = i64::from(leap && day >= 60);
                first.checked_add(day)?.checked_sub(1)?.checked_add(skipped)?
            }
            Day::Weekday { month, week, day } => {
                let first = days(year, month, 1);
                let next_month =
                    if month == 11 { days(year.checked_add(1)?, 0, 1) } else { days(year, month.checked_add(1)?, 1) };
                // 1970 began on a Thursday.
                let weekday = first.checked_add(4)?.rem_euclid(7);
                let offset =
                    day.checked_sub(weekday)?.rem_euclid(7).checked_add(week.checked_sub(1)?.checked_mul(7)?)?;
                let found = first.checked_add(offset)?;
                // The fifth may be the fourth.
                if found < next_month { found } else { found.checked_sub(7)? }
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
            ("<+0330>-3:30", 0, "+0330", 12600),
            ("UTC0", 0, "UTC", 0),
            // Day 60 of the Julian count is the first of March in every year.
            ("AAA0BBB,J60/0,J300/0", 1_709_251_199, "AAA", 0),
            ("AAA0BBB,J60/0,J300/0", 1_709_251_200, "BBB", 3600),
            ("AAA0BBB,59/0,300/0", 1_709_164_800, "BBB", 3600),
        ] {
            let zone = Zone { abbreviation: name.as_bytes(), offset_s: offset };
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
