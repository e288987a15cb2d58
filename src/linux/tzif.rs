//! Reading a time zone file (tzfile(5), RFC 8536): the transitions, and behind the last of them the rule at its end.

use super::posix_zone;
use crate::bytes::before;
use crate::guest::LocalTime;

/// The counts of a header, and what follows it.
struct Block<'f> {
    times: usize,
    types: usize,
    characters: usize,
    /// The length of the data, if a time takes `width` bytes.
    length: usize,
    data: &'f [u8],
}

const HEADER_BYTES: usize = 44;
const TYPE_BYTES: usize = 6;

impl<'f> Block<'f> {
    fn of(file: &'f [u8], width: usize) -> Option<(Self, u8)> {
        let header = file.first_chunk::<HEADER_BYTES>()?;
        let version = *header.get(4)?;
        if !header.starts_with(b"TZif") {
            return None;
        }
        let count = |index: usize| {
            let start = index.saturating_mul(4).saturating_add(20);
            let bytes = header.get(start..)?.first_chunk::<4>()?;
            usize::try_from(u32::from_be_bytes(*bytes)).ok()
        };
        let (universal, standard, leaps) = (count(0)?, count(1)?, count(2)?);
        let (times, types, characters) = (count(3)?, count(4)?, count(5)?);
        let length = times
            .checked_mul(width.saturating_add(1))?
            .checked_add(types.checked_mul(TYPE_BYTES)?)?
            .checked_add(characters)?
            .checked_add(leaps.checked_mul(width.saturating_add(4))?)?
            .checked_add(standard)?
            .checked_add(universal)?;
        let data = file.get(HEADER_BYTES..)?;
        Some((Block { times, types, characters, length, data }, version))
    }
}

/// The time at `time_s`, seconds since 1970. `None` if the file is malformed.
pub fn local(file: &[u8], time_s: i64) -> Option<LocalTime<'_>> {
    let (first, version) = Block::of(file, 4)?;
    if version == 0 {
        return within(&first, 4, time_s, b"");
    }
    // The first block is for programs that know only 32 bits.
    let (block, _) = Block::of(first.data.get(first.length..)?, 8)?;
    let footer = block.data.get(block.length..)?.strip_prefix(b"\n")?;
    let rule = before(footer, b'\n');
    within(&block, 8, time_s, rule)
}

fn within<'f>(block: &Block<'f>, width: usize, time_s: i64, rule: &'f [u8]) -> Option<LocalTime<'f>> {
    let (times, rest) = block.data.split_at_checked(block.times.checked_mul(width)?)?;
    let (kinds, rest) = rest.split_at_checked(block.times)?;
    let (types, rest) = rest.split_at_checked(block.types.checked_mul(TYPE_BYTES)?)?;
    let names = rest.get(..block.characters)?;
    let time_of = |bytes: &[u8]| match width {
        4 => Some(i64::from(i32::from_be_bytes(*bytes.first_chunk::<4>()?))),
        _ => Some(i64::from_be_bytes(*bytes.first_chunk::<8>()?)),
    };
    // Times ascend: what has passed comes first.
    let mut low = 0_usize;
    let mut high = block.times;
    while low < high {
        let middle = low.midpoint(high);
        if time_of(times.get(middle.checked_mul(width)?..)?)? <= time_s {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    if low == block.times && !rule.is_empty() {
        return posix_zone::local(rule, time_s);
    }
    // Before the first transition the first type holds.
    let kind = match low.checked_sub(1) {
        Some(last) => usize::from(*kinds.get(last)?),
        None => 0,
    };
    let kind = types.get(kind.checked_mul(TYPE_BYTES)?..)?.first_chunk::<TYPE_BYTES>()?;
    let [a, b, c, d, _, name] = *kind;
    let abbreviation = before(names.get(usize::from(name)..)?, 0);
    Some(LocalTime { abbreviation, offset_s: i32::from_be_bytes([a, b, c, d]) })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions)]
mod tests {
    use super::*;

    /// A file of version 2 with two transitions, as zic(8) writes it.
    fn sample(rule: &str) -> Vec<u8> {
        let header = |version: u8, counts: [u32; 6]| {
            let mut header = b"TZif".to_vec();
            header.push(version);
            header.extend([0; 15]);
            header.extend(counts.into_iter().flat_map(u32::to_be_bytes));
            header
        };
        let mut file = header(b'2', [0, 0, 0, 0, 1, 4]);
        file.extend([0; 6]);
        file.extend(b"LMT\0");
        file.extend(header(b'2', [0, 0, 0, 2, 3, 12]));
        file.extend([1000_i64, 2000].into_iter().flat_map(i64::to_be_bytes));
        file.extend([1, 2]);
        for (offset, index) in [(3208_i32, 0), (7200, 4), (3600, 8)] {
            file.extend(offset.to_be_bytes());
            file.extend([0, index]);
        }
        file.extend(b"LMT\0SUM\0WIN\0\n");
        file.extend(rule.as_bytes());
        file.push(b'\n');
        file
    }

    #[test]
    fn each_moment_has_its_type() {
        let file = sample("");
        for (time, name, offset) in
            [(i64::MIN, "LMT", 3208), (999, "LMT", 3208), (1000, "SUM", 7200), (1999, "SUM", 7200), (2000, "WIN", 3600)]
        {
            assert_eq!(local(&file, time), Some(LocalTime { abbreviation: name.as_bytes(), offset_s: offset }));
        }
    }

    #[test]
    fn a_file_of_the_first_version_has_times_of_32_bits() {
        let mut file = b"TZif".to_vec();
        file.extend([0; 16]);
        file.extend([0, 0, 0, 1, 2, 8_u32].into_iter().flat_map(u32::to_be_bytes));
        file.extend((-5_i32).to_be_bytes());
        file.push(1);
        for (offset, index) in [(3208_i32, 0), (7200, 4)] {
            file.extend(offset.to_be_bytes());
            file.extend([0, index]);
        }
        file.extend(b"LMT\0SUM\0");
        for (time, name, offset) in [(-6, "LMT", 3208), (-5, "SUM", 7200), (i64::MAX, "SUM", 7200)] {
            assert_eq!(local(&file, time), Some(LocalTime { abbreviation: name.as_bytes(), offset_s: offset }));
        }
    }

    #[test]
    fn what_stands_between_the_types_and_the_rule_is_passed_over() {
        // Leap seconds, and which times are of standard time or UTC; in the first block as well.
        let plain = sample("XXX-5");
        let second = 44 + 6 + 4;
        let mut file = plain[..second].to_vec();
        file[20..32].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2]);
        file.extend([9; 2 * 8 + 1 + 1]);
        let mut rest = plain[second..].to_vec();
        rest[20..32].copy_from_slice(&[0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 2]);
        let footer = rest.len() - "\nXXX-5\n".len();
        rest.splice(footer..footer, [9; 2 * 12 + 3 + 3]);
        file.extend(rest);
        assert_eq!(local(&file, 1999), Some(LocalTime { abbreviation: b"SUM", offset_s: 7200 }));
        assert_eq!(local(&file, 2000), Some(LocalTime { abbreviation: b"XXX", offset_s: 18000 }));
    }

    #[test]
    fn behind_the_last_transition_the_rule_holds() {
        let file = sample("XXX-5");
        assert_eq!(local(&file, 1999).map(|zone| zone.offset_s), Some(7200));
        assert_eq!(local(&file, 2000), Some(LocalTime { abbreviation: b"XXX", offset_s: 18000 }));
    }

    #[test]
    fn a_file_that_is_cut_or_changed_is_refused_or_read_but_nothing_else() {
        let file = sample("CET-1CEST,M3.5.0,M10.5.0/3");
        for length in 0..file.len() - 1 {
            for time in [0, 1500, 3000] {
                let _ = local(&file[..length], time);
            }
        }
        assert_eq!(local(&file[..40], 0), None);
        for at in 0..file.len() {
            for value in [0, 1, 0x7F, 0xFF] {
                let mut changed = file.clone();
                changed[at] = value;
                let _ = local(&changed, 1500);
            }
        }
    }
}
