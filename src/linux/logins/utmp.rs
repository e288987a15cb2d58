//! The records of utmp(5), in the layout of glibc, whose programs write them.
//!
//! A list of users, each given once, is made without keeping any of it: a record counts if no record before it has the same
//! name, which is looked up in the file.

use crate::errno::Errno;
use crate::guest::{ListPlace, Login};
use crate::sys::fd::Fd;

/// Whether times have 64 bits. Elsewhere they have 32, also on 64-bit machines (`__WORDSIZE_TIME64_COMPAT32` of glibc).
const WIDE: bool = cfg!(any(target_arch = "aarch64", target_arch = "loongarch64"));

const RECORD_BYTES: usize = if WIDE { 400 } else { 384 };
/// Where a name stands, and the most it takes; one as long as that has no NUL.
const NAME: usize = 44;
const NAME_BYTES: usize = 32;
/// The session's number and the time stand behind this.
const SESSION: usize = 336;
/// The kind of record that is a user's login.
const USER_PROCESS: i16 = 7;

/// The login that a record tells of; `None` if it tells of something else.
fn login(record: &[u8], wide: bool) -> Option<Login<'_>> {
    let kind = i16::from_ne_bytes(*record.first_chunk()?);
    let user = record.get(NAME..)?.get(..NAME_BYTES)?.split(|&byte| byte == 0).next()?;
    let rest = record.get(SESSION..)?;
    let (seconds, microseconds) = if wide {
        let rest = rest.get(8..)?;
        (i64::from_ne_bytes(*rest.first_chunk()?), i64::from_ne_bytes(*rest.get(8..)?.first_chunk()?))
    } else {
        let rest = rest.get(4..)?;
        // Without a sign, as newer versions of glibc read it, so that 2038 is not the last year.
        let seconds = u32::from_ne_bytes(*rest.first_chunk()?);
        (i64::from(seconds), i64::from(i32::from_ne_bytes(*rest.get(4..)?.first_chunk()?)))
    };
    let time_us = seconds.saturating_mul(1_000_000).saturating_add(microseconds);
    (kind == USER_PROCESS).then_some(Login { user, time_us })
}

/// Gives each login from record `first` on to `visit`, with the number of its record, until that answers false. What is left
/// at the end is no record.
fn each(file: &Fd, first: u64, buffer: &mut [u8], visit: &mut dyn FnMut(u64, Login<'_>) -> bool) -> Result<(), Errno> {
    let mut number = first;
    loop {
        let offset = number.saturating_mul(u64::try_from(RECORD_BYTES).unwrap_or(u64::MAX));
        let length = match file.read_at(buffer, offset) {
            Err(Errno::EINTR) => continue,
            read => read?,
        };
        let mut rest = buffer.get(..length).unwrap_or_default();
        if rest.len() < RECORD_BYTES {
            return Ok(());
        }
        while let Some((record, after)) = rest.split_at_checked(RECORD_BYTES) {
            if login(record, WIDE).is_some_and(|login| !visit(number, login)) {
                return Ok(());
            }
            number = number.wrapping_add(1);
            rest = after;
        }
    }
}

/// The next user at or behind the record with the number in `place`, in the order of the users' first records.
///
/// # Errors
/// Those of pread(2); `ENOBUFS` if the buffer holds no two records and a name.
pub fn next<'b>(file: &Fd, place: &mut ListPlace, buffer: &'b mut [u8]) -> Result<Option<Login<'b>>, Errno> {
    let ListPlace([first, _]) = place;
    let (name, room) = buffer.split_at_mut_checked(NAME_BYTES).ok_or(Errno::ENOBUFS)?;
    let half = room.len() / 2;
    let (records, others) = room.split_at_mut_checked(half).unwrap_or_default();
    if records.len() < RECORD_BYTES {
        return Err(Errno::ENOBUFS);
    }
    let mut found = None;
    let mut result = Ok(());
    each(file, u64::try_from(*first).unwrap_or(0), records, &mut |number, login| {
        let mut is_first = true;
        let mut time_us = login.time_us;
        result = each(file, 0, others, &mut |other_number, other| {
            if other.user == login.user {
                is_first = other_number >= number;
                time_us = time_us.min(other.time_us);
            }
            is_first
        });
        if result.is_ok() && is_first {
            for (to, from) in name.iter_mut().zip(login.user) {
                *to = *from;
            }
            *first = i64::try_from(number).unwrap_or(i64::MAX).saturating_add(1);
            found = Some((login.user.len(), time_us));
        }
        result.is_ok() && found.is_none()
    })?;
    result?;
    Ok(found.and_then(|(length, time_us)| Some(Login { user: name.get(..length)?, time_us })))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::as_conversions)]
mod tests {
    use super::*;

    /// A record with all fields that are read set, and all others filled with what must not be taken for them.
    fn record(kind: i16, user: &[u8], seconds: u32, microseconds: i32, wide: bool) -> Vec<u8> {
        let mut record = vec![0xEE; if wide { 400 } else { 384 }];
        record[..2].copy_from_slice(&kind.to_ne_bytes());
        record[NAME..NAME + user.len()].copy_from_slice(user);
        if user.len() < NAME_BYTES {
            record[NAME + user.len()] = 0;
        }
        if wide {
            record[344..352].copy_from_slice(&i64::from(seconds).to_ne_bytes());
            record[352..360].copy_from_slice(&i64::from(microseconds).to_ne_bytes());
        } else {
            record[340..344].copy_from_slice(&seconds.to_ne_bytes());
            record[344..348].copy_from_slice(&microseconds.to_ne_bytes());
        }
        record
    }

    /// The list that is made of a file.
    fn users(content: &[u8], buffer: usize) -> Vec<(String, i64)> {
        let file = crate::sys::memory::file().unwrap();
        file.write(content).unwrap();
        let mut place = ListPlace::default();
        let mut users = Vec::new();
        let mut buffer = vec![0; buffer];
        while let Some(login) = next(&file, &mut place, &mut buffer).unwrap() {
            users.push((String::from_utf8_lossy(login.user).into_owned(), login.time_us));
        }
        assert_eq!(next(&file, &mut place, &mut buffer), Ok(None), "the end stays the end");
        users
    }

    #[test]
    fn a_record_of_either_layout_is_read() {
        for wide in [false, true] {
            for user in [&b"root"[..], b"", &[b'x'; 32]] {
                let record = record(7, user, 3_000_000_000, 123_456, wide);
                assert_eq!(login(&record, wide), Some(Login { user, time_us: 3_000_000_000_123_456 }), "{wide}");
                for length in 0..record.len() {
                    let _ = login(&record[..length], wide);
                }
            }
            for kind in [0, 1, 6, 8, -1, i16::MAX] {
                assert_eq!(login(&record(kind, b"root", 1, 0, wide), wide), None);
            }
        }
    }

    #[test]
    fn each_user_is_there_once_with_the_earliest_time() {
        let names = ["a", "b", "", "a\u{e9}", "b", "a", "c", "b", "", "c", "d"];
        let times = [5, 9, 1, 4, 3, 6, 7, 9, 2, 6, 1];
        let mut content = Vec::new();
        for (name, time) in names.into_iter().zip(times) {
            content.extend(record(7, name.as_bytes(), time, 0, WIDE));
            content.extend(record(8, b"gone", 1, 0, WIDE));
        }
        let expected = [("a", 5), ("b", 3), ("", 1), ("a\u{e9}", 4), ("c", 6), ("d", 1)];
        let expected: Vec<_> = expected.map(|(name, time)| (name.to_owned(), time * 1_000_000)).into();
        // Two records at least, and then as many as fit.
        for buffer in [32 + 2 * RECORD_BYTES, 32 + 2 * RECORD_BYTES + 11, 10 * RECORD_BYTES, 1 << 20] {
            assert_eq!(users(&content, buffer), expected);
        }
        // What is left behind the last record is none.
        content.extend(&record(7, b"half", 1, 0, WIDE)[..RECORD_BYTES - 1]);
        assert_eq!(users(&content, 4096), expected);
        assert_eq!(users(&content[..RECORD_BYTES - 1], 4096), []);
        assert_eq!(users(b"", 4096), []);
    }

    #[test]
    fn a_thousand_users_and_a_buffer_that_is_too_small() {
        let mut content = Vec::new();
        for number in 0..2000_u32 {
            content.extend(record(7, format!("user{}", number % 1000).as_bytes(), 5000 - number, 0, WIDE));
        }
        let users = users(&content, 32 * 1024);
        assert_eq!(users.len(), 1000);
        assert_eq!(users[999], ("user999".to_owned(), 3_001_000_000));
        let file = crate::sys::memory::file().unwrap();
        for length in [0, 31, 32, 32 + 2 * RECORD_BYTES - 1] {
            assert_eq!(next(&file, &mut ListPlace::default(), &mut vec![0; length]), Err(Errno::ENOBUFS));
        }
    }
}
