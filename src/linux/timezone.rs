//! The time zone: `TZ`, else `/etc/localtime`, else UTC.

use core::ffi::CStr;

use super::Linux;
use super::lines::read_whole;
use super::path::Path;
use super::{posix_zone, tzif};
use crate::errno::Errno;
use crate::guest::{LocalTime, TimeZone};
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::start;

/// Where the names of zones are files.
const ZONES: &[u8] = b"/usr/share/zoneinfo/";

impl TimeZone for Linux {
    fn local_time<'b>(&mut self, time_s: i64, buffer: &'b mut [u8]) -> Result<LocalTime<'b>, Errno> {
        let Some(name) = start::environment(c"TZ") else {
            return match read(c"/etc/localtime", buffer) {
                Ok(file) => tzif::local(file, time_s).ok_or(Errno::EINVAL),
                Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(UTC),
                Err(errno) => Err(errno),
            };
        };
        let name = name.to_bytes();
        // Behind a colon there is no rule (tzset(3)).
        let file = name.strip_prefix(b":");
        if file.is_none()
            && let Some(zone) = posix_zone::local(name, time_s)
        {
            return Ok(zone);
        }
        let name = file.unwrap_or(name);
        let directory = if name.starts_with(b"/") { b"" } else { ZONES };
        let file = Path::of(&[directory, name]).and_then(|file| read(file.as_c_str(), buffer).ok());
        // A name that means nothing is UTC, as tzset(3) has it.
        Ok(file.and_then(|file| tzif::local(file, time_s)).unwrap_or(UTC))
    }
}

const UTC: LocalTime<'static> = LocalTime { abbreviation: b"UTC", offset_s: 0 };

/// The whole file; one that does not fit is refused rather than cut.
fn read<'b>(path: &CStr, buffer: &'b mut [u8]) -> Result<&'b [u8], Errno> {
    let length = read_whole(&Fd::open(path, OpenFlags::READ)?, buffer)?;
    if length == buffer.len() {
        return Err(Errno::EFBIG);
    }
    Ok(buffer.get(..length).unwrap_or_default())
}
