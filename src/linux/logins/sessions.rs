//! The sessions of logind, by the files that it keeps of them (`/run/systemd/sessions/ID`, lines of `KEY=value`). Its library
//! (sd-login(3)) reads the same files.
//!
//! A list of users, each given once, is made without keeping any of it: users come in the order of their numbers, and all
//! files are read for each.

use crate::bytes::{has, position};
use crate::errno::Errno;
use crate::guest::{ListPlace, Login};
use crate::linux::lines::{decimal, read_whole};
use crate::sys::directory;
use crate::sys::fd::{Fd, OpenFlags};

/// A user's session.
struct Session<'t> {
    /// The number of the user.
    id: u32,
    /// The name of the user, perhaps in quotes.
    user: &'t [u8],
    /// When it began, in microseconds since 1970.
    time_us: i64,
}

impl<'t> Session<'t> {
    /// Reads what logind wrote. `None` for a session that is over, or is none of a user's login (such as a login screen).
    fn read(text: &'t [u8]) -> Option<Self> {
        let (mut id, mut user, mut time_us) = (None, None, None);
        for line in text.split(|&byte| byte == b'\n') {
            let Some(end) = line.iter().position(|&byte| byte == b'=') else { continue };
            let value = line.get(end.wrapping_add(1)..).unwrap_or_default();
            match position(b"UID USER REALTIME CLASS STATE", line.get(..end)?) {
                Some(0) => id = number(value),
                Some(1) => user = Some(value),
                Some(2) => time_us = number(value),
                // Some begin so: `user`, `user-early`, `user-light`, ...
                Some(3) if !value.starts_with(b"user") => return None,
                Some(4) if value == b"closing" => return None,
                _ => {}
            }
        }
        Some(Session { id: u32::try_from(id?).ok()?, user: user?, time_us: time_us? })
    }
}

fn number(text: &[u8]) -> Option<i64> {
    let (number, rest) = decimal(text)?;
    if rest.is_empty() { i64::try_from(number).ok() } else { None }
}

/// Copies a value without the quotes and backslashes that newer versions put where a shell would need them. Answers its
/// length; what does not fit is left out.
fn copy_value(value: &[u8], to: &mut [u8]) -> usize {
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    let mut rest = quoted.unwrap_or(value);
    let mut length = 0_usize;
    let mut room = to.iter_mut();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = match after.split_first() {
            Some((&escaped, after)) if quoted.is_some() && first == b'\\' => (escaped, after),
            _ => (first, after),
        };
        let Some(slot) = room.next() else { break };
        *slot = byte;
        length = length.wrapping_add(1);
        rest = after;
    }
    length
}

/// The user with the lowest number that is not below the one in `place`.
///
/// # Errors
/// Those of getdents64(2), open(2) and read(2).
pub fn next<'b>(directory: &Fd, place: &mut ListPlace, buffer: &'b mut [u8]) -> Result<Option<Login<'b>>, Errno> {
    let ListPlace([_, least]) = place;
    let half = buffer.len() / 2;
    let (entries, room) = buffer.split_at_mut_checked(half).unwrap_or_default();
    let half = room.len() / 2;
    let (name, text) = room.split_at_mut_checked(half).unwrap_or_default();
    let mut found: Option<(u32, usize, i64)> = None;
    let mut result = Ok(());
    directory::names(directory, entries, |file_name| {
        // Beside the sessions there are their FIFOs, ID.ref, and files that are being written.
        if has(file_name.to_bytes(), b'.') {
            return true;
        }
        let opened = directory.open_at(file_name, OpenFlags::READ.with(OpenFlags::NON_BLOCKING));
        let length = match opened.and_then(|file| read_whole(&file, text)) {
            Ok(length) => length,
            // It is over.
            Err(Errno::ENOENT) => return true,
            Err(errno) => {
                result = Err(errno);
                return false;
            }
        };
        let Some(session) =
            text.get(..length).and_then(Session::read).filter(|session| i64::from(session.id) >= *least)
        else {
            return true;
        };
        found = match found {
            Some((id, ..)) if id < session.id => found,
            Some((id, length, time_us)) if id == session.id => Some((id, length, time_us.min(session.time_us))),
            _ => Some((session.id, copy_value(session.user, name), session.time_us)),
        };
        true
    })?;
    result?;
    let Some((id, length, time_us)) = found else { return Ok(None) };
    *least = i64::from(id).wrapping_add(1);
    Ok(name.get(..length).map(|user| Login { user, time_us }))
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects)]
mod tests {
    use std::ffi::CString;

    use super::*;

    const WHOLE: &str = "# This is private data. Do not parse.\nUID=1000\nUSER=anna\nACTIVE=1\nIS_DISPLAY=1\nSTATE=active\n\
        REMOTE=0\nTYPE=tty\nORIGINAL_TYPE=tty\nCLASS=user\nSCOPE=session-1.scope\nFIFO=/run/systemd/sessions/1.ref\nSEAT=seat0\n\
        TTY=tty1\nSERVICE=login\nVTNR=1\nLEADER=214\nAUDIT=1\nREALTIME=1700000000123456\nMONOTONIC=5000000\n";

    fn read(text: &str) -> Option<(u32, &[u8], i64)> {
        Session::read(text.as_bytes()).map(|session| (session.id, session.user, session.time_us))
    }

    #[test]
    fn a_session_is_read_as_logind_writes_it() {
        assert_eq!(read(WHOLE), Some((1000, &b"anna"[..], 1_700_000_000_123_456)));
        for (from, to, is_one) in [
            ("CLASS=user", "CLASS=user-early-light", true),
            ("CLASS=user\n", "", true),
            ("CLASS=user", "CLASS=greeter", false),
            ("CLASS=user", "CLASS=manager", false),
            ("CLASS=user", "CLASS=background", false),
            ("STATE=active", "STATE=opening", true),
            ("STATE=active", "STATE=closing", false),
            ("UID=1000", "UID=", false),
            ("UID=1000", "UID=1000x", false),
            ("UID=1000", "uid=1000", false),
            ("UID=1000", "UID=4294967295", true),
            ("UID=1000", "UID=4294967296", false),
            ("USER=anna\n", "", false),
            ("REALTIME=1700000000123456", "REALTIME=18446744073709551615", false),
            ("REALTIME=1700000000123456\n", "", false),
        ] {
            assert_eq!(read(&WHOLE.replace(from, to)).is_some(), is_one, "{to}");
        }
        for length in 0..WHOLE.len() {
            let _ = read(&WHOLE[..length]);
        }
        assert_eq!(read(""), None);
    }

    #[test]
    fn names_lose_their_quotes() {
        for (value, name) in [
            ("anna", "anna"),
            (r"DOMAIN\anna", r"DOMAIN\anna"),
            (r#""DOMAIN\\anna\$""#, r"DOMAIN\anna$"),
            ("\"", "\""),
            (r#""\""#, r"\"),
            ("", ""),
        ] {
            let mut room = [0; 16];
            let length = copy_value(value.as_bytes(), &mut room);
            assert_eq!(str::from_utf8(&room[..length]), Ok(name));
        }
        assert_eq!(copy_value(b"anna", &mut [0; 3]), 3);
    }

    #[test]
    fn each_user_is_there_once_with_the_earliest_time() {
        let path = std::env::temp_dir().join(format!("picoqga-{}-sessions", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let session = |id: &str, uid: u32, user: &str, time_us: u64| {
            let text = WHOLE.replace("UID=1000", &format!("UID={uid}")).replace("anna", user);
            std::fs::write(path.join(id), text.replace("1700000000123456", &time_us.to_string())).unwrap();
        };
        for (id, uid, user, time_us) in [
            ("1", 1000, "anna", 50),
            ("c2", 0, "root", 40),
            ("3", 1000, "anna", 30),
            ("4", 65534, "nobody", 20),
            ("5", 1000, "anna", 60),
            ("6.ref", 7, "fifo", 1),
            (".#7", 7, "half", 1),
        ] {
            session(id, uid, user, time_us);
        }
        std::fs::write(path.join("8"), "nonsense").unwrap();
        // Whatever the order of the directory is, for some of them the first session in it is not the earliest.
        for (uid, user) in (2000..2300).zip(1..) {
            for number in 0..3 {
                session(&format!("m{uid}x{number}"), uid, &format!("u{user}"), 5 + u64::from((uid + number) % 3));
            }
        }
        let directory =
            Fd::open(&CString::new(path.to_str().unwrap()).unwrap(), OpenFlags::READ.with(OpenFlags::DIRECTORY));
        let directory = directory.unwrap();
        let mut place = ListPlace::default();
        let mut users = Vec::new();
        let mut buffer = vec![0; 4096];
        loop {
            directory.seek(0, crate::sys::fd::SeekFrom::Start).unwrap();
            let Some(login) = next(&directory, &mut place, &mut buffer).unwrap() else { break };
            users.push((String::from_utf8(login.user.to_vec()).unwrap(), login.time_us));
        }
        std::fs::remove_dir_all(&path).unwrap();
        assert_eq!(users.len(), 303);
        assert_eq!(users[0], ("root".to_owned(), 40));
        assert_eq!(users[1], ("anna".to_owned(), 30));
        for (index, number) in (2..302).zip(1..) {
            assert_eq!(users[index], (format!("u{number}"), 5));
        }
        assert_eq!(users[302], ("nobody".to_owned(), 20));
    }
}
